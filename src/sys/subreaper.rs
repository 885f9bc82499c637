//! Orphans: what loses its parent below us becomes ours instead of init's.
//!
//! Must not signal anything. Orphans become children of our *main* thread, so where the main thread
//! starts no process itself, its children are exactly the orphans.

use std::{fs::File, io, os::unix::fs::FileExt};

use rustix::process::{getpid, set_child_subreaper};

use super::proc::ProcTable;

/// Makes this process the new parent of every orphan among its descendants.
pub fn become_subreaper() -> io::Result<()> {
    Ok(set_child_subreaper(Some(getpid()))?)
}

/// Where the kernel lists the children of our main thread (it needs CONFIG_PROC_CHILDREN), open.
#[derive(Debug)]
pub struct MainChildren(File);

impl MainChildren {
    /// Opens the list; none where this kernel has no such file.
    #[must_use]
    pub fn open() -> Option<Self> {
        let pid = getpid().as_raw_pid();
        File::open(format!("/proc/self/task/{pid}/children"))
            .ok()
            .map(Self)
    }

    /// Returns whether the main thread has any child; one system call.
    pub fn any(&self) -> io::Result<bool> {
        let mut byte = [0];
        Ok(self.0.read_at(&mut byte, 0)? > 0)
    }
}

/// Lists what was reparented to us, by pid: all our children but those that `own` claims.
#[must_use]
pub fn orphans(table: &ProcTable, own: impl Fn(i32) -> bool) -> Vec<i32> {
    let me = getpid().as_raw_pid();
    table
        .iter()
        .filter(|p| p.ppid == me && !own(p.pid))
        .map(|p| p.pid)
        .collect()
}
