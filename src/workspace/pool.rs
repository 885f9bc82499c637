//! Workspaces ahead of need: made by two threads while agents work, given away by a rename.
//!
//! The first is checked out by git and kept as the template, which nobody gets; the spare ones are
//! copies of it, which takes less time than a checkout and runs on both threads at once. Taking one
//! makes its index true, moves it by the difference to the commit that is asked for, and renames it.

use std::{
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
};

use super::{
    clone::{MakeError, Unnamed, Workspace, Workspaces},
    git::{Git, GitError},
};

/// Threads that make spare ones.
const THREADS: usize = 2;

/// Spare workspaces of a run.
#[derive(Debug)]
pub struct Pool {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Shared {
    spaces: Arc<Workspaces>,
    store: Mutex<Store>,
    bell: Condvar,
}

#[derive(Debug, Default)]
struct Store {
    /// How many are to be spare, and at which commit.
    wanted: usize,
    commit: String,
    spares: Vec<Unnamed>,
    making: usize,
    template: Option<Arc<Unnamed>>,
    /// A thread makes the template, or moves it.
    shaping: bool,
    /// The last one could not be made; nothing more is tried until more are wanted.
    failed: bool,
    closed: bool,
}

impl Pool {
    /// A pool that makes nothing yet.
    #[must_use]
    pub fn new(spaces: Arc<Workspaces>) -> Self {
        let shared = Shared {
            spaces,
            store: Mutex::default(),
            bell: Condvar::new(),
        };
        Self {
            shared: Arc::new(shared),
            threads: Mutex::default(),
        }
    }

    /// The run's workspaces.
    pub fn workspaces(&self) -> &Arc<Workspaces> {
        &self.shared.spaces
    }

    /// Says how many are to be spare from now on, and at which commit. Returns at once.
    pub fn want(&self, spare: usize, commit: &str) {
        {
            let mut store = self.shared.store();
            store.wanted = spare;
            commit.clone_into(&mut store.commit);
            store.failed = false;
        }
        self.shared.bell.notify_all();
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        while spare > 0 && threads.len() < THREADS {
            let shared = Arc::clone(&self.shared);
            let started = thread::Builder::new()
                .name("workspaces".into())
                .spawn(move || shared.work());
            // Without threads each is made when it is taken.
            let Ok(thread) = started else { break };
            threads.push(thread);
        }
    }

    /// How many are spare now.
    pub fn spare(&self) -> usize {
        self.shared.store().spares.len()
    }

    /// Returns the workspace of an attempt (`<agent>.<attempt>`) at a commit: a spare one, else one
    /// that is made now.
    pub fn take(&self, name: &str, commit: &str) -> Result<Workspace, MakeError> {
        let spaces = &self.shared.spaces;
        spaces.keep(commit)?;
        let made = match self.shared.spare(commit) {
            Ok(spare) => spare,
            Err(template) => spaces.fresh(commit, template.as_deref())?,
        };
        self.shared.bell.notify_all();
        let moved = made.commit != commit;
        let given = if spaces.fits(&made, commit)? {
            spaces.give(made, name, commit)
        } else {
            drop(made);
            spaces.give(spaces.fresh(commit, None)?, name, commit)
        };
        match given {
            // Something that git does not track is in the way: a new one has nothing of it.
            Err(MakeError::Git(GitError::Failed { .. })) if moved => {
                spaces.give(spaces.fresh(commit, None)?, name, commit)
            }
            given => given,
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.store().closed = true;
        self.shared.bell.notify_all();
        let threads = self.threads.lock();
        for thread in mem::take(&mut *threads.unwrap_or_else(PoisonError::into_inner)) {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, store: MutexGuard<'a, Store>) -> MutexGuard<'a, Store> {
        self.bell
            .wait(store)
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// A spare one, best at the commit; else the template, once nobody works on it.
    fn spare(&self, commit: &str) -> Result<Unnamed, Option<Arc<Unnamed>>> {
        let mut store = self.store();
        loop {
            let fits = store.spares.iter().position(|s| s.commit == commit);
            let at = fits.or_else(|| store.spares.len().checked_sub(1));
            if let Some(at) = at {
                return Ok(store.spares.swap_remove(at));
            }
            if !store.shaping {
                return Err(store.template.clone());
            }
            store = self.wait(store);
        }
    }

    /// Makes spare ones until the pool is closed.
    fn work(&self) {
        let mut store = self.store();
        while !store.closed {
            let short = store.spares.len() + store.making < store.wanted && !store.failed;
            if !short || store.shaping {
                store = self.wait(store);
                continue;
            }
            let stale = store
                .template
                .as_ref()
                .is_none_or(|t| t.commit != store.commit);
            // A template is not moved while others read it.
            if stale && store.making == 0 {
                let old = store.template.take().map(Arc::try_unwrap);
                store.shaping = true;
                let commit = store.commit.clone();
                drop(store);
                let new = self.shaped(old.and_then(Result::ok), &commit);
                store = self.store();
                store.shaping = false;
                store.failed = new.is_none();
                store.template = new.map(Arc::new);
                self.bell.notify_all();
                continue;
            }
            let Some(template) = store.template.clone() else {
                store = self.wait(store);
                continue;
            };
            store.making += 1;
            drop(store);
            let made = self.spaces.fresh(&template.commit, Some(&template));
            drop(template);
            store = self.store();
            store.making -= 1;
            match made {
                Ok(spare) => store.spares.push(spare),
                Err(_) => store.failed = true,
            }
            self.bell.notify_all();
        }
        // Outside of the lock: removing takes time.
        let rest = (mem::take(&mut store.spares), store.template.take());
        drop(store);
        drop(rest);
    }

    /// The template at a commit: the old one moved there, else a new one. Whoever takes a workspace
    /// gets to know why there is none, so an error here is not kept.
    fn shaped(&self, old: Option<Unnamed>, commit: &str) -> Option<Unnamed> {
        self.spaces.keep(commit).ok()?;
        let Some(mut old) = old.filter(|_| self.spaces.repo.submodules.is_empty()) else {
            return self.spaces.fresh(commit, None).ok();
        };
        let fits = self.spaces.fits(&old, commit).ok()?;
        let git = Git::ours(&old.path)
            .git_dir(&old.path.join(".git"))
            .work_tree(&old.path)
            .long();
        if !fits || git.run(&["read-tree", "-m", "-u", commit]).is_err() {
            return self.spaces.fresh(commit, None).ok();
        }
        commit.clone_into(&mut old.commit);
        Some(old)
    }
}
