//! What of a terminal's bytes reaches the screen of cells: text and what moves or clears; titles,
//! clipboards and pictures do not, and no sequence may be carried out more often than it can show.

use crate::terminal::sequences::{Piece, Sequences};

/// Makes bytes harmless, in pieces of any size.
#[derive(Debug, Default)]
pub struct Tamer {
    cut: Sequences,
    /// Nothing has been written since the screen was made empty: making it so again shows nothing.
    empty: bool,
}

/// Sequences that do something as often as they say.
const COUNTED: &[u8] = b"@LMPSTX";

impl Tamer {
    /// The part of the bytes that a screen of at most `most` columns and rows takes.
    pub fn tame(&mut self, bytes: &[u8], most: u16) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len());
        let empty = &mut self.empty;
        self.cut.push(bytes, |_, _, piece| match piece {
            Piece::Text(text) => {
                *empty = false;
                out.extend_from_slice(text);
            }
            Piece::Control(byte) => out.push(byte),
            Piece::Escape(b'c') if *empty => {}
            Piece::Escape(byte) => {
                *empty = byte == b'c';
                out.extend_from_slice(&[0x1b, byte]);
            }
            Piece::Sequence(inner, last) => {
                *empty = false;
                out.extend_from_slice(b"\x1b[");
                if COUNTED.contains(&last) && inner.iter().all(u8::is_ascii_digit) {
                    out.extend_from_slice(clamped(inner, most).as_bytes());
                } else {
                    out.extend_from_slice(inner);
                }
                out.push(last);
            }
            Piece::Other => {}
        });
        out
    }
}

/// A number of at most `most`; nothing stays nothing.
fn clamped(digits: &[u8], most: u16) -> String {
    let text = std::str::from_utf8(digits).unwrap_or_default();
    if text.is_empty() {
        return String::new();
    }
    // What is too long to be read is more than anything.
    let n = text.parse::<u32>().unwrap_or(u32::MAX);
    n.min(u32::from(most)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_go_and_counts_are_bounded() {
        let mut tamer = Tamer::default();
        let out = tamer.tame(
            b"a\x1b]52;c;aGk=\x07b\x1b[65535L\x1b[L\x1b[?2004h\x1b[999999999999S\x1b[38;5;200mc",
            50,
        );
        assert_eq!(out, b"ab\x1b[50L\x1b[L\x1b[?2004h\x1b[50S\x1b[38;5;200mc");
        let mut tamer = Tamer::default();
        assert_eq!(tamer.tame(b"\x1bc\x1bc\x1b", 50), b"\x1bc");
        assert_eq!(tamer.tame(b"cx\x1bc", 50), b"x\x1bc");
    }
}
