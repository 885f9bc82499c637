//! A conflict's screen: choosing sides, editing, and what becomes of it.
//!
//! Every choice is an action of the run; nothing is remembered here but where a person looks.

use super::{
    App,
    ask::ask,
    edit,
    operate::{cannot, send},
};
use crate::{
    conflict::{Choice as Answer, guidance, union},
    engine::{Action, Pick, Settle, decide::resolve},
    tui::{
        action::UiAction,
        feed::{ClashAsk, Request, Spot},
        ui_state::{Choice, ClashUi, Note, Popup, Screen, Voice},
        view::clash::{self as view, Place},
    },
};

/// Opens the screen at the first place without an answer.
pub(super) fn show(app: &mut App, id: u32) {
    let from = match app.ui.screen {
        Screen::Clash => app.ui.clash.from,
        screen => screen,
    };
    app.ui.clash = ClashUi {
        id,
        from,
        ..ClashUi::default()
    };
    app.ui.screen = Screen::Clash;
    app.now();
}

/// Asks for the texts of the conflict that is shown, where others are known.
pub(super) fn follow(app: &mut App, out: &mut Vec<Request>) {
    if app.ui.screen != Screen::Clash {
        return;
    }
    let Some(state) = &app.state else { return };
    let id = app.ui.clash.id;
    let Some(conflict) = state.merges.conflicts.get(&id) else {
        return;
    };
    let mut edits: Vec<String> = conflict
        .chosen
        .iter()
        .filter_map(|chosen| match &chosen.pick {
            Pick::Edited(hash) => Some(hash.clone()),
            _ => None,
        })
        .collect();
    edits.sort_unstable();
    edits.dedup();
    let ask = ClashAsk {
        id,
        edits,
        merge: state.merges.last_number,
    };
    if app.clash_asked.as_ref() != Some(&ask) {
        if app.clash_asked.as_ref().is_none_or(|old| old.id != id) {
            app.texts = None;
        }
        app.clash_asked = Some(ask.clone());
        out.push(Request::Clash(ask));
    }
}

