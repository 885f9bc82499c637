//! One work package of the checked plan: what it executes, its modes, needs and limits.
//!
//! Plain data in integers (µs, bytes, milli-CPU). Must not parse, read files or decide anything.

use std::collections::BTreeMap;

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::agents::Ask;

use super::id::{AgentId, AgentIx, GateIx, PhaseIx, TrackIx, WorkerIx};
use super::model::{Argv, Class, Join, Priority, Scope};

/// What an agent executes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// A command.
    Command(Argv),
    /// A prompt for one of its workers, on stdin.
    Prompt(String),
    /// A simulated agent: a real child that uses the stated memory and time.
    Sim(Sim),
    /// Nothing of its own: a parent of sub-agents.
    Group,
}

/// A simulated agent (`sim = { … }`), carried out by a real child process.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Sim {
    /// How long it takes, in microseconds.
    pub duration_us: u64,
    /// Memory that it touches at its peak, in bytes, over all its processes.
    pub ram_bytes: u64,
    /// How the memory develops.
    pub curve: Curve,
    /// Processes that share the memory; 1 where left out.
    pub processes: u32,
    /// Progress lines that it prints, spread evenly.
    pub lines: u32,
    /// Files that it writes at its end, relative to its working folder.
    pub writes: Vec<String>,
    /// Appends one line (`agent attempt`) to this file at its start, for ledgers in tests.
    pub ledger: Option<String>,
    /// Exit status at its end.
    pub exit: u8,
    /// Attempts (counted from 1) that fail with `exit` (or 1) before it succeeds; 0: `exit` always counts.
    pub fail_attempts: u32,
    /// Never ends by itself.
    pub hang: bool,
    /// Ignores SIGTERM.
    pub ignore_term: bool,
    /// Leaves a daemon behind: double fork, own session, output pipe kept open.
    pub leak: bool,
    /// Prints so many lines of 80 characters as fast as it can.
    pub flood: u64,
    /// Prints terminal escapes that a hostile agent would print.
    pub hostile: bool,
    /// Kills itself with this signal at its end, e.g. 9 or 11; 0 for none.
    pub signal: u8,
}

/// How a simulated agent's memory develops over its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Curve {
    /// All of it at once.
    Flat,
    /// Linearly up over the first half, then held.
    #[default]
    Ramp,
    /// Half, with a peak in the middle third.
    Spike,
    /// Up to the end in ten steps.
    Stairs,
    /// Up to the peak by 100 MiB a second, then flat.
    Climb,
}

/// Whether sub-agents run side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubAgents {
    /// As many as fit.
    #[default]
    Parallel,
    /// One after the other, in plan order.
    Sequential,
}

/// Where an agent works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Workspace {
    /// A borrowing clone of its own.
    Own,
    /// The repository itself.
    Shared,
}

/// How strongly a need binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NeedKind {
    /// Blocks until met; what cannot be met skips the agent.
    Hard,
    /// An order preference that never blocks.
    Soft,
}

/// The outcome of the predecessor that meets a need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// It succeeded: the default.
    Succeeded,
    /// It failed (or was stopped).
    Failed,
    /// It was skipped.
    Skipped,
    /// It ended, however.
    Ended,
    /// It succeeded and left this file (relative to its working folder).
    Output(String),
}

/// One edge into an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Need {
    /// The predecessor.
    pub agent: AgentIx,
    /// How strongly it binds.
    pub kind: NeedKind,
    /// What meets it.
    pub when: When,
    /// Files that it must have left, relative to the root.
    pub files: Vec<String>,
    /// Commands that must be green where the one who waits will work, before it starts.
    pub check: Vec<Argv>,
}

/// Retries of an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retry {
    /// Attempts in all, the first included; at least 1.
    pub attempts: u32,
    /// Delay before the first retry, in microseconds; doubles with each (requirement C4).
    pub base_us: u64,
}

