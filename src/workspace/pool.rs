//! Workspaces of a run: made ahead of need by two threads while agents work, or when they are taken;
//! given away by a rename.
//!
//! Where several are needed git checks out the first one, and what it holds becomes the template; the
//! others are copies of that, which takes less time than a checkout and no process of git, and can be
//! done by several threads at once. One that is spare gets the present time and is moved by the
//! difference to the commit that is asked for. None is made ahead while two are being taken: whoever
//! waits goes first, and agents and the run's loop want a processor too.

use std::{
    mem,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
};

use super::{
    clone::{MakeError, Unnamed, Workspace, Workspaces},
    git::GitError,
    template::Template,
};

/// Threads that make spare ones.
const THREADS: usize = 2;
/// So many more must be awaited for a template to be worth the time that it takes.
const WORTH: usize = 2;

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
    /// How many are being taken.
    taking: usize,
    template: Option<Arc<Template>>,
    /// A thread makes the template.
    shaping: bool,
    /// What there is cannot be a template: git checks out each.
    unfit: bool,
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
    /// that is made now. `more`: how many others will be taken right after it.
    pub fn take(&self, name: &str, commit: &str, more: usize) -> Result<Workspace, MakeError> {
        let spaces = &self.shared.spaces;
        spaces.keep(commit)?;
        let _taking = Taking::begin(&self.shared);
        let made = match self.shared.source(commit, more) {
            Source::Spare(spare) => spare,
            Source::Template(template) => spaces.fresh(commit, Some(&template))?,
            Source::Nothing => spaces.fresh(commit, None)?,
            Source::Shape => self.shared.shape(commit)?,
        };
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

/// Counts whoever takes a workspace.
struct Taking<'a>(&'a Shared);

impl<'a> Taking<'a> {
    fn begin(shared: &'a Shared) -> Self {
        shared.store().taking += 1;
        Self(shared)
    }
}

impl Drop for Taking<'_> {
    fn drop(&mut self) {
        self.0.store().taking -= 1;
        self.0.bell.notify_all();
    }
}

/// What a workspace is made of.
enum Source {
    /// It is made already.
    Spare(Unnamed),
    /// A copy of this.
    Template(Arc<Template>),
    /// Git, for few others need one.
    Nothing,
    /// What the asker makes, and of which it makes the template.
    Shape,
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
    fn source(&self, commit: &str, more: usize) -> Source {
        let mut store = self.store();
        loop {
            let fits = store.spares.iter().position(|s| s.commit == commit);
            let at = fits.or_else(|| store.spares.len().checked_sub(1));
            if let Some(at) = at {
                return Source::Spare(store.spares.swap_remove(at));
            }
            if store.shaping {
                store = self.wait(store);
                continue;
            }
            if let Some(template) = &store.template {
                return Source::Template(template.clone());
            }
            if more < WORTH || store.unfit {
                return Source::Nothing;
            }
            store.shaping = true;
            return Source::Shape;
        }
    }

    /// Makes a workspace at a commit, and the template of it; `shaping` must have been said. There is no
    /// template afterwards where it cannot be had.
    fn shape(&self, commit: &str) -> Result<Unnamed, MakeError> {
        let old = self.store().template.take();
        let made = self.shaped(old.as_deref(), commit);
        let template = made.as_ref().ok().and_then(|m| self.spaces.template(m));
        let mut store = self.store();
        store.shaping = false;
        store.failed = made.is_err();
        store.unfit = made.is_ok() && template.is_none();
        store.template = template.map(Arc::new);
        drop(store);
        self.bell.notify_all();
        made
    }

    fn shaped(&self, old: Option<&Template>, commit: &str) -> Result<Unnamed, MakeError> {
        self.spaces.keep(commit)?;
        let mut made = self.spaces.fresh(commit, old)?;
        let there = made.commit == commit
            || (self.spaces.fits(&made, commit)? && self.spaces.go_to(&mut made, commit).is_ok());
        if there {
            return Ok(made);
        }
        drop(made);
        self.spaces.fresh(commit, None)
    }

    /// Makes spare ones until the pool is closed.
    fn work(&self) {
        let mut store = self.store();
        while !store.closed {
            let short = store.spares.len() + store.making < store.wanted && !store.failed;
            let busy = store.making + store.taking >= THREADS;
            if !short || busy || store.shaping {
                store = self.wait(store);
                continue;
            }
            let stale = (store.template.as_ref()).is_none_or(|t| t.commit != store.commit);
            let shapes = stale && !store.unfit;
            let (template, commit) = (store.template.clone(), store.commit.clone());
            store.shaping = shapes;
            store.making += 1;
            drop(store);
            // Whoever takes a workspace gets to know why there is none, so an error here is not kept.
            let made = if shapes {
                self.shape(&commit)
            } else {
                self.shaped(template.as_deref(), &commit)
            };
            drop(template);
            store = self.store();
            store.making -= 1;
            match made {
                Ok(mut spare) => {
                    spare.ahead = true;
                    store.spares.push(spare);
                }
                Err(_) => store.failed = true,
            }
            self.bell.notify_all();
        }
        // Outside of the lock: removing takes time.
        let rest = (mem::take(&mut store.spares), store.template.take());
        drop(store);
        drop(rest);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{PermissionsExt, symlink},
        path::Path,
        time::SystemTime,
    };

