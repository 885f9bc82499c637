//! What follows for what an attempt left: built-in checks first, that need no command.
//!
//! Must not use anything but the state.

use crate::{
    engine::{CheckPlace, Event, FailureKind, Purpose, State, Work},
    plan::AgentIx,
};

use super::{
    super::{failure, retry},
    context::contradicts,
    merge::merge_or,
    verdict::after_join,
};

/// What an attempt left is known: what a machine sees from that alone comes first.
pub(super) fn after_collect(state: &State, ix: AgentIx, work: &Work) -> Vec<Event> {
    if state.stopping.is_some() {
        return vec![stopped(state, ix)];
    }
    if let Some(error) = &work.error {
        let reason = format!("its work could not be collected: {error}");
        return vec![failure(state, ix, FailureKind::Error, reason)];
    }
    let red = if !work.outside.is_empty() {
        let what = format!("wrote outside of its scope: {}", list(&work.outside));
        Some(("scope", what))
    } else if !work.missing.is_empty() {
        let what = format!("promised files are not there: {}", list(&work.missing));
        Some(("outputs", what))
    } else {
        (work.handoff.as_ref()).map(|wrong| ("handoff", format!("its hand-off: {wrong}")))
    };
    if let Some((gate, reason)) = red {
        return built_in_red(state, ix, gate, &reason);
    }
    if let Some(events) = contradicts(state, ix, work) {
        return events;
    }
    go_on(state, ix)
}

/// What comes after the built-in checks.
pub(in crate::engine::decide) fn go_on(state: &State, ix: AgentIx) -> Vec<Event> {
    if state.setup.children[ix.ix()].is_empty() {
        after_join(state, ix)
    } else {
        // Its parts begin on top of what it made.
        merge_or(state, ix, |state, ix| Event::AgentJoining {
            agent: state.id(ix),
        })
    }
}

fn stopped(state: &State, ix: AgentIx) -> Event {
    Event::AgentStopped {
        agent: state.id(ix),
        attempt: state.agent(ix).attempt,
    }
}

pub(super) fn list(paths: &[String]) -> String {
    const NAMED: usize = 3;
    let named = paths.iter().take(NAMED).map(String::as_str);
    let text = named.collect::<Vec<_>>().join(", ");
    match paths.len().saturating_sub(NAMED) {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}

/// A check that needs no command is red.
fn built_in_red(state: &State, ix: AgentIx, gate: &str, reason: &str) -> Vec<Event> {
    let agent = state.agent(ix);
    let place = CheckPlace {
        agent: Some(state.id(ix)),
        phase: None,
        cohort: None,
        attempt: agent.attempt,
        gate: gate.to_owned(),
        step: 0,
        round: agent.check_rounds + 1,
        purpose: Purpose::Judge,
    };
    let next = retry(state, ix, reason).unwrap_or_else(|| Event::AgentBlocked {
        agent: state.id(ix),
        reason: reason.to_owned(),
        gate: Some(gate.to_owned()),
    });
    let reason = reason.to_owned();
    let red = Event::GateFailed {
        place,
        reason,
        base: None,
        flaky: false,
    };
    vec![red, next]
}
