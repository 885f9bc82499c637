//! The report as Markdown.
//!
//! Text of plans and agents is hostile: it is cleaned and cannot break out of its cell. Must not
//! compute anything: all figures are the report's.

use std::fmt::Write as _;

use crate::{
    display::clean_line,
    plan::units::{human_size, show_decimal},
};

use super::{
    RunReport, Verdict, WaitFor,
    bottlenecks::{Weight, seconds},
};

/// Waits that are listed; `report.json` has all.
const WAITS: usize = 15;

pub(super) fn render(report: &RunReport) -> String {
    let mut out = String::with_capacity(4096);
    let _ = writeln!(out, "# {}: run {}\n", text(&report.plan), text(&report.run));
    if let Some(goal) = &report.goal {
        let _ = writeln!(out, "Goal: {}\n", text(goal));
    }
    outcome(&mut out, report);
    agents(&mut out, report);
    if let Some(together) = &report.together {
        together.render(&mut out);
    }
    super::gates::render(&mut out, &report.gates);
    super::tokens::render(&mut out, report);
    if report.secrets_taken_out > 0 {
        let found = report.secrets_taken_out;
        let _ = writeln!(
            out,
            "Secrets taken out of prompts and of what agents printed: {found}.\n"
        );
    }
    targets(&mut out, report);
    bottlenecks(&mut out, report);
    super::declared::render(&mut out, &report.off);
    waits(&mut out, report);
    memory(&mut out, report);
    super::controller::render(&mut out, &report.decisions, &report.continuous);
    unknown(&mut out, report);
    out
}

fn outcome(out: &mut String, report: &RunReport) {
    out.push_str("## Outcome\n\n");
    match (report.status, &report.summary) {
        (Some(status), Some(summary)) => {
            let _ = writeln!(out, "Exit status {status}: {}\n", text(summary));
        }
        _ => out.push_str("The run has not ended.\n\n"),
    }
    let m = &report.metrics;
    out.push_str("| | |\n|---|---|\n");
    let mut row = |name: &str, value: String| {
        let _ = writeln!(out, "| {name} | {value} |");
    };
    let counts: Vec<String> = report
        .counts
        .iter()
        .map(|(state, n)| format!("{n} {state}"))
        .collect();
    row("agents", counts.join(", "));
    row("began", m.start_time.clone());
    row("last event", m.end_time.clone());
    row(
        if report.status.is_some() {
            "took"
        } else {
            "so far"
        },
        seconds(m.total_duration_ms),
    );
    row("one after the other", seconds(m.sequential_duration_ms));
    row("an agent ran for", seconds(m.parallel_duration_ms));
    row("no agent ran for", seconds(m.coordination_overhead_ms));
    row("retries", m.retry_attempts.to_string());
    row("red checks", m.validation_failures.to_string());
    if !report.realised_path.is_empty() {
        let path: Vec<String> = report.realised_path.iter().map(|id| text(id)).collect();
        row("the end hung on", path.join(" → "));
    }
    out.push('\n');
}

fn agents(out: &mut String, report: &RunReport) {
    out.push_str("## Agents\n\n");
    out.push_str("| agent | state | attempts | ran | planned | peak memory | reserved | why |\n");
    out.push_str("|---|---|---:|---:|---:|---:|---:|---|\n");
    for a in &report.agents {
        let or = |shown: String, known: bool| if known { shown } else { "–".to_owned() };
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | ~{} | {} | {} | {} |",
            text(&a.agent),
            a.state,
            a.attempts,
            or(seconds(a.ran_ms), a.attempts > 0),
            seconds(a.planned_ms),
            or(human_size(a.peak_bytes), a.peak_bytes > 0),
            human_size(a.reserved_bytes),
            a.reason.as_deref().map(text).unwrap_or_default(),
        );
    }
    out.push('\n');
}

fn targets(out: &mut String, report: &RunReport) {
    out.push_str("## Measures against targets\n\n");
    out.push_str("| measure | here | target | set by | verdict |\n|---|---:|---|---|---|\n");
    for t in &report.targets {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} |",
            t.name,
            t.figure(),
            t.target,
            t.source,
            match &t.verdict {
                Verdict::Met => "met".to_owned(),
                Verdict::Missed => "missed".to_owned(),
                Verdict::Review => "**review**".to_owned(),
                Verdict::SoFar => "so far".to_owned(),
                Verdict::Unknown(why) => format!("not measured: {why}"),
            }
        );
    }
    out.push_str(
        "\nHW, PE, CF, IP and FX are the planning documents that wavedeck was built from: Hybrid \
         Workflow Template, Parallel Execution Workflow Template, Hybrid Workflow Coordination \
         Framework, Hybrid Orchestration Implementation Plan, Hybrid Parallel Execution \
         Framework. `~`: rests on stated durations.\n\n",
    );
}

