//! What an attempt left in repositories within its workspace: submodules, and those that it made itself.
//! Their commits are not collected, so they are named, and the workspace stays.
//!
//! Git looks at each of them with a folder of ours, as it does at the workspace itself. Must not write
//! into the workspace.

use std::{
    collections::HashSet,
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use rustix::fs::FileType;

use super::{
    change::Changes,
    clone::MakeError,
    collect::LeftOut,
    desk::Desk,
    git::{Git, GitError},
    left::Left,
    repo::{self, Repository},
    submodule,
};

/// Repositories that are looked at; more are named without a look.
const MOST: usize = 1_000;

/// A workspace whose repositories are looked at.
pub(super) struct Inner<'a> {
    pub repo: &'a Repository,
    pub left: &'a Left,
    pub workspace: &'a Path,
    /// A folder of ours, made and removed for each of them.
    pub scratch: PathBuf,
}

/// A folder that a commit says is a repository of its own: its path, and the commit that it is to be at.
type Link = (Vec<u8>, String);

impl Inner<'_> {
    /// What is in the workspace alone. `git` has the result in its index; `changed` is what the result
    /// changed.
    pub fn left_out(&self, git: &Git, changed: &Changes) -> Result<Vec<LeftOut>, MakeError> {
        let moved = changed.list.iter().filter(|change| change.submodule);
        let moved: HashSet<&[u8]> = moved.map(|change| &change.path[..]).collect();
        let mut out = Vec::new();
        let mut open = links(git)?;
        let mut looked = 0;
        while let Some((path, oid)) = open.pop() {
            looked += 1;
            let why = if looked > MOST {
                Some("is a submodule, one of more than are looked at")
            } else if moved.contains(&path[..]) && !self.users_has(&path, &oid) {
                Some("is a repository of its own, whose commits are in the workspace alone")
            } else {
                self.one(&path, &oid, &mut open)?
            };
            out.extend(why.map(|why| LeftOut {
                path,
                why: why.to_owned(),
            }));
        }
        out.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(out)
    }

    /// Whether the user's own checkout has a commit of a submodule.
    fn users_has(&self, path: &[u8], oid: &str) -> bool {
        let user = self.repo.root.join(OsStr::from_bytes(path));
        submodule::objects(self.repo, &user, oid).is_some()
    }

    /// Why the workspace has to stay for one repository; those within it are to be looked at as well.
    fn one(
        &self,
        path: &[u8],
        oid: &str,
        open: &mut Vec<Link>,
    ) -> Result<Option<&'static str>, MakeError> {
        let below = |name: &str| [path, b"/", name.as_bytes()].concat();
        let (dot, objects) = (below(".git"), below(".git/objects"));
        let kind = |path: &[u8]| {
            self.left
                .entry(OsStr::from_bytes(path))
                .map(|found| found.0)
        };
        match (kind(&dot), kind(&objects)) {
            // It is empty, or was never checked out.
            (None, _) => return Ok(None),
            (Some(FileType::Directory), Some(FileType::Directory)) => {}
            _ => return Ok(Some("is a submodule whose commits cannot be looked at")),
        }
        if self.left.head_of(&dot).is_none_or(|head| head != oid) {
            let why = "is a submodule with other commits, which are in the workspace alone";
            return Ok(Some(why));
        }
        let at = |path: &[u8]| self.workspace.join(OsStr::from_bytes(path));
        let desk = Desk::within(self.scratch.clone(), self.repo, &at(&objects))?;
        let Ok((changed, links)) = changes(&desk.git(&at(path)), oid) else {
            return Ok(Some("is a submodule that cannot be looked at"));
        };
        for (inner, oid) in links {
            open.push(([path, b"/", &inner].concat(), oid));
        }
        Ok(changed.then_some("is a submodule with changes, which are in the workspace alone"))
    }
}

/// Whether anything differs from a commit, and the repositories that it names.
fn changes(git: &Git, commit: &str) -> Result<(bool, Vec<Link>), GitError> {
    git.run(&["read-tree", commit])?;
    // Its status only says that something differs.
    git.output(
        &["update-index", "-q", "--ignore-submodules", "--refresh"],
        &[],
    )?;
    let names = [
        "diff-files",
        "--name-only",
        "-z",
        "--no-renames",
        "--ignore-submodules=all",
    ];
    let most = git.clone().most(256 << 20);
    let changed = !most.run(&names)?.is_empty();
    let new = !most
        .run(&["ls-files", "-z", "--others", "--exclude-standard"])?
        .is_empty();
    Ok((changed || new, links(git)?))
}

/// The repositories that an index names.
fn links(git: &Git) -> Result<Vec<Link>, GitError> {
    let listed = git.clone().most(256 << 20).run(&["ls-files", "-s", "-z"])?;
    let link = |line: &[u8]| {
        let rest = line.strip_prefix(b"160000 ")?;
        let tab = rest.iter().position(|&b| b == b'\t')?;
        let oid = rest.split(|&b| b == b' ').next().and_then(repo::oid)?;
        Some((rest[tab + 1..].to_vec(), oid))
    };
    Ok(listed.split(|&b| b == 0).filter_map(link).collect())
}
