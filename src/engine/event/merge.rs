//! What a merge came to, and what a conflict is about, in figures.
//!
//! Plain data of the journal. Members are added, never changed.

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::AgentId;

/// How a conflict is settled (REQUIREMENTS E3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// Git merged it, or rules did; the checks on the result have the last word.
    AutomaticMerge,
    /// A person chooses, with guidance for each place.
    GuidedMerge,
    /// The second goes again on top of the first.
    SequentialFallback,
    /// A person decides what becomes of it at all.
    HumanReview,
}

impl Strategy {
    /// Returns its name, as events have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AutomaticMerge => "automatic_merge",
            Self::GuidedMerge => "guided_merge",
            Self::SequentialFallback => "sequential_fallback",
            Self::HumanReview => "human_review",
        }
    }
}

/// What a conflict is about, in figures; the texts are in `conflicts/<id>.json` of the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Clash {
    /// Files in conflict, at most 50 of them named.
    pub files: Vec<String>,
    /// How many files in all.
    pub file_count: u32,
    /// Places in them.
    pub hunks: u32,
    /// Lines of both sides in these places.
    pub lines: u32,
    /// Kinds beyond text: `deleted`, `binary`, `renamed`, `generated`, …; sorted, each once.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub kinds: Vec<String>,
    /// Complexity in permille (docs/conflicts.md).
    pub complexity: u32,
}

/// A command of a rule (`[merge] rules`), and the files in conflict that it makes anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct RuleCommand {
    /// What runs, at the root of the checkout.
    pub argv: Vec<String>,
    /// Which files, at most 50 of them named.
    pub files: Vec<String>,
}

/// What a trial of a merge came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum MergeOutcome {
    /// It is in there already.
    Contained,
    /// Git, or the plan's rules, merged it.
    Clean {
        /// The merge that would be the new head.
        commit: String,
        /// A checkout of it, to check it in.
        path: String,
        /// Its tree is the one that was checked in the workspace: nothing came between.
        checked: bool,
        /// Its tree.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        tree: Option<String>,
        /// Paths that both sides changed, at most 50 of them named.
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        overlap: Vec<String>,
        /// Agents whose merged work it met.
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        with: Vec<AgentId>,
        /// Rules or a person settled conflicts in it.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        clash: Option<Clash>,
    },
    /// Git could not, and no rule did.
    Conflict {
        /// What about.
        clash: Clash,
        /// Agents whose merged work it met.
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        with: Vec<AgentId>,
        /// What a rule's command left instead of the file.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        why: Option<String>,
    },
    /// Rules' commands have to make files first; all else is answered.
    Command {
        /// A checkout to run them in.
        path: String,
        /// What runs, one after another.
        commands: Vec<RuleCommand>,
        /// What it is about, should one of them fail.
        clash: Clash,
        /// Agents whose merged work it met.
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        with: Vec<AgentId>,
    },
    /// There is no room for the checkout that its checks need; it is tried again as soon as there is.
    NoRoom {
        /// Why, in words.
        error: String,
    },
    /// It could not be tried.
    Failed {
        /// Why, in words.
        error: String,
    },
}
