//! Waiting for the pipes of a command, and ending it.

use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
    process::Child,
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open},
};

/// Waits until one of them is ready.
pub(super) fn wait(
    pipes: &[Option<(BorrowedFd<'_>, PollFlags)>; 3],
    until: Instant,
) -> io::Result<[bool; 3]> {
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let left = Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(left.subsec_nanos()),
        };
        let mut fds: Vec<PollFd<'_>> = pipes
            .iter()
            .flatten()
            .map(|(fd, flags)| PollFd::new(fd, *flags))
            .collect();
        match poll(&mut fds, Some(&left)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
            Ok(_) => {}
        }
        let mut ready = [false; 3];
        let mut results = fds.iter().map(|fd| !fd.revents().is_empty());
        for (at, pipe) in pipes.iter().enumerate() {
            if pipe.is_some() {
                ready[at] = results.next().unwrap_or(false);
            }
        }
        return Ok(ready);
    }
}

/// Time that a command has to take its lock files away.
const GRACE: Duration = Duration::from_secs(2);

/// Ends a command and its helpers, which are its group: a git that is only killed leaves its locks.
pub(super) fn end(child: &Child) {
    let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else {
        return;
    };
    let _ = kill_process_group(group, Signal::TERM);
    if let Ok(process) = pidfd_open(group, PidfdFlags::empty()) {
        let ended = Some((process.as_fd(), PollFlags::IN));
        let _ = wait(&[ended, None, None], Instant::now() + GRACE);
    }
    // It is not waited for yet, so the number is still its own.
    let _ = kill_process_group(group, Signal::KILL);
}
