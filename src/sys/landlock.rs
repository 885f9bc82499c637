//! Landlock: the kernel refuses this process, and all that it starts, to write where it may not.
//!
//! Three system calls, so no library. Must not decide which places those are, and must be called in
//! a process of one thread: the calls hold for the calling thread and what it starts.
//!
//! The numbers are those of `include/uapi/linux/landlock.h`; what they cover and what they do not is
//! in `docs/sandbox.md`.
#![expect(
    unsafe_code,
    reason = "Landlock's calls have no wrapper in rustix or libc"
)]

use std::{
    fmt, io,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    path::{Path, PathBuf},
    ptr,
};

use rustix::{
    fs::{FileType, Mode, OFlags, fstat, open},
    thread::set_no_new_privs,
};

/// Rights on files and folders (`LANDLOCK_ACCESS_FS_…`) that change something.
mod right {
    pub const WRITE_FILE: u64 = 1 << 1;
    pub const REMOVE_DIR: u64 = 1 << 4;
    pub const REMOVE_FILE: u64 = 1 << 5;
    pub const MAKE_CHAR: u64 = 1 << 6;
    pub const MAKE_DIR: u64 = 1 << 7;
    pub const MAKE_REG: u64 = 1 << 8;
    pub const MAKE_SOCK: u64 = 1 << 9;
    pub const MAKE_FIFO: u64 = 1 << 10;
    pub const MAKE_BLOCK: u64 = 1 << 11;
    pub const MAKE_SYM: u64 = 1 << 12;
    /// Rename or link between folders; since version 2.
    pub const REFER: u64 = 1 << 13;
    /// Since version 3.
    pub const TRUNCATE: u64 = 1 << 14;
}

/// Version that refuses `truncate` (Linux 6.2).
const TRUNCATES: u32 = 3;
/// Version that keeps signals inside (Linux 6.12).
const SIGNALS: u32 = 6;
/// The least version that is of use (Linux 5.19): before it, a rename from one folder into another is
/// refused inside the workspace too, and with it `git mv`.
const LEAST: u32 = 2;
/// `LANDLOCK_SCOPE_SIGNAL`.
const SCOPE_SIGNAL: u64 = 1 << 1;
/// `LANDLOCK_CREATE_RULESET_VERSION`.
const ASK_VERSION: u32 = 1;
/// `LANDLOCK_RULE_PATH_BENEATH`.
const PATH_BENEATH: i32 = 1;

/// What this kernel has of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Support {
    /// It can be enforced; the version of the interface.
    Version(u32),
    /// It cannot; why, as a clause for a person.
    Missing(String),
}

impl fmt::Display for Support {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version(version) => {
                write!(f, "enforced by the kernel (Landlock version {version}")?;
                if *version < TRUNCATES {
                    f.write_str("; before Linux 6.2 files elsewhere can still be cut short")?;
                }
                f.write_str(")")
            }
            Self::Missing(why) => write!(f, "watched, not enforced: {why}"),
        }
    }
}

/// How much one may do in a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    /// Everything, below it too; the place must be there.
    Whole,
    /// Everything, below it too, where the place is there.
    WholeIfThere,
    /// Change the content of what is there, and make or remove nothing; where the place is there.
    Content,
}

/// A place that may be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// How much.
    pub grant: Grant,
    /// A file, or a folder with all that is below it. A link stands for what it points to.
    pub path: PathBuf,
}

/// Asks the kernel; one system call.
#[must_use]
pub fn probe() -> Support {
    // SAFETY: with this flag the kernel reads no memory: the attribute is NULL and its size 0.
    let version = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            ptr::null::<Attributes>(),
            0_usize,
            ASK_VERSION,
        )
    };
    match u32::try_from(version) {
        Ok(version) if version >= LEAST => Support::Version(version),
        Ok(version) => Support::Missing(format!(
            "Landlock version {version} of this kernel refuses renames between folders of the workspace too: Linux 5.19 or newer is needed"
        )),
        Err(_) => Support::Missing(refusal(&io::Error::last_os_error())),
    }
}

/// Why the kernel has none.
fn refusal(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(libc::ENOSYS) => {
            "this kernel has no Landlock, or a container hides it: Linux 5.19 or newer is needed"
                .to_owned()
        }
        Some(libc::EOPNOTSUPP) => {
            "Landlock is switched off at boot: add `landlock` to the kernel's `lsm=` list"
                .to_owned()
        }
        Some(libc::EPERM) => {
            "a container's system call filter forbids Landlock: allow the landlock calls in it"
                .to_owned()
        }
        _ => format!("the kernel refuses to tell whether it has Landlock: {error}"),
    }
}

/// `struct landlock_ruleset_attr`: kernels that know less of it take it as long as the rest is 0.
#[repr(C)]
#[derive(Debug)]
struct Attributes {
    handled_access_fs: u64,
    handled_access_net: u64,
    scoped: u64,
}

