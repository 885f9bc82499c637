//! What is known of the journal for the log screen: a stretch of records that a filter lets
//! through, and which part to ask for next.
//!
//! Must not read files or ask by itself: the reducer does.

use std::collections::VecDeque;

use crate::engine::{Level, Record};

use super::view::log;

/// Records asked for at once.
const CHUNK: u32 = 256;
/// Records kept; further back a filter leads.
const KEEP: usize = 20_000;

/// Which records are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogFilter {
    /// A part of what is shown of the record, in lower case; empty: all.
    pub text: String,
    /// At least so urgent; none: all.
    pub level: Option<Level>,
}

impl LogFilter {
    /// Whether a record is let through: by its kind, its agent and the words that are shown.
    #[must_use]
    pub fn lets(&self, record: &Record) -> bool {
        if self.level.is_some_and(|level| record.priority < level) {
            return false;
        }
        let has = |text: &str| text.to_lowercase().contains(&self.text);
        self.text.is_empty()
            || record.event.agent().is_some_and(|id| has(id.as_str()))
            || has(&log::words(record).0)
            || has(record.event.kind())
    }
}

/// A request for older records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogAsk {
    /// Tells answers apart.
    pub id: u64,
    /// Records before this number.
    pub before: u64,
    /// At most so many.
    pub count: u32,
    /// Only these.
    pub filter: LogFilter,
}

/// A stretch of records up to now.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LogBuffer {
    records: VecDeque<Record>,
    filter: LogFilter,
    /// Everything from here on has been looked through; 1: from the beginning.
    from: u64,
    /// The request that is on its way.
    asked: Option<u64>,
    next: u64,
}

impl LogBuffer {
    /// Begins anew, up to and with record `last`.
    pub fn reset(&mut self, filter: LogFilter, last: u64) {
        *self = Self {
            records: VecDeque::new(),
            filter,
            from: last + 1,
            asked: None,
            next: self.next + 1,
        };
    }

    /// The filter.
    #[must_use]
    pub const fn filter(&self) -> &LogFilter {
        &self.filter
    }

    /// Takes a record that has just happened.
    pub fn push(&mut self, record: &Record) {
        if self.filter.lets(record) {
            self.records.push_back(record.clone());
            if self.records.len() > KEEP
                && let Some(gone) = self.records.pop_front()
            {
                self.from = gone.seq + 1;
            }
        }
    }

    /// Takes an answer: records in order, and the record down to which all were looked through.
    /// Returns whether that led further back: one that did not is not asked for again at once.
    pub fn take(&mut self, id: u64, records: Vec<Record>, from: u64) -> bool {
        if self.asked != Some(id) {
            return false;
        }
        self.asked = None;
        let further = from < self.from;
        self.from = from;
        for record in records.into_iter().rev() {
            self.records.push_front(record);
        }
        further
    }

    /// The next thing to ask for, when the first shown record has so many before it.
    pub fn wanted(&mut self, before: usize, rows: usize) -> Option<LogAsk> {
        if self.asked.is_some() || self.from <= 1 || before > rows || self.records.len() >= KEEP {
            return None;
        }
        self.next += 1;
        self.asked = Some(self.next);
        Some(LogAsk {
            id: self.next,
            before: self.from,
            count: CHUNK,
            filter: self.filter.clone(),
        })
    }

    /// The records up to a number, oldest first.
    #[must_use]
    pub fn until(&self, last: u64) -> usize {
        self.records.partition_point(|r| r.seq <= last)
    }

    /// One record by its place.
    #[must_use]
    pub fn get(&self, at: usize) -> Option<&Record> {
        self.records.get(at)
    }

    /// The place of a record, or of the next one after it.
    #[must_use]
    pub fn place(&self, seq: u64) -> usize {
        self.records.partition_point(|r| r.seq < seq)
    }

    /// The beginning of the journal is reached.
    #[must_use]
    pub const fn whole(&self) -> bool {
        self.from <= 1
    }

    /// An answer is awaited.
    #[must_use]
    pub const fn waits(&self) -> bool {
        self.asked.is_some()
    }
}
