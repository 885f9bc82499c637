//! What an ended attempt or join means for its agent.

use crate::{
    agents::Why,
    engine::{
        AgentState, Cause, Ending, Event, Exit, FailureKind, MemoryEvent, State, Status, Uses,
        WorkEvent,
    },
    plan::AgentIx,
};

use super::{
    super::{budget, failure, measure, operator::open, talk},
    begin,
    check::after_check,
    collect::after_collect,
    merge,
};

/// Linux's number of SIGKILL.
const SIGKILL: i32 = 9;

/// Time until room on the disk is looked for again, in microseconds.
const NO_ROOM_US: u64 = 30 * 1_000_000;

/// What an ended attempt, join or check command means for its agent.
pub(super) fn verdict(state: &State, ix: AgentIx, uses: &Uses) -> Vec<Event> {
    let agent = state.agent(ix);
    match agent.status {
        Status::Settling => after_attempt(state, ix, agent, uses),
        Status::Joining => after_join(state, ix),
        Status::Merging => vec![merge::after_merge(state, ix)],
        Status::Checking if agent.check.is_none() && state.begins(ix) => begin::verdict(state, ix),
        Status::Checking if agent.check.is_none() => match &agent.work {
            Some(work) => after_collect(state, ix, work),
            None => after_join(state, ix),
        },
        _ => after_check(state, ix, agent),
    }
}

fn after_attempt(state: &State, ix: AgentIx, agent: &AgentState, uses: &Uses) -> Vec<Event> {
    let id = state.id(ix);
    let attempt = agent.attempt;
    let Some(last) = &agent.last else {
        return vec![Event::AgentStopped { agent: id, attempt }];
    };
    let event = match (last.ending, &last.exit) {
        (Some(Ending::Stop | Ending::RunStop | Ending::Reopened), _) => {
            Event::AgentStopped { agent: id, attempt }
        }
        _ if state.stopping.is_some() && !last.exit.ok() => {
            Event::AgentStopped { agent: id, attempt }
        }
        (Some(Ending::Park), exit) if !exit.ok() || talk::more_to_tell(state, ix) => {
            MemoryEvent::Parked {
                agent: id,
                attempt,
                cause: agent.parked_by.unwrap_or(Cause::Operator),
                freed_bytes: freed(state, ix, uses),
            }
            .into()
        }
        // It was done before it could be parked.
        (Some(Ending::Park), _) => return after_turn(state, ix, last.handoff),
        // Pressure took it back, and it was done before it could be moved: no finished work is done again.
        (Some(Ending::Swap), exit)
            if exit.ok() && agent.relief.is_some() && !talk::more_to_tell(state, ix) =>
        {
            return after_turn(state, ix, last.handoff);
        }
        (Some(Ending::Swap), _) => Event::AgentRetrying {
            agent: id,
            attempt,
            cause: Cause::Swap,
            delay_us: 0,
            reason: "another worker takes over".to_owned(),
        },
        // A person has worked in its session.
        (None | Some(Ending::Closed), exit) if agent.opened() && *exit != Exit::Interrupted => {
            return after_session(state, ix, agent);
        }
        (Some(Ending::Opened), _) => open::opens(state, ix),
        (None, Exit::Code(_) | Exit::Signal { .. }) if talk::session_wished(agent) => {
            open::opens(state, ix)
        }
        (Some(Ending::Silent), _) => silent(state, ix),
        (Some(Ending::Told), _) => told(state, ix),
        // Only of an open session, and that is dealt with above unless the runner died.
        (Some(Ending::Closed), _) => open::returned(state, ix),
        (Some(Ending::Unanswered), _) => Event::AgentFailed {
            agent: id,
            attempt,
            failure: FailureKind::Error,
            reason: format!("it asks, and {}", talk::NOBODY),
        },
        (Some(Ending::Preempted), _) => Event::AgentRetrying {
            agent: id,
            attempt,
            cause: Cause::Preempted,
            delay_us: 0,
            reason: "frozen behind a phase that had to pass first, and ended for it".to_owned(),
        },
        (Some(Ending::Timeout), _) => {
            let limit = state.setup.plan.agent(ix).timeout_us.unwrap_or(0);
            failure(
                state,
                ix,
                FailureKind::Timeout,
                format!("took longer than {} s", limit / 1_000_000),
            )
        }
        (None, Exit::Interrupted) => Event::AgentRetrying {
            agent: id,
            attempt,
            cause: Cause::Interrupted,
            delay_us: 0,
            reason: "the runner died during the attempt".to_owned(),
        },
        // The disk is nobody's failure.
        (None, Exit::NoRoom(_)) => Event::AgentRetrying {
            agent: id,
            attempt,
            cause: Cause::Room,
            delay_us: NO_ROOM_US,
            reason: last.exit.to_string(),
        },
        // No work is lost for a worker that was to take over and cannot.
        (None, exit) if agent.strands(exit) => Event::AgentRetrying {
            agent: id,
            attempt,
            cause: Cause::Swap,
            delay_us: 0,
            reason: format!("{exit}: another worker takes over"),
        },
        // Another try would be refused in the same way: a person has to change something.
        (None, Exit::Refused(_)) => Event::AgentBlocked {
            agent: id,
            reason: last.exit.to_string(),
            gate: None,
        },
        (Some(Ending::TooLarge), _) => measure::too_large(state, ix),
        (None, Exit::OutOfMemory) => measure::out_of_memory(state, ix),
        (None, exit) if !exit.ok() && talk::lost_session(state, ix) => Event::AgentRetrying {
            agent: id,
            attempt,
            cause: Cause::Anew,
            delay_us: 0,
            reason: format!("its session could not be gone on with: {exit}"),
        },
        // Its program's own word counts before its exit status.
        (None, exit) if let Some(event) = said(state, ix, exit) => event,
        (None, exit) if exit.ok() && talk::more_to_tell(state, ix) => told(state, ix),
        (None, exit) if exit.ok() => return after_turn(state, ix, last.handoff),
        // We sent no SIGKILL, so on Linux it is most likely the kernel's for want of memory.
        (
            None,
            Exit::Signal {
                number: SIGKILL, ..
            },
        ) => failure(
            state,
            ix,
            FailureKind::Exhaustion,
            "killed by SIGKILL, not by wavedeck: most likely out of memory".to_owned(),
        ),
        (None, exit) => failure(state, ix, FailureKind::Error, exit.to_string()),
    };
    vec![event]
}

