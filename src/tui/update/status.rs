//! The page of a status card: opened for the track of the row, then from day to day and track to
//! track.
//!
//! Must not judge or read: the projection makes the page, whoever feeds us reads files.

use crossterm::event::KeyCode;
use jiff::civil::Date;

use super::App;
use crate::{
    plan::TrackIx,
    status::standings,
    tui::{
        action::UiAction,
        card::CardFile,
        draw,
        feed::Request,
        keymap::Key,
        ui_state::{Beside, Group, Popup, RowId, Voice},
        view::{regions, status::facts},
    },
};

/// What is said when the memory pane comes.
const MEMORY: &str = "in place of the output: who holds memory";

/// Opens the card of the selected row's track.
pub(super) fn open(app: &mut App, out: &mut Vec<Request>) {
    let Some(state) = &app.state else {
        app.say(Voice::Plain, "the run has not been read yet");
        return;
    };
    let plan = &state.setup.plan;
    let track = match &app.ui.selected {
        Some(RowId::Agent(id)) => state.find(id).and_then(|ix| plan.agent(ix).track),
        Some(RowId::Group(Group::Track(track))) => *track,
        _ => None,
    };
    // Only tracks with agents have cards.
    let tracks = tracks(app);
    let track = if tracks.contains(&track) {
        track
    } else {
        tracks.first().copied().flatten()
    };
    show(app, track, None, Vec::new(), out);
    app.ui.popups.push(Popup::Card { scroll: 0 });
}

fn tracks(app: &App) -> Vec<Option<TrackIx>> {
    app.source().map_or_else(Vec::new, |source| {
        let all = standings(facts(source));
        all.iter().map(|s| s.track).collect()
    })
}

fn show(
    app: &mut App,
    track: Option<TrackIx>,
    day: Option<Date>,
    days: Vec<Date>,
    out: &mut Vec<Request>,
) {
    app.card = Some(CardFile::of(track, day, days));
    out.push(Request::Card { track, day });
}

/// A key while the page is in front; false: it is no key of the page, and closes it.
pub(super) fn press(
    app: &mut App,
    key: Key,
    run: Option<UiAction>,
    out: &mut Vec<Request>,
) -> bool {
    let Some(view) = app.card_page() else {
        return false;
    };
    let rows = page_rows(app);
    let last = view.lines.len().saturating_sub(rows);
    let (track, day, days) = match &app.card {
        Some(file) => (file.track, file.day, file.days.clone()),
        None => return false,
    };
    let Some(Popup::Card { scroll }) = app.ui.popups.last_mut() else {
        return false;
    };
    let go = |text: &Option<String>| text.as_ref().and_then(|day| day.parse::<Date>().ok());
    match (key.code, run) {
        (_, Some(UiAction::Leave)) if key.ctrl => app.quit = true,
        (KeyCode::Left | KeyCode::Char('h'), _) => match go(&view.days.0) {
            Some(before) => {
                *scroll = 0;
                show(app, track, Some(before), days, out);
            }
            None => app.say(Voice::Plain, "there is no earlier day"),
        },
        (KeyCode::Right | KeyCode::Char('l'), _) => match (go(&view.days.1), day) {
            (Some(after), Some(_)) => {
                *scroll = 0;
                // The day of the moment needs no file.
                let after = days.contains(&after).then_some(after);
                show(app, track, after, days, out);
            }
            _ => app.say(Voice::Plain, "this is the last day"),
        },
        (KeyCode::Tab | KeyCode::BackTab, _) => {
            let tracks = tracks(app);
            let at = tracks.iter().position(|t| *t == track).unwrap_or(0);
            if let Some(next) = tracks.get((at + 1) % tracks.len().max(1)) {
                show(app, *next, day, days, out);
                if let Some(Popup::Card { scroll }) = app.ui.popups.last_mut() {
                    *scroll = 0;
                }
            }
        }
        (_, Some(UiAction::Down)) => *scroll = (*scroll + 1).min(last),
        (_, Some(UiAction::Up)) => *scroll = scroll.saturating_sub(1),
        (_, Some(UiAction::PageDown | UiAction::HalfDown)) => {
            *scroll = (*scroll + rows / 2).min(last);
        }
        (_, Some(UiAction::PageUp | UiAction::HalfUp)) => {
            *scroll = scroll.saturating_sub(rows / 2);
        }
        (_, Some(UiAction::First)) => *scroll = 0,
        (_, Some(UiAction::Last)) => *scroll = last,
        _ => return false,
    }
    true
}

/// Lines of the page that there is room for.
fn page_rows(app: &App) -> usize {
    let ground = draw::ground(&app.view().regions);
    usize::from(draw::page_rows(ground.height))
}

/// The wheel over the page.
pub(super) fn wheel(app: &mut App, by: isize) {
    let rows = page_rows(app);
    let Some(view) = app.card_page() else { return };
    let last = view.lines.len().saturating_sub(rows);
    if let Some(Popup::Card { scroll }) = app.ui.popups.last_mut() {
        *scroll = scroll.saturating_add_signed(by).min(last);
    }
}

/// What stands beside the output: the cards, or what happened lately.
pub(super) fn beside(app: &mut App) {
    let merges = (app.state.as_ref()).is_some_and(|state| state.setup.integrates);
    if app.ui.size.0 < regions::BESIDE {
        let key = app.settings.keys.key_for(UiAction::Card);
        let key = key.map_or_else(String::new, |key| format!("; {key} shows a status card"));
        let least = regions::BESIDE;
        let text = format!("nothing has room beside the output below {least} columns{key}");
        app.say(Voice::Plain, text);
        return;
    }
    if app.ui.size.0 >= regions::WIDE {
        // Status cards have a place of their own here.
        let (beside, text) = match app.ui.beside {
            Beside::Merges => (Beside::Memory, MEMORY),
            Beside::Cards | Beside::Lately if !merges => (Beside::Memory, MEMORY),
            Beside::Memory => (
                Beside::Cards,
                "below the table: the output; below the cards: what happened lately",
            ),
            Beside::Cards | Beside::Lately => (Beside::Merges, "below the cards: the merge queue"),
        };
        app.ui.beside = beside;
        app.say(Voice::Plain, text);
        return;
    }
    app.ui.beside = app.ui.beside.next(merges);
    let text = match app.ui.beside {
        Beside::Cards => "beside the output: status cards",
        Beside::Lately => "beside the output: what happened lately",
        Beside::Merges => "beside the output: the merge queue",
        Beside::Memory => MEMORY,
    };
    app.say(Voice::Plain, text);
}

/// Takes a card's file.
pub(super) fn take(
    app: &mut App,
    track: Option<TrackIx>,
    day: Option<Date>,
    days: Vec<Date>,
    text: Option<String>,
) {
    if let Some(file) = &mut app.card
        && (file.track, file.day) == (track, day)
    {
        file.days = days;
        file.text = text;
        file.loaded = true;
        app.now();
    }
}
