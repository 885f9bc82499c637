//! Values of the checked plan as TOML: what stands behind a key of an expanded plan.
//!
//! Must not know which keys there are: `expand` does.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::decode::{bare, quote};
use super::model::{Argv, Duration, Need, NeedKind, Plan, Sim, When};
use super::spec::CURVES;
use super::units;

pub(crate) fn duration(d: &Duration) -> String {
    if d.min_us == d.max_us {
        units::show_duration(d.expected_us)
    } else {
        format!(
            "{}..{}",
            units::show_duration(d.min_us),
            units::show_duration(d.max_us)
        )
    }
}

pub(crate) fn need(plan: &Plan, need: &Need) -> String {
    let id = plan.agent(need.agent).id.as_str();
    let mut extra = Vec::new();
    if !need.files.is_empty() {
        let files = list(need.files.iter().map(|f| quote(f)));
        extra.push(format!("files = {files}"));
    }
    if !need.check.is_empty() {
        extra.push(format!("check = {}", commands(&need.check)));
    }
    if need.kind == NeedKind::Hard && need.when == When::Succeeded && extra.is_empty() {
        return quote(id);
    }
    let mut parts = vec![format!("agent = {}", quote(id))];
    if need.kind == NeedKind::Soft {
        parts.push("kind = \"soft\"".to_owned());
    }
    match &need.when {
        When::Succeeded => {}
        When::Failed => parts.push("when = \"failed\"".to_owned()),
        When::Skipped => parts.push("when = \"skipped\"".to_owned()),
        When::Ended => parts.push("when = \"ended\"".to_owned()),
        When::Output(path) => parts.push(format!("when = {}", quote(&format!("output:{path}")))),
    }
    parts.extend(extra);
    format!("{{ {} }}", parts.join(", "))
}

pub(crate) fn sim(sim: &Sim) -> String {
    let mut parts = vec![
        format!("duration = {}", text(units::show_duration(sim.duration_us))),
        format!("ram = {}", text(units::show_size(sim.ram_bytes))),
        format!("curve = {}", word(&CURVES, sim.curve)),
    ];
    let numbers = [
        ("processes", u64::from(sim.processes), 1),
        ("lines", u64::from(sim.lines), 0),
        ("exit", u64::from(sim.exit), 0),
        ("fail_attempts", u64::from(sim.fail_attempts), 0),
        ("flood", sim.flood, 0),
        ("signal", u64::from(sim.signal), 0),
    ];
    parts.extend(
        numbers
            .iter()
            .filter(|(_, n, d)| n != d)
            .map(|(k, n, _)| format!("{k} = {n}")),
    );
    if !sim.writes.is_empty() {
        parts.push(format!(
            "writes = {}",
            list(sim.writes.iter().map(|p| quote(p)))
        ));
    }
    parts.extend(
        sim.ledger
            .as_ref()
            .map(|l| format!("ledger = {}", quote(l))),
    );
    let flags = [
        ("hang", sim.hang),
        ("ignore_term", sim.ignore_term),
        ("leak", sim.leak),
        ("hostile", sim.hostile),
    ];
    parts.extend(
        flags
            .iter()
            .filter(|(_, on)| *on)
            .map(|(k, _)| format!("{k} = true")),
    );
    format!("{{ {} }}", parts.join(", "))
}

pub(crate) fn line(w: &mut String, key: &str, value: &str) {
    let _ = writeln!(w, "{key} = {value}");
}

pub(crate) fn text(plain: impl AsRef<str>) -> String {
    format!("\"{}\"", plain.as_ref())
}

pub(crate) fn list(items: impl IntoIterator<Item = String>) -> String {
    format!("[{}]", items.into_iter().collect::<Vec<_>>().join(", "))
}

pub(crate) fn argv(command: &Argv) -> String {
    list(command.iter().map(|w| quote(w)))
}

pub(crate) fn commands(all: &[Argv]) -> String {
    list(all.iter().map(argv))
}

pub(crate) fn amounts(all: &BTreeMap<String, u64>) -> String {
    let parts: Vec<String> = all
        .iter()
        .map(|(k, n)| format!("{} = {n}", bare(k)))
        .collect();
    format!("{{ {} }}", parts.join(", "))
}

pub(crate) fn name<T: Copy + PartialEq>(words: &[(&'static str, T)], value: T) -> &'static str {
    words
        .iter()
        .find(|(_, v)| *v == value)
        .map_or("", |(w, _)| w)
}

pub(crate) fn word<T: Copy + PartialEq>(words: &[(&'static str, T)], value: T) -> String {
    text(name(words, value))
}
