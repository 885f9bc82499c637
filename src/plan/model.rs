//! The checked plan: what is left after parsing, `vars`/`each`, defaults and overrides.
//!
//! Plain data in integers (µs, bytes, milli-CPU, micro-dollars); positions in place of names,
//! every reference valid. Must not parse, read files or decide anything.

use std::collections::BTreeMap;

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use super::agent::*;
use super::id::{AgentIx, GateIx, ModelIx, PhaseIx, TrackIx};
pub use super::served::{Address, MODEL_RESOURCE, Model, ModelApi};
pub use super::work::*;

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
    /// Models that servers hold, by name: those that the plan declares, and those of the user's that its workers name.
    #[serde(default)]
    pub models: Vec<Model>,
    /// Workers, declared ones first in the order of their names, then those used by name alone.
    pub workers: Vec<Worker>,
    /// Gates in the order of their names.
    pub gates: Vec<Gate>,
    /// Memory in bytes that a command inside of agents waits for, by its name.
    #[serde(default)]
    pub leases: BTreeMap<String, u64>,
    /// Gates of the whole run, after everything is merged.
    pub run_gates: Vec<GateIx>,
    /// Gates that close later waves, by wave (from 1).
    pub wave_gates: BTreeMap<u32, Vec<GateIx>>,
    /// Commands at the very end, on the integrated work.
    pub verify: Vec<Argv>,
    /// What workspaces hold.
    pub workspace: WorkspaceSpec,
    /// How work is merged.
    pub merge: MergeSpec,
    /// Declared domains by id.
    pub domains: BTreeMap<String, Domain>,
    /// Agents with a workspace start only where the kernel holds them to it.
    pub require_sandbox: bool,
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
    /// The same path in its parts (ids may hold points): `["agent", "api", "scope"]`.
    pub path: Vec<String>,
    /// Its value as TOML after variables; empty where the rest of the plan carries it.
    pub value: String,
    /// Line of its value, from 1.
    pub line: u32,
    /// Column of its value in characters, from 1.
    pub column: u32,
    /// What to do instead; one sentence.
    pub help: String,
}

/// How strictly phases bind (DESIGN 1).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[cfg_attr(test, derive(JsonSchema))]
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

impl RamLimit {
    /// Returns how many bytes that is on a machine with so many.
    #[must_use]
    pub fn bytes_of(self, machine_bytes: u64) -> u64 {
        match self {
            Self::Share(permille) => super::units::part(machine_bytes, permille),
            Self::Bytes(bytes) => bytes,
            Self::Reserve(bytes) => machine_bytes.saturating_sub(bytes),
        }
    }
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
    /// Gates that must pass before others count it as done.
    pub gates: Vec<GateIx>,
}

/// Declared importance; the order is the order of starting.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[cfg_attr(test, derive(JsonSchema))]
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
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[cfg_attr(test, derive(JsonSchema))]
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
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Worker {
    /// Its name: `lint`, `claude:sonnet`.
    pub name: String,
    /// Program and arguments where it is a command that reads its prompt from stdin.
    pub run: Option<Argv>,
    /// The agent program (`cli = "opencode"`), declared or from the name; not built yet.
    pub cli: Option<String>,
    /// The model, declared or from the name.
    pub model: Option<String>,
    /// Who answers it: stated, or as its program's adapter says for its model.
    #[serde(default)]
    pub provider: Option<String>,
    /// The plan states the provider.
    #[serde(default)]
    pub provider_stated: bool,
    /// What it can do, for agents that name a capability in place of a worker.
    #[serde(default)]
    pub capabilities: Vec<String>,
    /// The model of [`Plan::models`] that answers it.
    #[serde(default)]
    pub served: Option<ModelIx>,
}

impl Worker {
    /// Who answers it, for limits that all its agents share: its provider, else its program by itself. None: a
    /// command of a person's own that states none.
    #[must_use]
    pub fn provider(&self) -> Option<&str> {
        self.provider.as_deref().or(self.cli.as_deref())
    }
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
    /// The question a person says yes to.
    pub approve: Option<String>,
    /// Times that a red command of it is run once more on the same files, at most.
    #[serde(default)]
    pub repeat: u32,
    /// When a red command of it is run on the run's base too, to compare.
    #[serde(default)]
    pub base: Compare,
}

/// When a red command is run on the commit that the run started from too, to compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compare {
    /// Before a person is asked.
    #[default]
    Asked,
    /// Each time that it is red.
    Always,
    /// Never.
    Never,
}

impl Plan {
    /// Returns the model that a mode of an agent works with, where a server of the plan's holds it.
    #[must_use]
    pub fn served(&self, mode: &AgentMode) -> Option<ModelIx> {
        self.workers.get(mode.worker?.ix())?.served
    }

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
        self.agents
            .iter()
            .position(|a| a.id.as_str() == id)
            .map(AgentIx::of)
    }
}
