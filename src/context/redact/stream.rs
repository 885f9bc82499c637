//! Redaction of bytes that come in pieces.
//!
//! Must give the same bytes for the same input however it is cut, but for what was released early
//! because somebody waits for it; must hold back at most one line of [`LONGEST`] bytes.

use memchr::memchr2;

use super::{
    check::is_token,
    json::{self, Stand},
    scan::{Piece, Redactor},
};

/// Bytes of a line that are looked at together; a longer one is taken in parts of this length.
pub const LONGEST: usize = 16 << 10;
/// Bytes of such a part that are looked at again with the next one, so that what stands across the
/// cut is found.
const AGAIN: usize = 4 << 10;
/// Lines of a key's block; a longer one is none.
const BLOCK: u16 = 200;
/// Letters of the first line of a key's block: RFC 7468 has 64.
const BODY: usize = 32;
/// Memory that an empty line may keep.
const KEPT: usize = 4 << 10;

/// What becomes of a find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// `[redacted: kind]` stands in its place.
    Replace,
    /// As many `*` as it has bytes: a terminal's columns and its index's offsets stay.
    Overwrite,
}

/// How much of an incomplete line is let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Release {
    /// All but what may be the beginning of a secret.
    Careful,
    /// All but what is one as it stands.
    Whole,
}

/// Where a key's block of lines stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    Outside,
    /// After its first line.
    Open {
        left: u16,
        body: bool,
    },
}

/// What a line is to a key's block.
enum InBlock {
    /// No part of one.
    Not,
    /// A part without anything to hide.
    Nothing,
    /// A part of the key.
    Key(Piece),
}

/// Redacts one stream of bytes.
#[derive(Debug, Clone)]
pub struct Stream {
    manner: Manner,
    /// The line that is not complete.
    line: Vec<u8>,
    /// Bytes of it that were let go.
    done: usize,
    /// Where the find begins whose mark was the last thing let go.
    marked: Option<usize>,
    block: Block,
    /// Whether the find before goes on.
    goes_on: bool,
    /// Where its line stands, if the beginning of that is gone.
    ahead: Option<Stand>,
    found: u64,
}

impl Stream {
    /// Makes one at the beginning of a line.
    #[must_use]
    pub const fn new(manner: Manner) -> Self {
        Self {
            manner,
            line: Vec::new(),
            done: 0,
            marked: None,
            block: Block::Outside,
            goes_on: false,
            ahead: None,
            found: 0,
        }
    }

    /// How many finds were taken out.
    pub const fn found(&self) -> u64 {
        self.found
    }

    /// Whether something is held back.
    pub fn holds(&self) -> bool {
        self.done < self.line.len()
    }

    /// Takes a piece; `out` gets what is safe.
    pub fn push(&mut self, redactor: &Redactor, mut piece: &[u8], out: &mut Vec<u8>) {
        while !piece.is_empty() {
            if self.line.is_empty() {
                let whole = whole_lines(piece);
                if whole > 0 {
                    self.lines(redactor, &piece[..whole], out);
                    piece = &piece[whole..];
                    continue;
                }
            }
            let room = (LONGEST - self.line.len()).min(piece.len());
            let end = ends(&piece[..room]);
            let taken = end.map_or(room, |at| at + 1);
            self.line.extend_from_slice(&piece[..taken]);
            piece = &piece[taken..];
            if end.is_some() {
                self.complete(redactor, out);
            } else if self.line.len() == LONGEST {
                self.part(redactor, out);
            }
        }
    }

