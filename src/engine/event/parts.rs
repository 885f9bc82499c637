//! What events are made of: figures, handles, exits, causes.
//!
//! Plain data of the journal; must not hold anything that a journal line cannot carry.

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Purpose;
use crate::plan::AgentId;

/// Urgency of an event for somebody who watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Routine.
    Low,
    /// Worth a line.
    Medium,
    /// Somebody should look.
    High,
    /// The run itself is in danger.
    Critical,
}

/// Memory pressure (REQUIREMENTS D1).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Zone {
    /// Full parallel.
    #[default]
    Green,
    /// Watch.
    Yellow,
    /// Fewer at once.
    Orange,
    /// Emergency.
    Red,
}

impl Zone {
    /// Returns its lower-case name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Green => "green",
            Self::Yellow => "yellow",
            Self::Orange => "orange",
            Self::Red => "red",
        }
    }
}

/// Memory as last sampled; each decision carries the figures that it used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Figures {
    /// `max(used / total, agents / limits.ram)` in permille (DESIGN 8).
    pub pressure_permille: u32,
    /// Memory that the machine (or container) can still give, in bytes.
    pub available_bytes: u64,
    /// Memory of the machine (or container), in bytes.
    pub total_bytes: u64,
    /// Resident memory of all agents' trees, in bytes (an upper bound: shared pages count twice).
    pub agents_bytes: u64,
    /// Memory of the model servers on this machine, in bytes; weights that are mapped from a file count.
    #[serde(skip_serializing_if = "none", default)]
    pub servers_bytes: u64,
    /// What other runs on this machine have reserved and do not use yet, in bytes.
    #[serde(skip_serializing_if = "none", default)]
    pub others_bytes: u64,
    /// Of what is reserved for agents, what they use, in bytes.
    #[serde(skip_serializing_if = "none", default)]
    pub realised_bytes: u64,
    /// What agents use beyond what is reserved for them, in bytes.
    #[serde(skip_serializing_if = "none", default)]
    pub excess_bytes: u64,
    /// Swap in use, in bytes.
    #[serde(skip_serializing_if = "none", default)]
    pub swap_used_bytes: u64,
    /// Share of the last 10 s in which some task stalled for memory, in permille.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub stall_permille: u32,
}

/// How to find a process again after a crash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Handle {
    /// A process of this machine.
    Local {
        /// Its process id.
        pid: i32,
        /// Start time in clock ticks since boot (`/proc/PID/stat`, field 22): tells a reused pid apart.
        start_ticks: u64,
    },
    /// A process of a simulation under virtual time.
    Virtual {
        /// Its number.
        number: u64,
    },
}

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// By itself, with this status.
    Code(i32),
    /// By a signal.
    Signal {
        /// Its number.
        number: i32,
        /// Its name, `SIGKILL`.
        name: String,
    },
    /// It never started.
    SpawnError(String),
    /// It was not started: the disk has no room for its workspace.
    NoRoom(String),
    /// It was not started: what it must be told is more than it may be told.
    Refused(String),
    /// The runner died while it ran; it was ended at the restart.
    Interrupted,
    /// It ended, but how is not known: something else was told.
    Lost,
    /// The kernel killed it, or a process of it, for want of memory.
    OutOfMemory,
}

impl Exit {
    /// Returns whether it is a success.
    #[must_use]
    pub const fn ok(&self) -> bool {
        matches!(self, Self::Code(0))
    }
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit status {code}"),
            Self::Signal { name, .. } => write!(f, "killed by {name}"),
            Self::SpawnError(error) => write!(f, "could not start: {error}"),
            Self::NoRoom(error) => write!(f, "waits for room on the disk: {error}"),
            Self::Refused(why) => write!(f, "not started: {why}"),
            Self::Interrupted => f.write_str("interrupted: the runner died"),
            Self::Lost => f.write_str("ended, and its exit status was lost"),
            Self::OutOfMemory => f.write_str("killed by the kernel: out of memory"),
        }
    }
}

