//! The log screen's keys and what it asks for.

use super::App;
use crate::{
    engine::{Level, Record},
    plan::AgentId,
    tui::{
        draw,
        feed::{Replay, Request},
        log::LogFilter,
        ui_state::{RowId, Screen},
        view::log,
    },
};

use super::select::go_to;

/// Rows of events on the screen, near enough to know how much to ask for.
fn rows(app: &App) -> usize {
    usize::from(draw::log::event_rows(app.ui.size.1.saturating_sub(2)))
}

/// Opens the screen at its end.
pub(super) fn show(app: &mut App, out: &mut Vec<Request>) {
    app.ui.screen = Screen::Log;
    app.ui.log_at = None;
    again(app, out);
}

/// Reads anew: another filter, or another moment.
pub(super) fn again(app: &mut App, out: &mut Vec<Request>) {
    let Some(state) = &app.state else { return };
    let filter = LogFilter {
        text: app.ui.log_filter.to_lowercase(),
        level: app.ui.log_level,
    };
    app.log.reset(filter, state.seq);
    ask(app, out);
}

/// Asks for what is missing above.
pub(super) fn ask(app: &mut App, out: &mut Vec<Request>) {
    if app.ui.screen != Screen::Log {
        return;
    }
    let Some(state) = &app.state else { return };
    let rows = rows(app);
    let before = log::before(state, &app.log, &app.ui, rows);
    if let Some(ask) = app.log.wanted(before, rows) {
        out.push(Request::Log(ask));
    }
}

/// Moves by lines; below the last one new ones are followed.
pub(super) fn step(app: &mut App, by: isize, out: &mut Vec<Request>) {
    let Some(state) = &app.state else { return };
    let total = app.log.until(state.seq);
    if total == 0 {
        return;
    }
    let at = app
        .ui
        .log_at
        .map_or(total - 1, |seq| app.log.place(seq).min(total - 1));
    let to = at.saturating_add_signed(by).min(total - 1);
    app.ui.log_at = if to + 1 == total && by > 0 {
        None
    } else {
        app.log.get(to).map(|record| record.seq)
    };
    ask(app, out);
}

/// The next least urgency.
pub(super) fn level(app: &mut App, out: &mut Vec<Request>) {
    app.ui.log_level = match app.ui.log_level {
        None => Some(Level::Medium),
        Some(Level::Low | Level::Medium) => Some(Level::High),
        Some(Level::High) => Some(Level::Critical),
        Some(Level::Critical) => None,
    };
    app.ui.log_at = None;
    again(app, out);
}

/// The selected record: the newest one while new ones are followed.
pub(super) fn selected(app: &App) -> Option<&Record> {
    let total = app.log.until(app.state.as_ref()?.seq);
    let last = total.checked_sub(1)?;
    let at = app.ui.log_at.map_or(last, |seq| app.log.place(seq));
    app.log.get(at.min(last))
}

/// In a replay to the moment of the selected line; in a live run to its agent.
pub(super) fn open(app: &mut App, out: &mut Vec<Request>) {
    let Some(record) = selected(app) else { return };
    let agent: Option<AgentId> = record.event.agent().cloned();
    if app.clock.is_some() {
        out.push(Request::Replay(Replay::Seq(record.seq)));
    }
    match agent {
        Some(agent) => go_to(app, RowId::Agent(agent), out),
        None => app.ui.screen = Screen::Deck,
    }
}
