//! Differences between two texts word by word, for highlighting.
//!
//! A word is a run of letters, digits and `_`, a run of blanks, or any other single character; a
//! newline stands alone. Must not know colours.

use std::ops::Range;

use super::lcs::common;

/// A stretch of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Bytes of the text.
    pub range: Range<usize>,
    /// The other text does not have it here.
    pub changed: bool,
}

/// The spans of both texts; together they cover each text without gaps.
pub fn differences(a: &str, b: &str) -> (Vec<Span>, Vec<Span>) {
    let (left, right) = (tokens(a), tokens(b));
    let pairs = common(&left, &right);
    let spans = |tokens: &[&str], kept: Vec<usize>| {
        let mut out: Vec<Span> = Vec::new();
        let (mut at, mut kept) = (0, kept.into_iter().peekable());
        for (i, token) in tokens.iter().enumerate() {
            let changed = kept.next_if_eq(&i).is_none();
            let end = at + token.len();
            match out.last_mut() {
                Some(last) if last.changed == changed => last.range.end = end,
                _ => out.push(Span {
                    range: at..end,
                    changed,
                }),
            }
            at = end;
        }
        out
    };
    (
        spans(&left, pairs.iter().map(|p| p.0).collect()),
        spans(&right, pairs.iter().map(|p| p.1).collect()),
    )
}

/// The words of a text in order; together they are the text.
pub(super) fn tokens(text: &str) -> Vec<&str> {
    #[derive(PartialEq, Clone, Copy)]
    enum Class {
        Word,
        Blank,
        Single,
    }
    let class = |c: char| match c {
        c if c.is_alphanumeric() || c == '_' => Class::Word,
        ' ' | '\t' => Class::Blank,
        _ => Class::Single,
    };
    let mut out = Vec::new();
    let mut start = 0;
    let mut before = None;
    for (i, c) in text.char_indices() {
        let this = class(c);
        if before.is_some_and(|b| b != this || this == Class::Single) {
            out.push(&text[start..i]);
            start = i;
        }
        before = Some(this);
    }
    if start < text.len() {
        out.push(&text[start..]);
    }
    out
}
