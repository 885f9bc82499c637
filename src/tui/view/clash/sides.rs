//! The three sides of a place with what stands around it, and the words that each changed.

use crate::{
    conflict::{Choice, ConflictFile, Entry, FileChoice, Hunk, Piece, Span, Whole, differences},
    display::{clean_line, clean_text},
    tui::view::words::{Stretches, broken},
};

use super::Place;

/// Bytes of a side that are compared word by word; beyond, lines are shown plain.
const COMPARED: usize = 32 << 10;
/// Columns of a line.
const LINE: usize = 400;
/// Lines of a place that are shown at most; an editor shows more.
const MOST: usize = 2_000;
/// Lines that are shown before a place at most, and after it.
const BEFORE: usize = 60;
const AFTER: usize = 240;

/// A line of a text.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Line {
    /// It is of the place itself, not of what stands around it.
    pub own: bool,
    /// Its stretches; true: another side does not have it.
    pub parts: Stretches,
}

/// One side of a place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Side {
    /// Which one.
    pub title: String,
    /// It is, or is part of, the answer.
    pub taken: bool,
    /// Visible rows.
    pub lines: Vec<Line>,
    /// Rows in all.
    pub total: usize,
    /// Rows above the first visible one.
    pub first: usize,
    /// The same where nobody has scrolled.
    pub home: usize,
}

/// All of a side, before it is known how much of it has room.
#[derive(Debug, Default)]
pub(super) struct Text {
    rows: Vec<Line>,
    /// Rows before the place itself, and rows of it.
    before: usize,
    own: usize,
}

impl Text {
    /// Rows in all.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }
}

/// A line that is safe to show, with its tabs.
pub(super) fn clean(line: &str) -> String {
    clean_line(line.replace('\t', "    "), LINE)
}

/// The texts of a place's sides, broken into rows of so many columns: integrated, before either, the
/// agent's.
pub(super) fn texts(place: Place<'_>, columns: [u16; 3]) -> [Text; 3] {
    [0, 1, 2].map(|side| {
        let mut lines = Vec::new();
        match place.hunk {
            Some((n, hunk)) => {
                let (before, after) = around(place.file, n);
                let last = before.lines().rev().take(BEFORE);
                lines.extend(last.map(|line| whole(line, false)));
                lines.reverse();
                own(hunk, side, &mut lines);
                cut(&mut lines);
                lines.extend(after.lines().take(AFTER).map(|line| whole(line, false)));
            }
            None if place.file.pieces.is_empty() => of_file(place, side, &mut lines),
            None => {
                for piece in &place.file.pieces {
                    match piece {
                        Piece::Same(text) => {
                            lines.extend(text.lines().take(MOST).map(|line| whole(line, false)));
                        }
                        Piece::Hunk(hunk) => own(hunk, side, &mut lines),
                    }
                    if lines.len() > MOST {
                        break;
                    }
                }
                cut(&mut lines);
            }
        }
        rows(lines, columns[side])
    })
}

/// Breaks lines into rows that leave a column at either side.
fn rows(lines: Vec<Line>, columns: u16) -> Text {
    let columns = usize::from(columns.saturating_sub(3)).max(1);
    let mut out = Text::default();
    for line in lines {
        let own = line.own;
        let rows = broken(&line.parts, columns);
        let here = rows.len();
        out.rows
            .extend(rows.into_iter().map(|parts| Line { own, parts }));
        match (own, out.own) {
            (true, _) => out.own += here,
            (false, 0) => out.before += here,
            _ => {}
        }
    }
    if out.own == 0 {
        out.before = 0;
    }
    out
}

/// What of the sides has room, `down` rows below where the place itself is in sight.
pub(super) fn sides(
    texts: [Text; 3],
    titles: [String; 3],
    taken: [bool; 3],
    down: isize,
    rows: [usize; 3],
) -> Vec<Side> {
    // The same in each, so that the place begins in one row.
    let own = texts.iter().map(|text| text.own).max().unwrap_or(0);
    let all = texts.into_iter().zip(titles).zip(taken).zip(rows);
    all.map(|(((text, title), taken), rows)| {
        let total = text.rows.len();
        let most = total.saturating_sub(rows);
        let before = (rows.saturating_sub(own) / 2).max(1);
        let home = text.before.saturating_sub(before).min(most);
        let first = home.saturating_add_signed(down).min(most);
        Side {
            title,
            taken,
            lines: text.rows.into_iter().skip(first).take(rows).collect(),
            total,
            first,
            home,
        }
    })
    .collect()
}

