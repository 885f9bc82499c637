//! Finds what is secret in whole lines: known values, rules at their keywords, numbers with a check.
//!
//! One pass of a keyword automaton over everything, patterns only where a keyword stands and never
//! beyond the end of its line. Must not change text and must not remember anything.

use std::{ops::Range, sync::Arc};

use memchr::{memchr2, memrchr2};

use super::{
    check::Place,
    digits::{Number, numbers},
    exact::Exact,
    plain::Plain,
    rules::{Before, Check, Rule, Rules},
};

/// What is to be taken out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hit {
    /// Where.
    pub span: Range<usize>,
    /// What it is.
    pub kind: &'static str,
    /// Whether the lines after it belong to it.
    pub opens: bool,
}

/// One stretch of bytes of a hit in the raw text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// Where.
    pub span: Range<usize>,
    /// What it is.
    pub kind: &'static str,
    /// Whether it is the hit's first.
    pub first: bool,
    /// Whether the lines after it belong to it.
    pub opens: bool,
    /// A number in a line of JSON: its mark is a string.
    pub bare: bool,
}

/// What is known to be secret: the built-in rules, and values. Cheap to clone and to make.
#[derive(Debug, Clone, Default)]
pub struct Redactor {
    exact: Option<Arc<Exact>>,
}

impl Redactor {
    /// Takes values that are secret wherever they stand ([`super::values`] finds those of an
    /// environment).
    #[must_use]
    pub fn new(values: &[String]) -> Self {
        Self {
            exact: Exact::new(values).map(Arc::new),
        }
    }

    /// What is to be taken out of whole lines, in order and without overlaps.
    pub(super) fn pieces(&self, raw: &[u8]) -> Vec<Piece> {
        let plain = Plain::of(raw);
        let mut hits = self.hits(&plain.text);
        if hits.is_empty() {
            return Vec::new();
        }
        hits.sort_by(|a, b| {
            let key = |h: &Hit| (h.span.start, std::cmp::Reverse(h.span.end), !h.opens);
            key(a).cmp(&key(b))
        });
        let mut pieces: Vec<Piece> = Vec::with_capacity(hits.len());
        let mut end = 0;
        for mut hit in hits {
            hit.span.start = hit.span.start.max(end);
            if hit.span.start > hit.span.end || (hit.span.is_empty() && !hit.opens) {
                continue;
            }
            end = hit.span.end;
            let mut first = true;
            if hit.span.is_empty() {
                // Nothing of this line, all of the next ones.
                let at = plain.at(hit.span.start);
                pieces.push(Piece {
                    span: at..at,
                    kind: hit.kind,
                    first: false,
                    opens: true,
                    bare: false,
                });
            }
            plain.raw(hit.span, |span| {
                pieces.push(Piece {
                    span,
                    kind: hit.kind,
                    first,
                    opens: hit.opens,
                    bare: false,
                });
                first = false;
            });
        }
        pieces
    }

    fn hits(&self, text: &[u8]) -> Vec<Hit> {
        let mut hits = Vec::new();
        if let Some(exact) = &self.exact {
            exact.find(text, |span| {
                hits.push(Hit {
                    span,
                    kind: "known value",
                    opens: false,
                });
            });
        }
        let rules = Rules::built_in();
        let mut line = 0..0;
        if let Some(keywords) = &rules.keywords {
            for found in keywords.find_overlapping_iter(text) {
                let at = found.start();
                if !line.contains(&at) {
                    line = line_around(text, at, line.end);
                }
                for ix in &rules.by_keyword[found.pattern().as_usize()] {
                    hits.extend(hit(rules, &rules.all[*ix], text, at, &line));
                }
            }
        }
        numbers(text, |span, number| {
            let kind = match number {
                Number::Card => "card number",
                Number::Iban => "bank account",
            };
            hits.push(Hit {
                span,
                kind,
                opens: false,
            });
        });
        hits
    }

