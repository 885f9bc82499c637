//! Runs a program of a person's in the foreground of our terminal and waits for it.
//!
//! It gets a process group of its own, so that its Ctrl-C and Ctrl-Z do not reach us. Must not draw
//! or read keys: the caller has stopped both.
#![expect(unsafe_code, reason = "pthread_sigmask is not in rustix")]

use std::{
    fs::File,
    io,
    os::{fd::AsFd, unix::process::CommandExt},
    process::Command,
};

use rustix::{
    process::{Pid, Signal, WaitOptions, getpgrp, kill_process_group, waitpid},
    termios::tcsetpgrp,
};

/// Runs it; returns whether it ended with status 0.
///
/// # Errors
/// It cannot be started or waited for.
pub fn run(command: &mut Command) -> io::Result<bool> {
    // Without a terminal it runs all the same.
    let terminal = File::open("/dev/tty").ok();
    let child = command.process_group(0).spawn()?;
    let pid = Pid::from_child(&child);
    if let Some(terminal) = &terminal {
        give(terminal, pid);
        // It may have asked for the terminal before it had it.
        let _ = kill_process_group(pid, Signal::CONT);
    }
    let ended = wait(pid);
    if let Some(terminal) = &terminal {
        give(terminal, getpgrp());
    }
    ended
}

/// Waits for its end. Nobody could take it up again if it stopped: it goes on.
fn wait(pid: Pid) -> io::Result<bool> {
    loop {
        match waitpid(Some(pid), WaitOptions::UNTRACED) {
            Ok(Some((_, status))) if status.stopped() => {
                let _ = kill_process_group(pid, Signal::CONT);
            }
            Ok(Some((_, status))) => return Ok(status.exit_status() == Some(0)),
            Ok(None) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Makes a process group the terminal's foreground one.
fn give(terminal: impl AsFd, group: Pid) {
    // From the background that stops a process unless it blocks the signal.
    let before = block();
    // Who is not on this terminal cannot have it, and needs it no more.
    let _ = tcsetpgrp(terminal, group);
    if let Some(before) = before {
        restore(&before);
    }
}

/// Blocks SIGTTOU for this thread; returns what was blocked before.
fn block() -> Option<libc::sigset_t> {
    // SAFETY: a set of signals is plain data of which all zeros are a value; it is made empty, then
    // given to the kernel, which writes the one before into the other. Both live until the end.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        let mut before: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, libc::SIGTTOU);
        (libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, &raw mut before) == 0)
            .then_some(before)
    }
}

fn restore(before: &libc::sigset_t) {
    // SAFETY: the set is one that the kernel gave us; nothing is written back.
    unsafe {
        libc::pthread_sigmask(libc::SIG_SETMASK, before, std::ptr::null_mut());
    }
}
