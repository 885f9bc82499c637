//! Models that servers hold: loaded, unloaded, left for another.
//!
//! Plain data of the journal. Kinds and members are added, never changed. Models are named as the plan does.

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Cause, Level};
use crate::plan::AgentId;

/// How a number of bytes is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Known {
    /// Measured of the server's processes.
    Measured,
    /// A share of that: the server holds other models too.
    Shared,
    /// The server says so.
    Told,
    /// Computed from what the plan or the model's file says.
    #[default]
    Estimated,
}

/// How a model can be taken out of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Unloading {
    /// Its server does it when it is asked.
    Request,
    /// Its server does it by itself when nobody asks it anything for so many seconds.
    Sleep(u32),
    /// Not from outside.
    Never,
    /// Nobody knows yet.
    #[default]
    Unknown,
}

/// What its server and its processes say of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Held {
    /// Bytes that it takes on this machine.
    pub bytes: u64,
    /// How these are known.
    pub by: Known,
    /// How it can be unloaded.
    pub unloading: Unloading,
    /// Bytes that loading it takes before any request, where its file says it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub base_bytes: Option<u64>,
    /// Bytes of the cache of one request, where its file says it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub slot_bytes: Option<u64>,
}

/// One event about a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(tag = "kind")]
#[expect(
    missing_docs,
    reason = "the same in all: `model` which, `agent` whom and `attempt` in which of its attempts"
)]
pub enum ModelEvent {
    /// It is in memory, or takes clearly more or less of it than was told last.
    #[serde(rename = "model.loaded")]
    Loaded {
        model: String,
        #[serde(flatten)]
        held: Held,
    },
    /// Its server is asked to unload it.
    #[serde(rename = "model.unloading")]
    Unloading {
        model: String,
        /// Why: a person, or the last agent that used it went on without it.
        cause: Cause,
        /// Bytes that this is to give back.
        told_bytes: u64,
    },
    /// It takes no memory any more.
    #[serde(rename = "model.unloaded")]
    Unloaded {
        model: String,
        /// We asked for it; else its server did it by itself.
        asked: bool,
        /// Bytes that were to be given back.
        told_bytes: u64,
        /// Bytes that its server's processes gave back; none: they cannot be measured.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        freed_bytes: Option<u64>,
        /// Bytes that they still take.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        left_bytes: Option<u64>,
    },
    /// It was to be unloaded and is still there.
    #[serde(rename = "model.kept")]
    Kept {
        model: String,
        /// Why, in words.
        reason: String,
    },
    /// An agent goes on with another worker.
    #[serde(rename = "model.swapped")]
    Swapped {
        agent: AgentId,
        attempt: u32,
        /// The worker that it had.
        from: String,
        /// The worker that it gets.
        to: String,
        cause: Cause,
        /// Bytes that this frees now: its own, and those of a model that nobody else uses.
        frees_bytes: u64,
        /// Bytes that are free when all others have left its model too.
        later_bytes: u64,
        /// Agents that use its model beside it.
        others: u32,
    },
}

impl ModelEvent {
    /// Returns the contract's name of its kind.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Loaded { .. } => "model.loaded",
            Self::Unloading { .. } => "model.unloading",
            Self::Unloaded { .. } => "model.unloaded",
            Self::Kept { .. } => "model.kept",
            Self::Swapped { .. } => "model.swapped",
        }
    }

    /// Returns the agent that it is about.
    #[must_use]
    pub const fn agent(&self) -> Option<&AgentId> {
        match self {
            Self::Swapped { agent, .. } => Some(agent),
            _ => None,
        }
    }

    /// Returns how urgent it is.
    #[must_use]
    pub const fn level(&self) -> Level {
        match self {
            Self::Loaded { .. } | Self::Unloading { .. } => Level::Low,
            Self::Unloaded { .. } | Self::Swapped { .. } => Level::Medium,
            Self::Kept { .. } => Level::High,
        }
    }
}
