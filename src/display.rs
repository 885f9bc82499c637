//! Makes hostile text safe to show: the display boundary of everything that plans, agents, files
//! and commands say (DESIGN 3, promise 3).
//!
//! Pure and streaming: bytes in any pieces in, clean text out. Escape sequences go with all that
//! they carry (also OSC, DCS, APC, PM, SOS strings that never end), control characters, bidi
//! controls, invisible characters and tags are dropped, tabs become blanks, what is not UTF-8
//! becomes `�`. Must not know terminals, colours or screens.

pub mod figures;
mod spoken;

use std::{borrow::Cow, fmt::Write as _};

use unicode_width::UnicodeWidthChar;

pub use spoken::spoken;

/// Marks that may stand on one letter; more is a smear over the lines above and below.
const MAX_MARKS: u8 = 2;
/// Columns from one tab stop to the next.
const TAB: usize = 8;

/// Where the cleaner is in a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Mode {
    #[default]
    Text,
    /// After ESC.
    Escape,
    /// After ESC and intermediate bytes.
    Intermediate,
    /// In a control sequence.
    Csi,
    /// In a string (OSC, DCS, SOS, PM, APC) that ends with ST; OSC also with BEL.
    String,
    /// After ESC in a string.
    StringEscape,
}

/// Cleans a stream of bytes line by line; keeps its place between pieces.
#[derive(Debug, Clone, Default)]
pub struct Cleaner {
    mode: Mode,
    /// Bytes of a character that has not ended.
    partial: Vec<u8>,
    column: usize,
    marks: u8,
}

impl Cleaner {
    /// Makes a cleaner at the start of a line.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a piece; `out` gets clean text. A newline stays a newline and ends every sequence, so
    /// that one that never ends costs one line and not the rest.
    pub fn push(&mut self, bytes: &[u8], out: &mut String) {
        if self.partial.is_empty() {
            self.feed(bytes, out);
        } else {
            let mut all = std::mem::take(&mut self.partial);
            all.extend_from_slice(bytes);
            self.feed(&all, out);
        }
    }

    /// Ends the stream: a character that has not ended becomes `�`.
    pub fn finish(&mut self, out: &mut String) {
        if !std::mem::take(&mut self.partial).is_empty() {
            self.take(char::REPLACEMENT_CHARACTER, out);
        }
        self.mode = Mode::Text;
    }

    fn feed(&mut self, mut bytes: &[u8], out: &mut String) {
        loop {
            match std::str::from_utf8(bytes) {
                Ok(text) => {
                    self.text(text, out);
                    return;
                }
                Err(error) => {
                    let (good, bad) = bytes.split_at(error.valid_up_to());
                    self.text(std::str::from_utf8(good).unwrap_or_default(), out);
                    let Some(len) = error.error_len() else {
                        self.partial = bad.to_vec();
                        return;
                    };
                    self.take(char::REPLACEMENT_CHARACTER, out);
                    bytes = &bad[len..];
                }
            }
        }
    }

    fn text(&mut self, text: &str, out: &mut String) {
        for c in text.chars() {
            self.take(c, out);
        }
    }

    fn take(&mut self, c: char, out: &mut String) {
        if c == '\n' {
            self.mode = Mode::Text;
            self.column = 0;
            self.marks = 0;
            out.push('\n');
            return;
        }
        // ESC begins anew wherever it stands, CAN and SUB cancel.
        match (c, self.mode) {
            ('\x1b', Mode::String | Mode::StringEscape) => {
                self.mode = Mode::StringEscape;
                return;
            }
            ('\x1b', _) => {
                self.mode = Mode::Escape;
                return;
            }
            ('\x18' | '\x1a', _) => {
                self.mode = Mode::Text;
                return;
            }
            _ => {}
        }
        match self.mode {
            Mode::Text => self.plain(c, out),
            Mode::Escape => {
                self.mode = match c {
                    '[' => Mode::Csi,
                    ']' | 'P' | 'X' | '^' | '_' => Mode::String,
                    ' '..='/' => Mode::Intermediate,
                    _ => Mode::Text,
                }
            }
            Mode::Intermediate => {
                if !matches!(c, ' '..='/') {
                    self.mode = Mode::Text;
                }
            }
            Mode::Csi => {
                // What does not belong to a sequence ends it and is dropped with it.
                if !matches!(c, ' '..='?') {
                    self.mode = Mode::Text;
                }
            }
            Mode::String => {
                if matches!(c, '\x07' | '\u{9c}') {
                    self.mode = Mode::Text;
                }
            }
            Mode::StringEscape => {
                // `ESC \` ends the string; any other escape ends it too and begins its own.
                self.mode = Mode::Escape;
                if c == '\\' {
                    self.mode = Mode::Text;
                } else {
                    self.take(c, out);
                }
            }
        }
    }

