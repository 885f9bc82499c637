//! Keys while something lies in front of the screen: pages, questions, the palette.
//!
//! Must not decide what an action means: an answer sends the actions that its question named.

use crossterm::event::KeyCode;

use super::{App, note, operate::send, palette, queue, status, themes};
use crate::tui::{
    action::UiAction,
    draw,
    feed::Request,
    keymap::Key,
    ui_state::{Popup, Voice},
};

/// A key while something lies in front; false: it means what it always means.
pub(super) fn in_popup(
    app: &mut App,
    key: Key,
    run: Option<UiAction>,
    out: &mut Vec<Request>,
) -> bool {
    if matches!(app.ui.popups.last(), Some(Popup::Palette { .. })) {
        return palette::press(app, key, out);
    }
    if matches!(app.ui.popups.last(), Some(Popup::Themes { .. })) {
        themes::press(app, key, run);
        return true;
    }
    if matches!(app.ui.popups.last(), Some(Popup::Note { .. })) {
        note::press(app, key, out);
        return true;
    }
    if matches!(app.ui.popups.last(), Some(Popup::Queue(_))) {
        queue::press(app, key, run, out);
        return true;
    }
    if matches!(app.ui.popups.last(), Some(Popup::Card { .. })) {
        if !status::press(app, key, run, out) {
            app.ui.popups.pop();
        }
        return true;
    }
    let ground = draw::ground(&app.view().regions);
    let rows = ground.height;
    let help = draw::help_scroll(&app.settings.keys, ground);
    let Some(popup) = app.ui.popups.last_mut() else {
        return false;
    };
    match popup {
        // They have their own keys.
        Popup::Palette { .. }
        | Popup::Themes { .. }
        | Popup::Queue(_)
        | Popup::Note { .. }
        | Popup::Card { .. } => {}
        Popup::Lines { scroll, .. } | Popup::Help { scroll } => {
            match run {
                Some(UiAction::Down) => *scroll = scroll.saturating_add(1),
                Some(UiAction::Up) => *scroll = scroll.saturating_sub(1),
                Some(UiAction::PageDown | UiAction::HalfDown) => {
                    *scroll = scroll.saturating_add(rows / 2);
                }
                Some(UiAction::PageUp | UiAction::HalfUp) => {
                    *scroll = scroll.saturating_sub(rows / 2);
                }
                Some(UiAction::First) => *scroll = 0,
                Some(UiAction::Last) => *scroll = u16::MAX,
                Some(UiAction::Leave) if key.ctrl => app.quit = true,
                _ => {
                    app.ui.popups.pop();
                    return true;
                }
            }
            match app.ui.popups.last_mut() {
                Some(Popup::Help { scroll }) => {
                    *scroll = (*scroll).min(help);
                }
                Some(Popup::Lines { scroll, lines, .. }) => {
                    *scroll = (*scroll).min(draw::most_scroll(lines, ground));
                }
                _ => {}
            }
        }
        Popup::Ask {
            choices, chosen, ..
        } => {
            let count = choices.len();
            if let KeyCode::Char(c) = key.code
                && !key.ctrl
                && !key.alt
                && let Some(at) = choices.iter().position(|choice| choice.key == c)
            {
                *chosen = at;
                answer(app, out);
                return true;
            }
            match (key.code, run) {
                (KeyCode::Enter, _) => answer(app, out),
                (_, Some(UiAction::Leave)) if key.ctrl => app.quit = true,
                (KeyCode::Esc, _) | (_, Some(UiAction::Leave | UiAction::Back)) => {
                    app.ui.popups.pop();
                }
                (_, Some(UiAction::Down | UiAction::Right | UiAction::NextPane)) => {
                    *chosen = (*chosen + 1).min(count.saturating_sub(1));
                }
                // From the harmless answer nothing leads round to the one that ends work.
                (_, Some(UiAction::Up | UiAction::Left)) => *chosen = chosen.saturating_sub(1),
                _ => {
                    let keys: Vec<String> = choices
                        .iter()
                        .map(|choice| choice.key.to_string())
                        .collect();
                    let text = format!(
                        "{key} is no answer: {}, or arrows and Enter; Esc leaves it as it is",
                        keys.join(", ")
                    );
                    app.say(Voice::Plain, text);
                }
            }
        }
    }
    true
}

/// Carries out the chosen answer of the question in front.
pub(super) fn answer(app: &mut App, out: &mut Vec<Request>) {
    if let Some(Popup::Ask {
        choices, chosen, ..
    }) = app.ui.popups.pop()
        && let Some(choice) = choices.into_iter().nth(chosen)
    {
        for action in choice.actions {
            send(app, action, out);
        }
    }
}
