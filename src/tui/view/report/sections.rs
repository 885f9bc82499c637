//! The sections of the report: each figure in its cell.
//!
//! Must not choose which rows are seen: that is the screen's.

use crate::{
    display::{clean_line, width},
    engine::Status,
    plan::units::show_decimal,
    report::run::{
        AgentLine, Bottleneck, RunReport, Verdict, Wait, WaitFor, Weight,
        gates::{GateLine, GateStand},
        waits::Found,
    },
};

use super::{
    super::{Source, Tone, words},
    ReportRow,
};

pub(super) fn line(text: &str, tone: Tone) -> ReportRow {
    ReportRow {
        cells: vec![(1, text.to_owned(), tone)],
        ..ReportRow::default()
    }
}

/// A heading, and a blank row before it.
pub(super) fn heading(out: &mut Vec<ReportRow>, text: &str) {
    out.push(ReportRow::default());
    first_heading(out, text);
}

pub(super) fn first_heading(out: &mut Vec<ReportRow>, text: &str) {
    out.push(ReportRow {
        cells: vec![(0, text.to_owned(), Tone::Plain)],
        heading: true,
        ..ReportRow::default()
    });
}

pub(super) fn pair(name: &str, value: impl Into<String>, tone: Tone) -> ReportRow {
    ReportRow {
        cells: vec![
            (1, name.to_owned(), Tone::Dim),
            (26, clean_line(value.into(), 300), tone),
        ],
        ..ReportRow::default()
    }
}

pub(super) fn ms(ms: u64) -> String {
    crate::report::plan::duration(ms * 1000)
}

pub(super) fn outcome(out: &mut Vec<ReportRow>, report: &RunReport) {
    first_heading(out, "OUTCOME");
    let (text, tone) = match (report.status, &report.summary) {
        (Some(0), Some(summary)) => (format!("{summary} (status 0)"), Tone::Good),
        (Some(status), Some(summary)) => (format!("{summary} (status {status})"), Tone::Bad),
        _ => ("it has not ended".to_owned(), Tone::Plain),
    };
    out.push(pair("outcome", text, tone));
    let m = &report.metrics;
    let counts: Vec<String> = report
        .counts
        .iter()
        .map(|(state, n)| format!("{n} {state}"))
        .collect();
    out.push(pair("agents", counts.join(", "), Tone::Plain));
    let took = match report.status {
        Some(_) => "took",
        None => "so far",
    };
    out.push(pair(took, ms(m.total_duration_ms), Tone::Plain));
    out.push(pair(
        "one after the other",
        ms(m.sequential_duration_ms),
        Tone::Plain,
    ));
    out.push(pair(
        "no agent ran for",
        ms(m.coordination_overhead_ms),
        Tone::Plain,
    ));
    out.push(pair("retries", m.retry_attempts.to_string(), Tone::Plain));
    out.push(pair(
        "red checks",
        m.validation_failures.to_string(),
        Tone::Plain,
    ));
    if !report.realised_path.is_empty() {
        out.push(pair(
            "the end hung on",
            report.realised_path.join(" › "),
            Tone::Critical,
        ));
    }
}

/// First columns of an agent's cells.
pub(super) fn columns_of_agents(source: Source<'_>) -> [u16; 8] {
    let name = source.chart.name_width.clamp(8, 30) as u16;
    [
        1,
        3 + name,
        15 + name,
        21 + name,
        30 + name,
        39 + name,
        47 + name,
        56 + name,
    ]
}

pub(super) fn agents(out: &mut Vec<ReportRow>, source: Source<'_>) {
    heading(out, "AGENTS");
    let head = [
        "agent", "state", "try", "ran", "~planned", "peak", "reserved", "why",
    ];
    out.push(ReportRow {
        cells: columns_of_agents(source)
            .into_iter()
            .zip(head)
            .map(|(x, text)| (x, text.to_owned(), Tone::Dim))
            .collect(),
        ..ReportRow::default()
    });
}

