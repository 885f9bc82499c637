//! Following a journal that grows: line output, `logs -f`, a dashboard without a runner.
//!
//! Gives each new complete line once, raw and read. Nothing here waits or polls: the caller calls
//! again when it was woken. Half a line, or half a batch that a full disk forces the writer to
//! take back, is left until it is whole. Must not write.

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use super::{
    Damage, JOURNAL, ReadError,
    format::{self, Header, Line},
};

const CHUNK: usize = 64 << 10;

/// One new line.
#[derive(Debug, Clone, PartialEq)]
pub struct Followed<'a> {
    /// As it stands in the journal, checksum included, without its newline.
    pub raw: &'a [u8],
    /// What it says.
    pub line: Line,
}

impl Followed<'_> {
    /// Returns the line as clients get it: without the checksum.
    #[must_use]
    pub fn bare(&self) -> Vec<u8> {
        bare(self.raw)
    }
}

/// Returns a journal's line without its checksum and newline.
#[must_use]
pub fn bare(line: &[u8]) -> Vec<u8> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    format::verify(line).map_or_else(
        || line.to_vec(),
        |body| {
            let mut out = Vec::with_capacity(body.len() + 1);
            out.extend_from_slice(body);
            out.push(b'}');
            out
        },
    )
}

/// Follows one journal.
pub struct Follower {
    path: PathBuf,
    file: Option<File>,
    header: Option<Header>,
    /// Bytes of complete lines that have been given.
    offset: u64,
    /// Number of the last record that has been given.
    seq: u64,
    lines: u64,
    buffer: Vec<u8>,
}

impl Follower {
    /// Follows the journal in a run's folder from its first record; it need not exist yet.
    #[must_use]
    pub fn new(dir: &Path) -> Self {
        Self {
            path: dir.join(JOURNAL),
            file: None,
            header: None,
            offset: 0,
            seq: 0,
            lines: 0,
            buffer: Vec::new(),
        }
    }

    /// Returns the header, once it has been read.
    #[must_use]
    pub const fn header(&self) -> Option<&Header> {
        self.header.as_ref()
    }

    /// Returns the number of the last record that was given.
    #[must_use]
    pub const fn seq(&self) -> u64 {
        self.seq
    }

    /// Gives every line that has been completed since the last call; returns how many. A bad line
    /// that others follow is reported as damage; what came before it has been given.
    pub fn poll(&mut self, mut each: impl FnMut(&Followed<'_>)) -> Result<u64, FollowError> {
        if self.file.is_none() {
            match File::open(&self.path) {
                Ok(file) => self.file = Some(file),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
                Err(error) => return Err(ReadError::Io(error).into()),
            }
        }
        let mut given = 0;
        loop {
            let read = self.fill().map_err(ReadError::Io)?;
            let whole = self.buffer[..read].iter().rposition(|&b| b == b'\n');
            let Some(whole) = whole else {
                return Ok(given);
            };
            let buffer = std::mem::take(&mut self.buffer);
            let result = self.take(&buffer[..=whole], &mut each, &mut given);
            self.buffer = buffer;
            result?;
            if read < self.buffer.len() {
                return Ok(given);
            }
        }
    }

    /// Reads what follows the lines given so far: a chunk, or more where a line is longer.
    fn fill(&mut self) -> io::Result<usize> {
        let Some(file) = &self.file else {
            return Ok(0);
        };
        let mut read = 0;
        if self.buffer.is_empty() {
            self.buffer.resize(CHUNK, 0);
        }
        loop {
            let at = self.offset + read as u64;
            match file.read_at(&mut self.buffer[read..], at) {
                Ok(0) => return Ok(read),
                Ok(n) => read += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            if read == self.buffer.len() {
                if self.buffer.contains(&b'\n') {
                    return Ok(read);
                }
                self.buffer.resize(read * 2, 0);
            }
        }
    }

    fn take(
        &mut self,
        lines: &[u8],
        each: &mut impl FnMut(&Followed<'_>),
        given: &mut u64,
    ) -> Result<(), FollowError> {
        for whole in lines.split_inclusive(|&b| b == b'\n') {
            let raw = &whole[..whole.len() - 1];
            if self.header.is_none() {
                self.header = Some(Header::decode(raw).map_err(ReadError::Header)?);
            } else {
                let line = match format::decode(raw) {
                    Ok(line) if line.seq() == self.seq + 1 => line,
                    Ok(line) => {
                        return Err(self.damage(format!(
                            "record {} stands where {} belongs",
                            line.seq(),
                            self.seq + 1
                        )));
                    }
                    Err(error) => return Err(self.damage(error.to_string())),
                };
                self.seq = line.seq();
                each(&Followed { raw, line });
                *given += 1;
            }
            self.offset += whole.len() as u64;
            self.lines += 1;
        }
        Ok(())
    }

    fn damage(&self, reason: String) -> FollowError {
        FollowError::Damaged(Damage {
            line: self.lines + 1,
            offset: self.offset,
            reason,
        })
    }
}

/// Why following ended.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// The journal cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// A complete line is wrong.
    #[error("the journal is damaged: {0}")]
    Damaged(Damage),
}
