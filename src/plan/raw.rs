//! The plan file as written, table by table; references are still names.
//!
//! Checks kinds, units and ranges. Must not follow references: `build.rs` does.

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

use super::decode::{Decoder, Key, Val, at};
use super::diag::{At, Sp};
use super::keys;
use super::model::{Argv, Mode, Priority, RamLimit};
use super::spec::{self, AgentSpec, PRIORITIES, gates};
use super::vars::{self, Value};

/// `[limits]` as written.
#[derive(Debug, Default)]
pub(crate) struct RawLimits {
    pub ram: Option<Sp<RamLimit>>,
    pub agents: Option<u32>,
    pub cpus_milli: Option<u64>,
    pub tracks: Option<u32>,
    pub tokens_per_minute: Option<Sp<u64>>,
    pub tokens: Option<u64>,
    pub cost_microusd: Option<Sp<u64>>,
    pub per_priority: BTreeMap<Priority, u32>,
    pub per_phase: BTreeMap<String, Sp<u64>>,
    pub per_track: BTreeMap<String, Sp<u64>>,
    pub per_wave: BTreeMap<u32, u32>,
    pub resources: BTreeMap<String, Sp<u64>>,
    pub budgets: BTreeMap<String, Sp<u64>>,
}

/// `[[phase]]` or `[[track]]` as written.
#[derive(Debug, Default)]
pub(crate) struct RawGroup {
    pub id: Sp<String>,
    pub title: Option<String>,
    pub barrier: Option<Sp<bool>>,
    pub priority: Option<Priority>,
    pub gates: Vec<Sp<String>>,
    /// Where `gates` stands, and its value as TOML.
    pub gates_toml: Option<(At, String)>,
    pub defaults: AgentSpec,
}

/// `[worker.x]` as written.
#[derive(Debug, Default)]
pub(crate) struct RawWorker {
    pub at: At,
    pub run: Option<Argv>,
    pub cli: Option<Sp<String>>,
    pub model: Option<Sp<String>>,
}

/// `[gate.x]` as written.
#[derive(Debug, Default)]
pub(crate) struct RawGate {
    pub at: At,
    pub title: Option<String>,
    pub run: Vec<Argv>,
    pub ram: Option<Sp<u64>>,
    pub approve: Option<Sp<String>>,
}

/// `[[override]]` as written.
#[derive(Debug, Default)]
pub(crate) struct RawOverride {
    pub agents: Vec<Sp<String>>,
    pub spec: AgentSpec,
}

/// A key outside the agents whose feature is not built.
#[derive(Debug)]
pub(crate) struct RawUnbuilt {
    /// Its path.
    pub path: Vec<String>,
    /// Where its value stands.
    pub at: At,
    /// Its value as TOML.
    pub toml: String,
    /// What to do instead.
    pub help: &'static str,
}

/// The whole file as written.
#[derive(Debug, Default)]
pub(crate) struct RawPlan {
    pub version: Option<u32>,
    pub name: Option<String>,
    pub goal: Option<String>,
    pub base: Option<String>,
    pub mode: Option<Mode>,
    pub limits: RawLimits,
    /// `[model.x]`: where, and its value as TOML.
    pub models: BTreeMap<String, (At, String)>,
    pub workers: BTreeMap<String, RawWorker>,
    pub gates: BTreeMap<String, RawGate>,
    /// References to gates from keys that are not built.
    pub gate_refs: Vec<Sp<String>>,
    pub phases: Vec<RawGroup>,
    pub tracks: Vec<RawGroup>,
    pub defaults: AgentSpec,
    pub overrides: Vec<RawOverride>,
    pub agents: Vec<AgentSpec>,
    pub unbuilt: Vec<RawUnbuilt>,
}

