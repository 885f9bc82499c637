//! Actions on the run: whom they mean, whether they may be sent.

use super::{
    App,
    add::{self, Adding},
    ask::{ask_sequential, ask_stop, ask_stop_run, ask_swap, ask_unload},
    freeze, log, merge, note,
};
use crate::{
    engine::{Action, State, Target, decide::resolve},
    plan::AgentId,
    tui::{
        action::Verb,
        feed::Request,
        ui_state::{Group, Grouping, RowId, Screen, Voice},
        view::{notes, outline},
    },
};

/// The row that keys on this screen mean, as it is seen there.
pub(super) fn pointed(app: &App) -> Option<RowId> {
    let agent = |id: AgentId| Some(RowId::Agent(id));
    match app.ui.screen {
        Screen::Deck => app.ui.selected.clone(),
        Screen::Agent | Screen::Graph | Screen::Timeline => agent(app.ui.agent()?.clone()),
        Screen::Log => agent(log::selected(app)?.event.agent()?.clone()),
        Screen::Merge => {
            let row = merge::rows(app).into_iter().nth(app.ui.merge_at)?;
            agent(row.agent?.as_str().into())
        }
        Screen::Clash => {
            let state = app.state.as_ref()?;
            let conflict = state.merges.conflicts.get(&app.ui.clash.id)?;
            agent(state.id(conflict.agent))
        }
        Screen::Review => agent(app.ui.review.agent.clone()?),
        Screen::Report => {
            let row = app.report_row(app.ui.report_at)?.agent?;
            agent(row.as_str().into())
        }
    }
    .filter(|row| match (row, &app.state) {
        (RowId::Agent(id), Some(state)) => state.find(id).is_some(),
        _ => true,
    })
}

/// Whom an action means: the marked agents where marks are seen, else the row that is pointed at.
pub(super) fn targets(app: &App) -> Vec<Target> {
    let Some(state) = &app.state else {
        return Vec::new();
    };
    let agent = |id: &AgentId| Target::Agent(id.to_string());
    if app.ui.screen == Screen::Deck && !app.ui.marks.is_empty() {
        return app.ui.marks.iter().map(agent).collect();
    }
    let plan = &state.setup.plan;
    match pointed(app) {
        Some(RowId::Agent(id)) => vec![agent(&id)],
        Some(RowId::Group(Group::Track(Some(t)))) => {
            vec![Target::Track(plan.tracks[t.ix()].id.clone())]
        }
        Some(RowId::Group(Group::Phase(Some(p)))) => {
            vec![Target::Phase(plan.phases[p.ix()].id.clone())]
        }
        Some(RowId::Group(group)) => {
            let grouping = match group {
                Group::Track(_) => Grouping::Track,
                Group::Phase(_) => Grouping::Phase,
                Group::Wave(_) => Grouping::Wave,
            };
            plan.indices()
                .filter(|&ix| {
                    plan.agent(ix).parent.is_none()
                        && outline::group_of(state, grouping, ix) == Some(group)
                })
                .map(|ix| agent(&plan.agent(ix).id))
                .collect()
        }
        Some(RowId::Done) | None => Vec::new(),
    }
}

/// Asks for an action, unless the engine's own rules refuse it.
pub(super) fn send(app: &mut App, action: Action, out: &mut Vec<Request>) {
    if let Some(why) = cannot(app) {
        app.say(Voice::Bad, why);
        return;
    }
    let Some(state) = &app.state else { return };
    let resolved = match resolve(state, &action) {
        Ok(resolved) => resolved,
        Err(refusal) => {
            app.say(Voice::Bad, refusal.to_string());
            return;
        }
    };
    let frees = freeze::before(app, &action, &resolved.agents);
    if action == (Action::Stop { target: None }) {
        app.stop_asked = true;
    }
    super::session::asked(app, &action, out);
    let what = notes::action(&action);
    // What is taken is not yet what has come to pass.
    let done = match action {
        Action::Tell { now: false, .. } => "noted, for its next turn".to_owned(),
        _ if !frees.is_empty() => format!("done, {frees}"),
        _ => "done".to_owned(),
    };
    let id = app.next_id;
    app.next_id += 1;
    if frees.is_empty() {
        app.say(Voice::Plain, format!("{what} …"));
    } else {
        app.say(Voice::Plain, format!("{what}: {frees} …"));
    }
    app.asked.insert(id, (what, done));
    if matches!(action, Action::Add { .. }) {
        app.adding = Some(Adding { id, typed: None });
    }
    out.push(Request::Action { id, action });
}

/// Why nothing can be changed from here.
pub(super) fn cannot(app: &App) -> Option<&'static str> {
    if !app.settings.can_act {
        Some(if app.clock.is_some() {
            "this is a recording: nothing can be changed"
        } else {
            "this dashboard is read-only: nothing can be changed"
        })
    } else if app.lost.is_some() {
        Some("the connection to the run is lost")
    } else if app.state.is_none() {
        Some("the run has not been read yet")
    } else {
        None
    }
}

/// What an agent's hold, or its group's, says about freezing and letting go.
pub(super) fn pause_or_resume(state: &State, target: Target) -> Action {
    let resume = Action::Resume {
        target: target.clone(),
    };
    let pause = Action::Pause { target };
    // What is held goes on; only where nothing is held is anything frozen.
    if resolve(state, &resume).is_ok() {
        resume
    } else {
        pause
    }
}

pub(super) fn operate(app: &mut App, verb: Verb, out: &mut Vec<Request>) {
    if let Some(why) = cannot(app) {
        app.say(Voice::Bad, why);
        return;
    }
    let Some(state) = &app.state else { return };
    let all = targets(app);
    let of_run = matches!(
        verb,
        Verb::Sequential | Verb::StopRun | Verb::PauseTrack | Verb::Unload
    );
    if all.is_empty() && !of_run {
        let text = if app.ui.screen == Screen::Deck {
            "select an agent or a group first"
        } else {
            "select an agent first"
        };
        app.say(Voice::Plain, text);
        return;
    }
    match verb {
        Verb::Pause => freeze::pause(app, all, out),
        Verb::Pin => freeze::pin(app, all, out),
        Verb::PauseTrack => {
            let track = match pointed(app) {
                Some(RowId::Group(Group::Track(Some(t)))) => Some(t),
                Some(RowId::Agent(id)) => state
                    .find(&id)
                    .and_then(|ix| state.setup.plan.agent(ix).track),
                _ => None,
            };
            let Some(track) = track else {
                app.say(Voice::Plain, "this row has no track");
                return;
            };
            let target = Target::Track(state.setup.plan.tracks[track.ix()].id.clone());
            freeze::pause(app, vec![target], out);
        }
        Verb::Retry => {
            let actions = all
                .into_iter()
                .map(|target| Action::Retry { target })
                .collect();
            send_all(app, actions, out);
        }
        Verb::Stop => ask_stop(app, all),
        Verb::StopRun => ask_stop_run(app),
        Verb::Sequential => ask_sequential(app),
        Verb::Swap => ask_swap(app, pointed(app).as_ref()),
        Verb::Unload => ask_unload(app),
        Verb::Tell => note::tell(app, pointed(app).as_ref()),
        Verb::Add => add::open(app, String::new()),
    }
}

pub(super) fn send_all(app: &mut App, actions: Vec<Action>, out: &mut Vec<Request>) {
    for action in actions {
        send(app, action, out);
    }
}
