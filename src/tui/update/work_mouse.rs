//! Clicks and the wheel on the screens of work that comes together.

use ratatui::layout::{Position, Rect};

use super::{
    App, clash,
    moves::{open, step},
    review,
};
use crate::tui::{
    feed::Request,
    ui_state::Screen,
    view::{View, clash::SIDES, review as review_view},
};

/// A click: what is chosen already is opened.
pub(super) fn press(app: &mut App, view: &View, at: Position, out: &mut Vec<Request>) {
    match app.ui.screen {
        Screen::Merge => {
            let Some(merge) = &view.merge else { return };
            let row = usize::from(at.y.saturating_sub(view.regions.work.y));
            if merge.selected == Some(row) {
                open(app, out);
            } else if row < merge.rows.len() {
                app.ui.merge_at = merge.first + row;
            }
        }
        Screen::Clash => {
            let Some(clash) = &view.clash else { return };
            let list = clash.panes.list;
            let row = at.y.checked_sub(list.y + 1).map(usize::from);
            if let Some(row) = row.filter(|row| list.contains(at) && *row < clash.places.len()) {
                clash::go(app, clash.first + row);
            }
            // The heading of a side takes it.
            let heading = |side: &Rect| Rect { height: 1, ..*side }.contains(at);
            if let Some(side) = clash.panes.sides.iter().position(heading) {
                clash::act(app, SIDES[side], out);
            }
        }
        Screen::Review => {
            let Some(shown) = &view.review else { return };
            let panes = review_view::panes(view.regions.work);
            let row = |top: u16| at.y.checked_sub(top + 1).map(usize::from);
            if panes.files.contains(at) {
                if let Some(row) = row(panes.files.y).filter(|row| *row < shown.files.len()) {
                    review::go_to_file(app, shown.files_first + row);
                }
            } else if let Some(review_view::DiffRow::Line { at, .. }) =
                row(panes.diff.y).and_then(|row| shown.rows.get(row))
            {
                app.ui.review.at = *at;
            }
        }
        _ => {}
    }
}

/// The wheel: over a conflict's texts they are scrolled, elsewhere it moves as the arrows do.
pub(super) fn wheel(app: &mut App, view: &View, by: isize, at: Position, out: &mut Vec<Request>) {
    if let (Screen::Clash, Some(clash)) = (app.ui.screen, &view.clash) {
        let list = clash.panes.list;
        if list.contains(at) {
            clash::step(app, by.signum());
        } else {
            clash::scroll(app, by);
        }
        return;
    }
    step(app, by, out);
}
