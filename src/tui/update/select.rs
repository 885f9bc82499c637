//! The selected row, and the output that follows it.

use std::sync::Arc;

use super::{App, search, terminal::in_terminal};
use crate::{
    agents::{Stream, Used},
    engine::{State, Status},
    plan::{AgentIx, Work},
    tui::{
        feed::Request,
        output::OutputBuffer,
        spoken::Program,
        ui_state::{Grouping, Look, Pane, RowId, Screen, UiState},
        view::{
            agent::{attempts, shown_attempt},
            attention,
            outline::{self, Line, Outline},
        },
    },
};

/// After rows have changed: a selection that is not there goes to what has hidden it, else to the
/// row that is now in its place.
pub(super) fn keep_selection(app: &mut App) {
    let lines = app.outline();
    let Some(state) = &app.state else { return };
    let there = |id: &RowId| lines.find(state, id).is_some();
    if app.ui.selected.as_ref().is_some_and(there) {
        return;
    }
    let ancestor = app
        .ui
        .selected
        .as_ref()
        .filter(|_| app.ui.filter.is_empty())
        .and_then(|id| hidden_by(app, state, id))
        .filter(there);
    let row = |at: usize| lines.lines.get(at).map(|line| Outline::id(state, *line));
    let first = || {
        let agent = |l: &Line| matches!(l, Line::Agent(..));
        row(lines.lines.iter().position(agent).unwrap_or(0))
    };
    let neighbour = || row(app.row_at.min(lines.lines.len().saturating_sub(1)));
    let to = ancestor.or_else(|| {
        if app.ui.selected.is_some() && app.ui.filter.is_empty() {
            neighbour()
        } else {
            first()
        }
    });
    if to.is_some() {
        app.ui.selected = to;
    }
    follow_selection(app);
}

/// The closed fold that an agent's row is in: the outermost one.
fn hidden_by(app: &App, state: &State, id: &RowId) -> Option<RowId> {
    let RowId::Agent(id) = id else { return None };
    let ix = state.find(id)?;
    let group = outline::group_of(state, app.ui.grouping, ix).map(RowId::Group);
    let parents = std::iter::successors(state.setup.plan.agent(ix).parent, |&up| {
        state.setup.plan.agent(up).parent
    });
    let outer: Vec<RowId> = parents.map(|up| RowId::Agent(state.id(up))).collect();
    group
        .into_iter()
        .chain(outer.into_iter().rev())
        .find(|row| app.ui.closed.contains(row))
}

/// Until a person chooses a row, the selection is on something that runs, or where nothing does, on
/// what waits for a person.
pub(super) fn go_to_what_runs(app: &mut App) {
    let Some(state) = &app.state else { return };
    let running = |ix: AgentIx| state.agent(ix).status == Status::Running;
    if app.ui.chosen || app.selected().is_some_and(running) {
        return;
    }
    let lines = app.outline();
    let runs = |line: &&Line| matches!(line, Line::Agent(ix, _) if running(*ix));
    let first = lines.lines.iter().find(runs);
    let waits = || attention::row(state, attention::waiting(state).first()?.owner);
    let to = first
        .map(|line| Outline::id(state, *line))
        .or_else(|| waits().filter(|row| lines.find(state, row).is_some()));
    if to.is_some() && app.ui.selected != to {
        app.ui.selected = to;
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
    if app.output.as_ref().is_none_or(|o| o.agent != ix) {
        app.ui.on_agent.turn();
    }
    let attempt = shown_attempt(state.agent(ix).attempt, &app.ui);
    let same = app
        .output
        .as_ref()
        .is_some_and(|o| o.agent == ix && o.attempt == attempt);
    if !same {
        let mut buffer = OutputBuffer::new(ix, attempt);
        buffer.speak(program_of(app, ix, attempt).filter(|_| !app.ui.on_agent.raw));
        let known = app.sample.as_ref().and_then(|sample| {
            let at = sample.agents.binary_search_by_key(&ix.0, |a| a.agent);
            at.ok().map(|at| &sample.agents[at])
        });
        if let Some(known) = known.filter(|k| k.attempt == attempt) {
            buffer.total = known.output_bytes;
        }
        app.output = Some(buffer);
        app.ui.look = Look::Tail;
        app.output_wanted = attempt > 0;
        app.ui.on_agent.mark = None;
        search::begin(app);
    }
}

/// The program whose stream an attempt prints, where its stream has words.
pub(super) fn program_of(app: &App, ix: AgentIx, attempt: u32) -> Option<Program> {
    let state = app.state.as_ref()?;
    let mut mode = state.agent(ix).mode;
    if attempt < state.agent(ix).attempt {
        let past = app.source().map(|source| attempts(source, ix));
        let past = past.into_iter().flatten().find(|(n, _)| *n == attempt);
        mode = past.and_then(|(_, past)| past.mode).unwrap_or(mode);
    }
    if !matches!(state.setup.plan.agent(ix).work, Work::Prompt(_)) {
        return None;
    }
    let program = state.program(ix, mode)?;
    let adapter = state.setup.adapters.get(program);
    let adapter = adapter.filter(|adapter| adapter.speaks())?;
    let agent = state.agent(ix);
    let before = match adapter.stream {
        // It reports the sum over its session.
        Stream::Codex if attempt < agent.attempt => None,
        Stream::Codex => Some(
            agent
                .talk
                .as_ref()
                .map_or_else(Used::default, |talk| talk.of_session),
        ),
        _ => Some(Used::default()),
    };
    let adapter = Arc::new(adapter.clone());
    Some(Program { adapter, before })
}

/// Rows of the output pane, near enough to know how much to ask for.
pub(super) const fn output_rows(ui: &UiState) -> usize {
    ui.size.1 as usize
}

pub(super) fn ask_output(app: &mut App, out: &mut Vec<Request>) {
    // A terminal's bytes are read in their order, by the terminal alone.
    if let (Some(state), Some(output)) = (&app.state, &app.output)
        && in_terminal(app, state, output.agent, output.attempt)
    {
        return;
    }
    if let Some(request) = app
        .output
        .as_ref()
        .filter(|b| b.attempt > 0)
        .and_then(|b| b.wanted(app.ui.look, output_rows(&app.ui)))
    {
        out.push(request);
    }
}

/// Goes to a row of the deck, whatever hides it.
pub(super) fn go_to(app: &mut App, row: RowId, out: &mut Vec<Request>) {
    app.ui.screen = Screen::Deck;
    app.ui.focus = Pane::Table;
    app.ui.filter.clear();
    // A phase has a row only where rows are grouped so.
    if matches!(row, RowId::Group(_)) {
        app.ui.grouping = Grouping::Phase;
    }
    reveal(app, &row);
    select(app, row, out);
}

/// Opens the folds that hide a row.
pub(super) fn reveal(app: &mut App, row: &RowId) {
    let (RowId::Agent(id), Some(state)) = (row, &app.state) else {
        return;
    };
    let Some(ix) = state.find(id) else { return };
    if let Some(group) = outline::group_of(state, app.ui.grouping, ix) {
        app.ui.closed.remove(&RowId::Group(group));
    }
    let mut up = ix;
    while let Some(parent) = state.setup.plan.agent(up).parent {
        app.ui.closed.remove(&RowId::Agent(state.id(parent)));
        up = parent;
    }
}
