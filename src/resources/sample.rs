//! One reading of memory and output activity: what a sampler measured at one moment.
//!
//! Plain data for screens, `samples.jsonl` and the socket; never enters the journal. Must not
//! measure anything itself.

use serde::{Deserialize, Serialize};

use super::ServerSample;
use crate::{
    engine::{Figures, Use, Uses},
    plan::AgentIx,
};

/// Memory of the whole machine (or of the container that we run in).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct MachineSample {
    /// Memory in all, in bytes.
    pub total_bytes: u64,
    /// What can still be given without swapping, in bytes.
    pub available_bytes: u64,
    /// Swap in use, in bytes.
    pub swap_used_bytes: u64,
    /// Share of the last 10 s in which some task stalled for memory, in permille.
    pub stall_permille: u32,
    /// Resident memory of wavedeck's own processes, in bytes.
    pub own_bytes: u64,
}

/// One running agent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AgentSample {
    /// Which agent.
    pub agent: u32,
    /// Which attempt.
    pub attempt: u32,
    /// Resident memory of its process tree, in bytes; an upper bound: pages that several processes
    /// share (libraries, forked memory) count in each.
    pub resident_bytes: u64,
    /// Proportional set of its process tree at the last slow reading, in bytes: shared pages count
    /// once over all processes that use them. Lags behind; none for agents not measured so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pss_bytes: Option<u64>,
    /// Highest resident sum seen in this attempt, in bytes.
    pub peak_bytes: u64,
    /// Processes in its tree.
    pub processes: u32,
    /// Bytes of output so far.
    pub output_bytes: u64,
    /// Time since its last output (or its start), in microseconds.
    pub quiet_us: u64,
    /// Its last line of output, sanitised, at most 240 bytes.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub line: String,
}

impl AgentSample {
    /// Returns the agent's position.
    #[must_use]
    pub const fn ix(&self) -> AgentIx {
        AgentIx(self.agent)
    }
}

impl Sample {
    /// Returns what agents hold, for decisions.
    #[must_use]
    pub fn uses(&self) -> Uses {
        let uses = self.agents.iter().map(|agent| Use {
            agent: agent.ix(),
            attempt: agent.attempt,
            bytes: agent.resident_bytes,
        });
        uses.collect()
    }
}

/// One reading.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sample {
    /// Wall clock, milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// Time that the run has been alive, in microseconds.
    pub elapsed_us: u64,
    /// The figures that decisions use.
    pub figures: Figures,
    /// The machine.
    pub machine: MachineSample,
    /// Agents with a live process, by position.
    pub agents: Vec<AgentSample>,
    /// Models of the plan, as their servers were seen last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub servers: Vec<ServerSample>,
}
