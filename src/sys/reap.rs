//! Reaping children without blocking, one by one or all orphans, with what they used.
//!
//! Never waits for "any child" of other threads: another part of the program may wait for a child
//! of its own (a `git` call), and must get its status.
#![expect(
    unsafe_code,
    reason = "wait4 is the only call that gives status and usage together"
)]

use std::{io, mem::MaybeUninit};

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    /// With a status.
    Code(i32),
    /// By a signal.
    Signal {
        /// Its number.
        number: i32,
        /// Whether the kernel wrote a core dump.
        core: bool,
    },
}

/// What a process and the children that it waited for used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// User and system time in microseconds.
    pub cpu_us: u64,
    /// Largest resident set of any one of them, in bytes.
    pub maxrss_bytes: u64,
}

/// A reaped child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reaped {
    /// Its process id, free for reuse from now on.
    pub pid: i32,
    /// How it ended.
    pub status: ExitStatus,
    /// What it used.
    pub usage: Usage,
}

/// What a look at the orphans found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Orphans {
    /// One had ended and was reaped; there may be more. It may be one that somebody waits for: the
    /// children of a thread that has ended come to the main thread too.
    Reaped(Reaped),
    /// Some live.
    Alive,
    /// There are none.
    None,
}

/// Reaps one child, if it has ended. `Ok(None)`: it lives.
pub fn reap(pid: i32) -> io::Result<Option<Reaped>> {
    wait4(pid, libc::WNOHANG)
}

/// Waits for one child until it has ended.
pub fn wait(pid: i32) -> io::Result<Reaped> {
    loop {
        match wait4(pid, 0) {
            Ok(Some(reaped)) => return Ok(reaped),
            Ok(None) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Reaps one of this thread's own children.
///
/// Meant for the main thread of a subreaper: orphans become children of the main thread (the kernel
/// picks the first living thread), so where the main thread starts no process itself, its children
/// are exactly the orphans, and this one cheap call tells whether there are any.
pub fn reap_own_orphan() -> io::Result<Orphans> {
    match wait4(-1, libc::WNOHANG | libc::__WNOTHREAD | libc::__WALL) {
        Ok(Some(reaped)) => Ok(Orphans::Reaped(reaped)),
        Ok(None) => Ok(Orphans::Alive),
        Err(error) if error.raw_os_error() == Some(libc::ECHILD) => Ok(Orphans::None),
        Err(error) => Err(error),
    }
}

fn wait4(pid: i32, options: libc::c_int) -> io::Result<Option<Reaped>> {
    let mut status = 0;
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: both pointers are valid for the whole call, which fills them; `rusage` is plain
    // integers, so the zeroed value is valid even where the kernel writes nothing.
    let (got, usage) = unsafe {
        let got = libc::wait4(pid, &raw mut status, options, usage.as_mut_ptr());
        (got, usage.assume_init())
    };
    match got {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(None),
        pid => {
            let usage = Usage {
                cpu_us: cpu_us(&usage),
                maxrss_bytes: u64::try_from(usage.ru_maxrss).unwrap_or(0) * 1024,
            };
            let status = if libc::WIFSIGNALED(status) {
                ExitStatus::Signal {
                    number: libc::WTERMSIG(status),
                    core: libc::WCOREDUMP(status),
                }
            } else {
                ExitStatus::Code(libc::WEXITSTATUS(status))
            };
            Ok(Some(Reaped { pid, status, usage }))
        }
    }
}

fn cpu_us(usage: &libc::rusage) -> u64 {
    let us = |t: libc::timeval| {
        u64::try_from(t.tv_sec).unwrap_or(0) * 1_000_000 + u64::try_from(t.tv_usec).unwrap_or(0)
    };
    us(usage.ru_utime) + us(usage.ru_stime)
}

/// Returns the CPU time that this process has used so far, in microseconds.
pub fn own_cpu_us() -> io::Result<u64> {
    usage_of(libc::RUSAGE_SELF)
}

/// Returns the CPU time of all children that were waited for, and of theirs, in microseconds.
pub fn children_cpu_us() -> io::Result<u64> {
    usage_of(libc::RUSAGE_CHILDREN)
}

fn usage_of(who: libc::c_int) -> io::Result<u64> {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the pointer is valid for the call; zeroed integers are valid whatever it writes.
    let (got, usage) = unsafe {
        (
            libc::getrusage(who, usage.as_mut_ptr()),
            usage.assume_init(),
        )
    };
    if got == 0 {
        Ok(cpu_us(&usage))
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Names a signal; `SIG<number>` for those that have no name, such as real-time signals.
#[must_use]
pub fn signal_name(number: i32) -> String {
    let name = match number {
        libc::SIGHUP => "SIGHUP",
        libc::SIGINT => "SIGINT",
        libc::SIGQUIT => "SIGQUIT",
        libc::SIGILL => "SIGILL",
        libc::SIGTRAP => "SIGTRAP",
        libc::SIGABRT => "SIGABRT",
        libc::SIGBUS => "SIGBUS",
        libc::SIGFPE => "SIGFPE",
        libc::SIGKILL => "SIGKILL",
        libc::SIGUSR1 => "SIGUSR1",
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGUSR2 => "SIGUSR2",
        libc::SIGPIPE => "SIGPIPE",
        libc::SIGALRM => "SIGALRM",
        libc::SIGTERM => "SIGTERM",
        libc::SIGSTKFLT => "SIGSTKFLT",
        libc::SIGXCPU => "SIGXCPU",
        libc::SIGXFSZ => "SIGXFSZ",
        libc::SIGVTALRM => "SIGVTALRM",
        libc::SIGPROF => "SIGPROF",
        libc::SIGIO => "SIGIO",
        libc::SIGPWR => "SIGPWR",
        libc::SIGSYS => "SIGSYS",
        other => return format!("SIG{other}"),
    };
    name.to_owned()
}
