//! Recovery: folds the journal, ends what the old runner left, finds numbers that are taken.
//!
//! Must not adopt anything (DESIGN 3): survivors are ended, by pid *and* start time, never by pid
//! alone.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    engine::{Setup, State},
    journal::{self, ReadEnd, ReadError, Reader, Tail},
    plan::AgentId,
    sys::{
        proc,
        tree::{self, Survivor},
    },
};

/// What the journal holds.
pub struct Folded {
    /// The state at its end.
    pub state: State,
    /// Where it ends.
    pub end: ReadEnd,
    /// What was set aside because of damage, in words.
    pub damage: Option<String>,
    /// Attempt numbers that the part set aside still tells.
    pub lost: Vec<(AgentId, u32)>,
}

/// Folds the journal of a run. Damage in the middle is set aside and named.
///
/// # Errors
/// When the journal cannot be read at all.
pub fn fold(dir: &Path, setup: Arc<Setup>) -> Result<Folded, ReadError> {
    let mut reader = Reader::open(dir)?;
    let state = journal::fold(setup, &mut reader)?;
    let mut end = reader.into_end();
    let mut lost = Vec::new();
    let damage = if let Tail::Damaged(damage) = &end.tail {
        let what = damage.to_string();
        let kept = journal::set_aside(dir, &mut end)?;
        lost = told_attempts(&kept);
        Some(format!(
            "{what}; the rest of the journal was set aside as {}",
            kept.display()
        ))
    } else {
        None
    };
    Ok(Folded {
        state,
        end,
        damage,
        lost,
    })
}

/// Attempt numbers that can still be read in a part of a journal: they were used, whatever became
/// of them.
fn told_attempts(part: &Path) -> Vec<(AgentId, u32)> {
    #[derive(serde::Deserialize)]
    struct Told {
        agent: AgentId,
        attempt: u32,
    }
    let text = std::fs::read(part).unwrap_or_default();
    let lines = text.split(|&byte| byte == b'\n');
    newest(
        lines
            .filter_map(|line| serde_json::from_slice::<Told>(line).ok())
            .map(|told| (told.agent, told.attempt)),
    )
}

/// Keeps the highest number of each agent.
fn newest(seen: impl Iterator<Item = (AgentId, u32)>) -> Vec<(AgentId, u32)> {
    let mut highest: BTreeMap<AgentId, u32> = BTreeMap::new();
    for (id, attempt) in seen {
        let known = highest.entry(id).or_default();
        *known = (*known).max(attempt);
    }
    highest.into_iter().collect()
}

/// Ends every process that carries the run's marker: TERM, grace, KILL. Returns how many there were.
///
/// # Errors
/// When `/proc` cannot be read.
pub fn end_survivors(run: &str, grace: Duration) -> std::io::Result<(u32, Vec<(AgentId, u32)>)> {
    let first = tree::survivors_of_run(run)?;
    let seen = attempts(&first);
    let count = u32::try_from(first.len()).unwrap_or(u32::MAX);
    if first.is_empty() {
        return Ok((0, seen));
    }
    let until = Instant::now() + grace;
    let mut left = first;
    signal(&left, rustix::process::Signal::TERM);
    // A frozen process handles TERM only once it goes on.
    signal(&left, rustix::process::Signal::CONT);
    let mut killed = false;
    loop {
        std::thread::sleep(Duration::from_millis(10));
        left.retain(|s| proc::is_alive(s.pid, s.start_time));
        if left.is_empty() {
            // What they started meanwhile carries the marker too.
            left = tree::survivors_of_run(run)?;
            if left.is_empty() {
                return Ok((count, seen));
            }
        }
        if Instant::now() >= until {
            left = tree::survivors_of_run(run)?;
            signal(&left, rustix::process::Signal::KILL);
            if killed && Instant::now() >= until + Duration::from_secs(5) {
                // A process in an uninterruptible wait; nothing more can be done from here.
                return Ok((count, seen));
            }
            killed = true;
        }
    }
}

fn signal(survivors: &[Survivor], signal: rustix::process::Signal) {
    for survivor in survivors {
        // It may have ended in between.
        let _ = tree::signal_process(survivor.pid, survivor.start_time, signal);
    }
}

fn attempts(survivors: &[Survivor]) -> Vec<(AgentId, u32)> {
    let marks = survivors.iter().map(|s| &s.marker);
    newest(marks.map(|m| (AgentId::from(m.agent.as_str()), m.attempt)))
}

/// Attempt numbers of output files, which may be newer than the journal's last whole line.
#[must_use]
pub fn output_attempts(dir: &Path) -> Vec<(AgentId, u32)> {
    let files = std::fs::read_dir(dir.join("output"));
    newest(files.into_iter().flatten().flatten().filter_map(|entry| {
        let name = entry.file_name();
        let (agent, attempt) = name.to_str()?.rsplit_once('.')?;
        Some((AgentId::from(agent), attempt.parse().ok()?))
    }))
}
