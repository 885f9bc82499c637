//! All that is known, as a file has it: reading with bounds, adding what a run has taught.
//!
//! A file of a newer version is not touched, one that makes no sense is not believed. Must not open it.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Average, Key, Known, Lesson, MOST, Took};

/// Version of the file; a newer one is left alone.
pub const VERSION: u64 = 1;
/// Keys that are kept; those that were not taught for the longest time go first.
pub const KEYS: usize = 2_000;
/// Attempts of each key that are kept.
pub const KEPT: usize = 20;
/// Runs that are remembered, so that none teaches twice.
const RUNS: usize = 200;
/// Bytes of a name in a key; plans may have longer ones.
const NAME: usize = 200;

/// Why a file is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// A newer program has written it.
    #[error("it has version {0}, this program knows version {VERSION}")]
    Newer(u64),
    /// It makes no sense.
    #[error("it is damaged: {0}")]
    Damaged(String),
}

/// What is known of a key, and the attempts that it follows from.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    known: Known,
    history: Vec<Took>,
}

/// The file. What is known stands on its first line ([`Learnt::to_json`]): a plan needs no more, and all attempts take
/// ten times as long to read.
#[derive(Deserialize)]
struct Whole {
    version: u64,
    known: Vec<Known>,
    runs: Vec<String>,
    /// By key, in the order of `known`.
    history: Vec<Vec<Took>>,
}

/// The first line.
#[derive(Deserialize)]
struct Brief {
    version: u64,
    known: Vec<Known>,
}

#[derive(Deserialize)]
struct Probe {
    version: u64,
}

/// All that is known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Learnt {
    /// Runs that have taught, in order.
    runs: Vec<String>,
    keys: BTreeMap<Key, Entry>,
}

/// Returns what a file knows, sorted by key. Its first line is enough.
///
/// # Errors
/// Why it is not used.
pub fn known(text: &[u8]) -> Result<Vec<Known>, Unread> {
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let mut first;
    let text = if let Some(open) = line.strip_suffix(b",") {
        first = open.to_vec();
        first.push(b'}');
        &first
    } else {
        text
    };
    let brief: Brief = read(text, |brief: &Brief| brief.version)?;
    let mut all = Vec::with_capacity(brief.known.len());
    for known in brief.known {
        all.push(bounded(known)?);
    }
    all.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(all)
}

fn read<T: for<'de> Deserialize<'de>>(text: &[u8], version: fn(&T) -> u64) -> Result<T, Unread> {
    // Where, and not what: its words may repeat the file's.
    let damaged = |error: serde_json::Error| {
        Unread::Damaged(format!("line {}, column {}", error.line(), error.column()))
    };
    match serde_json::from_slice::<T>(text) {
        Ok(read) if version(&read) == VERSION => Ok(read),
        // Another version may have other members.
        read => match serde_json::from_slice::<Probe>(text)
            .map_err(damaged)?
            .version
        {
            newer if newer > VERSION => Err(Unread::Newer(newer)),
            VERSION => match read {
                Err(error) => Err(damaged(error)),
                Ok(read) => Ok(read),
            },
            _ => Err(Unread::Damaged("no such version".to_owned())),
        },
    }
}

/// Whether figures are such as are written.
fn bounded(known: Known) -> Result<Known, Unread> {
    let averages = [
        known.peak,
        known.growth,
        known.duration,
        known.cpu,
        known.tokens,
    ];
    let figures = averages
        .into_iter()
        .flatten()
        .flat_map(|a| [a.mean, a.spread]);
    let too_large = |figure: u64| figure > MOST;
    if figures
        .chain([known.most_bytes, known.used_ms])
        .any(too_large)
    {
        return Err(Unread::Damaged("a figure is too large".to_owned()));
    }
    Ok(known)
}

impl Learnt {
    /// Reads a file.
    ///
    /// # Errors
    /// Why it is not used.
    pub fn parse(text: &[u8]) -> Result<Self, Unread> {
        let whole: Whole = read(text, |whole: &Whole| whole.version)?;
        if whole.known.len() != whole.history.len() {
            return Err(Unread::Damaged("keys without attempts".to_owned()));
        }
        let mut keys = BTreeMap::new();
        for (known, mut history) in whole.known.into_iter().zip(whole.history) {
            let known = bounded(known)?;
            let too_large = |took: &mut Took| took.figures().any(|figure| *figure > MOST);
            if history.iter_mut().any(too_large) {
                return Err(Unread::Damaged("a figure is too large".to_owned()));
            }
            keys.insert(known.key.clone(), Entry { known, history });
        }
        Ok(Self {
            runs: whole.runs,
            keys,
        })
    }

