//! The memory bar's figures.

use super::Memory;
use crate::{engine::State, resources::Sample};

pub(super) fn memory(state: &State, sample: &Sample) -> Memory {
    let machine = &sample.machine;
    let used = machine.total_bytes.saturating_sub(machine.available_bytes);
    // A sum of resident sizes counts shared pages twice, so it can exceed what is used.
    let agents = sample.figures.agents_bytes.min(used);
    let own: u64 = sample.agents.iter().map(|a| a.resident_bytes).sum();
    let reserved = state
        .usage
        .ram_bytes
        .saturating_sub(own)
        .min(machine.available_bytes);
    let t = state.setup.thresholds;
    Memory {
        total: machine.total_bytes,
        agents,
        others: used - agents,
        reserved,
        free: machine.available_bytes - reserved,
        booked: (state.usage.ram_bytes, state.setup.ram_limit_bytes),
        pressure: sample.figures.pressure_permille,
        zone: state.memory.zone,
        halted: state.memory.halted,
        marks: [t.yellow, t.orange, t.red],
        swap: machine.swap_used_bytes,
        stall: machine.stall_permille,
        own: machine.own_bytes,
    }
}
