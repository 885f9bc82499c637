//! The index of a workspace that was copied: what it says about files is made true again.
//!
//! Git believes a file is unchanged by its inode and times. A copy has others, so git would read all
//! of it at the first `git status` and before each checkout. The index is binary and documented
//! (git's `gitformat-index`, versions 2 and 3); versions that are not known are left alone, which
//! costs time only.

use std::{
    ffi::OsStr,
    fs, io,
    os::{fd::OwnedFd, unix::ffi::OsStrExt},
    path::Path,
};

use rustix::{
    fs::{AtFlags, Timespec, Timestamps, UTIME_NOW, statat, utimensat},
    io::Errno,
};
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// Bytes before the object name in an entry: ten numbers.
const NUMBERS: usize = 40;
/// Mode of a submodule.
const GITLINK: u32 = 0o160_000;
/// The flag that an entry has more flags (version 3).
const EXTENDED: u16 = 0x4000;
/// In these: the file is not checked out.
const SKIPPED: u16 = 0x4000;

/// Writes the index of a copy: the template's, with what the files now are. `root` is the copy,
/// `from` the template's index (it may be `to` itself). With `touch` each file gets the present time
/// first, because a build that compares times must not take a file of this workspace for older than
/// what an earlier attempt has built.
///
/// False: its version is not known, and it was copied as it is.
pub(super) fn settle(
    root: &OwnedFd,
    from: &Path,
    to: &Path,
    sha256: bool,
    touch: bool,
) -> io::Result<bool> {
    let mut bytes = fs::read(from)?;
    let name = if sha256 { 32 } else { 20 };
    if bytes.len() < 12 + name || &bytes[..4] != b"DIRC" || !matches!(number(&bytes, 4), 2 | 3) {
        fs::write(to, &bytes)?;
        return Ok(false);
    }
    let count = number(&bytes, 8);
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: UTIME_NOW,
    };
    let times = Timestamps {
        last_access: now,
        last_modification: now,
    };
    let mut at = 12;
    for _ in 0..count {
        let Some(entry) = entry(&bytes, at, name) else {
            return Err(io::Error::other("the index is damaged"));
        };
        let next = entry.next;
        if !entry.absent {
            let path = OsStr::from_bytes(&bytes[entry.path.clone()]);
            let touched = if touch {
                utimensat(root, path, &times, AtFlags::SYMLINK_NOFOLLOW)
            } else {
                Ok(())
            };
            match touched.and_then(|()| statat(root, path, AtFlags::SYMLINK_NOFOLLOW)) {
                Ok(stat) => {
                    // Times, device, inode; the mode stays; owner, size: their low 32 bits, as git
                    // has it.
                    let low = |value: u64| (value & 0xffff_ffff) as u32;
                    let signed = |value: i64| low(value.cast_unsigned());
                    let head = [
                        signed(stat.st_ctime),
                        low(stat.st_ctime_nsec),
                        signed(stat.st_mtime),
                        low(stat.st_mtime_nsec),
                        low(stat.st_dev),
                        low(stat.st_ino),
                    ];
                    let tail = [stat.st_uid, stat.st_gid, signed(stat.st_size)];
                    put(&mut bytes, at, &head);
                    put(&mut bytes, at + 28, &tail);
                }
                // Git will see that, and say so.
                Err(Errno::NOENT) => {}
                Err(error) => return Err(error.into()),
            }
        }
        at = next;
    }
    let end = bytes.len() - name;
    let sum = checksum(&bytes[..end], sha256);
    bytes[end..].copy_from_slice(&sum);
    fs::write(to, &bytes)?;
    Ok(true)
}

/// What an index ends with: a hash of all before it.
fn checksum(bytes: &[u8], sha256: bool) -> Vec<u8> {
    if sha256 {
        Sha256::digest(bytes).to_vec()
    } else {
        Sha1::digest(bytes).to_vec()
    }
}

/// One file in the index.
struct Entry {
    path: std::ops::Range<usize>,
    /// Nothing is checked out for it.
    absent: bool,
    next: usize,
}

fn entry(bytes: &[u8], at: usize, name: usize) -> Option<Entry> {
    let flags_at = at + NUMBERS + name;
    let short = |at: usize| Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?));
    let flags = short(flags_at)?;
    let mut path_at = flags_at + 2;
    let mut skipped = false;
    if flags & EXTENDED != 0 {
        skipped = short(path_at)? & SKIPPED != 0;
        path_at += 2;
    }
    let length = bytes.get(path_at..)?.iter().position(|&b| b == 0)?;
    // One to eight zeros fill an entry up to a multiple of eight.
    let taken = path_at + length - at;
    let next = at + (taken / 8 + 1) * 8;
    Some(Entry {
        path: path_at..path_at + length,
        absent: skipped || number(bytes, at + 24) & 0o170_000 == GITLINK,
        next,
    })
}

fn number(bytes: &[u8], at: usize) -> u32 {
    bytes
        .get(at..at + 4)
        .and_then(|b| b.try_into().ok())
        .map_or(0, u32::from_be_bytes)
}

fn put(bytes: &mut [u8], at: usize, values: &[u32]) {
    for (i, value) in values.iter().enumerate() {
        bytes[at + i * 4..at + i * 4 + 4].copy_from_slice(&value.to_be_bytes());
    }
}
