//! What others may look at while a job runs: bytes, time of the last output, the last line.
//!
//! Must not hold more than a few hundred bytes per job, and a reader must never hold up the writer.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use super::JobKey;
use crate::{display::hides, sys::locked};

/// Longest last line in bytes.
pub const LINE_BYTES: usize = 240;
/// Raw output that is kept to cut the last line from: a long line with many colours fits.
const TAIL_BYTES: usize = 1024;

/// A running job as the sampler sees it.
#[derive(Debug)]
pub struct JobView {
    /// Which job.
    pub key: JobKey,
    /// Its process id.
    pub pid: i32,
    /// When it started, in clock ticks since boot.
    pub start_time: u64,
    born: Instant,
    bytes: AtomicU64,
    last_us: AtomicU64,
    tail: Mutex<Vec<u8>>,
    said: Mutex<Vec<u8>>,
    /// It prints a stream for programs, whose lines are nothing for a person.
    stream: AtomicBool,
    /// Until when its silence did not count, in microseconds since its birth; `u64::MAX`: it does not now.
    stood_us: AtomicU64,
}

impl JobView {
    pub(super) fn new(key: JobKey, pid: i32, start_time: u64) -> Self {
        Self {
            key,
            pid,
            start_time,
            born: Instant::now(),
            bytes: AtomicU64::new(0),
            last_us: AtomicU64::new(0),
            tail: Mutex::default(),
            said: Mutex::default(),
            stream: AtomicBool::new(false),
            stood_us: AtomicU64::new(0),
        }
    }

    /// Returns how many bytes it has printed.
    pub fn output_bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Says that its silence does not count for now, or counts from now on: it waits for something of ours.
    pub fn stand(&self, stands: bool) {
        let since = self.born.elapsed().as_micros();
        let until = u64::try_from(since).unwrap_or(u64::MAX - 1);
        let until = if stands { u64::MAX } else { until };
        self.stood_us.store(until, Ordering::Relaxed);
    }

    /// Returns until when its silence did not count; none: it always did.
    pub(super) fn stood(&self, now: Instant) -> Option<Instant> {
        match self.stood_us.load(Ordering::Relaxed) {
            0 => None,
            u64::MAX => Some(now),
            us => Some(self.born + Duration::from_micros(us)),
        }
    }

    /// Returns how long it has been silent: since its last output, or since its start.
    pub fn quiet(&self) -> Duration {
        self.born
            .elapsed()
            .saturating_sub(Duration::from_micros(self.last_us.load(Ordering::Relaxed)))
    }

    /// Returns the last line that it printed, or what it says that it does, safe to show; empty where there is
    /// none, or nothing but a stream for programs.
    pub fn last_line(&self) -> String {
        let said = locked(&self.said).clone();
        if !said.is_empty() {
            return tail_line(&said);
        }
        if self.stream.load(Ordering::Relaxed) {
            return String::new();
        }
        let tail = locked(&self.tail).clone();
        tail_line(&tail)
    }

    /// It prints a stream for programs: only what it says in that is shown.
    pub(super) fn streams(&self) {
        self.stream.store(true, Ordering::Relaxed);
    }

    /// What its program says that it does: stands in place of its last line until it says something else.
    pub(super) fn says(&self, text: &str) {
        let mut line = text.as_bytes();
        line = &line[..line.len().min(TAIL_BYTES)];
        let mut said = locked(&self.said);
        said.clear();
        said.extend_from_slice(line);
        said.push(b'\n');
    }

    pub(super) fn note(&self, chunk: &[u8]) {
        self.bytes.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        let now = u64::try_from(self.born.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.last_us.store(now, Ordering::Relaxed);
        let mut tail = locked(&self.tail);
        if chunk.len() >= TAIL_BYTES {
            tail.clear();
        }
        tail.extend_from_slice(&chunk[chunk.len().saturating_sub(TAIL_BYTES)..]);
        let over = tail.len().saturating_sub(TAIL_BYTES);
        tail.drain(..over);
    }
}

/// Cuts the last line that says something out of raw output and makes it safe to show.
///
/// Escape sequences, control characters (C0 and C1), bidi controls, zero-width and tag characters
/// are left out; a carriage return starts the line anew, as progress bars mean it; what is not
/// UTF-8 becomes `\u{fffd}`. At most [`LINE_BYTES`] bytes, cut at a character.
#[must_use]
pub fn tail_line(raw: &[u8]) -> String {
    let text = String::from_utf8_lossy(raw);
    let mut last = String::new();
    let mut line = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\n' | '\r' => {
                if !line.trim().is_empty() {
                    last = std::mem::take(&mut line);
                }
                line.clear();
            }
            '\t' => line.push(' '),
            '\u{1b}' | '\u{9b}' => {
                let moved = if c == '\u{9b}' {
                    skip_csi(&mut chars)
                } else {
                    skip_escape(&mut chars)
                };
                // In a terminal: what follows stands elsewhere.
                if moved {
                    if !line.trim().is_empty() {
                        last = std::mem::take(&mut line);
                    }
                    line.clear();
                }
            }
            '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}' => skip_string(&mut chars),
            c if hides(c) => {}
            c => line.push(c),
        }
    }
    let shown = if line.trim().is_empty() { last } else { line };
    let mut shown = shown.trim().to_owned();
    let mut end = shown.len().min(LINE_BYTES);
    while !shown.is_char_boundary(end) {
        end -= 1;
    }
    shown.truncate(end);
    shown
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// True: the cursor was put onto another line.
fn skip_escape(chars: &mut Chars<'_>) -> bool {
    match chars.peek() {
        Some('[') => {
            chars.next();
            return skip_csi(chars);
        }
        Some(']' | 'P' | 'X' | '^' | '_') => {
            chars.next();
            skip_string(chars);
        }
        Some(' '..='/') => {
            while chars.next_if(|c| (' '..='/').contains(c)).is_some() {}
            chars.next_if(|c| ('0'..='~').contains(c));
        }
        Some('0'..='~') => {
            chars.next();
        }
        _ => {}
    }
    false
}

