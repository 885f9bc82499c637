//! Rows of a diff: long lines are broken, changed words are told from the rest of their line, and
//! what was said stands below what it is about.

use crate::{
    conflict::differences,
    display::clean_line,
    engine::Remark,
    tui::{
        patch::{Kind, Patch, PatchLine},
        view::words::{Stretches, broken},
    },
};

use super::DiffRow;

/// Lines of a stretch that are compared word by word, at most.
const COMPARED: usize = 64;

/// The visible rows from a line on.
pub(super) fn rows(
    patch: &Patch,
    remarks: &[Remark],
    first: usize,
    rows: usize,
    columns: u16,
) -> Vec<DiffRow> {
    // The number, the sign, and a column at the end.
    let columns = usize::from(columns.saturating_sub(8)).max(8);
    let mut out = Vec::new();
    for (at, line) in patch.lines.iter().enumerate().skip(first) {
        if out.len() >= rows {
            break;
        }
        let mut number = line.new.or(line.old);
        let mut begins = true;
        for parts in broken(&words(patch, at), columns) {
            out.push(DiffRow::Line {
                at,
                kind: line.kind,
                number: number.take(),
                begins: std::mem::replace(&mut begins, false),
                parts,
            });
        }
        let file = patch.files.get(line.file);
        let here = remarks.iter().filter(|remark| {
            let number = if line.kind == Kind::File {
                Some(0)
            } else {
                line.new
            };
            file.is_some_and(|file| file.path == remark.file) && number == Some(remark.line)
        });
        for remark in here {
            let by = clean_line(&remark.by, 20);
            let said = clean_line(format!("{by}: {}", remark.text), 400);
            let said = [(said, false)];
            let all = broken(&said, columns.saturating_sub(2));
            out.extend(all.into_iter().enumerate().map(|(n, parts)| {
                let text = parts.into_iter().map(|(text, _)| text).collect();
                DiffRow::Comment(text, n == 0)
            }));
        }
    }
    out.truncate(rows);
    out
}

/// A line in stretches; true: what it stands against does not have it.
fn words(patch: &Patch, at: usize) -> Stretches {
    let line = &patch.lines[at];
    let plain = || vec![(line.text.clone(), false)];
    let Some(other) = counterpart(patch, at) else {
        return plain();
    };
    let spans = differences(&line.text, &other.text).0;
    let kept: usize = spans
        .iter()
        .filter(|span| !span.changed)
        .map(|span| line.text[span.range.clone()].trim().len())
        .sum();
    let longer = line.text.trim().len().max(other.text.trim().len());
    if kept * 3 < longer {
        // Lines that have little in common: all of it is new, and marks would only be noise.
        return plain();
    }
    spans
        .into_iter()
        .map(|span| (line.text[span.range].to_owned(), span.changed))
        .collect()
}

/// The line that one stands against: where as many lines are gone as are new, each has its own.
fn counterpart(patch: &Patch, at: usize) -> Option<&PatchLine> {
    let is = |i: usize, kind: Kind| patch.lines.get(i).is_some_and(|line| line.kind == kind);
    let kind = patch.lines[at].kind;
    if !matches!(kind, Kind::Removed | Kind::Added) {
        return None;
    }
    let back = |from: usize, kind: Kind| {
        let mut first = from;
        while first > 0 && from - first <= COMPARED && is(first - 1, kind) {
            first -= 1;
        }
        first
    };
    let on = |from: usize, kind: Kind| {
        let count = (from..).take_while(|&i| is(i, kind));
        count.take(COMPARED + 1).count()
    };
    let (removed, added) = if kind == Kind::Removed {
        let removed = back(at, Kind::Removed);
        (removed, removed + on(removed, Kind::Removed))
    } else {
        let added = back(at, Kind::Added);
        (back(added, Kind::Removed), added)
    };
    let count = added - removed;
    if count == 0 || count > COMPARED || count != on(added, Kind::Added) {
        return None;
    }
    let other = if kind == Kind::Removed {
        at + count
    } else {
        at - count
    };
    patch.lines.get(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIFF: &str = "diff --git a/p b/p\n--- a/p\n+++ b/p\n@@ -1,5 +1,6 @@\n coffee 4\n-tea 3\n\
        -one side\n+tea 4 USD\n+altogether new words\n water\n-gone\n+two\n+come\n";

    #[test]
    fn lines_that_changed_tell_which_words_did() {
        let patch = Patch::new(DIFF.as_bytes());
        let changed = |text: &str| {
            let at = patch.lines.iter().position(|l| l.text == text).unwrap();
            let all = words(&patch, at);
            let all = all.into_iter().filter(|part| part.1).map(|part| part.0);
            all.collect::<Vec<_>>().concat()
        };
        assert_eq!(
            (changed("tea 3"), changed("tea 4 USD")),
            ("3".into(), "4 USD".into())
        );
        // Lines with nothing in common, and such that do not come in pairs, are new as a whole.
        assert_eq!(changed("altogether new words"), "");
        for text in ["gone", "two", "come", "coffee 4"] {
            assert_eq!(changed(text), "", "{text}");
        }
    }

    #[test]
    fn what_is_broken_and_what_was_said_stand_below_their_line() {
        let patch = Patch::new(DIFF.as_bytes());
        let remark = Remark {
            attempt: 1,
            by: "ctl".into(),
            file: "p".into(),
            line: 2,
            text: "in which currency".into(),
        };
        let all = rows(&patch, &[remark], 0, 40, 20);
        let at = |row: &DiffRow| match row {
            DiffRow::Line { at, begins, .. } => Some((*at, *begins)),
            DiffRow::Comment(..) => None,
        };
        let said = all
            .iter()
            .position(|row| matches!(row, DiffRow::Comment(_, true)));
        let said = said.unwrap();
        assert_eq!(at(&all[said - 1]), Some((5, true)), "{all:?}");
        assert!(matches!(all[said + 1], DiffRow::Comment(_, false)));
        let long = all
            .iter()
            .filter(|row| at(row).is_some_and(|(line, _)| line == 6));
        assert_eq!(long.count(), 2, "{all:?}");
    }
}
