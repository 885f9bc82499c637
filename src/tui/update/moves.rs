//! Moving about: rows, folds, scrolling, the wave graph.

use super::{
    App, agent, clash, log, merge, ram, review,
    select::{ask_output, go_to, select},
    terminal,
};
use crate::{
    plan::AgentIx,
    tui::{
        action::UiAction,
        draw,
        feed::{Replay, Request},
        ui_state::{Beside, GraphZoom, Look, Pane, RowId, Screen, Voice},
        view::{
            cells::Cells,
            outline::{self, Outline},
            regions,
        },
    },
};

/// Where the arrow keys move now.
pub(super) fn pane(app: &App) -> Pane {
    match app.ui.screen {
        Screen::Deck if app.ui.focus == Pane::Output && ram::shown(app) => Pane::Memory,
        Screen::Deck => app.ui.focus,
        Screen::Agent => Pane::Output,
        Screen::Graph => Pane::Graph,
        Screen::Timeline => Pane::Timeline,
        Screen::Log => Pane::Log,
        Screen::Report => Pane::Report,
        Screen::Merge | Screen::Clash | Screen::Review => Pane::Work,
    }
}

pub(super) fn page(app: &App) -> isize {
    if app.ui.screen == Screen::Agent {
        return isize::try_from(agent::page(app) - 1).unwrap_or(1);
    }
    let view = app.view();
    let rows = match pane(app) {
        Pane::Table => regions::table_rows(view.regions.table.height),
        Pane::Output => view.regions.output.height.saturating_sub(1),
        Pane::Memory => regions::table_rows(view.regions.ram.height).saturating_sub(2),
        Pane::Graph => view.regions.graph.height,
        Pane::Report => view.regions.report.height,
        Pane::Log => draw::log::event_rows(view.regions.log.height),
        Pane::Work => view.regions.work.height.saturating_sub(3),
        Pane::Timeline => {
            let agents = view.timeline.as_ref().map_or(0, |timeline| timeline.total);
            draw::timeline::agent_rows(view.regions.timeline.height, agents)
        }
    };
    isize::try_from(rows.saturating_sub(1).max(1)).unwrap_or(1)
}

pub(super) fn back(app: &mut App) {
    let ui = &mut app.ui;
    if ui.popups.pop().is_some() || ui.screen == Screen::Agent && ui.on_agent.mark.take().is_some()
    {
    } else if ui.screen == Screen::Agent && !ui.on_agent.search.is_empty() {
        ui.on_agent.search.clear();
        app.search = None;
    } else if let Some(from) = ui.on_agent.zoom.take()
        && ui.screen == Screen::Agent
    {
        ui.screen = from;
    } else if ui.screen == Screen::Clash {
        ui.screen = ui.clash.from;
    } else if ui.screen == Screen::Review {
        ui.screen = ui.review.from;
    } else if ui.screen != Screen::Deck {
        ui.screen = Screen::Deck;
        ui.graph_at = None;
    } else if !ui.filter.is_empty() {
        ui.filter.clear();
    } else if !ui.marks.is_empty() {
        ui.marks.clear();
    } else if ui.focus != Pane::Table {
        ui.focus = Pane::Table;
        ui.graph_at = None;
    } else if ui.beside == Beside::Memory {
        ui.beside = ui.ram.before;
    } else {
        ui.look = Look::Tail;
    }
}

pub(super) fn open(app: &mut App, out: &mut Vec<Request>) {
    match app.ui.screen {
        Screen::Log => return log::open(app, out),
        Screen::Report => return open_report(app, out),
        Screen::Merge => return merge::open(app, out),
        Screen::Clash => return clash::act(app, UiAction::NextOpen, out),
        Screen::Review => return app.say(Voice::Plain, "nothing more is behind this line"),
        Screen::Agent => return agent::open(app),
        _ => {}
    }
    if app.ui.screen != Screen::Deck && app.ui.agent().is_none() {
        app.say(Voice::Plain, "select an agent first");
        return;
    }
    match app.ui.selected.clone() {
        Some(RowId::Agent(_)) => {
            agent::show(app, false, out);
        }
        Some(id @ RowId::Group(_)) => toggle_fold(app, id),
        Some(RowId::Done) => {
            app.ui.show_done = Some(app.ui.show_done != Some(true));
        }
        None => app.say(Voice::Plain, "nothing is selected"),
    }
}

