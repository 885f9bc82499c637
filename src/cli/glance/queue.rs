//! What waits for a person, in lines.
//!
//! Must not judge: the attention queue is the engine's.

use std::{collections::VecDeque, fmt::Write as _};

use super::{Glance, LISTED, more};
use crate::{
    cli::logs::printed,
    engine::{Answer, AttentionKind, Item, Owner},
    resources::Trend,
    tui::{
        chart::Chart,
        view::{
            Source,
            attention::{attention, waiting},
            words::span,
        },
    },
};

/// What waits for a person, whom it holds up, and the command that answers it.
pub(super) fn demands(glance: Glance<'_>, out: &mut String) {
    let state = glance.state;
    let all = waiting(state);
    if all.is_empty() {
        return;
    }
    out.push_str("needs you\n");
    for line in queue(glance, &all[..all.len().min(LISTED)]) {
        let _ = writeln!(out, "  {line}");
    }
    more(all.len(), out);
}

/// Items of the attention queue, a line each: number, what, whose, why, since when, whom it holds up,
/// and the command that answers it.
pub fn queue(glance: Glance<'_>, items: &[Item]) -> Vec<String> {
    let state = glance.state;
    let chart = Chart::new(&state.setup);
    let notes = VecDeque::new();
    let figures = glance
        .sample
        .map(|s| s.figures(glance.state))
        .unwrap_or_default();
    let source = Source {
        state,
        sample: glance.sample,
        figures: &figures,
        forecast: None,
        chart: &chart,
        notes: &notes,
        output: None,
        beside: crate::tui::view::Beside::default(),
        evidence: None,
        lost: None,
        history: None,
        planned: None,
        slopes: None,
        trend: &Trend::default(),
        log: None,
        report: None,
        status: None,
        clock: None,
        zone: &jiff::tz::TimeZone::UTC,
    };
    let block = attention(source, items, items.len(), glance.now_us());
    items
        .iter()
        .zip(&block.shown)
        .map(|(item, demand)| {
            let word = match item.kind {
                AttentionKind::Approval | AttentionKind::Deliver => "your yes",
                AttentionKind::FailedGate => "red gate",
                AttentionKind::Blocked => "blocked",
                AttentionKind::Failed | AttentionKind::FailedPhase => "failed",
                AttentionKind::Conflict => "conflict",
                AttentionKind::Predicted => "clash to come",
                AttentionKind::DayGate => "not passed",
                AttentionKind::Permission => "may it",
                AttentionKind::Question => "asks",
                AttentionKind::Budget => "used up",
            };
            let holds = if demand.holds.is_empty() {
                String::new()
            } else {
                format!(" · {}", demand.holds)
            };
            let spelt = |answer: &Answer| match answer {
                Answer::Say => "say TEXT",
                other => other.name(),
            };
            let answers: Vec<&str> = item.answers().iter().map(spelt).collect();
            // What an earlier version recorded has no number; what nobody runs takes no answer.
            let command = match (item.id, glance.live) {
                (0, _) | (_, false) => String::new(),
                (id, true) => format!(" · `wavedeck ctl answer {id} {}`", answers.join("|")),
            };
            let command = match (item.owner, item.kind, glance.live) {
                (Some(Owner::Agent(ix)), AttentionKind::Conflict, true) => {
                    let command = command.trim_start_matches(" ·");
                    sides(state.agent(ix).conflict) + command
                }
                _ => command,
            };
            let why = printed(state, item).map_or_else(String::new, |c| format!(" · `{c}`"));
            format!(
                "{:>3}  {word:<9} {:<24} {} · {} ago{holds}{command}{why}",
                item.id,
                demand.name,
                demand.text,
                span(demand.since_us),
            )
        })
        .collect()
}

/// The command that takes a side of a conflict: it comes before its settlement.
fn sides(conflict: Option<u32>) -> String {
    conflict.map_or_else(String::new, |id| {
        format!(" · `wavedeck ctl choose {id} all ours|theirs`, then")
    })
}
