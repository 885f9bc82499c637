//! The palette's keys: letters are typed, Enter carries out.

use crossterm::event::KeyCode;

use super::{
    App,
    ask::{ask_sequential, ask_stop, ask_stop_run},
    keys::act,
    operate::{cannot, send},
};
use crate::{
    engine::Action,
    tui::{
        feed::Request,
        keymap::Key,
        palette::{self, Does},
        ui_state::{Popup, Voice},
    },
};

/// A key while the palette is open: letters are typed.
pub(super) fn press(app: &mut App, key: Key, out: &mut Vec<Request>) -> bool {
    let whence = app.whence();
    let Some(Popup::Palette { typed, chosen }) = app.ui.popups.last_mut() else {
        return false;
    };
    let entries = palette::entries(typed, &app.settings.keys, app.state.as_deref(), whence);
    let last = entries.len().saturating_sub(1);
    match key.code {
        KeyCode::Char('c') if key.ctrl => app.quit = true,
        KeyCode::Char('u') if key.ctrl => {
            typed.clear();
            *chosen = 0;
        }
        KeyCode::Char(c) if !key.ctrl && !key.alt => {
            typed.push(c);
            *chosen = 0;
        }
        KeyCode::Backspace => {
            typed.pop();
            *chosen = 0;
        }
        KeyCode::Down => *chosen = (*chosen + 1).min(last),
        KeyCode::Up => *chosen = chosen.saturating_sub(1),
        KeyCode::PageDown => *chosen = (*chosen + 10).min(last),
        KeyCode::PageUp => *chosen = chosen.saturating_sub(10),
        KeyCode::Esc => drop(app.ui.popups.pop()),
        KeyCode::Tab => {
            if let Some(Does::Type(text)) = entries.get(*chosen).map(|e| &e.does) {
                typed.clone_from(text);
                *chosen = 0;
            }
        }
        KeyCode::Enter => {
            let Some(entry) = entries.into_iter().nth(*chosen) else {
                return true;
            };
            match entry.does {
                Does::Type(text) => {
                    *typed = text;
                    *chosen = 0;
                }
                Does::Nothing => {}
                Does::Barred => {
                    app.ui.popups.pop();
                    if let Some(why) = cannot(app) {
                        app.say(Voice::Bad, why);
                    }
                }
                Does::Key(action) => {
                    app.ui.popups.pop();
                    act(app, action, out);
                }
                Does::Act(actions) => {
                    app.ui.popups.pop();
                    carry_out(app, actions, out);
                }
            }
        }
        _ => {}
    }
    true
}

/// Actions that were typed: what ends work is asked about.
fn carry_out(app: &mut App, actions: Vec<Action>, out: &mut Vec<Request>) {
    let mut ends = Vec::new();
    for action in actions {
        match action {
            Action::Stop { target: None } => ask_stop_run(app),
            Action::Sequential { now: true } => match cannot(app) {
                Some(why) => app.say(Voice::Bad, why),
                None => ask_sequential(app),
            },
            Action::Stop {
                target: Some(target),
            } => ends.push(target),
            other => send(app, other, out),
        }
    }
    if !ends.is_empty() {
        ask_stop(app, ends);
    }
}
