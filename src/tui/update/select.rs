//! The selected row, and the output that follows it.

use super::App;
use crate::{
    engine::Status,
    plan::AgentIx,
    tui::{
        feed::Request,
        output::OutputBuffer,
        ui_state::{Look, RowId, UiState},
        view::outline::{Line, Outline},
    },
};

/// After rows have changed: a selection that is not there goes to the first row.
pub(super) fn keep_selection(app: &mut App) {
    let lines = app.outline();
    let Some(state) = &app.state else { return };
    let there = app
        .ui
        .selected
        .as_ref()
        .and_then(|id| lines.find(state, id));
    if there.is_none() {
        let first = lines
            .lines
            .iter()
            .find(|l| matches!(l, Line::Agent(..)))
            .or(lines.lines.first());
        if let Some(line) = first {
            app.ui.selected = Some(Outline::id(state, *line));
        }
        follow_selection(app);
    }
}

/// Until a person chooses a row, the selection is on something that runs.
pub(super) fn go_to_what_runs(app: &mut App) {
    let Some(state) = &app.state else { return };
    let running = |ix: AgentIx| state.agent(ix).status == Status::Running;
    if app.ui.chosen || app.selected().is_some_and(running) {
        return;
    }
    let lines = app.outline();
    let first = lines.lines.iter().find(|line| {
        let RowId::Agent(id) = Outline::id(state, **line) else {
            return false;
        };
        state.find(&id).is_some_and(running)
    });
    if let Some(line) = first {
        app.ui.selected = Some(Outline::id(state, *line));
        follow_selection(app);
    }
}

pub(super) fn select(app: &mut App, id: RowId, out: &mut Vec<Request>) {
    app.ui.chosen = true;
    if app.ui.selected.as_ref() != Some(&id) {
        app.ui.selected = Some(id);
        follow_selection(app);
        if std::mem::take(&mut app.output_wanted) {
            ask_output(app, out);
        }
    }
}

/// Turns the output pane to the selected agent.
pub(super) fn follow_selection(app: &mut App) {
    let Some(ix) = app.selected() else { return };
    let Some(state) = &app.state else { return };
    let attempt = state.agent(ix).attempt;
    let same = app
        .output
        .as_ref()
        .is_some_and(|o| o.agent == ix && o.attempt == attempt);
    if !same {
        app.output = Some(OutputBuffer::new(ix, attempt));
        app.ui.look = Look::Tail;
        app.output_wanted = attempt > 0;
    }
}

/// Rows of the output pane, near enough to know how much to ask for.
pub(super) const fn output_rows(ui: &UiState) -> usize {
    ui.size.1 as usize
}

pub(super) fn ask_output(app: &mut App, out: &mut Vec<Request>) {
    if let Some(request) = app
        .output
        .as_ref()
        .filter(|b| b.attempt > 0)
        .and_then(|b| b.wanted(app.ui.look, output_rows(&app.ui)))
    {
        out.push(request);
    }
}
