//! What a plan states and attempts did not keep: twice as much, or half.
//!
//! Must not put it into words: who prints it does.

use serde::{Deserialize, Serialize};

use crate::plan::{Duration, Plan};

use super::{Applied, Need};

/// From this factor on a stated figure is pointed out (requirement D6).
const FACTOR: u64 = 2;
/// Memory whose difference is worth no word, in bytes.
const SMALL_BYTES: u64 = 64 << 20;
/// Time whose difference is worth no word, in microseconds.
const SMALL_US: u64 = 10 * 1_000_000;

/// What a plan states of an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Declared {
    /// Memory in bytes; none: nothing.
    pub ram_bytes: Option<u64>,
    /// Time in microseconds, from and to; none: nothing.
    pub duration_us: Option<(u64, u64)>,
}

impl Declared {
    /// What is stated, of memory and time that may be guesses.
    #[must_use]
    pub fn of((ram_bytes, guessed): (u64, bool), duration: Duration) -> Self {
        Self {
            ram_bytes: (!guessed).then_some(ram_bytes),
            duration_us: (!duration.guessed).then_some((duration.min_us, duration.max_us)),
        }
    }
}

/// What attempts of an agent took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Observed {
    /// How many did all of their work.
    pub times: u32,
    /// The highest memory, in bytes; 0: not measured.
    pub most_bytes: u64,
    /// How long they took in the mean, in microseconds; none: none did all of its work.
    pub duration_us: Option<u64>,
}

impl From<&Need> for Observed {
    fn from(need: &Need) -> Self {
        Self {
            times: need.times,
            most_bytes: need.most_bytes,
            duration_us: need.duration_us,
        }
    }
}

/// A stated time and the one that was taken, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Times {
    /// Stated; of a range the end that is nearer.
    pub declared_us: u64,
    /// Taken, in the mean.
    pub took_us: u64,
}

/// A stated figure that is off by twice or more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Off {
    /// Whose.
    pub agent: String,
    /// By which worker; none for a command.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    /// Attempts that did all of their work.
    pub times: u32,
    /// Memory that is stated and the highest that was used, in bytes; none: not off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ram_bytes: Option<(u64, u64)>,
    /// Memory to state in its place, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub better_bytes: Option<u64>,
    /// Time; none: not off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<Times>,
}

impl Off {
    /// Compares what is stated of an agent with what it took; none: neither is off.
    ///
    /// That less was used than is stated is said only where an attempt did all of its work.
    #[must_use]
    pub fn new(
        agent: &str,
        worker: Option<&str>,
        declared: Declared,
        took: Observed,
    ) -> Option<Self> {
        let ram = declared.ram_bytes.filter(|_| took.most_bytes > 0);
        let ram = ram.map(|stated| (stated, took.most_bytes));
        let ram = ram.filter(|&(stated, most)| {
            is_off(stated, most, SMALL_BYTES) && (most > stated || took.times > 0)
        });
        let duration = declared.duration_us.zip(took.duration_us);
        let duration = duration.map(|((from, to), took_us)| Times {
            declared_us: took_us.clamp(from.min(to), to.max(from)),
            took_us,
        });
        let duration = duration.filter(|t| is_off(t.declared_us, t.took_us, SMALL_US));
        (ram.is_some() || duration.is_some()).then(|| Self {
            agent: agent.to_owned(),
            worker: worker.map(str::to_owned),
            times: took.times,
            ram_bytes: ram,
            better_bytes: ram.map(|(_, most)| round_up(most)),
            duration,
        })
    }
}

fn is_off(stated: u64, took: u64, small: u64) -> bool {
    let (less, more) = (stated.min(took), stated.max(took));
    more - less >= small && more >= less.saturating_mul(FACTOR)
}

/// A figure that a person would write: whole half GiB, below 2 GiB whole 64 MiB.
const fn round_up(bytes: u64) -> u64 {
    let step = if bytes < 2 << 30 { 64 << 20 } else { 512 << 20 };
    bytes.div_ceil(step).saturating_mul(step)
}

/// Returns what a plan states and earlier runs did not keep, in the plan's order. Only what was learnt of an agent
/// itself counts.
#[must_use]
pub fn off(plan: &Plan, applied: &[Applied]) -> Vec<Off> {
    let own = applied.iter().filter(|one| one.need.own);
    own.filter_map(|one| {
        let agent = plan.agents.get(one.agent.ix())?;
        let declared = Declared::of(one.ram, one.duration);
        let worker = one.need.worker.as_deref();
        Off::new(agent.id.as_str(), worker, declared, (&one.need).into())
    })
    .collect()
}
