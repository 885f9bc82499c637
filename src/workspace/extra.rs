//! What a plan's `[workspace]` brings along: files and folders that are not in git, copied or linked.
//!
//! Paths lie below the repository's root, also after links are followed; what is made lies in the
//! workspace, whatever links the commit has. What git tracks is left as the commit has it.

use std::{
    ffi::{CString, OsStr},
    io,
    os::{
        fd::{AsFd, AsRawFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::{Component, Path, PathBuf},
};

use rustix::{
    fs::{Mode, OFlags, ResolveFlags, mkdirat, openat2, symlinkat},
    io::Errno,
};

use super::{clone::MakeError, copy, git::Git, repo::Repository};
use crate::display;

/// What is copied and what is linked.
#[derive(Debug)]
pub(super) struct Extra {
    copy: Vec<PathBuf>,
    link: Vec<PathBuf>,
}

impl Extra {
    /// Checks the paths; what is not there is said now, not at the first agent.
    pub fn new(root: &Path, copy: &[String], link: &[String]) -> Result<Self, MakeError> {
        let checked = |list: &'static str, paths: &[String]| {
            let paths = paths.iter().map(|path| {
                let fault = |why: &str| fault(list, Path::new(path), why);
                let relative = Path::new(path);
                let normal = |c: Component<'_>| matches!(c, Component::Normal(_));
                let clean: PathBuf = relative.components().filter(|c| normal(*c)).collect();
                let up = relative
                    .components()
                    .any(|c| !normal(c) && c != Component::CurDir);
                if up || clean.as_os_str().is_empty() {
                    return Err(fault(
                        "name a path below the repository's root, without `..`",
                    ));
                }
                if clean.components().next() == Some(Component::Normal(OsStr::new(".git"))) {
                    return Err(fault("a workspace has a `.git` of its own"));
                }
                source(root, &clean).map_err(|error| fault(&said(&error)))?;
                Ok(clean)
            });
            paths.collect::<Result<Vec<_>, _>>()
        };
        Ok(Self {
            copy: checked("copy", copy)?,
            link: checked("link", link)?,
        })
    }

    /// Whether nothing is brought along.
    pub const fn is_empty(&self) -> bool {
        self.copy.is_empty() && self.link.is_empty()
    }

    /// What is brought along, as paths below the root.
    pub fn paths(&self) -> impl Iterator<Item = &OsStr> {
        let all = self.copy.iter().chain(&self.link);
        all.map(|path| path.as_os_str())
    }

    /// Lines for `info/exclude`, so that no result holds what was brought along.
    pub fn patterns(&self) -> Vec<u8> {
        patterns(self.copy.iter().chain(&self.link).map(PathBuf::as_path))
    }

    /// Copies and links; returns what was left as it is, in sentences.
    pub fn bring(&self, root: &Path, workspace: &Path) -> Result<Vec<String>, MakeError> {
        let mut notes = Vec::new();
        if self.is_empty() {
            return Ok(notes);
        }
        let to = copy::open(workspace).map_err(super::clone::io_error("cannot open", workspace))?;
        let git = Git::ours(workspace);
        let lists = [("copy", &self.copy), ("link", &self.link)];
        for (list, path) in lists
            .iter()
            .flat_map(|(l, all)| all.iter().map(move |p| (*l, p)))
        {
            let literal = ["--literal-pathspecs", "ls-files", "-z", "--"].map(OsStr::new);
            let tracked = git.run(&[&literal[..], &[path.as_os_str()]].concat())?;
            if !tracked.is_empty() {
                let shown = display::clean_text(&path.to_string_lossy(), 200);
                notes.push(format!(
                    "{shown} is not brought along ([workspace] {list}): git tracks it, and the \
                     commit's own is there"
                ));
                continue;
            }
            let made = if list == "copy" {
                copied(root, path, &to)
            } else {
                linked(root, path, &to)
            };
            made.map_err(|error| fault(list, path, &said(&error)))?;
        }
        Ok(notes)
    }
}

/// Lines for `info/exclude` of paths below a repository's root.
pub(super) fn patterns<'a>(paths: impl Iterator<Item = &'a Path>) -> Vec<u8> {
    let mut lines = Vec::new();
    for path in paths {
        lines.push(b'/');
        for &byte in path.as_os_str().as_bytes() {
            if b"\\*?[ ".contains(&byte) {
                lines.push(b'\\');
            }
            lines.push(byte);
        }
        lines.push(b'\n');
    }
    lines
}

/// What is ignored in the user's repository beside `.gitignore`, as lines.
pub(super) fn users(repo: &Repository) -> Vec<u8> {
    let mut lines = std::fs::read(repo.common_dir.join("info/exclude")).unwrap_or_default();
    if !lines.is_empty() && lines.last() != Some(&b'\n') {
        lines.push(b'\n');
    }
    lines
}

fn fault(list: &'static str, path: &Path, why: &str) -> MakeError {
    MakeError::Extra {
        list,
        path: display::clean_text(&path.to_string_lossy(), 200),
        why: why.to_owned(),
    }
}

fn said(error: &io::Error) -> String {
    match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::NOENT) => "it is not there: make it, or take it out of the plan".to_owned(),
        Some(Errno::XDEV | Errno::LOOP) => "a link leads out of the repository".to_owned(),
        _ => error.to_string(),
    }
}

/// Opens a file or folder below the root; links may not lead out of it.
fn source(root: &Path, path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    Ok(openat2(
        copy::open(root)?,
        path,
        flags,
        Mode::empty(),
        resolve,
    )?)
}

/// Opens the folder above a path in the workspace, without following links, and makes what is
/// missing.
fn above(to: &OwnedFd, path: &Path) -> io::Result<(OwnedFd, CString)> {
    let mut folder = to.as_fd().try_clone_to_owned()?;
    let name = path.file_name().unwrap_or_default();
    for part in path.parent().into_iter().flat_map(Path::components) {
        match mkdirat(&folder, part.as_os_str(), Mode::from_raw_mode(0o777)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(error.into()),
        }
        folder = copy::folder(&folder, part.as_os_str())?;
    }
    Ok((folder, CString::new(name.as_bytes())?))
}

fn copied(root: &Path, path: &Path, to: &OwnedFd) -> io::Result<()> {
    let source = source(root, path)?;
    let real = std::fs::read_link(format!("/proc/self/fd/{}", source.as_raw_fd()))?;
    let (folder, name) = above(to, path)?;
    let parent = real.parent().unwrap_or(root);
    let own = CString::new(real.file_name().unwrap_or_default().as_bytes())?;
    copy::Copier::new().entry(copy::open(parent)?, &own, folder, &name)
}

fn linked(root: &Path, path: &Path, to: &OwnedFd) -> io::Result<()> {
    source(root, path)?;
    let (folder, name) = above(to, path)?;
    Ok(symlinkat(root.join(path), folder, name.as_c_str())?)
}
