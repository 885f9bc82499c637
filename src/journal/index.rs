//! The file `index`: where every so many-th record begins, so that a seek need not read from the
//! start.
//!
//! Derived from the journal and never needed for correctness: each use checks that the record is
//! really there. Lines of `seq offset elapsed_us`. Must not fail a run: a fault ends the index.

use std::{
    fmt::Write as _,
    fs::{self, File, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

/// Name of the index inside a run's folder.
pub const INDEX: &str = "index";

/// Records between two entries.
pub const STEP: u64 = 256;

/// Where a record begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Number of the record.
    pub seq: u64,
    /// Byte at which its line begins.
    pub offset: u64,
    /// Its time in the run, in microseconds.
    pub elapsed_us: u64,
}

/// Writes entries as records are appended.
pub(super) struct IndexWriter {
    file: Option<File>,
    noted: Vec<Entry>,
    text: String,
}

impl IndexWriter {
    /// No index.
    pub(super) const fn none() -> Self {
        Self {
            file: None,
            noted: Vec::new(),
            text: String::new(),
        }
    }

    /// Goes on with the index of a run after record `last`; entries behind it are dropped.
    pub(super) fn open(dir: &Path, last: u64) -> Self {
        let path = dir.join(INDEX);
        let mut text = String::new();
        for entry in read(dir).iter().take_while(|entry| entry.seq <= last) {
            line(&mut text, *entry);
        }
        let file = if text.is_empty() {
            OpenOptions::new()
                .append(true)
                .create(true)
                .mode(0o600)
                .open(&path)
                .and_then(|file| file.set_len(0).map(|()| file))
        } else {
            // Never longer than before: rewriting in place keeps it a prefix of itself.
            fs::write(&path, &text).and_then(|()| OpenOptions::new().append(true).open(&path))
        };
        Self {
            file: file.ok(),
            ..Self::none()
        }
    }

    /// Remembers where a record of the batch begins, if it is one to note.
    pub(super) fn note(&mut self, seq: u64, elapsed_us: u64, offset: u64) {
        if seq % STEP == 1 && self.file.is_some() {
            self.noted.push(Entry {
                seq,
                offset,
                elapsed_us,
            });
        }
    }

    /// The batch is not in the journal.
    pub(super) fn forget(&mut self) {
        self.noted.clear();
    }

    /// The batch is in the journal.
    pub(super) fn keep(&mut self) {
        if self.noted.is_empty() {
            return;
        }
        self.text.clear();
        for entry in self.noted.drain(..) {
            line(&mut self.text, entry);
        }
        if let Some(file) = &mut self.file
            && file.write_all(self.text.as_bytes()).is_err()
        {
            self.file = None;
        }
    }
}

fn line(text: &mut String, entry: Entry) {
    let Entry {
        seq,
        offset,
        elapsed_us,
    } = entry;
    // Cannot fail: a string takes everything.
    let _ = writeln!(text, "{seq} {offset} {elapsed_us}");
}

/// Reads the entries of a run up to the first that is malformed or out of order.
#[must_use]
pub fn read(dir: &Path) -> Vec<Entry> {
    let Ok(text) = fs::read_to_string(dir.join(INDEX)) else {
        return Vec::new();
    };
    let mut entries: Vec<Entry> = Vec::new();
    // What follows the last newline is a torn line.
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    for line in whole.split('\n') {
        let mut numbers = line.split(' ').map(str::parse::<u64>);
        let (Some(Ok(seq)), Some(Ok(offset)), Some(Ok(elapsed_us)), None) = (
            numbers.next(),
            numbers.next(),
            numbers.next(),
            numbers.next(),
        ) else {
            break;
        };
        if entries
            .last()
            .is_some_and(|last| seq <= last.seq || offset <= last.offset)
        {
            break;
        }
        entries.push(Entry {
            seq,
            offset,
            elapsed_us,
        });
    }
    entries
}
