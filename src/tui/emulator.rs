//! The terminal of one agent: its bytes in order into a screen of cells, as far as a person looks.
//!
//! Hostile bytes: whatever they say, the screen stays small, ends soon and panics nobody. Only cells
//! come out, and `view` cleans what is in them. Must not ask by itself: the reducer does.

mod tame;

use std::{
    cell::Cell,
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
};

use tui_term::vt100::{Parser, Screen};

use super::feed::Request;
use crate::{
    plan::AgentIx,
    terminal::{LARGEST, SIZE},
};
use tame::Tamer;

/// Rows that have left the screen and are kept.
const HISTORY: usize = 2_000;
/// Bytes asked for at once: what takes long shall not hold up keys.
const CHUNK: u32 = 16 << 10;
/// Further behind than this, it is opened anew nearer to the end.
const BEHIND: u64 = 1 << 20;

thread_local! {
    static CATCHING: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic of this thread is about to be caught: nobody is to hear of it.
#[must_use]
pub fn catching() -> bool {
    CATCHING.get()
}

/// Does something of which the library may panic; none: it did.
fn guarded<T>(what: impl FnOnce() -> T) -> Option<T> {
    CATCHING.set(true);
    let done = catch_unwind(AssertUnwindSafe(what));
    CATCHING.set(false);
    done.ok()
}

/// What an agent's terminal wants of its keyboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Modes {
    /// Arrows are sent as those of an application.
    pub application_cursor: bool,
    /// What is pasted is bracketed.
    pub bracketed_paste: bool,
}

/// The terminal of an attempt.
pub struct Emulator {
    /// Whose.
    pub agent: AgentIx,
    /// Which attempt.
    pub attempt: u32,
    parser: Parser,
    tamer: Tamer,
    /// Place in the file of the next byte.
    at: u64,
    /// Size of the file as far as known.
    total: u64,
    /// Sizes from which place on, those still to come.
    resizes: VecDeque<(u64, u16, u16)>,
    /// It has been opened.
    loaded: bool,
    /// An answer is awaited.
    asked: bool,
    /// Bytes could not be followed so many times.
    faults: u32,
    /// Rows of the pane that lie above what is shown of the screen.
    above: usize,
    /// Rows that have left the screen.
    history: usize,
}

impl std::fmt::Debug for Emulator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Emulator")
            .field("agent", &self.agent)
            .field("attempt", &self.attempt)
            .field("at", &self.at)
            .field("total", &self.total)
            .finish_non_exhaustive()
    }
}

/// Columns and rows that a screen can have here.
fn sane(cols: u16, rows: u16) -> (u16, u16) {
    // One column has no room for a wide character, and the library counts below zero there.
    (cols.clamp(2, LARGEST.0), rows.clamp(1, LARGEST.1))
}

fn parser(cols: u16, rows: u16) -> Parser {
    let (cols, rows) = sane(cols, rows);
    Parser::new(rows, cols, HISTORY)
}

impl Emulator {
    /// A terminal of which nothing is known.
    #[must_use]
    pub fn new(agent: AgentIx, attempt: u32) -> Self {
        Self {
            agent,
            attempt,
            parser: parser(SIZE.0, SIZE.1),
            tamer: Tamer::default(),
            at: 0,
            total: 0,
            resizes: VecDeque::new(),
            loaded: false,
            asked: false,
            faults: 0,
            above: 0,
            history: 0,
        }
    }

    /// The next thing to ask for.
    pub fn wanted(&mut self) -> Option<Request> {
        let (agent, attempt) = (self.agent, self.attempt);
        if self.asked || self.loaded && self.at >= self.total {
            return None;
        }
        self.asked = true;
        // A screen that is scrolled back is not taken away.
        let far = self.total.saturating_sub(self.at) > BEHIND && self.up() == 0;
        Some(if !self.loaded || far {
            Request::Terminal {
                agent,
                attempt,
                at_us: None,
            }
        } else {
            Request::Output {
                agent,
                attempt,
                offset: Some(self.at),
                max: CHUNK,
            }
        })
    }

    /// Begins at a place of the file where the screen is known: empty, of this size, and in the
    /// state that `prelude` makes.
    pub fn open(&mut self, size: (u16, u16), prelude: &[u8], offset: u64, total: u64) {
        // What was read already and is not behind: the screen has more of the past.
        if self.loaded && offset <= self.at {
            self.asked = false;
            self.total = self.total.max(total);
            return;
        }
        self.parser = parser(size.0, size.1);
        self.tamer = Tamer::default();
        self.at = offset;
        self.total = total;
        self.resizes.clear();
        self.loaded = true;
        self.asked = false;
        self.above = 0;
        self.feed(prelude);
    }

    /// From a place of the file on it has this size.
    pub fn resize(&mut self, offset: u64, cols: u16, rows: u16) {
        let new = (offset, cols, rows);
        if self.resizes.back().is_none_or(|last| last.0 <= offset) && !self.resizes.contains(&new) {
            self.resizes.push_back(new);
        }
        self.catch_up();
    }

    /// The file has grown.
    pub fn grew(&mut self, total: u64) {
        self.total = self.total.max(total);
    }

