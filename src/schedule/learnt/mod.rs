//! What runs have taught: how much memory and time agents really took, by agent and by kind of agent.
//!
//! Pure: attempts come in as [`Lesson`]s, what a plan is told comes out as [`Need`]s. Averages are exponential moving
//! averages with a weight of 0.3 for the newest (requirement D6), over the last [`KEPT`] attempts of each key: as they
//! follow from these alone, it does not matter in which order two runs were written down. Integers only. Must not read
//! files, and must not judge a run.

mod need;
mod off;
mod store;

#[cfg(test)]
mod tests;

pub use need::{Applied, Need, apply, needs, undo};
pub use off::{Declared, Observed, Off, Times, off};
pub use store::{KEPT, KEYS, Learnt, Unread, VERSION, known};

use serde::{Deserialize, Serialize};

use crate::plan::Class;

/// No figure is larger: what JSON readers keep exactly.
pub const MOST: u64 = 1 << 53;

/// Whose figures they are: an agent of a plan by a worker, or all agents of a class by a worker.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Key {
    /// One agent.
    Agent {
        /// Name of its plan.
        plan: String,
        /// Its id.
        agent: String,
        /// Its worker; none for a command.
        worker: Option<String>,
    },
    /// All agents of a class. Commands have none: two commands have nothing in common.
    Class {
        /// Their worker.
        worker: String,
        /// Their class.
        class: Class,
    },
}

/// An exponential moving average, and how far the figures lie from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Average {
    /// The average.
    pub mean: u64,
    /// The average of the distance of each figure from the average before it.
    pub spread: u64,
}

impl Average {
    /// The average of one figure.
    #[must_use]
    pub const fn first(figure: u64) -> Self {
        Self {
            mean: figure,
            spread: 0,
        }
    }

    /// Returns the average with one figure more.
    #[must_use]
    pub const fn and(self, figure: u64) -> Self {
        Self {
            mean: blend(self.mean, figure),
            spread: blend(self.spread, self.mean.abs_diff(figure)),
        }
    }

    /// Returns the average of figures in their order; none of none.
    pub fn of(figures: impl IntoIterator<Item = u64>) -> Option<Self> {
        figures.into_iter().fold(None, |all: Option<Self>, figure| {
            Some(all.map_or_else(|| Self::first(figure), |all| all.and(figure)))
        })
    }
}

/// 0.3 of the new figure and 0.7 of what was there, rounded. Neither is above [`MOST`], so nothing overflows.
const fn blend(before: u64, new: u64) -> u64 {
    (before
        .saturating_mul(7)
        .saturating_add(new.saturating_mul(3))
        .saturating_add(5))
        / 10
}

/// An attempt that has ended, and what it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lesson {
    /// The agent's id.
    pub agent: String,
    /// Its worker; none for a command.
    pub worker: Option<String>,
    /// Its class.
    pub class: Class,
    /// The figures.
    pub took: Took,
}

/// What one attempt took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Line", into = "Line")]
pub struct Took {
    /// The run; it begins with its day.
    pub run: String,
    /// The attempt.
    pub attempt: u32,
    /// It did all of its work, by itself. Else its peak is a lower bound, and its other figures say nothing.
    pub whole: bool,
    /// Memory that the plan stated, in bytes; none: nothing.
    pub declared_bytes: Option<u64>,
    /// Memory that was reserved, in bytes.
    pub reserved_bytes: u64,
    /// Its highest memory, in bytes; none: not measured, or that of leased commands was in it.
    pub peak_bytes: Option<u64>,
    /// How fast it grew to that, in bytes a second; none: not measured.
    pub growth: Option<u64>,
    /// How long it ran, in microseconds; what it waited for an answer or for memory is not in it.
    pub duration_us: u64,
    /// CPU time of its processes, in microseconds.
    pub cpu_us: u64,
    /// Tokens that it said it used; none: it said nothing of that.
    pub tokens: Option<u64>,
}

/// A [`Took`] as a file has it: an array, for there are many.
type Line = (
    String,
    u32,
    bool,
    Option<u64>,
    u64,
    Option<u64>,
    Option<u64>,
    u64,
    u64,
    Option<u64>,
);

impl From<Line> for Took {
    fn from(line: Line) -> Self {
        let (
            run,
            attempt,
            whole,
            declared_bytes,
            reserved_bytes,
            peak_bytes,
            growth,
            time,
            cpu_us,
            tokens,
        ) = line;
        Self {
            run,
            attempt,
            whole,
            declared_bytes,
            reserved_bytes,
            peak_bytes,
            growth,
            duration_us: time,
            cpu_us,
            tokens,
        }
    }
}

impl From<Took> for Line {
    fn from(took: Took) -> Self {
        (
            took.run,
            took.attempt,
            took.whole,
            took.declared_bytes,
            took.reserved_bytes,
            took.peak_bytes,
            took.growth,
            took.duration_us,
            took.cpu_us,
            took.tokens,
        )
    }
}

impl Took {
    /// Its figures, for bounds.
    fn figures(&mut self) -> impl Iterator<Item = &mut u64> {
        let sure = [
            &mut self.reserved_bytes,
            &mut self.duration_us,
            &mut self.cpu_us,
        ];
        let maybe = [
            &mut self.declared_bytes,
            &mut self.peak_bytes,
            &mut self.growth,
            &mut self.tokens,
        ];
        sure.into_iter()
            .chain(maybe.into_iter().filter_map(Option::as_mut))
    }
}

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// Whose it is.
    pub key: Key,
    /// Attempts that did all of their work, ever.
    pub times: u32,
    /// The end of the last run that taught it, in milliseconds since the epoch.
    pub used_ms: u64,
    /// The highest memory of the last attempts, in bytes; 0: not measured.
    pub most_bytes: u64,
    /// Peaks of memory, in bytes.
    pub peak: Option<Average>,
    /// How fast they grew to them, in bytes a second.
    pub growth: Option<Average>,
    /// Durations, in microseconds.
    pub duration: Option<Average>,
    /// CPU time, in microseconds.
    pub cpu: Option<Average>,
    /// Tokens.
    pub tokens: Option<Average>,
}

impl Known {
    /// Returns what a start is to reserve, in bytes: the average peak and how far peaks lie from it, at most the
    /// highest that was seen; none: no peak was measured.
    #[must_use]
    pub fn reserve(&self) -> Option<u64> {
        let peak = self.peak?;
        Some(peak.mean.saturating_add(peak.spread).min(self.most_bytes))
    }
}