/// What is wrong with a process, beside how it ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// Its output cannot be written, for this reason; what it prints is counted and dropped.
    OutputLost(String),
    /// So many processes did not end within the time of grace and were killed.
    Killed(u32),
    /// So many processes do not die even when they are killed: they wait for a device.
    Survives(u32),
    /// The command that tells a person of what waits failed, for this reason; told once a run.
    NotTold(String),
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::OutputLost(error) => {
                write!(f, "its output is not recorded any more: {error}")
            }
            Self::Killed(n) => write!(f, "{n} of its processes did not end when asked: killed"),
            Self::NotTold(error) => write!(f, "the command of [notify] failed: {error}"),
            Self::Survives(n) => write!(
                f,
                "{n} of its processes cannot be killed (they wait for a device)"
            ),
        }
    }
}

/// Who or what stopped the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum StoppedBy {
    /// A person, from the keyboard or `ctl`.
    Operator,
    /// A signal to guard or runner.
    Signal(i32),
    /// The guard died, so nothing would end what the runner leaves.
    GuardLost,
}

/// Kinds of failure (REQUIREMENTS I1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub enum FailureKind {
    /// It took longer than its `timeout`.
    #[serde(rename = "agent.timeout")]
    Timeout,
    /// It ended with a status other than 0, by a signal, or could not start.
    #[serde(rename = "agent.error")]
    Error,
    /// It was killed for memory.
    #[serde(rename = "resource.exhaustion")]
    Exhaustion,
    /// A check or gate was red.
    #[serde(rename = "validation.failure")]
    Validation,
    /// One of its sub-agents failed.
    #[serde(rename = "coordination.failure")]
    Coordination,
    /// What its program needs from outside did not serve it: login, network, provider.
    #[serde(rename = "external.service_failure")]
    External,
    /// Its hand-off contradicts another, and its `join` is `fail-fast`.
    #[serde(rename = "context.corruption")]
    Corruption,
}

/// Why a decision was made, for those that can have several reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A person asked for it.
    Operator,
    /// The kill switch: sequential at once.
    KillSwitch,
    /// The attempt failed and may be tried again.
    Failure,
    /// Another worker takes over.
    Swap,
    /// The runner died during the attempt.
    Interrupted,
    /// There is room again; or it waits for room on the disk.
    Room,
    /// The person's hold was on it when it started.
    Hold,
    /// Its work clashed with what was merged before: it goes again on top of that.
    Conflict,
    /// The run went back to a checkpoint.
    Rollback,
    /// It was frozen behind a barrier, and nothing else moved.
    Preempted,
    /// Its provider takes no more for now.
    Limited,
    /// Its session could not be gone on with: it begins another one on the same work.
    Anew,
    /// It is told something: its session goes on with that.
    Told,
    /// A person works in its session, in a terminal.
    Opened,
    /// That person is done: its session goes on without one.
    Returned,
    /// It was parked, and goes on where it was.
    Parked,
    /// Memory pressure asks for it.
    Zone,
}

/// Where a check stands: its owner and gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct CheckPlace {
    /// The agent that is checked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub agent: Option<AgentId>,
    /// The phase that is checked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub phase: Option<String>,
    /// The track (`track:A`), wave (`wave:2`) or `run` that is checked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cohort: Option<String>,
    /// Attempt of the agent, or round of the gates.
    pub attempt: u32,
    /// The gate's id; `check` for an agent's own acceptance commands.
    pub gate: String,
    /// Which command, counted over all gates of the owner, from 0.
    pub step: u32,
    /// Round within the attempt, from 1: a check that a crash cut short, or that a group has
    /// after a retry, is a new one, with evidence of its own.
    #[serde(skip_serializing_if = "is_first", default = "first")]
    pub round: u32,
    /// Why the command runs: to judge, to judge once more, or on the base to compare.
    #[serde(skip_serializing_if = "Purpose::is_judge", default)]
    pub purpose: Purpose,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants a reference")]
const fn is_first(round: &u32) -> bool {
    *round == 1
}

const fn first() -> u32 {
    1
}

/// An agent whose process was lost with the runner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Interruption {
    /// Whom.
    pub agent: AgentId,
    /// Highest attempt number in use; the next one is higher.
    pub attempt: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants a reference")]
pub(super) const fn is_zero(n: &u32) -> bool {
    *n == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "called by serde")]
pub(super) const fn none(bytes: &u64) -> bool {
    *bytes == 0
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "what serde calls takes a reference"
)]
pub(super) const fn is_false(value: &bool) -> bool {
    !*value
}
