//! Watching workspaces while agents work in them: what is dirty, what lies outside of the scope, and
//! which work of two agents will not go together.
//!
//! One watcher of the kernel's for all workspaces of a run, and one thread, which asks git; both end
//! when [`Watch`] is dropped, and there is no watcher while there is no workspace. What it tells is
//! bounded, and nothing depends on it: the end of an attempt is judged from its commits. Must not
//! write into a workspace, take a lock there, or start a program that one names.

mod dirty;
mod folders;
mod foresee;
mod inbox;
mod notice;
mod pair;
mod shadow;
mod site;
mod verdict;
mod worker;

use std::{
    io,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
};

use crate::conflict::scope::Globs;

use inbox::{Inbox, Request};
pub use notice::{Domain, Foreseen, Key, Kind, Notice, Predicted, Stats, Workspace};
use shadow::Shadow;
use worker::Worker;

/// What the watcher is given at its start.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// A folder of its own for private repositories, outside of every workspace, on a disk with
    /// room for copies of their indexes. It is made; what it holds is taken away at the end.
    pub private: PathBuf,
    /// Files that the plan's merge rules answer: they are not predicted.
    pub ruled: Globs,
    /// How many folders may be watched in all; none: half of what the kernel allows the user. With
    /// more of them git is asked at intervals, and that is told.
    pub most_watches: Option<usize>,
}

/// A watcher of workspaces.
#[derive(Debug)]
pub struct Watch {
    private: PathBuf,
    /// A number for each private repository.
    next: AtomicU64,
    inbox: Arc<Inbox>,
    stats: Arc<Mutex<Stats>>,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Starts one. `tell` is called on its thread and should not block.
    ///
    /// # Errors
    /// When the thread cannot be had.
    pub fn start(
        settings: Settings,
        tell: impl FnMut(Notice) + Send + 'static,
    ) -> io::Result<Self> {
        let (inbox, stats) = (Arc::new(Inbox::default()), Arc::default());
        let private = settings.private.clone();
        let worker = Worker::new(inbox.clone(), settings, Arc::clone(&stats), Box::new(tell));
        let thread = thread::Builder::new()
            .name("work-watch".into())
            .stack_size(512 << 10)
            .spawn(move || worker.run())?;
        Ok(Self {
            private,
            next: AtomicU64::new(0),
            inbox,
            stats,
            thread: Some(thread),
        })
    }

    /// Begins to watch a workspace; one of the same key is forgotten first. What is dirty already is
    /// told. Its index is copied before this returns, for which git may be asked. `more`: others are
    /// being made, which agents wait for: git is asked about this one after them, or after a while.
    pub fn add(&self, workspace: Workspace, more: bool) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let Key { agent, attempt } = workspace.key;
        let dir = self.private.join(format!("{agent}.{attempt}.{number}"));
        let shadow = Shadow::new(dir, &workspace).map_err(|error| error.to_string());
        let added = Request::Add(Box::new((workspace, shadow)));
        self.inbox.ask(added, Some(more));
    }

    /// Ends watching a workspace: call it before the folder is removed. Predictions with it are
    /// withdrawn.
    pub fn remove(&self, key: Key) {
        self.inbox.ask(Request::Remove(key), None);
    }

    /// What it has done until now.
    #[must_use]
    pub fn stats(&self) -> Stats {
        *self.stats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.inbox.close();
        if let Some(thread) = self.thread.take() {
            // It ends after the question that it has put to git.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests;
