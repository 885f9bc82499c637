//! Clicks and the wheel.

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};

use super::{
    App, agent_mouse,
    keys::act,
    moves::{open, scroll_output},
    select::{go_to, select},
};
use crate::tui::{
    draw,
    feed::Request,
    ui_state::{Pane, Popup, RowId, Screen, Voice},
    view::{View, outline::Outline, regions},
};

pub(super) fn click(app: &mut App, mouse: MouseEvent, out: &mut Vec<Request>) {
    if !app.ui.mouse || app.ui.too_small() {
        return;
    }
    let at = ratatui::layout::Position::new(mouse.column, mouse.row);
    let wheel = match mouse.kind {
        MouseEventKind::ScrollUp => Some(-3),
        MouseEventKind::ScrollDown => Some(3),
        MouseEventKind::Down(MouseButton::Left) => None,
        _ => return,
    };
    app.now();
    if app.keyboard.held().is_some() && wheel.is_none() {
        app.say(
            Voice::Plain,
            "the keyboard is the agent's; Ctrl-Z takes it back",
        );
        return;
    }
    if !app.ui.popups.is_empty() {
        if let (Some(by), Some(Popup::Help { scroll })) = (wheel, app.ui.popups.last_mut()) {
            *scroll = scroll.saturating_add_signed(by);
        } else if wheel.is_none() && matches!(app.ui.popups.last(), Some(Popup::Help { .. })) {
            app.ui.popups.pop();
        }
        return;
    }
    let view = app.view();
    let r = &view.regions;
    if app.ui.screen == Screen::Agent
        && agent_mouse::click(app, &view, at, wheel.map(isize::from), out)
    {
        return;
    }
    if let Some(by) = wheel {
        let by = isize::from(by);
        if r.output.contains(at) {
            scroll_output(app, by, out);
        } else if r.graph.contains(at) {
            scroll_graph(app, &view, by);
        } else if r.table.contains(at) {
            // The selection stays where it is unless it would leave the window.
            let rows = usize::from(regions::table_rows(r.table.height));
            let last = view.table.total.saturating_sub(rows);
            let to = app.ui.scroll.saturating_add_signed(by).min(last);
            app.ui.scroll = to;
            let lines = app.outline();
            if let Some(state) = &app.state {
                let selected = app
                    .ui
                    .selected
                    .as_ref()
                    .and_then(|id| lines.find(state, id));
                if let Some(at) = selected {
                    let kept = at.clamp(to, (to + rows).saturating_sub(1));
                    if let Some(line) = lines.lines.get(kept).filter(|_| kept != at) {
                        let id = Outline::id(state, *line);
                        select(app, id, out);
                    }
                }
            }
        }
        return;
    }
    if r.footer.contains(at) {
        let hit = draw::footer_hits(&view, &app.ui, app.look())
            .into_iter()
            .find(|(x, w, ..)| mouse.column >= *x && mouse.column < x + w)
            .and_then(|(_, _, key, _)| app.settings.keys.find(key).map(|b| b.run));
        if let Some(action) = hit {
            app.ui.message = None;
            act(app, action, out);
        }
    } else if r.attention.contains(at) {
        let head = u16::from(r.attention.height > 1);
        let demand = mouse
            .row
            .checked_sub(r.attention.y + head)
            .and_then(|row| view.attention.shown.get(usize::from(row)));
        if let Some(demand) = demand {
            go_to(app, demand.row.clone(), out);
        }
    } else if r.table.contains(at) {
        app.ui.focus = Pane::Table;
        let row = usize::from(mouse.row.saturating_sub(r.table.y));
        if row < 2 {
            return;
        }
        let lines = app.outline();
        let line = lines.lines.get(view.table.first + row - 2).copied();
        if let (Some(state), Some(line)) = (&app.state, line) {
            let id = Outline::id(state, line);
            if app.ui.selected.as_ref() == Some(&id) || mouse.column < 2 {
                app.ui.selected = Some(id);
                open(app, out);
            } else {
                select(app, id, out);
            }
        }
    } else if r.output.contains(at) {
        app.ui.focus = Pane::Output;
    } else if r.graph.contains(at) {
        app.ui.focus = Pane::Graph;
        if let (Some(graph), Some(chart), Some(state)) = (&view.graph, &app.chart, &app.state) {
            let top = if regions::wave_row(r.graph) { 2 } else { 1 };
            let x = u32::from(mouse.column.saturating_sub(1)) + graph.at.0;
            let y = u32::from(mouse.row.saturating_sub(r.graph.y + top)) + graph.at.1;
            let full = app.ui.screen == Screen::Graph;
            let hit = chart.layout(chart.place(full, graph.size.0)).node_at(x, y);
            if let Some(ix) = hit.filter(|_| mouse.row >= r.graph.y + top) {
                let id = RowId::Agent(state.id(ix));
                app.ui.graph_at = Some(graph.at);
                select(app, id, out);
            }
        }
    }
}

pub(super) fn scroll_graph(app: &mut App, view: &View, by: isize) {
    let Some(graph) = &view.graph else { return };
    let limit = (
        graph.whole.0.saturating_sub(u32::from(graph.size.0)),
        graph.whole.1.saturating_sub(u32::from(graph.size.1)),
    );
    let by = by as i32;
    // A graph that is no higher than its window scrolls sideways.
    let at = if limit.1 > 0 {
        (
            graph.at.0,
            graph.at.1.saturating_add_signed(by).min(limit.1),
        )
    } else {
        (
            graph.at.0.saturating_add_signed(by * 4).min(limit.0),
            graph.at.1,
        )
    };
    app.ui.graph_at = Some(at);
}
