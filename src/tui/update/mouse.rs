//! Clicks, drags and the wheel: what lies under the pointer answers.
//!
//! A border that is held is moved by [`super::resize`]; popups have [`super::pointed_popup`].

use crossterm::event::{MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Position;

use super::{
    App, agent_mouse,
    graph_keys::toggle_wave,
    keys::act,
    log,
    moves::{open, scroll_output, step},
    pointed_popup, ram, resize,
    select::{go_to, select},
    work_mouse,
};
use crate::tui::{
    action::UiAction,
    draw,
    feed::{Replay, Request},
    ui_state::{Held, Pane, RowId, Screen, Voice},
    view::{View, outline::Outline, regions},
};

pub(super) fn click(app: &mut App, mouse: MouseEvent, out: &mut Vec<Request>) {
    if !app.ui.mouse || app.ui.too_small() {
        return;
    }
    let at = Position::new(mouse.column, mouse.row);
    match mouse.kind {
        MouseEventKind::ScrollUp => wheel(app, -3, at, out),
        MouseEventKind::ScrollDown => wheel(app, 3, at, out),
        MouseEventKind::Down(MouseButton::Left) if app.keyboard.held().is_some() => {
            app.say(
                Voice::Plain,
                "the keyboard is the agent's; Ctrl-Z takes it back",
            );
        }
        MouseEventKind::Down(MouseButton::Left) => {
            app.looked();
            press(app, at, out);
        }
        MouseEventKind::Drag(MouseButton::Left) => match app.ui.held {
            None => return,
            Some(Held::Scrubber) => seek(app, at, out),
            Some(border) => resize::drag(app, border, at),
        },
        MouseEventKind::Up(MouseButton::Left) if app.ui.held.is_some() => app.ui.held = None,
        _ => return,
    }
    app.now();
}

fn wheel(app: &mut App, by: isize, at: Position, out: &mut Vec<Request>) {
    if !app.ui.popups.is_empty() {
        pointed_popup::wheel(app, by, at, out);
        return;
    }
    let view = app.view();
    let r = &view.regions;
    if app.ui.screen == Screen::Agent && agent_mouse::click(app, &view, at, Some(by), out) {
        return;
    }
    if r.ram.contains(at) {
        ram::step(app, by, out);
    } else if r.output.contains(at) {
        scroll_output(app, by, out);
    } else if r.graph.contains(at) {
        scroll_graph(app, &view, by);
    } else if r.table.contains(at) {
        scroll_table(app, &view, by, out);
    } else if r.scrubber.contains(at) {
        out.push(Request::Replay(Replay::Seconds(by.signum() as i64 * 5)));
    } else if r.work.contains(at) {
        work_mouse::wheel(app, &view, by, at, out);
    } else if r.timeline.contains(at) || r.log.contains(at) || r.report.contains(at) {
        step(app, by, out);
    }
}

/// The selection stays where it is unless it would leave the window.
fn scroll_table(app: &mut App, view: &View, by: isize, out: &mut Vec<Request>) {
    let rows = usize::from(regions::table_rows(view.regions.table.height));
    let last = view.table.total.saturating_sub(rows);
    let to = app.ui.scroll.saturating_add_signed(by).min(last);
    app.ui.scroll = to;
    let lines = app.outline();
    let Some(state) = &app.state else { return };
    let selected = app.ui.selected.as_ref();
    let Some(at) = selected.and_then(|id| lines.find(state, id)) else {
        return;
    };
    let kept = at.clamp(to, (to + rows).saturating_sub(1));
    if let Some(line) = lines.lines.get(kept).filter(|_| kept != at) {
        let id = Outline::id(state, *line);
        select(app, id, out);
    }
}

fn press(app: &mut App, at: Position, out: &mut Vec<Request>) {
    app.ui.held = None;
    if !app.ui.popups.is_empty() {
        pointed_popup::press(app, at, out);
        return;
    }
    let view = app.view();
    let r = &view.regions;
    if app.ui.screen == Screen::Agent && agent_mouse::click(app, &view, at, None, out) {
        return;
    }
    let border = r.borders().into_iter().find(|(_, area)| area.contains(at));
    app.ui.held = border.map(|(border, _)| border);
    if r.footer.contains(at) {
        let hit = draw::footer_hits(&view, &app.ui, app.look())
            .into_iter()
            .find(|(x, w, ..)| at.x >= *x && at.x < x + w)
            .and_then(|(_, _, key, _)| {
                let place = app.place();
                app.settings.keys.find_in(place, key).map(|b| b.run)
            });
        if let Some(action) = hit {
            app.ui.message = None;
            act(app, action, out);
        }
    } else if r.scrubber.contains(at) {
        press_scrubber(app, &view, at, out);
    } else if r.header.contains(at) || r.memory.contains(at) || r.limit.contains(at) {
        // Both tell of time and memory: there is more of it.
        let there = app.ui.screen == Screen::Timeline;
        act(
            app,
            if there {
                UiAction::Deck
            } else {
                UiAction::Timeline
            },
            out,
        );
    } else if r.attention.contains(at) {
        let head = u16::from(r.attention.height > 1);
        let demand =
            at.y.checked_sub(r.attention.y + head)
                .and_then(|row| view.attention.shown.get(usize::from(row)));
        match demand.and_then(|demand| demand.row.clone()) {
            Some(row) => go_to(app, row, out),
            None => act(app, UiAction::Attention, out),
        }
    } else if r.table.contains(at) {
        press_table(app, &view, at, out);
    } else if r.ram.contains(at) {
        app.ui.focus = Pane::Output;
        ram::press(app, &view, at.y, out);
    } else if r.output.contains(at) {
        app.ui.focus = Pane::Output;
    } else if r.graph.contains(at) {
        app.ui.focus = Pane::Graph;
        press_graph(app, &view, at, out);
    } else if r.lately.contains(at) && app.ui.held.is_none() {
        act(app, UiAction::Log, out);
    } else if r.timeline.contains(at) {
        press_timeline(app, &view, at, out);
    } else if r.log.contains(at) {
        press_log(app, &view, at, out);
    } else if r.work.contains(at) {
        work_mouse::press(app, &view, at, out);
    } else if r.report.contains(at) {
        press_report(app, &view, at, out);
    }
}

fn press_table(app: &mut App, view: &View, at: Position, out: &mut Vec<Request>) {
    app.ui.focus = Pane::Table;
    let row = usize::from(at.y.saturating_sub(view.regions.table.y));
    if row < 2 {
        return;
    }
    let lines = app.outline();
    let line = lines.lines.get(view.table.first + row - 2).copied();
    if let (Some(state), Some(line)) = (&app.state, line) {
        let id = Outline::id(state, line);
        if app.ui.selected.as_ref() == Some(&id) || at.x < 2 {
            app.ui.selected = Some(id);
            open(app, out);
        } else {
            select(app, id, out);
        }
    }
}

fn press_graph(app: &mut App, view: &View, at: Position, out: &mut Vec<Request>) {
    let r = view.regions.graph;
    let (Some(graph), Some(state)) = (&view.graph, &app.state) else {
        return;
    };
    let top = if regions::wave_row(r) { 2 } else { 1 };
    if at.y + 1 == r.y + top && top == 2 {
        // The number of a wave folds it.
        let column = at.x.saturating_sub(r.x + 1);
        let wave = graph.waves.iter().rev().find(|head| head.x <= column);
        if let Some(wave) = wave.map(|head| head.wave) {
            app.ui.graph_at = Some(graph.at);
            toggle_wave(app, wave);
        }
        return;
    }
    let Some(y) = at.y.checked_sub(r.y + top) else {
        return;
    };
    let x = i32::from(at.x) - i32::from(r.x) - 1;
    let hit = graph
        .nodes
        .iter()
        .find(|node| node.y == y && (node.x..node.x + i32::from(node.width)).contains(&x));
    if let Some(node) = hit {
        let id = RowId::Agent(state.id(node.ix));
        app.ui.graph_at = Some(graph.at);
        select(app, id, out);
    }
}

/// A row is an agent; below the rows a column is a moment, where one can go to it.
fn press_timeline(app: &mut App, view: &View, at: Position, out: &mut Vec<Request>) {
    let (Some(timeline), Some(state)) = (&view.timeline, &app.state) else {
        return;
    };
    let area = view.regions.timeline;
    let row = usize::from(at.y.saturating_sub(area.y + 1));
    let rows = usize::from(draw::timeline::agent_rows(area.height, timeline.total));
    if at.y > area.y && row < rows {
        let Some(row) = timeline.rows.get(row) else {
            return;
        };
        let id = RowId::Agent(state.id(row.ix));
        if app.ui.selected.as_ref() == Some(&id) {
            open(app, out);
        } else {
            select(app, id, out);
        }
    } else if at.y > area.y
        && app.clock.is_some()
        && let Some(column) = at.x.checked_sub(area.x + timeline.names + 1)
        && column < timeline.columns
    {
        let us = u128::from(timeline.span_us) * u128::from(column) / u128::from(timeline.columns);
        let us = u64::try_from(us).unwrap_or(u64::MAX);
        out.push(Request::Replay(Replay::Time(us)));
    }
}

fn press_log(app: &mut App, view: &View, at: Position, out: &mut Vec<Request>) {
    let Some(log) = &view.log else { return };
    let Some(row) = at.y.checked_sub(view.regions.log.y + 1).map(usize::from) else {
        return;
    };
    let Some(record) = log.rows.get(row) else {
        return;
    };
    if log.selected == Some(row) {
        log::open(app, out);
    } else {
        app.ui.log_at = Some(record.seq);
        log::ask(app, out);
    }
}

fn press_report(app: &mut App, view: &View, at: Position, out: &mut Vec<Request>) {
    let Some(report) = &view.report else { return };
    let row = usize::from(at.y.saturating_sub(view.regions.report.y));
    if report.selected == Some(row) {
        open(app, out);
    } else if row < report.rows.len() {
        app.ui.report_at = report.first + row;
    }
}

/// The sign at the left plays and pauses, the bar is a handle.
fn press_scrubber(app: &mut App, view: &View, at: Position, out: &mut Vec<Request>) {
    let Some(scrubber) = &view.scrubber else {
        return;
    };
    if at.x < scrubber.from.saturating_sub(1) {
        out.push(Request::Replay(Replay::Toggle));
    } else if at.x <= scrubber.from + scrubber.columns {
        app.ui.held = Some(Held::Scrubber);
        seek(app, at, out);
    }
}

fn seek(app: &App, at: Position, out: &mut Vec<Request>) {
    let view = app.view();
    if let (Some(scrubber), Some(clock)) = (&view.scrubber, app.clock) {
        let us = scrubber.moment(at.x, clock.end_us);
        out.push(Request::Replay(Replay::Time(us)));
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
