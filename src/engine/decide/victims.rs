//! Who is taken back for memory, and in which order (DESIGN 8, requirement D1).
//!
//! Must not decide whether pressure asks for it.

use std::cmp::Reverse;

use crate::{
    engine::{State, Status, Uses},
    plan::AgentIx,
};

use super::relief;

/// Who could be taken back, the first to go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Victim {
    /// Whom.
    pub(super) agent: AgentIx,
    /// What its processes hold, in bytes; none: not measured yet.
    pub(super) held_bytes: Option<u64>,
}

/// The first of them that free enough together.
pub(super) fn enough(all: Vec<Victim>, mut needed: u64) -> Vec<Victim> {
    let mut some = Vec::new();
    for victim in all {
        if needed == 0 {
            break;
        }
        needed = needed.saturating_sub(victim.held_bytes.unwrap_or(0));
        some.push(victim);
    }
    some
}

/// What they hold, in bytes, as far as that is measured.
pub(super) fn held(victims: &[Victim]) -> u64 {
    let held = victims.iter().filter_map(|victim| victim.held_bytes);
    held.fold(0, u64::saturating_add)
}

/// Returns who would be taken back first if pressure were red now, with the bytes that its processes hold where that
/// was measured. Decides nothing: for the screens.
#[must_use]
pub fn next_victim(state: &State, uses: &Uses, now: u64) -> Option<(AgentIx, Option<u64>)> {
    let still = state.finished.is_some() || state.stopping.is_some();
    if still || !state.setup.memory.admission {
        return None;
    }
    let first = victims(state, uses, now).into_iter().next()?;
    Some((first.agent, first.held_bytes))
}

/// Returns who would be taken back by pressure, the first to go first: what is frozen and holds memory for nothing, then
/// the lowest priority, of these who was taken back least often, then tracks and agents that come last.
///
/// Never whom a person has pinned, who is being ended, who was taken back within this window, nor the last that moves.
pub(super) fn victims(state: &State, uses: &Uses, now: u64) -> Vec<Victim> {
    let plan = &state.setup.plan;
    let moving = |ix: &AgentIx| state.agent(*ix).status == Status::Running && !ending(state, *ix);
    let mut movers = plan.indices().filter(moving).count();
    let mut all: Vec<AgentIx> = plan
        .indices()
        .filter(|&ix| relief::kept(state, ix, now).is_none())
        .collect();
    all.sort_by_cached_key(|&ix| {
        let agent = plan.agent(ix);
        let frozen = state.agent(ix).status == Status::Frozen;
        let track = agent.track.map_or(u32::MAX, |track| track.0);
        (
            !frozen,
            Reverse(agent.priority),
            state.agent(ix).taken_back.0,
            Reverse(track),
            Reverse(state.rank(ix)),
        )
    });
    let held = |ix: AgentIx| uses.of(ix, state.agent(ix).attempt);
    let mut victims = Vec::new();
    for ix in all {
        if moving(&ix) {
            if movers <= 1 {
                continue;
            }
            movers -= 1;
        }
        victims.push(Victim {
            agent: ix,
            held_bytes: held(ix),
        });
    }
    victims
}

fn ending(state: &State, ix: AgentIx) -> bool {
    let live = state.agent(ix).live.as_ref();
    live.is_none_or(|live| live.ending.is_some() || live.handle.is_none())
}
