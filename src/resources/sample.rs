//! One reading of memory and output activity: what a sampler measured at one moment.
//!
//! Plain data for screens, `samples.jsonl` and the socket; never enters the journal. Must not
//! measure anything itself.

use serde::{Deserialize, Serialize};

use super::ServerSample;
use crate::{
    engine::{Figures, State, Use, Uses},
    plan::AgentIx,
    sys::{cgroup::Rung, strays::Strays},
};

/// Less than this of processes that no slow reading has seen does not matter, in bytes.
const UNREAD: u64 = 32 << 20;

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
    /// What keeps the processes of agents together.
    #[serde(default, skip_serializing_if = "is_tree")]
    pub rung: Rung,
    /// Agent programs of this user that no run started.
    #[serde(default, skip_serializing_if = "no_strays")]
    pub strays: Strays,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "called by serde")]
fn is_tree(rung: &Rung) -> bool {
    *rung == Rung::Tree
}

const fn no_strays(strays: &Strays) -> bool {
    strays.count == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "called by serde")]
const fn none(bytes: &u64) -> bool {
    *bytes == 0
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
    /// What of it counts more than once, in bytes, as of the last slow reading: 0 where there was none.
    #[serde(default, skip_serializing_if = "none")]
    pub shared_bytes: u64,
    /// What of it is of processes that the last slow reading did not see, in bytes: what those share is not known.
    #[serde(default, skip_serializing_if = "none")]
    pub unread_bytes: u64,
    /// What of its tree was moved to swap at the last slow reading, in bytes.
    #[serde(default, skip_serializing_if = "none")]
    pub swap_bytes: u64,
    /// How fast its memory grew over the last three minutes, in bytes a minute, below 0 where it shrank;
    /// none in its first minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub growth_bytes_per_min: Option<i64>,
    /// Proportional set of its process tree at the last slow reading, in bytes: shared pages count
    /// once over all processes that use them. Lags behind; none for agents not measured so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pss_bytes: Option<u64>,
    /// Highest of what counts ([`AgentSample::counted_bytes`]) seen in this attempt, in bytes.
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

    /// Returns what it holds in bytes, shared pages once where that is known: what decisions count.
    #[must_use]
    pub const fn counted_bytes(&self) -> u64 {
        self.resident_bytes.saturating_sub(self.shared_bytes)
    }

    /// Returns whether what counts is only an upper bound: several processes, and no slow reading yet, or one that
    /// did not see an eighth of it. A process that was just forked counts all that it shares with its parent.
    #[must_use]
    pub const fn at_most(&self) -> bool {
        let unread = self.unread_bytes >= UNREAD && self.unread_bytes >= self.counted_bytes() / 8;
        (self.pss_bytes.is_none() || unread) && self.processes > 1
    }
}

impl Sample {
    /// Returns the figures with what follows from the reservations of a run at this moment.
    #[must_use]
    pub fn figures(&self, state: &State) -> Figures {
        self.figures.beside(state, self.measured())
    }

    fn measured(&self) -> impl Iterator<Item = Use> {
        self.agents.iter().map(|agent| Use {
            agent: agent.ix(),
            attempt: agent.attempt,
            bytes: agent.counted_bytes(),
        })
    }

    /// Returns what agents hold, for decisions.
    #[must_use]
    pub fn uses(&self) -> Uses {
        self.measured().collect()
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
