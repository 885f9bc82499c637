//! Bytes of a stream as lines, each bounded.
//!
//! Must not know what the lines say.

/// Longest line in bytes that is handed on.
pub const LONGEST: usize = 1 << 20;

/// Bytes that are handed on of a line that is longer.
pub const HEAD: usize = 4096;

/// Makes lines out of pieces of a stream. Of lines longer than [`LONGEST`] the first [`HEAD`] bytes are handed
/// on, as soon as that is known; the rest is left out up to their end.
#[derive(Debug, Default)]
pub struct Lines {
    /// The beginning of a line whose end has not come.
    open: Vec<u8>,
    /// The line that comes is too long.
    skipping: bool,
    too_long: u64,
}

impl Lines {
    /// Takes a piece and hands on each line that it ends, without its end (`\n`, or `\r\n`).
    pub fn feed(&mut self, mut piece: &[u8], take: &mut dyn FnMut(&[u8])) {
        while let Some(end) = piece.iter().position(|b| *b == b'\n') {
            let (line, rest) = (&piece[..end], &piece[end + 1..]);
            piece = rest;
            if self.skipping {
                self.skipping = false;
            } else if self.open.is_empty() && line.len() <= LONGEST {
                take(without_return(line));
            } else if self.keep(line, take) {
                take(without_return(&self.open));
                self.empty();
            }
        }
        if !self.skipping && !piece.is_empty() {
            self.skipping = !self.keep(piece, take);
        }
    }

    /// The stream has ended: hands on what has no end of a line.
    pub fn end(&mut self, take: &mut dyn FnMut(&[u8])) {
        if !self.open.is_empty() {
            take(without_return(&self.open));
        }
        self.empty();
        self.skipping = false;
    }

    /// Bytes of the line whose end has not come, as far as they are kept.
    #[must_use]
    pub const fn open(&self) -> usize {
        self.open.len()
    }

    /// How many lines were too long.
    #[must_use]
    pub const fn too_long(&self) -> u64 {
        self.too_long
    }

    /// Adds to the open line; where it becomes too long, hands on its beginning and forgets it.
    fn keep(&mut self, piece: &[u8], take: &mut dyn FnMut(&[u8])) -> bool {
        if self.open.len() + piece.len() <= LONGEST {
            self.open.extend_from_slice(piece);
            return true;
        }
        let more = HEAD.saturating_sub(self.open.len()).min(piece.len());
        self.open.extend_from_slice(&piece[..more]);
        take(&self.open[..HEAD]);
        self.too_long += 1;
        self.empty();
        false
    }

    /// Forgets the open line; one long line must not keep its memory for the rest of a run.
    fn empty(&mut self) {
        self.open.clear();
        self.open.shrink_to(64 * 1024);
    }
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(pieces: &[&[u8]]) -> (Vec<Vec<u8>>, u64) {
        let (mut lines, mut all) = (Lines::default(), Vec::new());
        for piece in pieces {
            lines.feed(piece, &mut |l| all.push(l.to_vec()));
        }
        lines.end(&mut |l| all.push(l.to_vec()));
        (all, lines.too_long())
    }

    #[test]
    fn of_a_line_that_is_too_long_the_beginning_is_handed_on() {
        let long = vec![b'x'; 10 << 20];
        let pieces: Vec<&[u8]> = long.chunks(60_000).collect();
        let mut all: Vec<&[u8]> = vec![b"one\n"];
        all.extend(&pieces);
        all.push(b"\ntwo\nthree");
        let head = long[..HEAD].to_vec();
        let (lines, too_long) = read(&all);
        let whole = [
            b"one".to_vec(),
            head.clone(),
            b"two".to_vec(),
            b"three".to_vec(),
        ];
        assert_eq!((lines, too_long), (whole.to_vec(), 1));
        let (lines, too_long) = read(&[&[&long[..], b"\nfour\r\n"].concat()]);
        assert_eq!((lines, too_long), (vec![head, b"four".to_vec()], 1));
        let longest = [&long[..LONGEST], b"\n"].concat();
        assert_eq!(read(&[&longest[..5], &longest[5..]]).0[0].len(), LONGEST);
    }

    proptest! {
        #[test]
        fn lines_do_not_depend_on_the_pieces(bytes in "[ab\r\n]{0,60}", cuts in proptest::collection::vec(0_usize..60, 0..6)) {
            let bytes = bytes.as_bytes();
            let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|w| &bytes[w[0]..w[1]]).collect();
            prop_assert_eq!(read(&pieces), read(&[bytes]));
        }
    }
}
