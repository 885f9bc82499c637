//! A note that is typed: with a conflict that is passed on, or about a line of finished work.

use crossterm::event::KeyCode;

use super::{App, operate::send};
use crate::{
    engine::Action,
    tui::{
        feed::Request,
        keymap::Key,
        ui_state::{Note, Popup, Voice},
    },
};

/// Longest note, in characters.
const MOST: usize = 1_000;

/// A key while it is typed.
pub(super) fn press(app: &mut App, key: Key, out: &mut Vec<Request>) {
    let Some(Popup::Note { typed, to, .. }) = app.ui.popups.last_mut() else {
        return;
    };
    match key.code {
        KeyCode::Esc => drop(app.ui.popups.pop()),
        KeyCode::Enter => {
            let text = typed.trim().to_owned();
            let to = to.clone();
            if text.is_empty() && matches!(to, Note::Comment { .. }) {
                app.say(Voice::Plain, "nothing is typed yet; Esc leaves it");
                return;
            }
            app.ui.popups.pop();
            send(app, action(to, text), out);
        }
        KeyCode::Backspace => drop(typed.pop()),
        KeyCode::Char('c') if key.ctrl => app.quit = true,
        KeyCode::Char('u') if key.ctrl => typed.clear(),
        KeyCode::Char(c) if !key.ctrl && !key.alt => put(typed, &c.to_string()),
        _ => {}
    }
}

fn action(to: Note, text: String) -> Action {
    match to {
        Note::Settle { conflict, how } => Action::Settle {
            conflict,
            how,
            note: (!text.is_empty()).then_some(text),
        },
        Note::Comment { agent, file, line } => Action::Comment {
            agent,
            file,
            line,
            text,
        },
    }
}

fn put(typed: &mut String, text: &str) {
    let room = MOST.saturating_sub(typed.chars().count());
    let shown = text.chars().map(|c| if c == '\n' { ' ' } else { c });
    typed.extend(shown.filter(|c| !c.is_control()).take(room));
}

/// Text that was pasted; false: no note is being typed.
pub(super) fn paste(app: &mut App, text: &str) -> bool {
    let Some(Popup::Note { typed, .. }) = app.ui.popups.last_mut() else {
        return false;
    };
    put(typed, text);
    true
}
