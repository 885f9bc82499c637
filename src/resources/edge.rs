//! What the sensor tells of, and the inputs that these are.
//!
//! Plain data; must not judge.

use crate::{
    engine::{InBand, InputKind, Zone},
    plan::AgentIx,
};

/// What changed from one sample to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// The zone, or whether anything may start.
    Zone {
        /// The zone now.
        zone: Zone,
        /// At or above the halt threshold (until the hysteresis below it): nothing may start.
        halted: bool,
        /// Where pressure is, seen from the band.
        band: InBand,
        /// How many the strategy lets run at once; 0: it has no steps.
        step: u32,
    },
    /// What runs is to be judged: pressure is where something may have to be done, or a window is over.
    Judge,
    /// An agent has been silent for its limit, or speaks again.
    Quiet {
        /// Whom.
        agent: AgentIx,
        /// Its attempt.
        attempt: u32,
        /// Silent, or speaking again.
        quiet: bool,
    },
    /// An agent leaks, as it seems.
    Leaking {
        /// Whom.
        agent: AgentIx,
        /// Its attempt.
        attempt: u32,
        /// What it holds, in bytes.
        bytes: u64,
        /// How much more each minute, in bytes.
        growth_bytes_per_min: i64,
    },
    /// An agent holds more than its hard limit.
    OverLimit {
        /// Whom.
        agent: AgentIx,
        /// Its attempt.
        attempt: u32,
        /// What it holds, in bytes.
        bytes: u64,
    },
}

impl From<Edge> for InputKind {
    fn from(edge: Edge) -> Self {
        match edge {
            Edge::Zone {
                zone,
                halted,
                band,
                step,
            } => Self::Zone {
                zone,
                halted,
                band,
                step,
            },
            Edge::Judge => Self::Judge,
            Edge::Quiet {
                agent,
                attempt,
                quiet,
            } => Self::Quiet {
                agent,
                attempt,
                quiet,
            },
            Edge::Leaking {
                agent,
                attempt,
                bytes,
                growth_bytes_per_min,
            } => Self::Leaking {
                agent,
                attempt,
                bytes,
                growth_bytes_per_min,
            },
            Edge::OverLimit {
                agent,
                attempt,
                bytes,
            } => Self::OverLimit {
                agent,
                attempt,
                bytes,
            },
        }
    }
}
