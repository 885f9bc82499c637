//! What agents report of themselves, and the words of the daily status that it is said in.
//!
//! Plain data: bounded and cleaned by whoever read it. Must not judge what an agent says.

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::AgentId;

use super::Level;

/// How a track or an agent stands.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    /// Nothing is in the way.
    #[default]
    OnTrack,
    /// It goes on, but something endangers it.
    AtRisk,
    /// It cannot go on without help.
    Blocked,
}

impl Health {
    /// Returns the word of files and events.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OnTrack => "on-track",
            Self::AtRisk => "at-risk",
            Self::Blocked => "blocked",
        }
    }
}

/// How bad a blocker is, the worst first.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The run cannot reach its goal.
    Critical,
    /// The track cannot go on.
    High,
    /// Something is late or dearer.
    #[default]
    Medium,
    /// Worth knowing.
    Low,
}

impl Severity {
    /// Returns the word of files and events.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
        }
    }
}

/// Something in the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Blocker {
    /// What.
    pub blocker: String,
    /// How bad.
    pub severity: Severity,
    /// What will be done about it; empty where nobody knows.
    pub resolution_plan: String,
    /// Who says so, an agent's id or a person's name; empty: wavedeck, from facts. Only in cards: in
    /// an event it is the agent that reports.
    #[serde(skip)]
    pub by: String,
}

/// What a track or an agent uses.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct ResourceUsage {
    /// Memory now, in bytes; in a card `ram_gb`, 10^9 bytes.
    pub ram_bytes: Option<u64>,
    /// The workers or models that are at work, or worked last.
    pub model: Option<String>,
    /// Time spent in the current phase, in seconds; in a card `duration_hours`.
    pub duration_s: Option<u64>,
}

/// By which way a report came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// `wavedeck report-status`.
    Command,
    /// The file that `WAVEDECK_STATUS_FILE` names.
    File,
    /// Its program's own stream.
    Stream,
}

/// What an agent says of itself; what it leaves out it does not say.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Words {
    /// How it stands.
    pub status: Option<Health>,
    /// How much is done, 0 to 100.
    pub progress_percent: Option<u8>,
    /// What it does now.
    pub doing: Option<String>,
    /// What it did.
    pub completed_today: Vec<String>,
    /// What it will do.
    pub planned_tomorrow: Vec<String>,
    /// What is in its way, the worst first.
    pub blockers: Vec<Blocker>,
    /// What it says it uses.
    pub resource_usage: Option<ResourceUsage>,
}

/// `agent.progress`: an agent has reported, or tried to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct AgentProgress {
    /// Who.
    pub agent: AgentId,
    /// In which attempt.
    pub attempt: u32,
    /// By which way.
    pub via: Via,
    /// How it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Health>,
    /// How much is done, 0 to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress_percent: Option<u8>,
    /// What it does now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doing: Option<String>,
    /// What it did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub completed_today: Vec<String>,
    /// What it will do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub planned_tomorrow: Vec<String>,
    /// What is in its way, the worst first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blockers: Vec<Blocker>,
    /// What it says it uses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_usage: Option<ResourceUsage>,
    /// Why the report could not be taken, with its line; what it said before stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl AgentProgress {
    /// Makes the event of a report, or of one that could not be taken.
    #[must_use]
    pub fn new(agent: AgentId, attempt: u32, via: Via, said: Result<Words, String>) -> Self {
        let (words, error) = match said {
            Ok(words) => (words, None),
            Err(error) => (Words::default(), Some(error)),
        };
        Self {
            agent,
            attempt,
            via,
            status: words.status,
            progress_percent: words.progress_percent,
            doing: words.doing,
            completed_today: words.completed_today,
            planned_tomorrow: words.planned_tomorrow,
            blockers: words.blockers,
            resource_usage: words.resource_usage,
            error,
        }
    }

    /// Returns what was said.
    #[must_use]
    pub fn words(&self) -> Words {
        Words {
            status: self.status,
            progress_percent: self.progress_percent,
            doing: self.doing.clone(),
            completed_today: self.completed_today.clone(),
            planned_tomorrow: self.planned_tomorrow.clone(),
            blockers: self.blockers.clone(),
            resource_usage: self.resource_usage.clone(),
        }
    }

    /// Returns how urgent it is: what an agent calls blocked is for a person.
    #[must_use]
    pub const fn level(&self) -> Level {
        match (self.status, &self.error) {
            (Some(Health::Blocked), _) => Level::High,
            (Some(Health::AtRisk), _) | (_, Some(_)) => Level::Medium,
            _ => Level::Low,
        }
    }
}
