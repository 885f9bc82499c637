//! The plan file as written, table by table; references are still names.
//!
//! Checks kinds, units and ranges. Must not follow references: `build.rs` does.

use std::collections::BTreeMap;

use toml::de::DeTable;

use super::decode::{Decoder, Key, Val, at};
use super::diag::{At, Sp};
use super::keys;
use super::model::{Argv, Compare, Domain, MergeSpec, Mode, Priority, RamLimit, WorkspaceSpec};
use super::raw_lists::{agents, groups, overriding, variables};
use super::raw_tables::{gate, lease, limits, model, worker};
use super::raw_work::{domain, merge, wave, workspace};
use super::spec::{self, AgentSpec};
use super::spec_parts::gates;

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
    pub defaults: AgentSpec,
}

/// `[worker.x]` as written.
#[derive(Debug, Default)]
pub(crate) struct RawWorker {
    pub at: At,
    pub run: Option<Argv>,
    pub cli: Option<Sp<String>>,
    pub model: Option<Sp<String>>,
    pub provider: Option<Sp<String>>,
    pub capabilities: Vec<Sp<String>>,
    pub terminal: Option<bool>,
}

/// `[gate.x]` as written.
#[derive(Debug, Default)]
pub(crate) struct RawGate {
    pub at: At,
    pub title: Option<String>,
    pub run: Vec<Argv>,
    pub ram: Option<Sp<u64>>,
    pub approve: Option<Sp<String>>,
    pub repeat: Option<u32>,
    pub base: Option<Compare>,
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
    pub require_sandbox: bool,
    pub limits: RawLimits,
    /// `[model.x]`: where, and its value as TOML.
    pub models: BTreeMap<String, (At, String)>,
    pub workers: BTreeMap<String, RawWorker>,
    pub gates: BTreeMap<String, RawGate>,
    /// `[lease.x]`: its memory.
    pub leases: BTreeMap<String, Sp<u64>>,
    /// Gates of the whole run.
    pub run_gates: Vec<Sp<String>>,
    /// Gates by wave, from 1.
    pub wave_gates: BTreeMap<u32, Vec<Sp<String>>>,
    pub verify: Vec<Argv>,
    pub workspace: WorkspaceSpec,
    pub merge: MergeSpec,
    /// Declared domains, and where.
    pub domains: BTreeMap<String, (At, Domain)>,
    pub phases: Vec<RawGroup>,
    pub tracks: Vec<RawGroup>,
    pub defaults: AgentSpec,
    pub overrides: Vec<RawOverride>,
    pub agents: Vec<AgentSpec>,
    /// Something is wrong with their list, so that some may be missing.
    pub agents_bad: bool,
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
            "verify" => raw.verify = d.commands(value).unwrap_or_default(),
            "gates" => raw.run_gates = gates(d, value).unwrap_or_default(),
            "require_sandbox" => {
                raw.require_sandbox = d.flag(value).is_some_and(|b| b.v);
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
                if let Some(ram) = lease(d, &id, value) {
                    raw.leases.insert(id.v, ram);
                }
            }),
            "domain" => named(d, value, "[domain.…]", |d, id, value| {
                let domain = domain(d, value);
                raw.domains.insert(id.v, (id.at, domain));
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
            "agent" => {
                let before = d.sink.errors();
                agents(d, value, &mut raw.agents);
                raw.agents_bad = d.sink.errors() > before;
            }
            _ => d.unknown_key(key, keys::PLAN),
        }
    }
    raw
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
pub(super) fn members<'v, 'a>(
    d: &mut Decoder,
    value: &'v Val<'a>,
) -> Vec<(&'v Key<'a>, &'v Val<'a>)> {
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
