//! The whole tree of a process: what is below it, in its session, or carries its marker.
//!
//! A process group alone misses daemons; this finds them. Never signals a pid alone: each signal
//! goes through a pidfd whose process was checked by its start time. Must not wait: freezing and
//! ending go in rounds that the caller spaces, so that nothing else stands still.

use std::{collections::HashSet, io, sync::Arc};

use rustix::process::{Pid, PidfdFlags, Signal, getpid, pidfd_open, pidfd_send_signal};

use super::{
    cgroup::Group,
    marker::Marker,
    proc::{self, ProcTable, Stat},
};

/// The process that a tree hangs from; it may have ended already.
#[derive(Debug, Clone)]
pub struct Root {
    /// Its pid, which is also its session.
    pub pid: i32,
    /// When it started, in clock ticks since boot.
    pub start_time: u64,
    /// What its environment carries, to find what left the session and lost its parents.
    pub marker: Option<Marker>,
    /// The group that the kernel keeps it in, where there is one.
    pub group: Option<Arc<Group>>,
}

/// What a round of [`freeze_round`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Frozen {
    /// Processes that are stopped.
    pub stopped: u32,
    /// Living processes of the tree.
    pub total: u32,
    /// Processes that this round had to signal; 0 and all stopped: the tree is frozen.
    pub signalled: u32,
    /// Resident memory of all of them in bytes, an upper bound (shared pages count more than once).
    pub rss_bytes: u64,
}

/// Lists the living processes of a tree, parents before children.
#[must_use]
pub fn members(table: &ProcTable, root: &Root) -> Vec<Stat> {
    let me = getpid().as_raw_pid();
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    let young = |s: &&Stat| s.start_time >= root.start_time && s.pid != me && s.pid > 1;
    let leader = table
        .get(root.pid)
        .filter(|s| s.start_time == root.start_time);
    // Once the session is empty its number may be given to a new process.
    let session_is_ours = leader.is_some() || table.get(root.pid).is_none();
    let mut seeds: Vec<i32> = leader.map(|s| s.pid).into_iter().collect();
    if session_is_ours {
        seeds.extend(
            table
                .iter()
                .filter(young)
                .filter(|s| s.session == root.pid)
                .map(|s| s.pid),
        );
    }
    if let Some(group) = &root.group {
        seeds.extend(group.members());
    }
    close_downwards(table, seeds, &mut seen, &mut found);
    if let Some(marker) = &root.marker {
        // What lost its parent has one in another session now. Everything else is below something
        // that is looked at here, so these few environments are enough.
        let strangers = table.iter().filter(young).filter(|s| {
            s.alive()
                && !seen.contains(&s.pid)
                && table.get(s.ppid).is_none_or(|p| p.session != s.session)
        });
        let marked = strangers
            .filter(|s| table.marker(s.pid).as_ref() == Some(marker))
            .map(|s| s.pid)
            .collect();
        close_downwards(table, marked, &mut seen, &mut found);
    }
    // A child never starts before its parent.
    found.sort_by_key(|s| (s.start_time, s.pid));
    found
}

/// Adds processes and all that is below them, parents first.
fn close_downwards(
    table: &ProcTable,
    seeds: Vec<i32>,
    seen: &mut HashSet<i32>,
    found: &mut Vec<Stat>,
) {
    let mut queue = seeds;
    let mut at = 0;
    while let Some(&pid) = queue.get(at) {
        at += 1;
        let Some(stat) = table.get(pid) else { continue };
        if !seen.insert(pid) {
            continue;
        }
        if stat.alive() {
            found.push(*stat);
        }
        queue.extend_from_slice(table.children(pid));
    }
}

/// Sends a signal to exactly this process; `false` when it is not there any more.
pub fn signal_process(pid: i32, start_time: u64, signal: Signal) -> io::Result<bool> {
    let Some(pid) = Pid::from_raw(pid) else {
        return Ok(false);
    };
    let fd = match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(fd) => fd,
        Err(rustix::io::Errno::SRCH) => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    // The descriptor holds on to one process; that it is the right one is checked after opening.
    if proc::start_time(pid.as_raw_pid()).ok() != Some(start_time) {
        return Ok(false);
    }
    match pidfd_send_signal(&fd, signal) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::SRCH) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Sends a signal to all of them and returns how many were there to get it.
///
/// One that cannot be signalled (it changed its user) is left out of the count and named in no
/// error: the caller sees it in the next look at the tree.
pub fn signal_all(members: &[Stat], signal: Signal) -> u32 {
    let sent = members
        .iter()
        .filter(|s| signal_process(s.pid, s.start_time, signal).unwrap_or(false));
    u32::try_from(sent.count()).unwrap_or(u32::MAX)
}