    /// Lets go what is held back of a line that is not complete; what follows is still judged with it.
    pub fn release(&mut self, redactor: &Redactor, how: Release, out: &mut Vec<u8>) {
        if !self.holds() {
            return;
        }
        let line = std::mem::take(&mut self.line);
        let (pieces, limit) = match self.block {
            Block::Outside => {
                let pieces = self.pieces(redactor, &line);
                let known = pieces.last().map_or(0, |p| p.span.end);
                let limit = match (how, pieces.last()) {
                    (Release::Whole, _) => line.len(),
                    // It may go on.
                    (Release::Careful, Some(last)) if known == line.len() => last.span.start,
                    (Release::Careful, _) => redactor.suspicious(&line, known),
                };
                (pieces, limit)
            }
            // Of a key's block only whole lines can be judged.
            Block::Open { .. } if how == Release::Careful => (Vec::new(), self.done),
            Block::Open { body, .. } => {
                let pieces = key_line(&line, body).map(|p| vec![p]);
                (
                    pieces.unwrap_or_else(|| self.pieces(redactor, &line)),
                    line.len(),
                )
            }
        };
        if limit > self.done {
            let touches = |p: &&Piece| p.span.start < limit && p.span.end >= limit;
            let last = pieces.iter().rev().find(touches).map(|p| p.span.start);
            self.write(&line, &pieces, self.done..limit, out);
            (self.done, self.marked) = (limit, last);
        }
        self.line = line;
    }

    /// Ends the stream.
    pub fn finish(&mut self, redactor: &Redactor, out: &mut Vec<u8>) {
        if !self.line.is_empty() {
            self.complete(redactor, out);
        }
        self.line = Vec::new();
        self.block = Block::Outside;
        (self.goes_on, self.ahead) = (false, None);
    }

    /// The line has its end.
    fn complete(&mut self, redactor: &Redactor, out: &mut Vec<u8>) {
        let line = std::mem::take(&mut self.line);
        self.lines(redactor, &line, out);
        (self.done, self.marked) = (0, None);
        self.line = line;
        self.line.clear();
        if self.line.capacity() > KEPT {
            self.line = Vec::new();
        }
    }

    /// A part of a line that is too long.
    fn part(&mut self, redactor: &Redactor, out: &mut Vec<u8>) {
        let line = std::mem::take(&mut self.line);
        let pieces = self.pieces(redactor, &line);
        let from = line.len() - AGAIN;
        // What stands across the cut goes out with this part.
        let across = pieces
            .iter()
            .find(|p| p.span.start < from && p.span.end > from);
        let cut = across.map_or(from, |p| p.span.end);
        self.goes_on = cut == line.len();
        self.write(&line, &pieces, self.done..cut.max(self.done), out);
        if pieces.iter().any(|p| p.opens && p.span.start < cut) {
            self.open();
        }
        self.done = self.done.saturating_sub(cut);
        self.marked = None;
        let mut stand = self.ahead.unwrap_or_else(|| Stand::at(&line));
        stand.over(&line[..cut]);
        self.ahead = Some(stand);
        self.line = line;
        self.line.drain(..cut);
    }

    const fn open(&mut self) {
        self.block = Block::Open {
            left: BLOCK,
            body: false,
        };
    }

    fn pieces(&self, redactor: &Redactor, text: &[u8]) -> Vec<Piece> {
        let mut pieces = redactor.pieces(text);
        if self.goes_on {
            let rest = text.iter().take_while(|b| is_token(**b)).count();
            pieces.retain(|p| p.span.start >= rest);
            if rest > 0 {
                let kind = "known value";
                pieces.insert(
                    0,
                    Piece {
                        span: 0..rest,
                        kind,
                        first: false,
                        opens: false,
                        bare: false,
                    },
                );
            }
        }
        if self.manner == Manner::Replace {
            json::bare(text, &mut pieces, self.ahead);
        }
        pieces
    }

    /// Whole lines; of the first one `done` bytes were let go.
    fn lines(&mut self, redactor: &Redactor, text: &[u8], out: &mut Vec<u8>) {
        let pieces = self.pieces(redactor, text);
        (self.goes_on, self.ahead) = (false, None);
        let mut at = self.done;
        if self.block == Block::Outside && !pieces.iter().any(|p| p.opens) {
            self.write(text, &pieces, at..text.len(), out);
            return;
        }
        let (mut start, mut next) = (0, 0);
        while start < text.len() {
            let end = ends(&text[start..]).map_or(text.len(), |n| start + n + 1);
            let line = &text[start..end];
            let first = next;
            while next < pieces.len() && pieces[next].span.start < end {
                next += 1;
            }
            let key;
            let here = match self.key_block(line) {
                InBlock::Not => &pieces[first..next],
                InBlock::Nothing => &[],
                InBlock::Key(found) => {
                    key = [Piece {
                        span: found.span.start + start..found.span.end + start,
                        ..found
                    }];
                    &key[..]
                }
            };
            self.write(text, here, at..end, out);
            if here.iter().any(|p| p.opens) {
                self.open();
            }
            self.marked = None;
            (start, at) = (end, end);
        }
    }

