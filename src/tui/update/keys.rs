//! Keys: what each does now on the screens.

use crossterm::event::{Event as TerminalEvent, KeyEvent, KeyEventKind};

use super::{
    App, agent, clash,
    filter::{filter, filtered, typed},
    graph_keys, keyboard, log, merge,
    mouse::click,
    moves::{back, mark, open, page, pane, sideways, step},
    not_here::{not_here, of_clash, of_review},
    note,
    operate::operate,
    popups::in_popup,
    prompt, queue, ram, resize, review, search,
    select::{ask_output, keep_selection},
    status, terminal, themes,
};
use crate::{
    display::clean_line,
    report::history::mark_from,
    tui::{
        action::UiAction,
        feed::{Replay, Request},
        keymap::Key,
        ui_state::{Look, Pane, Popup, Screen, Voice},
        view::attention,
    },
};

pub(super) fn on_terminal(app: &mut App, event: &TerminalEvent, out: &mut Vec<Request>) {
    match event {
        TerminalEvent::Resize(w, h) => {
            app.ui.size = (*w, *h);
            app.now();
        }
        TerminalEvent::Key(key) if key.kind != KeyEventKind::Release => {
            app.now();
            if !keyboard::press(app, key, out) {
                press(app, key, out);
            }
        }
        TerminalEvent::Paste(text) if keyboard::paste(app, text, out) => {}
        TerminalEvent::Paste(text) if queue::paste(app, text) || note::paste(app, text) => {
            app.now();
        }
        TerminalEvent::Paste(text) if app.ui.typing && !app.ui.too_small() => {
            let text = clean_line(text, 60);
            filter(app).push_str(&text);
            filtered(app, out);
        }
        TerminalEvent::Mouse(mouse) => click(app, *mouse, out),
        _ => {}
    }
}

pub(super) fn press(app: &mut App, event: &KeyEvent, out: &mut Vec<Request>) {
    let key = Key::of(event);
    if app.ui.typing && !app.ui.too_small() && typed(app, key, out) {
        return;
    }
    app.ui.message = None;
    app.message_ticks = 0;
    app.looked();
    let place = app.place();
    let keys = &app.settings.keys;
    let found = keys.find_in(place, key).map(|b| (b.run, b.desc.clone()));
    if app.ui.too_small() {
        // Nothing that cannot be seen is changed.
        if matches!(found, Some((UiAction::Leave, _))) {
            app.quit = true;
        }
        return;
    }
    if !app.ui.popups.is_empty() && in_popup(app, key, found.as_ref().map(|f| f.0), out) {
        return;
    }
    match found {
        None => {
            let help = app
                .settings
                .keys
                .key_for(UiAction::Help)
                .map_or_else(String::new, |k| k.to_string());
            app.say(
                Voice::Plain,
                format!("{key} does nothing here; {help} shows all keys"),
            );
        }
        Some((UiAction::Unbuilt, desc)) => {
            app.say(Voice::Plain, format!("not built yet: {desc}"));
        }
        Some((action, _)) => act(app, action, out),
    }
}

/// Tells what happened since a person last looked: before the last long pause, else in all.
fn digest(app: &mut App) {
    let from = app.ui.away_us.unwrap_or(0);
    let Some(lines) = app.digest_lines(from) else {
        app.say(Voice::Plain, "the run has not been read yet");
        return;
    };
    let title = if app.ui.away_us.is_some() {
        "WHILE YOU WERE AWAY"
    } else {
        "SO FAR"
    };
    app.ui.popups.push(Popup::Lines {
        title: title.to_owned(),
        scroll: 0,
        lines,
    });
}

/// Steers a replay; a live run has no clock to steer.
fn replay(app: &mut App, what: Replay, out: &mut Vec<Request>) {
    if app.clock.is_some() {
        out.push(Request::Replay(what));
    } else {
        app.say(
            Voice::Plain,
            "this is live; `wavedeck replay` plays a run again",
        );
    }
}

