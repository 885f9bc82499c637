//! What is known of one agent's output: a window of its file, and which part to ask for next.
//!
//! Raw bytes in, clean lines out, only those that are shown. Must not ask by itself: the reducer
//! does, at its own pace.

mod words;

use std::ops::Range;

use crate::{display::clean_line, engine::Owner, plan::AgentIx};

use super::{
    feed::Request,
    spoken::{Kind, Words},
    ui_state::Look,
};

/// Bytes asked for at once.
const CHUNK: u32 = 64 << 10;
/// Bytes kept.
const KEEP: usize = 1 << 20;
/// A line is cut after so many columns.
const LINE: usize = 2_000;

/// A part of an output file.
#[derive(Debug)]
pub struct OutputBuffer {
    /// Whose.
    pub agent: AgentIx,
    /// Which attempt.
    pub attempt: u32,
    /// Where `bytes` begin in the file.
    start: u64,
    bytes: Vec<u8>,
    /// Size of the file as far as known.
    pub total: u64,
    /// Something has come.
    pub loaded: bool,
    /// The file may have grown without anybody having said so.
    doubtful: bool,
    /// What is kept was dropped, to be read elsewhere.
    away: bool,
    /// The same in words, where it is shown so.
    words: Option<Words>,
}

/// What the check that a person has to look at printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// Whose check.
    pub owner: Owner,
    /// Attempt of the agent, or round of the phase's gates.
    pub attempt: u32,
    /// Its last lines, clean; none: nothing has come, or it printed nothing.
    pub lines: Vec<String>,
}

impl Evidence {
    /// Evidence of which nothing is known.
    #[must_use]
    pub const fn new(owner: Owner, attempt: u32) -> Self {
        Self {
            owner,
            attempt,
            lines: Vec::new(),
        }
    }

    /// Takes what was printed.
    pub fn take(&mut self, bytes: &[u8]) {
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        self.lines = if bytes.is_empty() {
            Vec::new()
        } else {
            bytes
                .split(|&b| b == b'\n')
                .map(|line| clean_line(line, LINE))
                .collect()
        };
    }
}

/// What one command of a check printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckPrint {
    /// Whose check.
    pub owner: Owner,
    /// Which command: attempt (or round of a phase's gates), round within it, step.
    pub key: (u32, u32, u32),
    /// Its last lines, clean.
    pub lines: Vec<String>,
    /// It has come.
    pub loaded: bool,
}

impl CheckPrint {
    /// One of which nothing is known.
    #[must_use]
    pub const fn new(owner: Owner, key: (u32, u32, u32)) -> Self {
        Self {
            owner,
            key,
            lines: Vec::new(),
            loaded: false,
        }
    }

    /// Takes the end of what was printed.
    pub fn take(&mut self, bytes: &[u8]) {
        let mut evidence = Evidence::new(self.owner, self.key.0);
        evidence.take(bytes);
        self.lines = evidence.lines;
        self.loaded = true;
    }
}

/// What has changed in the repository since the run began.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Diff {
    /// Clean lines: what has changed in numbers, then the changes; or why there are none.
    pub lines: Vec<String>,
}

impl Diff {
    /// A diff that cannot be had, and why.
    #[must_use]
    pub fn none(why: &str) -> Self {
        Self {
            lines: vec![clean_line(why, LINE)],
        }
    }

    /// Makes one of what a program printed.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        if bytes.is_empty() {
            return Self::none("nothing has changed");
        }
        let lines = bytes.split(|&b| b == b'\n');
        Self {
            lines: lines.map(|line| clean_line(line, LINE)).collect(),
        }
    }
}

/// Lines for a pane.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Shown {
    /// Clean lines, in order.
    pub lines: Vec<String>,
    /// Where each begins in the file.
    pub starts: Vec<u64>,
    /// In words: how each is meant, and which question it is.
    pub said: Vec<(Kind, Option<String>)>,
    /// Where the first one begins in the file.
    pub from: u64,
    /// Where the last one ends.
    pub to: u64,
}

