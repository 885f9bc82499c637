//! A sentence on what each side did in a hunk, and an answer where one suggests itself.
//!
//! It describes lines, not meaning, and says no more than can be seen from them. All foreign text in
//! it is safe to show.

use crate::display::clean_line;

use super::{
    compose::Choice,
    doc::{ConflictFile, Hunk, Kind},
    lcs::common,
    words::tokens,
};

/// Columns of a name that a sentence quotes.
const QUOTED: usize = 40;

/// What can be said of a hunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guidance {
    /// One sentence.
    pub text: String,
    /// The answer that suggests itself; a person gives it.
    pub suggestion: Option<Choice>,
}

impl Guidance {
    fn new(text: impl Into<String>, suggestion: Option<Choice>) -> Self {
        Self {
            text: text.into(),
            suggestion,
        }
    }
}

/// Describes a hunk of a file.
pub fn guidance(file: &ConflictFile, hunk: &Hunk) -> Guidance {
    let (base, ours, theirs) = (&hunk.base, &hunk.ours, &hunk.theirs);
    if let Some(all) = one_side_empty(hunk) {
        return all;
    }
    if blankless(ours) == blankless(theirs) {
        return Guidance::new(
            "Both sides say the same; they differ in blanks and line ends alone.",
            Some(Choice::Ours),
        );
    }
    if let Some(more) = one_has_all(hunk) {
        return more;
    }
    if base.is_empty() {
        return added(file, hunk);
    }
    match (renames(base, ours), renames(base, theirs)) {
        (Some((from, to)), Some((from2, to2))) if from == from2 => {
            return Guidance::new(
                format!("Both sides rename `{from}`: to `{to}` and to `{to2}`."),
                None,
            );
        }
        (Some((from, to)), _) => {
            return Guidance::new(
                format!(
                    "The integrated side renames `{from}` to `{to}`, the agent edits the same \
                     lines: take the agent's and rename in them."
                ),
                None,
            );
        }
        (_, Some((from, to))) => {
            return Guidance::new(
                format!(
                    "The agent renames `{from}` to `{to}`, the integrated side edits the same \
                     lines: take the integrated ones and rename in them."
                ),
                None,
            );
        }
        _ => {}
    }
    if ours.starts_with(base.as_str()) && theirs.starts_with(base.as_str()) {
        return Guidance::new("Both sides add lines after the same ones.", None);
    }
    if let Some(text) = joined(base, ours, theirs) {
        return Guidance::new(
            "The sides change different words of the same lines: both changes fit together.",
            Some(Choice::Edited(text)),
        );
    }
    let (b, o, t) = (count(base), count(ours), count(theirs));
    if b == o && o == t {
        let what = if b == 1 {
            "The same line is".to_owned()
        } else {
            format!("The same {b} lines are")
        };
        return Guidance::new(format!("{what} changed to different values."), None);
    }
    Guidance::new(
        format!(
            "{} became {} on the integrated side and {} in the agent's work.",
            lines(b),
            lines(o),
            lines(t)
        ),
        None,
    )
}

fn count(text: &str) -> usize {
    text.lines().count()
}

fn lines(n: usize) -> String {
    format!("{n} {}", if n == 1 { "line" } else { "lines" })
}

