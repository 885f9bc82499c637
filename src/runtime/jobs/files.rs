//! Files of a workspace that prompts take from: foreign, so no link is followed, nothing outside is read, and
//! no more of one than a prompt could hold.
//!
//! Must not know agents or prompts.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Read},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use rustix::fs::{FileType, Mode, OFlags, ResolveFlags, fstat, openat2};

use crate::conflict::scope::Globs;

/// Bytes of one file that are read: more than any prompt holds of it.
pub(super) const LONGEST: u64 = 256 << 10;
/// Files that named globs may bring.
pub(super) const MOST_FILES: usize = 64;
/// Entries of folders that are looked through for them, and how deep.
const MOST_ENTRIES: usize = 50_000;
pub(super) const DEEPEST: usize = 32;

/// The files below a folder that globs bring, each once, and the globs that bring none.
pub(super) fn named_by(root: &Path, globs: &[String]) -> Vec<(Option<String>, String)> {
    let mut all = Vec::new();
    let mut seen = BTreeSet::new();
    let mut left = MOST_ENTRIES;
    for glob in globs {
        let mut found = Vec::new();
        if let Ok(of) = Globs::new(&[glob]) {
            let plain = glob
                .split('/')
                .take_while(|p| !p.contains(['*', '?', '[', '{']));
            let start: PathBuf = plain.collect();
            walk(root, &start, DEEPEST, &mut left, &mut |path| {
                if of.inside(path.as_bytes()) {
                    found.push(path.to_owned());
                }
            });
        }
        found.sort();
        if found.is_empty() {
            all.push((None, glob.clone()));
        }
        for path in found {
            if all.len() < MOST_FILES && seen.insert(path.clone()) {
                all.push((Some(path), glob.clone()));
            }
        }
    }
    all
}

/// Goes through a file or folder below a root, without following links.
fn walk(root: &Path, path: &Path, depth: usize, left: &mut usize, each: &mut dyn FnMut(&str)) {
    let (Ok(meta), Some(name)) = (fs::symlink_metadata(root.join(path)), path.to_str()) else {
        return;
    };
    if meta.is_file() {
        each(name);
    }
    if !meta.is_dir() || depth == 0 {
        return;
    }
    let Ok(entries) = fs::read_dir(root.join(path)) else {
        return;
    };
    let mut names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
    names.sort();
    for name in names.into_iter().filter(|name| name != ".git") {
        let Some(less) = left.checked_sub(1) else {
            return;
        };
        *left = less;
        walk(root, &path.join(name), depth - 1, left, each);
    }
}

/// The beginning of a regular file below a folder, whatever links there are.
pub(super) fn inside(root: &OwnedFd, path: &str, most: u64) -> io::Result<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
    let file = openat2(root, path, flags, Mode::empty(), resolve)?;
    if FileType::from_raw_mode(fstat(&file)?.st_mode) != FileType::RegularFile {
        return Err(io::Error::other("it is not a regular file"));
    }
    beginning(file.into(), most)
}

pub(super) fn beginning(file: File, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}
