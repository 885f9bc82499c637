//! Finds the places in a terminal's output from which on a screen can be made without what came
//! before.
//!
//! Follows control sequences alone, in constant memory, whatever an agent prints. Modes and colours
//! are kept by a screen of 2 x 2 cells that gets nothing but the sequences that set them, so that
//! they mean here what they mean where they are shown.

use tui_term::vt100::Parser;

use super::{
    index::Kind,
    sequences::{Piece, Sequences},
};

/// A place where a screen can begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where in the output.
    pub offset: u64,
    /// What kind of place.
    pub kind: Kind,
}

/// A cleared screen whose cursor is not known yet.
#[derive(Debug)]
struct Cleared {
    offset: u64,
    prelude: Vec<u8>,
    alternate: bool,
}

/// Follows the output of one terminal.
pub struct Scanner {
    sequences: Sequences,
    places: Places,
}

/// What is known of the screen.
struct Places {
    modes: Box<Parser>,
    cleared: Option<Cleared>,
    /// The cursor was put into the corner here, and only colours and modes came since.
    home: Option<(u64, Vec<u8>)>,
    /// Lines at the edge stand still: of the main screen and of the alternate one.
    region: [bool; 2],
    /// Positions count from the region.
    origin: bool,
    /// The alternate screen was shown when it was looked last.
    alternate: bool,
}

impl std::fmt::Debug for Scanner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scanner")
            .field("sequences", &self.sequences)
            .finish_non_exhaustive()
    }
}

impl Default for Scanner {
    fn default() -> Self {
        Self::new()
    }
}

impl Scanner {
    /// Begins at the first byte of an output.
    #[must_use]
    pub fn new() -> Self {
        Self {
            sequences: Sequences::new(),
            places: Places {
                modes: Box::new(Parser::new(2, 2, 0)),
                cleared: None,
                home: None,
                region: [false; 2],
                origin: false,
                alternate: false,
            },
        }
    }

    /// Takes the next bytes; tells the places that became certain in them, in order.
    pub fn push(&mut self, bytes: &[u8], mut found: impl FnMut(Found)) {
        let places = &mut self.places;
        self.sequences.push(bytes, |began, end, piece| {
            let at = Span { began, end };
            match piece {
                Piece::Escape(byte) => places.escape(at, byte, &mut found),
                Piece::Sequence(inner, last) => places.sequence(at, inner, last, &mut found),
                Piece::Text(_) | Piece::Control(_) | Piece::Other => places.text(),
            }
        });
    }

    /// What puts an empty screen into the modes and colours of now; none: they cannot be put so.
    #[must_use]
    pub fn prelude(&self) -> Option<Vec<u8>> {
        let places = &self.places;
        let odd = places.region[usize::from(places.alternate)] || places.origin;
        (self.sequences.in_text() && !odd).then(|| places.modes())
    }
}

/// Where a sequence stands in the output.
#[derive(Clone, Copy)]
struct Span {
    began: u64,
    end: u64,
}

impl Places {
    fn modes(&self) -> Vec<u8> {
        let screen = self.modes.screen();
        let mut out = Vec::new();
        if screen.alternate_screen() {
            out.extend_from_slice(b"\x1b[?1049h");
        }
        let plain = Parser::new(2, 2, 0);
        out.extend(screen.input_mode_diff(plain.screen()));
        if screen.hide_cursor() {
            out.extend_from_slice(b"\x1b[?25l");
        }
        let colours = screen.attributes_formatted();
        if colours != plain.screen().attributes_formatted() {
            out.extend(colours);
        }
        out
    }

    fn text(&mut self) {
        self.cleared = None;
        self.home = None;
    }

    /// ESC and one byte.
    fn escape(&mut self, at: Span, byte: u8, found: &mut impl FnMut(Found)) {
        match byte {
            // Everything is as it was at the begin.
            b'c' => {
                self.modes.process(b"\x1bc");
                (self.cleared, self.home) = (None, None);
                (self.region, self.origin) = ([false; 2], false);
                self.looked(at, found);
                found(Found {
                    offset: at.began,
                    kind: Kind::Clear(Vec::new()),
                });
            }
            b'=' | b'>' => self.modes.process(&[0x1b, byte]),
            // The end of a string.
            b'\\' => {}
            b'7' | b'8' => {
                self.modes.process(&[0x1b, byte]);
                self.text();
            }
            _ => self.text(),
        }
    }

