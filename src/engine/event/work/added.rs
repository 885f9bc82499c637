//! An agent that was added while the run went on.
//!
//! Plain data of the journal; must not hold what the plan is changed by: that is in `plan.extended`.

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::AgentId;

/// An agent that was added; told right after the plan has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Added {
    /// Its id.
    pub agent: AgentId,
    /// Its title, or the id.
    pub title: String,
    /// Its wave, from 1.
    pub wave: u32,
    /// Who added it: `deck`, `ctl`.
    pub by: String,
}
