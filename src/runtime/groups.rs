//! Puts the trees of agents that last into groups of the kernel's, where such can be made.
//!
//! On a thread of its own: moving a process waits for the kernel, and neither a start nor a reading may wait for that;
//! who ends within a second is never moved. Must not decide what is frozen or ended.

use std::{
    collections::{HashMap, HashSet},
    fs,
    io::Write as _,
    path::Path,
    sync::{Arc, mpsc},
    thread,
    time::Duration,
};

use crate::{
    executor::{LocalExecutor, Owner},
    resources::{Sampler, Tree},
    sys::{
        cgroup::{Group, Groups, Rung, gather},
        lock::private_append,
    },
};

use super::current::Current;

/// Name of the file in a run's folder that says where its groups are.
const NOTED: &str = "group";
/// A tree that is younger is left alone.
const LASTS: Duration = Duration::from_secs(1);

/// Stack of the thread.
const STACK: usize = 128 << 10;

/// Hands trees to the thread that moves them.
#[derive(Debug)]
pub(super) struct Grouping {
    rung: Rung,
    trees: mpsc::SyncSender<Vec<Tree>>,
}

/// What the thread keeps.
struct Mover {
    executor: Arc<LocalExecutor>,
    current: Current,
    groups: Groups,
    /// By the first process: the group, and how many processes it was seen with.
    known: HashMap<(i32, u64), (Arc<Group>, usize)>,
}

impl Grouping {
    /// Makes the place for them; none where that cannot be.
    pub fn start(
        run: &str,
        dir: &Path,
        executor: &Arc<LocalExecutor>,
        current: &Current,
    ) -> Option<Self> {
        let groups = Groups::make(run).ok()?;
        let note = dir.join(NOTED);
        // A run that goes on has the one of before.
        let _ = fs::remove_file(&note);
        let text = groups.folder().as_os_str().as_encoded_bytes();
        let noted = private_append(&note).and_then(|mut file| file.write_all(text));
        if noted.is_err() {
            groups.remove();
            return None;
        }
        let rung = groups.rung();
        let mut mover = Mover {
            executor: executor.clone(),
            current: current.clone(),
            groups,
            known: HashMap::new(),
        };
        // While it moves one, the next waits; what comes meanwhile is old when it is done.
        let (trees, wanted) = mpsc::sync_channel::<Vec<Tree>>(1);
        thread::Builder::new()
            .name("groups".into())
            .stack_size(STACK)
            .spawn(move || wanted.into_iter().for_each(|trees| mover.turn(trees)))
            .ok()?;
        Some(Self { rung, trees })
    }

    /// Returns what they can do.
    pub const fn rung(&self) -> Rung {
        self.rung
    }

    /// Has moved what is new and has lasted; to be called after each reading.
    pub fn turn(&self, sampler: &Sampler) {
        // Where the thread is busy the next reading has newer ones.
        let _ = self.trees.try_send(sampler.trees(LASTS));
    }
}

impl Mover {
    fn turn(&mut self, trees: Vec<Tree>) {
        let live: HashSet<(i32, u64)> = trees.iter().map(|tree| tree.root).collect();
        self.known.retain(|root, (group, _)| {
            let stays = live.contains(root);
            if !stays {
                group.remove();
            }
            stays
        });
        for tree in trees {
            match self.known.get_mut(&tree.root) {
                // What they start is in it already; only who had left before needs a look.
                Some((_, seen)) if tree.processes.len() <= *seen => *seen = tree.processes.len(),
                Some((group, seen)) => {
                    gather(group, || tree.processes.clone());
                    *seen = tree.processes.len();
                }
                None => self.begin(&tree),
            }
        }
    }

    fn begin(&mut self, tree: &Tree) {
        let setup = self.current.get();
        let max = match &tree.key.owner {
            Owner::Agent(id) => setup.by_id.get(id).copied(),
            Owner::Phase(_) | Owner::Cohort(_) | Owner::Notice => None,
        };
        let max = max.and_then(|ix| setup.plan.agent(ix).ram_max_bytes);
        let Ok(group) = self.groups.group(tree.root, max) else {
            return;
        };
        gather(&group, || tree.processes.clone());
        if group.members().is_empty() {
            group.remove();
            return;
        }
        let group = Arc::new(group);
        self.executor.group(tree.key.clone(), group.clone());
        self.known.insert(tree.root, (group, tree.processes.len()));
    }
}

/// The groups that a run made before, by the note in its folder.
pub(super) fn of_run(dir: &Path, run: &str) -> Option<Groups> {
    let noted = fs::read_to_string(dir.join(NOTED)).ok()?;
    Groups::of_run(Path::new(&noted), run)
}

/// Removes what is left of a run's groups; at its end.
pub(super) fn forget(dir: &Path, run: &str) {
    if let Some(groups) = of_run(dir, run) {
        groups.remove();
    }
    let _ = fs::remove_file(dir.join(NOTED));
}