fn blankless(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn one_side_empty(hunk: &Hunk) -> Option<Guidance> {
    let edited = |deleter: &str, editor: &str| {
        let n = lines(count(&hunk.base));
        let text = format!("{deleter} deletes {n} that {editor} edits.");
        Some(Guidance::new(text, None))
    };
    match (hunk.ours.is_empty(), hunk.theirs.is_empty()) {
        (true, false) => edited("The integrated side", "the agent"),
        (false, true) => edited("The agent", "the integrated side"),
        _ => None,
    }
}

/// One side has every line of the other, in order, and more.
fn one_has_all(hunk: &Hunk) -> Option<Guidance> {
    let ours: Vec<&str> = hunk.ours.lines().collect();
    let theirs: Vec<&str> = hunk.theirs.lines().collect();
    let same = common(&ours, &theirs).len();
    if same == ours.len() && same < theirs.len() {
        return Some(Guidance::new(
            format!(
                "The agent's work has all of the integrated lines and {} more.",
                theirs.len() - same
            ),
            Some(Choice::Theirs),
        ));
    }
    (same == theirs.len() && same < ours.len()).then(|| {
        Guidance::new(
            format!(
                "The integrated side has all of the agent's lines and {} more.",
                ours.len() - same
            ),
            Some(Choice::Ours),
        )
    })
}

/// Both sides add where nothing was.
fn added(file: &ConflictFile, hunk: &Hunk) -> Guidance {
    if file.kind == Kind::BothAdded {
        return Guidance::new("Both sides add this file, and not alike.", None);
    }
    let mut sorted = [&hunk.ours, &hunk.theirs].map(|s| s.lines().collect::<Vec<_>>());
    for side in &mut sorted {
        side.sort_unstable();
    }
    if sorted[0] == sorted[1] {
        return Guidance::new(
            "Both sides add the same lines in another order.",
            Some(Choice::Ours),
        );
    }
    let last = file.hunks().last().is_some_and(|h| h.key == hunk.key)
        && matches!(file.pieces.last(), Some(super::doc::Piece::Hunk(_)));
    let place = if last {
        "at the end of the file"
    } else {
        "at the same place"
    };
    let (o, t) = (count(&hunk.ours), count(&hunk.theirs));
    Guidance::new(
        format!("Both sides add lines {place}: {o} and {t}. Mostly both are wanted."),
        Some(Choice::Union),
    )
}

/// The one name that a side replaced by another, and nothing else.
fn renames(base: &str, side: &str) -> Option<(String, String)> {
    let (a, b) = (tokens(base), tokens(side));
    if a.len() != b.len() {
        return None;
    }
    let mut found: Option<(&str, &str)> = None;
    for pair in a.iter().zip(&b).filter(|(x, y)| x != y) {
        let pair = (*pair.0, *pair.1);
        let name = |t: &str| t.starts_with(|c: char| c.is_alphabetic() || c == '_');
        if !name(pair.0) || !name(pair.1) || found.is_some_and(|f| f != pair) {
            return None;
        }
        found = Some(pair);
    }
    // A value is no name: only what every place of it changed to is a renaming.
    let (from, to) = found?;
    let all = a.iter().filter(|t| **t == from).count();
    let none_left = !b.contains(&from);
    (all > 1 && none_left).then(|| (clean_line(from, QUOTED), clean_line(to, QUOTED)))
}

/// The three texts merged word by word, if no word is changed by both.
fn joined(base: &str, ours: &str, theirs: &str) -> Option<String> {
    let (b, o, t) = (tokens(base), tokens(ours), tokens(theirs));
    let in_ours = places(b.len(), &common(&b, &o));
    let in_theirs = places(b.len(), &common(&b, &t));
    let mut out = String::with_capacity(ours.len() + theirs.len());
    let (mut at, mut at_o, mut at_t) = (0, 0, 0);
    // From one word that all three have to the next, only one side may differ from the base.
    for next in
        (0..=b.len()).filter(|&i| i == b.len() || (in_ours[i].is_some() && in_theirs[i].is_some()))
    {
        let (end_o, end_t) = if next == b.len() {
            (o.len(), t.len())
        } else {
            (in_ours[next]?, in_theirs[next]?)
        };
        let (was, mine, other) = (&b[at..next], &o[at_o..end_o], &t[at_t..end_t]);
        let pick = if mine == was {
            other
        } else if other == was || mine == other {
            mine
        } else {
            return None;
        };
        out.extend(pick.iter().copied());
        if let Some(word) = b.get(next) {
            out.push_str(word);
        }
        (at, at_o, at_t) = (next + 1, end_o + 1, end_t + 1);
    }
    Some(out)
}

/// Where each word of the base stands in a side.
fn places(len: usize, pairs: &[(usize, usize)]) -> Vec<Option<usize>> {
    let mut out = vec![None; len];
    for &(from, to) in pairs {
        if let Some(place) = out.get_mut(from) {
            *place = Some(to);
        }
    }
    out
}