    fn plain(&mut self, c: char, out: &mut String) {
        match c {
            '\t' => {
                let blanks = TAB - self.column % TAB;
                out.extend(std::iter::repeat_n(' ', blanks));
                self.column += blanks;
                self.marks = 0;
            }
            '\u{9b}' => self.mode = Mode::Csi,
            '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}' => self.mode = Mode::String,
            // A line separator inside a line is a blank.
            '\u{2028}' | '\u{2029}' | '\u{b}' | '\u{c}' => {
                out.push(' ');
                self.column += 1;
            }
            c if c.is_control() || invisible(c) => {}
            c => match c.width().unwrap_or(0) {
                0 => {
                    if self.column > 0 && self.marks < MAX_MARKS {
                        self.marks += 1;
                        out.push(c);
                    }
                }
                wide => {
                    self.column += wide;
                    self.marks = 0;
                    out.push(c);
                }
            },
        }
    }
}

/// Returns whether a character must not reach a terminal or a reader's eye as it is: a control, or
/// one that shows nothing, reorders, or ends a line where none ends. Newlines and tabs are too.
#[must_use]
pub fn hides(c: char) -> bool {
    // `is_control` covers C0, DEL and C1.
    c.is_control() || invisible(c) || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Shows what hides as escapes: for messages, where it matters what stands there.
#[must_use]
pub fn escape(text: &str) -> String {
    if text.bytes().all(|b| (0x20..0x7f).contains(&b)) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if hides(c) => {
                let _ = write!(out, "\\u{{{:x}}}", c as u32);
            }
            c => out.push(c),
        }
    }
    out
}

