//! Text without escape sequences, and where each byte of it stood: a program may colour the middle of
//! a secret, and a match must not miss it for that.
//!
//! Must not judge; sequences that move the cursor become a blank, for what they part is not one word.

use std::{borrow::Cow, ops::Range};

/// A text as it reads.
#[derive(Debug)]
pub(super) struct Plain<'a> {
    /// Without sequences.
    pub text: Cow<'a, [u8]>,
    /// Where pieces of it begin: here, and in the raw text; empty where both are one.
    pieces: Vec<(usize, usize)>,
}

impl<'a> Plain<'a> {
    pub fn of(raw: &'a [u8]) -> Self {
        if !raw.contains(&0x1b) {
            return Self {
                text: Cow::Borrowed(raw),
                pieces: Vec::new(),
            };
        }
        let mut text = Vec::with_capacity(raw.len());
        let mut pieces = vec![(0, 0)];
        let mut at = 0;
        while let Some(next) = raw[at..].iter().position(|b| *b == 0x1b) {
            let start = at + next;
            text.extend_from_slice(&raw[at..start]);
            let (end, moves) = sequence(raw, start);
            if moves {
                pieces.push((text.len(), start));
                text.push(b' ');
            }
            pieces.push((text.len(), end));
            at = end;
        }
        text.extend_from_slice(&raw[at..]);
        Self {
            text: Cow::Owned(text),
            pieces,
        }
    }

    /// Where a place of the plain text stands in the raw one.
    pub fn at(&self, plain: usize) -> usize {
        match self.pieces.partition_point(|(at, _)| *at <= plain) {
            0 => plain,
            ix => self.pieces[ix - 1].1 + plain - self.pieces[ix - 1].0,
        }
    }

    /// Where a range of the plain text stands in the raw one: pieces without the sequences between.
    pub fn raw(&self, plain: Range<usize>, mut each: impl FnMut(Range<usize>)) {
        if self.pieces.is_empty() {
            each(plain);
            return;
        }
        let mut ix = self.pieces.partition_point(|(at, _)| *at <= plain.start) - 1;
        let mut from = plain.start;
        while from < plain.end {
            let (at, raw) = self.pieces[ix];
            let to = (self.pieces.get(ix + 1)).map_or(plain.end, |(next, _)| plain.end.min(*next));
            if to > from {
                each(raw + from - at..raw + to - at);
            }
            from = from.max(to);
            ix += 1;
        }
    }
}

/// The end of the sequence that begins at `start`, and whether it parts words.
fn sequence(raw: &[u8], start: usize) -> (usize, bool) {
    let at = start + 1;
    match raw.get(at) {
        Some(b'[') => {
            let body = &raw[at + 1..];
            let len = body
                .iter()
                .take_while(|b| (0x20..0x40).contains(*b))
                .count();
            match body.get(len) {
                Some(last @ 0x40..=0x7e) => (at + 2 + len, !matches!(last, b'm' | b'K')),
                // It has lost its end.
                _ => (at + 1 + len, true),
            }
        }
        Some(b'(' | b')') => ((at + 2).min(raw.len()), false),
        // Of a string (`]`, `P`, …) the text is looked at like any other.
        Some(0x20..=0x7e) => (at + 1, true),
        _ => (at, true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw_of(raw: &[u8], word: &[u8]) -> Vec<Range<usize>> {
        let plain = Plain::of(raw);
        let at = plain
            .text
            .windows(word.len())
            .position(|w| w == word)
            .unwrap();
        let mut all = Vec::new();
        plain.raw(at..at + word.len(), |r| all.push(r));
        all
    }

    #[test]
    fn a_word_that_is_coloured_in_the_middle_is_one() {
        assert_eq!(raw_of(b"abc", b"bc"), vec![1..3]);
        assert_eq!(raw_of(b"\x1b[1mab\x1b[0mcd", b"abcd"), [4..6, 10..12]);
        assert_eq!(raw_of(b"x\x1b[5Cab\x1b[K\x1b[mc", b"abc"), [5..7, 13..14]);
        assert_eq!(&*Plain::of(b"a\x1b[2;2Hb").text, b"a b");
        assert_eq!(
            &*Plain::of(b"\x1b]0;title\x07b\x1b[3").text,
            b" 0;title\x07b "
        );
    }
}
