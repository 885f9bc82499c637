//! What the watcher tells, and what it is told. Plain values; must not read files.

use std::{path::PathBuf, time::SystemTime};

use crate::conflict::scope::Scope;

/// An attempt of an agent: whose workspace it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The agent: its place in the plan.
    pub agent: u32,
    /// The attempt, from 1.
    pub attempt: u32,
}

/// A domain of the plan that an agent works in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Domain {
    /// Its name.
    pub name: Box<str>,
    /// Whether a conflict in it needs care: it is told only when it was seen twice.
    pub critical: bool,
}

/// A workspace to watch. It must be added before its agent starts: its index is trusted.
#[derive(Debug, Clone)]
pub struct Workspace {
    /// Whose it is.
    pub key: Key,
    /// Its folder: a clone with a `.git` folder, an absolute path.
    pub path: PathBuf,
    /// The commit that it began with, as hexadecimal digits.
    pub base: String,
    /// What its agent may write.
    pub scope: Scope,
    /// The domains that its agent works in.
    pub domains: Vec<Domain>,
    /// The settings of `core` that it was made with, where its index stands at `base`: git is asked
    /// for neither then. None: that is not known.
    pub fresh: Option<Vec<(String, Vec<u8>)>>,
}

/// What the watcher found. Paths are bytes, relative to the workspace, and hostile: clean them
/// before they are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// How many paths differ from the commit that the workspace began with (tracked, and new ones
    /// that are not ignored), when that number has changed.
    Dirty {
        /// Whose workspace.
        key: Key,
        /// Their number.
        count: usize,
        /// There are more than are counted.
        more: bool,
    },
    /// Paths outside the scope were written. Each path is told once for each attempt.
    Outside {
        /// Whose workspace.
        key: Key,
        /// The first of them.
        paths: Vec<Box<[u8]>>,
        /// How many are left out here.
        more: usize,
    },
    /// Two agents' work of this moment will not go together; again when the files have changed.
    Predicted(Box<Predicted>),
    /// A prediction does not hold any more.
    Withdrawn {
        /// The lower key.
        a: Key,
        /// The higher key.
        b: Key,
    },
    /// Two agents changed the same files, and that merges cleanly now; without files: no more.
    Overlap {
        /// The lower key.
        a: Key,
        /// The higher key.
        b: Key,
        /// The first of the files.
        paths: Vec<Box<[u8]>>,
        /// How many are left out here.
        more: usize,
    },
    /// The watcher sees less than it should.
    Degraded {
        /// Whose workspace; none: all of them.
        key: Option<Key>,
        /// A sentence, clean.
        why: String,
    },
}

/// Two agents whose work of this moment will not go together, or only by care.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Predicted {
    /// The lower key.
    pub a: Key,
    /// The higher key.
    pub b: Key,
    /// git cannot merge the two snapshots. False: it can, or there is nothing to merge, and only a
    /// hint speaks against it (a generated file, a domain that both work in).
    pub conflict: bool,
    /// The first of the files, by path.
    pub files: Vec<Foreseen>,
    /// How many files are left out here.
    pub more: usize,
    /// Domains that both work in, by name.
    pub domains: Vec<Box<str>>,
    /// One of them is critical. Then it was seen in two snapshots at least 5 s apart.
    pub critical: bool,
    /// When it was seen first.
    pub first_seen: SystemTime,
    /// In how many snapshots it was seen that lie at least 5 s apart.
    pub snapshots: u32,
}

/// A file that will not go together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Foreseen {
    /// Its path.
    pub path: Box<[u8]>,
    /// In what way.
    pub kind: Kind,
}

/// In what way a file does not go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Both changed the same lines.
    Content,
    /// Both made a file of this name.
    AddedBoth,
    /// One deleted what the other changed.
    DeletedEdited,
    /// One renamed, the other changed, deleted or renamed otherwise.
    Renamed,
    /// A file here, a folder or another kind of file there.
    FileFolder,
    /// Both changed a file that is no text.
    Binary,
    /// Both moved a submodule.
    Submodule,
    /// Both changed a generated or lock file: it should be made anew, not merged.
    Generated,
    /// Both changed a file that is too large to compare while they run.
    Large,
    /// Something else that git names.
    Other,
}

impl Kind {
    /// A few words for it, between two agents.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Content => "both changed the same lines",
            Self::AddedBoth => "both added it",
            Self::DeletedEdited => "deleted here, changed there",
            Self::Renamed => "renamed",
            Self::FileFolder => "a file here, another kind there",
            Self::Binary => "both changed a binary file",
            Self::Submodule => "both moved a submodule",
            Self::Generated => "both changed a generated file",
            Self::Large => "both changed a large file",
            Self::Other => "cannot be merged",
        }
    }
}

/// What the watcher has done since it was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Folders that the kernel watches for it now.
    pub watches: u64,
    /// How often git was asked what changed.
    pub verifications: u64,
    /// Snapshots of uncommitted work.
    pub snapshots: u64,
    /// Pairs of snapshots that were merged on trial.
    pub merges: u64,
    /// Time that its thread was busy or waited for git, in microseconds.
    pub busy_us: u64,
}
