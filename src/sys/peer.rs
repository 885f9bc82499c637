//! Who is at the other end of a Unix socket.
//!
//! Must not decide what a peer may do.
#![expect(unsafe_code, reason = "SO_PEERPIDFD is not in rustix")]

use std::{
    io,
    os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    net::sockopt::socket_peercred,
    process::getuid,
};

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
    /// The kernel gives such descriptors, but gave none for it: it had ended by then.
    gone: bool,
}

impl Peer {
    /// Asks the kernel about a connected socket.
    pub fn of(socket: impl AsFd) -> io::Result<Self> {
        let credentials = socket_peercred(socket.as_fd())?;
        let (pidfd, gone) = match peer_pidfd(socket.as_fd().as_raw_fd()) {
            Ok(fd) => (Some(fd), false),
            Err(error) => (None, error.raw_os_error() != Some(libc::ENOPROTOOPT)),
        };
        Ok(Self {
            pid: credentials.pid.as_raw_pid(),
            uid: credentials.uid.as_raw(),
            pidfd,
            gone,
        })
    }

    /// Returns whether it runs as the same user as we do.
    #[must_use]
    pub fn is_same_user(&self) -> bool {
        self.uid == getuid().as_raw()
    }

    /// Returns whether it is below one of `ancestors`.
    ///
    /// [`Place::Unknown`] when it has ended by the time of the answer: its pid may then be
    /// somebody else's.
    #[must_use]
    pub fn place(&self, ancestors: &[i32]) -> Place {
        if self.gone {
            return Place::Unknown;
        }
        let before = proc::stat(self.pid).ok();
        let place = place(self.pid, ancestors);
        // It lives now, so it lived all the time and the pid was its own.
        let lives = match (&self.pidfd, before) {
            (Some(fd), _) => runs(fd),
            (None, Some(before)) => proc::stat(self.pid)
                .is_ok_and(|now| now.alive() && now.start_time == before.start_time),
            (None, None) => false,
        };
        if lives { place } else { Place::Unknown }
    }
}

impl Peer {
    /// Returns the process through which it is below one of `ancestors`: the one that was started
    /// by them. None when that cannot be told any more.
    #[must_use]
    pub fn root(&self, ancestors: &[i32]) -> Option<i32> {
        if self.place(ancestors) != Place::Below {
            return None;
        }
        let mut at = self.pid;
        for _ in 0..LONGEST_CHAIN {
            let parent = proc::stat(at).ok()?.ppid;
            if ancestors.contains(&parent) {
                return Some(at);
            }
            at = parent;
        }
        None
    }
}

/// Whether the process behind a pidfd has not ended.
fn runs(pidfd: &OwnedFd) -> bool {
    let mut fds = [PollFd::new(pidfd, PollFlags::IN)];
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // It can be read from as soon as the process has ended.
    matches!(poll(&mut fds, Some(&now)), Ok(0))
}

fn peer_pidfd(socket: i32) -> io::Result<OwnedFd> {
    let mut fd: libc::c_int = -1;
    let mut len = libc::socklen_t::try_from(size_of::<libc::c_int>()).map_err(io::Error::other)?;
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
    if got != 0 {
        return Err(io::Error::last_os_error());
    }
    if fd < 0 {
        return Err(io::Error::from_raw_os_error(libc::ESRCH));
    }
    // SAFETY: the kernel made this descriptor for us and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Where a process stands in the tree of processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Below one of the processes that were asked about.
    Below,
    /// Below none of them: its chain of parents was followed to its end.
    NotBelow,
    /// Cannot be told: it or a parent is gone, or is hidden from us.
    Unknown,
}

/// Longest chain of parents that is followed.
const LONGEST_CHAIN: usize = 1024;
/// A parent may end while the chain is followed: its children then have another one, so that
/// looking again tells.
const TRIES: usize = 4;

