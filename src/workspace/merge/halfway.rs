//! What a git that died left in a person's working tree when it was bringing their branch forward: files
//! that are as the new commit has them, with an index that is as it was.
//!
//! Nothing of a person's is lost by it: only what the commit holds byte for byte is put back or removed.

use std::{
    collections::HashSet,
    ffi::OsStr,
    fs, io,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use super::{
    super::git::Git,
    MergeError,
    store::{Scratch, Store},
};

/// Bytes of lists of paths.
const MOST: usize = 256 << 20;

/// Files that git has brought forward to a commit without its index: those that differ from the index and
/// are as the commit has them.
pub(super) fn brought(git: &Git, commit: &str) -> Result<Vec<Vec<u8>>, MergeError> {
    let names = |args: &[&str]| -> Result<Vec<u8>, MergeError> {
        let always = ["-z", "--name-only", "--no-renames", "--no-ext-diff"];
        let git = git.clone().most(MOST);
        Ok(git.run(&[args, &always[..]].concat())?)
    };
    git.output(&["update-index", "-q", "--refresh"], &[])?;
    let changed = names(&["diff-files"])?;
    let others = names(&["diff", "--no-textconv", commit])?;
    let others: HashSet<&[u8]> = others.split(|&b| b == 0).collect();
    let paths = changed.split(|&b| b == 0).filter(|p| !p.is_empty());
    let paths = paths.filter(|path| !others.contains(path));
    Ok(paths.map(<[u8]>::to_vec).collect())
}

/// Puts files back as the index has them.
pub(super) fn put_back(git: &Git, list: &[Vec<u8>]) -> Result<(), MergeError> {
    if !list.is_empty() {
        let list = [list.join(&b"\0"[..]), vec![0]].concat();
        git.feed(&["checkout-index", "-f", "-q", "-z", "--stdin"], &list)?;
    }
    Ok(())
}

/// Files that are new in a commit and stand in the working tree already, just as the commit has them: git
/// would not go over them.
pub(super) struct Standing {
    /// Git with an index that has these files alone.
    git: Git,
    files: Vec<PathBuf>,
    /// Holds that index.
    _scratch: Scratch,
}

impl Standing {
    /// Looks for them; none: there are none.
    pub fn look(
        store: &Store,
        git: &Git,
        root: &Path,
        commit: &str,
    ) -> Result<Option<Self>, MergeError> {
        let new = [
            "diff-index",
            "--cached",
            "-z",
            "--name-only",
            "--no-renames",
            "--diff-filter=D",
            commit,
        ];
        let most = git.clone().most(MOST);
        let new = most.run(&new)?;
        let is_there =
            |path: &&[u8]| fs::symlink_metadata(root.join(OsStr::from_bytes(path))).is_ok();
        let there: HashSet<&[u8]> = new
            .split(|&b| b == 0)
            .filter(|path| !path.is_empty())
            .filter(is_there)
            .collect();
        if there.is_empty() {
            return Ok(None);
        }
        let tree = most.run(&["ls-tree", "-r", "-z", "--full-tree", commit])?;
        let mut lines = Vec::new();
        for line in tree.split(|&b| b == 0) {
            let tab = line.iter().position(|&b| b == b'\t').unwrap_or(0);
            // A submodule is nothing that could be looked at.
            if there.contains(line.get(tab + 1..).unwrap_or_default())
                && !line.starts_with(b"160000")
            {
                lines.extend([line, b"\0"].concat());
            }
        }
        let scratch = store.scratch()?;
        let index = scratch.file("names", b"")?.with_file_name("standing");
        let git = most.env("GIT_INDEX_FILE", index);
        git.feed(&["update-index", "-z", "--index-info"], &lines)?;
        git.output(&["update-index", "-q", "--refresh"], &[])?;
        let others = git.run(&["diff-files", "-z", "--name-only", "--no-renames"])?;
        let others: HashSet<&[u8]> = others.split(|&b| b == 0).collect();
        let same = there.into_iter().filter(|path| !others.contains(path));
        let files = same.map(|path| root.join(OsStr::from_bytes(path)));
        Ok(Some(Self {
            git,
            files: files.collect(),
            _scratch: scratch,
        }))
    }

    /// Takes them away, so that git makes them.
    pub fn remove(&self) -> Result<(), MergeError> {
        for file in &self.files {
            match fs::remove_file(file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    self.restore()?;
                    let shown = crate::display::clean_line(file.as_os_str().as_bytes(), 200);
                    return Err(MergeError::Refused(format!(
                        "{shown} is in the way: {error}"
                    )));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Makes those again that were taken away.
    pub fn restore(&self) -> Result<(), MergeError> {
        self.git.run(&["checkout-index", "-a", "-q"])?;
        Ok(())
    }
}
