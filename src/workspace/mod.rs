//! Workspaces: where agents work, and what happens there. Reached from `runtime` only.

pub mod watch;