/// Stops what is not stopped yet, from the root to the leaves, and counts.
///
/// Repeat until `signalled` is 0 and `stopped == total`: what a process started while it was being
/// stopped is found by the next round, and a stop takes effect a moment after the signal.
///
/// A process that waits in `vfork` for a child that was stopped before it replaced itself never
/// stops by itself. With `unlock`, such a child is let go on; the next round stops it again. Do that
/// every few rounds only: a process that waits for a disk looks the same.
#[must_use]
pub fn freeze_round(table: &ProcTable, root: &Root, unlock: bool) -> Frozen {
    // Who is in a group that stands still does not look stopped, and needs no signal.
    let (grouped, still) = root.group.as_ref().map_or((Vec::new(), false), |group| {
        group.freeze(true);
        (group.members(), group.is_frozen())
    });
    let members = members(table, root);
    let mut round = Frozen {
        total: u32::try_from(members.len()).unwrap_or(u32::MAX),
        ..Frozen::default()
    };
    for member in &members {
        round.rss_bytes += member.rss_bytes;
        if member.stopped() || (still && grouped.contains(&member.pid)) {
            round.stopped += 1;
        } else if grouped.contains(&member.pid) {
            round.signalled += 1;
        } else if unlock && member.state == b'D' {
            for child in table
                .children(member.pid)
                .iter()
                .filter_map(|pid| table.get(*pid))
            {
                if child.alive() && child.stopped() {
                    let _ = signal_process(child.pid, child.start_time, Signal::CONT);
                }
            }
            round.signalled += 1;
        } else if signal_process(member.pid, member.start_time, Signal::STOP).unwrap_or(false) {
            round.signalled += 1;
        }
    }
    round
}

/// Lets a frozen tree go on, from the leaves to the root; returns how many were signalled.
///
/// Leaves first, so that a parent that goes on finds its children at work, not stopped.
pub fn thaw(table: &ProcTable, root: &Root) -> u32 {
    let mut members = members(table, root);
    members.reverse();
    let signalled = signal_all(&members, Signal::CONT);
    if let Some(group) = &root.group {
        group.freeze(false);
    }
    signalled
}

/// A process of a run that outlived its runner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survivor {
    /// Its pid.
    pub pid: i32,
    /// When it started, in clock ticks since boot.
    pub start_time: u64,
    /// Whose it is.
    pub marker: Marker,
}

/// Finds all living processes that carry the marker of a run, this process left out.
pub fn survivors_of_run(run: &str) -> io::Result<Vec<Survivor>> {
    let me = getpid().as_raw_pid();
    let table = ProcTable::scan()?;
    let mut found: Vec<Survivor> = table
        .iter()
        .filter(|s| s.alive() && s.pid != me)
        .filter_map(|s| {
            let marker = Marker::of(s.pid).filter(|m| m.run == run)?;
            Some(Survivor {
                pid: s.pid,
                start_time: s.start_time,
                marker,
            })
        })
        .collect();
    found.sort_by_key(|s| (s.start_time, s.pid));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stat(pid: i32, ppid: i32, session: i32, state: u8, start_time: u64) -> Stat {
        Stat {
            pid,
            ppid,
            pgrp: session,
            session,
            state,
            start_time,
            rss_bytes: 10,
            cpu_ticks: 0,
        }
    }

    fn pids(table: &ProcTable, pid: i32, start_time: u64) -> Vec<i32> {
        members(
            table,
            &Root {
                pid,
                start_time,
                marker: None,
                group: None,
            },
        )
        .iter()
        .map(|s| s.pid)
        .collect()
    }

    #[test]
    fn finds_descendants_in_other_sessions_and_orphans_of_the_session() {
        let table = ProcTable::of([
            stat(1_000_100, 1, 1_000_100, b'S', 50),
            stat(1_000_101, 1_000_100, 1_000_100, b'S', 51),
            stat(1_000_102, 1_000_101, 1_000_102, b'S', 52), // setsid, still below
            stat(1_000_103, 1, 1_000_100, b'S', 53),         // lost its parent, same session
            stat(1_000_104, 1_000_101, 1_000_100, b'Z', 54), // ended
            stat(1_000_200, 1, 1_000_200, b'S', 55),         // someone else
        ]);
        assert_eq!(
            pids(&table, 1_000_100, 50),
            [1_000_100, 1_000_101, 1_000_102, 1_000_103]
        );
    }

    #[test]
    fn a_reused_number_is_not_ours() {
        let table = ProcTable::of([
            stat(1_000_100, 1, 1_000_100, b'S', 90),
            stat(1_000_101, 1_000_100, 1_000_100, b'S', 91),
        ]);
        assert_eq!(pids(&table, 1_000_100, 50), Vec::<i32>::new());
    }

    #[test]
    fn what_outlives_the_root_is_found_by_session() {
        let table = ProcTable::of([stat(1_000_103, 1, 1_000_100, b'S', 53)]);
        assert_eq!(pids(&table, 1_000_100, 50), [1_000_103]);
    }
}
