//! What an agent is to begin with: that it is looked for, and what was found.

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::AgentId;

/// A file that is not where it should be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Absent {
    /// Its path, as the plan has it.
    pub path: String,
    /// Whose result should have it; none: it should be there whoever made it.
    // Never left out: the state holds it too, and snapshots have no names of members.
    #[serde(default)]
    pub from: Option<AgentId>,
}

/// An agent may start but for what it is to begin with, which is looked at: `handoff.checking`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct HandoffChecking {
    /// Whom.
    pub agent: AgentId,
    /// Its last attempt; 0: this is before its first one.
    pub attempt: u32,
    /// How many times it was looked at, from 1.
    pub number: u32,
}

/// The files are known; its needs' commands follow, where all are there: `handoff.checked`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct HandoffChecked {
    /// Whom.
    pub agent: AgentId,
    /// Its last attempt; 0: this is before its first one.
    pub attempt: u32,
    /// The number of the question.
    pub number: u32,
    /// Files that are not there, at most 50 of them named.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub missing: Vec<Absent>,
    /// They could not be looked for, and why.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<String>,
}
