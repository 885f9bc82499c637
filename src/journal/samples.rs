//! `samples.jsonl`: readings of memory beside the journal, for graphs in replay and for reports.
//!
//! Appended without syncing; a fault loses the reading and is counted, never more. The file is
//! bounded: when it is full every second reading of its older half goes, so that it reaches back to
//! the beginning and is the finer the newer. Must not enter any decision.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, Write},
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use crate::resources::{Point, Sample};

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
pub fn read_samples(dir: &Path) -> io::Result<(Vec<Sample>, u64)> {
    let mut samples = Vec::new();
    let (_, bad) = each(dir, &mut samples, |sample, _, _| sample)?;
    Ok((samples, bad))
}

/// The readings of a recording, found by their moment. Of each only its place in the file is kept:
/// a long recording has 32 MiB of them.
#[derive(Debug, Default)]
pub struct Readings {
    file: Option<File>,
    /// Elapsed µs, first byte, length in bytes.
    places: Vec<(u64, u64, usize)>,
}

impl Readings {
    /// Looks through the readings of a run; also returns their points, in order of time.
    ///
    /// # Errors
    /// When the file cannot be read; one that is not there has no readings.
    pub fn open(dir: &Path) -> io::Result<(Self, Vec<Point>)> {
        Self::look(dir, &mut |_| ())
    }

    /// The same, and hands each reading on.
    ///
    /// # Errors
    /// As [`Readings::open`].
    pub fn look(dir: &Path, see: &mut dyn FnMut(&Sample)) -> io::Result<(Self, Vec<Point>)> {
        let mut all = Vec::new();
        let (file, _) = each(dir, &mut all, |sample, from, length| {
            see(&sample);
            (Point::of(&sample), (sample.elapsed_us, from, length))
        })?;
        let (points, places) = all.into_iter().unzip();
        Ok((Self { file, places }, points))
    }

    /// Returns the newest reading at or before a moment (elapsed µs); none also where it cannot be
    /// read any more.
    #[must_use]
    pub fn at(&self, us: u64) -> Option<Sample> {
        let after = self.places.partition_point(|place| place.0 <= us);
        self.read(after.checked_sub(1)?)
    }

    /// Returns the readings from one moment to another, both included (elapsed µs).
    pub fn between(&self, from_us: u64, to_us: u64) -> impl Iterator<Item = Sample> + '_ {
        let first = self.places.partition_point(|place| place.0 < from_us);
        let last = self.places.partition_point(|place| place.0 <= to_us);
        (first..last).filter_map(|at| self.read(at))
    }

    fn read(&self, at: usize) -> Option<Sample> {
        let (_, from, length) = *self.places.get(at)?;
        let mut line = vec![0; length];
        self.file.as_ref()?.read_exact_at(&mut line, from).ok()?;
        serde_json::from_slice(&line).ok()
    }
}

/// Something that has the moment of a reading.
trait Timed {
    fn at_us(&self) -> u64;
}

impl Timed for Sample {
    fn at_us(&self) -> u64 {
        self.elapsed_us
    }
}

impl Timed for (Point, (u64, u64, usize)) {
    fn at_us(&self) -> u64 {
        self.0.at_us
    }
}

/// Keeps a part of each reading, given with its place in the file; returns the file and how many
/// lines were none.
///
/// After a crash the run goes on from its last record, which is older than the last reading: of
/// times that were lived twice only the second life counts, as in the journal.
fn each<T: Timed>(
    dir: &Path,
    into: &mut Vec<T>,
    mut keep: impl FnMut(Sample, u64, usize) -> T,
) -> io::Result<(Option<File>, u64)> {
    let file = match File::open(dir.join(SAMPLES)) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((None, 0)),
        Err(error) => return Err(error),
    };
    let mut from = BufReader::with_capacity(256 << 10, &file);
    let (mut place, mut bad) = (0, 0);
    let mut line = Vec::new();
    loop {
        line.clear();
        let length = from.read_until(b'\n', &mut line)?;
        if length == 0 {
            drop(from);
            return Ok((Some(file), bad));
        }
        let begin = place;
        place += length as u64;
        if line.trim_ascii().is_empty() {
            continue;
        }
        match serde_json::from_slice::<Sample>(&line) {
            Ok(sample) => {
                let again = |last: &T| last.at_us() >= sample.elapsed_us;
                while into.last().is_some_and(again) {
                    into.pop();
                }
                into.push(keep(sample, begin, length));
            }
            Err(_) => bad += 1,
        }
    }
}
