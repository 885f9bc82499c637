//! Why something does not start now, and the sentence that screens print.

use std::fmt;

use crate::{
    engine::{Budget, Zone},
    plan::MODEL_RESOURCE,
};

/// Why something does not start now; `Display` is the sentence that screens print.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// The run stops.
    Stopping,
    /// The journal cannot be written.
    Degraded,
    /// The run goes back to a checkpoint.
    Rollback,
    /// Memory is at or above the halt threshold.
    Halted {
        /// Pressure in permille.
        pressure_permille: u32,
    },
    /// A person holds it back.
    Held,
    /// A checkout of what it judges is being made for it.
    Checkout,
    /// The same command runs on the base for another.
    Elsewhere,
    /// All slots are taken.
    Slots {
        /// Taken.
        used: u32,
        /// Of how many.
        cap: u32,
        /// The run is sequential.
        sequential: bool,
    },
    /// An earlier phase has not passed.
    Barrier {
        /// Which.
        phase: String,
        /// Whether that phase has failed.
        failed: bool,
    },
    /// It, or what runs beside it, is exclusive.
    Exclusive,
    /// A cap on a class of agents.
    Class {
        /// Of what: `track A`, `low priority`, ….
        what: String,
        /// Taken.
        used: u32,
        /// Of how many.
        cap: u32,
    },
    /// CPUs.
    Cpus {
        /// Asked, milli-CPUs.
        asked: u64,
        /// Free.
        free: u64,
    },
    /// Memory.
    Ram {
        /// Asked, in bytes.
        asked: u64,
        /// Free of the limit.
        free: u64,
    },
    /// Memory of the machine, whatever the run may use.
    Machine {
        /// Asked, in bytes.
        asked: u64,
        /// What the machine has to give.
        free: u64,
    },
    /// Its model is just being unloaded.
    Unloading {
        /// Which.
        name: String,
    },
    /// What was started still grows into its reservations.
    Growing {
        /// Reserved and not in use, in bytes.
        open: u64,
        /// How much that may be.
        limit: u64,
    },
    /// Programs wait for memory: for what was moved to swap, mostly.
    Stalled {
        /// In which share of the last 10 s, in permille.
        permille: u32,
    },
    /// Pressure keeps more from running at once.
    Pressed {
        /// Running.
        running: u32,
        /// Of how many.
        cap: u32,
    },
    /// Pressure defers what is less important.
    Deferred {
        /// The zone.
        zone: Zone,
    },
    /// Memory: what is free is kept for a command inside of an agent that waits for its lease.
    Leased {
        /// Asked, in bytes.
        asked: u64,
        /// The command.
        name: String,
    },
    /// Another renewable resource.
    Resource {
        /// Which.
        name: String,
        /// Asked.
        asked: u64,
        /// Free.
        free: u64,
    },
    /// Its provider takes no more for now.
    Provider {
        /// Which.
        name: String,
        /// Until when (elapsed µs).
        until_us: u64,
        /// For how long still, in microseconds.
        left_us: u64,
        /// In its words.
        reason: String,
    },
    /// A budget.
    Budget {
        /// Which.
        name: String,
        /// Asked.
        asked: u64,
        /// Left.
        left: u64,
    },
    /// A budget of the run is used up, and nobody has said that more may be used.
    Spent {
        /// Which.
        budget: Budget,
        /// How much of it.
        used: u64,
        /// Of how much.
        limit: u64,
    },
    /// The tokens of the last minute.
    Rate {
        /// How many may be reported in a minute.
        limit: u64,
        /// For how long still, in microseconds.
        left_us: u64,
    },
}

impl Why {
    /// Returns whether only a change from outside (a person, memory, the disk) can help, not the
    /// end of what runs now.
    #[must_use]
    pub const fn from_outside(&self) -> bool {
        matches!(
            self,
            Self::Stopping
                | Self::Degraded
                | Self::Rollback
                | Self::Halted { .. }
                | Self::Machine { .. }
                | Self::Unloading { .. }
                | Self::Held
                | Self::Checkout
                | Self::Elsewhere
                | Self::Barrier { .. }
                | Self::Provider { .. }
                | Self::Spent { .. }
                | Self::Rate { .. }
        )
    }
}

