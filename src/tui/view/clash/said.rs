//! What is said of a place: its row in the list, its answer in a word, the sentence about it.

use crate::{
    conflict::{Choice, Choices, Hunk, Whole, guidance},
    display::clean_line,
};

use super::{Place, PlaceRow};

/// A row of the list.
pub(super) fn row(place: Place<'_>, all: &Choices) -> PlaceRow {
    let known = all.0.get(&place.file.path);
    let whole = known.and_then(|file| file.whole.as_ref());
    let mut open = place.is_open(all);
    let (text, answer) = match place.hunk {
        None => {
            let answer = match (whole, &place.file.rule) {
                (Some(whole), _) => whole_word(whole).to_owned(),
                (None, Some(rule)) => format!("rule {}", clean_line(rule, 20)),
                (None, None) if open => "open".to_owned(),
                (None, None) => {
                    let keys = known.map_or(0, |file| {
                        let given = |hunk: &&Hunk| file.hunks.contains_key(&hunk.key);
                        place.file.hunks().filter(given).count()
                    });
                    let count = place.file.hunks().count();
                    open = keys < count;
                    format!("{keys} of {count}")
                }
            };
            (place.file.path.shown(200), answer)
        }
        Some((n, hunk)) => {
            let own = known.and_then(|file| file.hunks.get(&hunk.key));
            let answer = match (whole, own) {
                (Some(_), _) => "·",
                (None, Some(choice)) => choice_word(choice),
                (None, None) if place.file.rule.is_some() => "·",
                (None, None) => "open",
            };
            let first = [&hunk.theirs, &hunk.ours, &hunk.base]
                .into_iter()
                .flat_map(|side| side.lines())
                .find(|line| !line.trim().is_empty())
                .unwrap_or_default();
            let text = format!("{n} {}", clean_line(first.trim(), 80));
            (text, answer.to_owned())
        }
    };
    PlaceRow {
        text,
        file: place.hunk.is_none(),
        answer,
        open,
    }
}

const fn choice_word(choice: &Choice) -> &'static str {
    match choice {
        Choice::Ours => "ours",
        Choice::Theirs => "theirs",
        Choice::Both => "both",
        Choice::BothReversed => "both, reversed",
        Choice::Union => "union",
        Choice::Base => "base",
        Choice::Edited(_) => "edited",
    }
}

const fn whole_word(whole: &Whole) -> &'static str {
    match whole {
        Whole::Ours => "ours",
        Whole::Theirs => "theirs",
        Whole::Base => "base",
        Whole::Both => "both",
        Whole::Edited(_) => "edited",
        Whole::Result(_) => "by a command",
    }
}

/// What can be said of a place, and the answer that suggests itself.
pub(super) fn said(place: Place<'_>) -> (String, Option<String>) {
    if let Some((_, hunk)) = place.hunk {
        let said = guidance(place.file, hunk);
        let suggested = said.suggestion.as_ref().map(|choice| match choice {
            Choice::Edited(_) => "both changes in one",
            Choice::Union => "both, what is alike once",
            other => choice_word(other),
        });
        return (said.text, suggested.map(str::to_owned));
    }
    let file = place.file;
    let what = file.kind.word();
    let git = clean_line(&file.said, 200);
    let cut = if file.cut {
        " Too large to be shown."
    } else {
        ""
    };
    let rule = match &file.rule {
        Some(rule) => format!(" A rule answers it: {}.", clean_line(rule, 60)),
        None => String::new(),
    };
    let text = if file.pieces.is_empty() {
        format!("{what}: it is answered as a whole.{rule}{cut} {git}")
    } else {
        format!("The file, place by place; an answer given here is for all of it.{rule}{cut}")
    };
    (text, None)
}
