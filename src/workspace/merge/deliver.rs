//! The end of a run: its work on a branch, and the user's branch forward to it, if they agreed.
//!
//! [`fast_forward`] is the one place that changes a working tree of the user's, and only where git
//! itself would go forward without a question.

use std::{path::Path, time::Duration};

use crate::display;

use super::{
    super::git::Git,
    MergeError, halfway,
    refs::{at, set},
    store::{Store, object, printed},
};

/// Time for bringing a person's files forward.
const FORWARD: Duration = Duration::from_hours(1);

/// What was done with the branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// Its full name, `refs/heads/…`.
    pub branch: String,
    /// Where it is.
    pub commit: String,
    /// Where it was; none: it is new.
    pub was: Option<String>,
}

/// Makes the branch `into` at a commit, or moves it forward to it. Where the run itself put it
/// `before`, and it is there still, it also goes aside: a way back keeps what it took out by refs.
///
/// # Errors
/// It is no name for a branch, holds other work, or a working tree has it checked out.
pub fn branch(
    store: &Store,
    into: &str,
    commit: &str,
    before: Option<&str>,
) -> Result<Delivered, MergeError> {
    let commit = object(commit)?;
    let scratch = store.scratch()?;
    let git = store.git(&scratch)?;
    let name = named(&git, into)?;
    let was = at(&git, &name)?;
    if let Some(was) = &was
        && was != commit
    {
        let from = if before == Some(was) { commit } else { was };
        movable(&git, &name, from, commit)?;
    }
    if was.as_deref() != Some(commit) {
        set(&git, &name, was.as_deref(), commit)?;
    }
    Ok(Delivered {
        branch: name,
        commit: commit.to_owned(),
        was,
    })
}

/// The full name of a branch.
fn named(git: &Git, into: &str) -> Result<String, MergeError> {
    let name = format!("refs/heads/{into}");
    let fine = git.output(&["check-ref-format", &name], &[])?.code == Some(0);
    if !fine || into.starts_with('-') || into.is_empty() {
        return Err(MergeError::NoName(display::clean_line(into, 120)));
    }
    Ok(name)
}

/// Whether a branch can be moved forward from a commit to another.
fn movable(git: &Git, name: &str, was: &str, commit: &str) -> Result<(), MergeError> {
    let shown = display::clean_line(name.trim_start_matches("refs/heads/"), 120);
    if !is_ancestor(git, was, commit)? {
        return Err(MergeError::Refused(format!(
            "the branch `{shown}` exists and holds other work: give the run another one with \
             `into`, or move that one away"
        )));
    }
    if let Some(place) = checked_out(git, name)? {
        return Err(MergeError::Refused(format!(
            "the branch `{shown}` is checked out in {place}: moving it would make the files there \
             look changed; give the run another one with `into`"
        )));
    }
    Ok(())
}

/// Looks before a run whether its branch could be made at the end, or be moved forward from the commit
/// that the run begins with.
///
/// # Errors
/// It is no name for a branch, another branch is in the way of it, it holds other work, or a working
/// tree has it checked out; with what to do.
pub fn possible(git: &Git, into: &str, base: &str) -> Result<(), MergeError> {
    let name = named(git, into)?;
    let shown = display::clean_line(into, 120);
    // Git keeps refs like files: none can lie below another.
    for (slash, _) in into.match_indices('/') {
        let other = &into[..slash];
        if at(git, &format!("refs/heads/{other}"))?.is_some() {
            let other = display::clean_line(other, 120);
            return Err(MergeError::Refused(format!(
                "your branch `{other}` is in the way of `{shown}`, which the run's work goes to: \
                 rename it (`git branch -m {other} NEW`), or name another with `into` in [merge]"
            )));
        }
    }
    let below = git.run(&["for-each-ref", "--count=1", &format!("{name}/")])?;
    if !below.is_empty() {
        return Err(MergeError::Refused(format!(
            "there are branches below `{shown}/`, so git can make none of the name `{shown}`: name \
             another with `into` in [merge]"
        )));
    }
    match at(git, &name)? {
        Some(was) => movable(git, &name, &was, object(base)?),
        None => Ok(()),
    }
}

fn is_ancestor(git: &Git, old: &str, new: &str) -> Result<bool, MergeError> {
    let args = ["merge-base", "--is-ancestor", old, new];
    match git.output(&args, &[])?.code {
        Some(0) => Ok(true),
        Some(1) => Ok(false),
        _ => {
            git.run(&args)?;
            Err(MergeError::Unexpected("merge-base"))
        }
    }
}

/// The working tree that has a branch checked out, safe to show.
fn checked_out(git: &Git, branch: &str) -> Result<Option<String>, MergeError> {
    let out = git.run(&["worktree", "list", "--porcelain", "-z"])?;
    let mut place: &[u8] = b"";
    for field in out.split(|&b| b == 0) {
        if let Some(path) = field.strip_prefix(b"worktree ") {
            place = path;
        } else if field.strip_prefix(b"branch ") == Some(branch.as_bytes()) {
            return Ok(Some(display::clean_line(place, 200)));
        }
    }
    Ok(None)
}

/// Whether a person has agreed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agreed<'a> {
    /// Not yet: it is only looked at.
    No,
    /// To whichever branch is checked out, as their plan says.
    Any,
    /// To the branch of this short name alone.
    To(&'a str),
}

/// What became of the user's branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Forward {
    /// It holds the work.
    Already {
        /// Its short name, safe to show.
        branch: String,
    },
    /// It can go forward, and waits for a yes.
    Asks {
        /// Its short name, safe to show.
        branch: String,
        /// Where it is.
        from: String,
    },
    /// It went forward, with its working tree.
    Done {
        /// Its short name, safe to show.
        branch: String,
        /// Where it was.
        from: String,
    },
}