    /// A control sequence that ends with this byte.
    fn sequence(&mut self, at: Span, inner: &[u8], last: u8, found: &mut impl FnMut(Found)) {
        match last {
            b'm' if plain(inner) => self.feed(inner, last),
            b'h' | b'l' if inner.first() == Some(&b'?') => {
                let before = self.modes();
                self.feed(inner, last);
                let mut origin = false;
                for number in inner[1..].split(|&b| b == b';') {
                    if number == b"6" {
                        (origin, self.origin) = (true, last == b'h');
                    }
                }
                let was = self.alternate;
                self.looked(at, found);
                if origin {
                    self.text();
                } else if !was && self.alternate && inner == b"?1049" {
                    self.region[1] = false;
                    self.clear(at, before, true);
                } else if was != self.alternate {
                    self.text();
                }
            }
            b'J' if inner == b"2" => {
                if let Some((offset, prelude)) = self.home.take() {
                    self.certain(offset, prelude, found);
                } else {
                    let alternate = self.alternate;
                    self.clear(at, self.modes(), alternate);
                }
            }
            b'J' if matches!(inner, b"" | b"0") => {
                self.cleared = None;
                if let Some((offset, prelude)) = self.home.take() {
                    self.certain(offset, prelude, found);
                }
            }
            // What only asks, styles the cursor or clears what is out of sight.
            b'n' | b'c' | b'q' | b't' => {}
            b'J' if inner == b"3" => {}
            // With the cursor in the corner all of it is cleared later; elsewhere the colour that it
            // leaves behind stands nobody knows where.
            b'J' | b'K' => self.cleared = None,
            b'r' if plain(inner) => {
                self.region[usize::from(self.alternate)] = !inner.is_empty();
                self.text();
            }
            b'H' if plain(inner) => {
                if let Some(cleared) = self.cleared.take() {
                    self.place(cleared.offset, cleared.prelude, cleared.alternate, found);
                }
                let corner = matches!(inner, b"" | b"1" | b";" | b"1;" | b";1" | b"1;1");
                self.home = corner.then(|| (at.began, self.modes()));
            }
            _ => self.text(),
        }
    }

    fn feed(&mut self, inner: &[u8], last: u8) {
        self.modes.process(b"\x1b[");
        self.modes.process(inner);
        self.modes.process(&[last]);
    }

    fn clear(&mut self, at: Span, prelude: Vec<u8>, alternate: bool) {
        self.home = None;
        self.cleared = Some(Cleared {
            offset: at.began,
            prelude,
            alternate,
        });
    }

    fn certain(&mut self, offset: u64, prelude: Vec<u8>, found: &mut impl FnMut(Found)) {
        self.cleared = None;
        self.place(offset, prelude, self.alternate, found);
    }

    fn place(&self, offset: u64, prelude: Vec<u8>, alternate: bool, found: &mut impl FnMut(Found)) {
        if self.region[usize::from(alternate)] || self.origin {
            return;
        }
        let kind = if alternate {
            Kind::Alternate(prelude)
        } else {
            Kind::Clear(prelude)
        };
        found(Found { offset, kind });
    }

    /// Notes which screen is shown, and tells when the alternate one was left.
    fn looked(&mut self, at: Span, found: &mut impl FnMut(Found)) {
        let now = self.modes.screen().alternate_screen();
        if self.alternate && !now {
            found(Found {
                offset: at.end,
                kind: Kind::Left,
            });
        }
        self.alternate = now;
    }
}

