//! The ends of a run's files: the last events and the last reading, without reading the rest.
//!
//! For whoever comes late: a dashboard that attaches, `status`. What cannot be read is left out:
//! the state never depends on it. Must not be used to fold a state.

use std::{fs::File, io, os::unix::fs::FileExt, path::Path};

use super::{
    JOURNAL,
    format::{self, Line},
    samples::SAMPLES,
};
use crate::{engine::Record, resources::Sample};

/// Bytes that are read from the end of a file.
const END: u64 = 256 << 10;

/// Returns the whole lines among the last bytes of a file, oldest first; none where it cannot be
/// read.
fn last_lines(path: &Path) -> Vec<u8> {
    let read = || -> io::Result<Vec<u8>> {
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        let from = size.saturating_sub(END);
        let mut bytes = vec![0; usize::try_from(size - from).unwrap_or(0)];
        file.read_exact_at(&mut bytes, from)?;
        if from > 0 {
            // The first line has lost its beginning.
            let first = bytes
                .iter()
                .position(|&b| b == b'\n')
                .map_or(bytes.len(), |at| at + 1);
            bytes.drain(..first);
        }
        let whole = bytes
            .iter()
            .rposition(|&b| b == b'\n')
            .map_or(0, |at| at + 1);
        bytes.truncate(whole);
        Ok(bytes)
    };
    read().unwrap_or_default()
}

/// Returns the last events of a run's journal up to and with number `last`, oldest first: as many
/// as the journal's last 256 KiB hold. Lines that are no event are left out.
#[must_use]
pub fn last_records(dir: &Path, last: u64) -> Vec<Record> {
    last_lines(&dir.join(JOURNAL))
        .split(|&b| b == b'\n')
        .filter_map(|line| match format::decode(line) {
            Ok(Line::Record(record)) if record.seq <= last => Some(record),
            _ => None,
        })
        .collect()
}

/// Returns the last reading of a run, where one is within the last 256 KiB of its readings.
#[must_use]
pub fn last_sample(dir: &Path) -> Option<Sample> {
    last_lines(&dir.join(SAMPLES))
        .rsplit(|&b| b == b'\n')
        .find_map(|line| serde_json::from_slice(line).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::{Header, encode};

    fn record(seq: u64) -> Record {
        let json = format!(
            r#"{{"seq":{seq},"at":"2026-11-20T10:00:00.123Z","elapsed_us":{seq},"priority":"low","source":"a","affected":[],"kind":"wave.completed","wave":1}}"#
        );
        serde_json::from_str(&json).unwrap()
    }

    #[test]
    fn the_end_is_read_without_the_rest() {
        let dir = tempfile::tempdir().unwrap();
        assert!(last_records(dir.path(), 9).is_empty(), "no journal");
        let mut bytes = Vec::new();
        Header::new("r", "00", "boot").encode(&mut bytes).unwrap();
        for seq in 1..=5_000 {
            encode(&record(seq), &mut bytes).unwrap();
        }
        bytes.extend_from_slice(b"{\"seq\":5001,\"at\":\"2026");
        std::fs::write(dir.path().join(JOURNAL), &bytes).unwrap();
        let got = last_records(dir.path(), 4_990);
        assert_eq!(got.last().map(|r| r.seq), Some(4_990));
        assert!(got[0].seq > 1, "not from the start");
        assert!(got.windows(2).all(|p| p[0].seq + 1 == p[1].seq));
        assert!(last_sample(dir.path()).is_none());
        let sample = Sample {
            at_ms: 7,
            ..Sample::default()
        };
        let line = serde_json::to_string(&sample).unwrap();
        std::fs::write(dir.path().join(SAMPLES), format!("{{}}\n{line}\n{{\"at")).unwrap();
        assert_eq!(last_sample(dir.path()), Some(sample));
    }
}
