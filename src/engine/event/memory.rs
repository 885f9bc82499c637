//! Memory drives what runs: parking, coming back, decisions of the controller and what they did.
//!
//! Plain data of the journal. Kinds and members are added, never changed. Every decision has the figures that it was
//! made by; samples themselves are not events.

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Cause, Figures, Impact, Level, Relief, Scarce, parts::is_zero};
use crate::{plan::AgentId, schedule::learnt::Need};

/// Where pressure is, seen from the band that it is to be kept in.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum InBand {
    /// More may run.
    #[default]
    Below,
    /// As many as do.
    Within,
    /// Less is to run.
    Above,
}

/// What the controller does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Adapted {
    /// Agents are parked.
    Park,
    /// Agents go on with a worker that needs less memory here.
    Swap,
    /// Fewer may run at once.
    Lower,
    /// More may run at once.
    Raise,
    /// Agents that went on elsewhere may take their own worker again from their next attempt on.
    Back,
    /// Something would have to give, and nothing may.
    Nothing,
}

/// One event about memory; each kind carries the members that its document names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(tag = "kind")]
#[expect(
    missing_docs,
    reason = "the same in all: `agent` whom, `attempt` which of it, `cause` why, `number` which decision from 1, \
              `figures` memory as the decision saw it"
)]
pub enum MemoryEvent {
    /// Pressure entered or left the band, or another step of the strategy counts.
    #[serde(rename = "band.changed")]
    Band {
        from: InBand,
        to: InBand,
        /// How many the strategy lets run at once of each phase or agent; none: it has no steps.
        #[serde(skip_serializing_if = "is_zero", default)]
        step: u32,
        figures: Figures,
    },
    /// Its processes are being ended so that it can go on later.
    #[serde(rename = "agent.parking")]
    Parking {
        agent: AgentId,
        attempt: u32,
        cause: Cause,
        /// What its processes held then, in bytes; none: not measured yet.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        held_bytes: Option<u64>,
        number: u32,
        figures: Figures,
    },
    /// They have ended: its memory is free, its workspace and session are kept.
    #[serde(rename = "agent.parked")]
    Parked {
        agent: AgentId,
        attempt: u32,
        cause: Cause,
        /// What its processes held, in bytes: when they were last measured, or when it was decided where that was more.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        freed_bytes: Option<u64>,
    },
    /// It may go on, through admission: its next attempt is scheduled.
    #[serde(rename = "agent.resumed")]
    Resumed {
        agent: AgentId,
        attempt: u32,
        pressure_permille: u32,
    },
    /// The controller does something, or can do nothing.
    #[serde(rename = "memory.adapted")]
    Adapted {
        number: u32,
        what: Adapted,
        /// Why, in words.
        reason: String,
        /// Who is concerned.
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        agents: Vec<AgentId>,
        /// What it shall free, in bytes.
        #[serde(skip_serializing_if = "super::parts::none", default)]
        told_bytes: u64,
        /// How many may run at once from now on; none: as many as otherwise.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        agents_cap: Option<u32>,
        figures: Figures,
    },
    /// What a decision did, measured with the first sample after it.
    #[serde(rename = "memory.measured")]
    Measured {
        number: u32,
        /// What it was to free, in bytes.
        told_bytes: u64,
        /// What the processes that ended for it held when they were last measured, and what a model's server gave
        /// back for it, in bytes.
        freed_bytes: u64,
        /// How long it took, in microseconds.
        took_us: u64,
        before: Figures,
        after: Figures,
    },
    /// What earlier runs have taught, as it counts in this one.
    #[serde(rename = "run.learnt")]
    Learnt {
        /// Agents by worker, the first ones in the plan's order; `config.toml` of the run has all.
        agents: Vec<Need>,
        /// How many more there are.
        #[serde(skip_serializing_if = "is_zero", default)]
        more: u32,
    },
    /// The first starts have been made and measured: the baseline of the run.
    #[serde(rename = "run.activated")]
    Activated {
        /// Agents whose process runs.
        active: Vec<AgentId>,
        /// Agents that were started and whose process does not run.
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        inactive: Vec<AgentId>,
        /// What was reserved for them, in bytes.
        reserved_bytes: u64,
        /// What they may use together, in bytes.
        #[serde(skip_serializing_if = "super::parts::none", default)]
        limit_bytes: u64,
        /// How many may run at once.
        #[serde(skip_serializing_if = "is_zero", default)]
        agents_cap: u32,
        /// Reservations, slots and what is used are within the limits of the run.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        within_limits: Option<bool>,
        /// Agents of them whose memory is measured.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        monitored: Option<u32>,
        /// Pairs of them that write the same files, as it seems by now.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        scope_conflicts: Option<u32>,
        figures: Figures,
    },
    /// Something that agents need is short; told once, when that begins.
    #[serde(rename = "resource.shortage")]
    Shortage {
        resource: Scarce,
        /// What is done about it.
        strategy: Relief,
        /// Why, in words.
        reason: String,
        /// What each strategy that could be taken would do; it was chosen by that.
        impacts: Vec<Impact>,
        figures: Figures,
    },
    /// It is short no more.
    #[serde(rename = "resource.recovered")]
    Recovered { resource: Scarce, figures: Figures },
}

impl MemoryEvent {
    /// Returns the name of its kind.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Band { .. } => "band.changed",
            Self::Parking { .. } => "agent.parking",
            Self::Parked { .. } => "agent.parked",
            Self::Resumed { .. } => "agent.resumed",
            Self::Adapted { .. } => "memory.adapted",
            Self::Measured { .. } => "memory.measured",
            Self::Learnt { .. } => "run.learnt",
            Self::Activated { .. } => "run.activated",
            Self::Shortage { .. } => "resource.shortage",
            Self::Recovered { .. } => "resource.recovered",
        }
    }

    /// Returns the agent that it is about.
    #[must_use]
    pub const fn agent(&self) -> Option<&AgentId> {
        match self {
            Self::Parking { agent, .. }
            | Self::Parked { agent, .. }
            | Self::Resumed { agent, .. } => Some(agent),
            Self::Band { .. }
            | Self::Adapted { .. }
            | Self::Measured { .. }
            | Self::Activated { .. }
            | Self::Shortage { .. }
            | Self::Recovered { .. }
            | Self::Learnt { .. } => None,
        }
    }

    /// Returns how urgent it is.
    #[must_use]
    pub const fn level(&self) -> Level {
        match self {
            Self::Adapted {
                what: Adapted::Nothing,
                ..
            }
            | Self::Shortage { .. } => Level::High,
            Self::Parking { .. } | Self::Adapted { .. } => Level::Medium,
            _ => Level::Low,
        }
    }
}
