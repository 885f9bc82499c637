//! Removing workspaces and what a crash left, and the room on the disk.

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
    sync::atomic::Ordering,
};

use rustix::fs::{CWD, RenameFlags, renameat_with, statvfs};

use super::{
    clone::{MakeError, Workspaces, io_error},
    repo::Repository,
    turn::Turn,
};
use crate::{display::figures, sys::remove};

/// The disk is too full for another workspace.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "only {} free on the disk of {folder}, and {} stay free: no workspace is made until there is \
     room; `wavedeck runs prune` removes those of ended runs",
    figures::size(*.free),
    figures::size(*.floor)
)]
pub struct NoRoom {
    /// Bytes that are free.
    pub free: u64,
    /// Bytes that stay free.
    pub floor: u64,
    /// The folder that was asked for, cleaned.
    pub folder: String,
}

/// Bytes that are free for this user on the disk of a folder; refuses below the floor.
pub fn room(folder: &Path, floor: u64) -> Result<u64, MakeError> {
    let disk = statvfs(folder).map_err(|e| io_error("cannot look at", folder)(e.into()))?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    // Some file systems have no fixed number of files, and say zero for both.
    if free < floor || (disk.f_files > 0 && disk.f_favail == 0) {
        let folder = crate::display::clean_text(&folder.to_string_lossy(), 200);
        let full = NoRoom {
            free,
            floor,
            folder,
        };
        return Err(full.into());
    }
    Ok(free)
}

impl Workspaces {
    /// Removes the workspace of an attempt; its collected result stays, by its ref.
    pub fn discard(&self, name: &str) -> Result<(), MakeError> {
        let path = self.path(name);
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let gone = self
            .folder
            .join(format!(".gone-{}-{number}", std::process::id()));
        // Under another name first: what a crash leaves half removed is taken for nobody's workspace.
        let away = match renameat_with(CWD, &path, CWD, &gone, RenameFlags::NOREPLACE) {
            Err(rustix::io::Errno::NOENT) => return Ok(()),
            Err(_) => path,
            Ok(()) => gone,
        };
        remove::tree(&away).map_err(io_error("cannot remove", &away))
    }

    /// Removes what nobody was given: spare ones of this run, also of a process that died; and locks
    /// of this run's refs that were left by a git which died with the machine. To be called before
    /// anything else is done for the run.
    pub fn sweep(&self) -> Result<(), MakeError> {
        let refs = self.repo.common_dir.join("refs/wavedeck").join(&self.run);
        unlock(&refs).map_err(io_error("cannot remove locks in", &refs))?;
        let fault = |error| io_error("cannot read", &self.folder)(error);
        for entry in fs::read_dir(&self.folder).map_err(fault)? {
            let path = entry.map_err(fault)?.path();
            let name = path.file_name().unwrap_or_default().as_encoded_bytes();
            let ours = [&b".spare-"[..], b".collect-", b".gone-"];
            if ours.iter().any(|begins| name.starts_with(begins)) {
                remove::tree(&path).map_err(io_error("cannot remove", &path))?;
            }
        }
        Ok(())
    }
}

/// Removes locks in a folder of refs and below. Nobody but its run writes there.
fn unlock(folder: &Path) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            unlock(&path)?;
        } else if path.extension().is_some_and(|e| e == "lock") {
            remove::tree(&path)?;
        }
    }
    Ok(())
}

/// The runs of a repository that have workspaces on the disk, by their ids, in order.
pub fn runs(state: &Path, repo: &Repository) -> io::Result<Vec<(String, PathBuf)>> {
    let folder = state.join("work").join(repo.folder_name());
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir()
            && let Ok(name) = entry.file_name().into_string()
        {
            found.push((name, entry.path()));
        }
    }
    found.sort();
    Ok(found)
}

/// What became of the refs of a run that was removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Forgotten {
    /// Refs that were removed.
    pub removed: usize,
    /// Refs that stay: what they keep is on no branch or tag, nor anywhere that was fetched.
    pub kept: usize,
}

/// Removes what keeps a run's work in the repository, as far as a branch, a tag or a remote's branch has
/// that work: nothing is lost by it. What only makes workspaces possible goes in any case.
pub fn forget(state: &Path, repo: &Repository, run: &str) -> Result<Forgotten, MakeError> {
    let git = repo.git().long();
    let below = format!("refs/wavedeck/{run}/");
    let format = "--format=%(objectname) %(refname)";
    let listed = git.run(&["for-each-ref", format, &below])?;
    let refs: Vec<(&[u8], &[u8])> = listed
        .split(|&b| b == b'\n')
        .filter_map(|line| {
            line.iter()
                .position(|&b| b == b' ')
                .map(|at| line.split_at(at))
        })
        .map(|(oid, name)| (oid, &name[1..]))
        .collect();
    if refs.is_empty() {
        return Ok(Forgotten::default());
    }
    // Bases of workspaces, and a merge that did not come into the head: made again by whoever wants it.
    let ours = |name: &[u8]| {
        let name = name.strip_prefix(below.as_bytes()).unwrap_or(name);
        name.starts_with(b"keep/") || name == b"merging"
    };
    let work = refs.iter().filter(|(_, name)| !ours(name));
    let tips: Vec<u8> = work.flat_map(|(oid, _)| [*oid, b"\n"].concat()).collect();
    let mut alone: HashSet<Vec<u8>> = HashSet::new();
    if !tips.is_empty() {
        let args = [
            "rev-list",
            "--stdin",
            "--not",
            "--branches",
            "--tags",
            "--remotes",
        ];
        let found = git.clone().most(256 << 20).feed(&args, &tips)?;
        alone.extend(found.split(|&b| b == b'\n').map(<[u8]>::to_vec));
    }
    let stays = |(oid, name): &&(&[u8], &[u8])| !ours(name) && alone.contains(*oid);
    let gone = refs.iter().filter(|of| !stays(of));
    let words: Vec<u8> = gone
        .clone()
        .flat_map(|(oid, name)| [b"delete ", *name, b" ", *oid, b"\n"].concat())
        .collect();
    let removed = gone.count();
    if removed > 0 {
        let of_repo = state.join("work").join(repo.folder_name());
        fs::create_dir_all(&of_repo).map_err(io_error("cannot make", &of_repo))?;
        let turn = Turn::new(&repo.common_dir, &of_repo);
        let _taken = turn.take().map_err(io_error("cannot lock", &of_repo))?;
        git.feed(&["update-ref", "--no-deref", "--stdin"], &words)?;
    }
    Ok(Forgotten {
        removed,
        kept: refs.len() - removed,
    })
}
