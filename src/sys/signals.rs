//! Signals of this program: blocked in every thread, read from a descriptor.
//!
//! `main` calls [`block`] before any thread starts: a signal that one thread does not block is
//! delivered there and never reaches the descriptor. Must not install handlers.
#![expect(unsafe_code, reason = "signalfd and sigprocmask are not in rustix")]

use std::{
    io,
    mem::MaybeUninit,
    os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
    ptr,
};

/// What the program handles by reading: a stop in order, a lost terminal, a request for figures.
const HANDLED: [i32; 7] = [
    libc::SIGTERM,
    libc::SIGINT,
    libc::SIGHUP,
    libc::SIGQUIT,
    libc::SIGUSR1,
    libc::SIGUSR2,
    libc::SIGCHLD,
];

fn set_of(signals: &[i32]) -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: sigemptyset initialises the set; sigaddset only sets bits in it.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for &signal in signals {
            libc::sigaddset(set.as_mut_ptr(), signal);
        }
        set.assume_init()
    }
}

/// Blocks all signals that the program reads, in this thread and in all that it starts later.
pub fn block() -> io::Result<()> {
    mask(libc::SIG_BLOCK, &HANDLED)
}

/// Undoes [`block`] for this thread.
pub fn unblock() -> io::Result<()> {
    mask(libc::SIG_UNBLOCK, &HANDLED)
}

fn mask(how: libc::c_int, signals: &[i32]) -> io::Result<()> {
    let set = set_of(signals);
    // SAFETY: `set` is initialised; the old mask is not asked for.
    match unsafe { libc::pthread_sigmask(how, &raw const set, ptr::null_mut()) } {
        0 => Ok(()),
        code => Err(io::Error::from_raw_os_error(code)),
    }
}

/// A descriptor that signals are read from; they must be blocked (see [`block`]).
#[derive(Debug)]
pub struct SignalFd(OwnedFd);

impl SignalFd {
    /// Makes one for the given signals, non-blocking and close-on-exec.
    pub fn new(signals: &[i32]) -> io::Result<Self> {
        let set = set_of(signals);
        // SAFETY: `set` is initialised; -1 asks for a new descriptor.
        let fd =
            unsafe { libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the call just made this descriptor and nobody else owns it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Takes the next signal, if one is pending.
    pub fn next(&self) -> io::Result<Option<i32>> {
        let mut info = [0_u8; size_of::<libc::signalfd_siginfo>()];
        match rustix::io::read(&self.0, &mut info[..]) {
            // `ssi_signo` is the first field, a native-endian u32.
            Ok(len) if len >= 4 => Ok(Some(i32::from_ne_bytes([
                info[0], info[1], info[2], info[3],
            ]))),
            Ok(_) | Err(rustix::io::Errno::AGAIN) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

impl AsFd for SignalFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for SignalFd {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// Makes this process ignore a signal, or stops ignoring it.
pub fn ignore(signal: i32, yes: bool) -> io::Result<()> {
    let handler = if yes { libc::SIG_IGN } else { libc::SIG_DFL };
    // SAFETY: SIG_IGN and SIG_DFL are no functions, so nothing of ours runs in signal context.
    if unsafe { libc::signal(signal, handler) } == libc::SIG_ERR {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Sends a signal to this thread.
pub fn raise(signal: i32) -> io::Result<()> {
    // SAFETY: raise has no preconditions.
    if unsafe { libc::raise(signal) } == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Ends this process by a signal, so that its parent sees that signal; 128 + n where it survives.
pub fn die_by(signal: i32) -> ! {
    // Rust's runtime handles SIGSEGV and SIGBUS and ignores SIGPIPE: the default must be back first.
    let _ = ignore(signal, false);
    let _ = mask(libc::SIG_UNBLOCK, &[signal]);
    let _ = raise(signal);
    std::process::exit(128 + signal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blocked_signal_is_read_from_the_descriptor() {
        block().unwrap();
        let fd = SignalFd::new(&[libc::SIGUSR2, libc::SIGHUP]).unwrap();
        assert_eq!(fd.next().unwrap(), None);
        // To this thread: other tests' threads do not block it.
        raise(libc::SIGUSR2).unwrap();
        raise(libc::SIGHUP).unwrap();
        let mut got = [fd.next().unwrap().unwrap(), fd.next().unwrap().unwrap()];
        got.sort_unstable();
        assert_eq!(got, [libc::SIGHUP, libc::SIGUSR2]);
        assert_eq!(fd.next().unwrap(), None);
    }
}
