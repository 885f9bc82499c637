//! Resident memory of single processes, read again and again.
//!
//! Keeps a file open for each process while there is room for open files. Bytes. Must not search for
//! processes: it is told which.

use rustix::process::{Resource, getrlimit};

use super::roster::Process;
use crate::sys::proc::{self, Rollup, Statm};

/// Open files that are left to the rest of the program, beside four per job.
const OTHER_FILES: u64 = 128;

/// A process whose memory counts.
#[derive(Debug)]
pub(super) struct Member {
    pub process: Process,
    /// Resident memory at the last reading, in bytes.
    bytes: u64,
    /// What of it was others' too at the last slow reading, in bytes; none: it was not in one.
    shared: Option<u64>,
    statm: Option<Statm>,
}

/// Open files that may still be kept in this reading.
pub(super) struct Room(u64);

impl Member {
    pub const fn new(process: Process) -> Self {
        Self {
            process,
            bytes: 0,
            shared: None,
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
        let kept = self.statm.as_ref().map(Statm::resident_bytes);
        match kept {
            Some(Err(_)) => return None,
            Some(Ok(bytes)) if bytes > 0 => return Some(bytes),
            // Nothing is said of a process that has ended and that nobody waited for, and of one whose first
            // thread has ended before the others.
            Some(Ok(_)) => self.statm = None,
            None => {}
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

/// Takes what a slow reading says of these processes: by how much the resident sum was too high in each.
pub(super) fn note(members: &mut [Member], read: &[(Process, Rollup)]) {
    for member in members {
        let mine = read.iter().find(|(process, _)| *process == member.process);
        member.shared = mine.map(|(_, r)| r.resident.saturating_sub(r.proportional));
    }
}

/// Returns what the processes still share with one another or with others, in bytes: what counts twice in
/// the sum of their resident memory. `of` of them were in the slow reading.
pub(super) fn shared(members: &[Member], of: usize) -> u64 {
    let (mut left, mut sum) = (0, 0);
    for member in members {
        if let Some(shared) = member.shared {
            left += 1;
            sum += shared.min(member.bytes);
        }
    }
    still_shared(sum, left, of as u64)
}

/// Returns what is resident of processes that were in no slow reading, in bytes.
pub(super) fn unread(members: &[Member]) -> u64 {
    let unread = members.iter().filter(|member| member.shared.is_none());
    unread.map(|member| member.bytes).sum()
}

/// Of `of` processes that share pages `left` are still there. A page that k of them share counts k - 1 times
/// too often, so each of them counts `1 - 1/k` of it too much, and less with each that goes.
fn still_shared(sum: u64, left: u64, of: u64) -> u64 {
    if left == 0 || of <= 1 || left >= of {
        return sum;
    }
    let part = u128::from(sum) * u128::from(left - 1) * u128::from(of)
        / (u128::from(of - 1) * u128::from(left));
    u64::try_from(part).unwrap_or(sum)
}

/// Sums up resident bytes and drops who is gone.
pub(super) fn resident(members: &mut Vec<Member>, room: &mut Room) -> u64 {
    let mut sum = 0;
    members.retain_mut(|member| match member.resident_bytes(room) {
        Some(bytes) => {
            member.bytes = bytes;
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
    fn what_is_shared_shrinks_with_those_who_share_it() {
        // 100 bytes that five share: each counts 80 too many, 400 in all.
        assert_eq!(still_shared(400, 5, 5), 400);
        // Of two that are left each counts 50 too many, the last one none.
        assert_eq!(still_shared(160, 2, 5), 100);
        assert_eq!(still_shared(80, 1, 5), 0);
        // One alone shares with others, who are still there.
        assert_eq!(still_shared(30, 1, 1), 30);
        assert_eq!(still_shared(0, 0, 3), 0);
    }

    #[test]
    fn a_process_never_shares_more_than_it_holds() {
        let me = (1, 1);
        let mut members = [Member::new(me), Member::new((2, 2))];
        members[0].bytes = 50;
        let read = |proportional| Rollup {
            resident: 100,
            proportional,
            swap: 0,
        };
        note(&mut members, &[(me, read(20))]);
        assert_eq!(shared(&members, 1), 50);
        note(&mut members, &[(me, read(70))]);
        assert_eq!(shared(&members, 1), 30);
        assert_eq!(unread(&members), 0);
        note(&mut members, &[]);
        assert_eq!(shared(&members, 1), 0, "it was not in the reading");
        assert_eq!(unread(&members), 50);
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