impl OutputBuffer {
    /// Makes the buffer of an attempt of which nothing is known.
    #[must_use]
    pub const fn new(agent: AgentIx, attempt: u32) -> Self {
        Self {
            agent,
            attempt,
            start: 0,
            bytes: Vec::new(),
            total: 0,
            loaded: false,
            doubtful: false,
            away: false,
            words: None,
        }
    }

    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    /// Takes a piece of the file.
    pub fn take(&mut self, offset: u64, bytes: &[u8], total: u64, look: Look) {
        self.loaded = true;
        self.doubtful = false;
        self.away = false;
        self.total = total.max(offset + bytes.len() as u64);
        let end = offset + bytes.len() as u64;
        if self.bytes.is_empty() || offset > self.end() || end < self.start {
            self.start = offset;
            self.bytes = bytes.to_vec();
        } else {
            if offset < self.start {
                let new = (self.start - offset) as usize;
                self.bytes.splice(0..0, bytes[..new].iter().copied());
                self.start = offset;
            }
            if end > self.end() {
                let known = (self.end() - offset) as usize;
                self.bytes.extend_from_slice(&bytes[known..]);
            }
        }
        if self.bytes.len() > KEEP {
            let over = self.bytes.len() - KEEP;
            match look {
                Look::From(at) if at < self.start + KEEP as u64 / 2 => self.bytes.truncate(KEEP),
                _ => {
                    self.bytes.drain(..over);
                    self.start += over as u64;
                }
            }
        }
        self.follow();
    }

    /// The attempt has ended: what it printed last is asked for once more.
    pub const fn doubt(&mut self) {
        self.doubtful = true;
    }

    /// The next thing to ask for, when `rows` lines are looked at.
    #[must_use]
    pub fn wanted(&self, look: Look, rows: usize) -> Option<Request> {
        let ask = |offset| {
            Some(Request::Output {
                agent: self.agent,
                attempt: self.attempt,
                offset,
                max: CHUNK,
            })
        };
        if !self.loaded {
            return ask(None);
        }
        if self.away && look != Look::Tail {
            return ask(Some(self.start));
        }
        match look {
            Look::Tail if self.doubtful => ask(Some(self.end())),
            Look::Tail if self.end() >= self.total => {
                let words = self.words.as_ref();
                words.and_then(|words| ask(Some(self.words_wanted(words, look, rows)?)))
            }
            Look::Tail if self.total - self.end() > u64::from(CHUNK) => ask(None),
            Look::Tail => ask(Some(self.end())),
            Look::From(at) => {
                if let Some(words) = &self.words {
                    return ask(Some(self.words_wanted(words, look, rows)?));
                }
                let before = self.count_before(at);
                if self.start > 0 && before < rows * 2 {
                    ask(Some(self.start.saturating_sub(u64::from(CHUNK))))
                } else if self.end() < self.total && self.range(look, rows * 2).end >= self.end() {
                    ask(Some(self.end()))
                } else {
                    None
                }
            }
        }
    }

    /// Lines that are known before a place, at most a few hundred.
    fn count_before(&self, at: u64) -> usize {
        let end = (at.saturating_sub(self.start) as usize).min(self.bytes.len());
        self.bytes[..end]
            .iter()
            .rev()
            .filter(|&&b| b == b'\n')
            .take(400)
            .count()
    }

    /// Place in `bytes` of the line that is `rows` lines before `at` (itself a line's beginning).
    fn back(&self, at: usize, rows: usize) -> usize {
        let mut left = rows;
        let mut place = at;
        while left > 0 && place > 0 {
            place = self.bytes[..place - 1]
                .iter()
                .rposition(|&b| b == b'\n')
                .map_or(0, |n| n + 1);
            left -= 1;
        }
        place
    }

    fn forward(&self, at: usize, rows: usize) -> usize {
        let mut place = at;
        for _ in 0..rows {
            match self.bytes[place..].iter().position(|&b| b == b'\n') {
                Some(n) => place += n + 1,
                None => return self.bytes.len(),
            }
        }
        place
    }

    fn range(&self, look: Look, rows: usize) -> Range<u64> {
        let (from, to) = match look {
            Look::Tail => {
                let to = self.bytes.len();
                (self.back(to, rows), to)
            }
            Look::From(at) => {
                let from = (at.saturating_sub(self.start) as usize).min(self.bytes.len());
                (from, self.forward(from, rows))
            }
        };
        self.start + from as u64..self.start + to as u64
    }

    /// The lines that a pane of so many rows shows.
    #[must_use]
    pub fn show(&self, look: Look, rows: usize) -> Shown {
        if let Some(words) = &self.words {
            return self.show_words(words, look, rows);
        }
        let range = self.range(look, rows);
        let bytes =
            &self.bytes[(range.start - self.start) as usize..(range.end - self.start) as usize];
        let (mut lines, mut starts) = (Vec::new(), Vec::new());
        let mut at = range.start;
        for line in bytes.split_inclusive(|&b| b == b'\n') {
            lines.push(clean_line(line, LINE));
            starts.push(at);
            at += line.len() as u64;
        }
        Shown {
            lines,
            starts,
            said: Vec::new(),
            from: range.start,
            to: range.end,
        }
    }

