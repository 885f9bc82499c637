//! Opening an agent's session for a person, and handing it back.
//!
//! Must not know how a session is opened: the adapter of its program does.

use super::{Refusal, retry::resolve_retry};
use crate::{
    engine::{Cause, Event, State, Status, Target, WorkStage},
    plan::{AgentIx, Work},
};

/// Why a session is opened, as the record of its attempt has it.
const WHY: &str = "you work in its session";

fn not_now<T>(why: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::NotNow(why.into()))
}

/// Whether an agent's session can be opened, now or at its turn's end; returns who is tried again for it.
pub(super) fn possible(state: &State, ix: AgentIx, now: bool) -> Result<Vec<AgentIx>, Refusal> {
    let id = state.id(ix);
    let agent = state.agent(ix);
    if state.stopping.is_some() {
        return not_now("the run is stopping");
    }
    has_session(state, ix)?;
    if state.before_rollback(ix) {
        return not_now(format!(
            "the session of {id} is of before the roll-back: `retry` starts it anew"
        ));
    }
    if agent.opened() {
        return not_now(format!("the session of {id} is open already"));
    }
    if let Some(live) = &agent.live {
        let wished = agent.talk.as_ref().is_some_and(|t| t.wished.is_some());
        return match &live.ending {
            Some(_) => not_now(format!("{id} is being ended")),
            None if now && agent.status == Status::Frozen => {
                not_now(format!("{id} is frozen: `resume` it first"))
            }
            None if now && live.handle.is_none() => {
                not_now(format!("{id} is only being started: wait for its turn"))
            }
            None if wished && !now => not_now(format!(
                "the session of {id} opens at the end of this turn already"
            )),
            None => Ok(vec![ix]),
        };
    }
    let merged = (agent.work.as_ref()).is_some_and(|work| work.stage == WorkStage::Merged);
    if merged || agent.status == Status::Succeeded {
        return not_now(format!(
            "{id} is done{}: add an agent for what is still to be done",
            if merged { ", its work is merged" } else { "" }
        ));
    }
    match agent.status {
        Status::Failed | Status::Stopped | Status::Blocked | Status::BackingOff => {}
        Status::Joining | Status::Checking | Status::Merging if !state.begins(ix) => {
            return not_now(format!(
                "the turn of {id} has ended and is judged: wait for the verdict"
            ));
        }
        status => {
            return not_now(format!("{id} is {}: wait for its turn", status.name()));
        }
    }
    if agent
        .last
        .as_ref()
        .is_none_or(|last| last.attempt != agent.attempt)
    {
        return not_now(format!(
            "what became of the last attempt of {id} is not known: `retry` starts it anew"
        ));
    }
    if agent.lost_parts() {
        return not_now(format!("{id} waits for its parts: open one of these"));
    }
    resolve_retry(state, &Target::Agent(id.to_string()))
}

/// Whether an agent has a session that can be opened in a terminal.
fn has_session(state: &State, ix: AgentIx) -> Result<(), Refusal> {
    let id = state.id(ix);
    let agent = state.agent(ix);
    let setup = &state.setup;
    if !matches!(setup.plan.agent(ix).work, Work::Prompt(_)) {
        return not_now(format!(
            "{id} is a command: only an agent program keeps a session"
        ));
    }
    let session = agent.talk.as_ref().and_then(|talk| talk.session.as_ref());
    let program = match (session, state.program(ix, agent.mode)) {
        (Some(session), _) => session.program.as_str(),
        (None, Some(program)) => program,
        (None, None) => {
            return not_now(format!(
                "the worker of {id} keeps no session that could be opened"
            ));
        }
    };
    let opens = (setup.adapters.get(program)).is_some_and(|a| !a.interactive.is_empty());
    if !opens {
        return not_now(format!(
            "{program} keeps no session that could be opened in a terminal"
        ));
    }
    if session.is_none() {
        return not_now(format!("{program} has not named the session of {id} yet"));
    }
    Ok(())
}

/// Whether there is an open session to hand back, or one that is to open.
pub(super) fn can_close(state: &State, ix: AgentIx) -> Result<AgentIx, Refusal> {
    let id = state.id(ix);
    let agent = state.agent(ix);
    let ending = agent.live.as_ref().is_some_and(|l| l.ending.is_some());
    if agent.opened() && agent.live.is_some() {
        return if ending {
            not_now(format!("{id} is being ended"))
        } else {
            Ok(ix)
        };
    }
    if agent.talk.as_ref().is_some_and(|t| t.wished.is_some()) && !ending {
        return Ok(ix);
    }
    not_now(format!("no session of {id} is open"))
}

/// What follows at once: an agent that has no process is tried again for it.
pub(super) fn follows(state: &State, agent: &str, agents: &[AgentIx]) -> Vec<Event> {
    let Some(ix) = state.find(&agent.into()) else {
        return Vec::new();
    };
    if state.agent(ix).live.is_some() {
        return Vec::new();
    }
    let target = Target::Agent(agent.to_owned());
    let opened = Event::AgentRetrying {
        agent: state.id(ix),
        attempt: state.agent(ix).attempt,
        cause: Cause::Opened,
        delay_us: 0,
        reason: WHY.to_owned(),
    };
    // Those that it is a part of wait for it again.
    let others: Vec<AgentIx> = agents
        .iter()
        .copied()
        .filter(|&other| other != ix)
        .collect();
    let others = if others.is_empty() {
        Vec::new()
    } else {
        super::retries(state, &target, &others)
    };
    std::iter::once(opened).chain(others).collect()
}

/// The turn has ended, and a person wants to work in its session.
pub(in crate::engine::decide) fn opens(state: &State, ix: AgentIx) -> Event {
    let agent = state.agent(ix);
    // What it ended with is not lost behind that.
    let reason = match &agent.last {
        Some(last) if last.ending.is_none() && !last.exit.ok() => {
            format!("{WHY}; its turn ended: {}", last.exit)
        }
        _ => WHY.to_owned(),
    };
    Event::AgentRetrying {
        agent: state.id(ix),
        attempt: agent.attempt,
        cause: Cause::Opened,
        delay_us: 0,
        reason,
    }
}

/// The person is done, and the session goes on without one.
pub(in crate::engine::decide) fn returned(state: &State, ix: AgentIx) -> Event {
    Event::AgentRetrying {
        agent: state.id(ix),
        attempt: state.agent(ix).attempt,
        cause: Cause::Returned,
        delay_us: 0,
        reason: "its session is handed back, and it goes on".to_owned(),
    }
}
