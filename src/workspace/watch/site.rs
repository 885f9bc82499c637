//! One workspace: what is dirty in it by git's word, and what lies outside of its scope. Must not
//! tell anybody anything.

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash, Hasher},
    path::Path,
    time::Instant,
};

use super::{
    dirty::{Change, Dirty, Name},
    folders::at,
    inbox::Pending,
    notice::{Notice, Stats, Workspace},
    shadow::{Shadow, Snapshot},
};

/// Paths in one notice.
pub(super) const MOST_TOLD: usize = 50;
/// Paths outside of a scope that are told of one attempt.
const MOST_OUTSIDE: usize = 1_000;
/// Ignored files that are remembered, so that a log that grows costs nothing.
const MOST_IGNORED: usize = 1_000;
/// Paths whose size and time are looked at to see whether they changed, when all are.
const MOST_LOOKED_AT: usize = 2_000;

/// What is known of one workspace.
pub(super) struct Site {
    pub(super) of: Workspace,
    pub(super) shadow: Option<Shadow>,
    pub(super) dirty: Dirty,
    /// Folders that are watched.
    pub(super) watched: BTreeSet<Name>,
    /// Outside the scope, and told.
    outside: BTreeSet<Name>,
    /// Files that changed and that git said nothing about: how often; known to be ignored.
    quiet: BTreeMap<Name, bool>,
    pub(super) told: (usize, bool),
    /// Counts changes of what is dirty.
    pub(super) generation: u64,
    /// Of which generation.
    pub(super) snapshot: Option<(u64, Snapshot)>,
    looks: u64,
    pub(super) not_before: Instant,
    /// When git is asked although nothing was named.
    pub(super) poll: Option<Instant>,
    /// How often in a row git had no answer.
    pub(super) failures: u32,
    /// What was complained of.
    pub(super) complaints: BTreeSet<String>,
}

/// What may have changed in a workspace.
#[derive(Debug, Default)]
pub(super) struct Touched {
    pub(super) paths: BTreeSet<Name>,
    /// Some were made or deleted, so that renames may look different.
    pub(super) shape: bool,
}

impl Site {
    pub(super) fn new(of: Workspace, now: Instant) -> Self {
        Self {
            of,
            shadow: None,
            dirty: Dirty::default(),
            watched: BTreeSet::new(),
            outside: BTreeSet::new(),
            quiet: BTreeMap::new(),
            told: (0, false),
            generation: 0,
            snapshot: None,
            looks: 0,
            not_before: now,
            poll: None,
            failures: 0,
            complaints: BTreeSet::new(),
        }
    }

    /// Asks git, and says what may have changed.
    pub(super) fn ask(&mut self, pending: &Pending, counts: &mut Stats) -> Result<Touched, String> {
        let Some(shadow) = &self.shadow else {
            return Ok(Touched::default());
        };
        if !is_folder(&self.of.path, b"") {
            return Err(String::new());
        }
        let asked: BTreeSet<Name> = pending
            .paths
            .iter()
            .filter(|path| self.quiet.get(*path) != Some(&true))
            .cloned()
            .collect();
        if !pending.whole && asked.is_empty() {
            return Ok(Touched::default());
        }
        counts.verifications += 1;
        let answer = shadow.status((!pending.whole).then_some(&asked));
        let (found, more) = answer.map_err(|error| {
            shadow.unlock();
            error.to_string()
        })?;
        let before = self.dirty.clone();
        let mut paths: BTreeSet<Name>;
        if pending.whole {
            self.quiet.clear();
            self.dirty.replace(found, more);
            let looks = self.looks();
            let written = std::mem::replace(&mut self.looks, looks) != looks;
            // Which of them were written is not known: any of them.
            let all = written.then(|| self.dirty.paths.keys().cloned());
            paths = all.into_iter().flatten().collect();
        } else {
            let known = |path: &Name| before.paths.contains_key(path);
            let silent = asked
                .iter()
                .filter(|p| !found.contains_key(*p) && !known(p))
                .cloned()
                .collect();
            paths = found
                .keys()
                .chain(asked.iter().filter(|p| known(p)))
                .cloned()
                .collect();
            self.dirty.update(&asked, found);
            self.dirty.more |= more;
            self.hush(silent);
        }
        let mut shape = before.more != self.dirty.more;
        for (path, change) in before.paths.iter().chain(&self.dirty.paths) {
            let other = (before.paths.get(path), self.dirty.paths.get(path));
            if other.0 != other.1 {
                shape |= *change != Change::Edited;
                paths.insert(path.clone());
            }
        }
        Ok(Touched { paths, shape })
    }

    /// Remembers files that change again and again and that git ignores.
    fn hush(&mut self, silent: Vec<Name>) {
        let Some(shadow) = &self.shadow else { return };
        let mut again = Vec::new();
        for path in silent {
            if self.quiet.contains_key(&path) {
                again.push(path);
            } else if self.quiet.len() < MOST_IGNORED {
                self.quiet.insert(path, false);
            }
        }
        if again.is_empty() {
            return;
        }
        let ignored = shadow.ignored(&again).unwrap_or_default();
        for path in again {
            let is_ignored = ignored.contains(&path);
            self.quiet.insert(path, is_ignored);
        }
    }

    /// Sums up size and time of the files that are dirty: where it differs one of them was written.
    fn looks(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for path in self.dirty.paths.keys().take(MOST_LOOKED_AT) {
            if let Ok(meta) = std::fs::symlink_metadata(at(&self.of.path, path)) {
                (path, meta.len(), meta.modified().ok()).hash(&mut hasher);
            }
        }
        hasher.finish()
    }

    /// What is outside of the scope and was not told.
    pub(super) fn outside(&mut self) -> Option<Notice> {
        let room = MOST_OUTSIDE.saturating_sub(self.outside.len());
        let fresh: Vec<Name> = self
            .of
            .scope
            .outside(self.dirty.paths.keys())
            .into_iter()
            .filter(|path| !self.outside.contains(*path))
            .take(room)
            .cloned()
            .collect();
        if fresh.is_empty() {
            return None;
        }
        self.outside.extend(fresh.iter().cloned());
        let more = fresh.len().saturating_sub(MOST_TOLD);
        let paths = fresh.into_iter().take(MOST_TOLD).collect();
        Some(Notice::Outside {
            key: self.of.key,
            paths,
            more,
        })
    }

    /// The workspace is gone, and all that was dirty in it.
    pub(super) fn vanish(&mut self) -> Touched {
        let gone = std::mem::take(&mut self.dirty);
        Touched {
            shape: !gone.paths.is_empty(),
            paths: gone.paths.into_keys().collect(),
        }
    }
}

/// Whether there is a folder; a link to one is none.
pub(super) fn is_folder(root: &Path, path: &[u8]) -> bool {
    std::fs::symlink_metadata(at(root, path)).is_ok_and(|meta| meta.is_dir())
}
