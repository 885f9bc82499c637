//! How an agent is held to its workspace, as it is shown.

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How an agent is held to its workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Boundary {
    /// The kernel refuses writes elsewhere.
    Enforced,
    /// What it changes is looked at; nothing keeps it from writing elsewhere.
    Watched,
    /// Nobody looks.
    #[default]
    Off,
}

impl Boundary {
    /// Returns its word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Enforced => "enforced",
            Self::Watched => "watched",
            Self::Off => "off",
        }
    }
}
