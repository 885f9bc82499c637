//! How `wavedeck runs` shows runs: a table, one run in detail, and JSON.
//!
//! Text in memory only. Names and summaries come from plans and journals, which others write: all
//! of it passes [`clean`]. Must not read files.

use std::fmt::Write as _;

use ratatui::text::Span;
use serde_json::{Value, json};

use crate::{
    display::figures::exact as duration,
    engine::{State, Status},
};

use super::{Phase, RunInfo};

/// Returns text that is safe on a terminal: what could move the cursor, change colours, reorder or
/// hide text stands as an escape.
#[must_use]
pub fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if crate::display::hides(c) {
            let _ = write!(out, "\\u{{{:x}}}", c as u32);
        } else {
            out.push(c);
        }
    }
    out
}

fn width(text: &str) -> usize {
    Span::raw(text).width()
}

/// Cuts text to a number of columns, with an ellipsis where something is missing.
fn fit(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut out = String::new();
    for c in text.chars() {
        let mut buffer = [0; 4];
        if width(&out) + width(c.encode_utf8(&mut buffer)) + 1 > columns {
            break;
        }
        out.push(c);
    }
    if columns > 0 {
        out.push('…');
    }
    out
}

/// `just now`, `5 min ago`, `3 h ago`, `2 days ago`.
#[must_use]
pub fn ago(ms: i64, now_ms: i64) -> String {
    let seconds = (now_ms - ms) / 1000;
    match seconds {
        ..60 => "just now".to_owned(),
        60..3600 => format!("{} min ago", seconds / 60),
        3600..172_800 => format!("{} h ago", seconds / 3600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

fn bytes(n: u64) -> String {
    let tenths = |unit: u64| {
        let t = (n.saturating_mul(10) + unit / 2) / unit;
        match t % 10 {
            0 => (t / 10).to_string(),
            rest => format!("{}.{rest}", t / 10),
        }
    };
    match n {
        0..1024 => format!("{n} B"),
        1024..0x10_0000 => format!("{} KiB", tenths(1 << 10)),
        0x10_0000..0x4000_0000 => format!("{} MiB", tenths(1 << 20)),
        _ => format!("{} GiB", tenths(1 << 30)),
    }
}

fn stamp(ms: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    format!("{at:.3}")
}

/// Words and colour of a run's state.
fn state(info: &RunInfo) -> (String, &'static str) {
    match info.phase {
        Phase::Running => ("running".to_owned(), "36"),
        Phase::Finished { status: 0 } => ("succeeded".to_owned(), "32"),
        Phase::Finished { status: 1 } => ("failed".to_owned(), "31"),
        Phase::Finished { status: 3 } => ("stopped".to_owned(), "33"),
        Phase::Finished { status: 5 } => ("waiting".to_owned(), "33"),
        Phase::Finished { status } => (format!("ended {status}"), "31"),
        Phase::Interrupted => ("interrupted".to_owned(), "33"),
    }
}

fn paint(text: &str, code: &str, colour: bool) -> String {
    if colour {
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    } else {
        text.to_owned()
    }
}

/// Renders the table of `wavedeck runs`, newest first as given; `width` in columns.
#[must_use]
pub fn render_runs(runs: &[RunInfo], now_ms: i64, columns: usize, colour: bool) -> String {
    if runs.is_empty() {
        return "no run here yet\n".to_owned();
    }
    let rows: Vec<[String; 6]> = runs
        .iter()
        .map(|run| {
            [
                clean(&run.id),
                state(run).0,
                run.started_ms
                    .map_or_else(|| "-".to_owned(), |ms| ago(ms, now_ms)),
                if run.events == 0 {
                    "-".to_owned()
                } else {
                    duration(run.elapsed_us)
                },
                run.agents.map_or_else(|| "-".to_owned(), |n| n.to_string()),
                what(run),
            ]
        })
        .collect();
    let names = ["RUN", "STATE", "STARTED", "TOOK", "AGENTS", "PLAN"];
    let mut wide = names.map(width);
    for row in &rows {
        for (i, cell) in row.iter().enumerate() {
            wide[i] = wide[i].max(width(cell));
        }
    }
    let mut out = String::new();
    let head = line(&names.map(str::to_owned), &wide, columns, None);
    out.push_str(&paint(&head, "1", colour));
    out.push('\n');
    for (row, run) in rows.iter().zip(runs) {
        let code = colour.then(|| state(run).1);
        out.push_str(&line(row, &wide, columns, code));
        out.push('\n');
    }
    out
}

/// The last column: plan, summary, and what is wrong.
fn what(run: &RunInfo) -> String {
    let plan = run.plan.as_deref().unwrap_or("-");
    let mut text = clean(plan);
    for more in [&run.summary, &run.problem].into_iter().flatten() {
        let _ = write!(text, " · {}", clean(more));
    }
    if run.phase == Phase::Interrupted && run.problem.is_none() {
        let _ = write!(
            text,
            " · its runner died: `wavedeck resume {}`",
            clean(&run.id)
        );
    }
    text
}

fn line(cells: &[String; 6], wide: &[usize; 6], columns: usize, code: Option<&str>) -> String {
    let mut out = String::new();
    let mut used = 0;
    for (i, cell) in cells.iter().enumerate() {
        let left = columns.saturating_sub(used);
        if left == 0 {
            break;
        }
        let last = i + 1 == cells.len();
        let text = fit(cell, left.min(if last { left } else { wide[i] }));
        let pad = if last {
            0
        } else {
            (wide[i] + 2 - width(&text)).min(left - width(&text))
        };
        used += width(&text) + pad;
        match code {
            Some(code) if i == 1 => out.push_str(&paint(&text, code, true)),
            _ => out.push_str(&text),
        }
        out.push_str(&" ".repeat(pad));
    }
    out.truncate(out.trim_end().len());
    out
}

/// Renders `wavedeck runs show`: one run in detail, from its journal's end.
#[must_use]
pub fn render_show(info: &RunInfo, run: &State) -> String {
    let mut out = String::new();
    let mut row = |name: &str, value: &str| {
        let _ = writeln!(out, "{name:<10} {value}");
    };
    row("run", &clean(&info.id));
    row("state", &state(info).0);
    row("plan", &clean(info.plan.as_deref().unwrap_or("-")));
    if let Some(ms) = info.started_ms {
        row("started", &stamp(ms));
    }
    row("took", &duration(info.elapsed_us));
    row("events", &info.events.to_string());
    row("journal", &bytes(info.journal_bytes));
    row("folder", &clean(&info.dir.path.display().to_string()));
    if let Some(summary) = &info.summary {
        row("summary", &clean(summary));
    }
    if let Some(problem) = &info.problem {
        row("problem", &clean(problem));
    }
    let counts = counts(run);
    let text: Vec<String> = counts
        .iter()
        .map(|(status, n)| format!("{n} {}", status.name()))
        .collect();
    row("agents", &text.join(", "));
    out.push('\n');
    for (agent, plan) in run.agents.iter().zip(&run.setup.plan.agents) {
        let mut line = format!("{:<11} {}", agent.status.name(), clean(plan.id.as_str()));
        if agent.attempt > 0 {
            let _ = write!(line, " · {}", duration(agent.ran_us));
            if agent.attempt > 1 {
                let _ = write!(line, " · attempt {}", agent.attempt);
            }
            if agent.peak_bytes > 0 {
                let _ = write!(line, " · peak {}", bytes(agent.peak_bytes));
            }
        }
        if let Some(reason) = &agent.reason {
            let _ = write!(line, " · {}", clean(reason));
        }
        let _ = writeln!(out, "{line}");
    }
    out
}

/// Agents by state, in the order of the state table.
fn counts(run: &State) -> Vec<(Status, usize)> {
    let mut counts = std::collections::BTreeMap::new();
    for agent in &run.agents {
        *counts.entry(agent.status).or_default() += 1;
    }
    counts.into_iter().collect()
}

/// The JSON of `wavedeck runs --json`.
#[must_use]
pub fn runs_json(runs: &[RunInfo]) -> Value {
    let runs: Vec<Value> = runs.iter().map(run_json).collect();
    json!({ "version": 1, "runs": runs })
}

fn run_json(info: &RunInfo) -> Value {
    let mut value = serde_json::to_value(info).unwrap_or_default();
    value["folder"] = json!(info.dir.path.to_string_lossy());
    for (name, ms) in [("started", info.started_ms), ("last", info.last_ms)] {
        value[name] = ms.map_or(Value::Null, |ms| json!(stamp(ms)));
    }
    value
}

/// The JSON of `wavedeck runs show --json`.
#[must_use]
pub fn show_json(info: &RunInfo, run: &State) -> Value {
    let mut value = run_json(info);
    value["version"] = json!(1);
    value["counts"] = counts(run)
        .into_iter()
        .map(|(status, n)| (status.name().to_owned(), json!(n)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    value["agents_detail"] = run
        .agents
        .iter()
        .zip(&run.setup.plan.agents)
        .map(|(agent, plan)| {
            json!({
                "agent": plan.id.as_str(),
                "state": agent.status.name(),
                "attempt": agent.attempt,
                "ran_us": agent.ran_us,
                "peak_bytes": agent.peak_bytes,
                "reason": agent.reason,
            })
        })
        .collect();
    value
}
