//! What a checkout holds, in one file: copies of it read that file instead of opening each of
//! thousands, which is a fifth of what a copy costs.
//!
//! Files, modes, links and folders, never following a link; no hard links, since agents write. A
//! large file begins at a block of its own, so that a file system that can shares it with the copies.
//! What is neither file, folder nor link is left out. A pack is read by the process that wrote it and
//! by nobody else, so its form has no version. Must not hold the top folder's `.git`.

use std::{
    ffi::{CStr, CString},
    fs::File,
    io::{self, BufWriter, Seek, Write},
    os::{
        fd::{AsFd, OwnedFd},
        unix::fs::{FileExt, OpenOptionsExt},
    },
    path::Path,
};

use rustix::{
    fs::{
        AtFlags, Dir, FileType, Mode, OFlags, copy_file_range, fchmod, fstat, mkdirat, openat,
        readlinkat, statat, symlinkat,
    },
    io::{Errno, read},
};

use super::copy::{self, DEEPEST};

/// Files up to this size are read and written at once; larger ones are copied in the kernel.
const SMALL: usize = 64 << 10;
/// A large file begins at a multiple of this.
const BLOCK: u64 = 4096;
/// Bytes of a pack that are read at once.
const WINDOW: usize = 256 << 10;
/// Bytes before a name: kind, mode, length of the name, size of the content.
const HEAD: usize = 17;

/// What an entry is.
const FILE: u8 = b'f';
const LINK: u8 = b'l';
const FOLDER: u8 = b'd';
/// The folder that was entered last is done.
const LEAVE: u8 = b'u';

/// Packs what is in a folder but its `.git` into a file that must not be there yet.
pub(super) fn write(from: &OwnedFd, to: &Path) -> io::Result<()> {
    let file = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(to)?;
    let mut packer = Packer {
        out: BufWriter::with_capacity(WINDOW, file),
        buffer: vec![0; SMALL + 1],
        depth: 0,
    };
    packer.folder(from)?;
    packer.out.flush()
}

struct Packer {
    out: BufWriter<File>,
    buffer: Vec<u8>,
    depth: usize,
}

impl Packer {
    fn folder(&mut self, from: &OwnedFd) -> io::Result<()> {
        if self.depth >= DEEPEST {
            return Err(io::Error::other("its folders lie too deep to be copied"));
        }
        self.depth += 1;
        for entry in Dir::read_from(from)? {
            let entry = entry?;
            let name = entry.file_name();
            if name == c"." || name == c".." || (self.depth == 1 && name == c".git") {
                continue;
            }
            let kind = match entry.file_type() {
                // Some file systems do not say, and are asked.
                FileType::Unknown => {
                    let stat = statat(from, name, AtFlags::SYMLINK_NOFOLLOW)?;
                    FileType::from_raw_mode(stat.st_mode)
                }
                kind => kind,
            };
            match kind {
                FileType::RegularFile => self.file(from, name)?,
                FileType::Directory => {
                    let folder = copy::folder(from, name)?;
                    let mode = copy::mode(&fstat(&folder)?);
                    self.head(FOLDER, mode, name, 0)?;
                    self.folder(&folder)?;
                    self.head(LEAVE, mode, c"", 0)?;
                }
                FileType::Symlink => {
                    let target = readlinkat(from, name, Vec::new())?;
                    let bytes = target.as_bytes();
                    self.head(LINK, Mode::empty(), name, bytes.len() as u64)?;
                    self.out.write_all(bytes)?;
                }
                _ => {}
            }
        }
        self.depth -= 1;
        Ok(())
    }

    fn head(&mut self, kind: u8, mode: Mode, name: &CStr, size: u64) -> io::Result<()> {
        let name = name.to_bytes();
        let mut head = [0; HEAD];
        head[0] = kind;
        head[1..5].copy_from_slice(&mode.bits().to_le_bytes());
        // A name has at most 255 bytes.
        head[5..9].copy_from_slice(&(name.len() as u32).to_le_bytes());
        head[9..].copy_from_slice(&size.to_le_bytes());
        self.out.write_all(&head)?;
        self.out.write_all(name)
    }