/// Writes bytes that are asked for as GiB or MiB, rounded up, with one decimal where it matters.
#[must_use]
pub fn size_asked(n: u64) -> String {
    const GIB: u64 = 1 << 30;
    if n >= GIB {
        let tenths = n.saturating_mul(10).div_ceil(GIB);
        format!("{}.{} GiB", tenths / 10, tenths % 10)
    } else {
        format!("{} MiB", n.div_ceil(1 << 20))
    }
}

/// Writes what is free, rounded down so that the sentence never promises too much.
#[must_use]
pub fn size_free(n: u64) -> String {
    const GIB: u64 = 1 << 30;
    if n >= GIB {
        let tenths = n.saturating_mul(10) / GIB;
        format!("{}.{} GiB", tenths / 10, tenths % 10)
    } else {
        format!("{} MiB", n >> 20)
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopping => f.write_str("the run stops"),
            Self::Degraded => f.write_str("recording has a fault: nothing starts until it is well"),
            Self::Rollback => f.write_str("the run goes back to a checkpoint"),
            Self::Halted { pressure_permille } => {
                write!(f, "memory at {} %: nothing starts", pressure_permille / 10)
            }
            Self::Held => f.write_str("held by you"),
            Self::Checkout => f.write_str("what is integrated is being checked out"),
            Self::Elsewhere => f.write_str("the same command runs on the base for another"),
            Self::Slots {
                sequential: true, ..
            } => f.write_str("its turn comes: one at a time"),
            Self::Slots { used, cap, .. } => write!(f, "{used} of {cap} slots taken"),
            Self::Barrier {
                phase,
                failed: false,
            } => write!(f, "phase {phase} must end first"),
            Self::Barrier {
                phase,
                failed: true,
            } => write!(f, "phase {phase} failed"),
            Self::Exclusive => f.write_str("must run alone in its phase"),
            Self::Class { what, used, cap } => write!(f, "{what}: {used} of {cap} taken"),
            Self::Cpus { asked, free } => write!(
                f,
                "needs {}.{} CPUs, {}.{} free",
                asked / 1000,
                asked % 1000 / 100,
                free / 1000,
                free % 1000 / 100
            ),
            Self::Ram { asked, free } => {
                write!(
                    f,
                    "needs {}, {} to give",
                    size_asked(*asked),
                    size_free(*free)
                )
            }
            Self::Leased { asked, name } => {
                let asked = size_asked(*asked);
                write!(
                    f,
                    "needs {asked}; what is free is kept for {name}, which waits"
                )
            }
            Self::Resource { name, asked, free } if name.starts_with(MODEL_RESOURCE) => write!(
                f,
                "model {}: needs {asked} of its slots, {free} free",
                &name[MODEL_RESOURCE.len()..]
            ),
            Self::Machine { asked, free } => write!(
                f,
                "needs {}, the machine has {} to give",
                size_asked(*asked),
                size_free(*free)
            ),
            Self::Unloading { name } => write!(f, "model {name} is being unloaded"),
            Self::Growing { open, limit } => write!(
                f,
                "{} of what was started before is not in use yet: more starts below {}",
                size_asked(*open),
                size_free(*limit)
            ),
            Self::Stalled { permille } => write!(
                f,
                "programs waited for memory in {} % of the last 10 s: more starts below {} %",
                permille / 10,
                super::memory::STALLED / 10
            ),
            Self::Pressed { running, cap } => {
                write!(f, "memory pressure: {running} of {cap} at once")
            }
            Self::Deferred { zone } => {
                let least = if *zone == Zone::Red {
                    "critical"
                } else {
                    "normal"
                };
                write!(f, "memory is {}: only {least} priority starts", zone.name())
            }
            Self::Resource { name, asked, free } => write!(f, "needs {asked} {name}, {free} free"),
            Self::Provider {
                name,
                left_us,
                reason,
                ..
            } => {
                let left = left_us.div_ceil(1_000_000);
                write!(f, "{name} takes no more for {left} s")?;
                if reason.is_empty() {
                    Ok(())
                } else {
                    write!(f, ": {reason}")
                }
            }
            Self::Spent {
                budget,
                used,
                limit,
            } => write!(
                f,
                "the budget is used up: {} of {}",
                budget.amount(*used),
                budget.amount(*limit)
            ),
            Self::Rate { limit, left_us } => write!(
                f,
                "more than {limit} tokens in the last minute: waits {} s",
                left_us.div_ceil(1_000_000)
            ),
            Self::Budget { name, asked, left } => {
                write!(f, "needs {asked} {name}, {left} left of the budget")
            }
        }
    }
}
