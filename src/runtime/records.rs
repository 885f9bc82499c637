//! Finds records of a run for the log screen: backwards from a place, through a filter.
//!
//! Reads the journal of the run's folder, on the caller's thread. Must not write.

use std::{path::Path, sync::Arc};

use crate::{
    engine::{Record, Setup},
    journal::{Line, ReadError, Seeker},
    tui::{feed::Update, log::LogAsk},
};

/// Records looked through at once.
const CHUNK: u64 = 512;
/// Records looked through for one answer; the next request goes on from there.
const MOST: u64 = 65_536;

/// Answers a request of the log screen.
pub(super) fn answer(seeker: &mut Seeker, ask: &LogAsk) -> Result<Update, ReadError> {
    let wanted = ask.count as usize;
    let mut found: Vec<Record> = Vec::new();
    let mut from = ask.before.max(1);
    let until = from.saturating_sub(MOST).max(1);
    while from > until && found.len() < wanted {
        let first = from.saturating_sub(CHUNK).max(1);
        let count = usize::try_from(from - first).unwrap_or(0);
        let lines = seeker.records(first, count)?;
        for line in lines.into_iter().rev() {
            if let Line::Record(record) = line
                && ask.filter.lets(&record)
            {
                found.push(record);
            }
        }
        from = first;
    }
    found.reverse();
    Ok(Update::Log {
        id: ask.id,
        records: found,
        from,
    })
}

/// The same for a live run, whose journal is opened anew each time.
pub(super) fn of(dir: &Path, setup: Arc<Setup>, ask: &LogAsk) -> Result<Update, ReadError> {
    answer(&mut Seeker::open(dir, setup)?, ask)
}
