//! A strict reader of what a program writes to a terminal: sequences that are not on its list are
//! an error, the rest makes a picture.

use std::collections::{BTreeMap, BTreeSet};

use unicode_width::UnicodeWidthChar;

/// Private modes that our program may set and unset.
const MODES: [u16; 10] = [25, 1000, 1002, 1003, 1004, 1006, 1015, 1049, 2004, 2026];

/// What a terminal would show, and what was done to it.
pub struct Screen {
    size: (usize, usize),
    cells: Vec<Vec<char>>,
    at: (usize, usize),
    pending: Vec<u8>,
    /// Private modes: how often set, how often unset.
    pub modes: BTreeMap<u16, (u32, u32)>,
    /// Private modes that are set now, whoever set them.
    set: BTreeSet<u16>,
    /// Everything that was not allowed.
    pub bad: Vec<String>,
}

impl Screen {
    pub fn new(columns: usize, rows: usize) -> Self {
        Self {
            size: (columns, rows),
            cells: vec![vec![' '; columns]; rows],
            at: (0, 0),
            pending: Vec::new(),
            modes: BTreeMap::new(),
            set: BTreeSet::new(),
            bad: Vec::new(),
        }
    }

    /// The picture as text.
    pub fn text(&self) -> String {
        let rows = self.cells.iter().map(|row| {
            let row: String = row.iter().filter(|c| **c != '\0').collect();
            row.trim_end().to_owned()
        });
        rows.collect::<Vec<_>>().join("\n")
    }

    /// Whether a mode is on.
    pub fn on(&self, mode: u16) -> bool {
        self.set.contains(&mode)
    }

    /// Takes a piece of what was written.
    pub fn take(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
        let all = std::mem::take(&mut self.pending);
        let text = match std::str::from_utf8(&all) {
            Ok(text) => text,
            Err(e) if e.error_len().is_none() => {
                std::str::from_utf8(&all[..e.valid_up_to()]).unwrap()
            }
            Err(e) => {
                self.bad.push(format!("not UTF-8: {e}"));
                return;
            }
        };
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            if c == '\x1b' {
                match self.sequence(rest) {
                    Some(len) => rest = &rest[len..],
                    // Not whole yet.
                    None => break,
                }
            } else {
                self.put(c);
                rest = &rest[c.len_utf8()..];
            }
        }
        let used = text.len() - rest.len();
        self.pending = all[used..].to_vec();
    }

    fn put(&mut self, c: char) {
        // Outside of the alternate screen our program says lines.
        if !self.on(1049) && matches!(c, '\r' | '\n') {
            return;
        }
        if !super::shows(c) {
            self.bad.push(format!("character {c:?}"));
            return;
        }
        let wide = c.width().unwrap_or(0);
        let (x, y) = self.at;
        if wide > 0 && y < self.size.1 && x + wide <= self.size.0 {
            self.cells[y][x] = c;
            if wide == 2 {
                self.cells[y][x + 1] = '\0';
            }
        }
        self.at.0 += wide;
    }

    /// Reads one escape sequence; returns its length once it is whole.
    fn sequence(&mut self, text: &str) -> Option<usize> {
        let bytes = text.as_bytes();
        if *bytes.get(1)? != b'[' {
            self.bad.push(format!(
                "escape {:?}",
                text.chars().take(40).collect::<String>()
            ));
            return Some(1);
        }
        let end = 2 + bytes[2..].iter().position(|b| !matches!(b, b' '..=b'?'))?;
        let (inside, last) = (&text[2..end], bytes[end]);
        let numbers: Option<Vec<u16>> = match inside.strip_prefix('?').unwrap_or(inside) {
            "" => Some(Vec::new()),
            list => list.split(';').map(|n| n.parse().ok()).collect(),
        };
        let private = inside.starts_with('?');
        if let (true, b'h' | b'l', Some(modes)) = (private, last, &numbers) {
            for mode in modes {
                if last == b'h' {
                    self.set.insert(*mode);
                } else {
                    self.set.remove(mode);
                }
            }
        }
        match (private, last, numbers.as_deref()) {
            (true, b'h' | b'l', Some([mode])) if MODES.contains(mode) => {
                let count = self.modes.entry(*mode).or_default();
                if last == b'h' {
                    count.0 += 1;
                } else {
                    count.1 += 1;
                }
            }
            (false, b'H', Some([y, x])) if *y > 0 && *x > 0 => {
                self.at = (usize::from(*x) - 1, usize::from(*y) - 1);
            }
            (false, b'm', Some(codes)) if colours(codes) => {}
            (false, b'J', Some([2])) => {
                self.cells = vec![vec![' '; self.size.0]; self.size.1];
            }
            _ => self.bad.push(format!("sequence {:?}", &text[..=end])),
        }
        Some(end + 1)
    }
}

/// Whether a list of SGR codes is one that a program means: attributes and colours, nothing hidden.
fn colours(codes: &[u16]) -> bool {
    match codes {
        [] => true,
        [38 | 48 | 58, 5, n, rest @ ..] => *n < 256 && colours(rest),
        [38 | 48 | 58, 2, r, g, b, rest @ ..] => r.max(g).max(b) < &256 && colours(rest),
        [
            0..=7 | 9 | 21..=27 | 29..=37 | 39..=47 | 49 | 59 | 90..=97 | 100..=107,
            rest @ ..,
        ] => colours(rest),
        _ => false,
    }
}

#[test]
fn it_tells_ours_from_theirs() {
    let bad = |bytes: &[u8]| {
        let mut screen = Screen::new(20, 5);
        screen.take(bytes);
        screen.bad.len()
    };
    for ours in [
        &b"\x1b[?1049h\x1b[?2004h\x1b[?25l\x1b[2J\x1b[3;4Hab\x1b[38;5;12;1mc\x1b[0m"[..],
        "\x1b[1;1H\u{6f22}x".as_bytes(),
        b"\x1b[38;2;1;2;3m\x1b[m",
    ] {
        assert_eq!(bad(ours), 0, "{ours:?}");
    }
    for payload in wavedeck::executor::hostile::payloads() {
        let text = String::from_utf8_lossy(&payload);
        let strange = text.chars().any(|c| c != '\n' && !super::shows(c))
            || std::str::from_utf8(&payload).is_err();
        let mut all = b"\x1b[?1049h".to_vec();
        all.extend_from_slice(&payload);
        all.push(b'.');
        // What merely looks like text is text; what is cleared or coloured only is allowed to us.
        if strange {
            assert_ne!(bad(&all), 0, "{text:?}");
        }
    }
    let mut screen = Screen::new(20, 5);
    for byte in "\x1b[?1049h\x1b[2;3H\u{e9}\u{6f22}!".as_bytes() {
        screen.take(&[*byte]);
    }
    assert_eq!(screen.text().trim(), "\u{e9}\u{6f22}!");
    assert!(screen.on(1049) && screen.bad.is_empty());
}
