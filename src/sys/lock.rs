//! A lock that the kernel frees when its holder dies, and private files and folders.
//!
//! Must not wait for a lock, and must not delete a lock's file: between the two someone else may
//! have opened it.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, flock};

/// A held lock; dropping it, or the death of the process, frees it.
///
/// The descriptor is close-on-exec: an agent that inherited it would keep the lock after our death.
#[derive(Debug)]
pub struct Lock(File);

impl Lock {
    /// Takes the lock of a file, which is made where it is missing; `None`: someone else holds it.
    pub fn take(path: &Path) -> io::Result<Option<Self>> {
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self(file))),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns the open file, for notes about the holder.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.0
    }
}

/// Makes a folder, and those above it, that only this user may enter.
///
/// Modes are set whatever the umask is; a folder that is there keeps its mode.
pub fn private_dir(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o700))
}

/// Makes a folder below one of ours, which is there, as [`private_dir`] does, and returns its path.
///
/// # Errors
/// What the system says; also where a link is on the way: whoever may write in a folder on it could
/// have put it there, to have another place opened.
pub fn private_below(ours: &Path, below: &Path) -> io::Result<PathBuf> {
    let mut path = ours.to_owned();
    for part in below.components() {
        path.push(part);
        let there = || fs::symlink_metadata(&path).map(|meta| meta.is_dir());
        if !there().unwrap_or(false) {
            private_dir(&path)?;
            if !there()? {
                return Err(io::Error::from(io::ErrorKind::NotADirectory));
            }
        }
    }
    Ok(path)
}

/// Opens a file for appending that only this user may read; it is made where it is missing.
pub fn private_append(path: &Path) -> io::Result<File> {
    // A umask only takes bits away, and 0600 holds none that a sane one takes.
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_below_ours_is_made_where_no_link_leads() {
        let folder = tempfile::tempdir().unwrap();
        let ours = folder.path().join("run");
        private_dir(&ours).unwrap();
        let made = private_below(&ours, Path::new("target/a")).unwrap();
        assert_eq!(made, ours.join("target/a"));
        std::os::unix::fs::symlink(folder.path(), ours.join("target/b")).unwrap();
        assert!(private_below(&ours, Path::new("target/b")).is_err());
        assert!(private_below(&ours, Path::new("target/b/c")).is_err());
        assert!(!folder.path().join("c").exists());
    }

    #[test]
    fn only_one_holds_it_and_dropping_frees_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let held = Lock::take(&path).unwrap().unwrap();
        assert!(Lock::take(&path).unwrap().is_none());
        drop(held);
        assert!(Lock::take(&path).unwrap().is_some());
    }

    #[test]
    fn folders_and_files_are_private() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("a/b");
        private_dir(&inner).unwrap();
        private_append(&inner.join("f")).unwrap();
        let mode = |p: &Path| fs::metadata(p).unwrap().permissions().mode() & 0o777;
        assert_eq!(
            (
                mode(&inner),
                mode(&folder.path().join("a")),
                mode(&inner.join("f"))
            ),
            (0o700, 0o700, 0o600)
        );
    }
}
