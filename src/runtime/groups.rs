//! Puts the trees of agents that last into groups of the kernel's, where such can be made.
//!
//! On the sampler's thread: moving a process waits for the kernel, and no start may wait for that; who ends within
//! a second is never moved. Must not decide what is frozen or ended.

use std::{collections::HashMap, fs, io::Write as _, path::Path, sync::Arc, time::Duration};

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

/// The groups of a run.
#[derive(Debug)]
pub(super) struct Grouping {
    groups: Groups,
    /// By the first process: the group, and how many processes it was seen with.
    known: HashMap<(i32, u64), (Arc<Group>, usize)>,
}

impl Grouping {
    /// Makes the place for them; none where that cannot be.
    pub fn start(run: &str, dir: &Path) -> Option<Self> {
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
        Some(Self {
            groups,
            known: HashMap::new(),
        })
    }

    /// Returns what they can do.
    pub const fn rung(&self) -> Rung {
        self.groups.rung()
    }

    /// Moves what is new and has lasted; to be called after each reading.
    pub fn turn(&mut self, sampler: &Sampler, executor: &LocalExecutor, current: &Current) {
        let trees = sampler.trees(LASTS);
        let live = |root: &(i32, u64)| trees.iter().any(|tree| tree.root == *root);
        self.known.retain(|root, (group, _)| {
            let stays = live(root);
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
                None => self.begin(&tree, executor, current),
            }
        }
    }

    fn begin(&mut self, tree: &Tree, executor: &LocalExecutor, current: &Current) {
        let setup = current.get();
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
        executor.group(tree.key.clone(), group.clone());
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
