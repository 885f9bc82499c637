//! Resident memory of single processes, read again and again.
//!
//! Keeps a file open for each process while there is room for open files. Bytes. Must not search for
//! processes: it is told which.

use rustix::process::{Resource, getrlimit};

use super::roster::Process;
use crate::sys::proc::{self, Statm};

/// Open files that are left to the rest of the program, beside four per job.
const OTHER_FILES: u64 = 128;

/// A process whose memory counts.
#[derive(Debug)]
pub(super) struct Member {
    pub process: Process,
    statm: Option<Statm>,
}

/// Open files that may still be kept in this reading.
pub(super) struct Room(u64);

impl Member {
    pub const fn new(process: Process) -> Self {
        Self {
            process,
            statm: None,
        }
    }

    /// Returns resident bytes; none once the process is gone. Keeps its file open where there is
    /// room.
    fn resident_bytes(&mut self, room: &mut Room) -> Option<u64> {
        if !room.take() {
            self.statm = None;
        } else if self.statm.is_none() {
            let statm = Statm::open(self.process.0).ok();
            // From here on the file is this process's; that it was the right one is checked after.
            self.statm = statm.filter(|_| proc::is_alive(self.process.0, self.process.1));
        }
        if let Some(statm) = &self.statm {
            // An ended process that nobody waited for has no memory left.
            return statm.resident_bytes().ok().filter(|&b| b > 0);
        }
        let stat = proc::stat(self.process.0).ok()?;
        (stat.start_time == self.process.1 && stat.alive()).then_some(stat.rss_bytes)
    }
}

impl Room {
    /// Leaves four files to each job and some to the rest of the program.
    pub fn for_jobs(jobs: usize) -> Self {
        let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        Self(limit.saturating_sub(OTHER_FILES + 4 * jobs as u64))
    }

    const fn take(&mut self) -> bool {
        let there = self.0 > 0;
        self.0 = self.0.saturating_sub(1);
        there
    }
}

/// Sums up resident bytes and drops who is gone.
pub(super) fn resident(members: &mut Vec<Member>, room: &mut Room) -> u64 {
    let mut sum = 0;
    members.retain_mut(|member| match member.resident_bytes(room) {
        Some(bytes) => {
            sum += bytes;
            true
        }
        None => false,
    });
    sum
}

#[cfg(test)]
mod tests {
    use std::process;

    use super::*;

    #[test]
    fn a_process_is_read_with_and_without_an_open_file() {
        let me = process::id().cast_signed();
        let start = proc::start_time(me).unwrap();
        let mut member = Member::new((me, start));
        let kept = member.resident_bytes(&mut Room(1)).unwrap();
        assert!(member.statm.is_some() && kept > 100_000);
        let room = &mut Room(0);
        assert!(member.resident_bytes(room).unwrap() > 100_000);
        assert!(member.statm.is_none(), "no room, no file");
    }

    #[test]
    fn a_reused_pid_is_nobody() {
        let me = process::id().cast_signed();
        let mut member = Member::new((me, proc::start_time(me).unwrap() + 1));
        assert_eq!(member.resident_bytes(&mut Room(1)), None);
        assert_eq!(member.resident_bytes(&mut Room(0)), None);
        assert_eq!(resident(&mut vec![member], &mut Room(9)), 0);
    }

    #[test]
    fn open_files_leave_room_for_jobs() {
        let (few, many) = (Room::for_jobs(1), Room::for_jobs(1 << 40));
        assert!(few.0 > 0 && many.0 == 0);
    }
}