/// The short name of the branch that is checked out at a folder, safe to show; none: there is none.
///
/// # Errors
/// What git refuses.
pub fn checked_out_at(root: &Path) -> Result<Option<String>, MergeError> {
    current(&persons(root))
}

fn current(git: &Git) -> Result<Option<String>, MergeError> {
    let head = git.output(&["symbolic-ref", "--quiet", "HEAD"], &[])?;
    if head.code != Some(0) {
        return Ok(None);
    }
    let full = head.out.trim_ascii_end();
    let short = full.strip_prefix(b"refs/heads/").unwrap_or(full);
    Ok(Some(display::clean_line(short, 120)))
}

/// How far a commit is from another: commits that it has beyond it, and files that differ.
///
/// # Errors
/// What git refuses.
pub fn distance(store: &Store, from: &str, to: &str) -> Result<(u32, u32), MergeError> {
    let (from, to) = (object(from)?, object(to)?);
    let scratch = store.scratch()?;
    let git = store.git(&scratch)?;
    let count = git.line(&["rev-list", "--count", to, &format!("^{from}")])?;
    let count = std::str::from_utf8(&count)
        .ok()
        .and_then(|n| n.parse().ok());
    let diff = ["diff-tree", "-r", "-z", "--name-only", "--no-renames"];
    let out = git.run(&[&diff[..], &[from, to]].concat())?;
    let files = out.split(|&b| b == 0).filter(|f| !f.is_empty()).count();
    Ok((
        count.ok_or(MergeError::Unexpected("rev-list"))?,
        u32::try_from(files).unwrap_or(u32::MAX),
    ))
}

/// Moves the branch that is checked out at `root` forward to a commit, with the files there; only
/// looks unless a person agreed to it.
///
/// Refuses unless the working tree and index are as committed and nothing is under way. Files that
/// git does not know are kept: where one is in the way git refuses, and nothing has changed. What a git
/// that died half-way had brought forward counts as not done.
///
/// # Errors
/// A sentence on why it is not safe.
pub fn fast_forward(
    store: &Store,
    root: &Path,
    commit: &str,
    agreed: Agreed<'_>,
) -> Result<Forward, MergeError> {
    let commit = object(commit)?;
    let git = persons(root);
    let refused = |why: String| Err(MergeError::Refused(why));
    let Some(branch) = current(&git)? else {
        return refused("no branch is checked out, so none goes forward".to_owned());
    };
    if let Agreed::To(other) = agreed
        && other != branch
    {
        return refused(format!(
            "`{branch}` is checked out, and you agreed to `{other}`"
        ));
    }
    let from = git.output(&["rev-parse", "--verify", "--quiet", "HEAD^{commit}"], &[])?;
    if from.code != Some(0) {
        return refused(format!("`{branch}` has no commit yet"));
    }
    let from = printed(&from.out, "rev-parse")?;
    if is_ancestor(&git, commit, &from)? {
        return Ok(Forward::Already { branch });
    }
    if !is_ancestor(&git, &from, commit)? {
        return refused(format!(
            "`{branch}` has commits that the run does not have: merge the run's branch into it \
             yourself"
        ));
    }
    if let Some(what) = under_way(&git)? {
        return refused(format!("a {what} is under way: finish it first"));
    }
    let status = ["status", "--porcelain", "-z", "--untracked-files=no"];
    let dirty = git.run(&status)?;
    let dirty = dirty.split(|&b| b == 0).filter(|f| !f.is_empty()).count();
    let brought = if dirty > 0 && agreed != Agreed::No {
        halfway::brought(&git, commit)?
    } else {
        Vec::new()
    };
    if dirty > brought.len() {
        return refused(format!(
            "{dirty} {} not committed: commit or set aside what you changed first",
            if dirty == 1 { "file is" } else { "files are" }
        ));
    }
    if agreed == Agreed::No {
        return Ok(Forward::Asks { branch, from });
    }
    halfway::put_back(&git, &brought)?;
    let standing = halfway::Standing::look(store, &git, root, commit)?;
    if let Some(standing) = &standing {
        standing.remove()?;
    }
    let merged = git.run(&["merge", "--ff-only", "--no-autostash", "--quiet", commit]);
    if let Err(error) = merged {
        halfway::put_back(&git, &halfway::brought(&git, commit)?)?;
        if let Some(standing) = standing {
            standing.restore()?;
        }
        return Err(error.into());
    }
    Ok(Forward::Done { branch, from })
}

/// Git as the person would run it: their filters and settings count for their own files. Git-lfs
/// may have much to fetch, by ssh or a proxy, so it has time and their environment.
fn persons(root: &Path) -> Git {
    let theirs = std::env::vars_os().filter(|(name, _)| {
        let name = name.to_string_lossy();
        !name.starts_with("GIT_") && !name.starts_with("LC_")
    });
    theirs.fold(Git::users(root).limit(FORWARD), |git, (name, value)| {
        git.env(name, value)
    })
}

/// What git is in the middle of at a working tree.
fn under_way(git: &Git) -> Result<Option<&'static str>, MergeError> {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};
    let folder = git.line(&["rev-parse", "--absolute-git-dir"])?;
    let folder = Path::new(OsStr::from_bytes(&folder));
    let signs = [
        ("MERGE_HEAD", "merge"),
        ("CHERRY_PICK_HEAD", "cherry-pick"),
        ("REVERT_HEAD", "revert"),
        ("rebase-merge", "rebase"),
        ("rebase-apply", "rebase"),
        ("BISECT_LOG", "bisection"),
    ];
    let found = signs.iter().find(|(file, _)| folder.join(file).exists());
    Ok(found.map(|(_, what)| *what))
}
