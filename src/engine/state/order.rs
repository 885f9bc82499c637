//! Keys of the ordered work lists: who starts first, what is due when, whose check or verdict.

use serde::{Deserialize, Serialize};

use crate::{
    engine::{CohortIx, Owner},
    plan::{AgentIx, PhaseIx},
};

/// Order of starting among ready agents; the smallest goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Rank {
    /// It has a soft need whose predecessor has not ended.
    pub soft: bool,
    /// Its phase in hybrid mode (0 in others).
    pub phase: u32,
    /// Its priority class.
    pub priority: crate::plan::Priority,
    /// Its latest finish time, µs.
    pub latest_finish_us: u64,
    /// Its class.
    pub class: crate::plan::Class,
    /// Its place in the plan.
    pub agent: AgentIx,
}

/// A moment at which something is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Due {
    /// When (elapsed µs).
    pub at_us: u64,
    /// Whose: an agent's (its own process, its back-off or its check) or a phase's gate.
    pub owner: Owner,
}

/// Packs an owner for the ordered work lists: agents before phases before cohort
/// points, each by position.
#[must_use]
pub(in crate::engine) const fn pack(owner: Owner) -> (u8, u32) {
    match owner {
        Owner::Agent(ix) => (0, ix.0),
        Owner::Phase(ix) => (1, ix.0),
        Owner::Cohort(ix) => (2, ix.0),
    }
}

/// The place of an item in the attention queue; the run as a whole stands last.
#[must_use]
pub(in crate::engine) const fn place_of(owner: Option<Owner>) -> (u8, u32) {
    match owner {
        Some(owner) => pack(owner),
        None => (3, 0),
    }
}

/// The place of the question at a run's end, after everything else.
pub(in crate::engine) const AT_THE_END: (u8, u32) = (3, 1);

/// The place of the question about budgets.
pub(in crate::engine) const OF_BUDGETS: (u8, u32) = (3, 2);

/// Unpacks an owner of the work lists.
#[must_use]
pub(in crate::engine) const fn unpack(packed: (u8, u32)) -> Owner {
    match packed {
        (0, ix) => Owner::Agent(AgentIx(ix)),
        (1, ix) => Owner::Phase(PhaseIx(ix)),
        (_, ix) => Owner::Cohort(CohortIx(ix)),
    }
}
