//! Reads the tables beside the agents: limits, models, workers, gates.
//!
//! Must not follow references: `build.rs` does.

use std::collections::BTreeMap;

use super::decode::{Decoder, Val, at};
use super::diag::{At, Sp};
use super::keys;
use super::model::{Compare, RamLimit};
use super::raw::{RawGate, RawLimits, RawWorker, members};
use super::spec::PRIORITIES;

pub(super) fn limits(d: &mut Decoder, value: &Val<'_>, limits: &mut RawLimits) {
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

pub(super) fn caps(d: &mut Decoder, value: &Val<'_>, max: u64) -> BTreeMap<String, Sp<u64>> {
    let mut caps = d
        .amounts(value, "a table of whole numbers such as { build = 2 }", 1)
        .unwrap_or_default();
    for cap in caps.values_mut() {
        cap.v = cap.v.min(max);
    }
    caps
}

pub(super) fn bad_wave(d: &mut Decoder, place: At, name: &str) {
    d.sink
        .error(place, format!("bad wave `{name}`"))
        .help("waves are numbers from 1");
}

pub(super) fn ram_limit(d: &mut Decoder, value: &Val<'_>) -> Option<Sp<RamLimit>> {
    let text = d.text(value, "a share such as \"75%\" or a size such as \"24GiB\"")?;
    let limit = super::units::ram_limit(&text.v);
    if limit.is_none() {
        let what = "a share from 0.1% to 100% or a size such as \"24GiB\"";
        if text.v.ends_with('%') {
            d.expected(what, value);
        } else {
            d.wrong_unit(what, value, &super::units::MEMORY);
        }
    }
    limit.map(|l| Sp::new(text.at, l))
}

pub(super) fn model(d: &mut Decoder, value: &Val<'_>) {
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

pub(super) fn worker(d: &mut Decoder, id: &Sp<String>, value: &Val<'_>) -> RawWorker {
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
            "provider" => worker.provider = d.id(value),
            "capabilities" => {
                let what = "a list of names such as [\"review\"]";
                worker.capabilities = d.list(value, what, Decoder::id).unwrap_or_default();
            }
            "terminal" => worker.terminal = d.flag(value).map(|b| b.v),
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
    worker
}

/// Times that a red command may be run once more: a check that needs more is not one.
const MOST_REPEATS: u32 = 10;
/// Words of `base` of a gate.
pub(super) const COMPARE: &[(&str, Compare)] = &[
    ("asked", Compare::Asked),
    ("always", Compare::Always),
    ("never", Compare::Never),
];

pub(super) fn gate(d: &mut Decoder, id: &Sp<String>, value: &Val<'_>) -> RawGate {
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
            "repeat" => gate.repeat = d.whole32(value, 0, MOST_REPEATS).map(|n| n.v),
            "base" => gate.base = d.one_of(value, COMPARE).map(|when| when.v),
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

/// Reads `[lease.x]`: the memory of a command.
pub(super) fn lease(d: &mut Decoder, id: &Sp<String>, value: &Val<'_>) -> Option<Sp<u64>> {
    let (mut ram, errors) = (None, d.sink.errors());
    for (key, value) in members(d, value) {
        match key.get_ref().as_ref() {
            "ram" => ram = d.size(value),
            _ => d.unknown_key(key, keys::LEASE),
        }
    }
    if ram.is_none() && d.sink.errors() == errors {
        d.sink
            .error(id.at, format!("lease `{}` states no memory", id.v))
            .help("ram = \"3GiB\": as much as the command takes at most");
    }
    ram
}
