//! Keys while a filter is typed: the deck's or the log's, or what is searched for in an output.

use crossterm::event::KeyCode;

use super::{App, log, search, select::keep_selection};
use crate::tui::{action::UiAction, feed::Request, keymap::Key, ui_state::Screen};

/// The filter that is typed: the log and the agent's screen have their own.
pub(super) const fn filter(app: &mut App) -> &mut String {
    match app.ui.screen {
        Screen::Log => &mut app.ui.log_filter,
        Screen::Agent => &mut app.ui.on_agent.search,
        _ => &mut app.ui.filter,
    }
}

/// After the filter has changed.
pub(super) fn filtered(app: &mut App, out: &mut Vec<Request>) {
    if app.ui.screen == Screen::Log {
        app.ui.log_at = None;
        log::again(app, out);
    } else if app.ui.screen == Screen::Agent {
        search::typed(app, out);
    } else {
        app.ui.scroll = 0;
        keep_selection(app);
    }
    app.now();
}

/// A key while the filter is typed; false: it is not for the filter.
pub(super) fn typed(app: &mut App, key: Key, out: &mut Vec<Request>) -> bool {
    let leaves = app
        .settings
        .keys
        .find(key)
        .is_some_and(|b| b.run == UiAction::Leave);
    let filter = filter(app);
    match key.code {
        KeyCode::Char(c) if !key.ctrl && !key.alt => filter.push(c),
        KeyCode::Char('u') if key.ctrl => filter.clear(),
        KeyCode::Backspace => {
            filter.pop();
        }
        KeyCode::Enter => app.ui.typing = false,
        KeyCode::Esc => {
            filter.clear();
            app.ui.typing = false;
        }
        KeyCode::Up | KeyCode::Down => return false,
        _ if leaves => return false,
        _ => return true,
    }
    filtered(app, out);
    true
}
