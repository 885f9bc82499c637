//! What decisions about memory have done: waited for, then told with what was measured.
//!
//! Must not decide what is done next.

use crate::engine::{Effect, Event, Input, MemoryEvent, State, Unloading, Zone};

/// The effects of decisions whose processes have all ended.
pub(super) fn measured(state: &State, input: &Input) -> Vec<Event> {
    let (now, window) = (input.elapsed_us, state.setup.memory.window_us);
    let over = state.memory.open.iter().filter_map(|effect| {
        let over = effect
            .over_us
            .or_else(|| effect.due(now, window).then_some(now))?;
        let took_us = over.saturating_sub(effect.at_us);
        Some(Event::from(MemoryEvent::Measured {
            number: effect.number,
            told_bytes: effect.told_bytes,
            freed_bytes: effect.freed_bytes,
            took_us,
            before: effect.before,
            after: input.figures,
        }))
    });
    over.collect()
}

/// Whether pressure asks for more than to hold back.
pub(super) fn emergency(state: &State) -> bool {
    state.memory.zone == Zone::Red || state.memory.halted
}

/// Whether an effect is to come that is worth waiting for. A server that sleeps in by itself does so when it likes: not
/// in an emergency.
pub(super) fn waits(state: &State, now: u64) -> bool {
    let window = state.setup.memory.window_us;
    let sleeps = |effect: &Effect| {
        let held = effect.model.map(|model| state.model(model).held.unloading);
        effect.ends.is_empty() && matches!(held, Some(Unloading::Sleep(_)))
    };
    let mut open = state.memory.open.iter();
    open.any(|effect| {
        let measured = effect.over_us.is_some() || effect.due(now, window);
        !(measured || emergency(state) && sleeps(effect))
    })
}
