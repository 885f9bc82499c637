//! Merging of agents' work: trial merges, conflicts, resolutions, the refs that hold it all, and
//! delivery at the end (DESIGN 9).
//!
//! Works on objects and refs alone, through [`git`](super::git): no working tree is needed, and the
//! user's is touched by one function only ([`deliver::fast_forward`]), after they agreed. What is
//! decided lies elsewhere: `conflict` (pure) and the engine.

pub mod deliver;
mod gather;
mod halfway;
mod read;
pub mod refs;
mod resolve;
mod rollback;
mod store;
#[cfg(test)]
mod tests;
mod try_merge;

pub use refs::{Advanced, MergeNote, advance, commit_merge, head, hold, integration, keep_sides};
#[cfg(test)]
use resolve::entry_in;
pub use resolve::{Left, commands_tree, entries_in, entry_at, resolve};
pub use rollback::{RolledBack, checkpoint, rollback};
pub use store::{Objects, Store};
pub use try_merge::{Overlap, Tried, Whose, overlap, try_merge};

use super::git::GitError;
use crate::conflict::Unresolved;

/// Why a step of merging did not happen; nothing was changed then.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// Git did not do it.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The scratch folder cannot be used.
    #[error("the scratch folder {folder}: {error}")]
    Scratch {
        /// Which.
        folder: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// A name that is not an object's.
    #[error("`{0}` is no full object name")]
    NoObject(String),
    /// A run, ref or branch name that git does not take.
    #[error("`{0}` cannot be a part of a ref's name")]
    NoName(String),
    /// The two share no history, so there is nothing to merge by.
    #[error("the work shares no history with what is integrated: it was begun anew, not continued")]
    Unrelated,
    /// Git printed what this program does not know.
    #[error("git {0} printed something unexpected")]
    Unexpected(&'static str),
    /// Answers are missing.
    #[error(transparent)]
    Unresolved(#[from] Unresolved),
    /// A ref is not where it was; somebody else moved it.
    #[error("{name} has moved: it was to be at {expected}, and is at {found}")]
    Moved {
        /// The ref.
        name: String,
        /// Where it should have been.
        expected: String,
        /// Where it is; `nothing` if it is gone.
        found: String,
    },
    /// It would touch work that is not ours; a sentence for the person.
    #[error("{0}")]
    Refused(String),
}
