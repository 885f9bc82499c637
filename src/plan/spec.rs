//! One table of agent keys as written: an agent, `[defaults]`, a phase's, a track's, an override.
//!
//! Checks kinds, units and ranges. Must not follow references: `build.rs` does, with all layers known.

use std::collections::BTreeMap;

use toml::de::DeTable;

use crate::agents::Ask;

use super::decode::{Decoder, Val};
use super::diag::{At, Sp};
use super::keys;
use super::model::{
    Argv, Class, Curve, Duration, Join, Priority, Scope, Sim, SubAgents, When, Workspace,
};
use super::spec_parts::{gates, mode, need, sim, workers};
use super::units::SECOND_US;

/// Priorities by their names.
pub(crate) const PRIORITIES: [(&str, Priority); 4] = [
    ("critical", Priority::Critical),
    ("high", Priority::High),
    ("normal", Priority::Normal),
    ("low", Priority::Low),
];
/// Classes by their names.
pub(crate) const CLASSES: [(&str, Class); 4] = [
    ("security", Class::Security),
    ("architecture", Class::Architecture),
    ("implementation", Class::Implementation),
    ("docs", Class::Docs),
];
/// Which questions are passed on, by their names.
pub(crate) const ASKS: [(&str, Ask); 3] = [
    ("never", Ask::Never),
    ("outside", Ask::Outside),
    ("always", Ask::Always),
];
/// Curves by their names.
pub(crate) const CURVES: [(&str, Curve); 5] = [
    ("flat", Curve::Flat),
    ("ramp", Curve::Ramp),
    ("spike", Curve::Spike),
    ("stairs", Curve::Stairs),
    ("climb", Curve::Climb),
];

const fn minutes(min: u64, max: u64) -> Duration {
    let m = 60 * SECOND_US;
    Duration {
        min_us: min * m,
        expected_us: (min + max) * m / 2,
        max_us: max * m,
        guessed: false,
    }
}

/// Durations by size (requirement A9): the range, and its middle as what is expected.
pub(crate) const SIZES: [(&str, Duration); 3] = [
    ("small", minutes(3, 5)),
    ("medium", minutes(8, 12)),
    ("large", minutes(20, 30)),
];

/// What a need names, before it is looked up.
#[derive(Debug, Clone)]
pub(crate) struct NeedSpec {
    /// The reference: an id, `track:x`, `phase:x` or a glob; `+` and `-` of overrides are taken off.
    pub agent: Sp<String>,
    /// What an override does with it.
    pub edit: Edit,
    /// `kind = "soft"`.
    pub soft: bool,
    /// `when`.
    pub when: When,
    /// `files`, as git writes them.
    pub files: Vec<String>,
    /// `check`.
    pub check: Vec<Argv>,
}

/// What an override does with a need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Edit {
    /// Part of a whole list.
    Set,
    /// `+x`.
    Add,
    /// `-x`.
    Remove,
}

/// `sim`, with what it states of the agent's own duration and memory.
#[derive(Debug, Clone)]
pub(crate) struct SimSpec {
    /// All that it says.
    pub sim: Sim,
    /// Whether it says how long it takes.
    pub duration: bool,
    /// Whether it says how much memory it uses.
    pub ram: bool,
}

/// What differs by worker.
#[derive(Debug, Clone, Default)]
pub(crate) struct ModeSpec {
    /// The worker's name; none in an agent's own table.
    pub worker: Option<Sp<String>>,
    /// How long it takes.
    pub duration: Option<Sp<Duration>>,
    /// Memory in bytes.
    pub ram: Option<Sp<u64>>,
    /// Milli-CPUs.
    pub cpus: Option<Sp<u64>>,
    /// Renewable resources; the places are the keys'.
    pub uses: Option<BTreeMap<String, Sp<u64>>>,
    /// What it uses up; the places are the keys'.
    pub spends: Option<BTreeMap<String, Sp<u64>>>,
    /// Tokens.
    pub tokens: Option<Sp<u64>>,
    /// Whether it runs in a terminal.
    pub terminal: Option<Sp<bool>>,
}

