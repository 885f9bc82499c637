//! Appending to a journal: one write(2) for all records of a turn, before its effects.
//!
//! A write that fails or comes up short leaves nothing behind: the file is cut back to the last
//! good record, and the caller may append the same records again. Must not sync on the caller's
//! thread but in [`JournalWriter::sync_now`], and never writes to a run of a newer format.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::Arc,
};

use crate::engine::Record;

use super::{
    JOURNAL, ReadEnd, SyncHandle, Tail,
    format::{self, FormatError, Header},
    index::IndexWriter,
    snapshot,
    sync::{Durable, DurableFile},
};

/// Where a journal's bytes go: the file, or a fake that fails.
pub trait Sink: Send {
    /// Appends; may take fewer bytes than given.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;
    /// Cuts back to a length.
    fn truncate(&mut self, len: u64) -> io::Result<()>;
}

struct FileSink(Arc<File>);

impl Sink for FileSink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self.0).write(bytes)
    }

    fn truncate(&mut self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }
}

/// Why records were not appended. Nothing of them is in the journal, unless `Cut` says so.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The system refused.
    #[error("the journal cannot be written: {0}")]
    Io(#[from] io::Error),
    /// Only a part fitted; it was taken back.
    #[error(
        "the journal took only {written} of {wanted} bytes (is the disk full?); they were taken back"
    )]
    Short {
        /// Bytes that were written.
        written: usize,
        /// Bytes of the batch.
        wanted: usize,
    },
    /// A part was written and could not be taken back yet; the next append tries again first.
    #[error("the journal cannot be cut back to its last good record: {0}")]
    Cut(io::Error),
    /// A record is not the next one.
    #[error("record {found} cannot follow record {last}")]
    Sequence {
        /// Its number.
        found: u64,
        /// Number of the last one.
        last: u64,
    },
    /// A record cannot be written as JSON.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The journal was made by a newer version.
    #[error(
        "this run was written by a newer wavedeck (format {version}); this one reads it, but does not write to it"
    )]
    Newer {
        /// Its version.
        version: String,
    },
    /// Damage in the middle has not been set aside.
    #[error("the journal is damaged and must be set aside first: {0}")]
    Damaged(String),
}

impl WriteError {
    /// Whether the file has reached a limit of this process or of the file system: no space that
    /// becomes free helps. `most` is the limit of the process, in bytes.
    #[must_use]
    pub fn too_large(&self, at: Position, most: Option<u64>) -> bool {
        match self {
            Self::Io(error) | Self::Cut(error) => error.kind() == io::ErrorKind::FileTooLarge,
            Self::Short { wanted, .. } => {
                most.is_some_and(|most| at.offset.saturating_add(*wanted as u64) > most)
            }
            _ => false,
        }
    }
}

/// A place in a journal: the end of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// Number of the record; 0: only the header stands before.
    pub seq: u64,
    /// Bytes until its end.
    pub offset: u64,
    /// Time of the record in the run, in microseconds.
    pub elapsed_us: u64,
    /// Digits of its checksum (of the header's for `seq` 0).
    pub crc: [u8; 8],
}

/// The one writer of a journal.
pub struct JournalWriter {
    sink: Box<dyn Sink>,
    sync: SyncHandle,
    index: IndexWriter,
    buffer: Vec<u8>,
    at: Position,
    /// Bytes after `at` may be in the file.
    uncut: bool,
}

impl JournalWriter {
    /// Begins the journal of a run in its folder; refuses to touch one that exists.
    pub fn create(dir: &Path, header: &Header) -> Result<Self, WriteError> {
        let file = Arc::new(
            OpenOptions::new()
                .append(true)
                .create_new(true)
                .mode(0o600)
                .open(dir.join(JOURNAL))?,
        );
        let folders = std::iter::once(dir).chain(dir.parent());
        let durable = DurableFile {
            file: file.clone(),
            folders: folders.map(Path::to_owned).collect(),
        };
        let mut writer = Self::over(
            Box::new(FileSink(file)),
            Box::new(durable),
            Position::default(),
        )?;
        writer.index = IndexWriter::open(dir, 0);
        writer.write_header(header)?;
        Ok(writer)
    }