/// What the end of a parked attempt gave back, in bytes; none: it was never measured. The last reading is often of a tree
/// that had half ended: what it held when that was decided is free all the same.
fn freed(state: &State, ix: AgentIx, uses: &Uses) -> Option<u64> {
    let attempt = state.agent(ix).attempt;
    let mut open = state.memory.open.iter();
    let then = open.find(|effect| effect.ends.contains(&(ix, attempt)));
    let then = then.and_then(|effect| effect.held_by(ix));
    then.filter(|bytes| *bytes > 0).max(uses.of(ix, attempt))
}

/// Its turn has ended well: what it left is looked at.
fn after_turn(state: &State, ix: AgentIx, handoff: bool) -> Vec<Event> {
    let agent = state.id(ix);
    let attempt = state.agent(ix).attempt;
    if state.setup.own(ix) || handoff {
        vec![WorkEvent::Collecting { agent, attempt }.into()]
    } else if state.setup.children[ix.ix()].is_empty() {
        after_join(state, ix)
    } else {
        vec![Event::AgentJoining { agent }]
    }
}

/// A person is done with its session, however the program there ended: where its turn before had ended
/// well it is judged anew, else it goes on.
fn after_session(state: &State, ix: AgentIx, agent: &AgentState) -> Vec<Event> {
    let well = agent.talk.as_ref().is_some_and(|talk| talk.well);
    if state.stopping.is_some() && !well {
        vec![Event::AgentStopped {
            agent: state.id(ix),
            attempt: agent.attempt,
        }]
    } else if well && !talk::more_to_tell(state, ix) {
        let handoff = agent.last.as_ref().is_some_and(|last| last.handoff);
        after_turn(state, ix, handoff)
    } else {
        vec![open::returned(state, ix)]
    }
}

