//! From a checked plan to the setup of a run, and back from a run's folder.
//!
//! The folder's `plan.toml` and `config.toml` alone give the same setup again, so that resume and
//! replay fold the journal onto exactly what the run had. Must not start anything.

mod before;
mod refusals;

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};

use super::rules;
use crate::{
    agents::{Adapters, Catalog},
    config::Config,
    engine::{Effective, MemoryRules, Prices, Setup, Tally, Thresholds},
    plan::{self, LoadOptions, Mode, Plan, RamLimit},
    schedule::learnt::{self, Need},
};

pub use refusals::refusals;

/// The plan as a person wrote it, in a run's folder where `plan.toml` is the expanded one: what is added
/// later gets its defaults.
pub const SOURCE: &str = "source.toml";

/// Figures of this machine that limits depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Machine {
    /// Memory of the machine or container, in bytes.
    pub ram_bytes: u64,
    /// Milli-CPUs.
    pub cpus_milli: u64,
}

impl Machine {
    /// Reads them.
    ///
    /// # Errors
    /// When `/proc/meminfo` cannot be read.
    pub fn read() -> std::io::Result<Self> {
        let (ram_bytes, _) = crate::sys::memory::Meters::open()?.binding()?;
        let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Ok(Self {
            ram_bytes,
            cpus_milli: cpus as u64 * 1000,
        })
    }
}

/// `config.toml` of a run: what was in force, figures resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunConfig {
    /// Name of the plan, as `plan.toml` may not hold one.
    pub plan_name: String,
    /// Mode at the start.
    pub mode: Mode,
    /// Memory for all agents together, in bytes.
    pub ram_limit_bytes: u64,
    /// Agents at once.
    pub agents_cap: u32,
    /// Milli-CPUs at once.
    pub cpus_milli: u64,
    /// Whether somebody watches: blocked agents keep the run open.
    pub attended: bool,
    /// Flag L1.
    pub hybrid_orchestration_enabled: bool,
    /// Flag L1.
    pub parallel_graph_enabled: bool,
    /// Zone thresholds in permille: yellow, orange, red, halt, hysteresis.
    pub thresholds: [u32; 5],
    /// Folder that agents work in.
    pub workdir: String,
    /// Folder below which workspaces lie, outside of every repository.
    #[serde(default)]
    pub state_folder: String,
    /// Time between TERM and KILL, in microseconds.
    pub grace_us: u64,
    /// How long output is awaited after an end, in microseconds.
    pub output_drain_us: u64,
    /// Threads that start processes.
    pub spawners: u32,
    /// Time between samples, in microseconds.
    pub sample_us: u64,
    /// Time between slow readings of memory, in microseconds.
    #[serde(default = "before::pss_us")]
    pub pss_us: u64,
    /// Names of environment variables that agents get.
    pub env: Vec<String>,
    /// Whether the kernel keeps the boundary of agents where it can.
    #[serde(default = "before::enforce")]
    pub sandbox_enforce: bool,
    /// What they may change beside their workspace and the built-in caches.
    #[serde(default)]
    pub sandbox_write: Vec<String>,
    /// The command that tells a person of what waits; empty: none.
    #[serde(default)]
    pub notify: Vec<String>,
    /// How long it may take, in microseconds.
    #[serde(default)]
    pub notify_limit_us: u64,
    /// Time between two writings of the status cards, in microseconds.
    #[serde(default = "before::card_us")]
    pub card_us: u64,
    /// Time of the run between two judgements of the 24-hour gate, in microseconds; 0: never.
    #[serde(default = "before::gate_us")]
    pub gate_us: u64,
    /// Tokens that a prompt may have at most, where the plan says nothing else.
    #[serde(default = "before::cap")]
    pub context_cap: u32,
    /// A person's own adapters of agent programs: name of the file and text.
    #[serde(default)]
    pub adapters: Vec<(String, String)>,
    /// Variables that `--set` stated.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub set: BTreeMap<String, String>,
    /// It plays its plan with simulated agents.
    #[serde(default)]
    pub rehearsal: bool,
    /// List prices with a person's own over them; none: the built-in ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prices: Option<Prices>,
    /// How memory drives what runs at once.
    #[serde(default)]
    pub memory: MemoryRules,
    /// How workers did in earlier runs, by name; empty where none is chosen by that.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub past: BTreeMap<String, Tally>,
    /// What earlier runs have taught of its agents: this counts, however often the run is resumed or replayed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub learnt: Vec<Need>,
}

/// What `run` was told beside plan and configuration.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stated {
    /// `--mode`.
    pub mode: Option<Mode>,
    /// `--agents`.
    pub agents: Option<u32>,
    /// `--ram`.
    pub ram: Option<RamLimit>,
    /// Somebody watches.
    pub attended: bool,
}