/// Skips parameters and the final character; a line's end also ends a sequence that lost its own.
/// True: the cursor was put onto another line.
fn skip_csi(chars: &mut Chars<'_>) -> bool {
    while let Some(c) = chars.next_if(|c| (' '..='~').contains(c)) {
        if ('@'..='~').contains(&c) {
            return matches!(c, 'A' | 'B' | 'E' | 'F' | 'H' | 'd' | 'f');
        }
    }
    false
}

/// Skips to the terminator of an operating system or device string, but never over a line's end:
/// an unterminated one must not swallow what follows.
fn skip_string(chars: &mut Chars<'_>) {
    while let Some(c) = chars.next_if(|&c| c != '\n' && c != '\r') {
        match c {
            '\u{7}' | '\u{9c}' => return,
            '\u{1b}' => {
                chars.next_if_eq(&'\\');
                return;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn of_a_stream_for_programs_only_what_is_said_in_it_is_shown() {
        let view = JobView::new(JobKey::main("a".into(), 1), 1, 1);
        view.note(b"{\"type\":\"system\"}\n");
        assert_eq!(view.last_line(), "{\"type\":\"system\"}");
        view.streams();
        assert_eq!(view.last_line(), "");
        view.says("reads the plan");
        view.note(b"{\"type\":\"result\"}\n");
        assert_eq!(view.last_line(), "reads the plan");
    }

    #[test]
    fn silence_does_not_count_while_it_waits_for_something_of_ours() {
        let view = JobView::new(JobKey::main("a".into(), 1), 1, 1);
        let later = Instant::now() + Duration::from_mins(10);
        assert_eq!(view.stood(later), None);
        view.stand(true);
        assert_eq!(view.stood(later), Some(later));
        view.stand(false);
        let stood = view.stood(later).unwrap();
        assert!(stood < later && stood >= view.born);
    }

    #[test]
    fn takes_the_last_line_that_says_something() {
        assert_eq!(tail_line(b"one\ntwo\n\n  \n"), "two");
        assert_eq!(tail_line(b"10 %\r50 %\r100 %"), "100 %");
        assert_eq!(tail_line(b"done\r\n"), "done");
        assert_eq!(
            tail_line(b"\x1b[1;1Hhead\x1b[5;3Hfoot\x1b[1m!\x1b[24;1H"),
            "foot!"
        );
        assert_eq!(tail_line(b""), "");
    }

    #[test]
    fn leaves_out_what_a_terminal_would_obey() {
        assert_eq!(tail_line(b"\x1b[31mred\x1b[0m"), "red");
        assert_eq!(tail_line(b"\x1b]52;c;aGk=\x07text"), "text");
        assert_eq!(tail_line(b"\x1b]0;title\x1b\\text"), "text");
        assert_eq!(
            tail_line("a\u{202e}b\u{200b}c\u{e0041}\u{9b}2Jd".as_bytes()),
            "abcd"
        );
        assert_eq!(tail_line(b"before\n\x1bPunterminated\nafter"), "after");
        assert_eq!(tail_line(b"\x1b(Bx\x1b7y\xff"), "xy\u{fffd}");
    }

    proptest! {
        #[test]
        fn nothing_dangerous_ever_comes_out(raw in proptest::collection::vec(any::<u8>(), 0..600)) {
            let line = tail_line(&raw);
            prop_assert!(line.len() <= LINE_BYTES);
            prop_assert!(line.chars().all(|c| !hides(c)));
        }

        #[test]
        fn the_tail_is_the_end_of_what_came(chunks in proptest::collection::vec(
            proptest::collection::vec(any::<u8>(), 0..3000), 0..5)) {
            let view = JobView::new(JobKey::main("a".into(), 1), 1, 1);
            let mut all = Vec::new();
            for chunk in &chunks {
                view.note(chunk);
                all.extend_from_slice(chunk);
            }
            prop_assert_eq!(&*locked(&view.tail), &all[all.len().saturating_sub(TAIL_BYTES)..]);
            prop_assert_eq!(view.output_bytes(), all.len() as u64);
        }
    }
}
