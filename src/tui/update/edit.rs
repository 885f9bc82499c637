//! A place of a conflict in the person's own editor: there and back.

use super::{
    App,
    clash::{spot, with_place},
    operate::send,
};
use crate::{
    conflict::{Choice as Answer, ConflictFile, FileChoice, Piece, Whole, render},
    display::clean_line,
    engine::{Action, Pick},
    tui::{
        action::UiAction,
        feed::{Request, Spot},
        ui_state::Voice,
        view::clash as view,
    },
};

/// A text that a person is to edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Where it belongs.
    pub spot: Spot,
    /// Name of the file, for the editor to know the language: no folders.
    pub name: String,
    /// It.
    pub text: String,
}

/// Hands the place to the person's editor, as it stands now.
pub(super) fn edit(app: &mut App) {
    let id = app.ui.clash.id;
    let texts = app.texts.clone();
    let conflict = app
        .state
        .as_ref()
        .and_then(|state| state.merges.conflicts.get(&id));
    let all = match (&texts, conflict) {
        (Some(Ok(texts)), Some(conflict)) => view::chosen(conflict, texts),
        _ => <_>::default(),
    };
    let draft = app.draft.clone();
    let Some(found) = with_place(app, |place| {
        let file = place.file;
        if file.pieces.is_empty() {
            return None;
        }
        let spot = spot(id, place, false);
        let name = String::from_utf8_lossy(file.path.name()).into_owned();
        if let Some((_, text)) = draft.filter(|(of, _)| *of == spot) {
            return Some(Edit { spot, name, text });
        }
        let none = FileChoice::default();
        let answer = all.0.get(&file.path).unwrap_or(&none);
        let text = match (place.hunk, &answer.whole) {
            (None, Some(Whole::Edited(text))) => text.clone(),
            (Some((_, hunk)), _) => {
                if let Some(Answer::Edited(text)) = answer.hunks.get(&hunk.key) {
                    text.clone()
                } else {
                    let part = ConflictFile {
                        parts: Vec::new(),
                        pieces: vec![Piece::Hunk(hunk.clone())],
                        said: String::new(),
                        ..file.clone()
                    };
                    render(&part, answer)
                }
            }
            (None, _) => render(file, answer),
        };
        Some(Edit { spot, name, text })
    }) else {
        return;
    };
    match found {
        Some(edit) => app.edit = Some(edit),
        None => app.say(Voice::Plain, "this is no text: take a side of it"),
    }
}

/// What came back from the editor.
pub(super) fn edited(
    app: &mut App,
    spot: Spot,
    result: Result<Option<String>, String>,
    out: &mut Vec<Request>,
) {
    // Not the line in the middle: texts underline headings with it.
    const MARKS: [&str; 3] = [
        "<<<<<<< integrated",
        "||||||| before both",
        ">>>>>>> the agent's",
    ];
    let conflicts = app.state.as_ref().map(|state| &state.merges.conflicts);
    let conflict = conflicts.and_then(|all| all.get(&spot.conflict));
    let settled = conflict.and_then(|conflict| conflict.resolved.clone());
    match result {
        Ok(Some(_)) if settled.is_some() => {
            app.draft = None;
            let how = clean_line(settled.unwrap_or_default(), 80);
            let text = format!("settled elsewhere meanwhile ({how}): your text is not taken");
            app.say(Voice::Bad, text);
        }
        Err(why) => {
            // Who makes an editor fail throws away what is in it.
            app.draft = None;
            app.say(Voice::Bad, why);
        }
        Ok(None) => app.say(Voice::Plain, "nothing was changed"),
        Ok(Some(text)) if text.lines().any(|line| MARKS.contains(&line.trim_end())) => {
            let key = app.settings.keys.key_for(UiAction::EditPlace);
            let on = key.map_or_else(String::new, |key| format!("; {key} goes on with your text"));
            app.say(
                Voice::Bad,
                format!("a marker line is left in it: nothing is taken{on}"),
            );
            // What a person wrote is not thrown away for that.
            app.draft = Some((spot, text));
        }
        Ok(Some(text)) => {
            app.draft = None;
            out.push(Request::Keep { place: spot, text });
        }
    }
}

/// The text is kept: it is chosen now.
pub(super) fn kept(
    app: &mut App,
    place: Spot,
    result: Result<String, String>,
    out: &mut Vec<Request>,
) {
    match result {
        Err(why) => app.say(Voice::Bad, why),
        Ok(hash) => {
            let action = Action::Choose {
                conflict: place.conflict,
                file: Some(place.file),
                hunk: place.hunk,
                pick: Pick::Edited(hash),
            };
            send(app, action, out);
        }
    }
}