pub(super) fn agent_row(a: &AgentLine, at: &[u16; 8], columns: u16) -> ReportRow {
    let ran = a.attempts > 0;
    let tone = match a.state.as_str() {
        s if s == Status::Succeeded.name() => Tone::Good,
        s if s == Status::Failed.name() => Tone::Bad,
        s if s == Status::Blocked.name() => Tone::Alert,
        _ => Tone::Plain,
    };
    let texts = [
        (clean_line(&a.agent, usize::from(at[1] - 3)), Tone::Plain),
        (a.state.clone(), tone),
        (
            if ran {
                a.attempts.to_string()
            } else {
                String::new()
            },
            if a.attempts > 1 {
                Tone::Warn
            } else {
                Tone::Dim
            },
        ),
        (if ran { ms(a.ran_ms) } else { String::new() }, Tone::Plain),
        (format!("~{}", ms(a.planned_ms)), Tone::Dim),
        (
            if a.peak_bytes > 0 {
                words::size(a.peak_bytes)
            } else {
                String::new()
            },
            if a.peak_bytes > a.reserved_bytes {
                Tone::Warn
            } else {
                Tone::Plain
            },
        ),
        (words::size(a.reserved_bytes), Tone::Dim),
        (
            clean_line(
                a.reason.as_deref().unwrap_or_default(),
                usize::from(columns.saturating_sub(at[7] + 1)),
            ),
            Tone::Plain,
        ),
    ];
    ReportRow {
        cells: at
            .iter()
            .zip(texts)
            .map(|(&x, (t, tone))| (x, t, tone))
            .collect(),
        agent: Some(a.agent.clone()),
        ..ReportRow::default()
    }
}

/// Gates over more than one agent: those of agents stand with them.
pub(super) fn gates(out: &mut Vec<ReportRow>, all: &[GateLine]) {
    if all.is_empty() {
        return;
    }
    heading(out, "GATES");
    for gate in all {
        let tone = match gate.verdict {
            GateStand::Passed if gate.flaky => Tone::Warn,
            GateStand::Passed => Tone::Good,
            GateStand::Red => Tone::Bad,
            GateStand::Asks => Tone::Alert,
            GateStand::Checking => Tone::Plain,
            GateStand::Open => Tone::Dim,
        };
        let mut words = vec![gate.verdict.name().to_owned()];
        if gate.flaky {
            words.push("flaky".to_owned());
        }
        words.extend(gate.reason.clone());
        words.extend(gate.on_base.clone());
        if let Some(signed) = &gate.signed {
            let how = if signed.yes { "yes" } else { "no" };
            let note = signed.note.as_deref().unwrap_or_default();
            let colon = if note.is_empty() { "" } else { ": " };
            words.push(format!("{how} by {}{colon}{note}", signed.by));
        }
        if !gate.stops.is_empty() {
            words.push(format!("stops {}", gate.stops.join(", ")));
        }
        let owner = clean_line(&gate.owner, 24);
        let text = format!("{}: {}", gate.gate, words.join(" · "));
        out.push(pair(&owner, text, tone));
    }
}

pub(super) fn targets(out: &mut Vec<ReportRow>, report: &RunReport, columns: u16) {
    heading(out, "MEASURES AGAINST TARGETS");
    let narrow = columns < 110;
    for t in &report.targets {
        let here = t.figure();
        let (verdict, tone) = match &t.verdict {
            Verdict::Met => ("met".to_owned(), Tone::Good),
            Verdict::Missed => ("missed".to_owned(), Tone::Warn),
            Verdict::Review => ("review".to_owned(), Tone::Alert),
            Verdict::SoFar => ("so far".to_owned(), Tone::Dim),
            Verdict::Unknown(why) => (why.clone(), Tone::Dim),
        };
        let mut cells = vec![(1, t.name.clone(), Tone::Plain)];
        if narrow {
            cells.extend([(42, here, Tone::Plain), (52, verdict, tone)]);
        } else {
            cells.extend([
                (42, here, Tone::Plain),
                (52, t.source.clone(), Tone::Dim),
                (56, t.target.clone(), Tone::Dim),
                (102, verdict, tone),
            ]);
        }
        out.push(ReportRow {
            cells,
            ..ReportRow::default()
        });
    }
}

pub(super) fn bottlenecks(out: &mut Vec<ReportRow>, report: &RunReport) {
    heading(out, "BOTTLENECKS AND ADVICE");
    if report.bottlenecks.is_empty() {
        out.push(line("none by the thresholds", Tone::Dim));
    }
}

