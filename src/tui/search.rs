//! Searching an agent's output: which lines have the words, over the whole file, piece by piece from
//! its end.
//!
//! Raw bytes in, places of lines out. Must not ask by itself, and must not keep what it has read.

use std::{collections::VecDeque, ops::Range};

use crate::{display::clean_line, plan::AgentIx};

use super::feed::Request;

/// Bytes asked for at once.
pub const CHUNK: u32 = 256 << 10;
/// Bytes looked through at most: beyond it the search says that it has not seen the rest.
pub const MOST: u64 = 64 << 20;
/// Lines that are kept as found at most.
const HITS: usize = 100_000;
/// Columns of a line that are looked at, as in the pane.
const LINE: usize = 2_000;

/// A search in one attempt's output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// Whose.
    pub agent: AgentIx,
    /// Which attempt.
    pub attempt: u32,
    needle: String,
    /// Places of lines that have it, in order.
    hits: VecDeque<u64>,
    /// The part of the file that was looked through, whole lines.
    seen: Range<u64>,
    /// The end of what was looked through, with a last line that had not ended.
    tail: u64,
    /// Size of the file as far as known.
    total: u64,
    /// Bytes that are looked through at most.
    most: u64,
    /// What is asked for: from where.
    asked: Option<u64>,
    /// The line that the search stands on.
    at: Option<u64>,
    /// Where a person waits for the next hit to be found: before this place, or after it.
    waits: Option<Seek>,
}

/// Where the next hit is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seek {
    /// The last one that begins before this place.
    Before(u64),
    /// The first one that begins after this place.
    After(u64),
}

/// What a step from hit to hit led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// To this line.
    To(u64),
    /// It is still being looked for.
    Reads,
    /// There is none further that way.
    End,
    /// Nowhere, as far as was looked.
    Nothing,
}

/// Finds the words in a clean line, without regard to case unless they have capitals.
#[must_use]
pub fn find(line: &str, needle: &str) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    if needle.is_empty() {
        return out;
    }
    let exact = needle.chars().any(char::is_uppercase);
    if line.is_ascii() && needle.is_ascii() {
        return find_ascii(line.as_bytes(), needle.as_bytes(), exact);
    }
    let mut from = 0;
    while let Some((at, c)) = line[from..].char_indices().next() {
        let at = from + at;
        if let Some(len) = starts(&line[at..], needle, exact) {
            out.push(at..at + len);
            from = at + len;
        } else {
            from = at + c.len_utf8();
        }
    }
    out
}

/// The same where a character is a byte, which is nearly always.
fn find_ascii(line: &[u8], needle: &[u8], exact: bool) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    let (lower, upper) = if exact {
        (needle[0], needle[0])
    } else {
        (
            needle[0].to_ascii_lowercase(),
            needle[0].to_ascii_uppercase(),
        )
    };
    let mut from = 0;
    while from + needle.len() <= line.len() {
        let rest = &line[from..=line.len() - needle.len()];
        let Some(at) = rest.iter().position(|&b| b == lower || b == upper) else {
            break;
        };
        let at = from + at;
        let found = &line[at..at + needle.len()];
        if found == needle || !exact && found.eq_ignore_ascii_case(needle) {
            out.push(at..at + needle.len());
            from = at + needle.len();
        } else {
            from = at + 1;
        }
    }
    out
}

/// Bytes of the line's beginning that are the needle.
fn starts(line: &str, needle: &str, exact: bool) -> Option<usize> {
    let mut rest = line.chars();
    for wanted in needle.chars() {
        let c = rest.next()?;
        let same = c == wanted || !exact && c.to_lowercase().eq(wanted.to_lowercase());
        if !same {
            return None;
        }
    }
    Some(line.len() - rest.as_str().len())
}

impl Search {
    /// Begins at the end of a file of this size.
    #[must_use]
    pub fn new(agent: AgentIx, attempt: u32, needle: &str, total: u64) -> Self {
        Self {
            agent,
            attempt,
            needle: needle.to_owned(),
            hits: VecDeque::new(),
            seen: total..total,
            tail: total,
            total,
            most: MOST,
            asked: None,
            at: None,
            waits: None,
        }
    }

    /// What is searched for.
    #[must_use]
    pub fn needle(&self) -> &str {
        &self.needle
    }

    /// The line that the search stands on.
    #[must_use]
    pub const fn at(&self) -> Option<u64> {
        self.at
    }

