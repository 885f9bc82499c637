//! What comes of the choices so far, around a place.

use crate::{
    conflict::{ConflictFile, FileChoice, Piece, Whole, render},
    tui::view::{Tone, words::broken},
};

use super::{Place, sides};

/// Lines of the result that are made at most.
const RESULT: usize = 400;
/// Lines of what stands before a place that its result shows.
const BEFORE: usize = 3;

/// What the choices make of a place, with what stands around it, in rows of so many columns; open
/// places stand between markers.
pub(super) fn result(
    place: Place<'_>,
    answer: Option<&FileChoice>,
    rows: u16,
    columns: u16,
) -> Vec<(String, Tone)> {
    if rows == 0 {
        return Vec::new();
    }
    let dim = |text: &str| vec![(text.to_owned(), Tone::Dim)];
    let none = FileChoice::default();
    let answer = answer.unwrap_or(&none);
    let mut lines: Vec<(&str, Tone)> = Vec::new();
    let text;
    match (&answer.whole, place.hunk) {
        (Some(Whole::Edited(text)), _) => add(text, Tone::Plain, &mut lines),
        (Some(Whole::Ours), _) => return dim("the file as it is integrated"),
        (Some(Whole::Theirs), _) => return dim("the file as the agent made it"),
        (Some(Whole::Base), _) => return dim("the file as it was before either"),
        (Some(Whole::Both), _) => return dim("both files, the agent's beside under another name"),
        (Some(Whole::Result(_)), _) => return dim("what the command of a rule makes of it"),
        (None, Some((n, hunk))) => {
            let (before, after) = sides::around(place.file, n);
            let from = before.lines().count().saturating_sub(BEFORE);
            lines.extend(before.lines().skip(from).map(|line| (line, Tone::Dim)));
            text = render(
                &ConflictFile {
                    parts: Vec::new(),
                    pieces: vec![Piece::Hunk(hunk.clone())],
                    rule: None,
                    said: String::new(),
                    path: place.file.path.clone(),
                    ..*place.file
                },
                answer,
            );
            let tone = if answer.hunks.contains_key(&hunk.key) {
                Tone::Good
            } else {
                Tone::Plain
            };
            add(&text, tone, &mut lines);
            lines.extend(after.lines().take(RESULT).map(|line| (line, Tone::Dim)));
        }
        (None, None) if place.file.pieces.is_empty() => {
            return dim("no answer yet: it is answered as a whole");
        }
        (None, None) => {
            text = render(place.file, answer);
            add(&text, Tone::Plain, &mut lines);
        }
    }
    let columns = usize::from(columns.saturating_sub(3)).max(1);
    let mut out: Vec<(String, Tone)> = Vec::new();
    for (line, tone) in lines.into_iter().take(RESULT.min(usize::from(rows))) {
        let all = broken(&[(sides::clean(line), false)], columns);
        out.extend(all.into_iter().map(|row| {
            let text = row.into_iter().map(|(text, _)| text).collect();
            (text, tone)
        }));
    }
    out.truncate(usize::from(rows));
    out
}

fn add<'a>(text: &'a str, tone: Tone, out: &mut Vec<(&'a str, Tone)>) {
    let mark = |line: &str| {
        ["<<<<<<<", "|||||||", "=======", ">>>>>>>"]
            .iter()
            .any(|mark| line.starts_with(mark))
    };
    out.extend(text.lines().take(RESULT).map(|line| {
        let tone = if mark(line) { Tone::Warn } else { tone };
        (line, tone)
    }));
}