    /// The lines between two places, both at a line's beginning; none: a part of them is not kept.
    #[must_use]
    pub fn between(&self, from: u64, to: u64) -> Option<Vec<String>> {
        if from < self.start || to > self.end() || from > to {
            return None;
        }
        if let Some(words) = &self.words {
            return Some(Self::words_between(words, from, to));
        }
        let bytes = &self.bytes[(from - self.start) as usize..(to - self.start) as usize];
        let lines = bytes.split_inclusive(|&b| b == b'\n');
        Some(lines.map(|line| clean_line(line, LINE)).collect())
    }

    /// Where to look so that the line at a place is seen with some before it.
    #[must_use]
    pub fn around(&self, at: u64, rows: usize) -> Look {
        if at < self.start || at >= self.end() {
            return Look::From(at);
        }
        let place = self.back((at - self.start) as usize, rows / 3);
        let last = self.back(self.bytes.len(), rows);
        Look::From(self.start + place.min(last) as u64)
    }

    /// Turns to a place: what is kept is dropped where that does not lie in it.
    pub fn turn_to(&mut self, at: u64) {
        if at < self.start || at >= self.end() {
            self.bytes.clear();
            self.start = at.saturating_sub(u64::from(CHUNK) / 2);
            self.away = true;
            self.follow();
        }
    }

    /// Where to look after scrolling by so many lines (up is negative).
    #[must_use]
    pub fn scrolled(&self, look: Look, by: isize, rows: usize) -> Look {
        if let Some(words) = &self.words {
            return self.words_scrolled(words, look, by, rows);
        }
        let at = (self.range(look, rows).start - self.start) as usize;
        let to = if by < 0 {
            self.back(at, by.unsigned_abs())
        } else {
            self.forward(at, by.unsigned_abs())
        };
        let last = self.back(self.bytes.len(), rows);
        if by > 0 && to >= last && self.end() >= self.total {
            Look::Tail
        } else if by < 0 && to >= last {
            look
        } else {
            Look::From(self.start + to as u64)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(n: usize) -> Vec<u8> {
        (0..n)
            .flat_map(|i| format!("line {i:04}\n").into_bytes())
            .collect()
    }

    #[test]
    fn it_follows_scrolls_and_returns() {
        let mut buffer = OutputBuffer::new(AgentIx(0), 1);
        assert!(matches!(
            buffer.wanted(Look::Tail, 5),
            Some(Request::Output { offset: None, .. })
        ));
        let all = lines(100);
        buffer.take(500, &all[500..], 1000, Look::Tail);
        assert_eq!(buffer.wanted(Look::Tail, 5), None);
        assert_eq!(
            buffer.show(Look::Tail, 3).lines,
            ["line 0097", "line 0098", "line 0099"]
        );
        let up = buffer.scrolled(Look::Tail, -10, 3);
        assert_eq!(buffer.show(up, 2).lines, ["line 0087", "line 0088"]);
        let top = buffer.scrolled(up, -1000, 3);
        assert_eq!(top, Look::From(500));
        assert!(matches!(
            buffer.wanted(top, 3),
            Some(Request::Output {
                offset: Some(0),
                ..
            })
        ));
        buffer.take(0, &all[..600], 1000, top);
        assert_eq!(buffer.show(top, 1).lines, ["line 0050"]);
        assert_eq!(buffer.scrolled(top, -1000, 3), Look::From(0));
        assert_eq!(buffer.scrolled(top, 1000, 3), Look::Tail);
        // New output does not move what is looked at.
        buffer.take(1000, b"new\npartial", 1011, up);
        assert_eq!(buffer.show(up, 2).lines, ["line 0087", "line 0088"]);
        assert_eq!(buffer.show(Look::Tail, 2).lines, ["new", "partial"]);
    }

    #[test]
    fn it_never_panics_and_keeps_little() {
        let mut buffer = OutputBuffer::new(AgentIx(0), 1);
        let noise = vec![b'x'; 300_000];
        for i in 0..10_u64 {
            buffer.take(i * 300_000, &noise, 3_000_000, Look::Tail);
            assert!(buffer.bytes.len() <= KEEP);
        }
        for rows in 0..4 {
            for look in [Look::Tail, Look::From(0), Look::From(u64::MAX)] {
                for by in [-3_isize, 0, 3] {
                    let next = buffer.scrolled(look, by, rows);
                    let _ = buffer.show(next, rows);
                    let _ = buffer.wanted(next, rows);
                }
            }
        }
        let empty = OutputBuffer::new(AgentIx(0), 1);
        assert_eq!(empty.show(Look::Tail, 5).lines, Vec::<String>::new());
        assert_eq!(empty.scrolled(Look::Tail, -5, 5), Look::Tail);
    }
}
