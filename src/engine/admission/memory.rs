//! Memory at the one admission point: how much a start may ask for now (DESIGN 8).
//!
//! Counts what is spoken for, never time. Must not choose who starts: it is asked for one start, or for how much
//! would fit.

use crate::{
    engine::{Figures, InBand, Per, State, Zone},
    plan::{AgentIx, Priority, units::part},
};

use super::Why;

/// What there is to give, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Of what the run may use.
    pub run_bytes: u64,
    /// Of what the machine has.
    pub machine_bytes: u64,
    /// Reservations that are not in use yet.
    pub open_bytes: u64,
    /// What they may be before a start waits for them whose reservation, or theirs, cannot be trusted.
    pub open_limit_bytes: u64,
    /// Nobody uses more than was reserved for it.
    pub trusted: bool,
    /// Programs wait for memory, and somebody runs who can give some back: nothing more until they do not.
    pub stalled: bool,
}

/// Share of the last 10 s in which something waited for memory, in permille, from which no more starts where memory is
/// short besides: what runs is moved to swap and back then, and the kernel calls the rest available.
pub(super) const STALLED: u32 = 200;

impl Room {
    /// Returns the most that a start may ask for; `guessed`: what it asks for is a guess.
    #[must_use]
    pub fn most(&self, guessed: bool) -> u64 {
        if self.stalled || self.must_grow(guessed) {
            0
        } else {
            self.run_bytes.min(self.machine_bytes)
        }
    }

    /// Returns whether a start has to wait until what was started before has grown into its reservation. What is
    /// stated or learnt, and was kept so far, bounds the sum by itself.
    const fn must_grow(&self, guessed: bool) -> bool {
        (guessed || !self.trusted) && self.open_bytes > self.open_limit_bytes
    }
}

/// Returns what the run's agents, checks and servers are spoken for, in bytes: reservations, what is used beyond
/// them, model servers, and models that are about to be loaded.
fn committed(state: &State, figures: &Figures) -> u64 {
    let reserved = state.usage.ram_bytes;
    let servers = (figures.servers_bytes).saturating_add(state.models_to_come_bytes());
    reserved
        .saturating_add(figures.excess_bytes)
        .saturating_add(servers)
}

/// Use beyond reservations that is no surprise, in permille of what the run may use: pages that are shared, buffers.
const TRUSTED: u32 = 20;

/// Whether what agents use is what was reserved for them.
fn trusted(state: &State, figures: &Figures) -> bool {
    figures.excess_bytes <= part(state.setup.ram_limit_bytes, TRUSTED)
}

/// Returns what there is to give now.
///
/// No start leads beyond the band's upper edge, by what is reserved and by what is used. Where nothing else runs, all
/// of the budget may be used, and of the machine what is left below the halt.
#[must_use]
pub fn room(state: &State, figures: &Figures) -> Room {
    let setup = &state.setup;
    let limit = setup.ram_limit_bytes;
    let reserved = state.usage.ram_bytes;
    if !setup.memory.admission {
        return Room {
            run_bytes: u64::MAX,
            machine_bytes: u64::MAX,
            open_bytes: 0,
            open_limit_bytes: u64::MAX,
            trusted: true,
            stalled: false,
        };
    }
    let alone = state.usage.agents == 0;
    let high = setup.memory.band.high;
    let (of_run, of_machine) = if alone {
        (1000, high.max(setup.thresholds.halt))
    } else {
        (high, high)
    };
    let edge = part(limit, of_run);
    let run_bytes = edge.saturating_sub(committed(state, figures));
    if figures.total_bytes == 0 {
        // Nothing was measured: what is stated has to do.
        return Room {
            run_bytes,
            machine_bytes: u64::MAX,
            open_bytes: 0,
            open_limit_bytes: u64::MAX,
            trusted: true,
            stalled: false,
        };
    }
    let to_come = state.models_to_come_bytes();
    let open_bytes = reserved
        .saturating_sub(figures.realised_bytes)
        .saturating_add(to_come);
    let used = figures.total_bytes.saturating_sub(figures.available_bytes);
    let used = used.max(figures.servers_bytes);
    let spoken = used
        .saturating_add(open_bytes)
        .saturating_add(figures.others_bytes);
    let in_use = figures.agents_bytes.saturating_add(figures.servers_bytes);
    let machine_edge = part(figures.total_bytes, of_machine);
    let free = edge
        .saturating_sub(in_use)
        .min(machine_edge.saturating_sub(used));
    Room {
        run_bytes,
        machine_bytes: machine_edge.saturating_sub(spoken),
        open_bytes,
        // One agent alone may be as large as all there is.
        open_limit_bytes: if alone { u64::MAX } else { free / 2 },
        trusted: trusted(state, figures),
        stalled: !alone && state.memory.zone >= Zone::Yellow && figures.stall_permille >= STALLED,
    }
}

