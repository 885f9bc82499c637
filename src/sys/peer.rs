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

/// Returns whether a process is below another, by its chain of parents.
///
/// A process that lost its parent hangs below whoever took it in: for what is below a subreaper
/// the answer stays right.
#[must_use]
pub fn is_descendant_of(pid: i32, ancestor: i32) -> bool {
    let mut at = pid;
    for _ in 0..1024 {
        match proc::stat(at) {
            Ok(stat) if stat.ppid == ancestor => return true,
            Ok(stat) if stat.ppid > 1 => at = stat.ppid,
            _ => return false,
        }
    }
    false
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