/// Escapes what hides in JSON, so that it means the same and is safe to print.
///
/// Newlines between values stay. JSON allows such characters in strings alone, so no place has to
/// be known.
#[must_use]
pub fn safe_json(json: &str) -> Cow<'_, str> {
    if json
        .bytes()
        .all(|b| (0x20..0x7f).contains(&b) || b == b'\n')
    {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if c != '\n' && hides(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// Characters that show nothing and change how others show: bidi controls, joiners, fillers,
/// variation selectors, tags.
#[must_use]
pub const fn invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}'
        | '\u{890}' | '\u{891}' | '\u{8e2}' | '\u{110bd}' | '\u{110cd}'
        | '\u{13430}'..='\u{1343f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Cleans one line of at most `max` columns; a longer one ends in `…`.
///
/// Of text with several lines the first one is taken; what a carriage return has overwritten is
/// left out, as on a terminal.
#[must_use]
pub fn clean_line(bytes: impl AsRef<[u8]>, max: usize) -> String {
    let bytes = bytes.as_ref();
    let line = bytes.split(|&b| b == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let line = line
        .rsplit(|&b| b == b'\r')
        .find(|part| !part.is_empty())
        .unwrap_or_default();
    // No character needs more than a dozen bytes for a column unless it is noise.
    let cut = line.len().min(max.saturating_mul(64).saturating_add(4096));
    let mut out = String::new();
    let mut cleaner = Cleaner::new();
    cleaner.push(&line[..cut], &mut out);
    cleaner.finish(&mut out);
    truncate(out, max)
}

/// Cleans text of several lines into one: line ends become blanks.
#[must_use]
pub fn clean_text(text: &str, max: usize) -> String {
    let mut out = String::new();
    let mut cleaner = Cleaner::new();
    for (i, line) in text.lines().enumerate() {
        if i > 0 {
            out.push(' ');
        }
        cleaner.push(line.as_bytes(), &mut out);
        cleaner.finish(&mut out);
    }
    truncate(out, max)
}

/// Columns that clean text takes.
#[must_use]
pub fn width(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    text.chars().map(|c| c.width().unwrap_or(0)).sum()
}

/// Cuts clean text to `max` columns; what is cut ends in `…`.
#[must_use]
pub fn truncate(mut text: String, max: usize) -> String {
    if width(&text) <= max {
        return text;
    }
    let end = prefix(&text, max.saturating_sub(1));
    text.truncate(end);
    if max > 0 {
        text.push('…');
    }
    text
}

/// Length in bytes of the longest prefix of at most `max` columns.
#[must_use]
pub fn prefix(text: &str, max: usize) -> usize {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += c.width().unwrap_or(0);
        if used > max {
            return at;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn clean(bytes: &[u8]) -> String {
        clean_line(bytes, 200)
    }

    #[test]
    fn hostile_payloads_are_taken_out_with_all_that_they_carry() {
        let cases: &[(&[u8], &str)] = &[
            (b"a\x1b]52;c;aGFja2Vk\x07b", "ab"),
            (b"a\x1b]52;c;aGFja2Vk\x1b\\b", "ab"),
            (b"a\x1b]0;new title\x07b", "ab"),
            (b"a\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\b", "alinkb"),
            (b"a\x1bP+q544e\x1b\\b", "ab"),
            (b"a\x1b_Gf=24;AAAA\x1b\\b", "ab"),
            (b"a\x1b^private\x1b\\b", "ab"),
            (b"a\x1bXstring\x1b\\b", "ab"),
            (b"a\x1b]0;never ends", "a"),
            (b"a\x1b]0;cut by another\x1b[31mb", "ab"),
            (b"a\x1b[?1049hb", "ab"),
            (b"a\x1b[2J\x1b[H\x1b[31;1mred\x1b[0m", "ared"),
            (b"a\x1b[999999999999Cb", "ab"),
            (b"a\x1bcb\x1b(0c\x1b#8d", "abcd"),
            (b"a\x1b", "a"),
            (b"a\x1b[", "a"),
            (b"a\x1b[12\x18b", "ab"),
            ("a\u{9b}31mb".as_bytes(), "ab"),
            ("a\u{9d}52;c;x\u{9c}b".as_bytes(), "ab"),
            ("a\u{90}q\u{9c}b\u{85}c".as_bytes(), "abc"),
            (b"a\x9bb", "a\u{fffd}b"),
            (b"\xff\xfea\xe2\x82", "\u{fffd}\u{fffd}a\u{fffd}"),
            (b"a\x00\x07\x08\x0e\x7fb", "ab"),
            ("a\u{202e}fdp.exe\u{202c}b".as_bytes(), "afdp.exeb"),
            ("a\u{2066}x\u{2069}b".as_bytes(), "axb"),
            ("a\u{200b}\u{200d}\u{feff}\u{ad}b".as_bytes(), "ab"),
            ("a\u{e0041}\u{e007f}b".as_bytes(), "ab"),
            ("a\u{2028}b".as_bytes(), "a b"),
            (
                "e\u{301}\u{301}\u{301}\u{301}".as_bytes(),
                "e\u{301}\u{301}",
            ),
            ("\u{301}a".as_bytes(), "a"),
            (b"10%\r50%\r100%\r\n", "100%"),
            (b"first\nsecond", "first"),
            (b"a\tb", "a       b"),
            ("日本\tx".as_bytes(), "日本    x"),
        ];
        for (bytes, want) in cases {
            assert_eq!(clean(bytes), *want, "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn a_newline_ends_what_never_ends() {
        let mut out = String::new();
        let mut cleaner = Cleaner::new();
        cleaner.push(b"a\x1b]0;title\nnext", &mut out);
        assert_eq!(out, "a\nnext");
    }

    #[test]
    fn long_text_is_cut_by_columns() {
        assert_eq!(clean_line("abcdef", 4), "abc…");
        assert_eq!(clean_line("日本語", 5), "日本…");
        assert_eq!(clean_line("日本語", 4), "日…");
        assert_eq!(clean_line("abc", 0), "");
        assert_eq!(clean_text("a\nb\n\nc", 20), "a b  c");
    }

    proptest! {
        #[test]
        fn nothing_dangerous_is_left(bytes in proptest::collection::vec(any::<u8>(), 0..200), max in 0_usize..60) {
            let text = clean_line(&bytes, max);
            prop_assert!(width(&text) <= max);
            prop_assert!(!text.chars().any(|c| c.is_control() || invisible(c)));
        }

        #[test]
        fn pieces_give_what_the_whole_gives(text in "[a-z\u{1b}\u{9b}\\[\\]é日;0-9\n\u{7}]{0,60}", cut in 0_usize..80) {
            let bytes = text.as_bytes();
            let cut = cut.min(bytes.len());
            let (mut whole, mut pieces) = (String::new(), String::new());
            let mut cleaner = Cleaner::new();
            cleaner.push(bytes, &mut whole);
            let mut cleaner = Cleaner::new();
            cleaner.push(&bytes[..cut], &mut pieces);
            cleaner.push(&bytes[cut..], &mut pieces);
            prop_assert_eq!(whole, pieces);
        }
    }
}