/// Reads the whole document; `set` are the variables of `--set`.
pub(crate) fn read(
    d: &mut Decoder,
    table: &DeTable<'_>,
    set: &BTreeMap<String, String>,
) -> RawPlan {
    let mut raw = RawPlan::default();
    variables(d, table, set);
    for (key, value) in table {
        let name = key.get_ref().as_ref();
        match name {
            "vars" => {}
            "version" => raw.version = d.whole32(value, 1, 1).map(|v| v.v),
            "name" => raw.name = d.name(value, "a text").map(|t| t.v),
            "goal" => raw.goal = d.text(value, "a text").map(|t| t.v),
            "base" => raw.base = revision(d, value),
            "mode" => {
                let words = [
                    ("sequential", Mode::Sequential),
                    ("parallel", Mode::Parallel),
                    ("hybrid", Mode::Hybrid),
                ];
                raw.mode = d.one_of(value, &words).map(|m| m.v);
            }
            "verify" => {
                d.commands(value);
                raw.unbuilt(
                    d,
                    vec![name.into()],
                    value,
                    "add an agent that needs the others and runs these commands",
                );
            }
            "gates" => {
                raw.gate_refs.extend(gates(d, value).unwrap_or_default());
                raw.unbuilt(
                    d,
                    vec![name.into()],
                    value,
                    "put the gates on a last [[phase]]",
                );
            }
            "require_sandbox" => {
                if d.flag(value).is_some_and(|b| b.v) {
                    raw.unbuilt(
                        d,
                        vec![name.into()],
                        value,
                        "leave it out: this version has no sandbox",
                    );
                }
            }
            "limits" => limits(d, value, &mut raw.limits),
            "model" => named(d, value, "[model.…]", |d, id, value| {
                model(d, value);
                let toml = d.toml(value);
                raw.models.insert(id.v, (id.at, toml));
            }),
            "worker" => named(d, value, "[worker.…]", |d, id, value| {
                let worker = worker(d, &id, value);
                raw.workers.insert(id.v, worker);
            }),
            "gate" => named(d, value, "[gate.…]", |d, id, value| {
                let gate = gate(d, &id, value);
                raw.gates.insert(id.v, gate);
            }),
            "lease" => named(d, value, "[lease.…]", |d, id, value| {
                for (key, value) in members(d, value) {
                    match key.get_ref().as_ref() {
                        "ram" => drop(d.size(value)),
                        _ => d.unknown_key(key, keys::LEASE),
                    }
                }
                let help = "state the memory as `ram` of the agents that run the command";
                raw.unbuilt(d, vec![name.into(), id.v], value, help);
            }),
            "domain" => named(d, value, "[domain.…]", |d, id, value| {
                for (key, value) in members(d, value) {
                    match key.get_ref().as_ref() {
                        "critical" => drop(d.flag(value)),
                        _ => d.unknown_key(key, keys::DOMAIN),
                    }
                }
                let help = "order the agents by `needs`, or make them `exclusive`";
                raw.unbuilt(d, vec![name.into(), id.v], value, help);
            }),
            "wave" => wave(d, &mut raw, value),
            "workspace" => workspace(d, &mut raw, value),
            "merge" => merge(d, &mut raw, value),
            "defaults" => {
                if let Some(table) = d.table(value, "a table, [defaults]") {
                    raw.defaults = AgentSpec::read(d, table, at(value), &spec::DEFAULTS);
                }
            }
            "phase" => raw.phases = groups(d, value, "[[phase]]", keys::PHASE),
            "track" => raw.tracks = groups(d, value, "[[track]]", keys::TRACK),
            "override" => {
                raw.overrides = d
                    .list(value, "a list of tables, [[override]]", overriding)
                    .unwrap_or_default();
            }
            "agent" => agents(d, value, &mut raw.agents),
            _ => d.unknown_key(key, keys::PLAN),
        }
    }
    raw
}

impl RawPlan {
    fn unbuilt(&mut self, d: &mut Decoder, path: Vec<String>, value: &Val<'_>, help: &'static str) {
        let toml = d.toml(value);
        // An empty list asks for nothing. An empty table is a declaration.
        if toml != "[]" {
            self.unbuilt.push(RawUnbuilt {
                path,
                at: at(value),
                toml,
                help,
            });
        }
    }
}

