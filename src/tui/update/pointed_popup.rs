//! The mouse while something lies in front of the screen.
//!
//! Must not decide what an answer means.

use ratatui::layout::Position;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{App, palette, popups::answer};
use crate::tui::{
    draw,
    feed::Request,
    keymap::Key,
    ui_state::{Popup, Voice},
};

/// The wheel: lines scroll, in the palette the choice moves.
pub(super) fn wheel(app: &mut App, by: isize) {
    let entries = app.view().palette.len();
    let rows = app.ui.size.1;
    let help = draw::help_height(&app.settings.keys).saturating_sub(1);
    match app.ui.popups.last_mut() {
        Some(Popup::Help { scroll }) => {
            *scroll = scroll.saturating_add_signed(by as i16).min(help);
        }
        Some(Popup::Lines { scroll, lines, .. }) => {
            let most = draw::most_scroll(lines.len(), rows);
            *scroll = scroll.saturating_add_signed(by as i16).min(most);
        }
        Some(Popup::Palette { chosen, .. }) => {
            let last = entries.saturating_sub(1);
            *chosen = chosen.saturating_add_signed(by.signum()).min(last);
        }
        Some(Popup::Card { .. }) => super::status::wheel(app, by),
        Some(Popup::Queue(queue)) => {
            queue.scroll = queue.scroll.saturating_add(by);
        }
        // A question is answered, not scrolled.
        Some(Popup::Ask { .. } | Popup::Themes { .. }) | None => {}
    }
}

/// A click: an answer or entry is taken, pages to read are closed.
pub(super) fn press(app: &mut App, at: Position, out: &mut Vec<Request>) {
    let hit = draw::popup_hit(&app.view(), &app.ui, at);
    match (app.ui.popups.last_mut(), hit) {
        (Some(Popup::Ask { chosen, .. }), Some(n)) => {
            *chosen = n;
            answer(app, out);
        }
        (Some(Popup::Ask { .. }), None) => {
            app.say(Voice::Plain, "click an answer, or Esc leaves it as it is");
        }
        (Some(Popup::Palette { chosen, .. }), Some(n)) => {
            *chosen = n;
            let enter = KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE);
            palette::press(app, Key::of(&enter), out);
        }
        (Some(Popup::Queue(_)), _) => {
            app.say(Voice::Plain, "the keys that are shown answer; Esc closes");
        }
        (Some(_), _) => drop(app.ui.popups.pop()),
        (None, _) => {}
    }
}
