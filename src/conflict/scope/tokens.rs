//! The parts of a glob, read as `globset` reads them (its own are private). Pure.

/// A set of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bytes([u64; 4]);

impl Bytes {
    pub(super) const NONE: Self = Self([0; 4]);
    pub(super) const ALL: Self = Self([u64::MAX; 4]);

    pub(super) fn one(byte: u8) -> Self {
        Self::NONE.with(byte, byte)
    }

    /// With a range, both ends in it.
    pub(super) fn with(mut self, from: u8, to: u8) -> Self {
        for byte in from..=to {
            self.0[usize::from(byte >> 6)] |= 1 << (byte & 63);
        }
        self
    }

    pub(super) fn has(self, byte: u8) -> bool {
        self.0[usize::from(byte >> 6)] & (1 << (byte & 63)) != 0
    }

    pub(super) fn and(self, other: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] & other.0[i]))
    }

    pub(super) fn not(self) -> Self {
        Self(self.0.map(|word| !word))
    }

    pub(super) fn is_empty(self) -> bool {
        self == Self::NONE
    }
}

/// A part of a glob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// One byte out of a set: a letter, `?`, a class.
    One(Bytes),
    /// `*`: any bytes but `/`.
    Star,
    /// `**/` at the start: nothing, or anything up to a `/`.
    Prefix,
    /// `/**` at the end: `/` and anything.
    Suffix,
    /// `/**/`: `/`, or `/`, anything and `/`.
    Middle,
    /// `{a,b}`.
    Choice(Vec<Vec<Token>>),
}

/// Any byte but `/`.
pub(super) fn no_slash() -> Bytes {
    Bytes::one(b'/').not()
}

struct Parser<'a> {
    chars: std::iter::Peekable<std::str::Chars<'a>>,
    prev: Option<char>,
    cur: Option<char>,
    /// Where in `branches` each open choice begins.
    open: Vec<usize>,
    branches: Vec<Vec<Token>>,
}

/// Reads a glob; none when its form is wrong.
pub(super) fn parse(glob: &str) -> Option<Vec<Token>> {
    let mut parser = Parser {
        chars: glob.chars().peekable(),
        prev: None,
        cur: None,
        open: Vec::new(),
        branches: vec![Vec::new()],
    };
    while let Some(c) = parser.bump() {
        match c {
            '?' => parser.push(Token::One(no_slash()))?,
            '*' => parser.star()?,
            '[' => parser.class()?,
            '{' => {
                parser.open.push(parser.branches.len());
                parser.branches.push(Vec::new());
            }
            '}' => {
                let from = parser.open.pop()?;
                let choices = parser.branches.drain(from..).collect();
                parser.push(Token::Choice(choices))?;
            }
            ',' if !parser.open.is_empty() => parser.branches.push(Vec::new()),
            '\\' => {
                let c = parser.bump()?;
                parser.letter(c)?;
            }
            c => parser.letter(c)?,
        }
    }
    (parser.open.is_empty() && parser.branches.len() == 1)
        .then(|| parser.branches.pop())
        .flatten()
}

impl Parser<'_> {
    fn bump(&mut self) -> Option<char> {
        self.prev = self.cur;
        self.cur = self.chars.next();
        self.cur
    }

    fn push(&mut self, token: Token) -> Option<()> {
        self.branches.last_mut()?.push(token);
        Some(())
    }

    fn letter(&mut self, c: char) -> Option<()> {
        let mut buffer = [0; 4];
        for byte in c.encode_utf8(&mut buffer).bytes() {
            self.push(Token::One(Bytes::one(byte)))?;
        }
        Some(())
    }

    fn stars(&mut self) -> Option<()> {
        self.push(Token::Star)
    }

    fn star(&mut self) -> Option<()> {
        let prev = self.prev;
        if self.chars.peek() != Some(&'*') {
            return self.stars();
        }
        self.bump();
        let next = self.chars.peek().copied();
        if self.branches.last()?.is_empty() {
            if next.is_some_and(|c| c != '/') {
                return self.stars();
            }
            self.push(Token::Prefix)?;
            self.bump();
            return Some(());
        }
        let after_choice = self.branches.len() > 1 && matches!(prev, Some(',' | '{'));
        if prev != Some('/') && !after_choice {
            return self.stars();
        }
        let suffix = match next {
            None => true,
            Some(',' | '}') if self.branches.len() >= 2 => true,
            Some('/') => {
                self.bump();
                false
            }
            Some(_) => return self.stars(),
        };
        let last = self.branches.last_mut()?.pop()?;
        self.push(match last {
            Token::Prefix => Token::Prefix,
            Token::Suffix => Token::Suffix,
            _ if suffix => Token::Suffix,
            _ => Token::Middle,
        })
    }

    fn class(&mut self) -> Option<()> {
        let negated = matches!(self.chars.peek(), Some('!' | '^'));
        if negated {
            self.bump();
        }
        let mut ranges: Vec<(char, char)> = Vec::new();
        let (mut first, mut in_range) = (true, false);
        loop {
            match self.bump()? {
                ']' if !first => break,
                '-' if !first && !in_range => in_range = true,
                c if in_range => {
                    let last = ranges.last_mut()?;
                    last.1 = c;
                    if last.1 < last.0 {
                        return None;
                    }
                    in_range = false;
                }
                c => ranges.push((c, c)),
            }
            first = false;
        }
        if in_range {
            ranges.push(('-', '-'));
        }
        let mut set = Bytes::NONE;
        for (from, to) in ranges {
            set = with_range(set, from, to);
        }
        self.push(Token::One(if negated { set.not() } else { set }))
    }
}

/// Adds a range of letters; those beyond ASCII count by their bytes, as they do in `globset`.
fn with_range(mut set: Bytes, from: char, to: char) -> Bytes {
    let (mut a, mut b) = ([0; 4], [0; 4]);
    let from_bytes = from.encode_utf8(&mut a).as_bytes();
    let to_bytes = to.encode_utf8(&mut b).as_bytes();
    for &byte in from_bytes.iter().chain(to_bytes) {
        set = set.with(byte, byte);
    }
    if from != to
        && let (Some(&low), Some(&high)) = (from_bytes.last(), to_bytes.first())
        && low <= high
    {
        set = set.with(low, high);
    }
    set
}