    /// Returns the text of the file.
    ///
    /// # Errors
    /// None in practice: all of it can be written.
    pub fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        let known: Vec<&Known> = self.all().collect();
        let history: Vec<&Vec<Took>> = self.keys.values().map(|entry| &entry.history).collect();
        let mut text = format!("{{\"version\":{VERSION},\"known\":").into_bytes();
        serde_json::to_writer(&mut text, &known)?;
        text.extend_from_slice(b",\n\"runs\":");
        serde_json::to_writer(&mut text, &self.runs)?;
        text.extend_from_slice(b",\"history\":");
        serde_json::to_writer(&mut text, &history)?;
        text.extend_from_slice(b"}\n");
        Ok(text)
    }

    /// Returns what is known, sorted by key.
    pub fn all(&self) -> impl Iterator<Item = &Known> {
        self.keys.values().map(|entry| &entry.known)
    }

    /// Takes what a run that ended at `now_ms` (milliseconds since the epoch) has taught, in the order in which its
    /// attempts ended. A run teaches once: returns whether it did.
    pub fn teach(&mut self, run: &str, plan: &str, now_ms: u64, lessons: Vec<Lesson>) -> bool {
        let Err(at) = self.runs.binary_search_by(|known| known.as_str().cmp(run)) else {
            return false;
        };
        self.runs.insert(at, run.to_owned());
        let many = self.runs.len().saturating_sub(RUNS);
        self.runs.drain(..many);
        let mut fresh: BTreeMap<Key, Vec<Took>> = BTreeMap::new();
        for mut lesson in lessons {
            lesson
                .took
                .figures()
                .for_each(|figure| *figure = (*figure).min(MOST));
            if let Some(worker) = &lesson.worker {
                let key = Key::Class {
                    worker: name(worker),
                    class: lesson.class,
                };
                fresh.entry(key).or_default().push(lesson.took.clone());
            }
            let key = Key::agent(plan, &lesson.agent, lesson.worker.as_deref());
            fresh.entry(key).or_default().push(lesson.took);
        }
        for (key, took) in fresh {
            self.add(key, took, now_ms.min(MOST));
        }
        self.forget();
        true
    }

    /// Forgets what is known of an agent, in whatever plan and by whatever worker; returns how many keys that were.
    pub fn drop_agent(&mut self, id: &str) -> usize {
        let before = self.keys.len();
        self.keys
            .retain(|key, _| !matches!(key, Key::Agent { agent, .. } if agent == id));
        before - self.keys.len()
    }

    fn add(&mut self, key: Key, took: Vec<Took>, now_ms: u64) {
        let entry = self.keys.entry(key.clone()).or_insert_with(|| Entry {
            known: Known {
                key,
                times: 0,
                used_ms: 0,
                most_bytes: 0,
                peak: None,
                growth: None,
                duration: None,
                cpu: None,
                tokens: None,
            },
            history: Vec::new(),
        });
        let whole = took.iter().filter(|took| took.whole).count();
        entry.history.extend(took);
        // Runs are told apart by their begin; of one run the order stays.
        entry.history.sort_by(|a, b| a.run.cmp(&b.run));
        let many = entry.history.len().saturating_sub(KEPT);
        entry.history.drain(..many);
        let known = &mut entry.known;
        known.times = known
            .times
            .saturating_add(u32::try_from(whole).unwrap_or(u32::MAX));
        known.used_ms = known.used_ms.max(now_ms);
        let whole = || entry.history.iter().filter(|took| took.whole);
        known.most_bytes = (entry.history.iter())
            .filter_map(|t| t.peak_bytes)
            .max()
            .unwrap_or(0);
        known.peak = peaks(&entry.history);
        known.growth = Average::of(whole().filter_map(|took| took.growth));
        known.duration = Average::of(whole().map(|took| took.duration_us));
        known.cpu = Average::of(whole().map(|took| took.cpu_us));
        known.tokens = Average::of(whole().filter_map(|took| took.tokens));
    }

    /// Lets go of what was not taught for the longest time.
    fn forget(&mut self) {
        let many = self.keys.len().saturating_sub(KEYS);
        if many == 0 {
            return;
        }
        let mut oldest: Vec<(u64, Key)> = (self.keys.iter())
            .map(|(key, entry)| (entry.known.used_ms, key.clone()))
            .collect();
        oldest.sort();
        for (_, key) in oldest.into_iter().take(many) {
            self.keys.remove(&key);
        }
    }
}

/// The average peak. That of an attempt which did not do all of its work is a lower bound: it raises the average, and
/// never lowers it.
fn peaks(history: &[Took]) -> Option<Average> {
    let mut all: Option<Average> = None;
    for took in history {
        let Some(peak) = took.peak_bytes else {
            continue;
        };
        all = Some(match all {
            None => Average::first(peak),
            Some(all) if took.whole => all.and(peak),
            Some(all) => Average {
                mean: all.mean.max(peak),
                ..all
            },
        });
    }
    all
}

impl Key {
    /// The key of an agent.
    #[must_use]
    pub fn agent(plan: &str, agent: &str, worker: Option<&str>) -> Self {
        Self::Agent {
            plan: name(plan),
            agent: name(agent),
            worker: worker.map(name),
        }
    }

    /// The key of a class.
    #[must_use]
    pub fn class(worker: &str, class: crate::plan::Class) -> Self {
        Self::Class {
            worker: name(worker),
            class,
        }
    }
}

/// A name, as far as it is kept.
fn name(name: &str) -> String {
    let mut end = name.len().min(NAME);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name[..end].to_owned()
}
