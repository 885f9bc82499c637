//! What must hold of a find besides its pattern: entropy, and that it is no placeholder and no code.
//!
//! Integers only, so that the same text gives the same finds everywhere. Must not search.

use std::ops::Range;

use super::{
    rules::{Addresses, Check},
    scan::begins_a_word,
};

/// Bits per byte, in 1/1024, that a value drawn by chance has at least.
const RANDOM: u32 = 3 * 1024;
/// The same for a password.
const PASSWORD: u32 = 2 * 1024;
/// Words that show that a value stands for another.
const PLACEHOLDERS: [&str; 16] = [
    "example",
    "changeme",
    "change_me",
    "change-me",
    "placeholder",
    "redacted",
    "your",
    "xxxx",
    "****",
    "....",
    "${",
    "{{",
    "$(",
    "getenv",
    "environ",
    "process.env",
];
/// Values that say what belongs there.
const NAMES: [&str; 18] = [
    "password",
    "passwd",
    "passphrase",
    "pass",
    "pwd",
    "pw",
    "secret",
    "token",
    "user",
    "none",
    "null",
    "true",
    "false",
    "string",
    "undefined",
    "required",
    "optional",
    "disabled",
];

/// Whether a byte can be part of a token; what follows a find without a gap belongs to it.
pub(super) const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+' | b'/' | b'=')
}

/// Where a find lies in its text.
pub(super) struct Place<'a> {
    /// The whole text.
    pub text: &'a [u8],
    /// Its line, without the end.
    pub line: Range<usize>,
    /// What the pattern found.
    pub span: Range<usize>,
}

