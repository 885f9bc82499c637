//! Memory for leases, and what of the free memory is kept for the first of those that wait.
//!
//! Must not choose who is first: `State::lease_line` does.

use crate::{
    engine::{Figures, Lease, State},
    plan::Priority,
};

use super::{
    Why,
    memory::{admit_bytes, room},
};

/// Asks whether a lease that waits may be granted: it needs what its agent would reserve more than now.
/// A fault of recording is no reason to hold up what runs already.
///
/// # Errors
/// Why not.
pub fn admit_lease(state: &State, figures: &Figures, lease: &Lease) -> Result<(), Why> {
    if state.stopping.is_some() {
        return Err(Why::Stopping);
    }
    if halted(state, figures) {
        return Err(Why::Halted {
            pressure_permille: figures.pressure_permille,
        });
    }
    let before = state.lease_extra(lease.agent);
    let after = state.lease_extra_with(lease.agent, Some(lease));
    admit_bytes(state, figures, after.saturating_sub(before), false)
}

/// Whether memory is so short that nothing starts.
pub(in crate::engine) fn halted(state: &State, figures: &Figures) -> bool {
    state.memory.halted || figures.pressure_permille >= state.setup.thresholds.halt
}

/// Memory that there is to give, in bytes.
#[must_use]
pub fn free_bytes(state: &State, figures: &Figures) -> u64 {
    let room = room(state, figures);
    room.run_bytes.min(room.machine_bytes)
}

/// Memory that a start or a check of some priority may take, in bytes, so that the first lease in line fits as soon as
/// the others are given back: else small starts would take what it waits for again and again. None where no
/// lease waits, or only such of agents that come after it.
pub(super) fn kept(state: &State, figures: &Figures, priority: Priority) -> Option<u64> {
    if state.leases.list.is_empty() {
        return None;
    }
    let first = *state.lease_line().first()?;
    // Who waits below one that holds memory meanwhile comes before all.
    if first.below.is_empty() && priority < state.setup.plan.agent(first.agent).priority {
        return None;
    }
    let held = state.leases.list.iter().filter(|lease| !lease.waits());
    let mut agents: Vec<_> = held.map(|lease| lease.agent).collect();
    agents.sort_unstable();
    agents.dedup();
    let extra = agents.iter().map(|ix| state.lease_extra(*ix));
    let extra = extra.fold(0, u64::saturating_add);
    let own = state.own_reserved(first.agent);
    let wanted = first.used_bytes.saturating_add(first.ram_bytes);
    let free = room(state, figures).run_bytes.saturating_add(extra);
    Some(free.saturating_sub(wanted.saturating_sub(own)))
}

/// Asks whether memory for a start is left beside what is kept for a lease.
pub(super) fn beside(
    state: &State,
    figures: &Figures,
    priority: Priority,
    asked: u64,
) -> Result<(), Why> {
    match kept(state, figures, priority) {
        Some(kept) if asked > kept => Err(Why::Leased {
            asked,
            name: (state.lease_line().first()).map_or_else(String::new, |l| l.name.clone()),
        }),
        _ => Ok(()),
    }
}
