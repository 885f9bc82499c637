//! Processes whose first thread has ended before others of theirs.
//!
//! The kernel calls such a process ended (`Z`), and says nothing of its memory and environment, though it works on: its
//! other threads have all of that. Must not signal or judge.

use std::{fs::File, io::Read, path::PathBuf};

use super::proc::{Stat, parse_stat};

/// The folders of a process's threads in `/proc`, the first one's left out.
pub(super) fn others(pid: i32) -> impl Iterator<Item = PathBuf> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task"));
    let threads = tasks.into_iter().flatten().flatten();
    let first = pid.to_string();
    threads
        .filter(move |thread| thread.file_name().as_encoded_bytes() != first.as_bytes())
        .map(|thread| thread.path())
}

/// Returns how a process is whose first thread has ended, as another thread of it says; as it was, where none goes on.
pub(super) fn as_it_lives(stat: Stat) -> Stat {
    let other = others(stat.pid).find_map(|thread| {
        let mut buffer = [0; 1024];
        let file = File::open(thread.join("stat"));
        let len = file.ok()?.read(&mut buffer).ok()?;
        parse_stat(&buffer[..len]).filter(Stat::alive)
    });
    other.map_or(stat, |other| Stat {
        state: other.state,
        rss_bytes: other.rss_bytes,
        ..stat
    })
}

#[cfg(test)]
#[expect(
    unsafe_code,
    reason = "makes such a process: a copy that ends its first thread"
)]
mod tests {
    use std::ptr;

    use rustix::process::Signal;

    use super::*;
    use crate::sys::{
        marker::Marker,
        proc::{ProcTable, stat},
        tree,
    };

    extern "C" fn waits(_: *mut libc::c_void) -> *mut libc::c_void {
        loop {
            // SAFETY: it has no preconditions.
            unsafe { libc::pause() };
        }
    }

    #[test]
    fn a_process_whose_first_thread_has_ended_lives() {
        // SAFETY: of the C library the copy uses what it may: it makes a thread that waits, and ends its first one.
        let pid = unsafe {
            match libc::fork() {
                0 => {
                    let mut thread = std::mem::zeroed();
                    let (no, none) = (ptr::null(), ptr::null_mut());
                    libc::pthread_create(&raw mut thread, no, waits, none);
                    libc::syscall(libc::SYS_exit, 0);
                    libc::_exit(1)
                }
                pid => pid,
            }
        };
        assert!(pid > 0);
        let raw = || std::fs::read(format!("/proc/{pid}/stat")).unwrap();
        let until = |done: &dyn Fn() -> bool| {
            for _ in 0..5000 {
                if done() {
                    return true;
                }
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
            false
        };
        let ended = until(&|| parse_stat(&raw()).unwrap().state == b'Z');
        let live = stat(pid).unwrap();
        let root = tree::Root {
            pid,
            start_time: live.start_time,
            marker: None,
            group: None,
        };
        let members = || tree::members(&ProcTable::scan().unwrap(), &root);
        let found: Vec<i32> = members().iter().map(|member| member.pid).collect();
        tree::signal_all(&members(), Signal::STOP);
        let stops = until(&|| members().iter().any(Stat::stopped));
        let said = std::fs::read("/proc/self/environ").unwrap();
        let environ = others(pid).find_map(|of| std::fs::read(of.join("environ")).ok());
        let marker = Marker::of(pid);
        tree::signal_all(&members(), Signal::KILL);
        let gone =
            until(&|| parse_stat(&raw()).is_some_and(|stat| !stat.alive()) && members().is_empty());
        // SAFETY: it is our child, and nobody has waited for it.
        unsafe {
            libc::kill(pid, libc::SIGKILL);
            libc::waitpid(pid, ptr::null_mut(), 0);
        }
        assert!(ended && live.alive() && !live.stopped() && live.rss_bytes > 0);
        assert_eq!((found, stops, gone), (vec![pid], true, true));
        assert_eq!(
            (environ, marker),
            (Some(said.clone()), Marker::parse(&said))
        );
    }
}
