//! Questions before what ends work; the harmless answer is the chosen one.

use super::App;
use crate::{
    agents::Adapter,
    display::{clean_line, clean_text},
    engine::{Action, State, Status, Target, decide::resolve},
    plan::{AgentIx, Mode, WorkerIx},
    tui::{
        ui_state::{Choice, Popup, RowId, Voice},
        view::{servers, words},
    },
};

/// Opens a question; its first answer changes nothing and is the chosen one.
pub(super) fn ask(app: &mut App, title: &str, lines: &[String], keep: &str, choices: Vec<Choice>) {
    let mut all = vec![Choice {
        key: 'n',
        label: keep.to_owned(),
        actions: Vec::new(),
    }];
    all.extend(choices);
    app.ui.popups.push(Popup::Ask {
        title: clean_text(title, 100),
        lines: lines.iter().map(|l| clean_text(l, 100)).collect(),
        choices: all,
        chosen: 0,
    });
}

pub(super) fn ask_stop(app: &mut App, all: Vec<Target>) {
    let Some(state) = &app.state else { return };
    let mut concerned: Vec<AgentIx> = Vec::new();
    let mut actions = Vec::new();
    let mut refusal = None;
    for target in all {
        let action = Action::Stop {
            target: Some(target),
        };
        match resolve(state, &action) {
            Ok(resolved) => {
                concerned.extend(resolved.agents);
                actions.push(action);
            }
            Err(why) => refusal = Some(why.to_string()),
        }
    }
    if actions.is_empty() {
        app.say(Voice::Bad, refusal.unwrap_or_default());
        return;
    }
    concerned.sort_unstable();
    concerned.dedup();
    let name = match concerned.as_slice() {
        [one] => state.id(*one).to_string(),
        many => format!("{} agents", many.len()),
    };
    let running = concerned
        .iter()
        .filter(|ix| state.agent(**ix).live.is_some())
        .count();
    let mut after: Vec<AgentIx> = concerned
        .iter()
        .flat_map(|ix| state.setup.edges_out[ix.ix()].iter())
        .filter(|e| {
            e.kind != crate::engine::EdgeKind::Soft
                && state.agent(e.to).status == Status::Waiting
                && !concerned.contains(&e.to)
        })
        .map(|e| e.to)
        .collect();
    after.sort_unstable();
    after.dedup();
    let mut lines = vec![match running {
        0 if concerned.len() > 1 => "None of them has a process now.".to_owned(),
        0 => "No process of it runs now.".to_owned(),
        1 if concerned.len() > 1 => {
            "The process of one is ended: TERM, then KILL after the grace time.".to_owned()
        }
        1 => "Its process is ended: TERM, then KILL after the grace time.".to_owned(),
        n => format!("{n} processes are ended: TERM, then KILL after the grace time."),
    }];
    if !after.is_empty() {
        let names: Vec<String> = after
            .iter()
            .take(5)
            .map(|ix| state.id(*ix).to_string())
            .collect();
        let more = if after.len() > 5 {
            format!(" and {} more", after.len() - 5)
        } else {
            String::new()
        };
        let what = if concerned.len() > 1 { "them" } else { "it" };
        lines.push(format!("Waits for {what}: {}{more}.", names.join(", ")));
    }
    let what = if concerned.len() > 1 { "They" } else { "It" };
    lines.push(format!("{what} can be tried again later."));
    let yes = Choice {
        key: 'y',
        label: format!("stop {name}"),
        actions,
    };
    ask(
        app,
        &format!("Stop {name}?"),
        &lines,
        "no, let it go on",
        vec![yes],
    );
}

pub(super) fn ask_stop_run(app: &mut App) {
    let Some(state) = &app.state else { return };
    let action = Action::Stop { target: None };
    if let Err(why) = resolve(state, &action) {
        app.say(Voice::Bad, why.to_string());
        return;
    }
    let running = state.agents.iter().filter(|a| a.live.is_some()).count();
    let open = state.agents.iter().filter(|a| !a.status.is_final()).count();
    let lines = vec![
        match running {
            1 => format!("1 agent has a process, {open} have not ended."),
            n => format!("{n} agents have a process, {open} have not ended."),
        },
        "All processes are ended; what was not done stays undone.".to_owned(),
        "To leave and let it go on, press q instead.".to_owned(),
    ];
    let yes = Choice {
        key: 'y',
        label: "stop the run".to_owned(),
        actions: vec![action],
    };
    ask(
        app,
        "Stop the whole run?",
        &lines,
        "no, let it go on",
        vec![yes],
    );
}

