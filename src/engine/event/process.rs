//! What is told of processes, beside how they begin and end.
//!
//! Plain data of the journal; must not hold anything that a journal line cannot carry.

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Trouble;
use crate::plan::AgentId;

/// What a freeze did, measured: `agent.freeze_verified`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct AgentFreezeVerified {
    /// Whom.
    pub agent: AgentId,
    /// Its attempt.
    pub attempt: u32,
    /// Processes seen stopped.
    pub stopped: u32,
    /// Processes of the tree; more than `stopped`: partly frozen.
    pub total: u32,
    /// Memory that it goes on holding, in bytes.
    pub held_bytes: u64,
}

/// A frozen process of an agent, its own or its check's, is ended because a phase before its own has to
/// pass first and nothing else moves; it goes again after that: `agent.preempted`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct AgentPreempted {
    /// Whose.
    pub agent: AgentId,
    /// Its attempt.
    pub attempt: u32,
    /// What it waits for, in words.
    pub reason: String,
}

/// Something is wrong with processes or their output, and nothing follows from it: `process.trouble`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct ProcessTrouble {
    /// Whose processes: an agent's…
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentId>,
    /// … or the gates' of a phase …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// … or of a track, a wave or the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cohort: Option<String>,
    /// Its attempt, or the round of the phase's gates.
    pub attempt: u32,
    /// What is wrong.
    pub trouble: Trouble,
}