fn variables(d: &mut Decoder, table: &DeTable<'_>, set: &BTreeMap<String, String>) {
    let mut all = vars::Vars::new();
    let declared = table
        .iter()
        .find(|(k, _)| k.get_ref() == "vars")
        .map(|(_, v)| v);
    for (key, value) in declared.map(|v| members(d, v)).unwrap_or_default() {
        let name = key.get_ref();
        if !vars::valid_name(name) {
            d.sink
                .error(at(key), format!("bad variable name `{name}`"))
                .help("letters, digits, `_` and `-`");
            continue;
        }
        if name == vars::ITEM || vars::LATE.contains(&name.as_ref()) {
            d.sink
                .error(
                    at(key),
                    format!("variable `{name}` has a meaning of its own"),
                )
                .help("give it another name");
            continue;
        }
        let value = match value.get_ref() {
            DeValue::Array(_) => d.list(value, "", scalar).map(Value::List),
            _ => scalar(d, value).map(Value::One),
        };
        if let Some(value) = value {
            all.insert(name.clone().into_owned(), value);
        }
    }
    for (name, text) in set {
        match all.get_mut(name) {
            Some(Value::One(value)) => value.clone_from(text),
            Some(Value::List(list)) => {
                *list = text
                    .split(',')
                    .map(str::trim)
                    .filter(|s| !s.is_empty())
                    .map(str::to_owned)
                    .collect();
            }
            None => {
                let meant = d.suggest.nearest(name, all.keys().map(String::as_str));
                d.sink
                    .error(At::NOWHERE, format!("--set: unknown variable `{name}`"))
                    .meant(meant)
                    .help("the plan's variables are declared in [vars]");
            }
        }
    }
    d.vars = Some(all);
}

fn scalar(d: &mut Decoder, value: &Val<'_>) -> Option<String> {
    match value.get_ref() {
        DeValue::String(text) if text.contains("${") => {
            d.sink
                .error(at(value), "a variable's value cannot use variables")
                .help("write the value itself");
            None
        }
        DeValue::String(text) => Some(text.clone().into_owned()),
        DeValue::Integer(i) => Some(i.to_string()),
        DeValue::Float(f) => Some(f.to_string()),
        DeValue::Boolean(b) => Some(b.to_string()),
        _ => {
            d.expected("a text, a number or a list of them", value);
            None
        }
    }
}

fn revision(d: &mut Decoder, value: &Val<'_>) -> Option<String> {
    let base = d.name(value, "a revision such as \"main\"")?;
    if base.v.starts_with('-') || base.v.chars().any(|c| c.is_control() || c == ' ') {
        d.sink.error(base.at, format!("bad revision `{}`", base.v));
        return None;
    }
    Some(base.v)
}

/// Returns the members of a table, none where it is not one (which is reported).
fn members<'v, 'a>(d: &mut Decoder, value: &'v Val<'a>) -> Vec<(&'v Key<'a>, &'v Val<'a>)> {
    d.table(value, "a table")
        .map(|t| t.iter().collect())
        .unwrap_or_default()
}

