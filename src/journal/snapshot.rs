//! Snapshots: the state after a record, so that a seek replays little.
//!
//! Written by a thread of their own, never needed for correctness: one that is damaged, of another
//! program version, or not of this journal is ignored. Must not hold the caller up: the state is
//! copied only when one is due and the thread is free.

mod at_work;

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{SyncSender, TrySendError, sync_channel},
    },
};

use serde::{Deserialize, Serialize};

use crate::engine::{AgentState, Effective, PhaseState, Setup, State, Thresholds};

use super::{Position, format};
use at_work::AtWork;

/// Name of the folder inside a run's folder.
pub const SNAPSHOTS: &str = "snapshots";

/// Ending of a snapshot's name.
const ENDING: &str = ".state";

/// Events between two snapshots, at least.
pub const EVENTS: u64 = 1024;

/// Journal bytes between two snapshots, at least, in sizes of the last one.
pub const SIZES: u64 = 4;

/// First line of a snapshot; the second is [`AtWork`], what follows is the state in binary.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    wavedeck: String,
    program: String,
    run: String,
    seq: u64,
    elapsed_us: u64,
    offset: u64,
    /// Checksum of the journal's record `seq`: ties the snapshot to its journal.
    record: String,
    /// What the state is made of, see [`layout`].
    layout: u32,
    /// Checksum of the state in binary.
    state: u32,
}

/// A number that changes with the members of the state: the binary form has no names, and one of
/// another layout must not be read as this one. Between versions of the program, what is nested
/// deeper is told apart by the version.
fn layout() -> u32 {
    static LAYOUT: OnceLock<u32> = OnceLock::new();
    *LAYOUT.get_or_init(|| {
        let mut state = State::new(no_setup());
        state.agents.push(AgentState::default());
        state.phases.push(PhaseState::default());
        state.cohorts.push(PhaseState::default());
        // Cannot fail; and a layout without members fits no other.
        crc32fast::hash(&serde_json::to_vec(&state).unwrap_or_default())
    })
}

struct Job {
    state: State,
    at: Position,
}

/// Takes snapshots when they are due.
pub struct Snapshotter {
    dir: PathBuf,
    thread: Option<SyncSender<Job>>,
    shared: Arc<Shared>,
    last: Position,
}

#[derive(Default)]
struct Shared {
    busy: AtomicBool,
    size: AtomicU64,
    failed: AtomicU64,
}

impl Snapshotter {
    /// Takes snapshots of the run in a folder whose journal stands at `at`.
    #[must_use]
    pub fn new(dir: &Path, at: Position) -> Self {
        let shared = Arc::new(Shared::default());
        if let Some(last) = list(dir).last() {
            let size = fs::metadata(&last.path).map_or(0, |meta| meta.len());
            shared.size.store(size, Ordering::Relaxed);
        }
        Self {
            dir: dir.join(SNAPSHOTS),
            thread: None,
            shared,
            last: at,
        }
    }

    /// Takes a snapshot if one is due; `at` is where the journal ends, `state` the state there.
    /// Returns whether it was taken (it is written later). Cheap when none is due.
    pub fn offer(&mut self, state: &State, at: Position) -> bool {
        let size = self.shared.size.load(Ordering::Relaxed);
        let due = at.seq.saturating_sub(self.last.seq) >= EVENTS
            && at.offset.saturating_sub(self.last.offset) >= SIZES * size
            && state.seq == at.seq;
        if !due || self.shared.busy.load(Ordering::Acquire) {
            return false;
        }
        if self.thread.is_none() {
            self.thread = start(self.dir.clone(), self.shared.clone()).ok();
        }
        let Some(thread) = &self.thread else {
            return false;
        };
        self.shared.busy.store(true, Ordering::Release);
        let job = Job {
            state: state.clone(),
            at,
        };
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) = thread.try_send(job) {
            self.shared.busy.store(false, Ordering::Release);
            return false;
        }
        self.last = at;
        true
    }

    /// Returns whether the thread is at work.
    #[must_use]
    pub fn busy(&self) -> bool {
        self.shared.busy.load(Ordering::Acquire)
    }

    /// Returns how many snapshots could not be written.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.shared.failed.load(Ordering::Relaxed)
    }
}

