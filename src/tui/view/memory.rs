//! The memory bars' figures: of the machine, and of what the plan lets agents use.

use super::{Base, Memory, Share};
use crate::{
    engine::{State, Zone},
    resources::{Sample, pressure, zones::threshold},
};

/// What is so near is foretold whatever it starts from, µs.
const SOON_US: u64 = 60_000_000;
/// A line that has got there already did not know of what came last, µs.
const PAST_US: u64 = 2_000_000;

/// Which share is larger: the pressure is its.
pub fn base(state: &State, sample: &Sample) -> Base {
    let figures = &sample.figures;
    let machine = pressure(figures.total_bytes, figures.available_bytes, 0, 0);
    if figures.pressure_permille > machine && state.setup.ram_limit_bytes > 0 {
        Base::Limit
    } else {
        Base::Machine
    }
}

/// Whether a forecast is worth a look: it comes soon, or much of the way is behind. Else the noise
/// of a few seconds would be foretold for an hour.
fn worth_telling(state: &State, sample: &Sample, zone: Zone, us: u64) -> bool {
    let begins = threshold(&state.setup.thresholds, zone);
    us >= PAST_US && (us < SOON_US || sample.figures.pressure_permille * 3 >= begins * 2)
}

pub fn memory(state: &State, sample: &Sample, next: Option<(Zone, u64)>) -> Memory {
    let machine = &sample.machine;
    let used = machine.total_bytes.saturating_sub(machine.available_bytes);
    let resident = sample.figures.agents_bytes;
    // A sum of resident sizes counts shared pages twice, so it can exceed what is used.
    let agents = resident.min(used);
    let own: u64 = sample
        .agents
        .iter()
        .map(crate::resources::AgentSample::counted_bytes)
        .sum();
    let reserved = state.usage.ram_bytes.saturating_sub(own);
    let limit = state.setup.ram_limit_bytes;
    let t = state.setup.thresholds;
    Memory {
        machine: Share {
            agents,
            others: used - agents,
            reserved: reserved.min(machine.available_bytes),
            whole: machine.total_bytes,
            permille: pressure(machine.total_bytes, machine.available_bytes, 0, 0),
        },
        limit: Share {
            agents: resident,
            others: 0,
            reserved: reserved.min(limit.saturating_sub(resident)),
            whole: limit,
            permille: pressure(0, 0, resident, limit),
        },
        to_give: limit.saturating_sub(state.usage.ram_bytes),
        base: base(state, sample),
        zone: state.memory.zone,
        next: next.filter(|(zone, us)| {
            state.finished.is_none() && worth_telling(state, sample, *zone, *us)
        }),
        halted: state.memory.halted,
        marks: [t.yellow, t.orange, t.red],
        swap: machine.swap_used_bytes,
        stall: machine.stall_permille,
        own: machine.own_bytes,
    }
}
