//! Freezing, letting go, parking, pinning from the keyboard: what that frees is said before.
//!
//! Who has stood still for long is offered to be parked. Must not decide what is possible: the engine's rules do.

use super::{
    App,
    ask::ask,
    operate::{pause_or_resume, send_all},
};
use crate::{
    display::clean_line,
    engine::{Action, State, Target, decide::resolve, size_free},
    plan::AgentIx,
    resources::AgentSample,
    tui::{
        feed::Request,
        ui_state::{Choice, Voice},
        view::{mine, why, words},
    },
};

/// Freezes what runs, lets go what is held; asks where that has stood still for long.
pub(super) fn pause(app: &mut App, all: Vec<Target>, out: &mut Vec<Request>) {
    let Some(source) = app.source() else { return };
    let (state, now_us) = (source.state, source.now_us());
    let actions: Vec<Action> = all
        .into_iter()
        .map(|target| pause_or_resume(state, target))
        .collect();
    let resumes = actions
        .iter()
        .filter(|action| matches!(action, Action::Resume { .. }));
    let mut long: Vec<AgentIx> = resumes
        .filter_map(|action| resolve(state, action).ok())
        .flat_map(|resolved| resolved.agents)
        .filter(|&ix| why::long_frozen(state, ix, now_us))
        .collect();
    long.sort_unstable();
    long.dedup();
    let parks: Vec<Action> = long
        .iter()
        .map(|&ix| Action::Park {
            target: Target::Agent(state.id(ix).to_string()),
        })
        .filter(|park| resolve(state, park).is_ok())
        .collect();
    if parks.is_empty() {
        return send_all(app, actions, out);
    }
    let frees = bytes(app, state, &long).map_or_else(String::new, |bytes| format!("frees {bytes}"));
    let kept = kept(state, &long);
    let since = long.iter().map(|&ix| state.agent(ix).since_us).min();
    let since = words::span(now_us.saturating_sub(since.unwrap_or(now_us)));
    let (name, it, has) = match long.as_slice() {
        [one] => (clean_line(state.id(*one).as_str(), 40), "it", "has"),
        many => (format!("{} agents", many.len()), "them", "have"),
    };
    let title = format!("{name} {has} been frozen for {since}: let {it} go on, or park {it}?");
    let frees = if frees.is_empty() {
        "frees its memory".to_owned()
    } else {
        frees
    };
    let lines = [
        "What is frozen keeps all of its memory.".to_owned(),
        format!("Parking {frees}; {kept}."),
    ];
    let choices = vec![
        Choice {
            key: 'p',
            label: format!("let {it} go on"),
            actions,
        },
        Choice {
            key: 'k',
            label: format!("park {it}: {frees}"),
            actions: parks,
        },
    ];
    ask(app, &title, &lines, "leave it as it is", choices);
}

/// What is kept of agents that are parked.
fn kept(state: &State, agents: &[AgentIx]) -> &'static str {
    let session = |ix: &&AgentIx| {
        let talk = state.agent(**ix).talk.as_ref();
        talk.is_some_and(|talk| talk.session.is_some())
    };
    match agents.iter().filter(session).count() {
        n if n == agents.len() => "session and workspace are kept",
        0 => "the workspace is kept; without a session the work begins anew in it",
        _ => "sessions and workspaces are kept; who has no session begins anew",
    }
}

/// What agents hold together, in words; none: nothing was measured.
fn bytes(app: &App, state: &State, agents: &[AgentIx]) -> Option<String> {
    let sample = app.sample.as_deref();
    let held: Vec<&AgentSample> = agents
        .iter()
        .filter_map(|&ix| mine(state, sample, ix))
        .collect();
    let about = if held.iter().any(|one| one.at_most()) {
        "~"
    } else {
        ""
    };
    let sum = held.iter().map(|one| one.counted_bytes()).sum();
    (sum > 0).then(|| format!("{about}{}", size_free(sum)))
}

/// What an action frees, in words, before it is done; empty where it is not about memory.
pub(super) fn before(app: &App, action: &Action, agents: &[AgentIx]) -> String {
    let Some(state) = &app.state else {
        return String::new();
    };
    let held = bytes(app, state, agents);
    match (action, held) {
        (Action::Pause { .. } | Action::Sequential { now: true }, Some(held)) => {
            format!("frees nothing of {held} now; parking would")
        }
        (Action::Park { .. }, Some(held)) => {
            format!("frees {held}; {}", kept(state, agents))
        }
        _ => String::new(),
    }
}

/// Pins agents, or no longer where all of them are pinned.
pub(super) fn pin(app: &mut App, all: Vec<Target>, out: &mut Vec<Request>) {
    let Some(state) = &app.state else { return };
    let names: Vec<String> = all
        .into_iter()
        .filter_map(|target| match target {
            Target::Agent(id) => Some(id),
            _ => None,
        })
        .collect();
    if names.is_empty() {
        app.say(
            Voice::Plain,
            "select an agent, or mark some: they are pinned",
        );
        return;
    }
    let pinned = |id: &String| {
        let ix = state.find(&id.as_str().into());
        ix.is_some_and(|ix| state.agent(ix).pinned)
    };
    let on = !names.iter().all(pinned);
    let actions = names
        .into_iter()
        .filter(|id| pinned(id) != on)
        .map(|agent| Action::Pin { agent, on })
        .collect();
    send_all(app, actions, out);
}