    /// Where the end of a line that is not complete may be the beginning of a secret; up to `known` it
    /// is told what it is.
    pub(super) fn suspicious(&self, line: &[u8], known: usize) -> usize {
        let word = |b: &u8| !matches!(b, b' ' | b'\t') && !b.is_ascii_control();
        let tail = line.iter().rev().take_while(|b| word(b)).count();
        let begun = self.exact.as_ref().map_or(0, |exact| exact.begun(line));
        let from = known.max(line.len() - tail);
        let tail = line.len() - from;
        let (last, has) = (&line[from..], |f: fn(&u8) -> bool| {
            line[from..].iter().any(f)
        });
        let keywords = Rules::built_in().keywords.as_ref();
        let may = tail >= 4
            && (keywords.is_some_and(|k| k.find_overlapping_iter(last).next().is_some())
                || (tail >= 12 && has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic)));
        if may {
            from.min(line.len() - begun)
        } else {
            line.len() - begun
        }
    }
}

/// The line around a place, without its end; `from` is at or before its beginning.
fn line_around(text: &[u8], at: usize, from: usize) -> Range<usize> {
    let from = from.min(at);
    let start = memrchr2(b'\n', b'\r', &text[from..at]).map_or(from, |n| from + n + 1);
    let end = memchr2(b'\n', b'\r', &text[at..]).map_or(text.len(), |n| at + n);
    start..end
}

fn hit(
    rules: &Rules,
    rule: &'static Rule,
    text: &[u8],
    at: usize,
    line: &Range<usize>,
) -> Option<Hit> {
    let before = &text[line.start..at];
    let stands = match rule.before {
        Before::Any => true,
        Before::Word => begins_a_word(before),
        Before::Assigned => names_a_variable(before),
    };
    if !stands {
        return None;
    }
    let reach = line.end.min(at + rule.reach);
    let captures = rule.regex()?.captures(&text[at..reach])?;
    let found = captures.get(1).or_else(|| captures.get(0))?;
    let span = at + found.start()..at + found.end();
    if rule.check == Check::KeyBlock {
        return Some(key_block(rule, text, span, line));
    }
    let place = Place {
        text,
        line: line.clone(),
        span,
    };
    let span = place.judged(rule.check, &rules.addresses)?;
    Some(Hit {
        span,
        kind: &rule.kind,
        opens: false,
    })
}

/// What follows the first line of a private key: its body, on this line or on the next ones.
fn key_block(rule: &'static Rule, text: &[u8], body: Range<usize>, line: &Range<usize>) -> Hit {
    let letters = text[body.clone()]
        .iter()
        .filter(|b| b.is_ascii_alphanumeric())
        .count();
    let ended = text[body.end..line.end].starts_with(b"-----END");
    let span = if letters >= 16 {
        body
    } else {
        body.start..body.start
    };
    Hit {
        span,
        kind: &rule.kind,
        opens: !ended,
    }
}

/// Whether what begins here is no part of a longer word; an escaped control character (`\n` in a JSON
/// string, a colour) or a percent code before it is none.
pub(super) fn begins_a_word(before: &[u8]) -> bool {
    let Some((last, rest)) = before.split_last() else {
        return true;
    };
    if !(last.is_ascii_alphanumeric() || *last == b'_') {
        return true;
    }
    if matches!(last, b'n' | b't' | b'r') && rest.last() == Some(&b'\\') {
        return true;
    }
    if *last == b'm' {
        let figures = rest
            .iter()
            .rev()
            .take_while(|b| b.is_ascii_digit() || **b == b';')
            .count();
        return rest[..rest.len() - figures].last() == Some(&b'[');
    }
    last.is_ascii_hexdigit()
        && rest.len() >= 2
        && rest[rest.len() - 1].is_ascii_hexdigit()
        && rest[rest.len() - 2] == b'%'
}

/// Whether only the beginning of a variable's name stands before a keyword in its line.
fn names_a_variable(before: &[u8]) -> bool {
    let line = before.trim_ascii_start();
    let line = line.strip_prefix(b"+").unwrap_or(line);
    let name = line
        .strip_prefix(b"export ")
        .unwrap_or(line)
        .trim_ascii_start();
    name.iter()
        .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_')
}
