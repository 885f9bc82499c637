//! One at a time: whoever writes refs into a user's repository takes a turn.
//!
//! Git's own lock files make those who come second fail, not wait. Threads of this process wait for
//! a mutex, other runs on this repository for a lock on a file. Must not be held while anything but
//! that one command runs.

use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
};

use rustix::fs::{FlockOperation, flock};

/// The turn of each repository that this process knows.
static KNOWN: LazyLock<Mutex<HashMap<PathBuf, Arc<Mutex<()>>>>> = LazyLock::new(Mutex::default);

/// The turn of one repository.
#[derive(Debug, Clone)]
pub struct Turn {
    threads: Arc<Mutex<()>>,
    file: PathBuf,
}

/// A turn that was taken; dropping it ends it.
#[derive(Debug)]
pub struct Taken<'a> {
    _file: File,
    _threads: MutexGuard<'a, ()>,
}

impl Turn {
    /// The turn of a repository, by its common git folder; the lock lies in a folder of ours.
    #[must_use]
    pub fn new(common_dir: &Path, folder: &Path) -> Self {
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        let threads = Arc::clone(known.entry(common_dir.to_owned()).or_default());
        Self {
            threads,
            file: folder.join(".lock"),
        }
    }

    /// Waits for the turn.
    pub fn take(&self) -> io::Result<Taken<'_>> {
        let threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&self.file)?;
        loop {
            match flock(&file, FlockOperation::LockExclusive) {
                Ok(()) => break,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Taken {
            _file: file,
            _threads: threads,
        })
    }
}