/// A key whose feature is not built, carried along as TOML.
#[derive(Debug, Clone)]
pub(crate) struct Carried {
    /// The key.
    pub key: &'static str,
    /// Where its value stands.
    pub at: At,
    /// Its value as TOML.
    pub toml: String,
    /// What to do instead; empty where the value asks for nothing and only hides another layer's.
    pub help: &'static str,
}

/// A table of agent keys.
#[derive(Debug, Clone, Default)]
pub(crate) struct AgentSpec {
    /// The table.
    pub at: At,
    /// The element, where `each` made it: for its prompt file.
    pub item: Option<String>,
    pub id: Option<Sp<String>>,
    pub title: Option<Sp<String>>,
    pub phase: Option<Sp<String>>,
    pub track: Option<Sp<String>>,
    pub parent: Option<Sp<String>>,
    pub sub_agents: Option<Sp<SubAgents>>,
    pub needs: Option<Vec<NeedSpec>>,
    pub priority: Option<Sp<Priority>>,
    pub class: Option<Sp<Class>>,
    pub run: Option<Sp<Argv>>,
    pub sim: Option<Sp<SimSpec>>,
    pub prompt: Option<Sp<String>>,
    pub prompt_file: Option<Sp<String>>,
    /// Whether a key of work stands there, readable or not.
    pub has_work: bool,
    pub worker: Option<Vec<Sp<String>>>,
    /// `capability`, in place of `worker`.
    pub capability: Option<Sp<String>>,
    /// What may differ by worker.
    pub own: ModeSpec,
    pub ram_max: Option<Sp<u64>>,
    pub check: Option<Vec<Argv>>,
    pub gates: Option<Vec<Sp<String>>>,
    pub quiet: Option<u64>,
    pub timeout: Option<u64>,
    pub attempts: Option<u32>,
    pub base: Option<u64>,
    pub exclusive: Option<bool>,
    pub ask: Option<Sp<Ask>>,
    pub fails_when_asking: Option<bool>,
    pub workspace: Option<Sp<Workspace>>,
    pub scope: Option<Sp<Scope>>,
    pub domains: Option<Vec<Sp<String>>>,
    pub join: Option<Sp<Join>>,
    pub inputs: Option<Vec<Sp<String>>>,
    pub outputs: Option<Vec<Sp<String>>>,
    pub context_files: Option<Vec<Sp<String>>>,
    pub context_cap: Option<Sp<u32>>,
    pub modes: Option<Vec<ModeSpec>>,
    pub carried: Vec<Carried>,
}

/// What kind of table holds agent keys.
pub(crate) struct TableKind {
    /// The key that the caller reads itself.
    pub skip: &'static str,
    /// Keys of an agent that it cannot have.
    pub refused: &'static [&'static str],
    /// All keys that it can have, for messages.
    pub known: fn() -> Vec<&'static str>,
}

/// `[[agent]]`.
pub(crate) const AGENT: TableKind = TableKind {
    skip: "each",
    refused: &[],
    known: || keys::AGENT.to_vec(),
};
/// `[defaults]`, also of a phase or track.
pub(crate) const DEFAULTS: TableKind = TableKind {
    skip: "",
    refused: keys::NOT_DEFAULTS,
    known: keys::defaults,
};
/// `[[override]]`.
pub(crate) const OVERRIDE: TableKind = TableKind {
    skip: "agents",
    refused: keys::NOT_OVERRIDE,
    known: keys::overrides,
};