pub(super) fn bottleneck_row(b: &Bottleneck) -> ReportRow {
    let (word, tone) = match b.severity {
        Weight::High => ("high", Tone::Alert),
        Weight::Medium => ("medium", Tone::Warn),
    };
    ReportRow {
        cells: vec![
            (1, word.to_owned(), tone),
            (9, clean_line(&b.text, 200), Tone::Plain),
        ],
        agent: b.agent.clone(),
        ..ReportRow::default()
    }
}

pub(super) fn recommendations(out: &mut Vec<ReportRow>, report: &RunReport) {
    for r in &report.recommendations {
        let saves = if r.saving_ms > 0 {
            format!("~{}", ms(r.saving_ms))
        } else {
            String::new()
        };
        let text = clean_line(&r.text, 200);
        let after = 11 + width(&text) as u16;
        out.push(ReportRow {
            cells: vec![
                (1, saves, Tone::Good),
                (9, text, Tone::Plain),
                (after, format!("({} effort)", r.effort), Tone::Dim),
            ],
            ..ReportRow::default()
        });
    }
}

pub(super) fn waits_heading(out: &mut Vec<ReportRow>, waits: &[Found]) {
    heading(out, "WHAT WAITED FOR WHOM");
    if waits.is_empty() {
        out.push(line("nothing waited for a second or longer", Tone::Dim));
    }
}

pub(super) fn wait_row(w: &Wait) -> ReportRow {
    let (what, tone) = match (w.what, &w.whom) {
        (WaitFor::Person, _) => ("a person".to_owned(), Tone::Alert),
        (WaitFor::Predecessor, Some(whom)) => (clean_line(whom, 64), Tone::Plain),
        (WaitFor::Predecessor, None) => ("its predecessors".to_owned(), Tone::Plain),
        (WaitFor::Phase, whom) => (
            format!(
                "phase {}",
                clean_line(whom.as_deref().unwrap_or_default(), 64)
            ),
            Tone::Plain,
        ),
        (WaitFor::Room, _) => ("room: memory, slots, limits".to_owned(), Tone::Warn),
        (WaitFor::Backoff, _) => ("the pause before a retry".to_owned(), Tone::Plain),
        (WaitFor::Checks, _) => ("its checks".to_owned(), Tone::Plain),
    };
    ReportRow {
        cells: vec![
            (1, ms(w.ms), Tone::Plain),
            (9, clean_line(&w.agent, 30), Tone::Plain),
            (41, "waited for".to_owned(), Tone::Dim),
            (52, what, tone),
        ],
        agent: Some(w.agent.clone()),
        ..ReportRow::default()
    }
}

pub(super) fn memory(out: &mut Vec<ReportRow>, report: &RunReport) {
    heading(out, "MEMORY");
    let m = &report.memory;
    if m.readings == 0 {
        out.push(line("no readings", Tone::Dim));
        return;
    }
    let percent =
        |p: Option<u64>| p.map_or("–".to_owned(), |p| format!("{} %", show_decimal(p, 1)));
    let bytes = |b: Option<u64>| b.map_or("–".to_owned(), words::size);
    out.push(pair(
        "pressure",
        format!(
            "average {}, highest {}",
            percent(m.average_permille),
            percent(m.peak_permille)
        ),
        Tone::Plain,
    ));
    out.push(pair(
        "all agents",
        format!(
            "average {}, highest {}",
            bytes(m.average_agents_bytes),
            bytes(m.peak_agents_bytes)
        ),
        Tone::Plain,
    ));
    let zones: Vec<String> = ["green", "yellow", "orange", "red"]
        .iter()
        .zip(m.zones_ms)
        .filter(|(_, time)| *time > 0)
        .map(|(zone, time)| format!("{zone} {}", ms(time)))
        .collect();
    out.push(pair("time in zones", zones.join(", "), Tone::Plain));
}

pub(super) fn missing(out: &mut Vec<ReportRow>, report: &RunReport) {
    if report.metrics.unavailable.is_empty() {
        return;
    }
    heading(out, "NOT MEASURED");
    for (name, why) in &report.metrics.unavailable {
        out.push(ReportRow {
            cells: vec![(1, name.clone(), Tone::Dim), (41, why.clone(), Tone::Dim)],
            ..ReportRow::default()
        });
    }
}
