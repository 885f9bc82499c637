//! The checked plan: what is left after parsing, `vars`/`each`, defaults and overrides.
//!
//! Plain data in integers (µs, bytes, milli-CPU, micro-dollars); positions in place of names,
//! every reference valid. Must not parse, read files or decide anything.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::id::{AgentId, AgentIx, GateIx, PhaseIx, TrackIx, WorkerIx};

/// One command as an argument vector; never a shell line.
pub type Argv = Vec<String>;

/// A whole plan, checked: every position in it is in range and the graph has no hard cycle.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Version of the plan format; 1.
    pub version: u32,
    /// Free text shown in the header; the file's stem where the plan has none.
    pub name: String,
    /// What the whole run is for.
    pub goal: Option<String>,
    /// The revision to start from, as written; `HEAD` by default.
    pub base: String,
    /// How strictly phases bind.
    pub mode: Mode,
    /// Caps and budgets of the run.
    pub limits: Limits,
    /// Phases in declared order.
    pub phases: Vec<Phase>,
    /// Tracks in declared order.
    pub tracks: Vec<Track>,
    /// Workers, declared ones first in the order of their names, then those used by name alone.
    pub workers: Vec<Worker>,
    /// Gates in the order of their names.
    pub gates: Vec<Gate>,
    /// Agents in plan order (`each` expanded in place).
    pub agents: Vec<Agent>,
    /// Keys that the plan uses and whose feature this version has not built; `run` refuses them.
    pub unbuilt: Vec<Unbuilt>,
}

/// A key that parses and is checked, but that this version cannot carry out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unbuilt {
    /// The key as a path, `agent.api.scope`.
    pub key: String,
    /// Line of its value, from 1.
    pub line: u32,
    /// Column of its value in characters, from 1.
    pub column: u32,
    /// What to do instead; one sentence.
    pub help: String,
}

/// How strictly phases bind (DESIGN 1).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// One agent at a time.
    Sequential,
    /// Phases ignored but for gates, as many at once as fit.
    Parallel,
    /// Phases and tracks as planned, parallel within, early starts where no gate forbids.
    #[default]
    Hybrid,
}

/// How the plan states the memory that it may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RamLimit {
    /// A share of the machine's memory, in permille.
    Share(u32),
    /// An absolute number of bytes.
    Bytes(u64),
    /// All but so many bytes, which stay for the rest of the machine.
    Reserve(u64),
}

/// `[limits]` as stated; absent means the machine's, the user's or the tier's value.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Limits {
    /// Memory for all agents together.
    pub ram: Option<RamLimit>,
    /// Agents at once.
    pub agents: Option<u32>,
    /// Milli-CPUs at once.
    pub cpus_milli: Option<u64>,
    /// Tracks that may have a running agent at once.
    pub tracks: Option<u32>,
    /// Rate of tokens per minute.
    pub tokens_per_minute: Option<u64>,
    /// Tokens in all.
    pub tokens: Option<u64>,
    /// Cost in all, in millionths of a dollar.
    pub cost_microusd: Option<u64>,
    /// Agents at once of a priority class.
    pub per_priority: BTreeMap<Priority, u32>,
    /// Agents at once in a phase.
    pub per_phase: BTreeMap<PhaseIx, u32>,
    /// Agents at once in a track.
    pub per_track: BTreeMap<TrackIx, u32>,
    /// Agents at once in a wave (numbers from 1).
    pub per_wave: BTreeMap<u32, u32>,
    /// Other renewable resources by name.
    pub resources: BTreeMap<String, u64>,
    /// Whatever else is used up, by name.
    pub budgets: BTreeMap<String, u64>,
}

/// A declared stage of the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phase {
    /// Its id.
    pub id: String,
    /// Its title, or the id.
    pub title: String,
    /// Whether later phases wait for its end: stated, or because it has gates.
    pub barrier: bool,
    /// Gates that must pass before later phases start.
    pub gates: Vec<GateIx>,
}

/// A line of work through the phases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Track {
    /// Its id.
    pub id: String,
    /// Its title, or the id.
    pub title: String,
    /// Priority of its agents where they state none.
    pub priority: Priority,
}

/// Declared importance; the order is the order of starting.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// First.
    Critical,
    /// Second.
    High,
    /// The default.
    #[default]
    Normal,
    /// Last, and first to give way.
    Low,
}

/// Kind of work; breaks ties in this order (requirement C1).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Security work.
    Security,
    /// Architecture work.
    Architecture,
    /// Implementation, the default.
    #[default]
    Implementation,
    /// Documentation.
    Docs,
}

/// How an agent with a prompt is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Worker {
    /// Its name: `lint`, `claude:sonnet`.
    pub name: String,
    /// Program and arguments where it is a command that reads its prompt from stdin.
    pub run: Option<Argv>,
    /// The agent program (`cli = "opencode"`), declared or from the name; not built yet.
    pub cli: Option<String>,
    /// The model, declared or from the name.
    pub model: Option<String>,
}

/// A check that must pass before work goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// Its id, `gate-3`.
    pub id: String,
    /// Its title, or the id.
    pub title: String,
    /// Commands, run one after the other; all must end with status 0.
    pub run: Vec<Argv>,
    /// Memory reserved for each of its commands, in bytes.
    pub ram_bytes: u64,
    /// The question a person says yes to; not built yet.
    pub approve: Option<String>,
}

/// What an agent executes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
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
    /// A borrowing clone of its own; not built yet.
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
}

/// One work package.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// Never beside another agent of its phase (of the run, where it has no phase).
    pub exclusive: bool,
    /// Longest run of one attempt in microseconds; none: no limit.
    pub timeout_us: Option<u64>,
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
}

impl Plan {
    /// Returns the agent at a position.
    #[must_use]
    pub fn agent(&self, ix: AgentIx) -> &Agent {
        &self.agents[ix.ix()]
    }

    /// Returns the positions of all agents in plan order.
    pub fn indices(&self) -> impl Iterator<Item = AgentIx> + use<> {
        (0..self.agents.len()).map(AgentIx::of)
    }

    /// Finds an agent by its id; linear, so only for commands and messages.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<AgentIx> {
        self.agents.iter().position(|a| a.id.as_str() == id).map(AgentIx::of)
    }
}
