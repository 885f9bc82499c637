//! Reading a journal from its start, and saying what is wrong with it.
//!
//! A torn tail (nothing valid after it) is what a crash leaves: reported, cut when the journal is
//! opened for appending. A bad line or a gap with valid lines after it is damage: the good prefix
//! is returned, the damage named, the rest set aside on request. Must not repair silently.

use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::engine::{Setup, State};

use super::{
    JOURNAL, Position,
    format::{self, FormatError, Header, Line},
    snapshot,
};

/// Why a journal cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system refused.
    #[error("the journal cannot be read: {0}")]
    Io(#[from] io::Error),
    /// It has no (whole) header: the run ended before its first event.
    #[error("the journal is empty: the run ended before it began")]
    Empty,
    /// Its header is wrong or of another major version.
    #[error(transparent)]
    Header(#[from] FormatError),
    /// No record with that number.
    #[error("the journal has no record {0}")]
    Missing(u64),
}

/// Where a journal is damaged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Line from 1 (the header's).
    pub line: u64,
    /// Byte at which that line begins.
    pub offset: u64,
    /// What is wrong, in words.
    pub reason: String,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "line {} (byte {}): {}",
            self.line, self.offset, self.reason
        )
    }
}

/// What comes after the last good record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tail {
    /// Nothing.
    Clean,
    /// A write that a crash cut off.
    Torn {
        /// Its length.
        bytes: u64,
    },
    /// Damage: something valid follows, or a number is missing.
    Damaged(Damage),
}

/// Where reading ended; what [`super::JournalWriter::open_for_append`] goes on from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadEnd {
    /// The journal's header.
    pub header: Header,
    /// End of the last good record.
    pub at: Position,
    /// What follows it.
    pub tail: Tail,
}

/// Streams the records of a journal.
pub struct Reader<R = BufReader<File>> {
    from: R,
    end: ReadEnd,
    line: Vec<u8>,
    lines: u64,
    done: bool,
}

impl Reader {
    /// Opens the journal in a run's folder.
    pub fn open(dir: &Path) -> Result<Self, ReadError> {
        let file = File::open(dir.join(JOURNAL))?;
        Self::new(BufReader::with_capacity(256 << 10, file))
    }

    /// Goes to the end of a record that is known, as from an index or a snapshot. The caller has
    /// made sure that it is there.
    pub(super) fn jump(&mut self, at: Position) -> io::Result<()> {
        self.from.seek(SeekFrom::Start(at.offset))?;
        self.end.at = at;
        self.lines = at.seq + 1;
        self.done = false;
        Ok(())
    }
}

impl<R: BufRead> Reader<R> {
    /// Reads a journal from anything; checks its header.
    pub fn new(mut from: R) -> Result<Self, ReadError> {
        let mut line = Vec::with_capacity(1024);
        from.read_until(b'\n', &mut line)?;
        if line.pop() != Some(b'\n') {
            return Err(ReadError::Empty);
        }
        let header = Header::decode(&line)?;
        let at = Position {
            seq: 0,
            offset: line.len() as u64 + 1,
            elapsed_us: 0,
            crc: format::crc_of(&line).unwrap_or_default(),
        };
        let tail = Tail::Clean;
        Ok(Self {
            from,
            end: ReadEnd { header, at, tail },
            line,
            lines: 1,
            done: false,
        })
    }

    /// Returns the header.
    #[must_use]
    pub const fn header(&self) -> &Header {
        &self.end.header
    }

    /// Returns where reading stands; after [`Reader::next`] gave `None`, where it ended and why.
    #[must_use]
    pub const fn end(&self) -> &ReadEnd {
        &self.end
    }

    /// Returns where reading ended and why.
    #[must_use]
    pub fn into_end(self) -> ReadEnd {
        self.end
    }