    /// The file has grown.
    pub fn grew(&mut self, total: u64) {
        self.total = self.total.max(total);
    }

    /// Whether all of the file was looked through, or as much as is allowed.
    fn done_before(&self) -> bool {
        self.seen.start == 0
            || self.seen.end - self.seen.start >= self.most
            || self.hits.len() >= HITS
    }

    /// The next piece to ask for.
    pub fn wanted(&mut self) -> Option<Request> {
        if self.asked.is_some() {
            return None;
        }
        let chunk = u64::from(CHUNK);
        let (offset, max) = if !self.done_before() {
            let offset = self.seen.start.saturating_sub(chunk);
            (offset, self.seen.start - offset)
        } else if self.tail < self.total {
            (self.seen.end, chunk)
        } else {
            return None;
        };
        self.asked = Some(offset);
        Some(Request::Output {
            agent: self.agent,
            attempt: self.attempt,
            offset: Some(offset),
            max: u32::try_from(max).unwrap_or(CHUNK),
        })
    }

    /// Takes a piece; false: it is not the one that was asked for.
    pub fn take(&mut self, offset: u64, bytes: &[u8], total: u64) -> bool {
        if self.asked != Some(offset) {
            return false;
        }
        self.asked = None;
        self.grew(total);
        if offset < self.seen.start {
            let most = usize::try_from(self.seen.start - offset).unwrap_or(usize::MAX);
            self.before(offset, &bytes[..bytes.len().min(most)]);
        } else {
            self.after(offset, bytes);
        }
        true
    }

    fn before(&mut self, offset: u64, bytes: &[u8]) {
        if bytes.is_empty() {
            // It is not there any more: what cannot be read is not asked for again.
            self.seen.start = 0;
            return;
        }
        // A line that began before this piece is looked at with the next one, unless it is longer
        // than a piece.
        let first = match bytes.iter().position(|&b| b == b'\n') {
            _ if offset == 0 => 0,
            Some(end) if end + 1 < bytes.len() => end + 1,
            _ => 0,
        };
        let mut at = offset + first as u64;
        let begin = at;
        // The file's last line may go on.
        let newest = self.seen.is_empty();
        let mut found = Vec::new();
        for line in bytes[first..].split_inclusive(|&b| b == b'\n') {
            if newest && !line.ends_with(b"\n") && at > begin {
                (self.seen.end, self.tail) = (at, at);
                break;
            }
            if self.has(line) {
                found.push(at);
            }
            at += line.len() as u64;
        }
        for place in found.into_iter().rev() {
            self.hits.push_front(place);
        }
        self.seen.start = begin;
    }

    fn after(&mut self, offset: u64, bytes: &[u8]) {
        let mut at = offset;
        let mut whole = offset;
        for line in bytes.split_inclusive(|&b| b == b'\n') {
            if self.has(line) && self.hits.back().is_none_or(|&last| last < at) {
                self.hits.push_back(at);
            }
            at += line.len() as u64;
            if line.ends_with(b"\n") {
                whole = at;
            }
        }
        // The rest of a line is looked at again when there is more of it; one that is longer than a
        // piece is passed over.
        let long = whole == offset && bytes.len() >= CHUNK as usize;
        self.seen.end = if long { at } else { whole };
        self.tail = at;
        if bytes.is_empty() {
            self.total = self.tail;
        }
    }

    fn has(&self, line: &[u8]) -> bool {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        // What is clean already need not be made so.
        if line.len() < LINE && line.iter().all(|b| (0x20..0x7f).contains(b)) {
            let text = std::str::from_utf8(line).unwrap_or_default();
            return !find(text, &self.needle).is_empty();
        }
        !find(&clean_line(line, LINE), &self.needle).is_empty()
    }

    /// Goes to a hit; what is not found yet is waited for.
    pub fn step(&mut self, seek: Seek) -> Step {
        self.waits = None;
        let found = match seek {
            Seek::Before(place) => {
                let n = self.hits.partition_point(|&hit| hit < place);
                n.checked_sub(1).and_then(|n| self.hits.get(n))
            }
            Seek::After(place) => {
                let n = self.hits.partition_point(|&hit| hit <= place);
                self.hits.get(n)
            }
        };
        match (found, seek) {
            (Some(&place), _) => {
                self.at = Some(place);
                Step::To(place)
            }
            (None, Seek::Before(_)) if !self.done_before() => {
                self.waits = Some(seek);
                Step::Reads
            }
            (None, Seek::After(_)) if self.reads() => {
                self.waits = Some(seek);
                Step::Reads
            }
            (None, _) if self.hits.is_empty() => Step::Nothing,
            (None, _) => Step::End,
        }
    }

