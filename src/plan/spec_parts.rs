//! Reads the values of agent keys that are tables or lists of their own: needs, modes, sim.
//!
//! Must not follow references: `build.rs` does.

use toml::de::DeValue;

use super::decode::{Decoder, Val, at};
use super::diag::Sp;
use super::keys;
use super::model::{Curve, Sim, When};
use super::spec::{CURVES, Edit, ModeSpec, NeedSpec, SimSpec};
use super::spec_work::{paths, plain};

/// Reads a list of gates.
pub(crate) fn gates(d: &mut Decoder, value: &Val<'_>) -> Option<Vec<Sp<String>>> {
    d.list(value, "a list of gates such as [\"gate-3\"]", |d, v| {
        d.text(v, "the id of a gate")
    })
}

pub(super) fn workers(d: &mut Decoder, value: &Val<'_>) -> Option<Vec<Sp<String>>> {
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

pub(super) fn need(d: &mut Decoder, value: &Val<'_>) -> Option<NeedSpec> {
    const WHAT: &str = "a need such as \"api\" or { agent = \"api\", kind = \"soft\" }";
    let mut need = NeedSpec {
        agent: Sp::default(),
        edit: Edit::Set,
        soft: false,
        when: When::Succeeded,
        files: Vec::new(),
        check: Vec::new(),
    };
    match value.get_ref() {
        DeValue::Table(table) => {
            let mut agent = None;
            let mut when = None;
            let mut blocking = Vec::new();
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
                        need.files = plain(paths(d, value).unwrap_or_default());
                        blocking.push((key.get_ref().clone(), at(value)));
                    }
                    "check" => {
                        need.check = d.commands(value).unwrap_or_default();
                        blocking.push((key.get_ref().clone(), at(value)));
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
            for (key, at) in blocking.into_iter().filter(|_| need.soft) {
                let text = format!("a soft need never blocks: its `{key}` has no effect");
                d.sink.warning(at, text);
                (need.files, need.check) = (Vec::new(), Vec::new());
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

pub(super) fn condition(d: &mut Decoder, value: &Val<'_>) -> Option<Sp<When>> {
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

pub(super) fn mode(d: &mut Decoder, value: &Val<'_>) -> Option<ModeSpec> {
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
            "terminal" => mode.terminal = d.flag(value),
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

pub(super) fn sim(d: &mut Decoder, value: &Val<'_>) -> Option<Sp<SimSpec>> {
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

pub(super) fn byte(d: &mut Decoder, value: &Val<'_>, max: u32) -> u8 {
    d.whole32(value, 0, max)
        .and_then(|n| u8::try_from(n.v).ok())
        .unwrap_or(0)
}
