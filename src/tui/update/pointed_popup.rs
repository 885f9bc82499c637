//! The mouse while something lies in front of the screen.
//!
//! Must not decide what an answer means.

use ratatui::layout::Position;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{
    App, palette,
    popups::{answer, in_popup},
};
use crate::tui::{
    draw,
    feed::Request,
    keymap::Key,
    ui_state::{Popup, Voice},
};

/// The wheel: lines scroll, in the palette the choice moves.
pub(super) fn wheel(app: &mut App, by: isize, at: Position, out: &mut Vec<Request>) {
    let view = app.view();
    let entries = view.palette.len();
    let ground = draw::ground(&view.regions);
    let help = draw::help_scroll(&app.settings.keys, ground);
    match app.ui.popups.last_mut() {
        Some(Popup::Help { scroll }) => {
            *scroll = scroll.saturating_add_signed(by as i16).min(help);
        }
        Some(Popup::Lines { scroll, lines, .. }) => {
            let most = draw::most_scroll(lines, ground);
            *scroll = scroll.saturating_add_signed(by as i16).min(most);
        }
        Some(Popup::Palette { chosen, .. }) => {
            let last = entries.saturating_sub(1);
            *chosen = chosen.saturating_add_signed(by.signum()).min(last);
        }
        Some(Popup::Card { .. }) => super::status::wheel(app, by),
        Some(Popup::Queue(_)) => super::queue::wheel(app, by, at, out),
        Some(Popup::Themes { .. }) => super::themes::click(app, at, Some(by as i16)),
        // A question is answered, not scrolled.
        Some(Popup::Ask { .. } | Popup::Note { .. }) | None => {}
    }
}

/// A click: an answer or entry is taken, pages to read are closed.
pub(super) fn press(app: &mut App, at: Position, out: &mut Vec<Request>) {
    if matches!(app.ui.popups.last(), Some(Popup::Themes { .. })) {
        return super::themes::click(app, at, None);
    }
    let view = app.view();
    if view.regions.footer.contains(at) {
        let hit = draw::footer_hits(&view, &app.ui, app.look())
            .into_iter()
            .find(|(x, w, ..)| at.x >= *x && at.x < x + w);
        if let Some((_, _, key, _)) = hit {
            app.ui.message = None;
            let run = app.settings.keys.find(key).map(|b| b.run);
            in_popup(app, key, run, out);
        }
        return;
    }
    let hit = draw::popup_hit(&view, &app.ui, at);
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
        (Some(Popup::Queue(_)), _) => super::queue::click(app, at, out),
        (Some(_), _) => drop(app.ui.popups.pop()),
        (None, _) => {}
    }
}
