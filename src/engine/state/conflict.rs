//! Conflicts between pieces of work, found or foreseen, as the events have them.
//!
//! Plain data; changed by `apply` alone.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::State;
use crate::{
    engine::{Clash, Strategy},
    plan::AgentIx,
};

/// A side that a person takes for one place of a conflict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Pick {
    /// What is integrated.
    Ours,
    /// What the agent made.
    Theirs,
    /// Both, what is integrated first.
    Both,
    /// Both, what the agent made first.
    BothReversed,
    /// What was there before either.
    Base,
    /// A text of their own, `conflicts/<id>.edits/<sha256>` of the run's folder.
    Edited(String),
}

impl Pick {
    /// Returns its word.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Theirs => "theirs",
            Self::Both => "both",
            Self::BothReversed => "both-reversed",
            Self::Base => "base",
            Self::Edited(_) => "edited",
        }
    }
}

/// One choice of a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chosen {
    /// The file; none: every place that was not chosen by then.
    pub file: Option<String>,
    /// The place in it, by its key; none: the file as a whole.
    pub hunk: Option<String>,
    /// What is taken.
    pub pick: Pick,
}

/// A conflict between pieces of finished work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// Whose merge met it.
    pub agent: AgentIx,
    /// Which attempt of it.
    pub attempt: u32,
    /// Agents whose merged work it met.
    pub with: Vec<AgentIx>,
    /// What about, in figures.
    pub clash: Clash,
    /// In a critical domain.
    pub critical: bool,
    /// How it is to be settled.
    pub strategy: Strategy,
    /// When it was found (elapsed µs).
    pub since_us: u64,
    /// Choices so far, in their order; a later one of the same place counts.
    pub chosen: Vec<Chosen>,
    /// Who said that the choices are complete, until the merge with them has its result.
    pub settled_by: Option<String>,
    /// Notes of those who passed it on.
    pub notes: Vec<String>,
    /// How it ended, in words.
    pub resolved: Option<String>,
    /// It ended by nothing but that its work was given up.
    pub given_up: bool,
}

impl Conflict {
    /// Returns whether it is about what hand-offs state, not about files.
    #[must_use]
    pub fn about_facts(&self) -> bool {
        self.clash.kinds.iter().any(|kind| kind == "context")
    }

    /// Returns whether it ended by a settlement.
    #[must_use]
    pub const fn settled(&self) -> bool {
        self.resolved.is_some() && !self.given_up
    }
}

/// Two agents that would clash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prediction {
    /// Where.
    pub files: Vec<String>,
    /// Kinds beyond text.
    pub kinds: Vec<String>,
    /// In a critical domain and seen twice.
    pub critical: bool,
    /// Since when (elapsed µs).
    pub since_us: u64,
    /// A person has seen it.
    pub seen: bool,
}

impl State {
    /// Returns the facts that are left to those who lose by what a person has chosen in a conflict
    /// between hand-offs; of the others nothing changes.
    #[must_use]
    pub fn overruled(&self, conflict: &Conflict) -> BTreeMap<AgentIx, BTreeMap<String, String>> {
        let mut after = BTreeMap::new();
        let Some(chosen) = conflict.chosen.last() else {
            return after;
        };
        let facts = |ix: AgentIx| {
            let work = self.agent(ix).work.as_ref();
            work.map(|work| work.facts.clone()).unwrap_or_default()
        };
        let own = facts(conflict.agent);
        for &other in &conflict.with {
            let known = facts(other);
            let differs = |key: &String| own.contains_key(key) && own.get(key) != known.get(key);
            let loser = match chosen.pick {
                Pick::Ours => conflict.agent,
                _ => other,
            };
            let left = after.entry(loser).or_insert_with(|| facts(loser));
            left.retain(|key, _| !(known.contains_key(key) && differs(key)));
        }
        after
    }
}
