//! Lines of the journal: one header, then one JSON object a record, each closed by its checksum.
//!
//! `"crc"` is the last member: CRC-32 in lower-case hex over the bytes before `,"crc"`. Compared
//! as bytes, so a flipped bit in the digits is seen too. Must not touch files.

use std::io::Write;

use serde::{Deserialize, Serialize};

use crate::engine::Record;

use super::decode::fast;

/// Major version that this program writes and the only one that it reads.
pub const MAJOR: u32 = 1;
/// Minor version that this program writes; newer ones are read and never written to.
pub const MINOR: u32 = 0;

/// `,"crc":"xxxxxxxx"}`.
const TRAILER: usize = 18;
const HEX: &[u8; 16] = b"0123456789abcdef";

/// First line of a journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Always `journal`.
    pub wavedeck: String,
    /// Version of the format, `major.minor`.
    pub version: String,
    /// Version of the program that began it.
    #[serde(default)]
    pub program: String,
    /// Identifier of the machine's boot.
    #[serde(default)]
    pub boot_id: String,
    /// SHA-256 of the plan as run.
    #[serde(default)]
    pub plan_hash: String,
    /// Identifier of the run.
    #[serde(default)]
    pub run: String,
}

impl Header {
    /// Makes the header of a new journal of this program.
    #[must_use]
    pub fn new(run: &str, plan_hash: &str, boot_id: &str) -> Self {
        Self {
            wavedeck: "journal".to_owned(),
            version: format!("{MAJOR}.{MINOR}"),
            program: env!("CARGO_PKG_VERSION").to_owned(),
            boot_id: boot_id.to_owned(),
            plan_hash: plan_hash.to_owned(),
            run: run.to_owned(),
        }
    }

    /// Appends the header's line.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), FormatError> {
        closed(self, out).map_err(|e| FormatError::Encode(e.to_string()))
    }

    /// Reads the header's line (without its newline) and checks that this program can read what
    /// follows. Whatever changes in later versions, this line keeps its checksum and its first
    /// two members.
    pub fn decode(line: &[u8]) -> Result<Self, FormatError> {
        verify(line).ok_or(FormatError::NotAJournal)?;
        let header: Self = serde_json::from_slice(line).map_err(|_| FormatError::NotAJournal)?;
        if header.wavedeck != "journal" {
            return Err(FormatError::NotAJournal);
        }
        let (major, _) = header.numbers()?;
        if major != MAJOR {
            return Err(FormatError::Major {
                found: header.version,
                program: header.program,
            });
        }
        Ok(header)
    }

    /// Returns whether this program may write to the journal: not if a newer one made it.
    #[must_use]
    pub fn writable(&self) -> bool {
        self.numbers()
            .is_ok_and(|version| version.0 == MAJOR && !(MINOR + 1..).contains(&version.1))
    }

    fn numbers(&self) -> Result<(u32, u32), FormatError> {
        self.version
            .split_once('.')
            .and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)))
            .ok_or(FormatError::NotAJournal)
    }
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// The first line is no header.
    #[error("the first line is no intact header of a wavedeck journal")]
    NotAJournal,
    /// Another major version.
    #[error(
        "this journal has format {found} (written by wavedeck {program}); this wavedeck reads format {MAJOR}.x: use that version to open it"
    )]
    Major {
        /// Its version.
        found: String,
        /// The program that wrote it.
        program: String,
    },
    /// The checksum is missing or does not fit.
    #[error("the checksum does not fit: the line was changed or cut")]
    Crc,
    /// The checksum fits, but it is no record.
    #[error("the line is no record: {0}")]
    Record(String),
    /// A value cannot be written as JSON.
    #[error("cannot be written as JSON: {0}")]
    Encode(String),
}

/// One verified line after the header.
#[derive(Debug, Clone, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are records; a box for each would cost more"
)]
pub enum Line {
    /// A record.
    Record(Record),
    /// A record that a newer minor version wrote and that this program does not know.
    Unknown {
        /// Its number.
        seq: u64,
        /// Its time in the run, in microseconds.
        elapsed_us: u64,
        /// The line without its newline.
        raw: Box<str>,
    },
}

impl Line {
    /// Returns its sequence number.
    #[must_use]
    pub const fn seq(&self) -> u64 {
        match self {
            Self::Record(record) => record.seq,
            Self::Unknown { seq, .. } => *seq,
        }
    }

    /// Returns its time in the run, in microseconds.
    #[must_use]
    pub const fn elapsed_us(&self) -> u64 {
        match self {
            Self::Record(record) => record.elapsed_us,
            Self::Unknown { elapsed_us, .. } => *elapsed_us,
        }
    }
}

/// Appends the line of a record, newline included. On an error nothing is appended.
pub fn encode(record: &Record, out: &mut Vec<u8>) -> Result<(), FormatError> {
    let from = out.len();
    if let Err(error) = body(record, out) {
        out.truncate(from);
        return Err(FormatError::Encode(error.to_string()));
    }
    close(out, from);
    Ok(())
}

