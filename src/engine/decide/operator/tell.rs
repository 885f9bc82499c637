//! Telling agents something.
//!
//! Must not change anything, and must not know how an agent is told: its program decides that.

use super::Refusal;
use crate::{
    engine::{State, Status},
    plan::{AgentIx, Work},
};

/// Longest message, in bytes: it stands in one line of the journal.
const LONGEST: usize = 16_000;
/// Messages that may wait for one agent.
const MOST: usize = 50;

/// Whether an agent can be told something: it has a prompt, and a turn of its own comes.
pub(super) fn possible(
    state: &State,
    ix: AgentIx,
    text: &str,
    now: bool,
) -> Result<AgentIx, Refusal> {
    let not_now = |why: String| Err(Refusal::NotNow(why));
    let id = state.id(ix);
    let agent = state.agent(ix);
    if state.stopping.is_some() {
        return not_now("the run is stopping".to_owned());
    }
    if !matches!(state.setup.plan.agent(ix).work, Work::Prompt(_)) {
        return not_now(format!(
            "{id} is a command: only an agent with a prompt can be told something"
        ));
    }
    if text.trim().is_empty() {
        return not_now("the message says nothing".to_owned());
    }
    if text.len() > LONGEST {
        return not_now(format!("the message is longer than {LONGEST} bytes"));
    }
    if now && agent.opened() {
        return not_now(format!(
            "somebody works in the session of {id}: leave `--now` out, or `close` it first"
        ));
    }
    let finished = matches!(
        agent.status,
        Status::Joining | Status::Checking | Status::Merging
    ) && !state.begins(ix);
    if agent.status.is_final() || finished {
        let instead = if state.setup.own(ix) {
            "say it about its work with `comment`, then `send-back`"
        } else {
            "`retry` starts it again"
        };
        return not_now(format!("{id} has done its turn: {instead}"));
    }
    let waiting = agent.talk.as_ref().map_or(0, |talk| talk.messages.len());
    if waiting >= MOST {
        return not_now(format!("{MOST} messages wait for {id} already"));
    }
    Ok(ix)
}
