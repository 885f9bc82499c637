//! The output pane.

use super::{Mark, OutputView, Source, Tone};
use crate::{
    display::clean_text,
    engine::Owner,
    plan::AgentIx,
    tui::ui_state::{Look, Screen, UiState},
};

pub(super) fn output(source: Source<'_>, ui: &UiState, height: u16) -> OutputView {
    let Source { state, chart, .. } = source;
    let evidence = source
        .evidence
        .filter(|e| !e.lines.is_empty() && ui.screen == Screen::Deck);
    if let Some(found) = evidence
        && let Owner::Phase(phase) = found.owner
    {
        return OutputView {
            name: format!("phase {}", chart.phases[phase.ix()]),
            mark: Some(Mark::Fail),
            of: "what its red gate printed",
            lines: last(&found.lines, height),
            follows: true,
            ..OutputView::default()
        };
    }
    let Some(ix) = ui.agent().and_then(|id| state.find(id)) else {
        return OutputView {
            empty: "select an agent to see its output",
            ..OutputView::default()
        };
    };
    let agent = state.agent(ix);
    let plan = state.setup.plan.agent(ix);
    let buffer = source
        .output
        .filter(|b| b.agent == ix && b.attempt == agent.attempt);
    let rows = usize::from(height.saturating_sub(1));
    let shown = buffer.map(|b| b.show(ui.look, rows)).unwrap_or_default();
    let (lines, of) = match evidence {
        Some(found) => (last(&found.lines, height), "what its red check printed"),
        None => (shown.lines, ""),
    };
    let empty = match buffer {
        _ if agent.attempt == 0 && !state.setup.has_process(ix) => "it has no process of its own",
        _ if agent.attempt == 0 => "it has not started yet",
        Some(b) if b.loaded => "no output",
        _ => "",
    };
    let mut about = Vec::new();
    if lines.is_empty() {
        if plan.title != plan.id.as_str() {
            about.push((clean_text(&plan.title, 200), Tone::Plain));
        }
        let work = match &plan.work {
            crate::plan::Work::Command(argv) => format!("runs {}", argv.join(" ")),
            crate::plan::Work::Prompt(text) => format!("is told: {text}"),
            crate::plan::Work::Sim(_) => "is simulated".to_owned(),
            crate::plan::Work::Group => String::new(),
        };
        if !work.is_empty() {
            about.push((clean_text(&work, 400), Tone::Dim));
        }
        let list = |of: &[AgentIx]| {
            of.iter()
                .take(12)
                .map(|ix| chart.names[ix.ix()].as_str())
                .collect::<Vec<_>>()
                .join(", ")
        };
        let (before, after) = (list(chart.preds(ix)), list(chart.succs(ix)));
        if !before.is_empty() {
            about.push((format!("after {before}"), Tone::Dim));
        }
        if !after.is_empty() {
            about.push((format!("before {after}"), Tone::Dim));
        }
    }
    OutputView {
        name: chart.names[ix.ix()].clone(),
        mark: Some(Mark::of_agent(agent)),
        worker: state
            .mode_of(ix)
            .worker
            .map_or_else(String::new, |w| chart.workers[w.ix()].clone()),
        attempt: agent.attempt,
        follows: ui.look == Look::Tail,
        place: (shown.to, buffer.map_or(0, |b| b.total)),
        of,
        lines,
        empty,
        about,
    }
}

/// The last lines that a pane of so many rows shows below its rule.
fn last(lines: &[String], height: u16) -> Vec<String> {
    let rows = usize::from(height.saturating_sub(1));
    lines[lines.len().saturating_sub(rows)..].to_vec()
}
