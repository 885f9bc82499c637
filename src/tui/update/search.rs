//! Searching the output on the agent's screen: typing, going from line to line, reading on.

use super::{App, agent, terminal};
use crate::tui::{
    feed::Request,
    output::OutputBuffer,
    search::{Search, Seek, Step},
    ui_state::{Screen, Tab, Voice},
};

/// After the words have changed, or were entered.
pub(super) fn typed(app: &mut App, out: &mut Vec<Request>) {
    if terminal::shown(app) {
        return terminal::typed(app);
    }
    begin(app);
    if !app.ui.typing && app.search.is_some() {
        // What is on the screen, or the last before it.
        let end = agent::window(app).map_or(u64::MAX, |(_, to)| to);
        go(app, Seek::Before(end));
    }
    go_on(app, out);
}

/// What is searched shall be seen.
pub(super) fn show_output(app: &mut App) {
    let tab = &mut app.ui.on_agent.tab;
    if matches!(tab, Tab::Checks | Tab::Plan | Tab::Prompt) {
        *tab = Tab::Output;
    }
    // What is looked through is what it printed.
    if app.output.as_ref().is_some_and(OutputBuffer::speaks) {
        super::agent::raw(app);
    }
}

/// Begins anew: other words, or the output of another attempt.
pub(super) fn begin(app: &mut App) {
    let needle = app.ui.on_agent.search.as_str();
    let in_terminal = |b: &OutputBuffer| {
        let state = app.state.as_ref();
        state.is_some_and(|s| terminal::in_terminal(app, s, b.agent, b.attempt))
    };
    app.search = app
        .output
        .as_ref()
        .filter(|b| !needle.is_empty() && b.attempt > 0 && !in_terminal(b))
        .map(|b| Search::new(b.agent, b.attempt, needle, b.total));
}

/// The next line that has the words, or the one before.
pub(super) fn next(app: &mut App, forwards: bool, out: &mut Vec<Request>) {
    show_output(app);
    if terminal::shown(app) && !app.ui.on_agent.search.is_empty() {
        return terminal::next(app, forwards);
    }
    if app.search.is_none() {
        let key = app
            .settings
            .keys
            .key_for(crate::tui::action::UiAction::Filter);
        let key = key.map_or_else(String::new, |key| key.to_string());
        app.say(Voice::Plain, format!("nothing is searched for; {key} does"));
        return;
    }
    let at = app.search.as_ref().and_then(Search::at);
    let (from, to) = agent::window(app).unwrap_or((0, u64::MAX));
    let seek = match (at, forwards) {
        (Some(at), true) => Seek::After(at),
        (Some(at), false) => Seek::Before(at),
        (None, true) => Seek::After(from),
        (None, false) => Seek::Before(to),
    };
    go(app, seek);
    go_on(app, out);
}

fn go(app: &mut App, seek: Seek) {
    let Some(search) = &mut app.search else {
        return;
    };
    let step = search.step(seek);
    land(app, seek, step);
}

/// Shows where a step has led, or says why it leads nowhere.
fn land(app: &mut App, seek: Seek, step: Step) {
    let Some(search) = &app.search else { return };
    let capped = search.capped();
    let words = search.words();
    let what = crate::display::clean_text(search.needle(), 40);
    match step {
        Step::To(place) => {
            let rows = agent::lines_at_end(app);
            if let Some(buffer) = &mut app.output {
                buffer.turn_to(place);
                app.ui.look = buffer.around(place, rows);
                app.output_wanted = true;
            }
            app.now();
        }
        Step::Reads => app.say(
            Voice::Plain,
            format!("looks for `{what}` in older output …"),
        ),
        Step::End => {
            let side = match seek {
                Seek::Before(_) => "before",
                Seek::After(_) => "after",
            };
            app.say(Voice::Plain, format!("none {side} this one: {words}"));
        }
        Step::Nothing => {
            // First what is on the screen, then the rest: another try finds what lies below.
            if let Seek::Before(_) = seek {
                let after = app.search.as_mut().map(|s| s.step(Seek::After(0)));
                if let Some(step @ Step::To(_)) = after {
                    return land(app, Seek::After(0), step);
                }
            }
            let cap = if capped {
                ", older output was not looked at"
            } else {
                ""
            };
            app.say(
                Voice::Plain,
                format!("`{what}` is in no line{cap}: {words}"),
            );
        }
    }
}

/// Takes a piece of output, if it was asked for by the search.
pub(super) fn take(app: &mut App, offset: u64, bytes: &[u8], total: u64) -> bool {
    let Some(search) = &mut app.search else {
        return false;
    };
    if !search.take(offset, bytes, total) {
        return false;
    }
    if let Some((seek, step)) = search.waited() {
        app.ui.message = None;
        land(app, seek, step);
    }
    app.now();
    true
}

/// Asks for the next piece, while the screen is looked at.
pub(super) fn go_on(app: &mut App, out: &mut Vec<Request>) {
    if app.ui.screen != Screen::Agent {
        return;
    }
    if let Some(buffer) = &app.output
        && let Some(search) = &mut app.search
    {
        search.grew(buffer.total);
    }
    out.extend(app.search.as_mut().and_then(Search::wanted));
}
