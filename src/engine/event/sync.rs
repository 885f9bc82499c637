//! Synchronisation points: where agents come together, from begin to end.

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::AgentId;

/// What agents come together for (REQUIREMENTS H2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum SyncKind {
    /// The work of a wave is merged.
    ContextMerge,
    /// A wave is complete, or an agent hands off to others: what was held is free, what is left is
    /// looked at anew.
    ProgressCheckpoint,
    /// The gates of a phase, a track, waves or the run are checked.
    QualityGate,
    /// What agents hold is taken back for memory: parked, moved to another worker, or fewer at once.
    ResourceRebalancing,
}

/// One synchronisation point.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct SyncPoint {
    /// What for.
    pub sync: SyncKind,
    /// The wave that it is about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub wave: Option<u32>,
    /// The phase that it is about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub phase: Option<String>,
    /// The track (`track:A`), waves (`wave:2`) or `run` whose gates it is about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cohort: Option<String>,
    /// The agent whose hand-off it is about.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub agent: Option<AgentId>,
    /// The decision about memory that it is of, from 1.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub decision: Option<u32>,
}
