//! Workspaces: a borrowing clone of the repository for each attempt of an agent, what the attempt
//! left, and keeping it in the user's repository by a ref (DESIGN 9).
//!
//! Reached from `runtime` and `cli` only, and called from threads of their own: git is waited for.
//! Must not touch the user's working tree, index, stash, HEAD, branches or configuration: only
//! objects and `refs/wavedeck/…` are added. Must not know plans, events or screens.

pub mod git;
pub mod watch;
