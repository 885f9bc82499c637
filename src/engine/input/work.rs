//! What inputs about workspaces carry.
//!
//! Plain values; must not decide anything.

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
