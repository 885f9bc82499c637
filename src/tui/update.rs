//! The reducer: a key, a click or news in; a changed app and requests out.
//!
//! Pure: no clock, no I/O. Keys become named actions through the keymap, operator actions are
//! resolved against the selection and checked by the engine's own rules before they are sent, and
//! nothing that ends work goes out without a question.

mod add;
mod agent;
mod agent_mouse;
mod app;
mod ask;
mod clash;
mod edit;
mod evidence;
mod filter;
mod freeze;
mod graph_keys;
mod keyboard;
mod keys;
mod log;
mod merge;
mod mouse;
mod moves;
mod news;
mod not_here;
mod note;
mod operate;
mod palette;
mod pointed_popup;
mod popups;
mod prompt;
mod queue;
mod ram;
mod resize;
mod review;
mod search;
mod select;
mod session;
mod show;
mod status;
mod terminal;
mod themes;
mod work_mouse;

use crossterm::event::Event as TerminalEvent;

use super::{
    feed::{Request, Spot, Update},
    preferences::Change,
};
pub use app::{App, Dirty, Settings};
pub use edit::Edit;
pub use keyboard::Keyboard;
use keys::on_terminal;
use news::feed;
use select::ask_output;

/// Last events that are kept.
const NOTES: usize = 200;
/// Something that happens to the app.
#[derive(Debug, Clone)]
pub enum AppInput {
    /// A key, a click, a new size.
    Terminal(TerminalEvent),
    /// News of the run.
    Feed(Update),
    /// A person's editor has ended: what it left, none where nothing was changed.
    Edited {
        /// The place that it is for.
        spot: Spot,
        /// It.
        result: Result<Option<String>, String>,
    },
    /// A person's files have changed.
    Preferences(Box<Change>),
    /// A quarter of a second has passed; only sent while [`App::wants_tick`].
    Tick,
}

/// Takes one input; returns what to ask the runner for.
pub fn update(app: &mut App, input: AppInput) -> Vec<Request> {
    let mut out = Vec::new();
    match input {
        AppInput::Terminal(event) => on_terminal(app, &event, &mut out),
        AppInput::Feed(news) => {
            feed(app, news, &mut out);
            search::go_on(app, &mut out);
            queue::follow(app);
            if std::mem::take(&mut app.log_wanted) {
                log::ask(app, &mut out);
            }
        }
        AppInput::Edited { spot, result } => edit::edited(app, spot, result, &mut out),
        AppInput::Preferences(change) => app.changed(*change),
        AppInput::Tick => {
            keyboard::tick(app, &mut out);
            if app.message_ticks > 0 {
                app.message_ticks -= 1;
                if app.message_ticks == 0 {
                    app.ui.message = None;
                    app.now();
                }
            }
            if std::mem::take(&mut app.output_wanted) {
                ask_output(app, &mut out);
            }
        }
    }
    evidence::follow_evidence(app);
    agent::follow_check(app, &mut out);
    prompt::follow(app, &mut out);
    session::follow(app, &mut out);
    keyboard::follow(app, &mut out);
    terminal::follow(app, &mut out);
    evidence::diff(app, &mut out);
    clash::follow(app, &mut out);
    review::follow(app, &mut out);
    if std::mem::take(&mut app.evidence_wanted)
        && let Some(wanted) = &app.evidence
    {
        out.push(Request::Evidence {
            owner: wanted.owner,
            attempt: wanted.attempt,
        });
    }
    out
}
