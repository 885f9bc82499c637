//! Folders of a workspace that are repositories of their own: filled from the user's checkout where
//! it has the commit, else left empty with a sentence.
//!
//! Must not fetch anything. Submodules of submodules are filled too, down to a depth.

use std::{ffi::OsStr, fs, os::unix::ffi::OsStrExt, path::Path};

use super::{
    clone::{MakeError, io_error},
    files::{config, skeleton},
    git::{Git, GitError},
    repo::Repository,
};
use crate::display;

/// Levels of submodules in submodules.
const DEEPEST: usize = 4;

/// How its sentences begin.
pub(super) const NOTE: &str = "the submodule ";

/// Fills the submodules of a commit in a workspace; returns what stays empty, in sentences.
pub(super) fn fill(
    repo: &Repository,
    workspace: &Path,
    commit: &str,
) -> Result<Vec<String>, MakeError> {
    let mut notes = Vec::new();
    let git = Git::ours(workspace);
    // What lists them is in the checkout; a sparse one may leave it out.
    let seen = fs::symlink_metadata(workspace.join(".gitmodules")).is_ok();
    if repo.submodules.is_empty() && !seen {
        let module = format!("{commit}:.gitmodules");
        if repo.sparse.is_none() || git.output(&["cat-file", "-e", &module], &[])?.code != Some(0) {
            return Ok(notes);
        }
    }
    level(repo, &repo.root, workspace, commit, 1, &mut notes)?;
    Ok(notes)
}

fn level(
    repo: &Repository,
    from: &Path,
    to: &Path,
    commit: &str,
    depth: usize,
    notes: &mut Vec<String>,
) -> Result<(), MakeError> {
    let tree =
        Git::ours(to)
            .most(256 << 20)
            .run(&["ls-tree", "-r", "-z", "--full-tree", commit])?;
    for line in tree.split(|&b| b == 0) {
        let Some((oid, path)) = link(line) else {
            continue;
        };
        let path = Path::new(OsStr::from_bytes(path));
        let (user, own) = (from.join(path), to.join(path));
        let shown = display::clean_text(&path.to_string_lossy(), 200);
        let own_is_folder = fs::symlink_metadata(&own).is_ok_and(|m| m.is_dir());
        if !own_is_folder {
            // Not in the part that is checked out.
            continue;
        }
        match objects(repo, &user, &oid) {
            Some(objects) if depth <= DEEPEST => {
                if own.join(".git").exists() {
                    crate::sys::remove::tree(&own.join(".git"))
                        .map_err(io_error("cannot replace", &own))?;
                }
                one(repo, &objects, &own, &oid)?;
                level(repo, &user, &own, &oid, depth + 1, notes)?;
            }
            _ => notes.push(format!(
                "{NOTE}{shown} is empty in the workspace: your checkout does not have its \
                 commit; `git submodule update --init --recursive` before the run brings it"
            )),
        }
    }
    Ok(())
}

fn link(line: &[u8]) -> Option<(String, &[u8])> {
    let rest = line.strip_prefix(b"160000 commit ")?;
    let tab = rest.iter().position(|&b| b == b'\t')?;
    Some((super::repo::oid(&rest[..tab])?, &rest[tab + 1..]))
}

/// The objects of the user's checkout of a submodule, where it has the commit.
pub(super) fn objects(repo: &Repository, user: &Path, oid: &str) -> Option<std::path::PathBuf> {
    // Without `.git` of its own, git would look above.
    fs::symlink_metadata(user.join(".git")).ok()?;
    let git = repo.at(user);
    git.run(&["cat-file", "-e", &format!("{oid}^{{commit}}")])
        .ok()?;
    let path = git
        .line(&[
            "rev-parse",
            "--path-format=absolute",
            "--git-path",
            "objects",
        ])
        .ok()?;
    Some(Path::new(OsStr::from_bytes(&path)).to_owned())
}

fn one(repo: &Repository, objects: &Path, own: &Path, oid: &str) -> Result<(), MakeError> {
    let dot = own.join(".git");
    let make = || -> std::io::Result<()> {
        let plain = Repository {
            sparse: None,
            ..repo.clone()
        };
        skeleton(&dot, oid, &config(&plain), &[objects])
    };
    make().map_err(io_error("cannot make", &dot))?;
    let git = Git::ours(own).git_dir(&dot).work_tree(own).long();
    let filled: Result<Vec<u8>, GitError> = git.run(&["read-tree", "-m", "-u", oid]);
    filled?;
    Ok(())
}