/// Asks whether a start may reserve so many bytes more.
///
/// # Errors
/// Why not.
pub(super) fn admit_bytes(
    state: &State,
    figures: &Figures,
    asked: u64,
    guessed: bool,
) -> Result<(), Why> {
    if asked == 0 {
        return Ok(());
    }
    let room = room(state, figures);
    if asked > room.run_bytes {
        return Err(Why::Ram {
            asked,
            free: room.run_bytes,
        });
    }
    if asked > room.machine_bytes {
        return Err(Why::Machine {
            asked,
            free: room.machine_bytes,
        });
    }
    if room.stalled {
        return Err(Why::Stalled {
            permille: figures.stall_permille,
        });
    }
    if room.must_grow(guessed) {
        return Err(Why::Growing {
            open: room.open_bytes,
            limit: room.open_limit_bytes,
        });
    }
    Ok(())
}

/// Asks whether pressure lets one more of an agent's kind run, whatever it costs.
///
/// # Errors
/// Why not.
pub(super) fn admit_one_more(state: &State, figures: &Figures, ix: AgentIx) -> Result<(), Why> {
    let memory = &state.memory;
    let running = state.usage.agents;
    // Something must be able to go on, or pressure would never fall.
    if running == 0 || !state.setup.memory.admission {
        return Ok(());
    }
    // Within the band it holds where the forecast cannot be trusted: somebody uses more than was reserved.
    let within = if trusted(state, figures) {
        0
    } else {
        memory.within
    };
    for cap in [memory.cap, within] {
        if cap > 0 && running >= cap {
            return Err(Why::Pressed { running, cap });
        }
    }
    let plan = state.setup.plan.agent(ix);
    let needed = match memory.zone {
        Zone::Green | Zone::Yellow => Priority::Low,
        Zone::Orange => Priority::Normal,
        Zone::Red => Priority::Critical,
    };
    if plan.priority > needed {
        return Err(Why::Deferred { zone: memory.zone });
    }
    if memory.step > 0 {
        let steps = state.setup.memory.adaptation.steps();
        let running = match steps.map(|steps| steps.per) {
            Some(Per::Phase) => {
                state.usage.per_phase[crate::engine::Usage::phase_bucket(&state.setup, ix)]
            }
            Some(Per::Parent) => running_parts(state, ix),
            None => 0,
        };
        if running >= memory.step {
            return Err(Why::Pressed {
                running,
                cap: memory.step,
            });
        }
    }
    if memory.band == InBand::Above && state.setup.memory.band.high < 1000 {
        return Err(Why::Pressed {
            running,
            cap: running,
        });
    }
    Ok(())
}

/// How many sub-agents of an agent's parent hold a slot.
fn running_parts(state: &State, ix: AgentIx) -> u32 {
    let Some(parent) = state.setup.plan.agent(ix).parent else {
        return 0;
    };
    let parts = &state.setup.children[parent.ix()];
    let running = parts
        .iter()
        .filter(|part| state.agent(**part).status.holds_slot());
    u32::try_from(running.count()).unwrap_or(u32::MAX)
}
