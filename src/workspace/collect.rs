//! What an attempt left: its commits, and what it did not commit, as one commit in the user's
//! repository under `refs/wavedeck/<run>/<agent>.<attempt>`.
//!
//! The agent's `.git` is foreign: its configuration, hooks, index, locks and attributes of its own
//! are never used. Git runs with a folder of ours that borrows the agent's objects; the working tree
//! is read with an index of ours, so a lock left behind, a merge in progress or files that are marked
//! as unchanged hide nothing. Objects come over by a fetch that checks each of them.
//!
//! Nothing is dropped in silence: what cannot be part of the result is named in `left_out`.

use std::{
    collections::HashSet,
    ffi::OsStr,
    fs,
    os::unix::ffi::OsStrExt,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

use rustix::fs::FileType;

use super::{
    beside,
    change::{self, Changes},
    clone::{MakeError, Workspaces, io_error},
    desk::Desk,
    git::{Git, GitError},
    left::Left,
    within::Inner,
};
use crate::display;

/// A file that is larger is left out unless a caller says otherwise.
pub const LARGEST: u64 = 100 << 20;
/// Lists new files that are not ignored.
const OTHERS: [&str; 4] = ["ls-files", "-z", "--others", "--exclude-standard"];

/// What is to be collected.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    /// `<agent>.<attempt>`: the name of its ref.
    pub name: &'a str,
    /// The name of its workspace: the same, or that of the attempt that it goes on from.
    pub folder: &'a str,
    /// The commit that its workspace began with.
    pub base: &'a str,
    /// The message of a commit that is made for it.
    pub message: &'a str,
    /// Bytes that a file may have that is committed for it.
    pub largest: u64,
}

/// A path that could not be part of the result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Below the workspace.
    pub path: Vec<u8>,
    /// Why, as the end of a sentence.
    pub why: String,
}

/// What an attempt left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collected {
    /// Its result; the base where it did nothing.
    pub commit: String,
    /// The tree of that.
    pub tree: String,
    /// The commit that it began with.
    pub base: String,
    /// The ref in the user's repository that keeps it.
    pub reference: String,
    /// Whether the last commit was made for it.
    pub committed_by_us: bool,
    /// Commits that the base does not have.
    pub new_commits: u64,
    /// Whether the base is part of its history; an agent may have begun anew.
    pub descends: bool,
    /// What differs from the base.
    pub changed: Changes,
    /// What git was in the middle of, such as `a merge`.
    pub unfinished: Option<&'static str>,
    /// What is not part of the result, and stays in the workspace alone.
    pub left_out: Vec<LeftOut>,
    /// What else is worth knowing, in sentences.
    pub notes: Vec<String>,
}