fn start(dir: PathBuf, shared: Arc<Shared>) -> io::Result<SyncSender<Job>> {
    let (to, from) = sync_channel::<Job>(1);
    std::thread::Builder::new()
        .name("snapshots".to_owned())
        .stack_size(512 << 10)
        .spawn(move || {
            for job in from {
                match write(&dir, job) {
                    Ok(size) => shared.size.store(size, Ordering::Relaxed),
                    Err(_) => {
                        shared.failed.fetch_add(1, Ordering::Relaxed);
                    }
                }
                shared.busy.store(false, Ordering::Release);
            }
        })?;
    Ok(to)
}

/// Puts a state into bytes, without its setup, which whoever reads it has from the run's plan.
///
/// # Errors
/// Where the state holds what has no binary form.
pub fn pack(mut state: State, at: Position) -> io::Result<Vec<u8>> {
    // The setup comes from the plan that the run began with, and from what was added to it.
    state.setup = no_setup();
    let at_work = AtWork::take(&mut state);
    let state_bytes = postcard::to_allocvec(&state).map_err(io::Error::other)?;
    let head = Head {
        wavedeck: "snapshot".to_owned(),
        program: env!("CARGO_PKG_VERSION").to_owned(),
        run: state.run.clone(),
        seq: at.seq,
        elapsed_us: at.elapsed_us,
        offset: at.offset,
        record: String::from_utf8_lossy(&at.crc).into_owned(),
        layout: layout(),
        state: crc32fast::hash(&state_bytes),
    };
    let mut bytes = Vec::with_capacity(state_bytes.len() + (16 << 10));
    format::closed(&head, &mut bytes)?;
    format::closed(&at_work, &mut bytes)?;
    bytes.extend_from_slice(&state_bytes);
    Ok(bytes)
}

/// Writes one snapshot under its name once it is whole; returns its size.
fn write(dir: &Path, job: Job) -> io::Result<u64> {
    let at = job.at;
    let bytes = pack(job.state, at)?;
    fs::create_dir_all(dir)?;
    let whole = dir.join(format!("{:012}-{:015}{ENDING}", at.seq, at.elapsed_us));
    let part = dir.join("writing");
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&part)?;
    file.write_all(&bytes)?;
    fs::rename(&part, &whole)?;
    Ok(bytes.len() as u64)
}

/// A setup without a plan: stands in a snapshot in place of the real one.
pub(super) fn no_setup() -> Arc<Setup> {
    let plan = crate::plan::Plan {
        version: 1,
        name: String::new(),
        goal: None,
        base: String::new(),
        mode: crate::plan::Mode::Hybrid,
        limits: crate::plan::Limits::default(),
        phases: Vec::new(),
        tracks: Vec::new(),
        models: Vec::new(),
        workers: Vec::new(),
        gates: Vec::new(),
        leases: std::collections::BTreeMap::new(),
        run_gates: Vec::new(),
        wave_gates: std::collections::BTreeMap::new(),
        verify: Vec::new(),
        workspace: crate::plan::WorkspaceSpec::default(),
        merge: crate::plan::MergeSpec::default(),
        domains: std::collections::BTreeMap::new(),
        require_sandbox: false,
        agents: Vec::new(),
        unbuilt: Vec::new(),
    };
    let effective = Effective {
        ram_limit_bytes: 0,
        agents_cap: 1,
        cpus_milli: 0,
        thresholds: Thresholds::default(),
        memory: crate::engine::MemoryRules::default(),
        attended: false,
        hybrid_enabled: true,
        parallel_enabled: true,
    };
    Arc::new(Setup::new(plan, effective, Vec::new(), Vec::new(), 0))
}

/// A snapshot's file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Number of the record that it stands after.
    pub seq: u64,
    /// Time of that record in the run, in microseconds.
    pub elapsed_us: u64,
    /// The file.
    pub path: PathBuf,
}

/// Lists the snapshots of a run by their names, in order.
#[must_use]
pub fn list(dir: &Path) -> Vec<Stored> {
    let mut found: Vec<Stored> = fs::read_dir(dir.join(SNAPSHOTS))
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let path = entry.path();
            let (seq, elapsed) = path
                .file_name()?
                .to_str()?
                .strip_suffix(ENDING)?
                .split_once('-')?;
            Some(Stored {
                seq: seq.parse().ok()?,
                elapsed_us: elapsed.parse().ok()?,
                path,
            })
        })
        .collect();
    found.sort_by_key(|stored| stored.seq);
    found
}

/// Reads a snapshot of this run; `None` if it is damaged or of another program version.
#[must_use]
pub fn load(path: &Path, run: &str, setup: &Arc<Setup>) -> Option<(State, Position)> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.read_to_end(&mut bytes).ok()?;
    unpack(&bytes, run, setup)
}

