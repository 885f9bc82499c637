//! Folders of the store: private, ours, and out of the repository's sight.
//!
//! Must not follow a link that a repository brought along.

use std::{
    fs::{self, DirBuilder, OpenOptions, Permissions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use super::StoreError;

/// Adds the path to an error.
pub(super) fn at(path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |error| StoreError::Io { path, error }
}

/// Finds or makes the folder that a person named; links on the way are theirs.
pub(super) fn home_folder(home: &Path) -> Result<PathBuf, StoreError> {
    if let Some(above) = home.parent() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(above)
            .map_err(at(above))?;
    }
    let made = match DirBuilder::new().mode(0o700).create(home) {
        Ok(()) => true,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
        Err(error) => return Err(at(home)(error)),
    };
    let base = home.canonicalize().map_err(at(home))?;
    if made {
        private_folder(&base)?;
        ignore_all(&base)?;
    } else {
        own_folder(&base)?;
    }
    Ok(base)
}

/// Keeps a folder out of the repository that it may be in.
pub(super) fn ignore_all(folder: &Path) -> Result<(), StoreError> {
    let ignore = folder.join(".gitignore");
    match OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&ignore)
    {
        Ok(mut file) => file.write_all(b"*\n").map_err(|error| {
            // An empty one would never be filled again.
            let _ = fs::remove_file(&ignore);
            at(&ignore)(error)
        }),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(at(&ignore)(error)),
    }
}

/// Makes a folder that only we can enter, and refuses one that is not ours: a repository could
/// bring a link along.
pub(super) fn private_folder(path: &Path) -> Result<(), StoreError> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(at(path)(error)),
        _ => {}
    }
    let meta = own_folder(path)?;
    if meta.mode() & 0o077 != 0 {
        fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(at(path))?;
    }
    Ok(())
}

/// Refuses what is no folder, or not ours.
pub(super) fn own_folder(path: &Path) -> Result<fs::Metadata, StoreError> {
    let refuse = |reason| {
        Err(StoreError::Unsafe {
            path: path.to_owned(),
            reason,
        })
    };
    let meta = fs::symlink_metadata(path).map_err(at(path))?;
    if !meta.is_dir() {
        return refuse("it is no folder of its own");
    }
    if meta.uid() != rustix::process::geteuid().as_raw() {
        return refuse("it belongs to another user");
    }
    Ok(meta)
}
