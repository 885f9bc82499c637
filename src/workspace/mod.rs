//! Workspaces: a borrowing clone of the repository for each attempt of an agent, what the attempt
//! left, and keeping it in the user's repository by a ref (DESIGN 9).
//!
//! Reached from `runtime` and `cli` only, and called from threads of their own: git is waited for.
//! Must not touch the user's working tree, index, stash, HEAD, branches or configuration: only
//! objects and `refs/wavedeck/…` are added (the end of a run, `merge::deliver`, apart). Must not know
//! plans, events or screens.

mod beside;
pub mod change;
pub mod clone;
pub mod collect;
mod copy;
mod desk;
mod extra;
mod files;
pub mod git;
pub mod guard;
mod index;
mod left;
mod look;
pub mod merge;
mod pack;
mod pipes;
pub mod pool;
pub mod repo;
mod settings;
mod submodule;
mod template;
pub mod turn;
pub mod untouched;
mod version;
pub mod watch;
mod within;

pub use change::{Change, Changes, Status};
pub use clone::{MakeError, Workspace, Workspaces};
pub use collect::{Attempt, CollectError, Collected, LeftOut};
pub use git::Git;
pub use look::{Look, look};
pub use pool::Pool;
pub use repo::{RepoError, Repository, without_filters};
pub use untouched::Untouched;
pub use version::{GitError, OLDEST, version};