impl AgentSpec {
    /// Reads the table.
    pub fn read(d: &mut Decoder, table: &DeTable<'_>, place: At, kind: &TableKind) -> Self {
        let mut spec = Self {
            at: place,
            item: d.item.clone(),
            ..Self::default()
        };
        let mut size = None;
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            match name {
                _ if kind.skip == name => {}
                _ if kind.refused.contains(&name) => d.unknown_key(key, &(kind.known)()),
                "id" => spec.id = d.id(value),
                "title" => spec.title = d.name(value, "a text"),
                "phase" => spec.phase = d.text(value, "the id of a phase"),
                "track" => spec.track = d.text(value, "the id of a track"),
                "parent" => spec.parent = d.text(value, "the id of an agent"),
                "sub_agents" => {
                    let words = [
                        ("parallel", SubAgents::Parallel),
                        ("sequential", SubAgents::Sequential),
                    ];
                    spec.sub_agents = d.one_of(value, &words);
                }
                "needs" => spec.needs = d.list(value, "a list of needs such as [\"api\"]", need),
                "priority" => spec.priority = d.one_of(value, &PRIORITIES),
                "class" => spec.class = d.one_of(value, &CLASSES),
                "run" | "sim" | "prompt" | "prompt_file" => {
                    spec.has_work = true;
                    match name {
                        "run" => spec.run = d.command(value),
                        "sim" => spec.sim = sim(d, value),
                        "prompt" => spec.prompt = d.name(value, "a text"),
                        _ => spec.prompt_file = d.path(value),
                    }
                }
                "worker" => spec.worker = workers(d, value),
                "capability" => spec.capability = d.id(value),
                "duration" => spec.own.duration = d.durations(value),
                "size" => size = d.one_of(value, &SIZES),
                "ram" => spec.own.ram = d.size(value),
                "ram_max" => spec.ram_max = d.size(value),
                "cpus" => spec.own.cpus = d.decimal(value, 3, "a number of processors such as 1.0"),
                "uses" => spec.own.uses = d.amounts(value, "a table such as { gpu = 1 }", 0),
                "tokens" => spec.own.tokens = d.whole(value, 0, u64::MAX),
                "spends" => {
                    spec.own.spends =
                        d.amounts(value, "a table such as { premium_requests = 5 }", 0);
                }
                "check" => spec.check = d.commands(value),
                "gates" => spec.gates = gates(d, value),
                "quiet" => spec.quiet = d.duration(value).map(|t| t.v),
                "timeout" => spec.timeout = d.duration(value).map(|t| t.v),
                "retry" => spec.retry(d, value),
                "terminal" => spec.own.terminal = d.flag(value),
                "ask" => spec.ask = d.one_of(value, &ASKS),
                "on_ask" => {
                    let words = [("wait", false), ("fail", true)];
                    spec.fails_when_asking = d.one_of(value, &words).map(|f| f.v);
                }
                "exclusive" => spec.exclusive = d.flag(value).map(|b| b.v),
                "workspace" => {
                    let words = [("own", Workspace::Own), ("shared", Workspace::Shared)];
                    spec.workspace = d.one_of(value, &words);
                }
                "mode" => {
                    let what = "a list of tables, [[agent.mode]]";
                    spec.modes = d.list(value, what, mode);
                }
                _ if spec.together(d, name, value) || spec.unbuilt(d, name, value) => {}
                _ => d.unknown_key(key, &(kind.known)()),
            }
        }
        if let (Some(size), Some(duration)) = (&size, &spec.own.duration) {
            let found = d
                .sink
                .error(size.at, "both `size` and `duration` are stated");
            found
                .help("keep one of them")
                .related(duration.at, "`duration` is here");
        }
        spec.own.duration = spec.own.duration.or(size);
        spec
    }

    fn retry(&mut self, d: &mut Decoder, value: &Val<'_>) {
        let Some(table) = d.table(value, "a table such as { attempts = 2, base = \"5s\" }") else {
            return;
        };
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "attempts" => self.attempts = d.whole32(value, 1, 1_000).map(|n| n.v),
                "base" => self.base = d.duration(value).map(|t| t.v),
                _ => d.unknown_key(key, keys::RETRY),
            }
        }
    }
}
