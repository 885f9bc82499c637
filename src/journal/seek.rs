//! Replay: the state at any record or moment of a run, and the records around it.
//!
//! Starts from the nearest snapshot that fits the journal, else from the beginning; snapshots and
//! index only make it faster. Must not write, and needs no lock: a live run can be read.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::engine::{Setup, State};

use super::{
    JOURNAL, Line, Position, ReadError, Reader,
    format::{self, Header},
    index::{self, Entry},
    reader::apply,
    snapshot::{self, Stored},
};

/// Where to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    /// The state after this record.
    Seq(u64),
    /// The state after the last record at or before this time of the run, in microseconds.
    Elapsed(u64),
}

/// Reads one run at any place.
pub struct Seeker {
    dir: PathBuf,
    setup: Arc<Setup>,
    file: File,
    reader: Reader,
    start: Position,
    snapshots: Vec<Stored>,
    index: Vec<Entry>,
}

impl Seeker {
    /// Opens the run in a folder; does not read the whole journal.
    pub fn open(dir: &Path, setup: Arc<Setup>) -> Result<Self, ReadError> {
        let reader = Reader::open(dir)?;
        let start = reader.end().at;
        Ok(Self {
            dir: dir.to_owned(),
            setup,
            file: File::open(dir.join(JOURNAL))?,
            reader,
            start,
            snapshots: snapshot::list(dir),
            index: index::read(dir),
        })
    }

    /// Looks again which snapshots and index entries there are, as a live run grows.
    pub fn refresh(&mut self) {
        self.snapshots = snapshot::list(&self.dir);
        self.index = index::read(&self.dir);
    }

    /// Returns the journal's header.
    #[must_use]
    pub const fn header(&self) -> &Header {
        self.reader.header()
    }

    /// Returns the last whole record (of any kind), read from the journal's end.
    pub fn last(&self) -> Result<Option<Line>, ReadError> {
        Ok(last_line(&self.file, self.start.offset)?)
    }

    /// Makes the state at a place; past the end it is the last one.
    pub fn seek(&mut self, to: To) -> Result<State, ReadError> {
        let (mut state, at) = self.nearest(to);
        self.reader.jump(at)?;
        self.replay(&mut state, to)?;
        Ok(state)
    }

    /// Takes a state of this run forward to a place; does nothing if it is there or later.
    pub fn forward(&mut self, state: &mut State, to: To) -> Result<(), ReadError> {
        if self.reader.end().at.seq != state.seq {
            let at = self.position(state.seq)?;
            self.reader.jump(at)?;
        }
        self.replay(state, to)
    }

    /// Reads up to `count` records, the first of them number `seq`.
    pub fn records(&mut self, seq: u64, count: usize) -> Result<Vec<Line>, ReadError> {
        // Playing on reads where it has read to.
        if self.reader.end().at.seq != seq.saturating_sub(1) {
            let at = self.position(seq.saturating_sub(1))?;
            self.reader.jump(at)?;
        }
        let mut lines = Vec::with_capacity(count.min(1024));
        while lines.len() < count
            && let Some(line) = self.reader.next()?
        {
            lines.push(line);
        }
        Ok(lines)
    }

    fn replay(&mut self, state: &mut State, to: To) -> Result<(), ReadError> {
        loop {
            let at = self.reader.end().at;
            if matches!(to, To::Seq(seq) if at.seq >= seq) {
                return Ok(());
            }
            let Some(line) = self.reader.next()? else {
                return Ok(());
            };
            if matches!(to, To::Elapsed(us) if line.elapsed_us() > us) {
                // Read one too far: the next call starts before it again.
                self.reader.jump(at)?;
                return Ok(());
            }
            apply(state, &line);
        }
    }

    /// The nearest state at or before a place that needs no replay.
    fn nearest(&self, to: To) -> (State, Position) {
        let before = self.snapshots.partition_point(|stored| match to {
            To::Seq(seq) => stored.seq <= seq,
            // Records of the same moment may follow a snapshot; they are replayed.
            To::Elapsed(us) => stored.elapsed_us <= us,
        });
        for stored in self.snapshots[..before].iter().rev() {
            if let Some((state, at)) = snapshot::load(&stored.path, &self.header().run, &self.setup)
                && self.fits(at)
            {
                return (state, at);
            }
        }
        (State::new(self.setup.clone()), self.start)
    }

    /// Whether the journal has this very record ending there.
    fn fits(&self, at: Position) -> bool {
        let trailer = format!(",\"crc\":\"{}\"}}\n", String::from_utf8_lossy(&at.crc));
        let mut found = vec![0; trailer.len()];
        at.offset
            .checked_sub(trailer.len() as u64)
            .is_some_and(|from| self.file.read_exact_at(&mut found, from).is_ok())
            && found == trailer.as_bytes()
    }

    /// Finds the end of a record by the index, then by reading on.
    fn position(&mut self, seq: u64) -> Result<Position, ReadError> {
        let mut before = self.index.partition_point(|entry| entry.seq <= seq + 1);
        let mut from = self.start;
        while before > 0 {
            before -= 1;
            let entry = self.index[before];
            if self.begins(entry) {
                from = Position {
                    seq: entry.seq - 1,
                    offset: entry.offset,
                    elapsed_us: 0,
                    crc: [0; 8],
                };
                break;
            }
        }
        self.reader.jump(from)?;
        while self.reader.end().at.seq < seq {
            if self.reader.next()?.is_none() {
                return Err(ReadError::Missing(seq));
            }
        }
        Ok(self.reader.end().at)
    }

    /// Whether the record of an index entry begins there.
    fn begins(&self, entry: Entry) -> bool {
        let wanted = format!("\n{{\"seq\":{},", entry.seq);
        let mut found = vec![0; wanted.len()];
        entry
            .offset
            .checked_sub(1)
            .is_some_and(|from| self.file.read_exact_at(&mut found, from).is_ok())
            && found == wanted.as_bytes()
    }
}

/// Reads the last whole and valid line of a journal from its end; `start` is where records begin.
pub(super) fn last_line(file: &File, start: u64) -> io::Result<Option<Line>> {
    let end = file.metadata()?.len();
    let mut chunk = 64_u64 << 10;
    loop {
        let from = end.saturating_sub(chunk).max(start.min(end));
        let mut bytes = vec![0; usize::try_from(end - from).unwrap_or(0)];
        file.read_exact_at(&mut bytes, from)?;
        // Lines that are whole in this chunk: after a newline (or the start), up to a newline.
        let mut rest: &[u8] = bytes
            .iter()
            .rposition(|&b| b == b'\n')
            .map_or(&[], |i| &bytes[..i]);
        while !rest.is_empty() {
            let begin = rest.iter().rposition(|&b| b == b'\n').map(|i| i + 1);
            let line = &rest[begin.unwrap_or(0)..];
            if (begin.is_some() || from == start)
                && let Ok(line) = format::decode(line)
            {
                return Ok(Some(line));
            }
            rest = &rest[..begin.unwrap_or(1) - 1];
        }
        if from <= start {
            return Ok(None);
        }
        chunk *= 4;
    }
}