/// Writes the record as serde would, members of the envelope by hand: serde's `flatten` costs more
/// than everything else together. Equality with serde's own output is a property test.
fn body(record: &Record, out: &mut Vec<u8>) -> serde_json::Result<()> {
    out.extend_from_slice(b"{\"seq\":");
    number(out, record.seq);
    out.extend_from_slice(b",\"at\":\"");
    stamp(out, record.at_ms);
    out.extend_from_slice(b"\",\"elapsed_us\":");
    number(out, record.elapsed_us);
    out.extend_from_slice(b",\"priority\":");
    serde_json::to_writer(&mut *out, &record.priority)?;
    out.extend_from_slice(b",\"source\":");
    serde_json::to_writer(&mut *out, &record.source)?;
    if !record.affected.is_empty() {
        out.extend_from_slice(b",\"affected\":");
        serde_json::to_writer(&mut *out, &record.affected)?;
    }
    // The event is an object too: `{"kind":…}` follows as members of this one.
    let brace = out.len();
    serde_json::to_writer(&mut *out, &record.event)?;
    out[brace] = b',';
    Ok(())
}

/// Appends any object as a line with a checksum.
pub(super) fn closed(object: &impl Serialize, out: &mut Vec<u8>) -> serde_json::Result<()> {
    let from = out.len();
    serde_json::to_writer(&mut *out, object)?;
    close(out, from);
    Ok(())
}

/// Turns the object that begins at `from` into a closed line.
fn close(out: &mut Vec<u8>, from: usize) {
    out.pop();
    let crc = crc32fast::hash(&out[from..]);
    out.extend_from_slice(b",\"crc\":\"");
    out.extend_from_slice(&hex(crc));
    out.extend_from_slice(b"\"}\n");
}

/// Returns a checksum as eight lower-case hex digits.
#[must_use]
pub fn hex(crc: u32) -> [u8; 8] {
    let mut digits = [0; 8];
    for (i, digit) in digits.iter_mut().enumerate() {
        *digit = HEX[(crc >> (28 - 4 * i)) as usize & 0xf];
    }
    digits
}

fn number(out: &mut Vec<u8>, n: u64) {
    // Cannot fail: a vector takes everything.
    let _ = write!(out, "{n}");
}

/// RFC 3339 in UTC with milliseconds.
fn stamp(out: &mut Vec<u8>, at_ms: i64) {
    const LAST: i64 = 253_402_207_200_000; // the last that jiff knows
    if !(0..LAST).contains(&at_ms) {
        let at = jiff::Timestamp::from_millisecond(at_ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        let _ = write!(out, "{at:.3}");
        return;
    }
    let (days, ms) = (at_ms / 86_400_000, at_ms % 86_400_000);
    let (year, month, day) = civil(days);
    let pair = |n: i64| [b'0' + (n / 10) as u8, b'0' + (n % 10) as u8];
    out.extend_from_slice(&pair(year / 100));
    out.extend_from_slice(&pair(year % 100));
    for (mark, n) in [
        (b'-', month),
        (b'-', day),
        (b'T', ms / 3_600_000),
        (b':', ms / 60_000 % 60),
        (b':', ms / 1000 % 60),
    ] {
        out.push(mark);
        out.extend_from_slice(&pair(n));
    }
    out.push(b'.');
    out.push(b'0' + (ms % 1000 / 100) as u8);
    out.extend_from_slice(&pair(ms % 100));
    out.push(b'Z');
}

/// Days since 1970-01-01 to year, month and day (Hinnant, "chrono-compatible low-level date
/// algorithms"), for days that are not negative.
pub(super) const fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z / 146_097;
    let doe = z % 146_097;
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    let year = yoe + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

/// Checks the checksum of a line without its newline; returns the bytes that it covers, that is
/// the object without `,"crc":"xxxxxxxx"}`.
#[must_use]
pub fn verify(line: &[u8]) -> Option<&[u8]> {
    let at = line.len().checked_sub(TRAILER)?;
    let (body, trailer) = line.split_at(at);
    let well = trailer.starts_with(b",\"crc\":\"")
        && trailer.ends_with(b"\"}")
        && trailer[8..16] == hex(crc32fast::hash(body));
    well.then_some(body)
}

/// Returns the checksum's digits of a verified line without its newline.
#[must_use]
pub fn crc_of(line: &[u8]) -> Option<[u8; 8]> {
    let at = line.len().checked_sub(TRAILER)?;
    line.get(at + 8..at + 16)?.try_into().ok()
}

/// Reads one line without its newline: checksum first, then the record.
pub fn decode(line: &[u8]) -> Result<Line, FormatError> {
    verify(line).ok_or(FormatError::Crc)?;
    if let Some(record) = fast(line) {
        return Ok(Line::Record(record));
    }
    match serde_json::from_slice::<Record>(line) {
        Ok(record) => Ok(Line::Record(record)),
        Err(error) => unknown(line, &error),
    }
}

/// The part of a record that every version has.
#[derive(Deserialize)]
struct Envelope {
    seq: u64,
    #[serde(default)]
    elapsed_us: u64,
    #[serde(rename = "kind")]
    _kind: String,
}

/// The checksum fits, so the line is what somebody wrote: a newer program.
fn unknown(line: &[u8], error: &serde_json::Error) -> Result<Line, FormatError> {
    let envelope: Envelope =
        serde_json::from_slice(line).map_err(|_| FormatError::Record(error.to_string()))?;
    let raw = std::str::from_utf8(line).map_err(|_| FormatError::Record(error.to_string()))?;
    Ok(Line::Unknown {
        seq: envelope.seq,
        elapsed_us: envelope.elapsed_us,
        raw: raw.into(),
    })
}
