//! Reads pieces of output files, for clients here and behind the socket.
//!
//! Must not clean what it reads: the display does.

use std::{fs::File, os::unix::fs::FileExt, path::Path};

use super::jobs::output_path;

/// Bytes that are read at once at most.
const MOST: u32 = 1 << 20;
/// Bytes of evidence that are read.
const EVIDENCE: u32 = 64 << 10;
/// Checks that one owner may have for its evidence to be found.
const CHECKS: u32 = 1000;

/// A piece of an output file; empty where there is none yet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Piece {
    /// Where it begins.
    pub offset: u64,
    /// Size of the file.
    pub total: u64,
    /// Raw bytes.
    pub bytes: Vec<u8>,
}

/// Reads the end of what the last check command of an attempt or round printed; the owner must be
/// known.
pub(super) fn evidence(dir: &Path, owner: &str, attempt: u32) -> Vec<u8> {
    let path = |step: u32| dir.join("gates").join(format!("{owner}.{attempt}.{step}"));
    // Checks run one after the other and stop at the first that is red.
    let mut found = Vec::new();
    for step in 0..CHECKS {
        let Ok(file) = File::open(path(step)) else {
            break;
        };
        found = piece(&file, None, EVIDENCE).bytes;
    }
    found
}

/// Reads at most `max` bytes from `offset` on; without one, the tail. The agent must be known.
pub(super) fn read(dir: &Path, agent: &str, attempt: u32, offset: Option<u64>, max: u32) -> Piece {
    let Ok(file) = File::open(output_path(dir, agent, attempt)) else {
        return Piece::default();
    };
    piece(&file, offset, max)
}

fn piece(file: &File, offset: Option<u64>, max: u32) -> Piece {
    let total = file.metadata().map_or(0, |meta| meta.len());
    let max = u64::from(max.min(MOST));
    let offset = offset
        .unwrap_or_else(|| total.saturating_sub(max))
        .min(total);
    let mut bytes = vec![0; usize::try_from(max.min(total - offset)).unwrap_or(0)];
    let read = file.read_at(&mut bytes, offset).unwrap_or(0);
    bytes.truncate(read);
    Piece {
        offset,
        total,
        bytes,
    }
}
