//! Ending whole trees: TERM, grace, KILL, again until nothing is left.
//!
//! Must not wait: each round is one look at `/proc`, and the I/O loop calls the next one when it is
//! due.

use std::{
    collections::HashSet,
    mem,
    time::{Duration, Instant},
};

use rustix::process::{Signal, getpid};

use super::JobKey;
use crate::sys::{
    proc::{ProcTable, Stat},
    reap,
    tree::{self, Root},
};

/// From TERM to the second look.
const SECOND_LOOK: Duration = Duration::from_millis(50);
/// Between two looks while processes die.
const ROUND: Duration = Duration::from_millis(5);
/// Between two looks at processes that do not.
const SLOW_ROUND: Duration = Duration::from_millis(200);
/// Quick rounds, then slow ones; after all of them what is left is given up, by name.
const QUICK: u32 = 20;
const ROUNDS: u32 = 60;

/// A tree that is being ended.
#[derive(Debug)]
pub(super) struct Ending {
    pub key: JobKey,
    root: Root,
    kill_at: Instant,
    /// Processes of it that got TERM or KILL, by pid and start.
    known: HashSet<(i32, u64)>,
    /// Whether TERM was sent to those who were there.
    asked: bool,
    rounds: u32,
    /// Processes at the last look.
    pub left: u32,
    /// What is left does not die.
    pub given_up: bool,
    /// When to look again.
    pub due: Instant,
}

/// What a look at an ending found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing is left.
    Gone,
    /// Some are left; look again when due.
    Waits,
    /// The time of grace is over: so many were killed for the first time.
    Escalated(u32),
    /// So many do not die; it is over.
    Survives(u32),
}

impl Ending {
    /// Sends TERM to all of a tree, or leaves that out where there is no grace. Without a table the
    /// first step does it.
    pub fn begin(
        table: Option<&ProcTable>,
        key: JobKey,
        root: Root,
        now: Instant,
        grace: Duration,
    ) -> Self {
        let (known, kill_at) = (HashSet::new(), now + grace);
        // The second look finds what was being started while TERM was sent.
        let due = kill_at.min(now + SECOND_LOOK);
        let mut ending = Self {
            key,
            root,
            kill_at,
            known,
            asked: false,
            rounds: 0,
            left: 0,
            given_up: false,
            due,
        };
        if !grace.is_zero()
            && let Some(table) = table
        {
            let members = tree::members(table, &ending.root);
            ending.ask(&members);
        }
        ending
    }

    /// Sends TERM to all, and later to those that were just being started and whose parent has
    /// ended since. A new process with a living parent is what a TERM handler runs to clean up: it
    /// has the whole time of grace.
    fn ask(&mut self, members: &[Stat]) {
        let pids: HashSet<i32> = members.iter().map(|m| m.pid).collect();
        let again = mem::replace(&mut self.asked, true);
        let new: Vec<Stat> = members
            .iter()
            .filter(|m| !(again && pids.contains(&m.ppid)))
            .filter(|m| self.known.insert((m.pid, m.start_time)))
            .copied()
            .collect();
        if let Some(group) = &self.root.group {
            group.freeze(false);
        }
        tree::signal_all(&new, Signal::TERM);
        // A stopped process takes a signal only when it goes on; one that is just being stopped
        // does not look stopped yet, so all are told.
        tree::signal_all(&new, Signal::CONT);
    }

    /// Takes those that have ended and became our children off the kernel's list.
    fn bury(&self, table: &ProcTable) {
        let me = getpid().as_raw_pid();
        for &(pid, start_time) in &self.known {
            let ended = table
                .get(pid)
                .is_some_and(|s| s.start_time == start_time && !s.alive() && s.ppid == me);
            if ended && pid != self.root.pid {
                let _ = reap::reap(pid);
            }
        }
    }

    /// Shortens the time of grace; it is never made longer.
    pub fn hasten(&mut self, now: Instant, grace: Duration) {
        self.kill_at = self.kill_at.min(now + grace);
        self.due = self.due.min(self.kill_at);
    }

    /// Looks soon, whatever the time of grace: somebody waits for the end.
    pub fn look_at(&mut self, at: Instant) {
        self.due = self.due.min(at);
    }

    /// Looks later: it could not be looked at now.
    pub fn put_off(&mut self, at: Instant) {
        self.due = self.due.max(at);
    }

    /// Looks once, kills what outstayed its grace.
    pub fn step(&mut self, table: &ProcTable, now: Instant) -> Step {
        let members = tree::members(table, &self.root);
        self.bury(table);
        let left = u32::try_from(members.len()).unwrap_or(u32::MAX);
        self.left = left;
        if members.is_empty() {
            if let Some(group) = &self.root.group {
                group.remove();
            }
            return Step::Gone;
        }
        if now < self.kill_at {
            self.ask(&members);
            self.due = self.kill_at;
            return Step::Waits;
        }
        if self.rounds >= ROUNDS {
            return Step::Survives(left);
        }
        if self.rounds >= 2 {
            // It starts new ones as fast as they are killed: first nobody moves, then all die.
            tree::signal_all(&members, Signal::STOP);
        }
        if let Some(group) = &self.root.group {
            group.kill();
        }
        tree::signal_all(&members, Signal::KILL);
        self.known
            .extend(members.iter().map(|m| (m.pid, m.start_time)));
        self.rounds += 1;
        self.due = now
            + if self.rounds < QUICK {
                ROUND
            } else {
                SLOW_ROUND
            };
        if self.rounds == 1 {
            Step::Escalated(left)
        } else {
            Step::Waits
        }
    }
}
