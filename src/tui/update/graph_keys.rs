//! Keys of the wave graph and of following: zoom, closed waves, whether what is new is followed.

use super::{
    App, log,
    moves::{pane, scroll_output},
    select::{ask_output, go_to_what_runs},
};
use crate::tui::{
    feed::Request,
    ui_state::{Look, Pane, Screen, Voice},
};

/// The next zoom of the wave graph.
pub(super) fn zoom(app: &mut App) {
    if app.ui.screen == Screen::Graph {
        app.ui.graph_zoom = app.ui.graph_zoom.next();
    } else {
        app.ui.screen = Screen::Graph;
    }
    app.ui.graph_at = None;
    let name = app.ui.graph_zoom.name();
    app.say(Voice::Plain, format!("the wave graph shows {name}"));
}

/// Draws a wave as one box, or opens it again.
pub(super) fn toggle_wave(app: &mut App, wave: u32) {
    let closed = &mut app.ui.waves_closed;
    let word = if closed.remove(&wave) {
        "open"
    } else {
        closed.insert(wave);
        "closed"
    };
    app.say(Voice::Plain, format!("wave {wave} is {word}"));
}

/// The same for the wave of the selected agent.
pub(super) fn toggle_own_wave(app: &mut App) {
    let wave = app
        .selected()
        .and_then(|ix| Some(app.state.as_ref()?.setup.wave(ix)));
    match wave {
        Some(wave) => toggle_wave(app, wave),
        None => app.say(Voice::Plain, "select an agent first: its wave is closed"),
    }
}

/// Closes all waves that have ended; where they are, opens all.
pub(super) fn toggle_done_waves(app: &mut App) {
    let Some(state) = &app.state else { return };
    let open = (1_u32..).zip(&state.wave_open);
    let done: Vec<u32> = open
        .filter(|(_, n)| **n == 0)
        .map(|(wave, _)| wave)
        .collect();
    let closed = &mut app.ui.waves_closed;
    let before = closed.len();
    closed.extend(&done);
    let text = if closed.len() > before {
        format!("{} waves that have ended are closed", done.len())
    } else if before > 0 {
        closed.clear();
        "all waves are open".to_owned()
    } else {
        "no wave has ended yet".to_owned()
    };
    app.say(Voice::Plain, text);
}

/// Follows what is new in this pane, or stays where it is.
pub(super) fn follow(app: &mut App, out: &mut Vec<Request>) {
    let follows = match pane(app) {
        Pane::Graph => {
            let at = app.view().graph.map(|graph| graph.at);
            app.ui.graph_at = match app.ui.graph_at {
                None => at,
                Some(_) => None,
            };
            app.ui.graph_at.is_none()
        }
        Pane::Output => {
            if app.ui.look == Look::Tail {
                scroll_output(app, -1, out);
            } else {
                app.ui.look = Look::Tail;
                ask_output(app, out);
            }
            app.ui.look == Look::Tail
        }
        Pane::Work => {
            app.say(Voice::Plain, "what comes together is always shown as it is");
            return;
        }
        Pane::Log => {
            app.ui.log_at = match app.ui.log_at {
                None => log::selected(app).map(|record| record.seq),
                Some(_) => None,
            };
            log::ask(app, out);
            app.ui.log_at.is_none()
        }
        Pane::Table => {
            app.ui.chosen = !app.ui.chosen;
            go_to_what_runs(app);
            !app.ui.chosen
        }
        Pane::Memory | Pane::Timeline | Pane::Report => {
            app.say(Voice::Plain, "here nothing is followed");
            return;
        }
    };
    let text = if follows {
        "follows what is new"
    } else {
        "stays where it is"
    };
    app.say(Voice::Plain, text);
}