    /// Takes a piece of the file; false: it is not the next one.
    pub fn take(&mut self, offset: u64, bytes: &[u8], total: u64) -> bool {
        let end = offset + bytes.len() as u64;
        if !self.loaded || offset > self.at {
            return false;
        }
        self.asked = false;
        self.grew(total);
        if bytes.is_empty() {
            // It ends here, whatever was said of it.
            self.total = self.at;
        }
        if end <= self.at {
            return true;
        }
        let mut rest = &bytes[(self.at - offset) as usize..];
        while !rest.is_empty() {
            self.catch_up();
            let until = self.resizes.front().map_or(u64::MAX, |next| next.0);
            let room = usize::try_from(until - self.at).unwrap_or(usize::MAX);
            // In small pieces: with one that cannot be followed little is lost.
            let (now, later) = rest.split_at(rest.len().min(room).min(1024));
            self.feed(now);
            self.at += now.len() as u64;
            rest = later;
        }
        self.catch_up();
        true
    }

    /// Carries out the changes of size whose place has come.
    fn catch_up(&mut self) {
        while let Some(&(offset, cols, rows)) = self.resizes.front() {
            if offset > self.at {
                return;
            }
            self.resizes.pop_front();
            let (cols, rows) = sane(cols, rows);
            let parser = &mut self.parser;
            if guarded(|| parser.screen_mut().set_size(rows, cols)).is_none() {
                self.fault((cols, rows));
            }
        }
    }

    fn feed(&mut self, bytes: &[u8]) {
        let (rows, cols) = self.parser.screen().size();
        let tamed = self.tamer.tame(bytes, cols.max(rows));
        let parser = &mut self.parser;
        if guarded(|| parser.process(&tamed)).is_none() {
            self.fault((cols, rows));
            return;
        }
        let up = self.parser.screen().scrollback();
        self.parser.screen_mut().set_scrollback(usize::MAX);
        self.history = self.parser.screen().scrollback();
        self.parser.screen_mut().set_scrollback(up);
    }

    /// Begins anew with an empty screen.
    fn fault(&mut self, size: (u16, u16)) {
        self.faults += 1;
        self.parser = parser(size.0, size.1);
        self.tamer = Tamer::default();
        (self.above, self.history) = (0, 0);
    }

    /// The screen, scrolled back as it is.
    #[must_use]
    pub fn screen(&self) -> &Screen {
        self.parser.screen()
    }

    /// Columns and rows.
    #[must_use]
    pub fn size(&self) -> (u16, u16) {
        let (rows, cols) = self.parser.screen().size();
        (cols, rows)
    }

    /// Whether something has come.
    #[must_use]
    pub const fn loaded(&self) -> bool {
        self.loaded
    }

    /// How often its bytes could not be followed.
    #[must_use]
    pub const fn faults(&self) -> u32 {
        self.faults
    }

    /// Rows that have left the screen and are kept.
    #[must_use]
    pub const fn history(&self) -> usize {
        self.history
    }

    /// Rows that it is scrolled back.
    #[must_use]
    pub fn up(&self) -> usize {
        self.parser.screen().scrollback() + self.above
    }

    /// Rows above the oldest ones of the screen that a low pane shows first.
    #[must_use]
    pub const fn above(&self) -> usize {
        self.above
    }

    /// Scrolls back to so many rows above the end, in a pane that leaves `hidden` rows of the screen
    /// out.
    pub fn scroll_to(&mut self, up: usize, hidden: usize) {
        self.parser.screen_mut().set_scrollback(up);
        let done = self.parser.screen().scrollback();
        self.above = (up - done).min(hidden);
    }

    /// What its program wants of the keyboard.
    #[must_use]
    pub fn modes(&self) -> Modes {
        let screen = self.parser.screen();
        Modes {
            application_cursor: screen.application_cursor(),
            bracketed_paste: screen.bracketed_paste(),
        }
    }

