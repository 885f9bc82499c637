//! What is done about a merge: nothing, automatically, with guidance, one after the other, or by a
//! person.
//!
//! Pure and total; the reasons stand in `docs/conflicts.md`. Must not carry anything out.

use serde::{Deserialize, Serialize};

use crate::plan::Join;

use super::complexity::{Facts, complexity};

/// Below this (permille) a settled merge is taken automatically.
const AUTOMATIC: u32 = 300;
/// Below this (permille) a conflict is offered hunk by hunk with guidance.
const GUIDED: u32 = 700;

/// How a merge is dealt with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// The sides do not touch each other.
    None,
    /// Git merges, or rules answer all; it counts once the checks on the result pass.
    AutomaticMerge,
    /// A person answers hunk by hunk, with a sentence on each.
    GuidedMerge,
    /// The second goes again on top of the first.
    SequentialFallback,
    /// A person decides about the whole of it.
    HumanReview,
}

impl Strategy {
    /// The name in events and documents.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::AutomaticMerge => "automatic_merge",
            Self::GuidedMerge => "guided_merge",
            Self::SequentialFallback => "sequential_fallback",
            Self::HumanReview => "human_review",
        }
    }
}

/// What is decided on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Case {
    /// The counts, after the rules.
    pub facts: Facts,
    /// Git merged without a conflict.
    pub clean: bool,
    /// A path that both sides changed, or both agents, belong to a critical domain.
    pub critical: bool,
    /// The policy of the agent whose work comes.
    pub join: Join,
}

/// Decides.
pub fn strategy(case: &Case) -> Strategy {
    let facts = &case.facts;
    if case.clean && facts.overlap == 0 {
        return Strategy::None;
    }
    // A clean merge of lines says nothing about meaning, and in a critical domain that is not enough.
    if case.critical {
        return Strategy::SequentialFallback;
    }
    if !case.clean && case.join != Join::MergeWithRules {
        return Strategy::HumanReview;
    }
    let hard = complexity(facts);
    if (case.clean || facts.settled()) && hard < AUTOMATIC {
        Strategy::AutomaticMerge
    } else if hard < GUIDED {
        Strategy::GuidedMerge
    } else {
        Strategy::HumanReview
    }
}

/// The confidence in an automatic merge: 1000 − complexity, in permille.
pub fn confidence(facts: &Facts) -> u32 {
    1_000 - complexity(facts)
}
