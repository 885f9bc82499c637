//! Cuts a terminal's output into text and control sequences, in pieces of any size.
//!
//! Keeps a few bytes, whatever comes: strings (titles, pictures, clipboards) are dropped as they
//! come, and so is a control sequence that is longer than any that means something. Must not know
//! what a sequence does.

/// Bytes of a control sequence that are kept.
const LONGEST: usize = 128;

/// One piece of an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Text with its control characters; never empty.
    Text(&'a [u8]),
    /// A control character in the midst of a sequence, which goes on.
    Control(u8),
    /// ESC and this byte.
    Escape(u8),
    /// A control sequence: what is between `ESC [` and its last byte, and that byte.
    Sequence(&'a [u8], u8),
    /// Something that sets nothing that we know: too long, or with intermediate bytes.
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Text,
    Escape,
    /// After ESC and intermediate bytes.
    Between,
    Sequence,
    /// A string that BEL or ST ends.
    String,
}

/// Where the cutting stands.
#[derive(Debug)]
pub struct Sequences {
    at: At,
    inner: Vec<u8>,
    /// Where the sequence began, and where the next byte is.
    began: u64,
    offset: u64,
}

impl Default for Sequences {
    fn default() -> Self {
        Self::new()
    }
}

impl Sequences {
    /// Begins at the first byte of an output.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            at: At::Text,
            inner: Vec::new(),
            began: 0,
            offset: 0,
        }
    }

    /// Whether no sequence is open.
    #[must_use]
    pub fn in_text(&self) -> bool {
        self.at == At::Text
    }

    /// Takes the next bytes; the closure gets each piece with the places in the output of its first
    /// byte and behind its last one.
    pub fn push(&mut self, bytes: &[u8], mut each: impl FnMut(u64, u64, Piece<'_>)) {
        let mut rest = bytes;
        while let Some((&byte, after)) = rest.split_first() {
            if self.at == At::Text && byte != 0x1b {
                // Nearly everything is text: on to the next sequence at once.
                let end = rest.iter().position(|&b| b == 0x1b).unwrap_or(rest.len());
                let from = self.offset;
                self.offset += end as u64;
                each(from, self.offset, Piece::Text(&rest[..end]));
                rest = &rest[end..];
                continue;
            }
            self.offset += 1;
            self.byte(byte, &mut each);
            rest = after;
        }
    }

    fn byte(&mut self, byte: u8, each: &mut impl FnMut(u64, u64, Piece<'_>)) {
        let (began, end) = (self.began, self.offset);
        match byte {
            0x1b => {
                // Begins anew wherever it stands.
                self.at = At::Escape;
                self.began = self.offset - 1;
                self.inner.clear();
                return;
            }
            // Cancels; in a string it is part of what is dropped.
            0x18 | 0x1a => {
                self.at = At::Text;
                return;
            }
            _ => {}
        }
        match (self.at, byte) {
            (At::Escape, b'[') => self.at = At::Sequence,
            (At::Escape, b']' | b'P' | b'X' | b'^' | b'_') => self.at = At::String,
            (At::Escape, b' '..=b'/') => self.at = At::Between,
            (At::Escape, 0x30..=0x7e) => {
                self.at = At::Text;
                each(began, end, Piece::Escape(byte));
            }
            (At::Between, 0x30..) => {
                self.at = At::Text;
                each(began, end, Piece::Other);
            }
            (At::Sequence, 0x20..=0x3f) => {
                if self.inner.len() < LONGEST {
                    self.inner.push(byte);
                }
            }
            (At::Sequence, 0x40..=0x7e) => {
                self.at = At::Text;
                let piece = if self.inner.len() < LONGEST {
                    Piece::Sequence(&self.inner, byte)
                } else {
                    Piece::Other
                };
                each(began, end, piece);
            }
            (At::String, 7) => self.at = At::Text,
            (At::String | At::Text, _) => {}
            // Carried out at once, and the sequence goes on.
            _ => each(end - 1, end, Piece::Control(byte)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(bytes: &[u8], size: usize) -> Vec<(u64, String)> {
        let mut all: Vec<(u64, String)> = Vec::new();
        let mut sequences = Sequences::new();
        for part in bytes.chunks(size) {
            sequences.push(part, |from, _, piece| match piece {
                Piece::Text(text) => {
                    let text = String::from_utf8_lossy(text);
                    match all.last_mut() {
                        Some((_, last)) if last.starts_with('"') => last.push_str(&text),
                        _ => all.push((from, format!("\"{text}"))),
                    }
                }
                other => all.push((from, format!("{other:?}"))),
            });
        }
        all
    }

    #[test]
    fn pieces_are_the_same_however_they_come() {
        let bytes =
            b"ab\x1b[1;2mcd\x1bM\x1b]0;title\x1b[3m\x1b(B\x1b]8;;x\x07e\x1b[1\x08J\x1b[\x18f";
        let whole = cut(bytes, 100);
        let texts: Vec<&str> = whole.iter().map(|(_, t)| t.as_str()).collect();
        assert_eq!(
            texts,
            [
                "\"ab",
                "Sequence([49, 59, 50], 109)",
                "\"cd",
                "Escape(77)",
                "Sequence([51], 109)",
                "Other",
                "\"e",
                "Control(8)",
                "Sequence([49], 74)",
                "\"f"
            ]
        );
        assert_eq!(whole[1].0, 2);
        for size in 1..9 {
            assert_eq!(cut(bytes, size), whole);
        }
    }

    #[test]
    fn an_endless_sequence_costs_no_memory() {
        let mut sequences = Sequences::new();
        for head in [&b"\x1b["[..], b"\x1b]0;", b"\x1bP"] {
            sequences.push(head, |_, _, _| {});
            for _ in 0..100 {
                sequences.push(&[b'1'; 10_000], |_, _, _| {});
            }
            assert!(sequences.inner.capacity() <= 2 * LONGEST);
        }
    }
}
