//! Memory pressure as far as decisions know it, and what was done about it.
//!
//! Plain data of the state; must not hold samples: only what events carried.

use serde::{Deserialize, Serialize};

use crate::{
    engine::{Figures, InBand, Zone},
    plan::AgentIx,
};

/// Memory pressure, and the controller's memory.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// The zone.
    pub zone: Zone,
    /// At or above the halt threshold.
    pub halted: bool,
    /// Where pressure is, seen from the band.
    pub band: InBand,
    /// Slots that were taken when the band was entered: within it there are no more; 0: not within.
    pub within: u32,
    /// How many the strategy's steps let run at once; 0: it has none.
    pub step: u32,
    /// How many may run at once because of pressure; 0: as many as otherwise.
    pub cap: u32,
    /// When that was last changed (elapsed µs).
    pub judged_us: u64,
    /// The last judgement was that nobody may be taken back; until the zone is left.
    pub stuck: bool,
    /// Decisions so far.
    pub decisions: u32,
    /// Decisions whose effect is not measured yet.
    pub open: Vec<Effect>,
    /// The first starts were reported.
    pub activated: bool,
}

/// A decision that is to free memory, until what it did is measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    /// Its number.
    pub number: u32,
    /// The attempts that end for it.
    pub ends: Vec<(AgentIx, u32)>,
    /// What it was to free, in bytes.
    pub told_bytes: u64,
    /// What those that have ended held, in bytes.
    pub freed_bytes: u64,
    /// When it was made (elapsed µs).
    pub at_us: u64,
    /// When the last of them had ended (elapsed µs); none: not yet.
    pub over_us: Option<u64>,
    /// Memory as the decision saw it.
    pub before: Figures,
}
