//! The prompt of the shown attempt in the output pane.

use std::fmt::Write as _;

use super::{OutputRow, Page, pieces};
use crate::{
    display::figures::tokens,
    plan::{AgentIx, Work},
    tui::{
        prompted::Sum,
        ui_state::UiState,
        view::{OutputView, Source, agent::shown_attempt},
    },
};

/// Projects it, from the line on that it is scrolled to.
pub(super) fn prompt(source: Source<'_>, ui: &UiState, ix: AgentIx, page: Page) -> OutputView {
    let agent = source.state.agent(ix);
    let attempt = shown_attempt(agent.attempt, ui);
    let told = source.beside.prompt;
    let told = told.filter(|told| (told.agent, told.attempt) == (ix, attempt) && told.loaded);
    let opened = attempt == agent.attempt && agent.opened();
    let mut view = OutputView {
        name: "PROMPT".to_owned(),
        attempt,
        newest: agent.attempt,
        follows: true,
        worker: told.and_then(|told| told.sum).map_or_else(String::new, sum),
        cut: !page.wrap,
        column: page.column,
        empty: match told {
            _ if !matches!(source.state.setup.plan.agent(ix).work, Work::Prompt(_)) => {
                "it is a command, and is told nothing"
            }
            _ if attempt == 0 => "it has not started yet",
            _ if opened => "a person works in its session: there is no prompt",
            Some(_) => "no prompt was kept of this attempt",
            None => "",
        },
        ..OutputView::default()
    };
    let lines = told.map_or(&[][..], |told| &told.lines);
    let first = ui.on_agent.prompt_first.min(lines.len());
    let rows = lines[first..].iter().flat_map(|(line, tone)| {
        pieces(line, page).into_iter().map(|at| OutputRow {
            more: page.wrap && at.start > 0,
            text: line[at].to_owned(),
            tone: *tone,
            ..OutputRow::default()
        })
    });
    view.rows = rows.take(page.rows).collect();
    if first > 0 {
        view.search = format!("line {} of {}", first + 1, lines.len());
    }
    view
}

/// `~3.2k of 20.0k tokens, ~5.0k offered, 2 cut, 1 left out`
fn sum(sum: Sum) -> String {
    let mut text = format!("~{} of {} tokens", tokens(sum.tokens), tokens(sum.limit));
    if sum.offered > sum.tokens {
        let _ = write!(text, ", ~{} offered", tokens(sum.offered));
    }
    let (cut, left) = sum.cut;
    for (count, what) in [(cut, "cut"), (left, "left out")] {
        if count > 0 {
            let _ = write!(text, ", {count} {what}");
        }
    }
    text
}
