//! The index beside a terminal's output: what came when, sizes, and where a screen can begin.
//!
//! A text file of short lines, each complete once its newline is there, so that a torn end loses no
//! more than a line. Must not be needed: without it everything is read from the begin.
//!
//! ```text
//! wavedeck-terminal 1 120 32     version, columns and rows at the begin
//! t <µs> <offset>                by this time of the run so much was printed
//! r <µs> <offset> <cols> <rows>  another size from here on
//! c <µs> <offset> <hex>          the screen is blank; what sets modes and colours, `-`: nothing
//! a <µs> <offset> <hex>          the same in the alternate screen
//! l <µs> <offset>                the alternate screen was left: what is under it shows again
//! s <µs> <offset> <hex>          not blank, but near enough where nothing else is near
//! ```

use std::fmt::Write as _;

use super::SIZE;

/// First word of the file.
const NAME: &str = "wavedeck-terminal";
/// Version of the format.
const VERSION: u32 = 1;
/// Output that is gone through to make a screen, rather than begin where it is not blank, in bytes.
const FAR: u64 = 1 << 20;
/// Output that is gone through from such a place at least, in bytes: what scrolls is right again.
const ENOUGH: u64 = 128 << 10;
/// Resizes that survive thinning.
const RESIZES: usize = 1_000;

/// What an entry says of its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// So much was printed.
    Time,
    /// Another size: columns and rows.
    Resize(u16, u16),
    /// The main screen is blank; bytes that set modes and colours.
    Clear(Vec<u8>),
    /// The alternate screen is blank; bytes that set modes and colours.
    Alternate(Vec<u8>),
    /// The alternate screen was left.
    Left,
    /// A line begins; bytes that set modes and colours.
    State(Vec<u8>),
}

/// One line of the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When it came, in microseconds of the run.
    pub at_us: u64,
    /// Where in the output.
    pub offset: u64,
    /// What is there.
    pub kind: Kind,
}

/// Where and how a screen begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Start {
    /// First byte to take.
    pub offset: u64,
    /// Columns there.
    pub cols: u16,
    /// Rows there.
    pub rows: u16,
    /// What to take before it.
    pub prelude: Vec<u8>,
    /// Other sizes after it: place, columns, rows.
    pub resizes: Vec<(u64, u16, u16)>,
}

/// A whole index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    cols: u16,
    rows: u16,
    entries: Vec<Entry>,
}

impl Default for Index {
    /// The index of an output that has none.
    fn default() -> Self {
        Self {
            cols: SIZE.0,
            rows: SIZE.1,
            entries: Vec::new(),
        }
    }
}

/// The first line of an index.
#[must_use]
pub fn header(cols: u16, rows: u16) -> String {
    format!("{NAME} {VERSION} {cols} {rows}\n")
}

impl Entry {
    /// Adds its line to a text.
    pub fn write(&self, out: &mut String) {
        let (at, offset) = (self.at_us, self.offset);
        // Writing into memory cannot fail.
        let _ = match &self.kind {
            Kind::Time => writeln!(out, "t {at} {offset}"),
            Kind::Left => writeln!(out, "l {at} {offset}"),
            Kind::Resize(cols, rows) => writeln!(out, "r {at} {offset} {cols} {rows}"),
            Kind::Clear(bytes) => writeln!(out, "c {at} {offset} {}", hex(bytes)),
            Kind::Alternate(bytes) => writeln!(out, "a {at} {offset} {}", hex(bytes)),
            Kind::State(bytes) => writeln!(out, "s {at} {offset} {}", hex(bytes)),
        };
    }

    /// Place, columns and rows, where it is another size.
    fn resize(&self) -> Option<(u64, u16, u16)> {
        match self.kind {
            Kind::Resize(cols, rows) => Some((self.offset, cols, rows)),
            _ => None,
        }
    }

    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let kind = words.next()?;
        let at_us = words.next()?.parse().ok()?;
        let offset = words.next()?.parse().ok()?;
        let kind = match kind {
            "t" => Kind::Time,
            "l" => Kind::Left,
            "r" => Kind::Resize(size(words.next()?)?, size(words.next()?)?),
            "c" => Kind::Clear(unhex(words.next()?)?),
            "a" => Kind::Alternate(unhex(words.next()?)?),
            "s" => Kind::State(unhex(words.next()?)?),
            _ => return None,
        };
        Some(Self {
            at_us,
            offset,
            kind,
        })
    }
}

