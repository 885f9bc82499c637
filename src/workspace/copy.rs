//! Copying a folder as it is: files, modes, links; never following one.
//!
//! Large files share their blocks with the original where the file system can (reflinks); no hard
//! links, since agents write. What is neither file, folder nor link is left out.

use std::{
    ffi::CStr,
    io,
    os::fd::{AsFd, OwnedFd},
};

use rustix::{
    fs::{
        AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, copy_file_range, fchmod, fstat,
        ioctl_ficlone, mkdirat, openat, readlinkat, statat, symlinkat,
    },
    io::{Errno, read, write},
    path::Arg,
};

/// Files up to this size are read and written at once; larger ones are cloned or copied in the
/// kernel.
const SMALL: usize = 64 << 10;

/// Levels of folders; each holds two descriptors.
pub(super) const DEEPEST: usize = 100;

/// What is copied, and with what.
pub(super) struct Copier {
    buffer: Vec<u8>,
    /// Whether the file system is still thought to share blocks.
    shares: bool,
    umask: u32,
    depth: usize,
}

impl Copier {
    pub fn new() -> Self {
        Self {
            buffer: vec![0; SMALL + 1],
            shares: true,
            umask: umask(),
            depth: 0,
        }
    }

    /// Copies one entry of a folder into another folder, under a name that is free there.
    pub fn entry(
        &mut self,
        from: impl AsFd,
        name: &CStr,
        to: impl AsFd,
        new: &CStr,
    ) -> io::Result<()> {
        let stat = statat(&from, name, AtFlags::SYMLINK_NOFOLLOW)?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => self.file(from, name, to, new),
            FileType::Directory => {
                mkdirat(&to, new, Mode::RWXU)?;
                self.folder(&folder(from, name)?, &folder(to, new)?)
            }
            FileType::Symlink => Self::link(from, name, to, new),
            _ => Ok(()),
        }
    }

    /// Copies what is in a folder into an empty one, and its mode.
    pub fn folder(&mut self, from: &OwnedFd, to: &OwnedFd) -> io::Result<()> {
        if self.depth >= DEEPEST {
            return Err(io::Error::other("its folders lie too deep to be copied"));
        }
        self.depth += 1;
        for entry in Dir::read_from(from)? {
            let entry = entry?;
            let name = entry.file_name();
            if name == c"." || name == c".." {
                continue;
            }
            match entry.file_type() {
                FileType::RegularFile => self.file(from, name, to, name)?,
                // Some file systems do not say, and are asked.
                _ => self.entry(from, name, to, name)?,
            }
        }
        self.depth -= 1;
        fchmod(to, mode(&fstat(from)?))?;
        Ok(())
    }

    fn link(from: impl AsFd, name: &CStr, to: impl AsFd, new: &CStr) -> io::Result<()> {
        let target = readlinkat(from, name, Vec::new())?;
        Ok(symlinkat(target.as_c_str(), to, new)?)
    }

    fn file(&mut self, from: impl AsFd, name: &CStr, to: impl AsFd, new: &CStr) -> io::Result<()> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let source = openat(from, name, flags, Mode::empty())?;
        let stat = fstat(&source)?;
        if !FileType::from_raw_mode(stat.st_mode).is_file() {
            return Ok(());
        }
        let mode = mode(&stat);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let target = openat(to, new, flags, mode | Mode::WUSR)?;
        self.content(&source, &target, u64::try_from(stat.st_size).unwrap_or(0))?;
        finish(&target, mode, self.umask)
    }

    fn content(&mut self, source: &OwnedFd, target: &OwnedFd, size: u64) -> io::Result<()> {
        if size <= SMALL as u64 {
            let n = read(source, &mut self.buffer[..])?;
            all(target, &self.buffer[..n])?;
            if n as u64 == size {
                return Ok(());
            }
        } else if self.shares {
            match ioctl_ficlone(target, source) {
                Ok(()) => return Ok(()),
                // Not this file system; the others need not be asked again.
                Err(_) => self.shares = false,
            }
        }
        loop {
            match copy_file_range(source, None, target, None, 1 << 30) {
                Ok(0) => return Ok(()),
                Ok(_) | Err(Errno::INTR) => {}
                Err(Errno::XDEV | Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => break,
                Err(error) => return Err(error.into()),
            }
        }
        loop {
            let n = read(source, &mut self.buffer[..])?;
            if n == 0 {
                return Ok(());
            }
            all(target, &self.buffer[..n])?;
        }
    }
}

/// Gives a new file the bits that it did not get when it was made.
pub(super) fn finish(target: &OwnedFd, mode: Mode, umask: u32) -> io::Result<()> {
    if mode.bits() & umask != 0 || mode.bits() & 0o7000 != 0 || !mode.contains(Mode::WUSR) {
        fchmod(target, mode)?;
    }
    Ok(())
}

/// Writes all of it.
pub(super) fn all(target: impl AsFd, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match write(&target, bytes) {
            Ok(n) => bytes = &bytes[n..],
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// The bits of a mode that can be set.
pub(super) fn mode(stat: &Stat) -> Mode {
    Mode::from_raw_mode(stat.st_mode & 0o7777)
}

/// Opens a folder that is no link.
pub(super) fn folder(at: impl AsFd, name: impl Arg) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(openat(at, name, flags, Mode::empty())?)
}

/// Opens a folder by its path; links on the way are the user's own.
pub(super) fn open(path: &std::path::Path) -> io::Result<OwnedFd> {
    folder(CWD, path)
}

/// The bits that new files do not get. The system call would change them, and for all threads.
pub(super) fn umask() -> u32 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("Umask:"));
    // Not known: every mode is set.
    line.and_then(|l| u32::from_str_radix(l.trim(), 8).ok())
        .unwrap_or(0o7777)
}
