//! The question at a run's end: whether a person's branch goes forward to the work.

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a person is asked about when the branch with the work is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Offer {
    /// Their branch that would go forward; none: none is checked out.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub to: Option<String>,
    /// Commits that it does not have; none: they could not be counted.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub commits: Option<u32>,
    /// Files that differ.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub files: Option<u32>,
    /// Why it cannot go forward just now; a yes tries again.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hindered: Option<String>,
}