    /// What a line has to hide as part of a key's block.
    fn key_block(&mut self, line: &[u8]) -> InBlock {
        let Block::Open { left, body } = self.block else {
            return InBlock::Not;
        };
        self.block = Block::Outside;
        let text = line.trim_ascii();
        if text.windows(8).any(|w| w == b"-----END") {
            return InBlock::Nothing;
        }
        let hidden = if text.is_empty() || (!body && header(text)) {
            InBlock::Nothing
        } else {
            key_line(line, body).map_or(InBlock::Not, InBlock::Key)
        };
        if left > 1 && !matches!(hidden, InBlock::Not) {
            let body = body || matches!(hidden, InBlock::Key(_));
            self.block = Block::Open {
                left: left - 1,
                body,
            };
        }
        hidden
    }

    fn write(
        &mut self,
        text: &[u8],
        pieces: &[Piece],
        range: std::ops::Range<usize>,
        out: &mut Vec<u8>,
    ) {
        let mut at = range.start;
        for piece in pieces {
            let span = piece.span.clone();
            if span.end <= at || span.start >= range.end || span.is_empty() {
                continue;
            }
            out.extend_from_slice(&text[at..span.start.max(at)]);
            let end = span.end.min(range.end);
            self.found += u64::from(piece.first && self.marked != Some(span.start));
            match self.manner {
                Manner::Overwrite => out.resize(out.len() + end - span.start.max(at), b'*'),
                Manner::Replace => {
                    if piece.first && self.marked != Some(span.start) {
                        let (open, close): (&[u8], &[u8]) = if piece.bare {
                            (b"\"[redacted: ", b"]\"")
                        } else {
                            (b"[redacted: ", b"]")
                        };
                        out.extend_from_slice(open);
                        out.extend_from_slice(piece.kind.as_bytes());
                        out.extend_from_slice(close);
                    }
                }
            }
            at = end;
        }
        out.extend_from_slice(&text[at..range.end.max(at)]);
    }
}

/// Where a line ends.
fn ends(bytes: &[u8]) -> Option<usize> {
    memchr2(b'\n', b'\r', bytes)
}

/// Bytes at the beginning that are whole lines, none longer than [`LONGEST`].
fn whole_lines(piece: &[u8]) -> usize {
    let mut end = 0;
    while let Some(at) = ends(&piece[end..piece.len().min(end + LONGEST)]) {
        end += at + 1;
    }
    end
}

/// What a key's block may have before its body, such as `Proc-Type: 4,ENCRYPTED`.
fn header(text: &[u8]) -> bool {
    let name = text
        .iter()
        .take_while(|b| b.is_ascii_alphabetic() || **b == b'-')
        .count();
    name >= 4 && text[name..].starts_with(b": ")
}

/// The part of a key's body at the end of a line, behind a margin or within quotes; none: it is none.
fn key_line(line: &[u8], body: bool) -> Option<Piece> {
    let base64 = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=');
    let mut end = line.len();
    loop {
        match line[..end] {
            [.., b'\\', b'n' | b'r'] => end -= 2,
            [
                ..,
                b'\n' | b'\r' | b' ' | b'\t' | b'"' | b'\'' | b',' | b'\\' | b'`',
            ] => end -= 1,
            _ => break,
        }
    }
    let len = line[..end].iter().rev().take_while(|b| base64(b)).count();
    let start = end - len;
    let margin = line[..start]
        .iter()
        .filter(|b| b.is_ascii_alphabetic())
        .count();
    let is_body = len >= BODY || (body && len > 0 && margin == 0);
    is_body.then_some(Piece {
        span: start..end,
        kind: "private-key",
        first: true,
        opens: false,
        bare: false,
    })
}