pub(super) fn toggle_fold(app: &mut App, id: RowId) {
    if !app.ui.closed.remove(&id) {
        app.ui.closed.insert(id);
    }
}

/// Moves by rows in the focused pane.
pub(super) fn step(app: &mut App, by: isize, out: &mut Vec<Request>) {
    if app.ui.screen == Screen::Agent {
        return agent::step(app, by, out);
    }
    match pane(app) {
        Pane::Table => {
            let lines = app.outline();
            let Some(state) = &app.state else { return };
            let count = isize::try_from(lines.lines.len()).unwrap_or(isize::MAX);
            if count == 0 {
                return;
            }
            let at = app
                .ui
                .selected
                .as_ref()
                .and_then(|id| lines.find(state, id))
                .map_or(if by > 0 { -1 } else { 0 }, |at| {
                    isize::try_from(at).unwrap_or(0)
                });
            let to = at.saturating_add(by).clamp(0, count - 1);
            if let Some(line) = lines.lines.get(to.unsigned_abs()) {
                let id = Outline::id(state, *line);
                select(app, id, out);
            }
        }
        Pane::Output => scroll_output(app, by, out),
        Pane::Memory => ram::step(app, by, out),
        Pane::Graph => walk_graph(app, 0, by, out),
        Pane::Timeline => walk_timeline(app, by, out),
        Pane::Log => log::step(app, by, out),
        Pane::Work => match app.ui.screen {
            Screen::Merge => merge::step(app, by),
            Screen::Clash => clash::step(app, by),
            _ => review::step(app, by),
        },
        Pane::Report => {
            let last = app
                .report_rows()
                .map_or(0, |all| all.len())
                .saturating_sub(1);
            app.ui.report_at = app.ui.report_at.saturating_add_signed(by).min(last);
        }
    }
}

/// From a row of the report to the moment and the agent behind it.
fn open_report(app: &mut App, out: &mut Vec<Request>) {
    let row = app.report_row(app.ui.report_at);
    let Some((seq, agent)) = row.and_then(|row| Some((row.seq, row.agent?))) else {
        app.say(Voice::Plain, "no moment stands behind this row");
        return;
    };
    if let (Some(seq), Some(_)) = (seq, app.clock) {
        out.push(Request::Replay(Replay::Seq(seq.max(1))));
    }
    go_to(app, RowId::Agent(agent.as_str().into()), out);
}

/// Selects another agent in the timeline's order.
fn walk_timeline(app: &mut App, by: isize, out: &mut Vec<Request>) {
    let order = app.timeline_order();
    let Some(state) = &app.state else { return };
    let at = app
        .selected()
        .and_then(|ix| order.iter().position(|&o| o == ix))
        .map_or(if by > 0 { -1 } else { 0 }, |at| {
            isize::try_from(at).unwrap_or(0)
        });
    let last = isize::try_from(order.len()).unwrap_or(isize::MAX) - 1;
    let to = at.saturating_add(by).clamp(0, last.max(0));
    if let Some(&ix) = order.get(to.unsigned_abs()) {
        let id = RowId::Agent(state.id(ix));
        select(app, id, out);
    }
}

pub(super) fn scroll_output(app: &mut App, by: isize, out: &mut Vec<Request>) {
    if terminal::shown(app) {
        return terminal::scroll(app, by);
    }
    let rows = agent::lines_at_end(app);
    if let Some(buffer) = &app.output {
        app.ui.look = buffer.scrolled(app.ui.look, by, rows);
        ask_output(app, out);
    }
    app.now();
}

