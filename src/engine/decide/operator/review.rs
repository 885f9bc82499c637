//! Comments on finished work, and giving it back to its agent.
//!
//! Must not know the work's texts: a comment names a file and a line.

use super::Refusal;
use crate::{
    engine::{Cause, CheckRun, Event, MergeStage, State, Status, WorkStage},
    plan::AgentIx,
};

/// Longest comment and longest name of a file, in bytes.
const LONGEST: usize = 4000;
/// Comments that an agent's work can have: they become a part of what its next attempt is told.
const MOST: usize = 200;

fn not_now(why: impl Into<String>) -> Refusal {
    Refusal::NotNow(why.into())
}

/// Whether something can be said about an agent's work.
pub(super) fn comment(
    state: &State,
    ix: AgentIx,
    file: &str,
    text: &str,
) -> Result<AgentIx, Refusal> {
    let id = state.id(ix);
    let agent = state.agent(ix);
    let collected = agent
        .work
        .as_ref()
        .is_some_and(|work| work.stage >= WorkStage::Collected);
    if !collected || !state.setup.own(ix) {
        return Err(not_now(format!("{id} has no finished work of its own")));
    }
    if text.trim().is_empty() {
        return Err(not_now("the comment says nothing"));
    }
    if text.len() > LONGEST || file.len() > LONGEST {
        return Err(not_now(format!(
            "the comment is longer than {LONGEST} bytes"
        )));
    }
    if agent.remarks.len() >= MOST {
        return Err(not_now(format!("{id} has {MOST} comments already")));
    }
    Ok(ix)
}

/// Whether an agent's work can be given back to it: it waits for a person, or for its merge.
pub(super) fn send_back(state: &State, ix: AgentIx) -> Result<AgentIx, Refusal> {
    let id = state.id(ix);
    let agent = state.agent(ix);
    if state.stopping.is_some() {
        return Err(not_now("the run is stopping"));
    }
    if agent.remarks.is_empty() {
        return Err(not_now(format!(
            "nothing is said about the work of {id} yet: a comment first"
        )));
    }
    let asks = agent.check.as_ref().is_some_and(CheckRun::asks);
    let now = state.merges.now.as_ref().filter(|now| now.agent == ix);
    let waits = match agent.status {
        Status::Blocked => true,
        Status::Checking => asks,
        // What is being tried comes back first; what goes in is in.
        Status::Merging => {
            now.is_none_or(|now| !matches!(now.stage, MergeStage::Trying | MergeStage::Advancing))
        }
        _ => false,
    };
    let merged = agent
        .work
        .as_ref()
        .is_some_and(|work| work.stage == WorkStage::Merged);
    if merged {
        return Err(not_now(format!(
            "the work of {id} is merged: `rollback` takes it out"
        )));
    }
    if !waits {
        return Err(not_now(format!(
            "{id} is {}: work is sent back while it waits for a yes, is blocked or in line",
            agent.status.name()
        )));
    }
    Ok(ix)
}

/// What follows: another attempt, which is told the comments.
pub(super) fn sent_back(state: &State, ix: AgentIx) -> Event {
    let agent = state.agent(ix);
    let count = agent.remarks.len();
    let many = if count == 1 { "" } else { "s" };
    Event::AgentRetrying {
        agent: state.id(ix),
        attempt: agent.attempt,
        cause: Cause::Operator,
        delay_us: 0,
        reason: format!("its work was sent back with {count} comment{many}"),
    }
}
