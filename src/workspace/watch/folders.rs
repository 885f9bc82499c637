//! Which folders the kernel watches: those of the workspaces, without `.git`, what is ignored, links
//! and repositories within. One watcher for all. Must not tell anybody anything.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs, io,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use notify::{RecursiveMode, Watcher};

use super::{dirty::Name, inbox::Inbox, shadow::Shadow};

/// Folders of one workspace.
const MOST_FOLDERS: usize = 16_384;

/// Folders cannot be watched.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Blind {
    /// There are more than the kernel, or we, allow.
    #[error("it has more folders than may be watched (fs.inotify.max_user_watches)")]
    Full,
    /// There is no watcher.
    #[error("the kernel gives no watcher: {0} (fs.inotify.max_user_instances)")]
    None(String),
}

/// The watcher, while there is something to watch.
pub(super) struct Folders {
    watcher: Option<notify::RecommendedWatcher>,
    inbox: Arc<Inbox>,
    /// Folders that are watched now, and how many may be.
    pub(super) count: usize,
    most: usize,
}

impl Folders {
    /// `most`: how many folders may be watched in all; none: half of what the kernel allows the
    /// user, so that editors and builds have theirs.
    pub(super) fn new(inbox: Arc<Inbox>, most: Option<usize>) -> Self {
        let allowed = || {
            let text = fs::read_to_string("/proc/sys/fs/inotify/max_user_watches").ok()?;
            text.trim().parse::<usize>().ok()
        };
        Self {
            watcher: None,
            inbox,
            count: 0,
            most: most.unwrap_or_else(|| allowed().unwrap_or(8192) / 2),
        }
    }

    /// Watches a folder of a workspace (empty: its root) and those below it that are not yet.
    pub(super) fn place(
        &mut self,
        root: &Path,
        watched: &mut BTreeSet<Name>,
        from: &[u8],
        shadow: &Shadow,
    ) -> Result<(), Blind> {
        let mut level: Vec<Name> = vec![from.into()];
        if !from.is_empty() && is_ignored(shadow, &mut level) {
            return Ok(());
        }
        while !level.is_empty() {
            let mut next = Vec::new();
            for folder in level {
                let path = at(root, &folder);
                if !watched.contains(&folder) {
                    if self.count >= self.most || watched.len() >= MOST_FOLDERS {
                        return Err(Blind::Full);
                    }
                    // Before it is read, so that nothing is made unseen in between.
                    match self.watch(&path) {
                        Ok(true) => {
                            watched.insert(folder.clone());
                            self.count += 1;
                        }
                        // It is gone again, or may not be read.
                        Ok(false) => continue,
                        Err(blind) => return Err(blind),
                    }
                }
                let Ok(entries) = fs::read_dir(&path) else {
                    continue;
                };
                for entry in entries.flatten() {
                    let name = entry.file_name();
                    if name == ".git" || !entry.file_type().is_ok_and(|t| t.is_dir()) {
                        continue;
                    }
                    // A repository of its own: git does not look into it either.
                    if fs::symlink_metadata(entry.path().join(".git")).is_ok() {
                        continue;
                    }
                    next.push(join(&folder, name.as_bytes()));
                    if next.len() > MOST_FOLDERS {
                        return Err(Blind::Full);
                    }
                }
            }
            is_ignored(shadow, &mut next);
            level = next;
        }
        Ok(())
    }

    /// Watches one folder; false: there is none.
    fn watch(&mut self, path: &Path) -> Result<bool, Blind> {
        let watcher = match &mut self.watcher {
            Some(watcher) => watcher,
            none => {
                let inbox = self.inbox.clone();
                let made = notify::recommended_watcher(move |event| inbox.heard(event))
                    .map_err(|error| Blind::None(error.to_string()))?;
                none.insert(made)
            }
        };
        match watcher.watch(path, RecursiveMode::NonRecursive) {
            Ok(()) => Ok(true),
            Err(error) => match error.kind {
                notify::ErrorKind::MaxFilesWatch => Err(Blind::Full),
                notify::ErrorKind::Io(io) if io.kind() == io::ErrorKind::StorageFull => {
                    Err(Blind::Full)
                }
                _ => Ok(false),
            },
        }
    }

    /// Forgets a folder that is gone, and those below it. True: it was watched.
    pub(super) fn forget(
        &mut self,
        root: &Path,
        watched: &mut BTreeSet<Name>,
        folder: &[u8],
    ) -> bool {
        let gone: Vec<Name> = watched
            .iter()
            .filter(|f| folder.is_empty() || super::dirty::is_at_or_below(f, folder))
            .cloned()
            .collect();
        for folder in &gone {
            watched.remove(folder);
            self.count -= 1;
            if let Some(watcher) = &mut self.watcher {
                // The kernel has done it already where the folder is gone.
                let _ = watcher.unwatch(&at(root, folder));
            }
        }
        if self.count == 0 {
            self.watcher = None;
        }
        !gone.is_empty()
    }
}

/// Takes away what is ignored; true: nothing is left. What git cannot tell counts as not ignored.
fn is_ignored(shadow: &Shadow, folders: &mut Vec<Name>) -> bool {
    if let Ok(ignored) = shadow.ignored(folders) {
        folders.retain(|f| !ignored.contains(f));
    }
    folders.is_empty()
}

/// The place of a path of a workspace.
pub(super) fn at(root: &Path, path: &[u8]) -> PathBuf {
    if path.is_empty() {
        return root.to_owned();
    }
    root.join(OsStr::from_bytes(path))
}

fn join(folder: &[u8], name: &[u8]) -> Name {
    if folder.is_empty() {
        return name.into();
    }
    [folder, b"/", name].concat().into()
}