    /// Calls with each row of text from the oldest on, until it returns true; its number from the
    /// top of all that is kept.
    pub fn find_row(&mut self, mut found: impl FnMut(usize, &str) -> bool) {
        let before = self.parser.screen().scrollback();
        let (cols, rows) = self.size();
        for n in 0..self.history {
            self.parser.screen_mut().set_scrollback(self.history - n);
            let row = self.parser.screen().rows(0, cols).next();
            if found(n, &row.unwrap_or_default()) {
                self.parser.screen_mut().set_scrollback(before);
                return;
            }
        }
        self.parser.screen_mut().set_scrollback(0);
        for (n, row) in self
            .parser
            .screen()
            .rows(0, cols)
            .enumerate()
            .take(usize::from(rows))
        {
            if found(self.history + n, &row) {
                break;
            }
        }
        self.parser.screen_mut().set_scrollback(before);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(bytes: &[u8], size: (u16, u16)) -> Emulator {
        let mut emulator = Emulator::new(AgentIx(0), 1);
        emulator.open(size, b"", 0, bytes.len() as u64);
        assert!(emulator.take(0, bytes, bytes.len() as u64));
        emulator
    }

    fn rows(emulator: &Emulator) -> Vec<String> {
        let (cols, _) = emulator.size();
        emulator.screen().rows(0, cols).collect()
    }

    #[test]
    fn pieces_and_sizes_come_where_they_belong() {
        let bytes = b"0123456789abcdef";
        let mut emulator = Emulator::new(AgentIx(0), 1);
        assert!(matches!(emulator.wanted(), Some(Request::Terminal { .. })));
        assert_eq!(emulator.wanted(), None, "once is enough");
        emulator.open((4, 3), b"", 0, 8);
        emulator.resize(8, 8, 3);
        assert!(emulator.take(0, &bytes[..8], 16));
        assert_eq!(emulator.size(), (8, 3));
        // What overlaps is taken once, what has a hole before it not at all.
        assert!(emulator.take(4, &bytes[4..12], 16));
        assert!(!emulator.take(14, &bytes[14..], 16));
        assert!(matches!(
            emulator.wanted(),
            Some(Request::Output {
                offset: Some(12),
                ..
            })
        ));
        emulator.take(12, &bytes[12..], 16);
        assert_eq!(rows(&emulator), ["0123", "456789ab", "cdef"]);
        // Far behind, it begins nearer to the end.
        emulator.grew(10 << 20);
        assert!(matches!(emulator.wanted(), Some(Request::Terminal { .. })));
    }

    #[test]
    fn it_scrolls_back_and_finds_rows() {
        let text = (0..50).fold(String::new(), |text, n| text + &format!("line {n}\r\n"));
        let mut emulator = of(text.as_bytes(), (20, 5));
        assert_eq!(emulator.history(), 46);
        emulator.scroll_to(10, 2);
        assert_eq!(rows(&emulator)[0], "line 36");
        emulator.scroll_to(1000, 2);
        assert_eq!((emulator.up(), emulator.above()), (48, 2));
        assert_eq!(rows(&emulator)[0], "line 0");
        let mut all = Vec::new();
        emulator.find_row(|n, row| {
            all.push((n, row.to_owned()));
            false
        });
        assert_eq!(all[49], (49, "line 49".to_owned()));
        assert_eq!(emulator.up(), 48, "looking moves nothing");
    }

    #[test]
    fn a_screen_that_cannot_be_followed_begins_anew() {
        // A wide character that a smaller size cuts in half: the library then looks beyond the row.
        let mut emulator = of("日本日本".as_bytes(), (8, 2));
        emulator.resize(12, 3, 2);
        let bytes = b"\x1b[1;3Hx\x1b[1;3H\x1b[P\x1b[1;3Hyy\r\nafter".to_vec();
        let total = 12 + bytes.len() as u64;
        assert!(emulator.take(12, &bytes, total));
        assert!(emulator.take(total, b"\r\n\x1b[2J\x1b[Hon", total + 9));
        assert_eq!(rows(&emulator)[0], "on");
        assert!(
            emulator.faults() > 0,
            "nothing was caught: the guard is not needed any more"
        );
    }

    fn hostile() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            "[a-z]{1,6}".prop_map(String::into_bytes),
            "[日é\u{301}\u{200d}🦀\u{202e}\t\r\n\u{8}]{1,6}".prop_map(String::into_bytes),
            "\u{1b}\\[[?]?[0-9;]{0,8}[@A-Za-z]".prop_map(String::into_bytes),
            "\u{1b}[78=>Mc()#B]".prop_map(String::into_bytes),
            "\u{1b}\\[\\?(1|6|25|47|1049|2004)[hl]".prop_map(String::into_bytes),
            "\u{1b}[\\]P_^X][a-z]{0,9}(\u{7}|\u{1b}\\\\)?".prop_map(String::into_bytes),
            proptest::collection::vec(any::<u8>(), 1..8),
        ];
        proptest::collection::vec(piece, 0..60).prop_map(|all| all.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]
        #[test]
        fn nothing_makes_it_panic(
            bytes in hostile(),
            sizes in proptest::collection::vec((0_u64..300, 0_u16..40, 0_u16..20), 0..6),
            first in (0_u16..40, 0_u16..20),
            cut in 0_usize..200,
        ) {
            let mut emulator = Emulator::new(AgentIx(0), 1);
            let total = bytes.len() as u64;
            emulator.open(first, b"", 0, total);
            let mut sizes = sizes;
            sizes.sort_unstable();
            for (offset, cols, rows) in sizes {
                emulator.resize(offset, cols, rows);
            }
            let cut = cut.min(bytes.len());
            emulator.take(0, &bytes[..cut], total);
            emulator.take(cut as u64, &bytes[cut..], total);
            prop_assert_eq!(emulator.wanted(), None);
            for up in [0, 1, 7, usize::MAX] {
                emulator.scroll_to(up, 3);
                prop_assert!(emulator.up() <= emulator.history() + 3);
                let (cols, rows) = emulator.size();
                for row in 0..rows {
                    for col in 0..cols {
                        let _ = emulator.screen().cell(row, col).map(|c| c.contents().len());
                    }
                }
            }
            emulator.find_row(|_, _| false);
        }
    }
}
