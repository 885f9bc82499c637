//! Finds that are numbers in lines of JSON: a mark without quotes would break the line for whoever reads it.
//!
//! Such a number becomes a string. Must not judge what is a find, and looks at lines that have one alone.

use std::ops::Range;

use memchr::memrchr2;

use super::scan::Piece;

/// Where a line stands: whether it is one of JSON, and whether in a string of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stand {
    json: bool,
    inside: bool,
    escaped: bool,
}

impl Stand {
    /// At the beginning of a line.
    pub fn at(line: &[u8]) -> Self {
        let first = line.iter().find(|b| !blank(**b));
        Self {
            json: matches!(first, Some(b'{' | b'[')),
            inside: false,
            escaped: false,
        }
    }

    /// Goes on over more of the line.
    pub fn over(&mut self, bytes: &[u8]) {
        if !self.json {
            return;
        }
        for byte in bytes {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = self.inside,
                b'"' => self.inside = !self.inside,
                _ => {}
            }
        }
    }
}

/// Finds the pieces that are numbers between what separates values, takes the whole of such a number and marks it as
/// bare. `ahead` is where the first line stands, if its beginning is gone.
pub(super) fn bare(text: &[u8], pieces: &mut Vec<Piece>, ahead: Option<Stand>) {
    let number = |piece: &Piece| text[piece.span.clone()].iter().all(|b| figure(*b));
    if !pieces.iter().any(|piece| piece.first && number(piece)) {
        return;
    }
    let mut known: Option<(usize, usize, Stand)> = None;
    let mut end = 0;
    pieces.retain_mut(|piece| {
        let at = piece.span.start;
        if at < end {
            // A part of the number before it.
            return false;
        }
        if !(piece.first && number(piece)) {
            return true;
        }
        // What was gone over for the number before is not looked at again.
        let (line, seen) = known.map_or((0, 0), |(line, from, _)| (line, from));
        let newer = memrchr2(b'\n', b'\r', &text[seen..at]).map(|n| seen + n + 1);
        let start = newer.unwrap_or(line);
        let (from, mut stand) = match known {
            Some((line, from, stand)) if line == start => (from, stand),
            _ => match ahead {
                Some(stand) if start == 0 => (0, stand),
                _ => (start, Stand::at(&text[start..])),
            },
        };
        stand.over(&text[from..at]);
        known = Some((start, at, stand));
        if stand.json
            && !stand.inside
            && let Some(whole) = alone(text, &piece.span)
        {
            end = whole.end;
            (piece.span, piece.bare) = (whole, true);
        }
        true
    });
}

/// The number that a stretch is a part of, where it stands alone between what separates values.
fn alone(text: &[u8], part: &Range<usize>) -> Option<Range<usize>> {
    let before = text[..part.start].iter().rev();
    let after = text[part.end..].iter();
    let start = part.start - before.take_while(|b| figure(**b)).count();
    let end = part.end + after.take_while(|b| figure(**b)).count();
    let last = text[..start].iter().rev().find(|b| !blank(**b));
    let next = text[end..].iter().find(|b| !blank(**b));
    let apart = matches!(last, None | Some(b':' | b',' | b'['));
    let ends = matches!(next, None | Some(b',' | b']' | b'}' | b'\n' | b'\r'));
    (apart && ends).then_some(start..end)
}

/// What numbers of JSON are made of.
fn figure(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E')
}

fn blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}