/// Returns whether a process is below one of `ancestors`, by its chain of parents.
///
/// A process that lost its parent hangs below whoever took it in: for what is below a subreaper
/// the answer stays right. The pid must not be reused meanwhile; see [`Peer::place`].
#[must_use]
pub fn place(pid: i32, ancestors: &[i32]) -> Place {
    for _ in 0..TRIES {
        match follow(pid, ancestors) {
            Place::Unknown => {}
            known => return known,
        }
    }
    Place::Unknown
}

fn follow(pid: i32, ancestors: &[i32]) -> Place {
    let Ok(mut at) = proc::stat(pid) else {
        return Place::Unknown;
    };
    if !at.alive() {
        return Place::Unknown;
    }
    for _ in 0..LONGEST_CHAIN {
        if ancestors.contains(&at.ppid) {
            return Place::Below;
        }
        // The first process, or one whose parent is outside of our namespace.
        if at.ppid <= 1 {
            return Place::NotBelow;
        }
        match proc::stat(at.ppid) {
            // A parent is older than its children: a younger one got the pid of a parent that ended.
            Ok(parent) if parent.start_time <= at.start_time => at = parent,
            _ => return Place::Unknown,
        }
    }
    Place::Unknown
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
        let theirs = child.id().cast_signed();
        assert_eq!(place(theirs, &[me]), Place::Below);
        assert_eq!(place(theirs, &[i32::MAX, me]), Place::Below);
        assert_eq!(place(me, &[theirs]), Place::NotBelow);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(place(theirs, &[me]), Place::Unknown);
    }

    /// Set for the process that this test starts of itself: where to connect to.
    const CONNECT: &str = "WAVEDECK_TEST_PEER";

    #[test]
    fn a_child_that_connects_and_exits_is_not_known_to_be_elsewhere() {
        use std::os::unix::net::{UnixListener, UnixStream};
        if let Some(path) = std::env::var_os(CONNECT) {
            let stream = UnixStream::connect(path).unwrap();
            if std::env::var_os("WAVEDECK_TEST_STAY").is_some() {
                // Until the other end lets go.
                let _ = io::Read::read(&mut &stream, &mut [0]);
            }
            return;
        }
        let me = std::process::id().cast_signed();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s");
        let listener = UnixListener::bind(&path).unwrap();
        let child = |stay: bool| {
            let mut command = std::process::Command::new(std::env::current_exe().unwrap());
            command
                .args(["--exact", "sys::peer::tests::a_child_that_connects_and_exits_is_not_known_to_be_elsewhere"])
                .env(CONNECT, &path)
                .stdout(std::process::Stdio::null());
            if stay {
                command.env("WAVEDECK_TEST_STAY", "1");
            }
            command.spawn().unwrap()
        };

        let mut stays = child(true);
        let (stream, _) = listener.accept().unwrap();
        let peer = Peer::of(&stream).unwrap();
        assert_eq!(peer.place(&[me]), Place::Below);
        assert_eq!(peer.place(&[i32::MAX]), Place::NotBelow);
        let without = |pidfd| Peer {
            pidfd,
            ..Peer::of(&stream).unwrap()
        };
        assert_eq!(without(None).place(&[me]), Place::Below);
        drop(stream.shutdown(std::net::Shutdown::Both));
        stays.wait().unwrap();
        // The descriptor was taken while it lived.
        assert_eq!(peer.place(&[i32::MAX]), Place::Unknown);

        // Gone before anybody asks, first not yet reaped, then without a trace.
        let mut goes = child(false);
        let (stream, _) = listener.accept().unwrap();
        let pid = goes.id().cast_signed();
        while proc::stat(pid).unwrap().alive() {
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        assert_eq!(
            Peer::of(&stream).unwrap().place(&[i32::MAX]),
            Place::Unknown
        );
        goes.wait().unwrap();
        let peer = Peer::of(&stream).unwrap();
        assert_eq!(peer.place(&[i32::MAX]), Place::Unknown);
        let old_kernel = Peer {
            pidfd: None,
            gone: false,
            ..peer
        };
        assert_eq!(old_kernel.place(&[i32::MAX]), Place::Unknown);
    }
}