/// Reads a table of tables by id.
fn named(
    d: &mut Decoder,
    value: &Val<'_>,
    what: &str,
    mut read: impl FnMut(&mut Decoder, Sp<String>, &Val<'_>),
) {
    let Some(table) = d.table(value, &format!("tables {what}")) else {
        return;
    };
    for (key, value) in table {
        let id = d.key_id(key);
        if d.table(value, &format!("a table {what}")).is_some()
            && let Some(id) = id
        {
            read(d, id, value);
        }
    }
}

fn limits(d: &mut Decoder, value: &Val<'_>, limits: &mut RawLimits) {
    const CAPS: &str = "a table of whole numbers such as { low = 1 }";
    let cap = u64::from(u32::MAX);
    let mut reserve = None;
    for (key, value) in members(d, value) {
        match key.get_ref().as_ref() {
            "ram" => limits.ram = ram_limit(d, value),
            "reserve" => reserve = d.size(value).map(|b| Sp::new(b.at, RamLimit::Reserve(b.v))),
            "agents" => limits.agents = d.whole32(value, 1, u32::MAX).map(|n| n.v),
            "cpus" => {
                let cpus = d.decimal(value, 3, "a number of processors such as 8");
                if let Some(c) = cpus.as_ref().filter(|c| c.v == 0) {
                    d.sink.error(c.at, "`cpus` must be more than 0");
                }
                limits.cpus_milli = cpus.map(|c| c.v);
            }
            "tracks" => limits.tracks = d.whole32(value, 1, u32::MAX).map(|n| n.v),
            "tokens_per_minute" => limits.tokens_per_minute = d.whole(value, 1, u64::MAX),
            "tokens" => limits.tokens = d.whole(value, 0, u64::MAX).map(|n| n.v),
            "cost_usd" => {
                limits.cost_microusd = d.decimal(value, 6, "an amount in dollars such as 25.0");
            }
            "per_priority" => {
                if let Some(table) = d.table(value, CAPS) {
                    for (key, value) in table {
                        let name = Sp::new(at(key), key.get_ref().clone().into_owned());
                        match PRIORITIES.iter().find(|(n, _)| *n == name.v) {
                            Some((_, p)) => {
                                limits
                                    .per_priority
                                    .extend(d.whole32(value, 1, u32::MAX).map(|n| (*p, n.v)));
                            }
                            None => {
                                d.unknown("priority", &name, PRIORITIES.iter().map(|(n, _)| *n));
                            }
                        }
                    }
                }
            }
            "per_phase" => limits.per_phase = caps(d, value, cap),
            "per_track" => limits.per_track = caps(d, value, cap),
            "per_wave" => {
                for (wave, n) in caps(d, value, cap) {
                    match wave.parse::<u32>() {
                        Ok(w) if w > 0 => drop(
                            limits
                                .per_wave
                                .insert(w, u32::try_from(n.v).unwrap_or(u32::MAX)),
                        ),
                        _ => bad_wave(d, n.at, &wave),
                    }
                }
            }
            "resources" => {
                limits.resources = d
                    .amounts(value, "a table such as { gpu = 1 }", 0)
                    .unwrap_or_default();
            }
            "budgets" => {
                limits.budgets = d
                    .amounts(value, "a table such as { requests = 300 }", 0)
                    .unwrap_or_default();
            }
            _ => d.unknown_key(key, keys::LIMITS),
        }
    }
    if let (Some(ram), Some(reserve)) = (&limits.ram, &reserve) {
        let found = d
            .sink
            .error(reserve.at, "both `ram` and `reserve` are stated");
        found
            .help("keep one of them")
            .related(ram.at, "`ram` is here");
    }
    limits.ram = limits.ram.take().or(reserve);
}

fn caps(d: &mut Decoder, value: &Val<'_>, max: u64) -> BTreeMap<String, Sp<u64>> {
    let mut caps = d
        .amounts(value, "a table of whole numbers such as { build = 2 }", 1)
        .unwrap_or_default();
    for cap in caps.values_mut() {
        cap.v = cap.v.min(max);
    }
    caps
}

fn bad_wave(d: &mut Decoder, place: At, name: &str) {
    d.sink
        .error(place, format!("bad wave `{name}`"))
        .help("waves are numbers from 1");
}

fn ram_limit(d: &mut Decoder, value: &Val<'_>) -> Option<Sp<RamLimit>> {
    let text = d.text(value, "a share such as \"75%\" or a size such as \"24GiB\"")?;
    let limit = super::units::ram_limit(&text.v);
    if limit.is_none() {
        d.expected(
            "a share from 0.1% to 100% or a size such as \"24GiB\"",
            value,
        );
    }
    limit.map(|l| Sp::new(text.at, l))
}

fn model(d: &mut Decoder, value: &Val<'_>) {
    for (key, value) in members(d, value) {
        match key.get_ref().as_ref() {
            "api" => {
                let words = [
                    ("ollama", ()),
                    ("llama-server", ()),
                    ("lmstudio", ()),
                    ("openai", ()),
                ];
                d.one_of(value, &words);
            }
            "url" => {
                let url = d.name(value, "a URL such as \"http://127.0.0.1:11434\"");
                if let Some(url) =
                    url.filter(|u| !u.v.starts_with("http://") && !u.v.starts_with("https://"))
                {
                    d.sink
                        .error(url.at, format!("`{}` is no http(s) URL", url.v));
                }
            }
            "name" => drop(d.name(value, "a text")),
            "ram" | "ram_per_slot" => drop(d.size(value)),
            "slots" => drop(d.whole32(value, 1, 10_000)),
            _ => d.unknown_key(key, keys::MODEL),
        }
    }
}

fn worker(d: &mut Decoder, id: &Sp<String>, value: &Val<'_>) -> RawWorker {
    let mut worker = RawWorker {
        at: id.at,
        ..RawWorker::default()
    };
    let mut stated = (false, false);
    for (key, value) in members(d, value) {
        match key.get_ref().as_ref() {
            "run" => {
                stated.0 = true;
                worker.run = d.command(value).map(|c| c.v);
            }
            "cli" => {
                stated.1 = true;
                worker.cli = d.name(value, "the name of an agent program");
            }
            "model" => worker.model = d.name(value, "the name of a model"),
            _ => d.unknown_key(key, keys::WORKER),
        }
    }
    match stated {
        (true, true) => {
            d.sink
                .error(id.at, format!("worker `{}` has both `run` and `cli`", id.v))
                .help("keep one of them");
        }
        (false, false) => {
            d.sink
                .error(
                    id.at,
                    format!("worker `{}` has neither `run` nor `cli`", id.v),
                )
                .help("run = \"program that reads its prompt from stdin\", or cli = \"opencode\"");
        }
        _ => {}
    }
    if let Some(cli) = worker
        .cli
        .as_ref()
        .filter(|c| !keys::CODING_AGENTS.contains(&c.v.as_str()))
        .cloned()
    {
        d.unknown("agent program", &cli, keys::CODING_AGENTS.iter().copied());
    }
    worker
}

fn gate(d: &mut Decoder, id: &Sp<String>, value: &Val<'_>) -> RawGate {
    let mut gate = RawGate {
        at: id.at,
        ..RawGate::default()
    };
    let mut stated = false;
    for (key, value) in members(d, value) {
        match key.get_ref().as_ref() {
            "title" => gate.title = d.name(value, "a text").map(|t| t.v),
            "run" => {
                let errors = d.sink.failed();
                gate.run = d.commands(value).unwrap_or_default();
                stated |= !gate.run.is_empty() || (!errors && d.sink.failed());
            }
            "ram" => gate.ram = d.size(value),
            "approve" => {
                stated = true;
                gate.approve = d.name(value, "a question");
            }
            _ => d.unknown_key(key, keys::GATE),
        }
    }
    if !stated {
        d.sink
            .error(id.at, format!("gate `{}` checks nothing", id.v))
            .help("run = [\"cargo test\"], or approve = \"a question\"");
    }
    gate
}

fn wave(d: &mut Decoder, raw: &mut RawPlan, value: &Val<'_>) {
    for (key, value) in members(d, value) {
        let number = key.get_ref();
        if number.parse::<u32>().is_ok_and(|n| n > 0) {
            for (key, value) in members(d, value) {
                match key.get_ref().as_ref() {
                    "gates" => {
                        raw.gate_refs.extend(gates(d, value).unwrap_or_default());
                        let path = vec!["wave".into(), number.clone().into_owned(), "gates".into()];
                        raw.unbuilt(d, path, value, "put the gates on a [[phase]] or an agent");
                    }
                    _ => d.unknown_key(key, keys::WAVE),
                }
            }
        } else {
            bad_wave(d, at(key), number);
        }
    }
}

fn workspace(d: &mut Decoder, raw: &mut RawPlan, value: &Val<'_>) {
    d.late = true;
    for (key, value) in members(d, value) {
        let name = key.get_ref().as_ref();
        match name {
            "copy" | "link" => drop(d.list(value, "a list of paths", Decoder::path)),
            "setup" => drop(d.commands(value)),
            "env" => {
                for (key, value) in members(d, value) {
                    if key.get_ref().is_empty() || key.get_ref().contains(['=', '\0']) {
                        d.sink.error(
                            at(key),
                            format!("bad name of a variable `{}`", key.get_ref()),
                        );
                    }
                    d.text(value, "a text");
                }
            }
            _ => {
                d.unknown_key(key, keys::WORKSPACE);
                continue;
            }
        }
        let path = vec!["workspace".into(), name.to_owned()];
        raw.unbuilt(
            d,
            path,
            value,
            "leave [workspace] out: agents run in the repository itself",
        );
    }
    d.late = false;
}

fn merge(d: &mut Decoder, raw: &mut RawPlan, value: &Val<'_>) {
    const RULE: &str = "\"union\" | \"ours\" | \"theirs\" or { run = \"command\" }";
    d.late = true;
    for (key, value) in members(d, value) {
        let name = key.get_ref().as_ref();
        match name {
            "into" => drop(d.name(value, "the name of a branch")),
            "end" => drop(d.one_of(value, &[("branch", ()), ("ask", ()), ("ff", ())])),
            "rules" => {
                for (key, value) in members(d, value) {
                    let path = Sp::new(at(key), key.get_ref().clone().into_owned());
                    d.checked_path(&path);
                    match value.get_ref() {
                        DeValue::String(_) => {
                            d.one_of(value, &[("union", ()), ("ours", ()), ("theirs", ())]);
                        }
                        DeValue::Table(table) => {
                            for (key, value) in table {
                                match key.get_ref().as_ref() {
                                    "run" => drop(d.command(value)),
                                    _ => d.unknown_key(key, keys::RULE),
                                }
                            }
                        }
                        _ => d.expected(RULE, value),
                    }
                }
            }
            _ => {
                d.unknown_key(key, keys::MERGE);
                continue;
            }
        }
        let path = vec!["merge".into(), name.to_owned()];
        raw.unbuilt(
            d,
            path,
            value,
            "leave [merge] out: this version does not merge work",
        );
    }
    d.late = false;
}

fn groups(d: &mut Decoder, value: &Val<'_>, what: &str, known: &[&str]) -> Vec<RawGroup> {
    let read = |d: &mut Decoder, value: &Val<'_>| {
        let table = d.table(value, &format!("a table {what}"))?;
        let mut group = RawGroup::default();
        let mut id = None;
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            match name {
                _ if !known.contains(&name) => d.unknown_key(key, known),
                "id" => id = Some(d.id(value)),
                "title" => group.title = d.name(value, "a text").map(|t| t.v),
                "barrier" => group.barrier = d.flag(value),
                "priority" => group.priority = d.one_of(value, &PRIORITIES).map(|p| p.v),
                "gates" => {
                    group.gates = gates(d, value).unwrap_or_default();
                    group.gates_toml = Some((at(value), d.toml(value)));
                }
                _ => {
                    if let Some(table) = d.table(value, "a table of agent keys") {
                        group.defaults = AgentSpec::read(d, table, at(value), &spec::DEFAULTS);
                    }
                }
            }
        }
        if id.is_none() {
            d.sink
                .error(at(value), format!("{what} without an id"))
                .help("id = \"…\"");
        }
        group.id = id??;
        Some(group)
    };
    let groups = d
        .list(value, &format!("a list of tables, {what}"), read)
        .unwrap_or_default();
    let mut seen: BTreeMap<&str, At> = BTreeMap::new();
    for group in &groups {
        if let Some(first) = seen.insert(&group.id.v, group.id.at) {
            let word = what.trim_matches(['[', ']']);
            let found = d.sink.error(
                group.id.at,
                format!("duplicate id: {word} `{}` is there already", group.id.v),
            );
            found.related(first, "the first one is here");
        }
    }
    groups
}