    /// Goes on with a journal that was read to its end; a torn tail is cut off here.
    pub fn open_for_append(dir: &Path, end: &ReadEnd) -> Result<Self, WriteError> {
        if !end.header.writable() {
            return Err(WriteError::Newer {
                version: end.header.version.clone(),
            });
        }
        if let Tail::Damaged(damage) = &end.tail {
            return Err(WriteError::Damaged(damage.to_string()));
        }
        let file = Arc::new(OpenOptions::new().append(true).open(dir.join(JOURNAL))?);
        let len = file.metadata()?.len();
        if len < end.at.offset {
            return Err(WriteError::Damaged(format!(
                "it has {len} bytes and had {} when it was read",
                end.at.offset
            )));
        }
        if len > end.at.offset {
            file.set_len(end.at.offset)?;
        }
        snapshot::forget_after(dir, end.at.seq);
        let durable = DurableFile {
            file: file.clone(),
            folders: Vec::new(),
        };
        let mut writer = Self::over(Box::new(FileSink(file)), Box::new(durable), end.at)?;
        writer.index = IndexWriter::open(dir, end.at.seq);
        // What the last runner left may not be on the disk yet.
        writer.sync.appended(end.at.offset);
        Ok(writer)
    }

    /// Begins a journal over something else than a file, which is not synced: for tests of faults.
    pub fn with_sink(sink: Box<dyn Sink>, header: &Header) -> Result<Self, WriteError> {
        let mut writer = Self::over(sink, Box::new(Nothing), Position::default())?;
        writer.write_header(header)?;
        Ok(writer)
    }

    fn over(
        sink: Box<dyn Sink>,
        durable: Box<dyn Durable>,
        at: Position,
    ) -> Result<Self, WriteError> {
        Ok(Self {
            sink,
            sync: SyncHandle::start(durable)?,
            index: IndexWriter::none(),
            buffer: Vec::with_capacity(16 << 10),
            at,
            uncut: false,
        })
    }

    fn write_header(&mut self, header: &Header) -> Result<(), WriteError> {
        self.buffer.clear();
        header.encode(&mut self.buffer)?;
        self.write(self.at.seq, self.at.elapsed_us)
    }

    /// Appends all records in one write. On an error nothing of them is in the journal, and the
    /// same records (and more) may be appended again.
    pub fn append(&mut self, records: &[Record]) -> Result<(), WriteError> {
        let Some(last) = records.last() else {
            return Ok(());
        };
        self.buffer.clear();
        let mut seq = self.at.seq;
        for record in records {
            if record.seq != seq + 1 {
                self.index.forget();
                return Err(WriteError::Sequence {
                    found: record.seq,
                    last: seq,
                });
            }
            self.index.note(
                record.seq,
                record.elapsed_us,
                self.at.offset + self.buffer.len() as u64,
            );
            if let Err(error) = format::encode(record, &mut self.buffer) {
                self.index.forget();
                return Err(error.into());
            }
            seq = record.seq;
        }
        let written = self.write(last.seq, last.elapsed_us);
        match written {
            Ok(()) => self.index.keep(),
            Err(_) => self.index.forget(),
        }
        written
    }

    /// Writes the buffer, all or nothing.
    fn write(&mut self, seq: u64, elapsed_us: u64) -> Result<(), WriteError> {
        if self.uncut {
            self.sink
                .truncate(self.at.offset)
                .map_err(WriteError::Cut)?;
            self.uncut = false;
        }
        let wanted = self.buffer.len();
        let result = loop {
            match self.sink.write(&self.buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        let error = match result {
            Ok(written) if written == wanted => {
                let line = &self.buffer[..wanted - 1];
                self.at = Position {
                    seq,
                    offset: self.at.offset + wanted as u64,
                    elapsed_us,
                    crc: format::crc_of(line).unwrap_or_default(),
                };
                self.sync.appended(self.at.offset);
                return Ok(());
            }
            Ok(written) => WriteError::Short { written, wanted },
            Err(error) => WriteError::Io(error),
        };
        self.uncut = true;
        self.sink
            .truncate(self.at.offset)
            .map_err(WriteError::Cut)?;
        self.uncut = false;
        Err(error)
    }

    /// Blocks until everything appended is on the disk: for effects that outlive the machine, and
    /// at the end of the run. Do not call it where a decision waits.
    pub fn sync_now(&self) -> Result<(), String> {
        self.sync.wait()
    }

    /// Returns a handle that waits for the disk from another thread and reports its faults.
    #[must_use]
    pub fn sync_handle(&self) -> SyncHandle {
        self.sync.clone()
    }

    /// Returns where the journal ends.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.at
    }
}

impl Drop for JournalWriter {
    fn drop(&mut self) {
        self.sync.close();
    }
}

/// Nothing to sync.
struct Nothing;

impl Durable for Nothing {
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}