pub(super) fn ask_sequential(app: &mut App) {
    let Some(state) = &app.state else { return };
    let after = Action::Sequential { now: false };
    let now = Action::Sequential { now: true };
    let mut choices = Vec::new();
    if state.mode == Mode::Sequential {
        choices.extend([Mode::Hybrid, Mode::Parallel].map(|mode| Choice {
            key: if mode == Mode::Hybrid { 'h' } else { 'p' },
            label: format!("back to {}", crate::engine::mode_name(mode)),
            actions: vec![Action::Mode { mode }],
        }));
    } else {
        choices.push(Choice {
            key: 'a',
            label: "after the running ones: they end first, then one at a time".to_owned(),
            actions: vec![after],
        });
    }
    if let Ok(resolved) = resolve(state, &now) {
        choices.push(Choice {
            key: 'f',
            label: format!("now: freeze {} and let one go on", resolved.agents.len()),
            actions: vec![now],
        });
    }
    let lines =
        vec!["Frozen agents keep their memory and come back one after the other.".to_owned()];
    ask(app, "One agent at a time?", &lines, "no, as it is", choices);
}

pub(super) fn ask_swap(app: &mut App, row: Option<&RowId>) {
    let Some(state) = &app.state else { return };
    let agent = match row {
        Some(RowId::Agent(id)) => state.find(id),
        _ => None,
    };
    let Some(ix) = agent else {
        app.say(Voice::Plain, "select one agent: it gets another worker");
        return;
    };
    let plan = state.setup.plan.agent(ix);
    let id = plan.id.to_string();
    let any = Action::Swap {
        agent: id.clone(),
        worker: None,
    };
    if let Err(why) = resolve(state, &any) {
        app.say(Voice::Bad, why.to_string());
        return;
    }
    let mut choices = Vec::new();
    for (key, mode) in ('1'..='9').zip(&plan.modes) {
        let Some(worker) = mode.worker else { continue };
        let name = &state.setup.plan.workers[worker.ix()].name;
        let action = Action::Swap {
            agent: id.clone(),
            worker: Some(name.clone()),
        };
        if resolve(state, &action).is_ok() {
            let memory = if mode.ram_guessed { "~" } else { "" };
            let tokens = match mode.tokens {
                0 => String::new(),
                tokens => format!("  ~{} tokens", words::tokens(tokens)),
            };
            let (price, kept) = (price(state, ix, worker), kept(state, ix, worker));
            let frees = match servers::frees(state, app.sample.as_deref(), ix, worker) {
                frees if frees.is_empty() => frees,
                frees => format!("  {frees}"),
            };
            choices.push(Choice {
                key,
                label: format!(
                    "{}  {memory}{}  ~{}{tokens}{price}{kept}{frees}",
                    clean_line(name, 30),
                    words::size(mode.ram_bytes),
                    words::span(mode.duration.expected_us)
                ),
                actions: vec![action],
            });
        }
    }
    let lines = vec![if state.agent(ix).live.is_some() {
        "Its process is ended, its workspace stays: its next attempt begins there.".to_owned()
    } else {
        "Its next attempt begins with that worker.".to_owned()
    }];
    ask(
        app,
        &format!("Which worker takes over {id}?"),
        &lines,
        "no other",
        choices,
    );
}

/// Asks which of the models that nobody uses is unloaded.
pub(super) fn ask_unload(app: &mut App) {
    let Some(state) = &app.state else { return };
    let idle = servers::idle(state);
    if idle.is_empty() {
        let models = &state.setup.plan.models;
        let why = match models.first() {
            None => "the plan has no models".to_owned(),
            Some(model) => {
                let model = model.id.clone();
                let refused = resolve(state, &Action::Unload { model });
                refused
                    .err()
                    .map_or_else(String::new, |why| why.to_string())
            }
        };
        app.say(Voice::Plain, why);
        return;
    }
    let choices = ('1'..='9').zip(idle).map(|(key, (model, bytes))| Choice {
        key,
        label: format!("{}  {bytes}", clean_line(&model, 30)),
        actions: vec![Action::Unload { model }],
    });
    let lines = vec!["Nobody uses it now; the next who does loads it again.".to_owned()];
    let choices = choices.collect();
    ask(app, "Which model is unloaded?", &lines, "none", choices);
}

/// What the tokens that an agent has used so far would have cost with this worker, by list prices; empty where it
/// has used none, or the worker's model has no price.
fn price(state: &State, ix: AgentIx, worker: WorkerIx) -> String {
    let used = (state.agent(ix).talk.as_ref()).map(|talk| talk.all_used());
    let used = used.filter(|used| used.tokens() > 0);
    let model = state.setup.plan.workers[worker.ix()].model.as_deref();
    let cost = used
        .zip(model)
        .and_then(|(used, model)| state.setup.prices.cost(model, &used));
    cost.map_or_else(String::new, |cost| {
        format!("  ~{} for its use so far", words::dollars(cost))
    })
}

/// What becomes of the session of an agent program when this worker takes over; empty where there is none.
fn kept(state: &State, ix: AgentIx, worker: WorkerIx) -> &'static str {
    let session = (state.agent(ix).talk.as_ref()).and_then(|talk| talk.session.as_ref());
    let Some(session) = session else {
        return "";
    };
    let program = state.setup.plan.workers[worker.ix()].cli.as_deref();
    let adapter = (state.setup.adapters).get(&session.program);
    if program == Some(session.program.as_str()) && adapter.is_some_and(Adapter::resumes) {
        "  its session goes on"
    } else {
        "  a session of its own"
    }
}
