//! Rows of the memory pane that are no agent's: model servers, what else the machine holds, and the sums.
//!
//! What was not measured carries its mark. All text that leaves here is clean.

use super::super::{Base, ServerRow, Source, Tone, memory::memory, servers, words};
use super::{Figure, RamRow, Who, held_by, shares, shares::Shares, spark};
use crate::{
    display::clean_line,
    engine::Zone,
    plan::AgentIx,
    resources::AgentSample,
    tui::slopes::{Line, Slopes},
};

pub(super) fn server_rows(source: Source<'_>, shares: &Shares) -> Vec<RamRow> {
    let Some(sample) = source.sample else {
        return Vec::new();
    };
    let state = source.state;
    let all = servers::servers(state, sample);
    let idle: Vec<String> = servers::idle(state).into_iter().map(|one| one.0).collect();
    let seen = sample.servers.iter();
    all.into_iter()
        .zip(seen)
        .map(|(row, seen)| {
            let held = shares::held(state, &sample.servers, seen.server);
            let own = held.filter(|_| !row.again).map(|held| Figure {
                bytes: held.bytes,
                about: !held.measured,
            });
            let unloads = idle.iter().any(|id| clean_line(id, 30) == row.model);
            RamRow {
                own,
                // Nobody's share: it is told here.
                attributed: own.filter(|_| !shares.uses(seen.server)),
                text: about_server(&row, unloads),
                ..RamRow::named(Who::Server, &row.model)
            }
        })
        .collect()
}

fn about_server(row: &ServerRow, unloads: bool) -> String {
    if let Some(error) = &row.error {
        return format!("model server: {error}");
    }
    let mut text = match (row.local, row.loaded, row.sleeping) {
        (false, ..) => "model on another machine".to_owned(),
        (true, _, true) => "model, asleep".to_owned(),
        (true, false, false) => "model, not loaded".to_owned(),
        (true, true, false) => "model".to_owned(),
    };
    if row.again {
        text.push_str(" of the server above");
    }
    let users = match row.users {
        0 => "nobody uses it".to_owned(),
        1 => "1 agent uses it".to_owned(),
        n => format!("{n} agents use it"),
    };
    text = format!("{text} · {users}");
    match row.busy {
        Some(busy) => text = format!("{text} · {busy} of {} slots busy", row.slots),
        None if row.slots > 0 => text = format!("{text} · {} slots", row.slots),
        None => {}
    }
    if unloads {
        text.push_str(" · U unloads it");
    }
    text
}

/// What else the machine holds, and what other runs have reserved.
pub(super) fn other_rows(source: Source<'_>) -> Vec<RamRow> {
    let Some(sample) = source.sample else {
        return Vec::new();
    };
    let figure = |bytes, about| Some(Figure { bytes, about });
    let mut out = Vec::new();
    let strays = sample.machine.strays;
    if strays.count > 0 {
        let many = if strays.count == 1 { "" } else { "s" };
        out.push(RamRow {
            own: figure(strays.bytes, true),
            text: format!("{} agent program{many} that no run started", strays.count),
            tone: Tone::Warn,
            ..RamRow::named(Who::Other, "strays")
        });
    }
    if sample.figures.others_bytes > 0 {
        out.push(RamRow {
            reserved: figure(sample.figures.others_bytes, false),
            text: "reserved by other runs, not used yet".to_owned(),
            ..RamRow::named(Who::Other, "other runs")
        });
    }
    let figures = &sample.figures;
    let known = figures
        .agents_bytes
        .saturating_add(figures.servers_bytes)
        .saturating_add(strays.bytes);
    // What is left of an upper bound, or of an estimate, is one itself.
    let about = strays.count > 0 || sample.agents.iter().any(AgentSample::at_most);
    let own = words::size(sample.machine.own_bytes);
    out.push(RamRow {
        own: figure(used(source).saturating_sub(known), about),
        text: format!("all else of the machine; wavedeck itself {own}"),
        ..RamRow::named(Who::Other, "others")
    });
    out
}

/// What is in use of the machine, as the bars have it, in bytes.
fn used(source: Source<'_>) -> u64 {
    source.sample.map_or(0, |sample| {
        let available = sample
            .figures
            .available_bytes
            .min(sample.machine.available_bytes);
        sample.machine.total_bytes.saturating_sub(available)
    })
}

/// All agents, and what that is of the limit.
pub(super) fn agents_sum(source: Source<'_>, shares: &Shares, all: &[AgentIx]) -> RamRow {
    let state = source.state;
    let (mut own, mut attributed, mut reserved) =
        (Figure::default(), Figure::default(), Figure::default());
    let mut live = 0;
    for &ix in all {
        if state.agent(ix).live.is_none() {
            continue;
        }
        live += 1;
        // Also of who is just being started, and not measured yet.
        reserved.bytes += state.reserved(ix);
        let (of, share) = held_by(source, shares, ix);
        let of = of.unwrap_or_default();
        own.bytes += of.bytes;
        own.about |= of.about;
        attributed.bytes += of.bytes + share.map_or(0, |share| share.bytes);
        attributed.about |= of.about || share.is_some_and(|share| !share.measured);
    }
    let servers = (source.sample).map_or(0, |sample| sample.figures.servers_bytes);
    // As the bars have it: what has just ended may still be in the reading.
    let agents = (source.sample).map_or(0, |sample| sample.figures.agents_bytes);
    let both = agents.saturating_add(servers);
    let mut text = match servers {
        0 => String::new(),
        _ => format!("with servers {} ", words::size(both)),
    };
    let limit = state.setup.ram_limit_bytes;
    let (pressure, zone) = pressure(source, Base::Limit);
    if limit > 0 {
        text = format!("{text}of {} limit, {pressure}", words::size(limit));
        let band = state.setup.memory.band;
        if band.high < 1000 {
            text = format!("{text}; band {}-{}%", band.low / 10, band.high / 10);
        }
    }
    let many = if live == 1 { "" } else { "s" };
    RamRow {
        own: Some(own),
        attributed: Some(attributed),
        reserved: Some(reserved),
        text,
        zone,
        tone: Tone::Plain,
        ..RamRow::named(Who::Sum, &format!("{live} agent{many}"))
    }
}

/// Used of a base in percent; where pressure is that base's, its zone, and when the next one comes.
fn pressure(source: Source<'_>, base: Base) -> (String, Zone) {
    let state = source.state;
    let Some(sample) = source.sample else {
        return (String::new(), Zone::Green);
    };
    let memory = memory(state, sample, source.forecast);
    let mut text = format!("{}%", memory.share(base).permille / 10);
    if base != memory.base {
        return (text, Zone::Green);
    }
    text = format!("{text} {}", memory.zone.name());
    if memory.halted {
        text.push_str(", nothing starts");
    } else if let Some((zone, us)) = memory.next {
        text = format!("{text}, {} in ~{}", zone.name(), words::span(us));
    }
    (text, memory.zone)
}

/// The machine: everything above together, and where it goes.
pub(super) fn machine_sum(source: Source<'_>) -> RamRow {
    let line = source.slopes.map(Slopes::machine);
    let whole = (source.sample).map_or(0, |sample| sample.machine.total_bytes);
    let (pressure, zone) = pressure(source, Base::Machine);
    RamRow {
        own: Some(Figure {
            bytes: used(source),
            about: false,
        }),
        rate: line.and_then(Line::per_minute),
        spark: line.map(spark).unwrap_or_default(),
        zone,
        text: format!("of {}, {pressure}", words::size(whole)),
        tone: Tone::Plain,
        ..RamRow::named(Who::Sum, "machine")
    }
}
