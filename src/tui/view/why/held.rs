//! What is frozen or parked, in words.
//!
//! All text that leaves here is clean.

use std::fmt::Write as _;

use super::super::words::{SENTENCE, Tone, held};
use crate::{
    display::clean_text,
    engine::{self, HoldBy, State, Status},
    plan::AgentIx,
    resources::AgentSample,
};

/// After so long what is frozen is offered to be parked, in microseconds.
const LONG_US: u64 = 120_000_000;

/// Whether an agent stands still for so long that its memory is worth more than its place.
#[must_use]
pub fn long_frozen(state: &State, ix: AgentIx, now_us: u64) -> bool {
    let agent = state.agent(ix);
    agent.status == Status::Frozen && now_us.saturating_sub(agent.since_us) >= LONG_US
}

pub(super) fn frozen(
    state: &State,
    figures: &engine::Figures,
    mine: Option<&AgentSample>,
    ix: AgentIx,
    since: &str,
) -> (String, Tone) {
    let agent = state.agent(ix);
    let mut text = match agent.hold {
        Some(HoldBy::Operator) => format!("frozen by you {since} ago"),
        Some(HoldBy::Rule) => format!("frozen by the kill switch {since} ago"),
        None => "goes on".to_owned(),
    };
    if let Some(sample) = mine {
        let _ = write!(text, ", holds {}", held(sample));
    }
    match agent.frozen_tree {
        Some((stopped, total)) if stopped < total => {
            return (
                format!("{text} · only {stopped} of {total} processes are stopped"),
                Tone::Alert,
            );
        }
        None => text.push_str(" · not verified yet"),
        Some(_) => {}
    }
    if agent.hold != Some(HoldBy::Operator)
        && let Err(why) = engine::admit_thaw(state, figures, ix)
    {
        let _ = write!(text, " · {}", clean_text(&why.to_string(), SENTENCE));
    }
    (text, Tone::Plain)
}

pub(super) fn parked(
    state: &State,
    figures: &engine::Figures,
    ix: AgentIx,
    since: &str,
) -> (String, Tone) {
    let agent = state.agent(ix);
    let mut text = match (agent.parked_by, agent.hold) {
        (Some(engine::Cause::Zone), _) => format!("parked for memory {since} ago"),
        _ => format!("parked by you {since} ago"),
    };
    if agent.hold != Some(HoldBy::Operator) {
        match engine::admit(state, figures, ix) {
            Ok(_) => text.push_str(" · goes on next"),
            Err(why) => {
                let _ = write!(text, " · {}", clean_text(&why.to_string(), SENTENCE));
            }
        }
    }
    (text, Tone::Plain)
}
