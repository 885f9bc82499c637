//! What waits for a person, as the events have it.
//!
//! Plain data; changed by `apply` alone. What should wait is decided in `decide::attention`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{AT_THE_END, OF_BUDGETS, place_of};
use crate::engine::{Answer, AttentionKind, Owner};

/// Something that waits for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Its number in the run, from 1; 0: it was not recorded as waiting yet.
    pub id: u32,
    /// What kind of thing it is.
    pub kind: AttentionKind,
    /// Whom it is about; none: the run as a whole.
    pub owner: Option<Owner>,
    /// Attempt of the agent, round of the phase's gates, or number of the run's daily gate.
    pub attempt: u32,
    /// The gate that is asked about or is red.
    pub gate: Option<String>,
    /// The question, or the reason. Foreign text: to be cleaned before it is shown.
    pub title: String,
    /// Since when it waits (elapsed µs).
    pub since_us: u64,
}

impl Item {
    /// Returns what can be answered.
    #[must_use]
    pub const fn answers(&self) -> &'static [Answer] {
        self.kind
            .answers(matches!(self.owner, Some(Owner::Agent(_))))
    }

    /// Returns what of the run it is, where it is about the run as a whole.
    #[must_use]
    pub const fn of_run(&self) -> &'static str {
        match self.kind {
            AttentionKind::Deliver => "end of the run",
            AttentionKind::Budget => "budget",
            _ => "24-hour gate",
        }
    }

    /// Returns its place in the attention queue.
    #[must_use]
    pub(in crate::engine) const fn place(&self) -> (u8, u32) {
        match self.kind {
            AttentionKind::Deliver => AT_THE_END,
            AttentionKind::Budget => OF_BUDGETS,
            _ => place_of(self.owner),
        }
    }

    /// Returns whether another one can be answered together with it: the same gate, or the same
    /// reason.
    #[must_use]
    pub fn equals(&self, other: &Self) -> bool {
        let alike = self.gate.is_some() || self.title == other.title;
        self.kind == other.kind && self.gate == other.gate && alike
    }
}

/// The attention queue.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Attention {
    /// What waits, by whom it is about (agents, then phases, then the run).
    #[serde(with = "items")]
    pub open: BTreeMap<(u8, u32), Item>,
    /// Whose place in the queue may have changed since it was last looked at.
    pub due: BTreeSet<(u8, u32)>,
    /// The highest number given so far.
    pub last_id: u32,
    /// The last daily gate that did not pass.
    #[serde(default)]
    pub day: u32,
}

impl Attention {
    /// Returns the daily gate that does not pass and that nobody has seen.
    #[must_use]
    pub fn day_gate(&self) -> Option<&Item> {
        self.open.get(&place_of(None))
    }

    /// Returns the question at the run's end that nobody has answered.
    #[must_use]
    pub fn deliver(&self) -> Option<&Item> {
        self.open.get(&AT_THE_END)
    }

    /// Returns the question whether more may be used than the plan says, that nobody has answered.
    #[must_use]
    pub fn budget(&self) -> Option<&Item> {
        self.open.get(&OF_BUDGETS)
    }
}

/// The items alone: each knows whose it is, and JSON has no keys but texts.
mod items {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serializer};

    use super::Item;

    type Open = BTreeMap<(u8, u32), Item>;

    pub fn serialize<S: Serializer>(open: &Open, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(open.values())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Open, D::Error> {
        let items = Vec::<Item>::deserialize(from)?;
        let keyed = items.into_iter().map(|item| (item.place(), item));
        Ok(keyed.collect())
    }
}