    fn file(&mut self, from: impl AsFd, name: &CStr) -> io::Result<()> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let source = openat(from, name, flags, Mode::empty())?;
        let stat = fstat(&source)?;
        if !FileType::from_raw_mode(stat.st_mode).is_file() {
            return Ok(());
        }
        let mode = copy::mode(&stat);
        let mut n = 0;
        // One byte more than a small one has, so that its end is seen.
        while n <= SMALL {
            match read(&source, &mut self.buffer[n..]) {
                Ok(0) => break,
                Ok(more) => n += more,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        if n <= SMALL {
            self.head(FILE, mode, name, n as u64)?;
            return self.out.write_all(&self.buffer[..n]);
        }
        let size = u64::try_from(stat.st_size).unwrap_or(0);
        self.head(FILE, mode, name, size)?;
        let at = self.out.stream_position()?;
        let gap = at.next_multiple_of(BLOCK) - at;
        self.out.write_all(&[0; BLOCK as usize][..gap as usize])?;
        self.out.flush()?;
        let target = self.out.get_mut();
        let copied = between(&source, &mut 0, target, size, &mut self.buffer);
        // The position of the file is behind what was written.
        self.out.seek(io::SeekFrom::End(0))?;
        copied
    }
}

/// Makes in an empty folder what a pack holds.
pub(super) fn read_into(pack: &Path, to: &OwnedFd) -> io::Result<()> {
    let mut from = Window {
        file: File::open(pack)?,
        at: 0,
        buffer: vec![0; WINDOW],
        held: 0,
        used: 0,
    };
    let end = from.file.metadata()?.len();
    let umask = copy::umask();
    let mut open = vec![to.try_clone()?];
    let mut buffer = vec![0; SMALL];
    while from.position() < end {
        let head = from.take(HEAD)?;
        let word =
            |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let (kind, mode, length) = (head[0], Mode::from_raw_mode(word(1)), word(5));
        let size = u64::from(word(9)) | u64::from(word(13)) << 32;
        let name = CString::new(from.take(length as usize)?)?;
        let Some(folder) = open.last() else {
            return Err(damaged());
        };
        match kind {
            FILE => {
                let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
                let target = openat(folder, &*name, flags, mode | Mode::WUSR)?;
                if size <= SMALL as u64 {
                    copy::all(&target, from.take(size as usize)?)?;
                } else {
                    let mut at = from.position().next_multiple_of(BLOCK);
                    between(from.file.as_fd(), &mut at, &target, size, &mut buffer)?;
                    from.go(at);
                }
                copy::finish(&target, mode, umask)?;
            }
            LINK => {
                let target = CString::new(from.take(size as usize)?)?;
                symlinkat(&*target, folder, &*name)?;
            }
            FOLDER => {
                mkdirat(folder, &*name, Mode::RWXU)?;
                let inner = copy::folder(folder, &*name)?;
                open.push(inner);
            }
            LEAVE => {
                fchmod(folder, mode)?;
                open.pop();
            }
            _ => return Err(damaged()),
        }
    }
    Ok(())
}

fn damaged() -> io::Error {
    io::Error::other("the template is damaged")
}

/// Copies so many bytes from a place of a file to where another file stands, and moves the place.
fn between(
    from: impl AsFd,
    at: &mut u64,
    to: impl AsFd,
    size: u64,
    buffer: &mut [u8],
) -> io::Result<()> {
    let end = *at + size;
    while *at < end {
        // Shares blocks where the file system can and both stand at one.
        let left = (end - *at) as usize;
        match copy_file_range(&from, Some(&mut *at), &to, None, left) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) | Err(Errno::INTR) => {}
            Err(Errno::XDEV | Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => break,
            Err(error) => return Err(error.into()),
        }
    }
    while *at < end {
        let most = buffer.len().min((end - *at) as usize);
        match rustix::io::pread(&from, &mut buffer[..most], *at) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => {
                copy::all(&to, &buffer[..n])?;
                *at += n as u64;
            }
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// A pack while it is read: a piece of it in memory.
struct Window {
    file: File,
    /// Where the piece begins.
    at: u64,
    buffer: Vec<u8>,
    /// How much of the buffer is filled, and how much of that was taken.
    held: usize,
    used: usize,
}

impl Window {
    fn position(&self) -> u64 {
        self.at + self.used as u64
    }

    fn go(&mut self, to: u64) {
        (self.at, self.held, self.used) = (to, 0, 0);
    }

    /// The next bytes; no more than a small file has.
    fn take(&mut self, size: usize) -> io::Result<&[u8]> {
        if self.held - self.used < size {
            if size > self.buffer.len() {
                return Err(damaged());
            }
            self.go(self.position());
            while self.held < size {
                let place = self.at + self.held as u64;
                match self.file.read_at(&mut self.buffer[self.held..], place) {
                    Ok(0) => return Err(damaged()),
                    Ok(n) => self.held += n,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
        }
        let from = self.used;
        self.used += size;
        Ok(&self.buffer[from..self.used])
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{PermissionsExt, symlink},
        path::PathBuf,
    };

    use super::*;

    /// Path, mode and content of everything below a folder.
    fn all(root: &Path) -> Vec<(PathBuf, u32, Vec<u8>)> {
        let mut found = Vec::new();
        let mut open = vec![root.to_owned()];
        while let Some(folder) = open.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let meta = path.symlink_metadata().unwrap();
                let content = if meta.is_symlink() {
                    fs::read_link(&path)
                        .unwrap()
                        .into_os_string()
                        .into_encoded_bytes()
                } else if meta.is_dir() {
                    open.push(path.clone());
                    Vec::new()
                } else {
                    fs::read(&path).unwrap()
                };
                let relative = path.strip_prefix(root).unwrap().to_owned();
                found.push((relative, meta.permissions().mode(), content));
            }
        }
        found.sort();
        found
    }

    #[test]
    fn what_comes_out_is_what_went_in() {
        let folder = tempfile::tempdir().unwrap();
        let from = folder.path().join("from");
        fs::create_dir_all(from.join("a/b/empty")).unwrap();
        fs::create_dir_all(from.join(".git")).unwrap();
        fs::create_dir_all(from.join("a/.git")).unwrap();
        fs::write(from.join(".git/config"), "not this").unwrap();
        fs::write(from.join("a/.git/config"), "this").unwrap();
        // Around the borders of what is small and of the window.
        let sizes = [0, 1, SMALL - 1, SMALL, SMALL + 1, WINDOW, 3 * WINDOW + 5];
        for (n, size) in sizes.into_iter().enumerate() {
            let bytes: Vec<u8> = (0..size).map(|i| (i * 31 + n) as u8).collect();
            fs::write(from.join(format!("a/{n}")), &bytes).unwrap();
            fs::write(from.join(format!("a/b/{n} again")), &bytes[size / 2..]).unwrap();
        }
        symlink("../nowhere", from.join("a/link")).unwrap();
        symlink("b", from.join("a/to folder")).unwrap();
        let modes = [
            ("a/0", 0o755),
            ("a/1", 0o444),
            ("a/2", 0o666),
            ("a/b", 0o500),
        ];
        for (path, mode) in modes {
            fs::set_permissions(from.join(path), fs::Permissions::from_mode(mode)).unwrap();
        }
        let pack = folder.path().join("pack");
        write(&copy::open(&from).unwrap(), &pack).unwrap();
        for to in ["one", "two"] {
            let to = folder.path().join(to);
            fs::create_dir(&to).unwrap();
            read_into(&pack, &copy::open(&to).unwrap()).unwrap();
            let mut wanted = all(&from);
            wanted.retain(|(path, ..)| !path.starts_with(".git"));
            assert!(wanted == all(&to));
            assert!(!to.join(".git").exists() && to.join("a/.git/config").exists());
        }
        // A second one does not write over the first.
        let to = copy::open(&folder.path().join("one")).unwrap();
        assert!(read_into(&pack, &to).is_err());
        assert!(write(&copy::open(&from).unwrap(), &pack).is_err());
        for path in ["from/a/b", "one/a/b", "two/a/b"] {
            let path = folder.path().join(path);
            fs::set_permissions(path, fs::Permissions::from_mode(0o700)).unwrap();
        }
    }

    #[test]
    fn one_that_was_cut_is_damaged_and_never_read_as_whole() {
        let folder = tempfile::tempdir().unwrap();
        let from = folder.path().join("from");
        fs::create_dir_all(from.join("sub")).unwrap();
        fs::write(from.join("sub/x"), "content").unwrap();
        fs::write(from.join("large"), vec![7; SMALL + 9]).unwrap();
        let pack = folder.path().join("pack");
        write(&copy::open(&from).unwrap(), &pack).unwrap();
        let bytes = fs::read(&pack).unwrap();
        for length in [3, HEAD + 2, bytes.len() / 2, bytes.len() - 1] {
            let cut = folder.path().join("cut");
            fs::write(&cut, &bytes[..length]).unwrap();
            let to = tempfile::tempdir().unwrap();
            let read = read_into(&cut, &copy::open(to.path()).unwrap());
            assert!(read.is_err(), "{length}");
        }
    }
}