    /// What a person waits for, once more has been looked through.
    pub fn waited(&mut self) -> Option<(Seek, Step)> {
        let seek = self.waits?;
        let step = self.step(seek);
        (step != Step::Reads).then_some((seek, step))
    }

    /// Whether more is to be looked through.
    #[must_use]
    pub fn reads(&self) -> bool {
        self.asked.is_some() || !self.done_before() || self.tail < self.total
    }

    /// Whether older output was left out.
    #[must_use]
    pub fn capped(&self) -> bool {
        self.seen.start > 0 && self.done_before()
    }

    /// How far it has come, in words.
    #[must_use]
    pub fn words(&self) -> String {
        let count = self.hits.len();
        let place = self
            .at
            .and_then(|at| self.hits.iter().position(|&hit| hit == at));
        let lines = if count == 1 { "line" } else { "lines" };
        let mut text = match place {
            Some(place) => format!("{} of {count} {lines}", place + 1),
            None => format!("{count} {lines}"),
        };
        if self.capped() {
            let seen = super::view::words::size(self.seen.end - self.seen.start);
            text = format!("{text} in the last {seen}");
        } else if self.reads() {
            text.push_str(", looks on");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_whatever_their_case() {
        let found = |line: &str, needle: &str| {
            let hits = find(line, needle).into_iter();
            hits.map(|hit| (hit.start, hit.end)).collect::<Vec<_>>()
        };
        assert_eq!(found("Error: an error", "error"), [(0, 5), (10, 15)]);
        assert_eq!(found("Error: an error", "Error"), [(0, 5)]);
        assert_eq!(found("ÄÖ straße", "äö"), [(0, 4)]);
        assert_eq!(found("aaa", "aa"), [(0, 2)]);
        assert!(find("abc", "").is_empty());
    }

    /// Answers a search from a file until it wants nothing more.
    fn answer(search: &mut Search, file: &[u8]) {
        while let Some(Request::Output {
            offset: Some(offset),
            max,
            ..
        }) = search.wanted()
        {
            let from = offset as usize;
            let to = (from + max as usize).min(file.len());
            assert!(search.take(offset, &file[from..to], file.len() as u64));
        }
    }

    #[test]
    fn every_line_is_looked_at_once() {
        let mut file = Vec::new();
        let mut places = Vec::new();
        for n in 0..60_000 {
            if n % 700 == 3 {
                places.push(file.len() as u64);
                file.extend_from_slice(format!("line {n} \x1b[31mne\x1b[0medle\n").as_bytes());
            } else {
                file.extend_from_slice(format!("line {n} of hay\n").as_bytes());
            }
        }
        let half = places[40] as usize + 3;
        let mut search = Search::new(AgentIx(0), 1, "needle", half as u64);
        let end = Seek::Before(u64::MAX);
        assert_eq!(search.step(end), Step::Reads);
        answer(&mut search, &file[..half]);
        // The line that had not ended is no hit yet.
        assert_eq!(search.waited(), Some((end, Step::To(places[39]))));
        search.grew(file.len() as u64);
        answer(&mut search, &file);
        assert_eq!(search.hits, places);
        assert_eq!(search.words(), format!("40 of {} lines", places.len()));
        assert_eq!(search.step(Seek::After(places[39])), Step::To(places[40]));
        assert_eq!(search.step(Seek::Before(places[0])), Step::End);
    }

    #[test]
    fn a_search_ends_somewhere_and_says_so() {
        let line = [b"x".repeat(99), b"\n".to_vec()].concat();
        let (most, total) = (2 << 20, 8 << 20);
        let mut search = Search::new(AgentIx(0), 1, "y", total);
        search.most = most;
        let mut asked = 0;
        while let Some(Request::Output { offset, max, .. }) = search.wanted() {
            let bytes = line.repeat(max as usize / 100 + 1);
            search.take(offset.unwrap(), &bytes[..max as usize], total);
            asked += u64::from(max);
            assert!(asked < most * 2);
        }
        assert!(search.capped() && !search.reads());
        assert!(
            search.words().ends_with("in the last 2M"),
            "{}",
            search.words()
        );
        assert_eq!(search.step(Seek::Before(u64::MAX)), Step::Nothing);
    }
}
