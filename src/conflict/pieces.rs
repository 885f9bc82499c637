//! Reads a three-way merged text with conflict markers into pieces, without losing a byte.
//!
//! The markers are longer than any such line in the sides ([`marker_size`]), so no text can pass for
//! one. Must not run the merge.

use super::doc::{Hunk, Piece};

/// Markers that git still writes in reasonable time; a longer one means no text.
const LONGEST: usize = 4_096;
/// What git uses by default.
const USUAL: usize = 7;

/// The end of each side's text, which the markers hide where it has no newline.
#[derive(Debug, Clone, Copy)]
pub struct Tails<'a> {
    /// Before both.
    pub base: &'a str,
    /// Integrated.
    pub ours: &'a str,
    /// The agent's.
    pub theirs: &'a str,
}

/// A size of markers that no line of the sides can be taken for; none: a line is absurdly long.
pub fn marker_size(sides: [&str; 3]) -> Option<usize> {
    let longest = sides
        .iter()
        .flat_map(|side| side.lines())
        .filter_map(|line| {
            let first = line.bytes().next().filter(|b| b"<|=>".contains(b))?;
            Some(line.bytes().take_while(|b| *b == first).count())
        })
        .max()
        .unwrap_or(0);
    (longest < LONGEST).then(|| longest.max(USUAL) + 1)
}

/// Reads `git merge-file --diff3` output; none if it does not have that form.
pub fn pieces(merged: &str, size: usize, tails: Tails<'_>) -> Option<Vec<Piece>> {
    #[derive(PartialEq, Clone, Copy)]
    enum At {
        Same,
        Ours,
        Base,
        Theirs,
    }
    let marks = |line: &str, mark: char| {
        let run = line.chars().take_while(|c| *c == mark).count();
        run == size
            && line[run..]
                .chars()
                .next()
                .is_none_or(|c| " \r\n".contains(c))
    };
    let mut out = Vec::new();
    let mut at = At::Same;
    let mut same = String::new();
    let mut sides = [String::new(), String::new(), String::new()];
    for line in merged.split_inclusive('\n') {
        match at {
            At::Same if marks(line, '<') => {
                if !same.is_empty() {
                    out.push(Piece::Same(std::mem::take(&mut same)));
                }
                at = At::Ours;
            }
            At::Same => same.push_str(line),
            At::Ours if marks(line, '|') => at = At::Base,
            At::Ours => sides[1].push_str(line),
            At::Base if marks(line, '=') => at = At::Theirs,
            At::Base => sides[0].push_str(line),
            At::Theirs if marks(line, '>') => {
                let [base, ours, theirs] = std::mem::take(&mut sides);
                let nth = alike(&out, &base, &ours, &theirs);
                out.push(Piece::Hunk(Hunk::new(base, ours, theirs, nth)));
                at = At::Same;
            }
            At::Theirs => sides[2].push_str(line),
        }
    }
    if at != At::Same {
        return None;
    }
    if !same.is_empty() {
        out.push(Piece::Same(same));
    } else if let Some(Piece::Hunk(last)) = out.pop() {
        // The end of the file is in conflict: git gave a newline to the sides that have none.
        let base = with_tail(last.base, tails.base);
        let ours = with_tail(last.ours, tails.ours);
        let theirs = with_tail(last.theirs, tails.theirs);
        let nth = alike(&out, &base, &ours, &theirs);
        out.push(Piece::Hunk(Hunk::new(base, ours, theirs, nth)));
    }
    Some(out)
}

/// The whole text as one hunk, where no smaller one can be told.
pub fn whole_hunk(sides: Tails<'_>) -> Vec<Piece> {
    let [base, ours, theirs] = [sides.base, sides.ours, sides.theirs].map(str::to_owned);
    vec![Piece::Hunk(Hunk::new(base, ours, theirs, 0))]
}

fn alike(before: &[Piece], base: &str, ours: &str, theirs: &str) -> u32 {
    let same = |piece: &&Piece| matches!(piece, Piece::Hunk(h) if h.base == base && h.ours == ours && h.theirs == theirs);
    u32::try_from(before.iter().filter(same).count()).unwrap_or(u32::MAX)
}

fn with_tail(mut side: String, whole: &str) -> String {
    if whole.is_empty() || whole.ends_with('\n') || !side.ends_with('\n') {
        return side;
    }
    let last = whole.rsplit('\n').next().unwrap_or(whole);
    // Git adds `\r\n` where the other lines end so.
    for added in ["\r\n", "\n"] {
        if let Some(bare) = side.strip_suffix(added)
            && bare.rsplit('\n').next() == Some(last)
        {
            side.truncate(bare.len());
            break;
        }
    }
    side
}
