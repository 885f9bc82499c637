//! Removing workspaces and what a crash left, and the room on the disk.

use std::{
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

/// Removes all workspaces of a run that has ended. With `refs`, also what keeps its results in the
/// repository: work that was not merged is gone then.
pub fn prune(state: &Path, repo: &Repository, run: &str, refs: bool) -> Result<(), MakeError> {
    let of_repo = state.join("work").join(repo.folder_name());
    let folder = of_repo.join(run);
    remove::tree(&folder).map_err(io_error("cannot remove", &folder))?;
    if !refs {
        return Ok(());
    }
    fs::create_dir_all(&of_repo).map_err(io_error("cannot make", &of_repo))?;
    let git = repo.git();
    let turn = Turn::new(&repo.common_dir, &of_repo);
    let _taken = turn.take().map_err(io_error("cannot lock", &of_repo))?;
    let pattern = format!("refs/wavedeck/{run}/");
    let names = git.run(&["for-each-ref", "--format=delete %(refname)", &pattern])?;
    if !names.is_empty() {
        git.feed(&["update-ref", "--stdin"], &names)?;
    }
    Ok(())
}