/// Whether the parameters are numbers alone, without a private mark.
fn plain(inner: &[u8]) -> bool {
    inner
        .iter()
        .all(|b| b.is_ascii_digit() || matches!(b, b';' | b':'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scan(bytes: &[u8]) -> Vec<Found> {
        let mut found = Vec::new();
        Scanner::new().push(bytes, |f| found.push(f));
        found
    }

    fn offsets(bytes: &[u8]) -> Vec<u64> {
        scan(bytes).into_iter().map(|f| f.offset).collect()
    }

    #[test]
    fn a_screen_begins_where_it_is_blank_and_the_cursor_known() {
        assert_eq!(offsets(b"text\x1b[2J\x1b[Hmore"), [4]);
        assert_eq!(offsets(b"text\x1b[H\x1b[Jmore"), [4]);
        assert_eq!(offsets(b"text\x1b[H\x1b[1m\x1b[2J\x1b[3Jmore"), [4]);
        assert_eq!(offsets(b"abc\x1bc"), [3]);
        // The cursor stays where it was, which nobody knows.
        assert_eq!(offsets(b"text\x1b[2Jmore\x1b[H"), Vec::<u64>::new());
        assert_eq!(offsets(b"text\x1b[2J\x1b[2B\x1b[H"), Vec::<u64>::new());
        assert_eq!(offsets(b"\x1b[3;4H\x1b[J"), Vec::<u64>::new());
        // In the middle of a string nothing is a sequence but what begins anew.
        assert_eq!(offsets(b"\x1b]0;[2J[H\x07"), Vec::<u64>::new());
    }

    /// Pieces of which outputs are made: what programs print, without saved cursors.
    fn piece() -> impl Strategy<Value = Vec<u8>> {
        let fixed: Vec<&'static [u8]> = vec![
            b"text",
            b"\r\n",
            b"\n",
            b"a long line that is wider than the screen\r\n",
            b"\x1b[H",
            b"\x1b[2J",
            b"\x1b[J",
            b"\x1b[1;1H",
            b"\x1b[3;2H",
            b"\x1b[K",
            b"\x1b[1m",
            b"\x1b[31;44m",
            b"\x1b[m",
            b"\x1b[38;5;9;7m",
            b"\x1b[48:2:1:2:3m",
            b"\x1b[?25l",
            b"\x1b[?25h",
            b"\x1b[?1049h",
            b"\x1b[?1049l",
            b"\x1b[?2004h",
            b"\x1b[?1000;1006h",
            b"\x1b[?1002l",
            b"\x1b=",
            b"\x1b>",
            b"\x1bc",
            b"\x1b[2;3r",
            b"\x1b[r",
            b"\x1b[?6h",
            b"\x1b[?6l",
            b"\x1b]0;title\x07",
            b"\x1b[A",
            b"\x1b[5C",
            b"\x1b[2L",
            b"\x1b[6n",
            b"\x1b[?2J",
            b"\t",
            b"\x08",
            b"\x1b(B",
            b"\x18",
            b"\x1bM",
            "\u{6f22}".as_bytes(),
            b"\xff",
            b"\x1b[0;",
            b"\x1b[?7",
            b"\x1bP1;2q",
        ];
        proptest::sample::select(fixed).prop_map(<[u8]>::to_vec)
    }

    fn shown(parser: &Parser) -> (Vec<u8>, bool) {
        let screen = parser.screen();
        (screen.state_formatted(), screen.alternate_screen())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]
        /// From every place that is told the screen becomes what it is from the begin on.
        #[test]
        fn from_every_place_the_screen_becomes_the_same(
            pieces in proptest::collection::vec(piece(), 1..60), cut in 1_usize..9) {
            // Leaving a screen that is not shown puts the cursor where it was saved once, which
            // nobody knows.
            let mut bytes: Vec<u8> = Vec::new();
            let mut sofar = Parser::new(5, 12, 0);
            for piece in pieces {
                if piece != b"\x1b[?1049l" || sofar.screen().alternate_screen() {
                    sofar.process(&piece);
                    bytes.extend(piece);
                }
            }
            let mut found = Vec::new();
            let mut scanner = Scanner::new();
            for part in bytes.chunks(cut) {
                scanner.push(part, |f| found.push(f));
            }
            let mut whole = Parser::new(5, 12, 0);
            whole.process(&bytes);
            let left = found.iter().filter(|f| f.kind == Kind::Left).map(|f| f.offset).max();
            for place in &found {
                let prelude = match &place.kind {
                    Kind::Clear(prelude) => prelude,
                    // What is below an alternate screen is not known from here.
                    Kind::Alternate(prelude) if left.is_none_or(|l| l <= place.offset) => prelude,
                    _ => continue,
                };
                let mut late = Parser::new(5, 12, 0);
                late.process(prelude);
                late.process(&bytes[place.offset as usize..]);
                prop_assert_eq!(shown(&late), shown(&whole), "{:?} of {:?}", place,
                    String::from_utf8_lossy(&bytes));
            }
        }
    }
}