fn overriding(d: &mut Decoder, value: &Val<'_>) -> Option<RawOverride> {
    let table = d.table(value, "a table, [[override]]")?;
    let mut agents = None;
    if let Some((_, value)) = table.iter().find(|(k, _)| k.get_ref() == "agents") {
        let what = "a list of agents such as [\"mod-*\"]";
        agents = Some(
            d.list(value, what, |d, v| d.name(v, "the id of an agent"))
                .unwrap_or_default(),
        );
    } else {
        d.sink
            .error(at(value), "the override names no agents")
            .help("agents = [\"…\"]");
    }
    let spec = AgentSpec::read(d, table, at(value), &spec::OVERRIDE);
    Some(RawOverride {
        agents: agents?,
        spec,
    })
}

fn agents(d: &mut Decoder, value: &Val<'_>, out: &mut Vec<AgentSpec>) {
    const WHAT: &str = "a list of tables, [[agent]]";
    let DeValue::Array(array) = value.get_ref() else {
        d.expected(WHAT, value);
        return;
    };
    out.reserve(array.len());
    for value in array {
        let Some(table) = d.table(value, "a table, [[agent]]") else {
            continue;
        };
        let place = at(value);
        match table.iter().find(|(k, _)| k.get_ref() == "each") {
            None => out.push(agent(d, table, place)),
            Some((_, each)) => {
                let items = each_items(d, each);
                if let Some(id) = table.iter().find(|(k, _)| k.get_ref() == "id")
                    && items.len() > 1
                    && let DeValue::String(text) = id.1.get_ref()
                    && !text.contains("${item}")
                {
                    d.sink
                        .error(
                            at(id.1),
                            format!("each of these agents would have the id `{text}`"),
                        )
                        .help("put ${item} into the id");
                    continue;
                }
                for item in items {
                    d.item = Some(item);
                    out.push(agent(d, table, place));
                }
                d.item = None;
            }
        }
    }
}

