//! The one admission point: may this start now, and if not, why (DESIGN 8).
//!
//! Asked for every start: first start, retry, thaw, checks, gates; and by the screens, which print
//! the reason. Must not change anything, and knows memory only as figures that it is handed.

mod cost;
mod lease;
mod memory;
mod pick;
mod why;

pub(in crate::engine) use cost::{cost_beside, could_ever_fit, reserves};
pub(in crate::engine) use lease::halted;
pub use lease::{admit_lease, free_bytes};
pub use memory::room;
pub(in crate::engine) use pick::chosen;
pub use why::{Why, size_asked, size_free};

use cost::{cost, cost_beside_memory, cpus};

use crate::plan::{AgentIx, Mode, PhaseIx, Priority};

use super::{
    BaseCheckout, CheckRun, Figures, HoldBy, Owner, PhaseStatus, Purpose, Rank, Shelf, State,
    Usage, usage::priority_ix,
};

/// A start that may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// In which mode.
    pub mode: u32,
}

/// What stops every start, whoever asks.
pub(in crate::engine) fn whole_run(state: &State, figures: &Figures) -> Result<(), Why> {
    if state.stopping.is_some() {
        return Err(Why::Stopping);
    }
    if state.degraded.is_some() {
        return Err(Why::Degraded);
    }
    if state.merges.rollback.is_some() {
        return Err(Why::Rollback);
    }
    if halted(state, figures) {
        return Err(Why::Halted {
            pressure_permille: figures.pressure_permille,
        });
    }
    Ok(())
}

fn slot(state: &State) -> Result<(), Why> {
    let cap = state.cap();
    if state.usage.agents >= cap {
        return Err(Why::Slots {
            used: state.usage.agents,
            cap,
            sequential: cap == 1,
        });
    }
    Ok(())
}

/// What concerns the agent's place in the plan, whatever it costs.
fn place(state: &State, figures: &Figures, ix: AgentIx) -> Result<(), Why> {
    let plan = &state.setup.plan;
    let agent = plan.agent(ix);
    if state.agent(ix).hold == Some(HoldBy::Operator) {
        return Err(Why::Held);
    }
    slot(state)?;
    memory::admit_one_more(state, figures, ix)?;
    if let Some(phase) = agent.phase
        && let Some(closed) = state.closed_barrier()
        && phase > closed
    {
        return Err(barrier(state, closed));
    }
    let bucket = Usage::phase_bucket(&state.setup, ix);
    if state.usage.exclusive[bucket] > 0 || (agent.exclusive && state.usage.per_phase[bucket] > 0) {
        return Err(Why::Exclusive);
    }
    let limits = &plan.limits;
    if let Some(&cap) = limits.per_priority.get(&agent.priority) {
        let used = state.usage.per_priority[priority_ix(agent.priority)];
        class(used, cap, || {
            format!("{} priority", priority_name(agent.priority))
        })?;
    }
    if let Some(phase) = agent.phase
        && let Some(&cap) = limits.per_phase.get(&phase)
    {
        let used = state.usage.per_phase[phase.ix()];
        class(used, cap, || {
            format!("phase {}", plan.phases[phase.ix()].id)
        })?;
    }
    if let Some(track) = agent.track {
        let used = state.usage.per_track[track.ix()];
        if let Some(&cap) = limits.per_track.get(&track) {
            class(used, cap, || {
                format!("track {}", plan.tracks[track.ix()].id)
            })?;
        }
        if let (0, Some(cap)) = (used, limits.tracks) {
            class(state.usage.tracks, cap, || "tracks".to_owned())?;
        }
    }
    let wave = state.setup.wave(ix);
    if let Some(&cap) = limits.per_wave.get(&wave) {
        let used = state.usage.per_wave[wave as usize - 1];
        class(used, cap, || format!("wave {wave}"))?;
    }
    Ok(())
}

fn class(used: u32, cap: u32, what: impl FnOnce() -> String) -> Result<(), Why> {
    if used < cap {
        return Ok(());
    }
    Err(Why::Class {
        what: what(),
        used,
        cap,
    })
}

fn barrier(state: &State, phase: PhaseIx) -> Why {
    Why::Barrier {
        phase: state.setup.plan.phases[phase.ix()].id.clone(),
        failed: state.phases[phase.ix()].status == PhaseStatus::Failed,
    }
}