/// To the next mark, or the one before; from where an earlier key leads, if it has not come there.
fn to_mark(app: &mut App, forwards: bool, out: &mut Vec<Request>) {
    let Some(clock) = app.clock.filter(|_| app.history_whole) else {
        if app.clock.is_none() {
            replay(app, Replay::Toggle, out);
        } else {
            app.say(Voice::Plain, "the recording is still being read for marks");
        }
        return;
    };
    let from = app.heading.unwrap_or(clock.seq);
    let marks = app.history.as_ref().map_or(&[][..], |h| &h.marks);
    let Some(mark) = mark_from(marks, from, forwards) else {
        let which = if forwards { "after" } else { "before" };
        app.say(Voice::Plain, format!("there is no mark {which} this"));
        return;
    };
    let seq = mark.seq;
    app.heading = Some(seq);
    replay(app, Replay::Seq(seq), out);
}

/// Where a person answers who presses a key of the queue outside of it; none: it is no such key, or
/// nothing waits.
fn answered_in_queue(app: &App, action: UiAction) -> Option<String> {
    let state = app.state.as_ref().filter(|_| app.settings.can_act)?;
    let keys = matches!(action, UiAction::Copy | UiAction::NextHit);
    if !keys || app.clock.is_some() || attention::waiting(state).is_empty() {
        return None;
    }
    let key = app.settings.keys.key_for(UiAction::Attention)?;
    Some(format!(
        "{key} shows what waits for you; it is answered there"
    ))
}