/// `struct landlock_path_beneath_attr`.
#[repr(C, packed)]
struct PathBeneath {
    allowed_access: u64,
    parent_fd: i32,
}

/// All rights that a version can refuse and that change something.
const fn all(version: u32) -> u64 {
    use right::{
        MAKE_BLOCK, MAKE_CHAR, MAKE_DIR, MAKE_FIFO, MAKE_REG, MAKE_SOCK, MAKE_SYM, REFER,
        REMOVE_DIR, REMOVE_FILE,
    };
    let folders = REMOVE_DIR
        | REMOVE_FILE
        | MAKE_CHAR
        | MAKE_DIR
        | MAKE_REG
        | MAKE_SOCK
        | MAKE_FIFO
        | MAKE_BLOCK
        | MAKE_SYM
        | REFER;
    folders | content(version)
}

/// The rights among them that a file can have.
const fn content(version: u32) -> u64 {
    if version >= TRUNCATES {
        right::WRITE_FILE | right::TRUNCATE
    } else {
        right::WRITE_FILE
    }
}

/// From now on this thread and whatever it starts can write only where the rules say, and cannot
/// gain rights by setuid programs. Where the kernel can, signals reach only what is inside too.
///
/// # Errors
/// In words, with the place that is the cause. Some of it may hold already: the caller ends.
pub fn restrict(rules: &[Rule]) -> io::Result<()> {
    let version = match probe() {
        Support::Version(version) => version,
        Support::Missing(why) => return Err(io::Error::new(io::ErrorKind::Unsupported, why)),
    };
    let attributes = Attributes {
        handled_access_fs: all(version),
        handled_access_net: 0,
        scoped: if version >= SIGNALS { SCOPE_SIGNAL } else { 0 },
    };
    // SAFETY: the attribute is valid for reads of the size that is told and outlives the call.
    let ruleset = unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            &raw const attributes,
            size_of::<Attributes>(),
            0_u32,
        )
    };
    let ruleset = match i32::try_from(ruleset) {
        // SAFETY: the kernel has just made this descriptor, and nobody else knows it.
        Ok(fd) if fd >= 0 => unsafe { OwnedFd::from_raw_fd(fd) },
        _ => return Err(io::Error::last_os_error()),
    };
    for rule in rules {
        add(&ruleset, rule, version).map_err(|error| {
            io::Error::new(error.kind(), format!("{}: {error}", rule.path.display()))
        })?;
    }
    set_no_new_privs(true)?;
    // SAFETY: integers only.
    let done =
        unsafe { libc::syscall(libc::SYS_landlock_restrict_self, ruleset.as_raw_fd(), 0_u32) };
    if done == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

fn add(ruleset: &OwnedFd, rule: &Rule, version: u32) -> io::Result<()> {
    let Some((place, folder)) = place(&rule.path, rule.grant)? else {
        return Ok(());
    };
    let attribute = PathBeneath {
        allowed_access: if folder && rule.grant != Grant::Content {
            all(version)
        } else {
            content(version)
        },
        parent_fd: place.as_raw_fd(),
    };
    // SAFETY: the attribute is valid for reads and outlives the call, as both descriptors do.
    let done = unsafe {
        libc::syscall(
            libc::SYS_landlock_add_rule,
            ruleset.as_raw_fd(),
            PATH_BENEATH,
            &raw const attribute,
            0_u32,
        )
    };
    if done == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Opens a place without reading it, and tells whether it is a folder; none: it need not be there.
fn place(path: &Path, grant: Grant) -> io::Result<Option<(OwnedFd, bool)>> {
    match open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()) {
        Ok(fd) => {
            let kind = FileType::from_raw_mode(fstat(&fd)?.st_mode);
            Ok(Some((fd, kind == FileType::Directory)))
        }
        // Not there, or hidden from this user: then it cannot be written either.
        Err(_) if grant != Grant::Whole => Ok(None),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_why_it_is_not_enforced() {
        let of = |number| refusal(&io::Error::from_raw_os_error(number));
        let said = [libc::ENOSYS, libc::EOPNOTSUPP, libc::EPERM].map(of);
        assert!(said[0].contains("no Landlock"), "{said:?}");
        assert!(said[1].contains("lsm="), "{said:?}");
        assert!(said[2].contains("filter"), "{said:?}");
    }

    #[test]
    fn old_versions_ask_for_no_right_that_they_do_not_know() {
        assert_eq!(all(2), 0x3ff2, "up to bit 13, without execute and reads");
        assert_eq!(all(3), 0x7ff2);
        assert_eq!(all(7), all(3));
        assert_eq!((content(2), content(3)), (0x2, 0x4002));
    }
}
