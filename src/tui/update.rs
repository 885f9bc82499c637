//! The reducer: a key, a click or news in; a changed app and requests out.
//!
//! Pure: no clock, no I/O. Keys become named actions through the keymap, operator actions are
//! resolved against the selection and checked by the engine's own rules before they are sent, and
//! nothing that ends work goes out without a question.

mod app;
mod ask;
mod evidence;
mod filter;
mod keys;
mod log;
mod mouse;
mod moves;
mod news;
mod operate;
mod palette;
mod popups;
mod select;
mod status;

use crossterm::event::Event as TerminalEvent;

use super::feed::{Request, Update};
pub use app::{App, Dirty, Settings};
use keys::terminal;
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
    /// A quarter of a second has passed; only sent while [`App::wants_tick`].
    Tick,
}

/// Takes one input; returns what to ask the runner for.
pub fn update(app: &mut App, input: AppInput) -> Vec<Request> {
    let mut out = Vec::new();
    match input {
        AppInput::Terminal(event) => terminal(app, &event, &mut out),
        AppInput::Feed(news) => {
            feed(app, news);
            if std::mem::take(&mut app.log_wanted) {
                log::ask(app, &mut out);
            }
        }
        AppInput::Tick => {
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
