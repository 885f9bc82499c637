//! `samples.jsonl`: readings of memory beside the journal, for graphs in replay and for reports.
//!
//! Appended without syncing; a fault loses the reading and is counted, never more. The caller
//! decides how many readings are worth keeping. Must not enter any decision.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use crate::resources::Sample;

/// Name of the file inside a run's folder.
pub const SAMPLES: &str = "samples.jsonl";

/// Appends readings.
pub struct SampleWriter {
    file: Option<File>,
    buffer: Vec<u8>,
    /// The last line may be unfinished.
    torn: bool,
    lost: u64,
}

impl SampleWriter {
    /// Opens the readings of a run; where that fails, all are counted as lost.
    #[must_use]
    pub fn open(dir: &Path) -> Self {
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(dir.join(SAMPLES));
        // A crash may have left half a line.
        let torn = file
            .as_ref()
            .is_ok_and(|file| file.metadata().is_ok_and(|meta| meta.len() > 0));
        Self {
            file: file.ok(),
            buffer: Vec::with_capacity(4 << 10),
            torn,
            lost: 0,
        }
    }

    /// Appends one reading.
    pub fn append(&mut self, sample: &Sample) {
        self.buffer.clear();
        if self.torn {
            self.buffer.push(b'\n');
        }
        let whole = serde_json::to_writer(&mut self.buffer, sample).is_ok();
        self.buffer.push(b'\n');
        let wrote = match &mut self.file {
            Some(file) if whole => file.write(&self.buffer),
            _ => Err(io::ErrorKind::Other.into()),
        };
        match wrote {
            Ok(n) if n == self.buffer.len() => self.torn = false,
            Ok(n) => {
                self.torn = self.torn || n > 0;
                self.lost += 1;
            }
            Err(_) => self.lost += 1,
        }
    }

    /// Returns how many readings were lost to faults.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.lost
    }
}

/// Reads the readings of a run in their order; lines that are none are skipped and counted.
pub fn read_samples(dir: &Path) -> io::Result<(Vec<Sample>, u64)> {
    let file = match File::open(dir.join(SAMPLES)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), 0)),
        Err(error) => return Err(error),
    };
    let mut from = BufReader::with_capacity(256 << 10, file);
    let (mut samples, mut bad) = (Vec::new(), 0);
    let mut line = Vec::new();
    loop {
        line.clear();
        if from.read_until(b'\n', &mut line)? == 0 {
            return Ok((samples, bad));
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        match serde_json::from_slice(&line) {
            Ok(sample) => samples.push(sample),
            Err(_) => bad += 1,
        }
    }
}
