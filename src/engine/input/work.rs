//! What is heard of workspaces and of the work in them.
//!
//! Plain data; must not hold more of a file than its name.

use std::collections::BTreeMap;

use crate::engine::Boundary;

/// A workspace that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// Commit that it was made at.
    pub base: String,
    /// Where.
    pub path: String,
    /// How the agent is held to it.
    pub level: Boundary,
}

/// Why there is no workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unready {
    /// It cannot be made.
    Failed(String),
    /// Not before there is room on the disk: that is nobody's failure.
    NoRoom(String),
}

/// What an attempt left.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// Its commit; none: it changed nothing.
    pub commit: Option<String>,
    /// The tree of what it left.
    pub tree: Option<String>,
    /// Files that it changed.
    pub changed: u32,
    /// Lines added.
    pub added: u64,
    /// Lines removed.
    pub removed: u64,
    /// Its last changes were committed for it.
    pub committed_for: bool,
    /// Changed files outside of its write scope, clean and bounded.
    pub outside: Vec<String>,
    /// Promised files that are not there.
    pub missing: Vec<String>,
    /// Its hand-off: whether it was made from facts and how many artefacts it names, or what is wrong
    /// with it.
    pub handoff: Option<Result<(bool, u32), String>>,
    /// Facts that its hand-off states, by their keys, clean and bounded.
    pub facts: BTreeMap<String, String>,
}

/// A clash that would come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreseen {
    /// Where, clean and bounded.
    pub files: Vec<String>,
    /// Kinds beyond text.
    pub kinds: Vec<String>,
    /// In a critical domain and seen twice.
    pub critical: bool,
}
