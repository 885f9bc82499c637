//! Reports of agents: only of the attempt that is on, and nothing twice within a minute.
//!
//! Must not judge what an agent says.

use crate::engine::{AgentProgress, Event, State, Via, Words};
use crate::plan::AgentIx;

/// The same words again are a new report only after so long, µs: they say that it is alive.
const AGAIN_US: u64 = 60 * 1_000_000;

pub(super) fn progress(
    state: &State,
    ix: AgentIx,
    attempt: u32,
    via: Via,
    said: &Result<Box<Words>, String>,
    now_us: u64,
) -> Vec<Event> {
    let Some(agent) = state.agents.get(ix.ix()) else {
        return Vec::new();
    };
    // Its last words may come after its end, before another attempt begins.
    if attempt == 0 || agent.attempt != attempt {
        return Vec::new();
    }
    if let Some(last) = &agent.said
        && last.attempt == attempt
    {
        let fresh = now_us.saturating_sub(last.at_us) < AGAIN_US;
        let same = match (said, &last.error) {
            (Ok(words), None) => fresh && **words == last.words,
            (Err(error), Some(before)) => error == before,
            _ => false,
        };
        if same {
            return Vec::new();
        }
    }
    let said = match said {
        Ok(words) => Ok((**words).clone()),
        Err(error) => Err(error.clone()),
    };
    vec![Event::AgentProgress(AgentProgress::new(
        state.id(ix),
        attempt,
        via,
        said,
    ))]
}
