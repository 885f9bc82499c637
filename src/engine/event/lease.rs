//! Leases: a command inside of an agent waits for memory, gets it, and gives it back.
//!
//! Plain data of the journal. Kinds and members are added, never changed.

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Level;
use crate::plan::AgentId;

/// Why a lease was granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum LeaseCause {
    /// There is room for it.
    #[default]
    Room,
    /// There is not, but all that runs waits for leases.
    Alone,
    /// There is not, but it has waited as long as one may.
    Late,
}

/// One event about a lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(tag = "kind")]
#[expect(
    missing_docs,
    reason = "the same in all: `agent` whose command, `attempt` which of it, `number` which lease of the run from 1"
)]
pub enum LeaseEvent {
    /// A command inside of an agent waits for memory.
    #[serde(rename = "lease.waiting")]
    Waiting {
        agent: AgentId,
        attempt: u32,
        number: u32,
        /// The command.
        name: String,
        /// What it waits for, in bytes.
        ram_bytes: u64,
        /// What its agent used when it asked, in bytes.
        used_bytes: u64,
        /// Granted leases whose commands it runs below.
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        below: Vec<u32>,
        /// How many are before it, and it, in the line.
        place: u32,
        /// What there was to give, in bytes.
        free_bytes: u64,
    },
    /// It runs; where it had not to wait this is the first that is heard of it.
    #[serde(rename = "lease.granted")]
    Granted {
        agent: AgentId,
        attempt: u32,
        number: u32,
        /// The command.
        name: String,
        /// What it gets, in bytes.
        ram_bytes: u64,
        /// What its agent used when it asked, in bytes.
        used_bytes: u64,
        /// Granted leases whose commands it runs below.
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        below: Vec<u32>,
        /// How long it has waited, in microseconds.
        waited_us: u64,
        cause: LeaseCause,
        /// What there was to give, in bytes.
        free_bytes: u64,
        /// The pressure then, in permille.
        pressure_permille: u32,
    },
    /// Its process has ended, or asks no more.
    #[serde(rename = "lease.returned")]
    Returned {
        agent: AgentId,
        attempt: u32,
        number: u32,
        /// The command.
        name: String,
        /// What it gives back, in bytes; 0: it was not granted.
        ram_bytes: u64,
        /// How long it was held, in microseconds.
        held_us: u64,
    },
}

impl LeaseEvent {
    /// Returns the kind, as the journal has it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Waiting { .. } => "lease.waiting",
            Self::Granted { .. } => "lease.granted",
            Self::Returned { .. } => "lease.returned",
        }
    }

    /// Returns whose command it is about.
    #[must_use]
    pub const fn agent(&self) -> &AgentId {
        match self {
            Self::Waiting { agent, .. }
            | Self::Granted { agent, .. }
            | Self::Returned { agent, .. } => agent,
        }
    }

    /// Returns whether somebody who waits for news is told: what really waited, and how that ended.
    #[must_use]
    pub const fn is_news(&self) -> bool {
        match self {
            Self::Waiting { .. } => true,
            Self::Granted { waited_us, .. } => *waited_us > 0,
            Self::Returned { .. } => false,
        }
    }

    /// Returns how urgent it is.
    #[must_use]
    pub const fn level(&self) -> Level {
        match self {
            Self::Granted {
                cause: LeaseCause::Late,
                ..
            } => Level::High,
            Self::Waiting { .. }
            | Self::Granted {
                cause: LeaseCause::Alone,
                ..
            } => Level::Medium,
            Self::Granted { .. } | Self::Returned { .. } => Level::Low,
        }
    }
}
