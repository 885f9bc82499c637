//! Limits of this process: open files, what children inherit, core dumps.
//!
//! Must not touch limits of other processes.

#![expect(unsafe_code, reason = "close_range is not in rustix")]

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the soft limit of open files to the hard limit and returns the value that now holds.
///
/// Each running agent takes three descriptors (pipe, process, output file). Children inherit the
/// raised limit, so call this only where the plan may run more than about 300 agents at once.
#[must_use]
pub fn raise_open_files() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let holds = if setrlimit(Resource::Nofile, raised).is_ok() {
        limit.maximum
    } else {
        limit.current
    };
    holds.unwrap_or(u64::MAX)
}

/// Makes every descriptor above standard error close-on-exec, also those that we inherited.
///
/// Whoever started us may have left some open, such as the pipes of a build's job server.
pub fn keep_descriptors_from_children() {
    // SAFETY: the call changes no memory and closes nothing now; it takes integers only.
    unsafe {
        libc::syscall(
            libc::SYS_close_range,
            3_u32,
            u32::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        )
    };
}

/// Returns the largest size in bytes that a file written by this process may have; none: any.
#[must_use]
pub fn file_size() -> Option<u64> {
    getrlimit(Resource::Fsize).current
}

/// Switches core dumps of this process and its later children off.
pub fn no_core_dumps() -> io::Result<()> {
    let maximum = getrlimit(Resource::Core).maximum;
    Ok(setrlimit(
        Resource::Core,
        Rlimit {
            current: Some(0),
            maximum,
        },
    )?)
}
