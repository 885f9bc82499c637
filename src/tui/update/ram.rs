//! The memory pane: opened and closed, its rows, its order.
//!
//! Rows are agents: what is selected here is selected in the table. Must not judge who goes next.

use super::{App, moves::open, select::select};
use crate::tui::{
    feed::Request,
    ui_state::{Beside, Pane, RowId, Screen, Voice},
    view::{View, ram, ram::Who},
};

/// Whether it stands in place of the output.
pub(super) fn shown(app: &App) -> bool {
    app.ui.beside == Beside::Memory
}

/// Opens it, wherever one is, or closes it.
pub(super) fn toggle(app: &mut App) {
    let ui = &mut app.ui;
    if ui.screen == Screen::Deck && ui.beside == Beside::Memory {
        ui.beside = ui.ram.before;
        ui.focus = Pane::Table;
        return;
    }
    if ui.beside != Beside::Memory {
        ui.ram.before = ui.beside;
    }
    ui.screen = Screen::Deck;
    ui.beside = Beside::Memory;
    ui.focus = Pane::Output;
    if app.view().regions.ram.is_empty() {
        app.say(
            Voice::Plain,
            "the memory pane has no room here: a higher terminal shows it",
        );
    }
}

/// The next order.
pub(super) fn sort(app: &mut App) {
    let sort = app.ui.ram.sort.next();
    app.ui.ram.sort = sort;
    app.ui.ram.first = 0;
    let by = sort.name();
    app.say(Voice::Plain, format!("the memory pane is sorted by {by}"));
}

/// Selects another agent in the order of the pane.
pub(super) fn step(app: &mut App, by: isize, out: &mut Vec<Request>) {
    let Some(source) = app.source() else { return };
    let order = ram::order(source, app.ui.ram.sort);
    let selected = app.selected();
    let at = selected.and_then(|ix| order.iter().position(|&one| one == ix));
    let to = match at {
        Some(at) => at.saturating_add_signed(by),
        None => 0,
    };
    let to = order.get(to.min(order.len().saturating_sub(1))).copied();
    if let (Some(ix), Some(state)) = (to, &app.state) {
        let id = RowId::Agent(state.id(ix));
        select(app, id, out);
    }
}

/// A click on a row.
pub(super) fn press(app: &mut App, view: &View, y: u16, out: &mut Vec<Request>) {
    let row = y.checked_sub(view.regions.ram.y + 2);
    let pane = view.ram.as_ref();
    let row = row.and_then(|row| pane?.rows.get(usize::from(row)));
    let (Some(Who::Agent(ix)), Some(state)) = (row.map(|row| row.who), &app.state) else {
        return;
    };
    let id = RowId::Agent(state.id(ix));
    if app.ui.selected.as_ref() == Some(&id) {
        open(app, out);
    } else {
        select(app, id, out);
    }
}
