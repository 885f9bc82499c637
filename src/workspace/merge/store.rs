//! The object store that merges happen in, and a scratch folder for each step.
//!
//! Git runs in an empty folder, with an index of its own, so that neither the user's working tree
//! nor their index can have a say in a merge or be touched by one.

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use super::{
    super::{files, git::Git},
    MergeError,
};

/// Numbers the scratch folders of this process.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// Where new objects go.
#[derive(Debug, Clone, Default)]
pub enum Objects {
    /// Into the repository: for merges that count.
    #[default]
    Kept,
    /// Into a folder of the caller's, which may hold objects already: for predictions.
    Quarantined {
        /// The folder.
        dir: PathBuf,
        /// Further object stores that are read: those of workspaces.
        also: Vec<PathBuf>,
    },
}

/// A repository's objects and refs.
#[derive(Debug, Clone)]
pub struct Store {
    git_dir: PathBuf,
    scratch: PathBuf,
    objects: Objects,
}

impl Store {
    /// A repository by its git folder (not its working tree), with a folder for scratch files, which
    /// is made when it is needed. Both are absolute.
    pub fn new(git_dir: impl Into<PathBuf>, scratch: impl Into<PathBuf>) -> Self {
        Self {
            git_dir: git_dir.into(),
            scratch: scratch.into(),
            objects: Objects::Kept,
        }
    }

    /// The same repository with new objects elsewhere.
    #[must_use]
    pub fn with_objects(mut self, objects: Objects) -> Self {
        self.objects = objects;
        self
    }

    /// The git folder.
    pub fn git_dir(&self) -> &Path {
        &self.git_dir
    }

    /// A scratch folder of its own for one step.
    pub(super) fn scratch(&self) -> Result<Scratch, MergeError> {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("merge-{}-{number}", std::process::id());
        let path = self.scratch.join(name);
        // One of the same name is left of an earlier process.
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(path.join("empty")).map_err(|e| at(&path, e))?;
        Ok(Scratch { path })
    }

    /// Git in a scratch folder.
    pub(super) fn git(&self, scratch: &Scratch) -> Result<Git, MergeError> {
        let empty = scratch.path.join("empty");
        let mut git = Git::ours(&empty)
            .git_dir(&self.git_dir)
            .work_tree(&empty)
            .env("GIT_INDEX_FILE", scratch.path.join("index"))
            // What is merged depends on the commits alone, not on how a person likes to see it.
            .setting("merge.conflictStyle=merge")
            .setting("merge.renames=true")
            .setting("merge.directoryRenames=conflict")
            .setting("merge.renormalize=false")
            .setting("core.logAllRefUpdates=false");
        if let Objects::Quarantined { dir, also } = &self.objects {
            fs::create_dir_all(dir).map_err(|e| at(dir, e))?;
            let mut others = OsString::new();
            for store in also.iter().chain([&self.git_dir.join("objects")]) {
                if !others.is_empty() {
                    others.push(":");
                }
                others.push(quoted(store));
            }
            git = git
                .env("GIT_OBJECT_DIRECTORY", dir.as_os_str())
                .env("GIT_ALTERNATE_OBJECT_DIRECTORIES", others);
        }
        Ok(git)
    }
}

impl Store {
    /// Git over the same objects with a repository of ours, without the user's configuration: none of
    /// the merge drivers that it names are known, so that attributes, which agents write, start nothing.
    /// What it leaves is the style of the merge and `info/attributes`.
    pub(super) fn alone(&self, scratch: &Scratch, sha256: bool) -> Result<Git, MergeError> {
        let own = scratch.path.join("alone");
        let made = || -> io::Result<()> {
            let config = files::bare_config(sha256, &[]);
            files::skeleton(&own, "ref: refs/heads/none", &config, &[])?;
            for name in ["shallow", "info/attributes"] {
                match fs::copy(self.git_dir.join(name), own.join(name)) {
                    Ok(_) => {}
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        };
        made().map_err(|e| at(&own, e))?;
        let git = self.git(scratch)?.git_dir(&own);
        Ok(match &self.objects {
            Objects::Kept => git.env("GIT_OBJECT_DIRECTORY", self.git_dir.join("objects")),
            Objects::Quarantined { .. } => git,
        })
    }
}

/// A path in git's list of object stores: one with `:` or `"` in it stands in quotes.
fn quoted(path: &Path) -> OsString {
    use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
    let bytes = path.as_os_str().as_bytes();
    if !bytes.iter().any(|b| b":\"\\\n".contains(b)) {
        return path.as_os_str().to_owned();
    }
    OsString::from_vec(files::quoted(bytes))
}

/// A folder that goes when it is dropped.
#[derive(Debug)]
pub(super) struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// Writes a file in it.
    pub fn file(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, MergeError> {
        let path = self.path.join(name);
        fs::write(&path, bytes).map_err(|e| at(&path, e))?;
        Ok(path)
    }

    /// Writes a file in the folder that git takes for its working tree.
    pub fn beside_git(&self, name: &str, bytes: &[u8]) -> Result<(), MergeError> {
        self.file(&format!("empty/{name}"), bytes).map(drop)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed lies in the run's own folder, which is removed later.
        let _ = fs::remove_dir_all(&self.path);
    }
}

fn at(folder: &Path, error: io::Error) -> MergeError {
    MergeError::Scratch {
        folder: folder.display().to_string(),
        error,
    }
}

/// Refuses what is no full object name, so that nothing is taken for an option or an expression.
pub(super) fn object(name: &str) -> Result<&str, MergeError> {
    let hex = name.len() == 40 || name.len() == 64;
    if hex && name.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
        Ok(name)
    } else {
        let shown = crate::display::clean_line(name, 80);
        Err(MergeError::NoObject(shown))
    }
}

/// An object name that git printed.
pub(super) fn printed(bytes: &[u8], what: &'static str) -> Result<String, MergeError> {
    let text = std::str::from_utf8(bytes).map(str::trim_end);
    let name = text.map_err(|_| MergeError::Unexpected(what))?;
    object(name).map_err(|_| MergeError::Unexpected(what))?;
    Ok(name.to_owned())
}
