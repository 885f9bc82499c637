//! What comes of the choices so far, around a place.

use crate::{
    conflict::{ConflictFile, FileChoice, Piece, Whole, render},
    tui::view::Tone,
};

use super::{Place, sides};

/// Lines of the result that are made at most.
const RESULT: usize = 400;
/// Lines of what stands around a place that its result shows.
const AROUND: usize = 3;

/// What the choices make of a place, with what stands around it; open places stand between markers.
pub(super) fn result(
    place: Place<'_>,
    answer: Option<&FileChoice>,
    rows: u16,
) -> Vec<(String, Tone)> {
    if rows == 0 {
        return Vec::new();
    }
    let dim = |text: &str| vec![(text.to_owned(), Tone::Dim)];
    let none = FileChoice::default();
    let answer = answer.unwrap_or(&none);
    let text = match (&answer.whole, place.hunk) {
        (Some(Whole::Edited(text)), _) => text.clone(),
        (Some(Whole::Ours), _) => return dim("the file as it is integrated"),
        (Some(Whole::Theirs), _) => return dim("the file as the agent made it"),
        (Some(Whole::Base), _) => return dim("the file as it was before either"),
        (Some(Whole::Both), _) => return dim("both files, the agent's beside under another name"),
        (Some(Whole::Result(_)), _) => return dim("what the command of a rule makes of it"),
        (None, Some((n, _))) => around(place.file, n, answer),
        (None, None) if place.file.pieces.is_empty() => {
            return dim("no answer yet: it is answered as a whole");
        }
        (None, None) => render(place.file, answer),
    };
    let mark = |line: &str| {
        ["<<<<<<<", "|||||||", "=======", ">>>>>>>"]
            .iter()
            .any(|mark| line.starts_with(mark))
    };
    text.lines()
        .take(RESULT.min(usize::from(rows)))
        .map(|line| {
            let tone = if mark(line) { Tone::Warn } else { Tone::Plain };
            (sides::clean(line), tone)
        })
        .collect()
}

/// A hunk's result with a few lines before and after it.
fn around(file: &ConflictFile, n: usize, answer: &FileChoice) -> String {
    let mut seen = 0;
    let at = file.pieces.iter().position(|piece| {
        seen += usize::from(matches!(piece, Piece::Hunk(_)));
        seen == n
    });
    let Some(at) = at else { return String::new() };
    let mut pieces = Vec::new();
    if let Some(Piece::Same(before)) = at.checked_sub(1).and_then(|at| file.pieces.get(at)) {
        let lines: Vec<&str> = before.split_inclusive('\n').collect();
        let from = lines.len().saturating_sub(AROUND);
        pieces.push(Piece::Same(lines[from..].concat()));
    }
    pieces.push(file.pieces[at].clone());
    if let Some(Piece::Same(after)) = file.pieces.get(at + 1) {
        let lines = after.split_inclusive('\n').take(AROUND);
        pieces.push(Piece::Same(lines.collect()));
    }
    let part = ConflictFile {
        path: file.path.clone(),
        kind: file.kind,
        parts: Vec::new(),
        pieces,
        mode: file.mode,
        cut: false,
        rule: None,
        said: String::new(),
    };
    render(&part, answer)
}
