//! Writes the index beside a terminal's output (format: `terminal::index`), bounded in size.
//!
//! Made with the first entry; a fault switches it off, for nothing depends on it. Must not hold
//! more than a place or two in memory: there may be thousands.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::PathBuf,
    time::{Duration, Instant},
};

use crate::{
    sys::lock,
    terminal::{Entry, Found, Index, Kind, SIZE, Scanner, index::header},
};

/// Between two notes of the time, at first; it doubles when the file is thinned.
const INTERVAL: Duration = Duration::from_millis(33);
/// Output between two places where a screen can begin, in bytes.
const APART: u64 = 16 << 10;
/// Output after which a line's beginning has to do, in bytes.
const LINES: u64 = 64 << 10;
/// Size at which the file is thinned, in bytes.
const LARGE: u64 = 256 << 10;

/// Where time is counted from.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    /// A moment of this process.
    pub started: Instant,
    /// How long the run had been alive then, in microseconds.
    pub base_us: u64,
}

impl Clock {
    fn at(&self, now: Instant) -> u64 {
        let passed = now.saturating_duration_since(self.started).as_micros();
        self.base_us + u64::try_from(passed).unwrap_or(u64::MAX / 2)
    }
}

#[derive(Debug)]
enum Target {
    Unmade,
    Open(File),
    Off,
}

/// The index of one terminal.
#[derive(Debug)]
pub(super) struct IndexFile {
    path: PathBuf,
    target: Target,
    clock: Clock,
    scanner: Scanner,
    size: u64,
    large: u64,
    interval: Duration,
    /// When and where the time was noted last.
    noted: (Option<Instant>, u64),
    /// Bytes printed, and when the last of them came.
    printed: u64,
    last: Instant,
    /// The last place for a screen, and whether one in the alternate screen was noted since it was
    /// left last.
    place: u64,
    inside: bool,
}

impl IndexFile {
    pub fn new(path: PathBuf, clock: Clock) -> Self {
        Self {
            path,
            target: Target::Unmade,
            clock,
            scanner: Scanner::new(),
            size: 0,
            large: LARGE,
            interval: INTERVAL,
            noted: (None, 0),
            printed: 0,
            last: clock.started,
            place: 0,
            inside: false,
        }
    }

    /// Switches it off.
    pub fn give_up(&mut self) {
        self.target = Target::Off;
    }

    /// Notes places in new output; the time comes with [`IndexFile::note_time`].
    pub fn output(&mut self, chunk: &[u8], now: Instant) -> io::Result<()> {
        self.last = now;
        let mut found = Vec::new();
        let line = chunk.iter().rposition(|&b| b == b'\n').map_or(0, |n| n + 1);
        let (lines, rest) = chunk.split_at(line);
        self.scanner.push(lines, |f| found.push(f));
        self.printed += lines.len() as u64;
        let near = found.last().map_or(self.place, |f: &Found| f.offset);
        if !lines.is_empty()
            && self.printed - near.min(self.printed) >= LINES
            && let Some(prelude) = self.scanner.prelude()
        {
            found.push(Found {
                offset: self.printed,
                kind: Kind::State(prelude),
            });
        }
        self.scanner.push(rest, |f| found.push(f));
        self.printed += rest.len() as u64;
        let mut text = String::new();
        for Found { offset, kind } in found {
            let keep = match kind {
                Kind::Left => std::mem::take(&mut self.inside),
                _ if self.place > 0 && offset < self.place + APART => false,
                Kind::Alternate(_) => {
                    self.inside = true;
                    true
                }
                _ => true,
            };
            if keep {
                if kind != Kind::Left {
                    self.place = offset;
                }
                let at_us = self.clock.at(now);
                let entry = Entry {
                    at_us,
                    offset,
                    kind,
                };
                entry.write(&mut text);
            }
        }
        self.write(&text)
    }

    /// Whether there is output whose time is not noted.
    fn behind(&self) -> bool {
        self.noted.1 < self.printed && !matches!(self.target, Target::Off)
    }

    /// Since when (or from when on) the time is to be noted; none: it is.
    pub fn next_note(&self) -> Option<Instant> {
        let last = self.noted.0.map(|at| at + self.interval);
        self.behind().then(|| last.unwrap_or(self.clock.started))
    }