/// A declared duration in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Duration {
    /// Shortest expected.
    pub min_us: u64,
    /// What the schedule counts with: the stated value, or the middle of a range.
    pub expected_us: u64,
    /// Longest expected.
    pub max_us: u64,
    /// Nobody stated it: a default, shown with `~`.
    pub guessed: bool,
}

/// One way to carry out an agent: what differs by worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentMode {
    /// The worker; none for a command, a simulation or a group.
    pub worker: Option<WorkerIx>,
    /// How long it takes.
    pub duration: Duration,
    /// Memory of its own process tree in bytes.
    pub ram_bytes: u64,
    /// Whether nobody stated the memory.
    pub ram_guessed: bool,
    /// Milli-CPUs.
    pub cpus_milli: u64,
    /// Other renewable resources by name.
    pub uses: BTreeMap<String, u64>,
    /// What it uses up, by name.
    pub spends: BTreeMap<String, u64>,
    /// Tokens it is expected to use.
    pub tokens: u64,
    /// Whether it runs in a terminal of its own; else its output goes into a pipe.
    #[serde(default)]
    pub terminal: bool,
}

/// One work package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// Its id.
    pub id: AgentId,
    /// Its title, or the id.
    pub title: String,
    /// Its phase.
    pub phase: Option<PhaseIx>,
    /// Its track.
    pub track: Option<TrackIx>,
    /// The agent that it is a part of.
    pub parent: Option<AgentIx>,
    /// How its own sub-agents run.
    pub sub_agents: SubAgents,
    /// Edges into it, in plan order, one for each predecessor and condition.
    pub needs: Vec<Need>,
    /// Its own priority, or its track's.
    pub priority: Priority,
    /// Its class.
    pub class: Class,
    /// What it executes.
    pub work: Work,
    /// The ways to do it, in the order of `worker`; at least one.
    pub modes: Vec<AgentMode>,
    /// What its worker must be able to do; its modes are then the workers that are, and which of them does it is
    /// chosen when it starts.
    #[serde(default)]
    pub capability: Option<String>,
    /// Never beside another agent of its phase (of the run, where it has no phase).
    pub exclusive: bool,
    /// Longest run of one attempt in microseconds; none: no limit.
    pub timeout_us: Option<u64>,
    /// Which of its program's questions are passed on (`ask`).
    #[serde(default)]
    pub ask: Ask,
    /// Where nobody is there to answer, a question makes it fail (`on_ask = "fail"`).
    #[serde(default)]
    pub fails_when_asking: bool,
    /// Its retries.
    pub retry: Retry,
    /// Silence that is worth a warning, in microseconds.
    pub quiet_us: Option<u64>,
    /// Hard limit of its memory in bytes; not enforced yet.
    pub ram_max_bytes: Option<u64>,
    /// Its own acceptance commands.
    pub check: Vec<Argv>,
    /// Gates on it.
    pub gates: Vec<GateIx>,
    /// Where it works.
    pub workspace: Workspace,
    /// What it may touch; none stated: anything.
    pub scope: Option<Scope>,
    /// Domains that its work is in.
    pub domains: Vec<String>,
    /// What becomes of conflicts of its work.
    pub join: Join,
    /// Files that must be there before it starts, relative to the root.
    pub inputs: Vec<String>,
    /// Files that it promises, relative to the root.
    pub outputs: Vec<String>,
    /// Files whose texts its prompt has, as globs relative to the root.
    #[serde(default)]
    pub context_files: Vec<String>,
    /// Tokens that its prompt may have at most; none: what the configuration says.
    #[serde(default)]
    pub context_cap: Option<u32>,
}

impl Agent {
    /// Whether an attempt in this mode (position in `modes`) runs in a terminal of its own.
    #[must_use]
    pub fn in_terminal(&self, mode: u32) -> bool {
        self.modes.get(mode as usize).is_some_and(|m| m.terminal)
    }
}