impl Index {
    /// Reads an index; none: it is not one, or one of a version that we do not know.
    ///
    /// Lines that do not parse or go back are left out, a torn end too.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(bytes);
        let whole = &text[..=text.rfind('\n')?];
        let mut lines = whole.lines();
        let mut first = lines.next()?.split(' ');
        if first.next()? != NAME || first.next()?.parse() != Ok(VERSION) {
            return None;
        }
        let mut index = Self {
            cols: size(first.next()?)?,
            rows: size(first.next()?)?,
            entries: Vec::new(),
        };
        for entry in lines.filter_map(Entry::parse) {
            if index.entries.last().is_none_or(|l| l.at_us <= entry.at_us) {
                index.entries.push(entry);
            }
        }
        Some(index)
    }

    /// Bytes that had been printed at a moment (µs of the run).
    #[must_use]
    pub fn printed(&self, at_us: u64) -> u64 {
        let after = self.entries.partition_point(|e| e.at_us <= at_us);
        let before = &self.entries[..after];
        before.iter().map(|e| e.offset).max().unwrap_or(0)
    }

    /// Sizes that came into force in a range of the output: place, columns, rows.
    #[must_use]
    pub fn resizes(&self, after: u64, until: u64) -> Vec<(u64, u16, u16)> {
        let within = self
            .entries
            .iter()
            .filter(|e| e.offset > after && e.offset <= until);
        within.filter_map(Entry::resize).collect()
    }

    /// Sizes that came into force in a span of time (µs of the run): place, columns, rows.
    #[must_use]
    pub fn resizes_between(&self, after_us: u64, until_us: u64) -> Vec<(u64, u16, u16)> {
        let within = self
            .entries
            .iter()
            .filter(|e| e.at_us > after_us && e.at_us <= until_us);
        within.filter_map(Entry::resize).collect()
    }

    /// The index as it was at a moment (µs of the run).
    #[must_use]
    pub fn until(mut self, at_us: u64) -> Self {
        let after = self.entries.partition_point(|e| e.at_us <= at_us);
        self.entries.truncate(after);
        self
    }

    /// Columns and rows at a place of the output.
    #[must_use]
    pub fn size(&self, offset: u64) -> (u16, u16) {
        let before = self.entries.iter().filter(|e| e.offset <= offset);
        let last = before.filter_map(Entry::resize).next_back();
        last.map_or((self.cols, self.rows), |(_, cols, rows)| (cols, rows))
    }

    /// Where the screen after `total` bytes begins best.
    #[must_use]
    pub fn start(&self, total: u64) -> Start {
        let known = self.entries.iter().rev().filter(|e| e.offset <= total);
        let (mut left, mut near) = (false, None);
        let mut best = None;
        for entry in known {
            match &entry.kind {
                Kind::Left => left = true,
                Kind::Clear(prelude) => {
                    best = Some((entry.offset, prelude));
                    break;
                }
                Kind::Alternate(prelude) if !left => {
                    best = Some((entry.offset, prelude));
                    break;
                }
                Kind::State(prelude) if entry.offset + ENOUGH <= total && near.is_none() => {
                    near = Some((entry.offset, prelude));
                }
                _ => {}
            }
        }
        let exact = best.map_or(0, |(offset, _)| offset);
        let chosen = if total - exact > FAR {
            near.filter(|(offset, _)| *offset > exact).or(best)
        } else {
            best
        };
        let (offset, prelude) = chosen.map_or((0, Vec::new()), |(o, p)| (o, p.clone()));
        let (cols, rows) = self.size(offset);
        Start {
            offset,
            cols,
            rows,
            prelude,
            resizes: self.resizes(offset, u64::MAX),
        }
    }

    /// The text of an index about half as long: every second moment and place is left out.
    #[must_use]
    pub fn thinned(&self) -> String {
        let resizes = self
            .entries
            .iter()
            .filter(|e| matches!(e.kind, Kind::Resize(..)));
        let mut too_many = resizes.count().saturating_sub(RESIZES);
        let mut out = header(self.cols, self.rows);
        let (mut times, mut places, mut inside) = (0_u64, 0_u64, false);
        for entry in &self.entries {
            let keep = match entry.kind {
                Kind::Time => {
                    times += 1;
                    times.is_multiple_of(2)
                }
                Kind::Resize(..) if too_many > 0 => {
                    too_many -= 1;
                    false
                }
                Kind::Resize(..) => true,
                // A place in the alternate screen must never outlive the word that it was left.
                Kind::Left => std::mem::take(&mut inside),
                Kind::Clear(_) | Kind::Alternate(_) | Kind::State(_) => {
                    places += 1;
                    let keep = places.is_multiple_of(2);
                    inside |= keep && matches!(entry.kind, Kind::Alternate(_));
                    keep
                }
            };
            if keep {
                entry.write(&mut out);
            }
        }
        out
    }
}