impl RunConfig {
    /// Resolves the limits: the smaller of plan, user and machine for memory and CPUs; for agents
    /// the flag, else the plan, else the configuration, else the machine's tier (DESIGN 5).
    #[must_use]
    pub fn resolve(
        plan: &Plan,
        config: &Config,
        stated: &Stated,
        machine: Machine,
        workdir: &Path,
    ) -> Self {
        let bytes = |limit: RamLimit| limit.bytes_of(machine.ram_bytes);
        let user = bytes(config.limits.ram);
        let ram = match (stated.ram, plan.limits.ram) {
            (Some(flag), _) => bytes(flag),
            (None, Some(plan)) => bytes(plan).min(user),
            (None, None) => user,
        };
        let tier = crate::config::tier::default_agents(machine.ram_bytes);
        let agents = stated
            .agents
            .or(plan.limits.agents)
            .or(config.limits.agents)
            .unwrap_or(tier);
        Self {
            plan_name: plan.name.clone(),
            mode: stated.mode.or(config.mode).unwrap_or(plan.mode),
            ram_limit_bytes: ram.min(machine.ram_bytes),
            agents_cap: agents.max(1),
            cpus_milli: [plan.limits.cpus_milli, config.limits.cpus_milli]
                .into_iter()
                .flatten()
                .fold(machine.cpus_milli, u64::min),
            attended: stated.attended,
            hybrid_orchestration_enabled: config.flags.hybrid_orchestration_enabled,
            parallel_graph_enabled: config.flags.parallel_graph_enabled,
            // The configuration states percent.
            thresholds: [
                config.zones.yellow,
                config.zones.orange,
                config.zones.red,
                config.zones.halt,
                config.zones.hysteresis,
            ]
            .map(|percent| percent * 10),
            workdir: workdir.display().to_string(),
            state_folder: String::new(),
            grace_us: config.processes.grace_us,
            output_drain_us: config.processes.output_drain_us,
            spawners: config.processes.spawners,
            sample_us: config.sampling.interval_us,
            pss_us: config.sampling.pss_interval_us,
            env: config.processes.env.clone(),
            sandbox_enforce: config.sandbox.enforce,
            sandbox_write: config.sandbox.write.clone(),
            notify: config.notify.command.clone(),
            notify_limit_us: config.notify.timeout_us,
            card_us: config.status.card_interval_us,
            gate_us: config.status.gate_interval_us,
            context_cap: config.context.cap,
            adapters: Vec::new(),
            set: BTreeMap::new(),
            rehearsal: false,
            prices: None,
            memory: rules::rules(config, machine.ram_bytes),
            past: BTreeMap::new(),
            learnt: Vec::new(),
        }
    }

    /// The adapters of agent programs: the built-in ones, with a person's own over them.
    ///
    /// # Errors
    /// All problems of these, rendered.
    pub fn catalog(&self) -> Result<Catalog, String> {
        let all = Catalog::with(&self.adapters);
        all.map_err(|errors| errors.iter().map(ToString::to_string).collect())
    }

    /// Returns the zone thresholds.
    #[must_use]
    pub const fn thresholds(&self) -> Thresholds {
        let [yellow, orange, red, halt, hysteresis] = self.thresholds;
        Thresholds {
            yellow,
            orange,
            red,
            halt,
            hysteresis,
        }
    }

    /// Builds the setup of a run from its plan.
    #[must_use]
    pub fn setup(&self, mut plan: Plan) -> Setup {
        plan.name.clone_from(&self.plan_name);
        plan.mode = self.mode;
        let effective = Effective {
            ram_limit_bytes: self.ram_limit_bytes,
            agents_cap: self.agents_cap,
            cpus_milli: self.cpus_milli,
            thresholds: self.thresholds(),
            memory: self.memory,
            attended: self.attended,
            hybrid_enabled: self.hybrid_orchestration_enabled,
            parallel_enabled: self.parallel_graph_enabled,
        };
        let applied = learnt::apply(&mut plan, &self.learnt, self.ram_limit_bytes);
        let mut setup = Setup::planned(plan, effective);
        setup.learnt = applied;
        if let Some(prices) = &self.prices {
            setup.prices = prices.clone();
        }
        setup.adapters = Adapters::new(self.adapters.clone());
        setup.past.clone_from(&self.past);
        setup.models = setup.plan.models.iter().map(super::models::need).collect();
        setup
    }
}

/// Why a run's folder cannot be read back.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// A file of it is missing or unreadable.
    #[error("{file} of the run cannot be read: {error}")]
    Read {
        /// Which.
        file: &'static str,
        /// Why.
        error: std::io::Error,
    },
    /// `config.toml` is damaged.
    #[error("config.toml of the run is damaged: {0}")]
    Config(String),
    /// `plan.toml` does not parse any more.
    #[error("plan.toml of the run is damaged:\n{0}")]
    Plan(String),
}

/// Reads setup and configuration back from a run's folder.
///
/// # Errors
/// See [`FolderError`].
pub fn read_folder(dir: &Path) -> Result<(Setup, RunConfig), FolderError> {
    let read = |file: &'static str| {
        std::fs::read_to_string(dir.join(file)).map_err(|error| FolderError::Read { file, error })
    };
    let config: RunConfig =
        toml::from_str(&read("config.toml")?).map_err(|e| FolderError::Config(e.to_string()))?;
    let source = read("plan.toml")?;
    let own = !config.adapters.is_empty();
    let catalog = own.then(|| config.catalog()).transpose();

    let options = LoadOptions {
        file_name: "plan.toml".to_owned(),
        vars: BTreeMap::new(),
        only: None,
        catalog: catalog.map_err(FolderError::Config)?,
        recorded: true,
        models: Vec::new(),
    };
    let loaded = plan::load(&source, &options, &mut |path| {
        Err(format!("{path} was not kept with the run"))
    })
    .map_err(|found| FolderError::Plan(plan::render(&found, "plan.toml", &source)))?;
    Ok((config.setup(loaded.plan), config))
}
