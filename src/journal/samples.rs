//! `samples.jsonl`: readings of memory beside the journal, for graphs in replay and for reports.
//!
//! Appended without syncing; a fault loses the reading and is counted, never more. The file is
//! bounded: when it is full every second reading of its older half goes, so that it reaches back to
//! the beginning and is the finer the newer. Must not enter any decision.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use crate::resources::Sample;

/// Name of the file inside a run's folder.
pub const SAMPLES: &str = "samples.jsonl";

/// Bytes that the readings of a run may take: some hours of fifty agents, once a second, in full.
const MOST: u64 = 32 << 20;

/// Appends readings.
pub struct SampleWriter {
    path: PathBuf,
    file: Option<File>,
    /// Bytes in the file.
    size: u64,
    /// From so many on it is thinned.
    full: u64,
    most: u64,
    buffer: Vec<u8>,
    /// The last line may be unfinished.
    torn: bool,
    lost: u64,
}

impl SampleWriter {
    /// Opens the readings of a run; where that fails, all are counted as lost.
    #[must_use]
    pub fn open(dir: &Path) -> Self {
        Self::bounded(dir, MOST)
    }

    /// The same with another bound, in bytes.
    #[must_use]
    pub fn bounded(dir: &Path, most: u64) -> Self {
        let path = dir.join(SAMPLES);
        let file = appending(&path).ok();
        let size = file
            .as_ref()
            .and_then(|file| file.metadata().ok())
            .map_or(0, |meta| meta.len());
        // A crash may have left half a line.
        let torn = size > 0;
        Self {
            path,
            file,
            size,
            full: most,
            most,
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
            Ok(n) if n == self.buffer.len() => {
                self.torn = false;
                self.size += n as u64;
                if self.size > self.full {
                    self.thin();
                }
            }
            Ok(n) => {
                self.size += n as u64;
                self.torn = self.torn || n > 0;
                self.lost += 1;
            }
            Err(_) => self.lost += 1,
        }
    }

    /// Takes every second reading of the older half away; where that fails it is tried again when more has come.
    fn thin(&mut self) {
        let thinned = || -> io::Result<(File, u64)> {
            let new = self.path.with_extension("new");
            let text = fs::read(&self.path)?;
            let lines: Vec<&[u8]> = text.split_inclusive(|&byte| byte == b'\n').collect();
            let (older, newer) = lines.split_at(lines.len() / 2);
            let kept = older.iter().step_by(2).chain(newer);
            let kept: Vec<u8> = kept.copied().flatten().copied().collect();
            // What a crash left of an earlier attempt.
            let _ = fs::remove_file(&new);
            let mut file = appending(&new)?;
            file.write_all(&kept)?;
            fs::rename(&new, &self.path)?;
            Ok((file, kept.len() as u64))
        };
        match thinned() {
            Ok((file, size)) => {
                (self.file, self.size, self.full) = (Some(file), size, self.most);
            }
            Err(_) => self.full = self.size + self.most / 4,
        }
    }

    /// Returns how many readings were lost to faults.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.lost
    }
}

fn appending(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
}

/// Reads the readings of a run in their order; lines that are none are skipped and counted.
///
/// After a crash the run goes on from its last record, which is older than the last reading: of
/// times that were lived twice only the second life counts, as in the journal.
pub fn read_samples(dir: &Path) -> io::Result<(Vec<Sample>, u64)> {
    let file = match File::open(dir.join(SAMPLES)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), 0)),
        Err(error) => return Err(error),
    };
    let mut from = BufReader::with_capacity(256 << 10, file);
    let (mut samples, mut bad) = (Vec::<Sample>::new(), 0);
    let mut line = Vec::new();
    loop {
        line.clear();
        if from.read_until(b'\n', &mut line)? == 0 {
            return Ok((samples, bad));
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        match serde_json::from_slice::<Sample>(&line) {
            Ok(sample) => {
                let again = |last: &Sample| last.elapsed_us >= sample.elapsed_us;
                while samples.last().is_some_and(again) {
                    samples.pop();
                }
                samples.push(sample);
            }
            Err(_) => bad += 1,
        }
    }
}
