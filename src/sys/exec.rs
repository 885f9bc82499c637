//! The hidden `wavedeck __exec`: prepares its own process, then becomes the program that it is given.
//!
//! What must be set between a start and the program itself is set here, in a process of one thread
//! that holds nothing, and not in a copy of the runner: `fork` would copy the page tables of
//! everything that it knows. Now that is the controlling terminal; limits would be next. Must not
//! print: standard output is the agent's.
#![expect(
    unsafe_code,
    reason = "execv has no wrapper that keeps the arguments as they are and tells the kernel's error"
)]

use std::{
    ffi::{CString, OsString},
    io,
    os::{
        fd::{BorrowedFd, FromRawFd, OwnedFd},
        unix::ffi::OsStringExt,
    },
    ptr,
};

use rustix::{
    io::{FdFlags, fcntl_setfd},
    process::ioctl_tiocsctty,
};

/// Name of the subcommand.
pub const SUBCOMMAND: &str = "__exec";

/// What went wrong, as it is told to the runner on descriptor 3: this byte and the error's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The terminal could not be made the controlling one.
    Terminal = 1,
    /// The program could not be started.
    Program = 2,
}

/// Takes standard input as the controlling terminal and becomes the program whose path and
/// arguments are given; comes back only with an exit status, after telling why on descriptor 3.
///
/// 126: the program cannot be started, or something before it failed; 127: it is not there. As
/// shells say it; the runner goes by what it was told.
#[must_use]
pub fn replace(args: &[OsString]) -> u8 {
    // SAFETY: descriptor 3 is the runner's pipe by this command's contract and nobody else's here;
    // where it is not open, the calls on it fail and that is all.
    let told = unsafe { OwnedFd::from_raw_fd(3) };
    let (stage, error) = match prepare_and_become(args, &told) {
        Ok(never) => match never {},
        Err(found) => found,
    };
    let errno = error.raw_os_error().unwrap_or(0);
    let mut message = [0; 5];
    message[0] = stage as u8;
    message[1..].copy_from_slice(&errno.to_le_bytes());
    // Nobody listens: started by hand. The status tells enough.
    let _ = rustix::io::write(&told, &message);
    if error.kind() == io::ErrorKind::NotFound {
        127
    } else {
        126
    }
}

fn prepare_and_become(
    args: &[OsString],
    told: &OwnedFd,
) -> Result<std::convert::Infallible, (Stage, io::Error)> {
    let bad = || (Stage::Program, io::Error::from_raw_os_error(libc::EINVAL));
    let strings = args.iter().map(|arg| CString::new(arg.clone().into_vec()));
    let strings: Vec<CString> = strings.collect::<Result<_, _>>().map_err(|_| bad())?;
    let [path, argv @ ..] = &strings[..] else {
        return Err(bad());
    };
    fcntl_setfd(told, FdFlags::CLOEXEC).map_err(|e| (Stage::Terminal, e.into()))?;
    // SAFETY: descriptor 0 stays open for as long as this process is this program.
    let terminal = unsafe { BorrowedFd::borrow_raw(0) };
    ioctl_tiocsctty(terminal).map_err(|e| (Stage::Terminal, e.into()))?;
    let mut pointers: Vec<_> = argv.iter().map(|a| a.as_ptr()).collect();
    pointers.push(ptr::null());
    // SAFETY: SIGPIPE is set back to its default, which the language's start took away; path and
    // arguments are strings that outlive the call, the array ends with NULL.
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        libc::execv(path.as_ptr(), pointers.as_ptr());
    }
    Err((Stage::Program, io::Error::last_os_error()))
}
