//! What is short, and what is done about it (REQUIREMENTS D5).
//!
//! Plain data of the journal. Names are the requirement's; members are added, never changed.

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::parts::{is_zero, none};

/// What agents need and there is too little of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Scarce {
    /// Memory of the run, or of the machine.
    Memory,
    /// CPUs that the run may use.
    Cpu,
    /// Tokens or requests of a provider, or of the plan's own rate.
    ApiTokens,
}

/// What is done about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Relief {
    /// Fewer at once: agents are parked, deferred, or not started.
    ReduceParallelism,
    /// Starts wait, and come one after the other when there is more again.
    BatchAgents,
    /// Agents go on with a worker that needs less here.
    LightweightSubstitution,
}

/// What a strategy would do, as far as that was known when it was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Impact {
    /// Which.
    pub strategy: Relief,
    /// Bytes that it would free; 0: none by itself.
    #[serde(skip_serializing_if = "none", default)]
    pub frees_bytes: u64,
    /// Agents that it would concern.
    pub agents: u32,
    /// For how long it would keep starts waiting, in microseconds; 0: that is not known.
    #[serde(skip_serializing_if = "none", default)]
    pub waits_us: u64,
    /// CPUs that are wanted beyond those that are free, in milli-CPUs.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub cpus_milli: u32,
}

impl Impact {
    /// Makes one that concerns so many agents.
    #[must_use]
    pub const fn of(strategy: Relief, agents: u32) -> Self {
        Self {
            strategy,
            frees_bytes: 0,
            agents,
            waits_us: 0,
            cpus_milli: 0,
        }
    }
}

pub(super) const fn api_tokens() -> Scarce {
    Scarce::ApiTokens
}

pub(super) const fn batch_agents() -> Relief {
    Relief::BatchAgents
}