/// Asks whether a ready agent may start now, and in which of its modes: the one that pressure or a person chose, else the first in the plan's order that fits, or of workers that it names by what they can do the least busy.
///
/// # Errors
/// Why not.
pub fn admit(state: &State, figures: &Figures, ix: AgentIx) -> Result<Grant, Why> {
    whole_run(state, figures)?;
    place(state, figures, ix)?;
    let Some(mode) = state.agent(ix).chosen() else {
        return pick::pick(state, figures, ix);
    };
    let Err(why) = cost(state, figures, ix, mode) else {
        return Ok(Grant { mode });
    };
    // What pressure chose may have been used up by others since: better as it was than not at all.
    let gone = matches!(why, Why::Budget { .. } | Why::Provider { .. });
    if state.agent(ix).relief == Some(mode) && (gone || state.usage.agents == 0) {
        return pick::pick(state, figures, ix).map_err(|_| why);
    }
    Err(why)
}

/// Finds the first of a kind that may start now. Answers as [`admit`] does for each of them; what
/// stops every start is to be asked before.
pub(in crate::engine) fn admit_first(
    state: &State,
    figures: &Figures,
    shelf: &Shelf,
) -> Option<(Rank, Grant)> {
    let first = shelf.first()?;
    place(state, figures, first.agent).ok()?;
    let modes = &state.setup.plan.agent(first.agent).modes;
    if let [only] = modes.as_slice() {
        cpus(state, only.cpus_milli).ok()?;
        cost_beside_memory(state, only).ok()?;
        let free = memory::room(state, figures).most(only.ram_guessed);
        let priority = state.setup.plan.agent(first.agent).priority;
        let kept = lease::kept(state, figures, priority);
        let free = kept.map_or(free, |kept| kept.min(free));
        let free = free.checked_sub(state.model_cost(only))?;
        let alone = || {
            let mut all = shelf.iter().filter(|_| state.processes == 0);
            all.find(|rank| cost(state, figures, rank.agent, 0).is_ok())
        };
        let first = shelf.first_within(free).or_else(alone)?;
        return Some((first, Grant { mode: 0 }));
    }
    Some((first, pick::pick(state, figures, first.agent).ok()?))
}

/// Asks whether a frozen agent may go on: its memory is held already, it needs a slot and CPUs.
///
/// # Errors
/// Why not.
pub fn admit_thaw(state: &State, figures: &Figures, ix: AgentIx) -> Result<(), Why> {
    whole_run(state, figures)?;
    place(state, figures, ix)?;
    cpus(state, state.mode_of(ix).cpus_milli)
}

/// Asks whether the pending check command of an owner may start: it needs a slot as an agent does,
/// and memory.
///
/// # Errors
/// Why not.
pub fn admit_check(
    state: &State,
    figures: &Figures,
    owner: Owner,
    ram_bytes: u64,
) -> Result<(), Why> {
    admit_check_thaw(state, figures, owner)?;
    let compares = |check: &CheckRun| check.purpose == Purpose::Base;
    if state.check_of(owner).is_some_and(compares) {
        if state.compared_elsewhere(owner) {
            return Err(Why::Elsewhere);
        }
        if !state.merges.base.as_ref().is_some_and(BaseCheckout::free) {
            return Err(Why::Checkout);
        }
    } else if state.on_head(owner) && state.checkout_for(owner).is_none() {
        return Err(Why::Checkout);
    }
    memory::admit_bytes(state, figures, ram_bytes, false)?;
    let priority = match owner {
        Owner::Agent(ix) => state.setup.plan.agent(ix).priority,
        Owner::Phase(_) | Owner::Cohort(_) => Priority::default(),
    };
    lease::beside(state, figures, priority, ram_bytes)
}

/// Asks whether the frozen check command of an owner may go on: its memory is held already.
///
/// # Errors
/// Why not.
pub fn admit_check_thaw(state: &State, figures: &Figures, owner: Owner) -> Result<(), Why> {
    whole_run(state, figures)?;
    match owner {
        Owner::Agent(ix) => place(state, figures, ix),
        _ if state.hold_of(owner) == Some(HoldBy::Operator) => Err(Why::Held),
        Owner::Phase(_) | Owner::Cohort(_) => slot(state),
    }
}

/// Asks what stops every start; for a quick end of the search.
///
/// # Errors
/// Why nothing can start.
pub(in crate::engine) fn admit_any(state: &State, figures: &Figures) -> Result<(), Why> {
    whole_run(state, figures)?;
    slot(state)
}

fn priority_name(priority: Priority) -> &'static str {
    match priority {
        Priority::Critical => "critical",
        Priority::High => "high",
        Priority::Normal => "normal",
        Priority::Low => "low",
    }
}

/// Names a mode for people.
#[must_use]
pub const fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Sequential => "sequential",
        Mode::Parallel => "parallel",
        Mode::Hybrid => "hybrid",
    }
}

/// Returns whether agents of a phase are held back by a barrier now.
#[must_use]
pub fn behind_barrier(state: &State, phase: Option<PhaseIx>) -> bool {
    matches!((phase, state.closed_barrier()), (Some(phase), Some(closed)) if phase > closed)
}