fn bottlenecks(out: &mut String, report: &RunReport) {
    out.push_str("## Bottlenecks and advice\n\n");
    if report.bottlenecks.is_empty() {
        out.push_str("None by the thresholds.\n\n");
    }
    for b in &report.bottlenecks {
        let _ = writeln!(out, "- {}: {}", weight(b.severity), text(&b.text));
    }
    if !report.recommendations.is_empty() {
        out.push('\n');
    }
    for r in &report.recommendations {
        let saving = if r.saving_ms > 0 {
            format!(", saves ~{}", seconds(r.saving_ms))
        } else {
            String::new()
        };
        let _ = writeln!(out, "1. {} ({} effort{saving})", text(&r.text), r.effort);
    }
    if !report.recommendations.is_empty() {
        out.push('\n');
    }
}

const fn weight(weight: Weight) -> &'static str {
    match weight {
        Weight::High => "high",
        Weight::Medium => "medium",
    }
}

fn waits(out: &mut String, report: &RunReport) {
    out.push_str("## What waited for whom\n\n");
    if report.waits.is_empty() {
        out.push_str("Nothing waited for a second or longer.\n\n");
        return;
    }
    out.push_str("| agent | waited for | how long |\n|---|---|---:|\n");
    for w in report.waits.iter().take(WAITS) {
        let what = match (w.what, &w.whom) {
            (WaitFor::Person, _) => "a person".to_owned(),
            (WaitFor::Predecessor, Some(whom)) => text(whom),
            (WaitFor::Predecessor, None) => "its predecessors".to_owned(),
            (WaitFor::Phase, whom) => {
                format!("phase {}", whom.as_deref().map(text).unwrap_or_default())
            }
            (WaitFor::Room, _) => "room (memory, slots, limits)".to_owned(),
            (WaitFor::Backoff, _) => "the pause before a retry".to_owned(),
            (WaitFor::Checks, _) => "its checks".to_owned(),
        };
        let _ = writeln!(out, "| {} | {what} | {} |", text(&w.agent), seconds(w.ms));
    }
    if report.waits.len() > WAITS {
        let _ = writeln!(
            out,
            "\n{} more in `report.json`.",
            report.waits.len() - WAITS
        );
    }
    out.push('\n');
}

fn memory(out: &mut String, report: &RunReport) {
    out.push_str("## Memory\n\n");
    let m = &report.memory;
    if m.readings == 0 {
        out.push_str("No readings.\n\n");
        return;
    }
    out.push_str("| | average | highest |\n|---|---:|---:|\n");
    let percent =
        |p: Option<u64>| p.map_or("–".to_owned(), |p| format!("{} %", show_decimal(p, 1)));
    let bytes = |b: Option<u64>| b.map_or("–".to_owned(), human_size);
    let _ = writeln!(
        out,
        "| pressure | {} | {} |\n| all agents | {} | {} |\n",
        percent(m.average_permille),
        percent(m.peak_permille),
        bytes(m.average_agents_bytes),
        bytes(m.peak_agents_bytes),
    );
    let zones: Vec<String> = ["green", "yellow", "orange", "red"]
        .iter()
        .zip(m.zones_ms)
        .filter(|(_, ms)| *ms > 0)
        .map(|(zone, ms)| format!("{zone} {}", seconds(ms)))
        .collect();
    let _ = writeln!(out, "Time in zones: {}.\n", zones.join(", "));
}

fn unknown(out: &mut String, report: &RunReport) {
    let missing = &report.metrics.unavailable;
    if missing.is_empty() {
        return;
    }
    out.push_str("## Not measured\n\n");
    for (name, why) in missing {
        let _ = writeln!(out, "- `{name}`: {why}");
    }
}

/// Foreign text for one cell of a table.
pub(super) fn text(foreign: &str) -> String {
    let mut out = String::with_capacity(foreign.len());
    for c in clean_line(foreign.replace(['\n', '\r'], " "), 300).chars() {
        // What Markdown or HTML would read as markup; some readers make links of bare addresses.
        let markup = match c {
            '|' | '<' | '>' | '`' | '*' | '[' | ']' | '\\' | '_' | '~' | '#' | '&' | '!' => true,
            '/' => out.ends_with(':'),
            '.' => out.to_ascii_lowercase().ends_with("www"),
            _ => false,
        };
        if markup {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn foreign_text_makes_no_markup_and_no_links() {
        assert_eq!(
            text("# see https://a.example &amp; ![x](y) _b_ ~~c~~ WWW.d.example\n---"),
            "\\# see https:\\//a.example \\&amp; \\!\\[x\\](y) \\_b\\_ \\~\\~c\\~\\~ WWW\\.d.example ---"
        );
    }
}
