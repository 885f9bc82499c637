//! What follows from the state alone: verdicts, readiness, phases, waves, one admission, the end.
//!
//! Must not use anything but the state and the memory figures it is handed.

pub(in crate::engine::decide) mod begin;
pub(in crate::engine::decide) mod check;
pub(in crate::engine::decide) mod collect;
mod commands;
pub(in crate::engine::decide) mod compare;
pub(in crate::engine::decide) mod conflict;
pub(in crate::engine) mod context;
pub(in crate::engine::decide) mod gates;
pub(in crate::engine::decide) mod merge;
pub(in crate::engine::decide) mod preempt;
pub(super) mod start;
mod verdict;
mod waiting;

use crate::engine::{Event, Input, Owner, State, state::unpack};

use super::{attention, budget, finish, lease};

/// Decides the next thing that follows; empty when the state is at rest.
pub(in crate::engine::decide) fn settle(state: &State, input: &Input) -> Vec<Event> {
    let figures = &input.figures;
    if let Some(&first) = state.settling.first() {
        return match unpack(first) {
            Owner::Agent(ix) => verdict::verdict(state, ix, &input.uses),
            owner @ (Owner::Phase(_) | Owner::Cohort(_)) => gates::gates_verdict(state, owner),
        };
    }
    if state.stopping.is_some() {
        // What was taken out is not done, whatever the run's end.
        if let Some(again) = merge::rolled_back(state) {
            return vec![again];
        }
        return if state.processes == 0 && !merge::must_end(state) {
            finish::finished(state)
        } else {
            Vec::new()
        };
    }
    if let Some(told) = budget::look(state) {
        return vec![told];
    }
    if !state.movable.is_empty() {
        return state
            .movable
            .iter()
            .map(|&ix| waiting::leave_waiting(state, ix))
            .collect();
    }
    // A gate command that was made stale must be gone first.
    if let Some(owner) = gates::due(state) {
        return vec![gates::members_ended(state, owner)];
    }
    if let Some(&wave) = state.waves_due.first() {
        return vec![
            Event::WaveCompleted { wave },
            Event::CheckpointMade {
                wave,
                commit: state.merges.head.clone(),
            },
        ];
    }
    let merging = merge::next(state, figures);
    if !merging.is_empty() {
        return merging;
    }
    let checkout = check::checkout(state);
    if !checkout.is_empty() {
        return checkout;
    }
    let left = budget::refused(state);
    if !left.is_empty() {
        return left;
    }
    let attention = attention::look(state);
    if !attention.is_empty() {
        return attention;
    }
    // They make what runs already go on, and need no slot.
    if let Some(granted) = lease::next(state, figures) {
        return vec![granted];
    }
    let start = start::admit_next(state, figures);
    if start.is_empty() {
        finish::at_rest(state, figures)
    } else {
        start
    }
}
