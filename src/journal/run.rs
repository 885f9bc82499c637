//! The folder of one run, and the lock that its runner holds.
//!
//! Must not know other runs; that is [`super::Store`]'s.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::fs::{FlockOperation, flock};

use super::info::{self, RunInfo};

/// Why a run's lock was not had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another process holds it.
    #[error("the run is held by another wavedeck process")]
    Held,
    /// The system refused.
    #[error("the run cannot be locked: {0}")]
    Io(#[from] io::Error),
}

/// Held by the one runner of a run; given back by the kernel when its process ends, however.
///
/// Closed on `exec`, so no agent keeps it. A process that is forked and does not `exec` would.
#[derive(Debug)]
pub struct RunLock(File);

impl RunLock {
    /// Returns the file that is locked, for tests of inheritance.
    #[must_use]
    pub const fn file(&self) -> &File {
        &self.0
    }
}

/// The folder of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunDir {
    /// Identifier of the run: its start and four random digits.
    pub id: String,
    /// Its folder.
    pub path: PathBuf,
}

impl RunDir {
    /// Takes the folder of a run wherever it is.
    #[must_use]
    pub fn at(path: &Path) -> Self {
        let id = path
            .file_name()
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        Self {
            id,
            path: path.to_owned(),
        }
    }

    /// Returns the plan as run.
    #[must_use]
    pub fn plan(&self) -> PathBuf {
        self.path.join("plan.toml")
    }

    /// Returns the configuration as run.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.path.join("config.toml")
    }

    /// Returns the journal.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.path.join(super::JOURNAL)
    }

    /// Returns the output of an attempt.
    #[must_use]
    pub fn output(&self, agent: &str, attempt: u32) -> PathBuf {
        self.path.join("output").join(format!("{agent}.{attempt}"))
    }

    /// Takes the lock. A short look of somebody else does not make it fail.
    pub fn lock(&self) -> Result<RunLock, LockError> {
        // std opens with CLOEXEC.
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(self.path.join("lock"))?;
        for _ in 0..20 {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(RunLock(file)),
                Err(rustix::io::Errno::WOULDBLOCK) => std::thread::sleep(Duration::from_millis(3)),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(LockError::Io(error.into())),
            }
        }
        Err(LockError::Held)
    }

    /// Returns whether a runner holds the run.
    #[must_use]
    pub fn is_live(&self) -> bool {
        let Ok(file) = File::open(self.path.join("lock")) else {
            return false;
        };
        // Given back at once, with the descriptor.
        matches!(
            flock(&file, FlockOperation::NonBlockingLockShared),
            Err(rustix::io::Errno::WOULDBLOCK)
        )
    }

    /// Returns the bytes that the run takes on the disk.
    #[must_use]
    pub fn size(&self) -> u64 {
        let mut size = 0;
        let mut open = vec![self.path.clone()];
        while let Some(dir) = open.pop() {
            for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
                // Of a link itself, not of what it points to.
                let Ok(meta) = entry.metadata() else { continue };
                if meta.is_dir() {
                    open.push(entry.path());
                }
                size += meta.blocks() * 512;
            }
        }
        size
    }

    /// Reads what a list shows, from both ends of the journal.
    #[must_use]
    pub fn info(&self) -> RunInfo {
        info::read(self)
    }
}
