//! What measuring agents' memory found: leaks, and agents beyond their hard limit.
//!
//! Plain data of the journal. Kinds and members are added, never changed. Bytes.

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Level;
use crate::{display::figures::size, plan::AgentId};

/// Kinds of events about what an agent holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(tag = "kind")]
pub enum MeasureEvent {
    /// An agent's memory grows without end, as it seems; told once an attempt, and nothing follows by itself.
    #[serde(rename = "agent.leaking")]
    Leaking {
        /// Whose.
        agent: AgentId,
        /// In which attempt.
        attempt: u32,
        /// What it holds.
        bytes: u64,
        /// What is reserved for it.
        reserved_bytes: u64,
        /// How much more it holds each minute, over the last three.
        growth_bytes_per_min: i64,
    },
    /// An agent holds more than its `ram_max`: its attempt is ended.
    #[serde(rename = "agent.over_limit")]
    OverLimit {
        /// Which.
        agent: AgentId,
        /// In which attempt.
        attempt: u32,
        /// What it holds.
        bytes: u64,
        /// Its `ram_max`.
        limit_bytes: u64,
    },
}

impl MeasureEvent {
    /// Returns the contract's name of its kind.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Leaking { .. } => "agent.leaking",
            Self::OverLimit { .. } => "agent.over_limit",
        }
    }

    /// Returns the agent that it is about.
    #[must_use]
    pub const fn agent(&self) -> &AgentId {
        match self {
            Self::Leaking { agent, .. } | Self::OverLimit { agent, .. } => agent,
        }
    }

    /// Returns it in words, with what can be done.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Leaking {
                agent,
                bytes,
                reserved_bytes,
                growth_bytes_per_min,
                ..
            } => {
                let grows = match u64::try_from(*growth_bytes_per_min) {
                    Ok(more @ 1..) => format!(", {} more each minute", size(more)),
                    _ => String::new(),
                };
                format!(
                    "{agent} leaks: it holds {} of {} reserved{grows}; pause, stop or retry it",
                    size(*bytes),
                    size(*reserved_bytes)
                )
            }
            Self::OverLimit {
                agent,
                bytes,
                limit_bytes,
                ..
            } => format!(
                "{agent} is ended: it holds {}, its ram_max is {}",
                size(*bytes),
                size(*limit_bytes)
            ),
        }
    }

    /// Returns how urgent it is.
    #[must_use]
    pub const fn level(&self) -> Level {
        Level::High
    }
}