impl Place<'_> {
    fn value(&self) -> &[u8] {
        &self.text[self.span.clone()]
    }

    fn before(&self) -> Option<u8> {
        let at = self.span.start.checked_sub(1)?;
        (at >= self.line.start).then(|| self.text[at])
    }

    fn after(&self) -> Option<u8> {
        (self.span.end < self.line.end).then(|| self.text[self.span.end])
    }

    fn quoted(&self) -> bool {
        let quote = |b: Option<u8>| matches!(b, Some(b'"' | b'\'' | b'`' | b'\\'));
        quote(self.before()) && quote(self.after())
    }

    /// What is to be taken out; none: it is no secret.
    pub fn judged(mut self, check: Check, addresses: &Addresses) -> Option<Range<usize>> {
        let keep = match check {
            Check::None | Check::KeyBlock => {
                self.grow();
                true
            }
            Check::Random => {
                self.trim();
                self.random()
            }
            Check::Password => {
                self.trim();
                self.password()
            }
            Check::Value => {
                while self.span.end > self.span.start && self.text[self.span.end - 1] == b' ' {
                    self.span.end -= 1;
                }
                self.value_of_a_variable()
            }
            Check::Credential => {
                self.trim();
                !placeholder(self.value()) && entropy(self.value()) >= PASSWORD
            }
            Check::Address => !placeholder(self.value()) && !named(self.value()),
            Check::EMail => return self.address(addresses),
            Check::Number => digits(self.value()) >= 8,
            Check::Mailchimp => return self.mailchimp(),
        };
        keep.then_some(self.span)
    }

    /// Takes in what follows without a gap.
    fn grow(&mut self) {
        let last = self.span.end > self.span.start && is_token(self.text[self.span.end - 1]);
        while last && self.span.end < self.line.end && is_token(self.text[self.span.end]) {
            self.span.end += 1;
        }
    }

    /// Leaves out the punctuation of a sentence, or takes in what is cut off.
    fn trim(&mut self) {
        self.grow();
        while !self.quoted()
            && self.span.end > self.span.start
            && matches!(
                self.text[self.span.end - 1],
                b'.' | b':' | b'?' | b'!' | b','
            )
        {
            self.span.end -= 1;
        }
    }

    fn random(&self) -> bool {
        let value = self.value();
        if value.len() < 10 || placeholder(value) || named(value) {
            return false;
        }
        let (letters, figures) = (value.iter().any(u8::is_ascii_alphabetic), digits(value));
        letters
            && figures >= 2
            && entropy(value) >= RANDOM
            && (self.quoted() || !(self.code() || self.named_thing()))
    }

    fn password(&self) -> bool {
        let value = self.value();
        if value.len() < 6 || placeholder(value) || named(value) || entropy(value) < PASSWORD {
            return false;
        }
        let mixed = digits(value) > 0 || !value.iter().all(u8::is_ascii_alphabetic);
        if self.quoted() {
            return mixed;
        }
        value.len() >= 8
            && digits(value) > 0
            && !(self.code() || self.named_thing() && !lower(value))
    }

    fn value_of_a_variable(&self) -> bool {
        let value = self.value();
        let path = value.starts_with(b"/") || value.starts_with(b"~/") || value.starts_with(b"./");
        let told = value.starts_with(b"$") || value.starts_with(b"<") || value.starts_with(b"%");
        let number = digits(value) == value.len();
        value.len() >= 6
            && !(path || told || number || placeholder(value) || named(value))
            && entropy(value) >= PASSWORD
    }

    /// Whether it looks like a path, a reference or a call.
    fn code(&self) -> bool {
        let value = self.value();
        let first = value.first().copied().unwrap_or(b' ');
        matches!(self.after(), Some(b'(' | b'[' | b'{' | b'<' | b'!'))
            || matches!(
                first,
                b'$' | b'%' | b'<' | b'/' | b'&' | b'*' | b'~' | b'-' | b'.'
            )
            || [&b"::"[..], b"->", b"self.", b"://", b"=="]
                .iter()
                .any(|part| value.windows(part.len()).any(|w| w == *part))
    }

    /// Whether it looks like a name in a program: words with few figures, joined or in one case.
    fn named_thing(&self) -> bool {
        let value = self.value();
        let joint = |b: &u8| matches!(b, b'_' | b'.' | b'-');
        let has = |what: fn(&u8) -> bool| value.iter().any(what);
        let cases = has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase);
        value.iter().all(|b| b.is_ascii_alphanumeric() || joint(b))
            && digits(value) <= 3
            && (value.iter().any(joint) || !cases)
    }

    fn address(mut self, addresses: &Addresses) -> Option<Range<usize>> {
        let at = self.span.start;
        let local =
            |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'%' | b'+' | b'-');
        let before = &self.text[self.line.start..at];
        let most = before
            .iter()
            .rev()
            .take(65)
            .take_while(|b| local(b))
            .count();
        while matches!(self.text[self.span.end - 1], b'.' | b'-') {
            self.span.end -= 1;
        }
        let who = &before[before.len() - most..];
        let domain = self.text[at + 1..self.span.end].to_ascii_lowercase();
        let (_, last) = split_last(&domain)?;
        let is = |list: &[String], what: &[u8]| list.iter().any(|one| one.as_bytes() == what);
        let well_formed = (2..=64).contains(&most)
            && who[0].is_ascii_alphanumeric()
            && (2..=24).contains(&last.len())
            && last.iter().all(u8::is_ascii_alphabetic)
            && !domain.windows(2).any(|w| w == b"..");
        let below = |one: &String| {
            domain == one.as_bytes()
                || (domain.ends_with(one.as_bytes())
                    && domain[domain.len() - one.len() - 1] == b'.')
        };
        let nobodys = is(&addresses.not_domains, last)
            || is(&addresses.locals, &who.to_ascii_lowercase())
            || addresses.domains.iter().any(below);
        let after = (self.span.end + 1 < self.line.end).then(|| self.text[self.span.end + 1]);
        // A place on another machine (`user@host:path`), a call, or a user in a URL.
        let place = match self.after() {
            Some(b':') => {
                after.is_some_and(|b| b.is_ascii_alphanumeric() || b == b'/' || b == b'~')
            }
            Some(b'(' | b'/' | b'@') => true,
            _ => false,
        };
        (well_formed && !nobodys && !place).then_some(at - most..self.span.end)
    }

    fn mailchimp(self) -> Option<Range<usize>> {
        const LONG: usize = 32;
        let start = self
            .span
            .start
            .checked_sub(LONG)
            .filter(|s| *s >= self.line.start)?;
        let key = &self.text[start..self.span.start];
        let hex = |b: &u8| b.is_ascii_digit() || (b'a'..=b'f').contains(b);
        let alone = begins_a_word(&self.text[self.line.start..start]);
        (alone && key.iter().all(hex) && entropy(key) >= RANDOM).then_some(start..self.span.end)
    }
}