fn agent(d: &mut Decoder, table: &DeTable<'_>, place: At) -> AgentSpec {
    let spec = AgentSpec::read(d, table, place, &spec::AGENT);
    if spec.id.is_none() && !table.iter().any(|(k, _)| k.get_ref() == "id") {
        d.sink
            .error(place, "[[agent]] without an id")
            .help("id = \"…\"");
    }
    spec
}

fn each_items(d: &mut Decoder, each: &Val<'_>) -> Vec<String> {
    let items = match each.get_ref() {
        DeValue::Array(_) => d
            .list(each, "", |d, v| d.text(v, "a text"))
            .map(|l| l.into_iter().map(|t| t.v).collect()),
        DeValue::String(name) => {
            let vars = d.vars.as_ref();
            match vars.and_then(|v| v.get(name.as_ref())) {
                Some(Value::List(items)) => Some(items.clone()),
                Some(Value::One(_)) => {
                    d.sink
                        .error(at(each), format!("variable `{name}` is no list"))
                        .help("`each` takes a list");
                    None
                }
                None => {
                    let lists: Vec<String> = vars
                        .map(|v| v.keys().cloned().collect())
                        .unwrap_or_default();
                    let name = Sp::new(at(each), name.clone().into_owned());
                    d.unknown("variable", &name, lists.iter().map(String::as_str));
                    None
                }
            }
        }
        _ => {
            d.expected("the name of a list in [vars]", each);
            None
        }
    };
    let Some(items) = items else {
        return Vec::new();
    };
    let items: Vec<String> = items;
    if items.is_empty() {
        d.sink
            .warning(at(each), "the list is empty: no agent comes of this");
    }
    items
}