pub(super) fn sideways(app: &mut App, left: bool, out: &mut Vec<Request>) {
    if app.ui.screen == Screen::Agent {
        return agent::sideways(app, left);
    }
    if pane(app) == Pane::Graph {
        walk_graph(app, if left { -1 } else { 1 }, 0, out);
        return;
    }
    let Some(id) = app.ui.selected.clone() else {
        return;
    };
    if id == RowId::Done {
        app.ui.show_done = Some(!left);
        return;
    }
    let foldable = match &id {
        RowId::Agent(agent) => app.state.as_ref().is_some_and(|s| {
            s.find(agent)
                .is_some_and(|ix| !s.setup.children[ix.ix()].is_empty())
        }),
        _ => true,
    };
    if foldable && left && app.ui.closed.insert(id.clone()) {
        return;
    }
    if foldable && !left {
        app.ui.closed.remove(&id);
        return;
    }
    // On a leaf, left goes up to what it belongs to.
    if left && let (RowId::Agent(agent), Some(state)) = (&id, &app.state) {
        let Some(ix) = state.find(agent) else { return };
        let up = match state.setup.plan.agent(ix).parent {
            Some(parent) => Some(RowId::Agent(state.id(parent))),
            None => outline::group_of(state, app.ui.grouping, ix).map(RowId::Group),
        };
        if let Some(up) = up.filter(|up| app.outline().find(state, up).is_some()) {
            select(app, up, out);
        }
    }
}

/// Selects the nearest node in a direction of the wave graph.
pub(super) fn walk_graph(app: &mut App, dx: isize, dy: isize, out: &mut Vec<Request>) {
    let (Some(state), Some(chart)) = (&app.state, &app.chart) else {
        return;
    };
    let columns = app.ui.size.0.saturating_sub(2);
    let layout = chart.layout(chart.place(&app.ui, columns), &app.ui.waves_closed);
    let from = app.selected().or_else(|| {
        let active = |ix: &AgentIx| !state.agent(*ix).status.is_final();
        chart
            .order
            .iter()
            .copied()
            .find(active)
            .or(chart.order.first().copied())
    });
    let Some(from) = from else { return };
    if app.ui.screen == Screen::Graph && app.ui.graph_zoom == GraphZoom::Cells {
        let window = regions::graph_window(app.view().regions.graph);
        let cells = Cells::new(state, chart, window.0.into(), window.1.into());
        let to = cells.step(from, dx, dy);
        app.ui.graph_at = None;
        if let Some(ix) = to {
            let id = RowId::Agent(state.id(ix));
            select(app, id, out);
        }
        return;
    }
    let from = layout.stands[from.ix()];
    let here = layout.nodes[from.ix()];
    let wave = state.setup.wave(from);
    let target = if dx == 0 {
        let mut column: Vec<AgentIx> = chart
            .order
            .iter()
            .copied()
            .filter(|&ix| state.setup.wave(ix) == wave && layout.stands[ix.ix()] == ix)
            .collect();
        column.sort_by_key(|ix| layout.nodes[ix.ix()].y);
        let at = column.iter().position(|&ix| ix == from).unwrap_or(0);
        let to = isize::try_from(at).unwrap_or(0).saturating_add(dy);
        let last = isize::try_from(column.len()).unwrap_or(1) - 1;
        column.get(to.clamp(0, last.max(0)).unsigned_abs()).copied()
    } else {
        // Along an edge where there is one, else to the nearest of the next wave.
        let near = if dx < 0 {
            chart.preds(from)
        } else {
            chart.succs(from)
        };
        let by_row = |ix: &AgentIx| layout.nodes[ix.ix()].y.abs_diff(here.y);
        near.iter().copied().min_by_key(by_row).or_else(|| {
            let next = wave.checked_add_signed(dx.signum() as i32)?;
            let column = chart
                .order
                .iter()
                .copied()
                .filter(|&ix| state.setup.wave(ix) == next);
            column.min_by_key(by_row)
        })
    };
    app.ui.graph_at = None;
    if let Some(ix) = target {
        let id = RowId::Agent(state.id(ix));
        select(app, id, out);
    }
}

pub(super) fn mark(app: &mut App, out: &mut Vec<Request>) {
    if app.ui.screen != Screen::Deck {
        app.say(Voice::Plain, "rows are marked on the deck");
        return;
    }
    let Some(id) = app.ui.agent().cloned() else {
        app.say(Voice::Plain, "only agents can be marked");
        return;
    };
    if !app.ui.marks.remove(&id) {
        app.ui.marks.insert(id);
    }
    if pane(app) == Pane::Table {
        step(app, 1, out);
    }
}