fn size(word: &str) -> Option<u16> {
    word.parse().ok().filter(|&n| n > 0)
}

fn hex(bytes: &[u8]) -> String {
    if bytes.is_empty() {
        return "-".to_owned();
    }
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
    out
}

fn unhex(word: &str) -> Option<Vec<u8>> {
    if word == "-" {
        return Some(Vec::new());
    }
    let digits = word.as_bytes();
    if digits.is_empty() || digits.len() % 2 == 1 {
        return None;
    }
    let pairs = digits.chunks_exact(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn index(lines: &str) -> Index {
        Index::parse(format!("{}{lines}", header(80, 24)).as_bytes()).unwrap()
    }

    #[test]
    fn a_screen_begins_at_the_newest_place_that_holds() {
        let index =
            index("t 10 100\nc 20 200 1b5b316d\nr 30 300 100 30\na 40 400 -\nl 50 500\nt 60 600\n");
        let start = index.start(450);
        assert_eq!((start.offset, start.cols, start.rows), (400, 100, 30));
        // Once the alternate screen was left, what was under it counts.
        let start = index.start(600);
        assert_eq!((start.offset, start.cols, start.rows), (200, 80, 24));
        assert_eq!(start.prelude, b"\x1b[1m");
        assert_eq!(start.resizes, [(300, 100, 30)]);
        assert_eq!(index.start(150).offset, 0);
        assert_eq!(
            [0, 10, 59, 60, 99].map(|at| index.printed(at)),
            [0, 100, 500, 600, 600]
        );
        // What came later at the same place is not known before its time.
        assert_eq!(index.resizes_between(29, 30), [(300, 100, 30)]);
        assert_eq!(index.clone().until(29).start(600).resizes, []);
        assert_eq!(index.resizes_between(30, 99), []);
    }

    #[test]
    fn far_behind_a_line_is_good_enough() {
        let index = index("c 1 10 -\ns 2 3000000 1b5b6d\ns 3 4999999 -\n");
        assert_eq!(index.start(5_000_000).offset, 3_000_000);
        // Near by it is not.
        assert_eq!(index.start(1_000_000).offset, 10);
    }

    #[test]
    fn a_torn_or_strange_index_is_read_as_far_as_it_goes() {
        let torn = index("t 10 100\nt 20 2");
        assert_eq!(torn, index("t 10 100\n"));
        assert_eq!(index("x\nt 1\nc 1 1 zz\nt 10 100\n"), torn);
        for bad in [
            "",
            "t 1 1\n",
            "wavedeck-terminal 2 80 24\n",
            "wavedeck-terminal 1 0 24\n",
        ] {
            assert_eq!(Index::parse(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(Index::default().start(10).offset, 0);
    }

    #[test]
    fn thinning_keeps_sizes_and_what_was_left() {
        let mut text = String::new();
        for i in 0..1_000_u64 {
            let _ = write!(text, "t {i} {i}\na {i} {i} -\nl {i} {i}\n");
        }
        text.push_str("r 1000 1000 90 20\n");
        let thin = Index::parse(index(&text).thinned().as_bytes()).unwrap();
        assert_eq!(thin.entries.len(), 1_501);
        assert_eq!(thin.size(1_000), (90, 20));
        assert_eq!(thin.start(1_000).offset, 0);
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_index_or_not(bytes in proptest::collection::vec(any::<u8>(), 0..200),
            total in any::<u64>()) {
            let mut all = header(80, 24).into_bytes();
            all.extend_from_slice(&bytes);
            for text in [&bytes, &all] {
                if let Some(index) = Index::parse(text) {
                    prop_assert!(index.start(total).offset <= total);
                    let _ = (index.printed(total), index.thinned());
                }
            }
        }
    }
}