    use super::*;
    use crate::workspace::{Git, Repository, git::STARTED};

    fn git(dir: &Path, args: &[&str]) -> String {
        let git = Git::ours(dir)
            .setting("user.name=t")
            .setting("user.email=t@invalid")
            .setting("init.defaultBranch=main")
            // It may write what it learns.
            .env("GIT_OPTIONAL_LOCKS", "1");
        let out = String::from_utf8(git.run(args).unwrap()).unwrap();
        out.trim_end().to_owned()
    }

    /// How many commands of git something starts on this thread.
    fn commands<T>(of: impl FnOnce() -> T) -> (usize, T) {
        let before = STARTED.get();
        let done = of();
        (STARTED.get() - before, done)
    }

    #[test]
    fn a_copy_needs_no_git_and_git_finds_its_index_true_and_whole() {
        let folder = tempfile::tempdir().unwrap();
        let repo = folder.path().join("repo");
        fs::create_dir_all(repo.join("src/deep")).unwrap();
        git(&repo, &["init", "-q"]);
        for n in 0..40 {
            fs::write(repo.join(format!("src/deep/{n}.txt")), "x\n".repeat(n)).unwrap();
        }
        fs::write(repo.join("run.sh"), "#!/bin/sh\n").unwrap();
        fs::set_permissions(repo.join("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
        symlink("src/deep/7.txt", repo.join("link")).unwrap();
        let commit = |message: &str| {
            git(&repo, &["add", "-A"]);
            git(&repo, &["commit", "-qm", message]);
            git(&repo, &["rev-parse", "HEAD"])
        };
        let first = commit("first");
        fs::write(repo.join("src/deep/3.txt"), "second\n").unwrap();
        let second = commit("second");

        let home = folder.path().as_os_str().to_owned();
        let env = [
            ("HOME".into(), home),
            ("GIT_CONFIG_GLOBAL".into(), "/dev/null".into()),
            ("GIT_CONFIG_NOSYSTEM".into(), "1".into()),
        ];
        let repo = Repository::open_with(&repo, &env).unwrap();
        let state = folder.path().join("state");
        let spaces = Workspaces::new(repo, &state, "run1", &[], &[], 0).unwrap();
        let pool = Pool::new(Arc::new(spaces));
        let whole = |made: &Workspace| {
            let index = made.path.join(".git/index");
            let before = fs::read(&index).unwrap();
            assert_eq!(git(&made.path, &["status", "--porcelain"]), "");
            assert!(before == fs::read(&index).unwrap(), "git wrote the index");
            // Its checksum too.
            assert_eq!(git(&made.path, &["fsck", "--no-dangling"]), "");
            assert_eq!(git(&made.path, &["rev-parse", "HEAD"]), made.base);
        };
        // The commit is kept, the template checked out; the workspace itself is a copy already.
        let (started, made) = commands(|| pool.take("a.1", &first, 9).unwrap());
        assert_eq!(started, 2);
        whole(&made);
        let (started, made) = commands(|| pool.take("b.1", &first, 0).unwrap());
        assert_eq!(started, 0);
        whole(&made);
        // Another commit is kept too, and only the difference is checked out.
        let (started, made) = commands(|| pool.take("c.1", &second, 0).unwrap());
        assert_eq!(started, 2);
        whole(&made);
        assert_eq!(
            fs::read(made.path.join("src/deep/3.txt")).unwrap(),
            b"second\n"
        );

        pool.want(1, &first);
        while pool.spare() == 0 {
            thread::yield_now();
        }
        pool.want(0, &first);
        let since = SystemTime::now();
        let (started, made) = commands(|| pool.take("d.1", &first, 0).unwrap());
        assert_eq!(started, 0);
        whole(&made);
        // The kernel's clock of files goes in steps, as long as some milliseconds.
        let time = made.path.join("run.sh").metadata().unwrap().modified();
        let behind = since.duration_since(time.unwrap()).unwrap_or_default();
        assert!(behind.as_millis() < 20, "{behind:?}");
    }

    #[test]
    fn few_are_checked_out_without_a_template() {
        let folder = tempfile::tempdir().unwrap();
        let repo = folder.path().join("repo");
        fs::create_dir(&repo).unwrap();
        git(&repo, &["init", "-q"]);
        fs::write(repo.join("a"), "a\n").unwrap();
        git(&repo, &["add", "-A"]);
        git(&repo, &["commit", "-qm", "first"]);
        let head = git(&repo, &["rev-parse", "HEAD"]);
        let repo = Repository::open_with(&repo, &[]).unwrap();
        let spaces = Workspaces::new(repo, &folder.path().join("state"), "run1", &[], &[], 0);
        let pool = Pool::new(Arc::new(spaces.unwrap()));
        for (name, more) in [("a.1", 1), ("b.1", 0)] {
            pool.take(name, &head, more).unwrap();
        }
        let names = fs::read_dir(pool.workspaces().folder()).unwrap();
        assert_eq!(names.count(), 2);
    }
}