pub(super) fn act(app: &mut App, action: UiAction, out: &mut Vec<Request>) {
    if let Some(text) = not_here(app.ui.screen, action) {
        let text = answered_in_queue(app, action).unwrap_or(text);
        let text = match (action, app.settings.keys.key_for(UiAction::Deck)) {
            (UiAction::Filter | UiAction::Sort | UiAction::Group, Some(key)) => {
                format!("{text} ({key})")
            }
            _ => text.replace("; the deck is", ""),
        };
        app.say(Voice::Plain, text);
        return;
    }
    match action {
        UiAction::Leave => app.quit = true,
        UiAction::Help => app.ui.popups.push(Popup::Help { scroll: 0 }),
        UiAction::Back => back(app),
        UiAction::Open => open(app, out),
        UiAction::Zoom => agent::zoom(app, out),
        UiAction::Agent => agent::show(app, false, out),
        UiAction::NextHit => search::next(app, true, out),
        UiAction::PreviousHit => search::next(app, false, out),
        UiAction::Keyboard => keyboard::ask(app, out),
        UiAction::Copy => agent::copy(app),
        UiAction::MarkRange => agent::mark_range(app),
        UiAction::Wrap => agent::wrap(app),
        UiAction::Raw => agent::raw(app),
        UiAction::Prompt => prompt::show(app, out),
        UiAction::NextAgent => agent::other(app, 1, out),
        UiAction::PreviousAgent => agent::other(app, -1, out),
        UiAction::Graph => {
            app.ui.screen = if app.ui.screen == Screen::Graph {
                Screen::Deck
            } else {
                Screen::Graph
            };
            app.ui.graph_at = None;
        }
        UiAction::Deck => app.ui.screen = Screen::Deck,
        UiAction::Timeline => app.ui.screen = Screen::Timeline,
        UiAction::Log => log::show(app, out),
        UiAction::Report => app.ui.screen = Screen::Report,
        UiAction::Merge => merge::show(app),
        UiAction::Review => review::show(app),
        UiAction::Attention => queue::to_next(app, out),
        UiAction::NextPane if app.ui.screen == Screen::Agent => {
            app.ui.on_agent.tab = app.ui.on_agent.tab.next();
        }
        UiAction::NextPane => {
            app.ui.focus = match app.ui.focus {
                Pane::Table => Pane::Output,
                Pane::Output => Pane::Graph,
                Pane::Memory
                | Pane::Graph
                | Pane::Timeline
                | Pane::Log
                | Pane::Work
                | Pane::Report => Pane::Table,
            };
            if app.ui.focus != Pane::Graph {
                app.ui.graph_at = None;
            }
        }
        UiAction::Down => step(app, 1, out),
        UiAction::Up => step(app, -1, out),
        UiAction::PageDown | UiAction::HalfDown if app.ui.screen == Screen::Clash => {
            clash::scroll(app, 5);
        }
        UiAction::PageUp | UiAction::HalfUp if app.ui.screen == Screen::Clash => {
            clash::scroll(app, -5);
        }
        UiAction::PageDown => step(app, page(app), out),
        UiAction::PageUp => step(app, -page(app), out),
        UiAction::HalfDown => step(app, page(app) / 2, out),
        UiAction::HalfUp => step(app, -(page(app) / 2), out),
        UiAction::First => step(app, isize::MIN / 2, out),
        UiAction::Last => {
            if pane(app) == Pane::Output && terminal::shown(app) {
                terminal::scroll(app, isize::MAX / 2);
            } else if pane(app) == Pane::Output {
                app.ui.look = Look::Tail;
                ask_output(app, out);
            } else {
                step(app, isize::MAX / 2, out);
            }
        }
        UiAction::Left => sideways(app, true, out),
        UiAction::Right => sideways(app, false, out),
        UiAction::Mark => mark(app, out),
        UiAction::Filter if app.ui.screen == Screen::Log => app.ui.typing = true,
        UiAction::Filter if app.ui.screen == Screen::Agent => {
            search::show_output(app);
            app.ui.typing = true;
        }
        UiAction::Filter => {
            app.ui.screen = Screen::Deck;
            app.ui.typing = true;
        }
        UiAction::Sort if app.ui.screen == Screen::Log => log::level(app, out),
        UiAction::Sort if pane(app) == Pane::Memory => ram::sort(app),
        UiAction::Sort => {
            app.ui.sort = app.ui.sort.next();
            let name = app.ui.sort.name();
            app.say(Voice::Plain, format!("sorted by {name}"));
        }
        UiAction::Group => {
            app.ui.grouping = app.ui.grouping.next();
            let name = app.ui.grouping.name();
            keep_selection(app);
            app.say(Voice::Plain, format!("grouped by {name}"));
        }
        UiAction::Mouse => {
            app.ui.mouse = !app.ui.mouse;
            app.mouse_chosen = true;
            let text = if app.ui.mouse {
                "the mouse is wavedeck's again"
            } else {
                "the mouse is the terminal's: select and copy; the same key takes it back"
            };
            app.say(Voice::Plain, text);
        }
        UiAction::Grow => resize::rows(app, 1),
        UiAction::Shrink => resize::rows(app, -1),
        UiAction::Wider => resize::columns(app, 4),
        UiAction::Narrower => resize::columns(app, -4),
        UiAction::OwnSizes => resize::own(app),
        UiAction::GraphZoom => graph_keys::zoom(app),
        UiAction::CloseWave => graph_keys::toggle_own_wave(app),
        UiAction::CloseDone => graph_keys::toggle_done_waves(app),
        UiAction::Follow => graph_keys::follow(app, out),
        UiAction::Themes => themes::open(app),
        UiAction::Digest => digest(app),
        UiAction::Card => status::open(app, out),
        UiAction::Beside => status::beside(app),
        UiAction::Memory => ram::toggle(app),
        UiAction::Palette => app.ui.popups.push(Popup::Palette {
            typed: String::new(),
            chosen: 0,
        }),
        UiAction::Play => replay(app, Replay::Toggle, out),
        UiAction::Faster => replay(app, Replay::Speed(1), out),
        UiAction::Slower => replay(app, Replay::Speed(-1), out),
        UiAction::NextRecord => replay(app, Replay::Step(1), out),
        UiAction::PreviousRecord => replay(app, Replay::Step(-1), out),
        UiAction::NextMark => to_mark(app, true, out),
        UiAction::PreviousMark => to_mark(app, false, out),
        UiAction::SecondsOn => replay(app, Replay::Seconds(5), out),
        UiAction::SecondsBack => replay(app, Replay::Seconds(-5), out),
        UiAction::Do(verb) => operate(app, verb, out),
        other if of_clash(other) => {
            if app.ui.screen == Screen::Clash {
                clash::act(app, other, out);
            } else {
                app.say(Voice::Plain, "that is for a conflict: open one first");
            }
        }
        other if of_review(other) => {
            if app.ui.screen == Screen::Review {
                review::act(app, other, out);
            } else {
                app.say(Voice::Plain, "that is for a review: open one first");
            }
        }
        _ => {}
    }
}
