//! What a terminal's output says as lines: for `logs`, where no screen is.
//!
//! A line is what stands in it when the cursor leaves it, with what was overwritten in it left out;
//! lines that a program paints again unchanged come once. Of a program that takes the whole screen
//! comes what it showed last. The text is not clean: whoever prints it cleans it.

use std::collections::VecDeque;

use tui_term::vt100::Parser;

use super::{
    Index,
    sequences::{Piece, Sequences},
};

/// Characters of one line that are kept.
const LONGEST: usize = 64 << 10;
/// Lines back among which a painted line is looked for.
const AGAIN: usize = 128;
/// Columns from one tab stop to the next.
const TAB: usize = 8;

/// Makes lines of a terminal's output, in pieces of any size.
pub struct Lines {
    sequences: Sequences,
    page: Page,
}

struct Page {
    index: Index,
    row: Vec<char>,
    column: usize,
    /// Bytes of a character that has not ended.
    partial: Vec<u8>,
    /// The alternate screen while it is shown, and where the next change of its size is looked for.
    screen: Option<(Parser, u64)>,
    said: VecDeque<String>,
    /// So many lines may be painted again: the cursor went back.
    painted: usize,
}

impl Lines {
    /// Begins at the first byte of an output.
    #[must_use]
    pub fn new() -> Self {
        Self {
            sequences: Sequences::new(),
            page: Page {
                index: Index::default(),
                row: Vec::new(),
                column: 0,
                partial: Vec::new(),
                screen: None,
                said: VecDeque::new(),
                painted: 0,
            },
        }
    }

    /// Takes what is known of sizes by now.
    pub fn set_index(&mut self, index: Index) {
        self.page.index = index;
    }

    /// Takes the next bytes; tells lines as they are complete.
    pub fn push(&mut self, bytes: &[u8], mut line: impl FnMut(&str)) {
        let page = &mut self.page;
        self.sequences.push(bytes, |from, end, piece| {
            page.piece(from, end, piece, &mut line);
        });
    }

    /// Tells what is left at the end.
    pub fn finish(&mut self, mut line: impl FnMut(&str)) {
        self.page.leave(&mut line);
        self.page.end_line(true, &mut line);
    }
}

impl Default for Lines {
    fn default() -> Self {
        Self::new()
    }
}

impl Page {
    fn piece(&mut self, from: u64, end: u64, piece: Piece<'_>, line: &mut impl FnMut(&str)) {
        if let Piece::Sequence(b"?1049" | b"?47" | b"?1047", last @ (b'h' | b'l')) = piece {
            if last == b'l' {
                self.leave(line);
            } else if self.screen.is_none() {
                self.end_line(true, line);
                let (cols, rows) = self.index.size(from);
                let mut parser = Parser::new(rows, cols, 0);
                parser.process(b"\x1b[?1049h");
                self.screen = Some((parser, end));
            }
            return;
        }
        if let Some((parser, seen)) = &mut self.screen {
            for (_, cols, rows) in self.index.resizes(*seen, from) {
                parser.screen_mut().set_size(rows, cols);
            }
            *seen = from.max(*seen);
            match piece {
                Piece::Text(text) => parser.process(text),
                Piece::Control(byte) => parser.process(&[byte]),
                Piece::Escape(byte) => parser.process(&[0x1b, byte]),
                Piece::Sequence(inner, last) => {
                    parser.process(&[b"\x1b[", inner, &[last]].concat());
                }
                Piece::Other => {}
            }
            return;
        }
        match piece {
            Piece::Text(text) => self.text(text, line),
            Piece::Control(byte) => self.character(char::from(byte), line),
            Piece::Sequence(inner, last) => self.sequence(inner, last, line),
            // Another line, or nothing is left.
            Piece::Escape(b'D' | b'E' | b'M' | b'c') => self.end_line(true, line),
            Piece::Escape(_) | Piece::Other => {}
        }
    }

    fn text(&mut self, bytes: &[u8], line: &mut impl FnMut(&str)) {
        let joined;
        let mut rest = bytes;
        if !self.partial.is_empty() {
            joined = [&std::mem::take(&mut self.partial)[..], bytes].concat();
            rest = &joined;
        }
        for chunk in rest.utf8_chunks() {
            for c in chunk.valid().chars() {
                self.character(c, line);
            }
            let invalid = chunk.invalid();
            let cut = rest.as_ptr_range().end == invalid.as_ptr_range().end;
            if cut && could_go_on(invalid) {
                self.partial = invalid.to_vec();
            } else if !invalid.is_empty() {
                self.character(char::REPLACEMENT_CHARACTER, line);
            }
        }
    }

    fn character(&mut self, c: char, line: &mut impl FnMut(&str)) {
        match c {
            '\n' | '\x0b' | '\x0c' => {
                self.end_line(false, line);
                self.painted = self.painted.saturating_sub(1);
            }
            '\r' => self.column = 0,
            '\x08' => self.column = self.column.saturating_sub(1),
            '\t' => self.column = (self.column / TAB + 1) * TAB,
            c if c.is_control() => {}
            c => {
                if self.column < LONGEST {
                    if self.row.len() <= self.column {
                        self.row.resize(self.column + 1, ' ');
                    }
                    self.row[self.column] = c;
                    self.column += 1;
                }
            }
        }
    }

