//! The private folders for temporary files: made before a job starts, removed after its end.
//!
//! Removing may take long, so it has a thread of its own, which starts with the first folder. Must
//! not follow links out of a folder.

use std::{
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::mpsc::{Sender, channel},
    thread::{self, JoinHandle},
};

use crate::sys::{lock::private_dir, remove};

/// Makes a folder that only this user may enter. One that is there already is emptied: it is left
/// over from a runner that was killed, and nobody's now.
pub(super) fn make(path: &Path) -> io::Result<()> {
    remove(path);
    private_dir(path)?;
    fs::set_permissions(path, Permissions::from_mode(0o700))
}

/// Removes a folder and all that is in it, as far as that goes.
pub(super) fn remove(path: &Path) {
    let _ = remove::tree(path);
}

/// Removes folders, one after another.
#[derive(Debug, Default)]
pub(super) struct Remover {
    thread: Option<(Sender<PathBuf>, JoinHandle<()>)>,
    /// Somebody may still write there: removed at the end.
    later: Vec<PathBuf>,
}

impl Remover {
    /// Removes a folder soon, or at the end of the run where somebody still works in it.
    pub fn take(&mut self, folder: PathBuf, in_use: bool) {
        if in_use {
            self.later.push(folder);
            return;
        }
        if self.thread.is_none() {
            let (sender, receiver) = channel::<PathBuf>();
            let started = thread::Builder::new()
                .name("temporary".into())
                .spawn(move || receiver.iter().for_each(|folder| remove(&folder)));
            self.thread = started.ok().map(|thread| (sender, thread));
        }
        match &self.thread {
            Some((sender, _)) if sender.send(folder.clone()).is_ok() => {}
            _ => self.later.push(folder),
        }
    }

    /// Waits until all are gone.
    pub fn finish(self) {
        if let Some((sender, thread)) = self.thread {
            drop(sender);
            let _ = thread.join();
        }
        self.later.iter().for_each(|folder| remove(folder));
    }
}
