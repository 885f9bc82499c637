//! What waits for the watcher's thread: paths that the kernel named, and what it was asked. Bounded:
//! of many paths only that there are many is kept. Must not run git or read folders.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    ops::Bound,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use notify::{
    EventKind,
    event::{AccessKind, AccessMode},
};

use super::{
    dirty::Name,
    notice::{Key, Workspace},
    shadow::Shadow,
};

/// Paths that are kept for one workspace; with more of them, all of it is looked at.
pub(super) const MOST_PATHS: usize = 100;

/// What the thread is asked to do.
#[derive(Debug)]
pub(super) enum Request {
    Add(Box<(Workspace, Result<Shadow, String>)>),
    Remove(Key),
}

/// What was named in one workspace and not looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pending {
    pub(super) paths: BTreeSet<Name>,
    /// All of it has to be looked at.
    pub(super) whole: bool,
    /// When the first of them was named.
    pub(super) since: Instant,
}

#[derive(Debug, Default)]
pub(super) struct Waiting {
    pub(super) requests: VecDeque<Request>,
    /// Since when the first of them waits; none: there is none.
    pub(super) asked: Option<Instant>,
    /// More workspaces are being made: what is asked can wait for them, for a while.
    pub(super) more: bool,
    pub(super) pending: BTreeMap<Key, Pending>,
    /// Folders of the workspaces.
    pub(super) roots: BTreeMap<PathBuf, Key>,
    pub(super) closed: bool,
}

impl Waiting {
    /// Whether a workspace is no longer to be watched.
    pub(super) fn leaves(&self, key: Key) -> bool {
        let of = |request: &Request| matches!(request, Request::Remove(of) if *of == key);
        self.requests.iter().any(of)
    }
}

/// Shared by the kernel's messenger, the callers and the thread.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    waiting: Mutex<Waiting>,
    pub(super) rung: Condvar,
}

impl Inbox {
    pub(super) fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `more`: further workspaces are being made, which matter more; none: as it was said before.
    pub(super) fn ask(&self, request: Request, more: Option<bool>) {
        let mut waiting = self.lock();
        waiting.asked.get_or_insert_with(Instant::now);
        waiting.more = more.unwrap_or(waiting.more);
        waiting.requests.push_back(request);
        drop(waiting);
        self.rung.notify_all();
    }

    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.rung.notify_all();
    }

    /// Takes what the kernel named.
    pub(super) fn heard(&self, event: notify::Result<notify::Event>) {
        let Ok(event) = event else {
            // What was lost is not known.
            return self.all();
        };
        if event.need_rescan() {
            return self.all();
        }
        let changed = match event.kind {
            EventKind::Access(kind) => kind == AccessKind::Close(AccessMode::Write),
            _ => true,
        };
        if changed {
            for path in &event.paths {
                self.note(path);
            }
        }
    }

    /// Everything in all workspaces may have changed.
    fn all(&self) {
        let mut waiting = self.lock();
        let keys: Vec<Key> = waiting.roots.values().copied().collect();
        for key in keys {
            waiting.note(key, None);
        }
        self.rung.notify_all();
    }

    fn note(&self, path: &Path) {
        let mut waiting = self.lock();
        let Some((root, key)) = waiting.around(path) else {
            return;
        };
        let (Ok(within), key) = (path.strip_prefix(root), *key) else {
            return;
        };
        let bytes = within.as_os_str().as_bytes();
        if bytes.split(|&b| b == b'/').any(|part| part == b".git") {
            return;
        }
        let name = (!bytes.is_empty()).then(|| bytes.into());
        if waiting.note(key, name) {
            self.rung.notify_all();
        }
    }
}

impl Waiting {
    /// The workspace that may be around a path: they do not lie in one another, so it is the last
    /// that is not after it.
    fn around(&self, path: &Path) -> Option<(&PathBuf, &Key)> {
        let bounds = (Bound::Unbounded, Bound::Included(path));
        self.roots.range::<Path, _>(bounds).next_back()
    }

    /// Notes a path, or that all may have changed; true: nothing was noted for it before.
    pub(super) fn note(&mut self, key: Key, path: Option<Name>) -> bool {
        let fresh = !self.pending.contains_key(&key);
        let pending = self.pending.entry(key).or_insert_with(|| Pending {
            paths: BTreeSet::new(),
            whole: false,
            since: Instant::now(),
        });
        match path {
            Some(path) if !pending.whole => {
                // What decides what is ignored decides about all.
                let decides = path.ends_with(b".gitignore") || path.ends_with(b".gitattributes");
                pending.paths.insert(path);
                pending.whole = decides || pending.paths.len() > MOST_PATHS;
            }
            Some(_) => {}
            None => pending.whole = true,
        }
        if pending.whole {
            pending.paths.clear();
        }
        fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_come_to_their_workspace_and_many_become_all() {
        let key = |agent| Key { agent, attempt: 1 };
        let inbox = Inbox::default();
        {
            let mut waiting = inbox.lock();
            for (n, root) in ["/w/a.1", "/w/a.10", "/w/b.1"].iter().enumerate() {
                let key = key(u32::try_from(n).unwrap());
                waiting.roots.insert(PathBuf::from(root), key);
            }
        }
        let create = |path: &str| {
            let event = notify::Event::new(EventKind::Create(notify::event::CreateKind::File));
            inbox.heard(Ok(event.add_path(path.into())));
        };
        create("/w/a.1/src/x");
        create("/w/a.10/y");
        create("/w/a.1/.git/index");
        create("/w/a.1/sub/.git/x");
        create("/w/c/z");
        let open = notify::Event::new(EventKind::Access(AccessKind::Open(AccessMode::Any)));
        inbox.heard(Ok(open.add_path("/w/b.1/read".into())));
        let named = |agent: u32| -> Vec<String> {
            let waiting = inbox.lock();
            let pending = waiting.pending.get(&key(agent));
            let paths = pending.iter().flat_map(|p| &p.paths);
            paths
                .map(|p| String::from_utf8_lossy(p).into_owned())
                .collect()
        };
        assert_eq!(named(0), ["src/x"]);
        assert_eq!(named(1), ["y"]);
        assert!(!inbox.lock().pending.contains_key(&key(2)));
        for n in 0..=MOST_PATHS {
            create(&format!("/w/a.1/{n}"));
        }
        assert!(named(0).is_empty() && inbox.lock().pending[&key(0)].whole);
        create("/w/a.10/in/.gitignore");
        assert!(inbox.lock().pending[&key(1)].whole);
        // The kernel's queue was full.
        let lost = notify::Event::new(EventKind::Other).set_flag(notify::event::Flag::Rescan);
        inbox.heard(Ok(lost));
        assert!(inbox.lock().pending[&key(2)].whole);
    }
}
