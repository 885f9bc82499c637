//! The three sides of a place, with the words that each changed.

use ratatui::layout::Rect;

use crate::{
    conflict::{Choice, Entry, FileChoice, Span, Whole, differences},
    display::{clean_line, clean_text},
};

use super::Place;

/// Bytes of a side that are compared word by word; beyond, lines are shown plain.
const COMPARED: usize = 32 << 10;
/// Columns of a line.
const LINE: usize = 400;

/// A line in stretches; true: the other side does not have it.
pub type Line = Vec<(String, bool)>;

/// One side of a place.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Side {
    /// Which one.
    pub title: &'static str,
    /// It is, or is part of, the answer.
    pub taken: bool,
    /// Visible lines.
    pub lines: Vec<Line>,
    /// Lines in all.
    pub total: usize,
    /// Lines above the first visible one.
    pub first: usize,
}

/// A line that is safe to show, with its tabs.
pub(super) fn clean(line: &str) -> String {
    clean_line(line.replace('\t', "    "), LINE)
}

/// The sides of a place: integrated, before either, the agent's.
pub(super) fn sides(
    place: Place<'_>,
    answer: Option<&FileChoice>,
    down: usize,
    areas: &[Rect; 3],
) -> Vec<Side> {
    let whole = answer.and_then(|file| file.whole.as_ref());
    let own = place
        .hunk
        .and_then(|(_, hunk)| answer?.hunks.get(&hunk.key))
        .filter(|_| whole.is_none());
    let taken = [
        matches!(whole, Some(Whole::Ours | Whole::Both))
            || matches!(
                own,
                Some(Choice::Ours | Choice::Both | Choice::BothReversed | Choice::Union)
            ),
        matches!(whole, Some(Whole::Base)) || matches!(own, Some(Choice::Base)),
        matches!(whole, Some(Whole::Theirs | Whole::Both))
            || matches!(
                own,
                Some(Choice::Theirs | Choice::Both | Choice::BothReversed | Choice::Union)
            ),
    ];
    let titles = [
        "ours: integrated",
        "base: before either",
        "theirs: the agent's",
    ];
    let texts = match place.hunk {
        Some((_, hunk)) => {
            let ours = marked(&hunk.ours, &hunk.base);
            let theirs = marked(&hunk.theirs, &hunk.base);
            // Of the base, what neither side kept is what the two are about.
            [ours, plain(&hunk.base), theirs]
        }
        None => [0, 1, 2].map(|n| of_file(place, n)),
    };
    let mut out = Vec::new();
    for (n, mut lines) in texts.into_iter().enumerate() {
        let total = lines.len();
        let rows = usize::from(areas[n].height.saturating_sub(1));
        let first = down.min(total.saturating_sub(rows));
        lines.drain(..first);
        lines.truncate(rows);
        if total == 0 && rows > 0 {
            lines.push(vec![("(nothing)".to_owned(), false)]);
        }
        out.push(Side {
            title: titles[n],
            taken: taken[n],
            lines,
            total,
            first,
        });
    }
    out
}

fn plain(text: &str) -> Vec<Line> {
    text.lines()
        .map(|line| vec![(clean(line), false)])
        .collect()
}

/// A text in lines, with what the other does not have.
fn marked(text: &str, other: &str) -> Vec<Line> {
    if text.len() > COMPARED || other.len() > COMPARED {
        return plain(text);
    }
    let (spans, _) = differences(text, other);
    let mut out: Vec<Line> = Vec::new();
    let mut line: Line = Vec::new();
    for Span { range, changed } in spans {
        let mut parts = text[range].split('\n').peekable();
        while let Some(part) = parts.next() {
            let part = part.strip_suffix('\r').unwrap_or(part);
            if !part.is_empty() {
                // A piece of a line alone: it must not end what stands before it.
                let part = clean_text(&part.replace('\t', "    ").replace('\r', " "), LINE);
                line.push((part, changed));
            }
            if parts.peek().is_some() {
                out.push(std::mem::take(&mut line));
            }
        }
    }
    if !line.is_empty() {
        out.push(line);
    }
    out
}

/// What a side has of a file, where no texts are shown.
fn of_file(place: Place<'_>, side: usize) -> Vec<Line> {
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
    let mut out = Vec::new();
    for part in &place.file.parts {
        let entry = match side {
            0 => &part.ours,
            1 => &part.base,
            _ => &part.theirs,
        };
        out.push(vec![(part.path.shown(LINE), false)]);
        let differs = *entry != part.base && side != 1;
        out.push(vec![(format!("  {}", said(entry)), differs)]);
    }
    out
}