    fn sequence(&mut self, inner: &[u8], last: u8, line: &mut impl FnMut(&str)) {
        let number = || {
            let text = std::str::from_utf8(inner).unwrap_or_default();
            text.parse::<usize>().unwrap_or(0).min(LONGEST)
        };
        match last {
            b'K' => match inner {
                b"" | b"0" => self.row.truncate(self.column),
                b"1" => {
                    let end = self.column.min(self.row.len());
                    self.row[..end].fill(' ');
                }
                b"2" => self.row.clear(),
                _ => {}
            },
            b'C' => self.column = (self.column + number().max(1)).min(LONGEST),
            b'D' => self.column = self.column.saturating_sub(number().max(1)),
            b'G' => self.column = number().max(1) - 1,
            b'P' => {
                let from = self.column.min(self.row.len());
                let to = (from + number().max(1)).min(self.row.len());
                self.row.drain(from..to);
            }
            b'A' | b'B' | b'E' | b'F' | b'H' | b'f' | b'J' | b'L' | b'M' | b'S' | b'T' | b'd' => {
                self.end_line(true, line);
            }
            _ => {}
        }
    }

    /// The cursor leaves the line; `elsewhere`: for a place that is not the next line.
    fn end_line(&mut self, elsewhere: bool, line: &mut impl FnMut(&str)) {
        if !std::mem::take(&mut self.partial).is_empty() {
            self.row.push(char::REPLACEMENT_CHARACTER);
        }
        let text: String = self.row.drain(..).collect();
        self.column = 0;
        let text = text.trim_end();
        if elsewhere {
            self.painted = AGAIN;
        }
        // An empty line is one only where it was ended as one.
        if !(text.is_empty() && elsewhere) {
            self.say(text, line);
        }
    }

    fn say(&mut self, text: &str, line: &mut impl FnMut(&str)) {
        if self.painted > 0 && self.said.iter().any(|said| said == text) {
            return;
        }
        line(text);
        if self.said.len() == AGAIN {
            self.said.pop_front();
        }
        self.said.push_back(text.to_owned());
    }

    /// The alternate screen is left: what it shows is told.
    fn leave(&mut self, line: &mut impl FnMut(&str)) {
        let Some((parser, _)) = self.screen.take() else {
            return;
        };
        let screen = parser.screen();
        let (_, cols) = screen.size();
        let rows: Vec<String> = screen.rows(0, cols).collect();
        let end = rows.iter().rposition(|r| !r.trim().is_empty());
        for row in &rows[..end.map_or(0, |end| end + 1)] {
            line(row.trim_end());
        }
    }
}

/// Whether bytes at the end may be the first ones of a character.
fn could_go_on(bytes: &[u8]) -> bool {
    match std::str::from_utf8(bytes) {
        Ok(_) => false,
        Err(error) => error.valid_up_to() == 0 && error.error_len().is_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes: &[u8], size: usize) -> Vec<String> {
        let mut all = Vec::new();
        let mut lines = Lines::new();
        for part in bytes.chunks(size) {
            lines.push(part, |l| all.push(l.to_owned()));
        }
        lines.finish(|l| all.push(l.to_owned()));
        all
    }

    fn said(bytes: &[u8]) -> Vec<String> {
        let whole = lines(bytes, 1_000);
        for size in 1..5 {
            assert_eq!(lines(bytes, size), whole);
        }
        whole
    }

    #[test]
    fn a_line_is_what_stands_in_it_at_last() {
        assert_eq!(
            said(b"10 %\r50 %\r\x1b[32m100 %\x1b[0m done\r\n\r\nab\x1b[3Cc\x1b[2D\x1b[K\n"),
            ["100 % done", "", "ab"]
        );
        assert_eq!(
            said("über\r\nhalf \u{6f22}".as_bytes()),
            ["über", "half \u{6f22}"]
        );
        assert_eq!(said(b"\xc3(\n\xe6\xbc"), ["\u{fffd}(", "\u{fffd}"]);
        assert_eq!(said(b"a\tb\x08c\n"), ["a       c"]);
        assert_eq!(said(b"\x1b]0;title\x07text\x1b]52;c;aGk=\x07\n"), ["text"]);
    }

    #[test]
    fn lines_that_are_painted_again_come_once() {
        let mut bytes = b"start\r\n".to_vec();
        for i in 0..3 {
            bytes.extend(format!("one 100 %\r\ntwo {i} %\r\n\x1b[2A").into_bytes());
        }
        bytes.extend(b"\x1b[2Bend\r\n");
        assert_eq!(
            said(&bytes),
            ["start", "one 100 %", "two 0 %", "two 1 %", "two 2 %", "end"]
        );
        // What merely repeats itself stays.
        assert_eq!(said(b"x\nx\n"), ["x", "x"]);
    }

    #[test]
    fn of_a_whole_screen_the_last_is_told() {
        let bytes = b"before\r\n\x1b[?1049h\x1b[Hone\x1b[2;1Htwo\x1b[H\x1b[2Jthree\x1b[4;3Hfour\x1b[?1049lafter\r\n";
        assert_eq!(said(bytes), ["before", "three", "", "", "  four", "after"]);
        // Still shown at the end.
        assert_eq!(said(b"\x1b[?1049h\x1b[Hhello"), ["hello"]);
    }
}
