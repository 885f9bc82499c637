//! One table of agent keys as written: an agent, `[defaults]`, a phase's, a track's, an override.
//!
//! Checks kinds, units and ranges. Must not follow references: `build.rs` does, with all layers known.

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

use super::decode::{Decoder, Val, at};
use super::diag::{At, Sp};
use super::keys;
use super::model::{Argv, Class, Curve, Duration, Priority, Sim, SubAgents, When, Workspace};
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
/// Curves by their names.
pub(crate) const CURVES: [(&str, Curve); 4] = [
    ("flat", Curve::Flat),
    ("ramp", Curve::Ramp),
    ("spike", Curve::Spike),
    ("stairs", Curve::Stairs),
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
    /// `files` and `check`, carried along as TOML: key, place, value.
    pub carried: Vec<(&'static str, At, String)>,
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
    pub capability: Option<At>,
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
    pub workspace: Option<Sp<Workspace>>,
    /// Whether `scope` names paths to write.
    pub write_scope: Option<bool>,
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
                "capability" => {
                    d.name(value, "a text");
                    spec.capability = Some(at(value));
                    spec.carry(
                        d,
                        "capability",
                        value,
                        "name the worker: worker = \"…\" with a [worker.…] run",
                    );
                }
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
                "exclusive" => spec.exclusive = d.flag(value).map(|b| b.v),
                "workspace" => {
                    let words = [("own", Workspace::Own), ("shared", Workspace::Shared)];
                    spec.workspace = d.one_of(value, &words);
                }
                "mode" => {
                    let what = "a list of tables, [[agent.mode]]";
                    spec.modes = d.list(value, what, mode);
                }
                _ if spec.unbuilt(d, name, value) => {}
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

    /// Reads the keys that are checked, but not carried out; returns whether it is one of them.
    fn unbuilt(&mut self, d: &mut Decoder, name: &str, value: &Val<'_>) -> bool {
        match name {
            "scope" => {
                self.write_scope = Some(scope(d, value));
                self.carry(
                    d,
                    "scope",
                    value,
                    "leave `scope` out: this version does not watch what an agent writes",
                );
            }
            "domains" => {
                d.list(value, "a list of domains", |d, v| {
                    d.text(v, "the id of a domain")
                });
                self.carry(
                    d,
                    "domains",
                    value,
                    "order the agents by `needs`, or make them `exclusive`",
                );
            }
            "context" => {
                if let Some(table) = d.table(value, "a table such as { files = [\"docs/*.md\"] }") {
                    for (key, value) in table {
                        match key.get_ref().as_ref() {
                            "issue" => drop(d.name(value, "an issue such as \"acme/shop#12\"")),
                            "files" => drop(d.list(value, "a list of paths", Decoder::path)),
                            _ => d.unknown_key(key, keys::CONTEXT),
                        }
                    }
                }
                self.carry(
                    d,
                    "context",
                    value,
                    "put what the agent must know into its `prompt`",
                );
            }
            "inputs" => {
                d.list(value, "a list of paths", Decoder::path);
                self.carry(
                    d,
                    "inputs",
                    value,
                    "name what must exist by `needs` with when = \"output:PATH\"",
                );
            }
            "outputs" => {
                d.list(value, "a list of paths", Decoder::path);
                self.carry(
                    d,
                    "outputs",
                    value,
                    "check for the files in `check`: [\"test -f PATH\"]",
                );
            }
            "ask" => {
                let word = d.one_of(
                    value,
                    &[("never", false), ("outside", true), ("always", false)],
                );
                let help = "leave `ask` out: this version does not pass questions on";
                self.carry(
                    d,
                    "ask",
                    value,
                    if word.is_some_and(|w| w.v) { "" } else { help },
                );
            }
            "on_ask" => {
                let word = d.one_of(value, &[("wait", true), ("fail", false)]);
                let help = "leave `on_ask` out: this version does not pass questions on";
                self.carry(
                    d,
                    "on_ask",
                    value,
                    if word.is_some_and(|w| w.v) { "" } else { help },
                );
            }
            "join" => {
                let words = [
                    ("fail-fast", ()),
                    ("merge-with-rules", ()),
                    ("manual-escalation", ()),
                ];
                d.one_of(value, &words);
                self.carry(
                    d,
                    "join",
                    value,
                    "leave `join` out: this version does not merge work",
                );
            }
            _ => return false,
        }
        true
    }

    fn carry(&mut self, d: &mut Decoder, key: &'static str, value: &Val<'_>, help: &'static str) {
        let toml = d.toml(value);
        let nothing = matches!(toml.as_str(), "[]" | "{}");
        self.carried.push(Carried {
            key,
            at: at(value),
            toml,
            help: if nothing { "" } else { help },
        });
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

/// Reads a list of gates.
pub(crate) fn gates(d: &mut Decoder, value: &Val<'_>) -> Option<Vec<Sp<String>>> {
    d.list(value, "a list of gates such as [\"gate-3\"]", |d, v| {
        d.text(v, "the id of a gate")
    })
}

fn workers(d: &mut Decoder, value: &Val<'_>) -> Option<Vec<Sp<String>>> {
    const WHAT: &str = "a worker such as \"claude:sonnet\", or a list of them";
    let workers = match value.get_ref() {
        DeValue::Array(_) => d.list(value, WHAT, |d, v| d.name(v, "the name of a worker"))?,
        _ => vec![d.name(value, WHAT)?],
    };
    if workers.is_empty() {
        d.sink.error(at(value), "the list of workers is empty");
    }
    for (i, worker) in workers.iter().enumerate() {
        if let Some(first) = workers[..i].iter().find(|w| w.v == worker.v) {
            d.sink
                .error(worker.at, format!("worker `{}` is listed twice", worker.v))
                .related(first.at, "the first time is here");
        }
    }
    Some(workers)
}

fn scope(d: &mut Decoder, value: &Val<'_>) -> bool {
    const WHAT: &str = "a list of paths such as [\"src/api/**\"], or { write = […], read = […] }";
    match value.get_ref() {
        DeValue::Table(table) => {
            let mut writes = false;
            for (key, value) in table {
                match key.get_ref().as_ref() {
                    "write" => {
                        writes = d
                            .list(value, "a list of paths", scope_path)
                            .is_some_and(|l| !l.is_empty());
                    }
                    "read" => drop(d.list(value, "a list of paths", scope_path)),
                    _ => d.unknown_key(key, keys::SCOPE),
                }
            }
            writes
        }
        _ => d
            .list(value, WHAT, scope_path)
            .is_some_and(|l| !l.is_empty()),
    }
}

fn scope_path(d: &mut Decoder, value: &Val<'_>) -> Option<Sp<String>> {
    let path = d.path(value)?;
    if let Err(why) = globset::Glob::new(&path.v) {
        d.sink
            .error(path.at, format!("bad glob `{}`: {}", path.v, why.kind()));
        return None;
    }
    Some(path)
}

fn need(d: &mut Decoder, value: &Val<'_>) -> Option<NeedSpec> {
    const WHAT: &str = "a need such as \"api\" or { agent = \"api\", kind = \"soft\" }";
    let mut need = NeedSpec {
        agent: Sp::default(),
        edit: Edit::Set,
        soft: false,
        when: When::Succeeded,
        carried: Vec::new(),
    };
    match value.get_ref() {
        DeValue::Table(table) => {
            let mut agent = None;
            let mut when = None;
            for (key, value) in table {
                match key.get_ref().as_ref() {
                    "agent" => agent = Some(d.name(value, "the id of an agent")),
                    "kind" => {
                        need.soft = d
                            .one_of(value, &[("hard", false), ("soft", true)])
                            .is_some_and(|k| k.v);
                    }
                    "when" => when = condition(d, value),
                    "files" => {
                        d.list(value, "a list of paths", Decoder::path);
                        need.carried.push(("files", at(value), d.toml(value)));
                    }
                    "check" => {
                        d.commands(value);
                        need.carried.push(("check", at(value), d.toml(value)));
                    }
                    _ => d.unknown_key(key, keys::NEED),
                }
            }
            let Some(agent) = agent else {
                d.sink
                    .error(at(value), "the need names no agent")
                    .help("{ agent = \"api\", … }");
                return None;
            };
            if let Some(when) = when {
                if need.soft {
                    d.sink.warning(
                        when.at,
                        "a soft need never blocks: its `when` has no effect",
                    );
                }
                need.when = when.v;
            }
            need.agent = agent?;
        }
        DeValue::String(_) => need.agent = d.name(value, WHAT)?,
        _ => {
            d.expected(WHAT, value);
            return None;
        }
    }
    if let Some(rest) = need.agent.v.strip_prefix('+') {
        (need.edit, need.agent.v) = (Edit::Add, rest.to_owned());
    } else if let Some(rest) = need.agent.v.strip_prefix('-') {
        (need.edit, need.agent.v) = (Edit::Remove, rest.to_owned());
    }
    Some(need)
}

fn condition(d: &mut Decoder, value: &Val<'_>) -> Option<Sp<When>> {
    const WORDS: [(&str, u8); 4] = [
        ("succeeded", 0),
        ("failed", 1),
        ("skipped", 2),
        ("ended", 3),
    ];
    if let DeValue::String(text) = value.get_ref()
        && text.starts_with("output:")
    {
        let text = d.text(value, "")?;
        let path = Sp::new(text.at, text.v["output:".len()..].to_owned());
        if path.v.is_empty() {
            d.sink
                .error(path.at, "`output:` names no file")
                .help("when = \"output:report.json\"");
            return None;
        }
        return d
            .checked_path(&path)
            .then(|| Sp::new(path.at, When::Output(path.v)));
    }
    let word = d.one_of(value, &WORDS)?;
    let when = match word.v {
        0 => When::Succeeded,
        1 => When::Failed,
        2 => When::Skipped,
        _ => When::Ended,
    };
    Some(Sp::new(word.at, when))
}

fn mode(d: &mut Decoder, value: &Val<'_>) -> Option<ModeSpec> {
    let table = d.table(value, "a table, [[agent.mode]]")?;
    let mut mode = ModeSpec::default();
    for (key, value) in table {
        match key.get_ref().as_ref() {
            "worker" => mode.worker = d.name(value, "the name of a worker"),
            "duration" => mode.duration = d.durations(value),
            "ram" => mode.ram = d.size(value),
            "cpus" => mode.cpus = d.decimal(value, 3, "a number of processors such as 1.0"),
            "uses" => mode.uses = d.amounts(value, "a table such as { gpu = 1 }", 0),
            "spends" => {
                mode.spends = d.amounts(value, "a table such as { premium_requests = 5 }", 0);
            }
            "tokens" => mode.tokens = d.whole(value, 0, u64::MAX),
            _ => d.unknown_key(key, keys::MODE),
        }
    }
    if mode.worker.is_none() {
        if !table.iter().any(|(k, _)| k.get_ref() == "worker") {
            d.sink
                .error(at(value), "the mode names no worker")
                .help("a mode is what differs by worker: worker = \"…\"");
        }
        return None;
    }
    Some(mode)
}

fn sim(d: &mut Decoder, value: &Val<'_>) -> Option<Sp<SimSpec>> {
    let table = d.table(
        value,
        "a table such as { duration = \"5s\", ram = \"100MiB\" }",
    )?;
    let mut spec = SimSpec {
        sim: Sim {
            processes: 1,
            ..Sim::default()
        },
        duration: false,
        ram: false,
    };
    let sim = &mut spec.sim;
    for (key, value) in table {
        match key.get_ref().as_ref() {
            "duration" => {
                spec.duration = true;
                sim.duration_us = d.duration(value).map_or(0, |t| t.v);
            }
            "ram" => {
                spec.ram = true;
                sim.ram_bytes = d.size(value).map_or(0, |b| b.v);
            }
            "curve" => sim.curve = d.one_of(value, &CURVES).map_or(Curve::default(), |c| c.v),
            "processes" => sim.processes = d.whole32(value, 1, 1_000).map_or(1, |n| n.v),
            "lines" => sim.lines = d.whole32(value, 0, u32::MAX).map_or(0, |n| n.v),
            "writes" => {
                let paths = d
                    .list(value, "a list of paths", Decoder::path)
                    .unwrap_or_default();
                sim.writes = paths.into_iter().map(|p| p.v).collect();
            }
            "ledger" => sim.ledger = d.path(value).map(|p| p.v),
            "exit" => sim.exit = byte(d, value, 255),
            "fail_attempts" => sim.fail_attempts = d.whole32(value, 0, u32::MAX).map_or(0, |n| n.v),
            "hang" => sim.hang = d.flag(value).is_some_and(|b| b.v),
            "ignore_term" => sim.ignore_term = d.flag(value).is_some_and(|b| b.v),
            "leak" => sim.leak = d.flag(value).is_some_and(|b| b.v),
            "flood" => sim.flood = d.whole(value, 0, u64::MAX).map_or(0, |n| n.v),
            "hostile" => sim.hostile = d.flag(value).is_some_and(|b| b.v),
            "signal" => sim.signal = byte(d, value, 64),
            _ => d.unknown_key(key, keys::SIM),
        }
    }
    Some(Sp::new(at(value), spec))
}

fn byte(d: &mut Decoder, value: &Val<'_>, max: u32) -> u8 {
    d.whole32(value, 0, max)
        .and_then(|n| u8::try_from(n.v).ok())
        .unwrap_or(0)
}
