//! Who is at the other end of a Unix socket.
//!
//! Must not decide what a peer may do.
#![expect(unsafe_code, reason = "SO_PEERPIDFD is not in rustix")]

use std::{
    io,
    os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd},
};

use rustix::{net::sockopt::socket_peercred, process::getuid};

use super::proc;

/// The other end as the kernel noted it when the connection was made.
#[derive(Debug)]
pub struct Peer {
    /// Its process id at that time.
    pub pid: i32,
    /// Its user.
    pub uid: u32,
    /// Holds on to the process itself, so that the pid cannot be reused; Linux 6.5 and newer.
    pub pidfd: Option<OwnedFd>,
}

impl Peer {
    /// Asks the kernel about a connected socket.
    pub fn of(socket: impl AsFd) -> io::Result<Self> {
        let credentials = socket_peercred(socket.as_fd())?;
        let pidfd = peer_pidfd(socket.as_fd().as_raw_fd());
        Ok(Self {
            pid: credentials.pid.as_raw_pid(),
            uid: credentials.uid.as_raw(),
            pidfd,
        })
    }

    /// Returns whether it runs as the same user as we do.
    #[must_use]
    pub fn is_same_user(&self) -> bool {
        self.uid == getuid().as_raw()
    }
}

fn peer_pidfd(socket: i32) -> Option<OwnedFd> {
    let mut fd: libc::c_int = -1;
    let mut len = libc::socklen_t::try_from(size_of::<libc::c_int>()).ok()?;
    // SAFETY: the value and its length are valid for writing and the length is the value's.
    let got = unsafe {
        libc::getsockopt(
            socket,
            libc::SOL_SOCKET,
            libc::SO_PEERPIDFD,
            (&raw mut fd).cast(),
            &raw mut len,
        )
    };
    // SAFETY: on success the kernel made this descriptor for us and nobody else owns it.
    (got == 0 && fd >= 0).then(|| unsafe { OwnedFd::from_raw_fd(fd) })
}

impl Peer {
    /// Returns whether it is for certain no descendant of a process: it lives, and its chain of
    /// parents leads elsewhere.
    ///
    /// Who has gone has no parents any more, and another process may hold its end of the socket:
    /// of that one nothing is known.
    #[must_use]
    pub fn is_outside_of(&self, ancestor: i32) -> bool {
        (0..5).any(|_| is_below(self.pid, ancestor).is_some_and(|below| !below)) && self.lives()
    }

    fn lives(&self) -> bool {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let Some(pidfd) = &self.pidfd else {
            return proc::stat(self.pid).is_ok_and(|stat| stat.alive());
        };
        // Readable once it has ended.
        let mut fds = [PollFd::new(pidfd, PollFlags::IN)];
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        poll(&mut fds, Some(&now)) == Ok(0)
    }
}

/// Returns whether a process is below another; none where the chain breaks off before its end.
fn is_below(pid: i32, ancestor: i32) -> Option<bool> {
    let mut at = pid;
    for _ in 0..1024 {
        let stat = proc::stat(at).ok()?;
        match stat.ppid {
            parent if parent == ancestor => return Some(true),
            // At the top: init, or a process whose parent is outside of this pid namespace.
            0 | 1 => return Some(false),
            parent => at = parent,
        }
    }
    None
}

/// Returns whether a process is below another, by its chain of parents.
///
/// A process that lost its parent hangs below whoever took it in: for what is below a subreaper
/// the answer stays right.
#[must_use]
pub fn is_descendant_of(pid: i32, ancestor: i32) -> bool {
    is_below(pid, ancestor) == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_pair_is_ourselves() {
        let (one, _two) = std::os::unix::net::UnixStream::pair().unwrap();
        let peer = Peer::of(&one).unwrap();
        assert_eq!(peer.pid, std::process::id().cast_signed());
        assert!(peer.is_same_user());
    }

    #[test]
    fn who_is_gone_is_not_known_to_be_outside() {
        let me = std::process::id().cast_signed();
        let child = || {
            std::process::Command::new("/bin/sleep")
                .arg("60")
                .spawn()
                .unwrap()
        };
        let mut gone = child();
        gone.kill().unwrap();
        gone.wait().unwrap();
        let peer = |pid: u32| Peer {
            pid: pid.cast_signed(),
            uid: getuid().as_raw(),
            pidfd: None,
        };
        assert!(!peer(gone.id()).is_outside_of(1_999_999_999));
        let mut zombie = child();
        zombie.kill().unwrap();
        while proc::stat(zombie.id().cast_signed()).unwrap().alive() {
            std::thread::yield_now();
        }
        assert!(!peer(zombie.id()).is_outside_of(1_999_999_999));
        zombie.wait().unwrap();
        assert!(peer(std::process::id()).is_outside_of(1_999_999_999));
        let mut below = child();
        assert!(!peer(below.id()).is_outside_of(me));
        below.kill().unwrap();
        below.wait().unwrap();
    }

    #[test]
    fn descent_goes_over_parents() {
        let me = std::process::id().cast_signed();
        let mut child = std::process::Command::new("/bin/sleep")
            .arg("60")
            .spawn()
            .unwrap();
        assert!(is_descendant_of(child.id().cast_signed(), me));
        assert!(!is_descendant_of(me, child.id().cast_signed()));
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
