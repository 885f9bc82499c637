//! A folder of ours in which git looks at a workspace: with our configuration and an index of our own,
//! so that nothing which an agent wrote into its `.git` is run or believed.
//!
//! It borrows the user's objects and, where asked, the agent's. Must not write into the workspace.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{
    clone::{MakeError, io_error},
    extra,
    files::{config, skeleton},
    git::{Git, GitError},
    repo::Repository,
};
use crate::sys::remove;

/// The folder; removed when it is dropped.
pub(super) struct Desk(PathBuf);

impl Drop for Desk {
    fn drop(&mut self) {
        // What stays is swept with the spare ones.
        let _ = remove::tree(&self.0);
    }
}

impl Desk {
    /// Makes it. `excluded` are lines of what is ignored; `objects` is the agent's folder of objects.
    pub fn new(
        dir: PathBuf,
        repo: &Repository,
        excluded: &[u8],
        objects: Option<&Path>,
    ) -> Result<Self, MakeError> {
        let desk = Self(dir);
        let make = || -> std::io::Result<()> {
            let users = repo.common_dir.join("objects");
            let borrowed: Vec<&Path> = std::iter::once(&*users).chain(objects).collect();
            skeleton(&desk.0, "ref: refs/heads/result", &config(repo), &borrowed)?;
            let file = |name: &str| desk.0.join(name);
            fs::write(file("info/exclude"), excluded)?;
            if let Some(sparse) = &repo.sparse {
                fs::write(file("info/sparse-checkout"), &sparse.patterns)?;
            }
            if let Ok(bytes) = fs::read(repo.common_dir.join("shallow")) {
                fs::write(file("shallow"), bytes)?;
            }
            Ok(())
        };
        make().map_err(io_error("cannot make", &desk.0))?;
        Ok(desk)
    }

    /// Makes one for a repository within a workspace, whose folder of objects this is.
    pub fn within(dir: PathBuf, repo: &Repository, objects: &Path) -> Result<Self, MakeError> {
        let desk = Self(dir);
        let plain = Repository {
            sparse: None,
            ..repo.clone()
        };
        let make = || -> std::io::Result<()> {
            skeleton(&desk.0, "ref: refs/heads/none", &config(&plain), &[objects])?;
            fs::write(desk.0.join("info/exclude"), extra::users(repo))
        };
        make().map_err(io_error("cannot make", &desk.0))?;
        Ok(desk)
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.0
    }

    /// Git on a workspace. What the agent's objects say of themselves beside their contents counts for
    /// nothing.
    pub fn git(&self, workspace: &Path) -> Git {
        Git::ours(workspace)
            .git_dir(&self.0)
            .work_tree(workspace)
            .long()
            .setting("core.commitGraph=false")
    }

    /// Marks what is not checked out, so that it does not count as deleted. That the agent's index
    /// says what this is does no harm: at worst a deletion is missing from its result.
    pub fn hide_sparse(&self, repo: &Repository, workspace: &Path) -> Result<(), GitError> {
        if repo.sparse.is_none() {
            return Ok(());
        }
        let git = self.git(workspace);
        let own = git
            .clone()
            .env("GIT_INDEX_FILE", workspace.join(".git/index"));
        let listed = own.output(&["ls-files", "-z", "-t"], &[])?.out;
        let mut hidden = Vec::new();
        for line in listed.split(|&b| b == 0) {
            if let Some(path) = line.strip_prefix(b"S ") {
                hidden.extend([path, b"\0"].concat());
            }
        }
        if !hidden.is_empty() {
            git.feed(
                &["update-index", "--skip-worktree", "-z", "--stdin"],
                &hidden,
            )?;
        }
        Ok(())
    }
}