    /// Notes when the last output came.
    pub fn note_time(&mut self, now: Instant) -> io::Result<()> {
        if !self.behind() {
            return Ok(());
        }
        self.noted = (Some(now), self.printed);
        let mut text = String::new();
        Entry {
            at_us: self.clock.at(self.last),
            offset: self.printed,
            kind: Kind::Time,
        }
        .write(&mut text);
        self.write(&text)
    }

    /// Notes something that is of now, after what was printed before it.
    pub fn entry(&mut self, kind: Kind) -> io::Result<()> {
        let (now, offset) = (Instant::now(), self.printed);
        self.note_time(now)?;
        let at_us = self.clock.at(now);
        let mut text = String::new();
        Entry {
            at_us,
            offset,
            kind,
        }
        .write(&mut text);
        self.write(&text)
    }

    /// Appends; an error comes once and switches the file off.
    fn write(&mut self, text: &str) -> io::Result<()> {
        if text.is_empty() {
            return Ok(());
        }
        let result = self.try_write(text);
        if result.is_err() {
            self.target = Target::Off;
        }
        result.map_err(|e| io::Error::new(e.kind(), format!("the index of its terminal: {e}")))
    }

    fn try_write(&mut self, text: &str) -> io::Result<()> {
        if let Target::Unmade = self.target {
            let mut file = lock::private_append(&self.path)?;
            let first = header(SIZE.0, SIZE.1);
            file.write_all(first.as_bytes())?;
            self.size = first.len() as u64;
            self.target = Target::Open(file);
        }
        let Target::Open(file) = &mut self.target else {
            return Ok(());
        };
        file.write_all(text.as_bytes())?;
        self.size += text.len() as u64;
        if self.size > self.large {
            self.thin()?;
        }
        Ok(())
    }

    /// Every second note goes, and they come half as often from now on.
    fn thin(&mut self) -> io::Result<()> {
        let Some(index) = Index::parse(&fs::read(&self.path)?) else {
            return Err(io::Error::other("it was written by somebody else"));
        };
        let text = index.thinned();
        let beside = self.path.with_extension("idx.new");
        // What is left of one that was cut short must not be added to.
        let _ = fs::remove_file(&beside);
        let mut file = lock::private_append(&beside)?;
        file.write_all(text.as_bytes())?;
        fs::rename(&beside, &self.path)?;
        self.target = Target::Open(file);
        self.size = text.len() as u64;
        self.large = LARGE.max(self.size * 2);
        self.interval *= 2;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(folder: &tempfile::TempDir) -> IndexFile {
        let clock = Clock {
            started: Instant::now(),
            base_us: 5_000_000,
        };
        IndexFile::new(folder.path().join("a.1.idx"), clock)
    }

    fn read(file: &IndexFile) -> Index {
        Index::parse(&fs::read(&file.path).unwrap()).unwrap()
    }

    #[test]
    fn it_stays_small_whatever_comes() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = open(&folder);
        let mut now = file.clock.started;
        let screen = [
            &b"\x1b[?1049h\x1b[H\x1b[2J\x1b[?1049l"[..],
            &vec![b'x'; 20_000],
        ]
        .concat();
        for _ in 0..12_000 {
            now += file.interval;
            file.output(&screen, now).unwrap();
            file.note_time(now).unwrap();
        }
        assert!(fs::metadata(&file.path).unwrap().len() <= LARGE);
        let index = read(&file);
        // Half of the time half of it had been printed, about.
        let half = 5_000_000 + (now - file.clock.started).as_micros() as u64 / 2;
        assert!(index.printed(half) > 0 && index.printed(half) < file.printed);
        assert_eq!(index.printed(u64::MAX), file.printed);
    }

    #[test]
    fn text_without_an_end_has_places_too() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = open(&folder);
        let line = [&[b'x'; 79][..], b"\n"].concat();
        for _ in 0..40_000 {
            file.output(&line, file.clock.started).unwrap();
        }
        let start = read(&file).start(file.printed);
        let behind = file.printed - start.offset;
        assert!((64 << 10..512 << 10).contains(&behind), "{behind}");
        assert_eq!(start.offset % 80, 0);
    }
}
