//! Who waits for memory though nothing runs, and whether that may pass by itself.
//!
//! Must not wait for what never comes: who does not fit all the same is given up by [`super::finish`].

use crate::{
    engine::{
        Figures, State, Unloading,
        admission::{Why, admit, admit_check},
        state::unpack,
    },
    plan::ModelIx,
};

use super::settle::start::check_ram;

/// Whether a server is about to let a model go: whoever waits for that model, or for its memory, waits for that.
pub(super) fn goes(state: &State) -> bool {
    let waits = state
        .memory
        .open
        .iter()
        .any(|effect| effect.model.is_some());
    waits || state.models.iter().any(|model| model.unloading)
}

/// Whether something waits for memory that may be there later: others on the machine may give it back, a server lets a
/// model go, or the figures are of before the last end.
pub(super) fn starved(state: &State, figures: &Figures) -> bool {
    let passes = |why: Result<(), Why>| match why {
        Err(Why::Machine { .. }) => true,
        Err(Why::Ram { asked, .. }) => asked <= could_give(state, figures),
        _ => false,
    };
    let mut agents = state.ready.iter().chain(state.parked.iter().copied());
    agents.any(|rank| passes(admit(state, figures, rank.agent).map(|_| ())))
        || state.checks_pending.iter().any(|&packed| {
            let owner = unpack(packed);
            passes(admit_check(state, figures, owner, check_ram(state, owner)))
        })
}

/// What the run has to give once all has passed that does so by itself, in bytes. What is used beyond reservations is
/// not among what stays: nobody is left who uses it, and the next reading says so.
fn could_give(state: &State, figures: &Figures) -> u64 {
    let stays = state
        .usage
        .ram_bytes
        .saturating_add(staying(state, figures));
    state.setup.ram_limit_bytes.saturating_sub(stays)
}

/// What servers hold and do not give back by themselves, in bytes.
fn staying(state: &State, figures: &Figures) -> u64 {
    // A decision whose effect is not measured: the figures are of before it.
    if !state.memory.open.is_empty() {
        return 0;
    }
    let mut sum = 0_u64;
    for at in 0..state.setup.plan.models.len() {
        let ix = ModelIx::of(at);
        let model = state.model(ix);
        if !state.model_need(ix).local {
            continue;
        }
        match (model.loaded, model.held.unloading) {
            // It was never heard of: whatever its server holds may be there for good.
            (false, Unloading::Unknown) => return figures.servers_bytes,
            (false, _) | (true, Unloading::Sleep(_)) => {}
            (true, _) if model.unloading || model.left => {}
            (true, _) => sum = sum.saturating_add(model.held.bytes),
        }
    }
    sum.min(figures.servers_bytes)
}
