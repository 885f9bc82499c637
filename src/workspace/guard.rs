//! Removing workspaces, and the room on the disk.
//!
//! Never follows a link: an agent may have left one to anywhere.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{AtFlags, Dir, FileType, Mode, chmodat, statvfs},
    path::Arg,
};

use super::{
    clone::{MakeError, Workspaces, io_error},
    copy,
    repo::Repository,
    turn::Turn,
};
use crate::display::figures;

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

/// Removes a folder with all that is in it, also folders that may not be written to. What is not
/// there is fine.
pub fn remove(path: &Path) -> io::Result<()> {
    let gone = |result: io::Result<()>| match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    };
    let meta = match fs::symlink_metadata(path) {
        Ok(meta) => meta,
        Err(error) => return gone(Err(error)),
    };
    if !meta.is_dir() {
        return gone(fs::remove_file(path));
    }
    match gone(fs::remove_dir_all(path)) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            fs::set_permissions(path, fs::Permissions::from_mode(0o700))?;
            open_up(&copy::open(path)?, 0)?;
            gone(fs::remove_dir_all(path))
        }
        other => other,
    }
}

/// Lets us write into all folders below.
fn open_up(folder: &std::os::fd::OwnedFd, depth: usize) -> io::Result<()> {
    /// Each level holds a descriptor.
    const DEEPEST: usize = 200;
    if depth > DEEPEST {
        return Ok(());
    }
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        let kind = match entry.file_type() {
            FileType::Unknown => {
                let stat = rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
                FileType::from_raw_mode(stat.st_mode)
            }
            kind => kind,
        };
        if kind.is_dir() {
            chmodat(folder, name, Mode::RWXU, AtFlags::empty())?;
            open_up(&copy::folder(folder, name.as_cow_c_str()?)?, depth + 1)?;
        }
    }
    Ok(())
}

impl Workspaces {
    /// Removes the workspace of an attempt; its collected result stays, by its ref.
    pub fn discard(&self, name: &str) -> Result<(), MakeError> {
        let path = self.path(name);
        remove(&path).map_err(io_error("cannot remove", &path))
    }

    /// Removes what nobody was given: spare ones of this run, also of a process that died.
    pub fn sweep(&self) -> Result<(), MakeError> {
        let fault = |error| io_error("cannot read", &self.folder)(error);
        for entry in fs::read_dir(&self.folder).map_err(fault)? {
            let path = entry.map_err(fault)?.path();
            let name = path.file_name().unwrap_or_default().as_encoded_bytes();
            if name.starts_with(b".spare-") || name.starts_with(b".collect-") {
                remove(&path).map_err(io_error("cannot remove", &path))?;
            }
        }
        Ok(())
    }
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
    remove(&folder).map_err(io_error("cannot remove", &folder))?;
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