/// Which sides are, or are part of, the answer of a place.
pub(super) fn taken(place: Place<'_>, answer: Option<&FileChoice>) -> [bool; 3] {
    let whole = answer.and_then(|file| file.whole.as_ref());
    let own = place
        .hunk
        .and_then(|(_, hunk)| answer?.hunks.get(&hunk.key))
        .filter(|_| whole.is_none());
    let both = matches!(
        own,
        Some(Choice::Both | Choice::BothReversed | Choice::Union)
    ) || matches!(whole, Some(Whole::Both));
    [
        both || matches!(whole, Some(Whole::Ours)) || matches!(own, Some(Choice::Ours)),
        matches!(whole, Some(Whole::Base)) || matches!(own, Some(Choice::Base)),
        both || matches!(whole, Some(Whole::Theirs)) || matches!(own, Some(Choice::Theirs)),
    ]
}

/// The merged text before a hunk and after it.
pub(super) fn around(file: &ConflictFile, n: usize) -> (&str, &str) {
    let mut seen = 0;
    let at = file.pieces.iter().position(|piece| {
        seen += usize::from(matches!(piece, Piece::Hunk(_)));
        seen == n
    });
    let text = |at: Option<usize>| match at.and_then(|at| file.pieces.get(at)) {
        Some(Piece::Same(text)) => text.as_str(),
        _ => "",
    };
    match at {
        Some(at) => (text(at.checked_sub(1)), text(Some(at + 1))),
        None => ("", ""),
    }
}

/// The lines of one side of a hunk.
fn own(hunk: &Hunk, side: usize, out: &mut Vec<Line>) {
    let from = out.len();
    match side {
        0 => marked(&hunk.ours, &[&hunk.base], out),
        // Of what was there before: what either side has not kept.
        1 => marked(&hunk.base, &[&hunk.ours, &hunk.theirs], out),
        _ => marked(&hunk.theirs, &[&hunk.base], out),
    }
    if out.len() == from {
        out.push(whole("(nothing)", true));
    }
}

fn whole(line: &str, own: bool) -> Line {
    Line {
        own,
        parts: vec![(clean(line), false)],
    }
}

/// Keeps what can be shown, and says so.
fn cut(lines: &mut Vec<Line>) {
    if lines.len() > MOST {
        lines.truncate(MOST);
        lines.push(whole("… there is more than is shown here", true));
    }
}

/// A text in lines, with what the others do not have.
fn marked(text: &str, others: &[&str], out: &mut Vec<Line>) {
    if text.len() > COMPARED || others.iter().any(|other| other.len() > COMPARED) {
        out.extend(text.lines().take(MOST + 1).map(|line| whole(line, true)));
        return;
    }
    let mut changed = vec![false; text.len()];
    for other in others {
        for Span {
            range,
            changed: new,
        } in differences(text, other).0
        {
            if new {
                changed[range].fill(true);
            }
        }
    }
    let mut at = 0;
    for full in text.split_inclusive('\n') {
        let line = full.trim_end_matches(['\n', '\r']);
        let mut parts = Vec::new();
        let mut from = 0;
        for (i, _) in line.char_indices().skip(1).chain([(line.len(), ' ')]) {
            let last = i == line.len();
            if i > from && (last || changed[at + i] != changed[at + from]) {
                // A piece of a line alone: it must not end what stands before it.
                let part = line[from..i].replace('\t', "    ").replace('\r', " ");
                parts.push((clean_text(&part, LINE), changed[at + from]));
                from = i;
            }
        }
        out.push(Line { own: true, parts });
        at += full.len();
    }
}

/// What a side has of a file, where no texts are shown.
fn of_file(place: Place<'_>, side: usize, out: &mut Vec<Line>) {
    let said = |entry: &Option<Entry>| match entry {
        None => "is not there".to_owned(),
        Some(entry) => {
            let oid = clean_line(&entry.oid, 64);
            let kind = match entry.mode {
                0o120_000 => "a link",
                0o160_000 => "a submodule",
                0o100_755 => "an executable file",
                _ => "a file",
            };
            format!("{kind}, {}", oid.chars().take(9).collect::<String>())
        }
    };
    for part in &place.file.parts {
        let entry = match side {
            0 => &part.ours,
            1 => &part.base,
            _ => &part.theirs,
        };
        out.push(whole(&part.path.shown(LINE), true));
        let differs = *entry != part.base && side != 1;
        out.push(Line {
            own: true,
            parts: vec![("  ".to_owned(), false), (said(entry), differs)],
        });
    }
}
