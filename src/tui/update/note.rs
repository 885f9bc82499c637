//! A note that is typed: with a conflict that is passed on, about a line of finished work, what an agent
//! is told, or an agent that is added.

use crossterm::event::KeyCode;

use super::{
    App, add,
    operate::{cannot, send},
};
use crate::{
    engine::{Action, decide::resolve},
    tui::{
        feed::Request,
        keymap::Key,
        ui_state::{Note, Popup, RowId, Voice},
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
            if text.is_empty() && !matches!(to, Note::Settle { .. }) {
                app.say(Voice::Plain, "nothing is typed yet; Esc leaves it");
                return;
            }
            match action(to, text.clone()) {
                Ok(action) => {
                    app.ui.popups.pop();
                    send(app, action, out);
                    if let Some(adding) = app.adding.as_mut().filter(|a| a.typed.is_none()) {
                        adding.typed = Some(text);
                    }
                }
                Err(why) => app.say(Voice::Bad, why),
            }
        }
        KeyCode::Tab => {
            if let Note::Tell { now, .. } = to {
                *now = !*now;
            }
        }
        KeyCode::Backspace => drop(typed.pop()),
        KeyCode::Char('c') if key.ctrl => app.quit = true,
        KeyCode::Char('u') if key.ctrl => typed.clear(),
        KeyCode::Char(c) if !key.ctrl && !key.alt => put(typed, &c.to_string()),
        _ => {}
    }
}

fn action(to: Note, text: String) -> Result<Action, String> {
    Ok(match to {
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
        Note::Tell { agent, now } => Action::Tell { agent, text, now },
        Note::Add => return add::action(&text),
    })
}

/// Opens the line in which an agent is told something, unless it cannot be told anything now.
pub(super) fn tell(app: &mut App, row: Option<&RowId>) {
    if let Some(why) = cannot(app) {
        app.say(Voice::Bad, why);
        return;
    }
    let Some(RowId::Agent(id)) = row else {
        app.say(Voice::Plain, "select one agent: that is told something");
        return;
    };
    let agent = id.to_string();
    let Some(state) = &app.state else { return };
    let trial = Action::Tell {
        agent: agent.clone(),
        text: "?".to_owned(),
        now: false,
    };
    if let Err(refusal) = resolve(state, &trial) {
        app.say(Voice::Bad, refusal.to_string());
        return;
    }
    app.ui.popups.push(Popup::Note {
        title: format!("Tell {agent}"),
        typed: String::new(),
        to: Note::Tell { agent, now: false },
    });
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
