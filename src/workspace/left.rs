//! Reading what an agent left in its `.git`, without trusting it: no link is followed, no
//! configuration of its is read, what is too large is not there.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs::{self, File},
    io::Read,
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
    path::Path,
};

use rustix::fs::{Dir, FileType, Mode, OFlags, ResolveFlags, fstat, openat2};

use super::{copy, repo};
use crate::display;

/// Bytes of a file of refs that are read.
const MOST: u64 = 8 << 20;

/// Branches that are read, of those that are files of their own.
const MOST_REFS: usize = 10_000;

/// Bytes of a file that tell a pointer of git-lfs.
const POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";

/// Work that git was in the middle of, by the file that says so.
const UNFINISHED: [(&str, &str); 6] = [
    ("MERGE_HEAD", "a merge"),
    ("rebase-merge", "a rebase"),
    ("rebase-apply", "a rebase"),
    ("CHERRY_PICK_HEAD", "a cherry-pick"),
    ("REVERT_HEAD", "a revert"),
    ("BISECT_LOG", "a bisection"),
];

/// What an agent left.
pub(super) struct Left {
    root: OwnedFd,
    /// Whether its `.git` is a folder of its own, as it was made.
    pub own_git: bool,
}

impl Left {
    /// Opens a workspace; an error where there is none, or a link in its place.
    pub fn open(workspace: &Path) -> std::io::Result<Self> {
        let root = copy::open(workspace)?;
        let folder = |name: &str| {
            let meta = fs::symlink_metadata(workspace.join(name));
            meta.is_ok_and(|m| m.is_dir())
        };
        let own_git = folder(".git") && folder(".git/objects");
        Ok(Self { root, own_git })
    }

    /// The commit that HEAD names: itself, or by a branch.
    pub fn head(&self) -> Option<String> {
        self.head_of(b".git")
    }

    /// The same of another `.git` below the workspace, such as that of a submodule.
    pub fn head_of(&self, dot: &[u8]) -> Option<String> {
        let within = |name: &[u8]| OsStr::from_bytes(&[dot, b"/", name].concat()).to_owned();
        let head = self.read(within(b"HEAD"))?;
        let head = head.trim_ascii();
        let Some(name) = head.strip_prefix(b"ref:") else {
            return repo::oid(head);
        };
        let name = name.trim_ascii();
        let plain = name.starts_with(b"refs/") && !name.split(|&b| b == b'/').any(|p| p == b"..");
        if !plain {
            return None;
        }
        if let Some(loose) = self.read(within(name)) {
            return repo::oid(loose.trim_ascii());
        }
        let packed = self.read(within(b"packed-refs"))?;
        let mut lines = packed.split(|&b| b == b'\n');
        lines.find_map(|line| {
            let at = line.iter().position(|&b| b == b' ')?;
            (line[at + 1..] == *name).then(|| repo::oid(&line[..at]))?
        })
    }

    /// What git was in the middle of.
    pub fn unfinished(&self) -> Option<&'static str> {
        let there = |name: &str| self.entry(OsStr::new(&format!(".git/{name}"))).is_some();
        let mut found = UNFINISHED.iter().filter(|(file, _)| there(file));
        found.next().map(|(_, what)| *what)
    }

    /// Its branches and what it put aside with `git stash`: name and commit; false: there are more
    /// than are read.
    pub fn tips(&self) -> (BTreeMap<Vec<u8>, String>, bool) {
        let mut tips = BTreeMap::new();
        let mut all = true;
        let ours = |name: &[u8]| name.starts_with(b"refs/heads/") || name == b"refs/stash";
        // A loose one counts before a packed one.
        match self.read(".git/packed-refs") {
            Some(packed) => {
                for line in packed.split(|&b| b == b'\n') {
                    let space = line.iter().position(|&b| b == b' ').unwrap_or(0);
                    let (oid, name) = line.split_at(space);
                    if let (Some(oid), Some(name)) = (repo::oid(oid), name.get(1..))
                        && ours(name)
                    {
                        tips.insert(name.to_vec(), oid);
                    }
                }
            }
            None => all = self.entry(OsStr::new(".git/packed-refs")).is_none(),
        }
        let mut loose = vec![b"refs/stash".to_vec()];
        let mut folders = vec![b"refs/heads".to_vec()];
        while let Some(folder) = folders.pop() {
            let path = [b".git/", &folder[..]].concat();
            let flags = OFlags::RDONLY | OFlags::DIRECTORY;
            let opened = self.at(OsStr::from_bytes(&path), flags);
            for entry in opened.and_then(Dir::read_from).into_iter().flatten() {
                let Ok(entry) = entry else { break };
                let name = entry.file_name().to_bytes();
                if name == b"." || name == b".." {
                    continue;
                }
                if loose.len() + folders.len() > MOST_REFS {
                    return (tips, false);
                }
                let path = [&folder, &b"/"[..], name].concat();
                if entry.file_type().is_dir() {
                    folders.push(path);
                } else {
                    loose.push(path);
                }
            }
        }
        for name in loose {
            let path = [b".git/", &name[..]].concat();
            if let Some(text) = self.read(OsStr::from_bytes(&path))
                && let Some(oid) = repo::oid(text.trim_ascii())
            {
                tips.insert(name, oid);
            }
        }
        (tips, all)
    }

    /// What a path is, without following any link: its kind and size in bytes.
    pub fn entry(&self, path: &OsStr) -> Option<(FileType, u64)> {
        let file = self.at(path, OFlags::PATH | OFlags::NOFOLLOW).ok()?;
        let stat = fstat(&file).ok()?;
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        Some((FileType::from_raw_mode(stat.st_mode), size))
    }

    /// The first bytes of a regular file; none where it cannot be read.
    pub fn beginning(&self, path: &OsStr, bytes: u64) -> Option<Vec<u8>> {
        let file = File::from(self.at(path, OFlags::RDONLY | OFlags::NONBLOCK).ok()?);
        if !file.metadata().ok()?.is_file() {
            return None;
        }
        let mut out = Vec::new();
        file.take(bytes).read_to_end(&mut out).ok()?;
        Some(out)
    }

    /// Why a path cannot be committed.
    pub fn refused(&self, path: &[u8], largest: u64, lfs: bool) -> Option<String> {
        if path.ends_with(b"/") {
            return Some("is a repository of its own".to_owned());
        }
        let name = OsStr::from_bytes(path);
        match self.entry(name) {
            Some((FileType::Symlink, _)) => None,
            Some((FileType::RegularFile, size)) if size > largest => Some(format!(
                "has {}, and up to {} are committed",
                display::figures::size(size),
                display::figures::size(largest)
            )),
            Some((FileType::RegularFile, _)) => match self.beginning(name, POINTER.len() as u64) {
                None => Some("cannot be read".to_owned()),
                Some(start) if lfs && start != POINTER => {
                    Some("belongs to git-lfs and is no pointer: commit it with git-lfs".to_owned())
                }
                Some(_) => None,
            },
            _ => Some("cannot be read".to_owned()),
        }
    }

    fn read(&self, path: impl AsRef<OsStr>) -> Option<Vec<u8>> {
        let out = self.beginning(path.as_ref(), MOST + 1)?;
        (out.len() as u64 <= MOST).then_some(out)
    }

    fn at(&self, path: &OsStr, flags: OFlags) -> rustix::io::Result<OwnedFd> {
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        openat2(
            &self.root,
            path,
            flags | OFlags::CLOEXEC,
            Mode::empty(),
            resolve,
        )
    }
}
