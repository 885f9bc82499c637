//! One thread that waits for signals and for the guard's death.
//!
//! Must not act: it only tells the loop.

use std::{os::fd::AsFd, sync::mpsc::Sender, thread};

use rustix::event::{PollFd, PollFlags, poll};

use crate::sys::signals::SignalFd;

use super::turns::Msg;

/// Signals that ask a run to stop, by Linux's numbers: HUP, INT, QUIT, TERM.
pub(super) const STOP_SIGNALS: [i32; 4] = [1, 2, 3, 15];

/// Starts the thread. Standard input is the guard's pipe: its end means that the guard is gone.
///
/// # Errors
/// When no descriptor or thread can be had.
pub(super) fn start(to: Sender<Msg>, guarded: bool) -> std::io::Result<()> {
    let signals = SignalFd::new(&STOP_SIGNALS)?;
    thread::Builder::new()
        .name("watch".into())
        .stack_size(64 << 10)
        .spawn(move || {
            let stdin = std::io::stdin();
            let mut guarded = guarded;
            loop {
                let mut fds = vec![PollFd::new(&signals, PollFlags::IN)];
                if guarded {
                    fds.push(PollFd::from_borrowed_fd(stdin.as_fd(), PollFlags::IN));
                }
                if poll(&mut fds, None).is_err() {
                    continue;
                }
                let lost = fds.get(1).is_some_and(|fd| !fd.revents().is_empty());
                while let Ok(Some(signal)) = signals.next() {
                    if to.send(Msg::Signal(signal)).is_err() {
                        return;
                    }
                }
                if lost {
                    guarded = false;
                    if to.send(Msg::GuardLost).is_err() {
                        return;
                    }
                }
            }
        })?;
    Ok(())
}