/// It goes on with what it is told.
fn told(state: &State, ix: AgentIx) -> Event {
    Event::AgentRetrying {
        agent: state.id(ix),
        attempt: state.agent(ix).attempt,
        cause: Cause::Told,
        delay_us: 0,
        reason: "it goes on with what it was told".to_owned(),
    }
}

/// It said nothing for longer than it may; what it had trouble with last tells why.
fn silent(state: &State, ix: AgentIx) -> Event {
    let talk = state.agent(ix).talk.as_ref();
    let silent = talk
        .and_then(|talk| talk.silent.clone())
        .unwrap_or_default();
    let (kind, reason) = match talk.and_then(|talk| talk.verdict.as_ref()) {
        Some((Some(Why::Network | Why::Limited | Why::Login), words)) => {
            (FailureKind::External, format!("{silent}: {words}"))
        }
        _ => (FailureKind::Timeout, silent),
    };
    failure(state, ix, kind, reason)
}

/// What follows where its program says that it did not do its work.
fn said(state: &State, ix: AgentIx, exit: &Exit) -> Option<Event> {
    let talk = state.agent(ix).talk.as_ref()?;
    let (Some(why), reason) = talk.verdict.as_ref()? else {
        return None;
    };
    let reason = if reason.is_empty() {
        exit.to_string()
    } else {
        reason.clone()
    };
    let away_us = talk::away_us(state, ix);
    Some(match why {
        // Trying again does not help: somebody has to log in, or to say something else.
        Why::Login | Why::Refused => Event::AgentBlocked {
            agent: state.id(ix),
            reason,
            gate: None,
        },
        // None of its tries is lost to a provider that takes no more for now.
        Why::Limited if let Some(delay_us) = away_us => Event::AgentRetrying {
            agent: state.id(ix),
            attempt: state.agent(ix).attempt,
            cause: Cause::Limited,
            delay_us,
            reason,
        },
        Why::Network | Why::Limited => failure(state, ix, FailureKind::External, reason),
        Why::Exhausted => failure(state, ix, FailureKind::Exhaustion, reason),
        Why::Error => failure(state, ix, FailureKind::Error, reason),
    })
}

/// Its own process and its sub-agents have ended well, or one of them has not.
pub(super) fn after_join(state: &State, ix: AgentIx) -> Vec<Event> {
    let agent = state.agent(ix);
    let lost: Vec<&str> = state.setup.children[ix.ix()]
        .iter()
        .filter(|&&child| match state.agent(child).status {
            Status::Failed | Status::Stopped => !state.handled(child),
            Status::Skipped => !state.agent(child).by_condition,
            _ => false,
        })
        .map(|&child| state.setup.plan.agent(child).id.as_str())
        .collect();
    if state.stopping.is_some() && !(lost.is_empty() && state.setup.checks(ix).is_empty()) {
        return vec![Event::AgentStopped {
            agent: state.id(ix),
            attempt: agent.attempt,
        }];
    }
    if !lost.is_empty() && budget::left_parts(state, ix) {
        let reason = format!("sub-agents not started for the budget: {}", lost.join(", "));
        return vec![if budget::answered_no(state) {
            Event::AgentStopped {
                agent: state.id(ix),
                attempt: agent.attempt,
            }
        } else {
            Event::AgentBlocked {
                agent: state.id(ix),
                reason,
                gate: None,
            }
        }];
    }
    if !lost.is_empty() {
        return vec![Event::AgentFailed {
            agent: state.id(ix),
            attempt: agent.attempt,
            failure: FailureKind::Coordination,
            reason: format!("sub-agents not done: {}", lost.join(", ")),
        }];
    }
    if state.setup.checks(ix).is_empty() {
        merge::after_green(state, ix)
    } else {
        vec![Event::AgentChecking {
            agent: state.id(ix),
            attempt: agent.attempt,
        }]
    }
}

pub(super) fn completed(state: &State, ix: AgentIx) -> Event {
    let agent = state.agent(ix);
    Event::AgentCompleted {
        agent: state.id(ix),
        attempt: agent.attempt,
        ran_us: agent.last.as_ref().map_or(0, |last| last.ran_us),
    }
}