/// Small letters, figures and hyphens alone: no usual name in a program, but a usual password.
fn lower(value: &[u8]) -> bool {
    let usual = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-';
    value.iter().all(usual)
}

fn split_last(domain: &[u8]) -> Option<(&[u8], &[u8])> {
    let dot = domain.iter().rposition(|b| *b == b'.')?;
    Some((&domain[..dot], &domain[dot + 1..]))
}

fn digits(value: &[u8]) -> usize {
    value.iter().filter(|b| b.is_ascii_digit()).count()
}

/// Whether a value stands for another one.
pub(super) fn placeholder(value: &[u8]) -> bool {
    let lower = value.to_ascii_lowercase();
    let has = |word: &&str| lower.windows(word.len()).any(|w| w == word.as_bytes());
    PLACEHOLDERS.iter().any(has) || lower.starts_with(b"$") || lower.starts_with(b"<")
}

/// Whether a value only says what belongs there.
fn named(value: &[u8]) -> bool {
    NAMES
        .iter()
        .any(|name| value.eq_ignore_ascii_case(name.as_bytes()))
}

/// Shannon's entropy of the bytes of a value, in 1/1024 bits per byte.
pub(super) fn entropy(value: &[u8]) -> u32 {
    let value = &value[..value.len().min(256)];
    let mut counts = [0_u16; 256];
    for byte in value {
        counts[usize::from(*byte)] += 1;
    }
    let n = u32::try_from(value.len()).unwrap_or(0);
    if n == 0 {
        return 0;
    }
    // H = log2 n - (Σ c log2 c) / n
    let sum: u32 = (counts.iter().filter(|c| **c > 0))
        .map(|c| u32::from(*c) * log2(u32::from(*c)))
        .sum();
    log2(n).saturating_sub(sum / n)
}

/// The logarithm to base 2 of a positive number below 65,536, in 1/1024; exact to 1/1024.
fn log2(n: u32) -> u32 {
    let whole = n.max(1).ilog2();
    // The mantissa in [1, 2) with 16 bits after the point; each squaring gives one more bit.
    let mut x = u64::from(n.max(1)) << (16 - whole);
    let mut bits = 0;
    for _ in 0..10 {
        x = (x * x) >> 16;
        bits <<= 1;
        if x >= 2 << 16 {
            x >>= 1;
            bits |= 1;
        }
    }
    (whole << 10) | bits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropy_is_that_of_shannon() {
        assert_eq!(entropy(b""), 0);
        assert_eq!(entropy(b"aaaaaaaa"), 0);
        assert_eq!(entropy(b"abababab"), 1024);
        assert_eq!(entropy(b"abcdefgh"), 3 * 1024);
        for text in [&b"hunter2-and-more"[..], b"0123456789abcdefghij", b"xoxo"] {
            let n = text.len() as f64;
            let exact: f64 = (0..=255_u8)
                .map(|b| {
                    text.iter()
                        .map(|t| f64::from(u8::from(*t == b)))
                        .sum::<f64>()
                        / n
                })
                .filter(|p| *p > 0.0)
                .map(|p| -p * p.log2())
                .sum();
            let got = f64::from(entropy(text)) / 1024.0;
            assert!((got - exact).abs() < 0.01, "{got} {exact}");
        }
    }
}
