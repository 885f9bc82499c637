//! Limits, phases, tracks and gates of the checked plan, and the list of what is not built.
//!
//! Must not look at agents: `build.rs` and `layers.rs` do.

use std::collections::{BTreeMap, HashSet};

use super::build::COMMAND_RAM;
use super::decode::Decoder;
use super::diag::{Lines, Sp};
use super::id::GateIx;
use super::model::{Gate, Limits, Phase, Track, Unbuilt};
use super::names::Names;
use super::raw::{RawGroup, RawPlan, RawUnbuilt};
use super::units;

pub(super) fn limits(d: &mut Decoder, raw: &RawPlan, names: &Names<'_>) -> Limits {
    let l = &raw.limits;
    let mut limits = Limits {
        ram: l.ram.as_ref().map(|r| r.v),
        agents: l.agents,
        cpus_milli: l.cpus_milli,
        tracks: l.tracks,
        tokens_per_minute: l.tokens_per_minute.as_ref().map(|n| n.v),
        tokens: l.tokens,
        cost_microusd: l.cost_microusd.as_ref().map(|n| n.v),
        per_priority: l.per_priority.clone(),
        per_wave: l.per_wave.clone(),
        resources: l.resources.iter().map(|(k, n)| (k.clone(), n.v)).collect(),
        budgets: l.budgets.iter().map(|(k, n)| (k.clone(), n.v)).collect(),
        ..Limits::default()
    };
    let small = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    for (id, n) in &l.per_phase {
        let phase = names.phase(d, &Sp::new(n.at, id.clone()));
        limits.per_phase.extend(phase.map(|p| (p, small(n.v))));
    }
    for (id, n) in &l.per_track {
        let track = names.track(d, &Sp::new(n.at, id.clone()));
        limits.per_track.extend(track.map(|t| (t, small(n.v))));
    }
    limits
}

/// Looks up a gate, or reports that there is none.
fn resolve_gate(
    d: &mut Decoder,
    name: &Sp<String>,
    gates: &BTreeMap<&str, GateIx>,
) -> Option<GateIx> {
    let found = gates.get(name.v.as_str()).copied();
    if found.is_none() {
        d.unknown("gate", name, gates.keys().copied());
    }
    found
}

/// Looks up gates, each once.
pub(crate) fn resolve_gates(
    d: &mut Decoder,
    names: &[Sp<String>],
    gates: &BTreeMap<&str, GateIx>,
) -> Vec<GateIx> {
    let mut all: Vec<GateIx> = Vec::new();
    for name in names {
        all.extend(resolve_gate(d, name, gates).filter(|g| !all.contains(g)));
    }
    all
}

pub(super) fn phase(d: &mut Decoder, raw: &RawGroup, gates: &BTreeMap<&str, GateIx>) -> Phase {
    let of_phase = resolve_gates(d, &raw.gates, gates);
    if let Some(barrier) = raw
        .barrier
        .as_ref()
        .filter(|b| !b.v && !raw.gates.is_empty())
    {
        d.sink
            .error(
                barrier.at,
                format!("phase `{}` has gates, so it is a barrier", raw.id.v),
            )
            .help("take the gates away, or leave `barrier` out");
    }
    let id = raw.id.v.clone();
    let barrier = raw.barrier.as_ref().is_some_and(|b| b.v) || !of_phase.is_empty();
    Phase {
        title: raw.title.clone().unwrap_or_else(|| id.clone()),
        id,
        barrier,
        gates: of_phase,
    }
}

pub(super) fn track(d: &mut Decoder, raw: &RawGroup, gates: &BTreeMap<&str, GateIx>) -> Track {
    let id = raw.id.v.clone();
    let title = raw.title.clone().unwrap_or_else(|| id.clone());
    Track {
        title,
        id,
        priority: raw.priority.unwrap_or_default(),
        gates: resolve_gates(d, &raw.gates, gates),
    }
}

pub(super) fn gates(d: &mut Decoder, raw: &RawPlan, limits: &Limits) -> Vec<Gate> {
    let mut gates = Vec::with_capacity(raw.gates.len());
    for (id, gate) in &raw.gates {
        let ram_bytes = gate.ram.as_ref().map_or(COMMAND_RAM, |r| r.v);
        if let Some(super::model::RamLimit::Bytes(limit)) = limits.ram
            && ram_bytes > limit
            && !gate.run.is_empty()
        {
            let (need, have) = (units::human_size(ram_bytes), units::human_size(limit));
            let place = gate.ram.as_ref().map_or(gate.at, |r| r.at);
            d.sink.error(
                place,
                format!(
                    "gate `{id}` does not fit: it needs {need} of memory, limits.ram is {have}"
                ),
            );
        }
        let title = gate.title.clone().unwrap_or_else(|| id.clone());
        let approve = gate.approve.as_ref().map(|a| a.v.clone());
        gates.push(Gate {
            id: id.clone(),
            title,
            run: gate.run.clone(),
            ram_bytes,
            approve,
            repeat: gate.repeat.unwrap_or(0),
            base: gate.base.unwrap_or_default(),
        });
    }
    gates
}

/// The memory of leased commands.
pub(super) fn leases(d: &mut Decoder, raw: &RawPlan, limits: &Limits) -> BTreeMap<String, u64> {
    for (name, ram) in &raw.leases {
        if let Some(super::model::RamLimit::Bytes(limit)) = limits.ram
            && ram.v > limit
        {
            let (need, have) = (units::human_size(ram.v), units::human_size(limit));
            let text = format!(
                "lease `{name}` does not fit: it needs {need} of memory, limits.ram is {have}"
            );
            d.sink.error(ram.at, text);
        }
    }
    let all = raw.leases.iter();
    all.map(|(name, ram)| (name.clone(), ram.v)).collect()
}

/// Collects what is not built, in the order of the keys' paths.
pub(super) fn all_unbuilt(agents: Vec<RawUnbuilt>, source: &str) -> Vec<Unbuilt> {
    let mut all = agents;
    if all.is_empty() {
        return Vec::new();
    }
    all.sort_by(|a, b| a.path.cmp(&b.path));
    let mut seen: HashSet<Vec<String>> = HashSet::new();
    let lines = Lines::new(source);
    all.into_iter()
        .filter(|u| seen.insert(u.path.clone()))
        .map(|u| {
            let (line, column) = lines.place(u.at);
            Unbuilt {
                key: u.path.join("."),
                path: u.path,
                value: u.toml,
                line,
                column,
                help: u.help.to_owned(),
            }
        })
        .collect()
}
