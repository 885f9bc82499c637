//! The schedule as a table with a Gantt chart.
//!
//! Must not compute a schedule: it draws the one of the analysis.

use std::fmt::Write as _;

use crate::{
    plan::{AgentIx, Plan},
    schedule::{Analysis, Item},
};

use super::page::{Colour, Column, Page, Role, cells, fit};
use super::{bytes, clean, duration, worker};

/// Phase and track of an agent, `build/A`.
fn place(plan: &Plan, ix: AgentIx) -> String {
    let agent = plan.agent(ix);
    let phase = agent.phase.map_or("–", |p| &plan.phases[p.ix()].id);
    let track = agent.track.map_or("–", |t| &plan.tracks[t.ix()].id);
    clean(&format!("{phase}/{track}"))
}

/// Writes one row an agent, by start.
pub(super) fn gantt(out: &mut Page, plan: &Plan, analysis: &Analysis) {
    let schedule = &analysis.schedule;
    if schedule.items.is_empty() {
        return;
    }
    let wide = out.width;
    // Titles and widths; a narrow page leaves columns out.
    let mut columns: Vec<(Column, usize)> = Vec::new();
    let mut push = |title: &'static str, right: bool, least: usize, most: usize, from: usize| {
        if wide >= from {
            columns.push((Column { title, right, most }, least));
        }
    };
    let names = if wide >= 160 {
        32
    } else if wide >= 100 {
        24
    } else {
        18
    };
    push("agent", false, 5, names, 0);
    push("phase/track", false, 11, 20, 100);
    push("wave", true, 4, 5, 70);
    push("start", true, 5, 7, 0);
    push("end", true, 5, 8, 0);
    push("RAM", true, 4, 6, 0);
    push("worker", false, 6, 18, 110);
    push("slack", true, 5, 7, 70);
    let rows: Vec<(Vec<String>, &Item)> = schedule
        .items
        .iter()
        .map(|item| {
            let ix = item.agent;
            let group = analysis.graph.is_group(ix);
            let mode = analysis.choices.mode(plan, ix).filter(|_| !group);
            let guess = if mode.is_some_and(|m| m.duration.guessed) {
                "~"
            } else {
                ""
            };
            let slack = analysis.critical.slack(ix);
            let row = columns
                .iter()
                .map(|(column, _)| match column.title {
                    "agent" => {
                        let mark = if analysis.graph.parent(ix).is_some() {
                            "↳ "
                        } else {
                            ""
                        };
                        format!("{mark}{}", clean(plan.agent(ix).id.as_str()))
                    }
                    "phase/track" => place(plan, ix),
                    "wave" => analysis.graph.wave(ix).to_string(),
                    "start" => duration(item.start_us),
                    "end" if group => duration(item.done_us),
                    "end" => format!("{guess}{}", duration(item.end_us)),
                    "RAM" => mode.map_or_else(
                        || "–".to_owned(),
                        |m| {
                            format!(
                                "{}{}",
                                if m.ram_guessed { "~" } else { "" },
                                bytes(m.ram_bytes)
                            )
                        },
                    ),
                    "worker" => mode
                        .and_then(|m| m.worker)
                        .map_or_else(|| "–".to_owned(), |w| worker(plan, ix, w)),
                    _ if slack == 0 => "!".to_owned(),
                    _ => format!("+{}", duration(slack)),
                })
                .collect();
            (row, item)
        })
        .collect();
    let widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(c, (column, least))| {
            rows.iter()
                .map(|(row, _)| cells(&row[c]))
                .max()
                .unwrap_or(0)
                .clamp(*least, column.most)
        })
        .collect();
    let bar = wide.saturating_sub(widths.iter().sum::<usize>() + widths.len() + 2);
    out.title("Schedule  █ critical  ▓ other  · slack  ╌ sub-agents  ~ guessed");
    let mut head = String::new();
    for ((column, _), &width) in columns.iter().zip(&widths) {
        head.push(' ');
        head.push_str(&fit(column.title, width, column.right));
    }
    head.push_str("  ");
    let end = duration(schedule.makespan_us);
    let fill = bar.saturating_sub(1 + cells(&end));
    let _ = write!(head, "0{}{end}", " ".repeat(fill));
    let head = out.colour.paint(Role::Dim, &head);
    out.text.push_str(&head);
    out.text.push('\n');
    for (row, item) in rows {
        let critical = analysis.critical.is_critical(item.agent);
        let mut line = String::new();
        for (((column, _), &width), text) in columns.iter().zip(&widths).zip(&row) {
            let role = match column.title {
                "agent" | "slack" if critical => Role::Critical,
                _ => Role::Plain,
            };
            line.push(' ');
            line.push_str(&out.colour.paint(role, &fit(text, width, column.right)));
        }
        line.push_str("  ");
        line.push_str(&chart(out.colour, analysis, item, bar));
        out.text.push_str(line.trim_end());
        out.text.push('\n');
    }
}

/// One agent's bar in `width` cells.
fn chart(colour: Colour, analysis: &Analysis, item: &Item, width: usize) -> String {
    let total = u128::from(analysis.schedule.makespan_us.max(1));
    // The same cell for the end of one and the start of the next, so that they do not overlap.
    let cell = |us: u64| (u128::from(us) * width as u128 / total) as usize;
    let last = width.saturating_sub(1);
    let critical = analysis.critical.is_critical(item.agent);
    let start = cell(item.start_us).min(last);
    let end = cell(item.end_us).max(start + 1).min(width);
    let done = cell(item.done_us).max(end).min(width);
    // Slack is drawn from the end as planned up to the latest end that delays nothing.
    let latest = analysis.critical.latest_finish[item.agent.ix()];
    let slack = if done > end {
        done
    } else {
        cell(latest).max(end).min(width)
    };
    let group = analysis.graph.is_group(item.agent);
    let (glyph, role) = match (group, item.start_us == item.end_us, critical) {
        (true, ..) => ("╌", Role::Dim),
        (_, true, true) => ("◆", Role::Critical),
        (_, true, false) => ("◆", Role::Bar),
        (_, _, true) => ("█", Role::Critical),
        _ => ("▓", Role::Bar),
    };
    let mut text = " ".repeat(start);
    text.push_str(&colour.paint(role, &glyph.repeat(end - start)));
    text.push_str(&colour.paint(Role::Dim, &"╌".repeat(done - end)));
    text.push_str(&colour.paint(Role::Dim, &"·".repeat(slack.saturating_sub(done))));
    text
}