/// Calls with the chosen place; says why there is none.
pub(super) fn with_place<T>(app: &mut App, with: impl FnOnce(Place<'_>) -> T) -> Option<T> {
    let texts = app.texts.clone();
    let Some(Ok(texts)) = texts else {
        app.say(Voice::Plain, "the texts have not been read");
        return None;
    };
    let total = view::places(&texts.doc).count();
    let at = app.ui.clash.at.min(total.saturating_sub(1));
    let place = view::places(&texts.doc).nth(at).map(with);
    if place.is_none() {
        app.say(Voice::Plain, "no file is in conflict any more");
    }
    place
}

pub(super) fn spot(conflict: u32, place: Place<'_>, whole: bool) -> Spot {
    Spot {
        conflict,
        file: place.file.path.to_text().into_owned(),
        hunk: place
            .hunk
            .filter(|_| !whole)
            .map(|(_, hunk)| hunk.key.clone()),
    }
}

/// Takes a side, for the place or for its whole file, and goes to the next open place.
fn take(app: &mut App, pick: Pick, whole: bool, out: &mut Vec<Request>) {
    let id = app.ui.clash.id;
    let Some(spot) = with_place(app, |place| spot(id, place, whole)) else {
        return;
    };
    let action = Action::Choose {
        conflict: id,
        file: Some(spot.file),
        hunk: spot.hunk,
        pick,
    };
    send(app, action, out);
}

/// Takes the answer that suggests itself: a side, or a text that has both changes.
fn suggested(app: &mut App, out: &mut Vec<Request>) {
    let id = app.ui.clash.id;
    let found = with_place(app, |place| {
        let (_, hunk) = place.hunk?;
        let choice = match guidance(place.file, hunk).suggestion? {
            Answer::Union => Answer::Edited(union(&hunk.ours, &hunk.theirs)),
            other => other,
        };
        Some((spot(id, place, false), choice))
    });
    let Some(found) = found else { return };
    let Some((place, choice)) = found else {
        app.say(Voice::Plain, "nothing suggests itself here");
        return;
    };
    let pick = match choice {
        Answer::Edited(text) => return out.push(Request::Keep { place, text }),
        Answer::Ours => Pick::Ours,
        Answer::Theirs => Pick::Theirs,
        Answer::Both | Answer::Union => Pick::Both,
        Answer::BothReversed => Pick::BothReversed,
        Answer::Base => Pick::Base,
    };
    let action = Action::Choose {
        conflict: id,
        file: Some(place.file),
        hunk: place.hunk,
        pick,
    };
    send(app, action, out);
}

/// To the next place without an answer, or the one before; round the end.
fn to_open(app: &mut App, forwards: bool) {
    let Some(open) = open_places(app) else {
        app.say(Voice::Plain, "the texts have not been read");
        return;
    };
    let at = app.ui.clash.at;
    let to = if forwards {
        open.iter().find(|o| **o > at).or(open.first())
    } else {
        open.iter().rev().find(|o| **o < at).or(open.last())
    };
    match to {
        Some(&to) => go(app, to),
        None => app.say(Voice::Good, "every place has an answer"),
    }
}

fn open_places(app: &App) -> Option<Vec<usize>> {
    let Some(Ok(texts)) = &app.texts else {
        return None;
    };
    let conflict = app.state.as_ref()?.merges.conflicts.get(&app.ui.clash.id)?;
    let all = view::chosen(conflict, texts);
    Some(
        view::places(&texts.doc)
            .enumerate()
            .filter(|(_, place)| place.is_open(&all))
            .map(|(at, _)| at)
            .collect(),
    )
}

/// After its texts have come: to the first open place, where a person has not moved yet; where all is
/// answered, to the first place.
pub(super) fn come(app: &mut App) {
    if app.ui.clash.at != 0 {
        return;
    }
    let open = open_places(app).unwrap_or_default().first().copied();
    let Some(Ok(texts)) = &app.texts else { return };
    let place = || view::places(&texts.doc).position(|place| place.hunk.is_some());
    app.ui.clash.at = open.or_else(place).unwrap_or(0);
}

/// Goes to a place.
pub(super) fn go(app: &mut App, at: usize) {
    app.ui.clash.at = at;
    app.ui.clash.down = 0;
}

/// Moves by places.
pub(super) fn step(app: &mut App, by: isize) {
    let total = match &app.texts {
        Some(Ok(texts)) => view::places(&texts.doc).count(),
        _ => 0,
    };
    let to = app.ui.clash.at.saturating_add_signed(by);
    go(app, to.min(total.saturating_sub(1)));
}

/// Scrolls the texts of the place.
pub(super) fn scroll(app: &mut App, by: isize) {
    let (least, most) = app.view().clash.map_or((0, 0), |clash| {
        let sides = clash.sides.iter().map(|side| {
            let hidden = side.total.saturating_sub(side.lines.len());
            let home = isize::try_from(side.home).unwrap_or(0);
            (-home, isize::try_from(hidden).unwrap_or(0) - home)
        });
        sides.fold((0, 0), |all, one| (all.0.min(one.0), all.1.max(one.1)))
    });
    let down = app.ui.clash.down.clamp(least, most);
    app.ui.clash.down = down.saturating_add(by).clamp(least, most);
}

/// One of its keys.
pub(super) fn act(app: &mut App, action: UiAction, out: &mut Vec<Request>) {
    let looks = matches!(action, UiAction::NextOpen | UiAction::PreviousOpen);
    if !looks && let Some(why) = cannot(app) {
        app.say(Voice::Bad, why);
        return;
    }
    let conflict = app.ui.clash.id;
    match action {
        UiAction::TakeOurs => take(app, Pick::Ours, false, out),
        UiAction::TakeTheirs => take(app, Pick::Theirs, false, out),
        UiAction::TakeBoth => take(app, Pick::Both, false, out),
        UiAction::TakeBothReversed => take(app, Pick::BothReversed, false, out),
        UiAction::TakeBase => take(app, Pick::Base, false, out),
        UiAction::TakeSuggested => suggested(app, out),
        UiAction::FileOurs => take(app, Pick::Ours, true, out),
        UiAction::FileTheirs => take(app, Pick::Theirs, true, out),
        UiAction::UndoChoice => send(app, Action::Undo { conflict }, out),
        UiAction::NextOpen => to_open(app, true),
        UiAction::PreviousOpen => to_open(app, false),
        UiAction::EditPlace => edit::edit(app),
        UiAction::SettleConflict => settle(app, out),
        UiAction::OnTop => on_top(app),
        UiAction::HandBack => note(app, Settle::HandBack, "What shall its agent know?"),
        UiAction::Escalate => note(
            app,
            Settle::Escalate,
            "What shall they know who look at it?",
        ),
        _ => {}
    }
}

/// Merges as chosen, once all is.
fn settle(app: &mut App, out: &mut Vec<Request>) {
    let open = open_places(app);
    match open.as_deref() {
        None => app.say(Voice::Plain, "the texts have not been read"),
        Some([]) => {
            let action = Action::Settle {
                conflict: app.ui.clash.id,
                how: Settle::Chosen,
                note: None,
            };
            send(app, action, out);
        }
        Some(open) => {
            let text = match open.len() {
                1 => "1 place has no answer yet".to_owned(),
                n => format!("{n} places have no answer yet"),
            };
            let first = open[0];
            app.say(Voice::Bad, text);
            go(app, first);
        }
    }
}

/// The agent goes again on top of what is merged: what it made is done anew, so that is asked.
fn on_top(app: &mut App) {
    let action = Action::Settle {
        conflict: app.ui.clash.id,
        how: Settle::Sequential,
        note: None,
    };
    let Some(state) = &app.state else { return };
    if let Err(why) = resolve(state, &action) {
        app.say(Voice::Bad, why.to_string());
        return;
    }
    let chosen = state.merges.conflicts.get(&app.ui.clash.id);
    let chosen = chosen.map_or(0, |conflict| conflict.chosen.len());
    let mut lines = vec![
        "It begins again with all that is merged, and is told what it met.".to_owned(),
        "What it made stays reachable by its ref.".to_owned(),
    ];
    if chosen > 0 {
        lines.push(format!(
            "The {chosen} choices that were made here are of no use then."
        ));
    }
    let yes = Choice {
        key: 'y',
        label: "again, on top of what is merged".to_owned(),
        actions: vec![action],
    };
    ask(
        app,
        "Shall the agent do it again?",
        &lines,
        "no, leave it as it is",
        vec![yes],
    );
}

fn note(app: &mut App, how: Settle, title: &str) {
    let conflict = app.ui.clash.id;
    let action = Action::Settle {
        conflict,
        how,
        note: None,
    };
    let Some(state) = &app.state else { return };
    if let Err(why) = resolve(state, &action) {
        app.say(Voice::Bad, why.to_string());
        return;
    }
    app.ui.popups.push(Popup::Note {
        title: title.to_owned(),
        typed: String::new(),
        to: Note::Settle { conflict, how },
    });
}