/// Reads what [`pack`] has made of a state of this run; `None` as for [`load`]. Of the setup it takes
/// that of the begin, and adds what the state says was added.
#[must_use]
pub fn unpack(bytes: &[u8], run: &str, setup: &Arc<Setup>) -> Option<(State, Position)> {
    let mut parts = bytes.splitn(3, |&b| b == b'\n');
    let (head, at_work, state) = (parts.next()?, parts.next()?, parts.next()?);
    for line in [head, at_work] {
        format::verify(line)?;
    }
    let head: Head = serde_json::from_slice(head).ok()?;
    if head.wavedeck != "snapshot"
        || head.program != env!("CARGO_PKG_VERSION")
        || head.run != run
        || head.layout != layout()
        || head.state != crc32fast::hash(state)
    {
        return None;
    }
    let at_work: AtWork = serde_json::from_slice(at_work).ok()?;
    let (mut state, rest) = postcard::take_from_bytes::<State>(state).ok()?;
    if !rest.is_empty() {
        return None;
    }
    at_work.put(&mut state)?;
    let mut setup = setup.began();
    if !state.added.is_empty() {
        setup = Arc::new(setup.extended(&state.added));
    }
    if state.seq != head.seq
        || state.agents.len() != setup.plan.agents.len()
        || state.phases.len() != setup.plan.phases.len()
    {
        return None;
    }
    state.setup = setup;
    let at = Position {
        seq: head.seq,
        offset: head.offset,
        elapsed_us: head.elapsed_us,
        crc: head.record.as_bytes().try_into().ok()?,
    };
    Some((state, at))
}

/// Removes snapshots that stand after a record which is no longer the journal's.
pub(super) fn forget_after(dir: &Path, seq: u64) {
    for stored in list(dir) {
        if stored.seq > seq {
            // One that stays is ignored: it does not fit the journal.
            let _ = fs::remove_file(stored.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        engine::{Clash, Merge, MergeStage, SyncKind, SyncPoint},
        plan::AgentIx,
    };

    fn of_a_run() -> State {
        let mut state = State::new(no_setup());
        (state.run, state.seq) = ("r".to_owned(), 9);
        state
    }

    /// Writes a snapshot, which is read as it was, and returns where it is.
    fn kept(dir: &Path, state: &State) -> PathBuf {
        let at = Position {
            seq: 9,
            offset: 100,
            elapsed_us: 6,
            crc: *b"0123abcd",
        };
        let job = Job {
            state: state.clone(),
            at,
        };
        write(&dir.join(SNAPSHOTS), job).unwrap();
        let path = list(dir)[0].path.clone();
        assert!(load(&path, "r", &state.setup) == Some((state.clone(), at)));
        path
    }

    #[test]
    fn how_work_comes_together_is_read_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let mut state = of_a_run();
        // Members that a line leaves out where they say nothing.
        state.syncs.open.push((
            3,
            SyncPoint {
                sync: SyncKind::QualityGate,
                wave: None,
                phase: None,
                cohort: Some("track:a".to_owned()),
                agent: None,
                decision: None,
            },
        ));
        state.merges.now = Some(Merge {
            number: 1,
            agent: AgentIx(0),
            attempt: 1,
            theirs: "t".to_owned(),
            onto: "o".to_owned(),
            stage: MergeStage::Conflict(Clash {
                files: vec!["a".to_owned()],
                file_count: 1,
                hunks: 1,
                lines: 2,
                kinds: Vec::new(),
                complexity: 100,
            }),
            commit: None,
            tree: None,
            path: String::new(),
            commands: Vec::new(),
            fails: None,
            commanded: false,
            why: None,
            checked: false,
            overlap: Vec::new(),
            clash: None,
            with: Vec::new(),
            conflict: None,
        });
        kept(dir.path(), &state);
    }

    #[test]
    fn another_layout_is_not_read_as_this_one() {
        let dir = tempfile::tempdir().unwrap();
        let state = of_a_run();
        let path = &kept(dir.path(), &state);
        let bytes = fs::read(path).unwrap();
        let end = bytes.iter().position(|&b| b == b'\n').unwrap();
        let mut head: Head = serde_json::from_slice(&bytes[..end]).unwrap();
        head.layout ^= 1;
        let mut other = Vec::new();
        format::closed(&head, &mut other).unwrap();
        other.extend_from_slice(&bytes[end + 1..]);
        fs::write(path, other).unwrap();
        assert!(load(path, "r", &state.setup).is_none());
    }
}
