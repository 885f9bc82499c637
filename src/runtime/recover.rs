//! Recovery: folds the journal, ends what the old runner left, finds numbers that are taken.
//!
//! Must not adopt anything (DESIGN 3): survivors are ended, by pid *and* start time, never by pid
//! alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use rustix::process::Signal;

use crate::{
    engine::{Handle, JobState, Setup, State},
    journal::{self, ReadEnd, ReadError, Reader, Tail},
    plan::AgentId,
    sys::{
        cgroup::Groups,
        proc::{self, ProcTable},
        tree::{self, Survivor},
    },
};

use super::groups;

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

/// Finds the processes that the journal says were alive: pid and start time, of this boot only.
#[must_use]
pub fn handles(state: &State, boot_id: &str) -> Vec<Handle> {
    if state.boot_id != boot_id {
        return Vec::new();
    }
    let agents = state
        .agents
        .iter()
        .filter_map(|a| a.live.as_ref()?.handle.clone());
    let checks = state
        .agents
        .iter()
        .filter_map(|a| a.check.as_ref())
        .chain(state.phases.iter().filter_map(|p| p.check.as_ref()))
        .chain(state.cohorts.iter().filter_map(|s| s.check.as_ref()))
        .filter_map(|check| match &check.job {
            JobState::Running(handle) => Some(handle.clone()),
            _ => None,
        });
    agents.chain(checks).collect()
}

/// Ends every process of the run: those that carry its marker, and the trees of these handles (an
/// agent may have emptied its environment). TERM, grace, KILL; `hurry` ends the grace. Returns how
/// many there were, and the attempt numbers that they carried.
///
/// # Errors
/// When `/proc` cannot be read.
pub fn end_survivors(
    dir: &Path,
    run: &str,
    handles: &[Handle],
    grace: Duration,
    mut hurry: impl FnMut() -> bool,
) -> std::io::Result<(u32, Vec<(AgentId, u32)>)> {
    let seen = attempts(&tree::survivors_of_run(run)?);
    let groups = groups::of_run(dir, run);
    let groups = groups.as_ref();
    // Who stands still takes no signal but one.
    for group in groups.iter().flat_map(|groups| groups.all()) {
        group.freeze(false);
    }
    let first = survivors(run, handles, groups)?;
    let count = u32::try_from(first.len()).unwrap_or(u32::MAX);
    let mut until = Instant::now() + grace;
    let mut asked: BTreeSet<(i32, u64)> = BTreeSet::new();
    let mut left = first;
    loop {
        if left.is_empty() {
            groups.inspect(|groups| groups.remove());
            return Ok((count, seen));
        }
        if hurry() {
            until = until.min(Instant::now());
        }
        let late = Instant::now() >= until;
        if late && Instant::now() >= until + Duration::from_secs(5) {
            // Processes in an uninterruptible wait; nothing more can be done from here.
            return Ok((count, seen));
        }
        let first = asked.is_empty();
        // A new process below a survivor is what the survivor's TERM handler cleans up with.
        let helps = |pid| {
            let parent = proc::stat(pid).map(|stat| stat.ppid);
            !first && parent.is_ok_and(|parent| left.iter().any(|(pid, _)| *pid == parent))
        };
        for &(pid, start_time) in &left {
            if late {
                let _ = tree::signal_process(pid, start_time, Signal::KILL);
            } else if !helps(pid) && asked.insert((pid, start_time)) {
                // It may have ended in between. A frozen one handles TERM only once it goes on.
                let _ = tree::signal_process(pid, start_time, Signal::TERM);
                let _ = tree::signal_process(pid, start_time, Signal::CONT);
            }
        }
        std::thread::sleep(Duration::from_millis(10));
        // What they started meanwhile belongs to it too.
        left = survivors(run, handles, groups)?;
    }
}

/// Living processes of the run by pid and start time.
fn survivors(
    run: &str,
    handles: &[Handle],
    groups: Option<&Groups>,
) -> std::io::Result<BTreeSet<(i32, u64)>> {
    let marked = tree::survivors_of_run(run)?;
    let mut found: BTreeSet<(i32, u64)> = marked.iter().map(|s| (s.pid, s.start_time)).collect();
    if !handles.is_empty() {
        let table = ProcTable::scan()?;
        for handle in handles {
            let Handle::Local { pid, start_ticks } = *handle else {
                continue;
            };
            let root = tree::Root {
                pid,
                start_time: start_ticks,
                marker: None,
                group: None,
            };
            found.extend(
                tree::members(&table, &root)
                    .iter()
                    .map(|s| (s.pid, s.start_time)),
            );
        }
    }
    // These nobody has left, whatever they did to their session and environment.
    for group in groups.iter().flat_map(|groups| groups.all()) {
        let stats = group
            .members()
            .into_iter()
            .filter_map(|pid| proc::stat(pid).ok());
        found.extend(stats.filter(|s| s.alive()).map(|s| (s.pid, s.start_time)));
    }
    Ok(found)
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