    /// Reads the next record; `None` after the last good one.
    #[expect(
        clippy::should_implement_trait,
        reason = "a reader that failed is not asked again"
    )]
    pub fn next(&mut self) -> Result<Option<Line>, ReadError> {
        if self.done {
            return Ok(None);
        }
        self.line.clear();
        let read = self.from.read_until(b'\n', &mut self.line)? as u64;
        if read == 0 {
            self.done = true;
            return Ok(None);
        }
        if self.line.last() != Some(&b'\n') {
            // The end of the file: an unfinished write, whatever it holds.
            self.done = true;
            self.end.tail = Tail::Torn { bytes: read };
            return Ok(None);
        }
        let line = &self.line[..self.line.len() - 1];
        let expected = self.end.at.seq + 1;
        let (reason, gap) = match format::decode(line) {
            Ok(found) if found.seq() == expected => {
                self.end.at = Position {
                    seq: expected,
                    offset: self.end.at.offset + read,
                    elapsed_us: found.elapsed_us().max(self.end.at.elapsed_us),
                    crc: format::crc_of(line).unwrap_or_default(),
                };
                self.lines += 1;
                return Ok(Some(found));
            }
            Ok(found) => (
                format!("record {} stands where {expected} belongs", found.seq()),
                true,
            ),
            // Written so on purpose: its checksum fits.
            Err(error @ FormatError::Record(_)) => (error.to_string(), true),
            Err(error) => (error.to_string(), false),
        };
        self.done = true;
        self.end.tail = self.judge(read, gap, reason)?;
        Ok(None)
    }

    /// Looks at what follows a bad line: is it a torn tail or damage?
    fn judge(&mut self, bad: u64, gap: bool, reason: String) -> io::Result<Tail> {
        let mut bytes = bad;
        // The bad line itself may be two, when its newline was damaged.
        let mut valid = gap || ends_valid(&self.line);
        loop {
            self.line.clear();
            let read = self.from.read_until(b'\n', &mut self.line)? as u64;
            if read == 0 {
                break;
            }
            bytes += read;
            valid = valid || ends_valid(&self.line);
        }
        Ok(if valid {
            Tail::Damaged(Damage {
                line: self.lines + 1,
                offset: self.end.at.offset,
                reason,
            })
        } else {
            Tail::Torn { bytes }
        })
    }
}

/// Returns whether a line is, or ends in, a whole record.
fn ends_valid(line: &[u8]) -> bool {
    let Some(line) = line.strip_suffix(b"\n") else {
        return false;
    };
    let begin = line.windows(7).rposition(|seven| seven == b"{\"seq\":");
    format::verify(line).is_some()
        || begin.is_some_and(|begin| format::verify(&line[begin..]).is_some())
}

/// Applies every record that is left in a reader to the state before the first one.
pub fn fold<R: BufRead>(setup: Arc<Setup>, reader: &mut Reader<R>) -> Result<State, ReadError> {
    let mut state = State::new(setup);
    while let Some(line) = reader.next()? {
        apply(&mut state, &line);
    }
    Ok(state)
}

/// Folds a journal up to record `last` and hands every known record on, after it has been applied.
///
/// # Errors
/// As [`fold`].
pub fn fold_each<R: BufRead>(
    mut state: State,
    reader: &mut Reader<R>,
    last: u64,
    mut each: impl FnMut(&State, &crate::engine::Record),
) -> Result<State, ReadError> {
    while state.seq < last
        && let Some(line) = reader.next()?
    {
        apply(&mut state, &line);
        if let Line::Record(record) = &line {
            each(&state, record);
        }
    }
    Ok(state)
}

/// Applies one line; of a record that it does not know only number and time count.
pub fn apply(state: &mut State, line: &Line) {
    match line {
        Line::Record(record) => state.apply(record),
        Line::Unknown {
            seq, elapsed_us, ..
        } => {
            state.seq = *seq;
            state.elapsed_us = state.elapsed_us.max(*elapsed_us);
        }
    }
}

/// Moves what follows the last good record of a damaged journal to `journal.jsonl.bad-N`, cuts the
/// journal there and returns the new file. The rest is on the disk before anything is cut. Only
/// who holds the run's lock may do so.
pub fn set_aside(dir: &Path, end: &mut ReadEnd) -> io::Result<PathBuf> {
    let path = dir.join(JOURNAL);
    let mut journal = OpenOptions::new().read(true).write(true).open(&path)?;
    journal.seek(SeekFrom::Start(end.at.offset))?;
    let (bad, mut file) = new_bad_file(dir)?;
    io::copy(&mut journal, &mut file)?;
    file.flush()?;
    file.sync_all()?;
    File::open(dir)?.sync_all()?;
    journal.set_len(end.at.offset)?;
    journal.sync_all()?;
    snapshot::forget_after(dir, end.at.seq);
    end.tail = Tail::Clean;
    Ok(bad)
}

fn new_bad_file(dir: &Path) -> io::Result<(PathBuf, File)> {
    let mut number = 1_u32;
    loop {
        let path = dir.join(format!("{JOURNAL}.bad-{number}"));
        let made = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path);
        match made {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < 10_000 => {
                number += 1;
            }
            other => return other.map(|file| (path, file)),
        }
    }
}

/// Returns the files that were set aside in a run's folder.
#[must_use]
pub fn aside(dir: &Path) -> Vec<PathBuf> {
    let prefix = format!("{JOURNAL}.bad-");
    let mut found: Vec<PathBuf> = fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix))
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found
}