/// Why nothing could be collected.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// The folder is not there, or something else is in its place.
    #[error("the workspace {folder} is gone: {error}")]
    Gone {
        /// The folder, cleaned.
        folder: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// Its objects did not pass.
    #[error("the objects that it left are refused: {0}")]
    Objects(GitError),
    /// Anything else.
    #[error(transparent)]
    Other(#[from] MakeError),
}

impl From<GitError> for CollectError {
    fn from(error: GitError) -> Self {
        Self::Other(error.into())
    }
}

/// A number for each folder of ours.
static NEXT: AtomicU64 = AtomicU64::new(0);

impl Workspaces {
    /// Collects what an attempt left. Its processes must have ended.
    pub fn collect(&self, attempt: &Attempt<'_>) -> Result<Collected, CollectError> {
        let path = self.path(attempt.folder);
        let left = Left::open(&path).map_err(|error| CollectError::Gone {
            folder: display::clean_text(&path.to_string_lossy(), 200),
            error,
        })?;
        let mut notes = Vec::new();
        if !left.own_git {
            notes.push("its .git was removed or replaced: only files are taken".to_owned());
        }
        let desk = self.desk(&path, &left)?;
        let git = desk.git(&path);
        let head = Self::head(&git, &left, attempt.base, &mut notes)?;
        git.run(&["read-tree", &head])?;
        desk.hide_sparse(&self.repo, &path)?;
        let mut left_out = Self::stage(&git, &left, attempt)?;
        let tree = text(&git.line(&["write-tree"])?);
        let had = text(&git.line(&["rev-parse", "--verify", &format!("{head}^{{tree}}")])?);
        let committed_by_us = tree != had;
        let commit = if committed_by_us {
            text(&git.feed(
                &["commit-tree", &tree, "-p", &head, "-F", "-"],
                attempt.message.as_bytes(),
            )?)
        } else {
            head
        };
        left_out.extend(beside::left_out(&git, &left, &commit, attempt.base));
        let reference = format!("refs/wavedeck/{}/{}", self.run, attempt.name);
        self.fetch(&desk, &commit, &reference)?;
        let users = self.repo.git();
        let range = format!("{}..{commit}", attempt.base);
        let count = text(&users.line(&["rev-list", "--count", "--end-of-options", &range])?);
        let ancestor = ["merge-base", "--is-ancestor", attempt.base, &commit];
        let changed = change::between(&users, attempt.base, &commit)?;
        left_out.extend(self.submodules_left_out(&git, &left, &path, &changed)?);
        Ok(Collected {
            reference,
            committed_by_us,
            new_commits: count.parse().unwrap_or(0),
            descends: users.output(&ancestor, &[])?.code == Some(0),
            changed,
            commit,
            tree,
            base: attempt.base.to_owned(),
            unfinished: left.unfinished(),
            left_out,
            notes,
        })
    }

    /// Work in repositories within the workspace, which is there alone.
    fn submodules_left_out(
        &self,
        git: &Git,
        left: &Left,
        workspace: &Path,
        changed: &Changes,
    ) -> Result<Vec<LeftOut>, CollectError> {
        let linked = changed.list.iter().any(|change| change.submodule);
        if self.repo.submodules.is_empty() && !linked && changed.total == changed.list.len() {
            return Ok(Vec::new());
        }
        let inner = Inner {
            repo: &self.repo,
            left,
            workspace,
            scratch: self.folder.join(Self::scratch_name()),
        };
        Ok(inner.left_out(git, changed)?)
    }

    /// Makes the folder of ours that borrows from the user and from the agent.
    fn desk(&self, workspace: &Path, left: &Left) -> Result<Desk, MakeError> {
        let name = Self::scratch_name();
        let objects = left.own_git.then(|| workspace.join(".git/objects"));
        let dir = self.folder.join(name);
        Desk::new(dir, &self.repo, &self.excluded(), objects.as_deref())
    }

    /// The name of a folder of ours that is swept when a crash leaves it.
    fn scratch_name() -> String {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        format!(".collect-{}-{number}", std::process::id())
    }

    /// The agent's last commit; the base where its HEAD names none.
    fn head(
        git: &Git,
        left: &Left,
        base: &str,
        notes: &mut Vec<String>,
    ) -> Result<String, GitError> {
        let head = if left.own_git { left.head() } else { None };
        if let Some(head) = head {
            let peeled = format!("{head}^{{tree}}");
            let is_commit = git.output(&["cat-file", "commit", &head], &[])?.code == Some(0);
            if is_commit && git.output(&["ls-tree", &peeled], &[])?.code == Some(0) {
                return Ok(head);
            }
        }
        if left.own_git {
            let text = "its HEAD names no commit: its files are taken, on top of the base";
            notes.push(text.to_owned());
        }
        Ok(base.to_owned())
    }

    /// Brings what differs from the last commit into our index.
    fn stage(git: &Git, left: &Left, attempt: &Attempt<'_>) -> Result<Vec<LeftOut>, GitError> {
        // Its status only says that something differs.
        let refresh = ["update-index", "-q", "--ignore-submodules", "--refresh"];
        git.output(&refresh, &[])?;
        let most = git.clone().most(256 << 20);
        let changed = most.run(&[
            "diff-files",
            "--name-only",
            "-z",
            "--no-renames",
            "--ignore-submodules=all",
        ])?;
        let mut left_out = Vec::new();
        let listed = most.output(&OTHERS, &[])?;
        let new = if listed.code == Some(0) && !listed.cut {
            left_out.extend(Self::closed(&listed.err));
            listed.out
        } else {
            // Only for its words: it fails for the same reason.
            most.run(&OTHERS)?
        };
        let (mut present, mut gone) = (Vec::new(), Vec::new());
        for path in changed.split(|&b| b == 0).filter(|p| !p.is_empty()) {
            let kind = left.entry(OsStr::from_bytes(path));
            match kind {
                Some((FileType::RegularFile | FileType::Symlink, _)) => present.push(path),
                _ => gone.push(path),
            }
        }
        present.extend(new.split(|&b| b == 0).filter(|p| !p.is_empty()));
        let large = Self::pointers(git, &present)?;
        let mut taken = Vec::new();
        for path in present {
            match left.refused(path, attempt.largest, large.contains(&path)) {
                None => taken.extend([path, b"\0"].concat()),
                Some(why) => left_out.push(LeftOut {
                    path: path.strip_suffix(b"/").unwrap_or(path).to_vec(),
                    why,
                }),
            }
        }
        if !gone.is_empty() {
            let gone = [gone.join(&b"\0"[..]), vec![0]].concat();
            git.feed(&["update-index", "--force-remove", "-z", "--stdin"], &gone)?;
        }
        if !taken.is_empty() {
            let add = ["update-index", "--add", "--replace", "-z", "--stdin"];
            git.feed(&add, &taken)?;
        }
        if !new.is_empty() {
            left_out.extend(Self::not_taken(&most, &left_out)?);
        }
        Ok(left_out)
    }

    /// Folders that git could not look through, by its words: they are closed, or lie too deep.
    fn closed(said: &[u8]) -> Option<LeftOut> {
        let said = display::clean_line(said.trim_ascii(), 300);
        (!said.is_empty()).then(|| LeftOut {
            path: b".".to_vec(),
            why: format!("has folders that could not be looked through: {said}"),
        })
    }

    /// New files that are in no index yet: git takes none of such a name, and does not fail for it.
    fn not_taken(git: &Git, known: &[LeftOut]) -> Result<Vec<LeftOut>, GitError> {
        let new = git.run(&OTHERS)?;
        let new = new.split(|&b| b == 0).filter(|path| !path.is_empty());
        let new = new.map(|path| path.strip_suffix(b"/").unwrap_or(path));
        let known: HashSet<&[u8]> = known.iter().map(|out| &out.path[..]).collect();
        let others = new.filter(|path| !known.contains(path));
        let others = others.map(|path| LeftOut {
            path: path.to_vec(),
            why: "has a name that git takes no file of".to_owned(),
        });
        Ok(others.collect())
    }

    /// Which of the paths git-lfs would keep elsewhere.
    fn pointers<'a>(git: &Git, paths: &[&'a [u8]]) -> Result<Vec<&'a [u8]>, GitError> {
        if paths.is_empty() {
            return Ok(Vec::new());
        }
        let input = [paths.join(&b"\0"[..]), vec![0]].concat();
        let out = git.feed(&["check-attr", "--stdin", "-z", "filter"], &input)?;
        let fields: Vec<&[u8]> = out.split(|&b| b == 0).collect();
        let lfs = |at: usize| fields.get(at * 3 + 2).is_some_and(|value| *value == b"lfs");
        let found = paths.iter().enumerate().filter(|(at, _)| lfs(*at));
        Ok(found.map(|(_, path)| *path).collect())
    }

    /// Brings the result into the user's repository, each object checked.
    fn fetch(&self, desk: &Desk, commit: &str, reference: &str) -> Result<(), CollectError> {
        fs::write(desk.dir().join("refs/heads/result"), format!("{commit}\n"))
            .map_err(io_error("cannot write", desk.dir()))?;
        let git = self
            .repo
            .git()
            .long()
            .setting("fetch.fsckObjects=true")
            .setting("transfer.fsckObjects=true");
        let to = format!("+refs/heads/result:{reference}");
        let words = [
            "fetch",
            "-q",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-auto-maintenance",
            "--no-recurse-submodules",
            "--no-prune",
            "--end-of-options",
        ];
        let words = words.map(OsStr::new);
        let args = [&words[..], &[desk.dir().as_os_str(), OsStr::new(&to)]].concat();
        let _turn = self
            .turn
            .take()
            .map_err(io_error("cannot lock", &self.folder))?;
        match git.run(&args) {
            Ok(_) => Ok(()),
            Err(error @ GitError::Failed { .. }) => Err(CollectError::Objects(error)),
            Err(error) => Err(error.into()),
        }
    }
}

/// One line of git's as text: object names and numbers.
fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line.trim_ascii_end()).into_owned()
}
