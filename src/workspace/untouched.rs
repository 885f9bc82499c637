//! A fingerprint of all that is the user's in a repository: the promise that nothing of it changes,
//! made checkable.
//!
//! Covers the files of the working tree with modes and times, and all of `.git` (index, HEAD, refs,
//! stash, logs, configuration, hooks) but objects, which are only added, and `refs/wavedeck`.

use std::{
    collections::BTreeMap,
    fs, io,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use super::repo::Repository;

/// What a repository looked like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Untouched(BTreeMap<PathBuf, String>);

impl Untouched {
    /// Looks at everything. Reads all files, so it is for tests and for those who doubt.
    pub fn take(repo: &Repository) -> io::Result<Self> {
        let mut found = BTreeMap::new();
        walk(&repo.root, &repo.root, &repo.common_dir, &mut found)?;
        if !repo.common_dir.starts_with(&repo.root) {
            walk(
                &repo.common_dir,
                &repo.common_dir,
                &repo.common_dir,
                &mut found,
            )?;
        }
        Ok(Self(found))
    }

    /// Names what differs from a later look.
    #[must_use]
    pub fn differences(&self, later: &Self) -> Vec<PathBuf> {
        let keys = self.0.keys().chain(later.0.keys());
        let mut found: Vec<PathBuf> = keys
            .filter(|path| self.0.get(*path) != later.0.get(*path))
            .cloned()
            .collect();
        found.sort();
        found.dedup();
        found
    }
}

fn walk(
    top: &Path,
    folder: &Path,
    git: &Path,
    found: &mut BTreeMap<PathBuf, String>,
) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let ours = ["objects", "refs/wavedeck", "logs/refs/wavedeck"];
        if path
            .strip_prefix(git)
            .is_ok_and(|p| ours.iter().any(|o| p == Path::new(o)))
        {
            continue;
        }
        let meta = fs::symlink_metadata(&path)?;
        let mut hash = Sha256::new();
        hash.update(meta.mode().to_le_bytes());
        if meta.is_dir() {
            walk(top, &path, git, found)?;
        } else if meta.is_symlink() {
            hash.update(fs::read_link(&path)?.as_os_str().as_bytes());
        } else if path == git.join("packed-refs") {
            let packed = fs::read(&path)?;
            let lines = packed.split(|&b| b == b'\n');
            let ours = |line: &&[u8]| !line.windows(15).any(|w| w == b" refs/wavedeck/");
            lines.filter(ours).for_each(|line| hash.update(line));
        } else if meta.is_file() {
            hash.update(meta.mtime().to_le_bytes());
            hash.update(meta.mtime_nsec().to_le_bytes());
            hash.update(fs::read(&path)?);
        }
        let sum = hash
            .finalize()
            .iter()
            .fold(String::new(), |mut text, byte| {
                use std::fmt::Write as _;
                let _ = write!(text, "{byte:02x}");
                text
            });
        let name = path.strip_prefix(top).unwrap_or(&path).to_owned();
        found.insert(name, sum);
    }
    Ok(())
}
