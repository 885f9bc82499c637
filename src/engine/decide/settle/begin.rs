//! What an agent is to begin with: asked when admission would let it start, whatever led there, so
//! that nothing starts without it.
//!
//! What is not there is for a person: another look would find the same. Must not use anything but
//! the state.

use crate::{
    engine::{
        Absent, CheckPlace, Event, HandoffChecked, HandoffChecking, Owner, Readiness, State,
        WorkEvent,
    },
    plan::AgentIx,
};

use super::collect::list;

/// The question that comes before an agent's start, where it was not answered yet.
pub(super) fn asked(state: &State, ix: AgentIx) -> Option<Event> {
    let agent = state.agent(ix);
    if agent.readiness == Readiness::Good || !state.setup.begins_with(ix) {
        return None;
    }
    let checking = HandoffChecking {
        agent: state.id(ix),
        attempt: agent.attempt,
        number: agent.asked + 1,
    };
    Some(WorkEvent::HandoffChecking(checking).into())
}

/// The files are known, or why not.
pub(in crate::engine::decide) fn inspected(
    state: &State,
    ix: AgentIx,
    number: u32,
    missing: &Result<Vec<Absent>, String>,
) -> Vec<Event> {
    let agent = state.agent(ix);
    if !state.begins(ix) || agent.readiness != Readiness::Asked || agent.asked != number {
        return Vec::new();
    }
    let checked = HandoffChecked {
        agent: state.id(ix),
        attempt: agent.attempt,
        number,
        missing: missing.clone().unwrap_or_default(),
        error: missing.clone().err(),
    };
    vec![WorkEvent::HandoffChecked(checked).into()]
}

/// What follows from the files.
pub(super) fn verdict(state: &State, ix: AgentIx) -> Vec<Event> {
    let agent = state.agent(ix);
    if state.stopping.is_some() {
        return vec![Event::AgentStopped {
            agent: state.id(ix),
            attempt: agent.attempt,
        }];
    }
    let Readiness::Found { missing, error } = &agent.readiness else {
        return Vec::new();
    };
    if let Some(error) = error {
        let reason = format!("what it is to begin with cannot be looked for: {error}");
        return vec![blocked(state, ix, reason, None)];
    }
    if !missing.is_empty() {
        let reason = format!("not there to begin with: {}", names(missing));
        return vec![blocked(state, ix, reason, None)];
    }
    if state.steps_now(Owner::Agent(ix)).is_empty() {
        return vec![Event::AgentReady {
            agent: state.id(ix),
        }];
    }
    vec![Event::AgentChecking {
        agent: state.id(ix),
        attempt: agent.attempt,
    }]
}

/// A command that was asked before its start is red; `reason` is how, after its gate's name.
pub(super) fn red(state: &State, ix: AgentIx, place: &CheckPlace, reason: &str) -> Event {
    let from = state.step_about(ix, place.step);
    let whose = from.map_or_else(String::new, |from| format!(" of {}", state.id(from)));
    let steps = state.checks_of(Owner::Agent(ix));
    let command = steps.get(place.step as usize);
    let command = command.map_or_else(String::new, |step| step.argv.join(" "));
    let how = reason.split_once(" red: ").map_or(reason, |(_, how)| how);
    let reason = format!("what it needs{whose} is not as it should be: {how}: {command}");
    blocked(state, ix, reason, Some(place.gate.clone()))
}

fn blocked(state: &State, ix: AgentIx, reason: String, gate: Option<String>) -> Event {
    Event::AgentBlocked {
        agent: state.id(ix),
        reason,
        gate,
    }
}

fn names(missing: &[Absent]) -> String {
    let all: Vec<String> = missing
        .iter()
        .map(|absent| match &absent.from {
            Some(from) => format!("{} of {from}", absent.path),
            None => absent.path.clone(),
        })
        .collect();
    list(&all)
}
