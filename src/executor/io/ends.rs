//! The end of a job: is anything of its tree left, end that, report.
//!
//! Must cost next to nothing where nothing is left, which is nearly always.

use std::{
    collections::HashSet,
    mem,
    os::fd::OwnedFd,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use rustix::{
    event::epoll,
    io::Errno,
    process::{Pid, getpid, test_kill_process_group},
};

use super::Loop;
use crate::{
    display::clean_text,
    executor::{Exit, Heard, Report, trees::Ending},
    sys::{
        locked, memory,
        proc::ProcTable,
        reap::{self, Orphans, Usage},
        subreaper::MainChildren,
        tree,
    },
};

/// Columns of the reason why a program never started.
const WORDS: usize = 1000;
/// Between two looks at a tree that was told to end and whose first process has.
const ENDING_ROUND: Duration = Duration::from_millis(30);
/// An ended child that nobody reaped for so long is an orphan.
const ZOMBIE_AGE: Duration = Duration::from_secs(2);

/// How to find out whether anything was orphaned to us.
#[derive(Debug)]
pub(super) enum Probe {
    /// We are the main thread: one `wait4`.
    Own,
    /// The kernel lists the main thread's children: one `pread`.
    Listed(MainChildren),
    /// Neither: look through `/proc`.
    Search,
}

impl Loop {
    /// Its process has ended and its output is complete: report that, unless something may be left.
    pub(super) fn finish(&mut self, serial: u64) {
        let Some(live) = self.jobs.get_mut(&serial) else {
            return;
        };
        if live.verifying {
            return;
        }
        self.let_all_go(serial);
        let Some(live) = self.jobs.get_mut(&serial) else {
            return;
        };
        // Its number stays taken while its group has members, so this cannot be about others.
        let group = Pid::from_raw(live.root.pid)
            .is_some_and(|pid| test_kill_process_group(pid) != Err(Errno::SRCH));
        live.verifying = true;
        if group || self.orphans_possible() {
            self.verify.push(serial);
            let now = Instant::now();
            // At most a fifth of the time goes into searching.
            let pause =
                (self.search_cost * 4).clamp(Duration::from_millis(1), Duration::from_millis(100));
            let at = self.searched_at.map_or(now, |last| now.max(last + pause));
            self.verify_at.get_or_insert(at);
        } else {
            self.report_end(serial, 0);
        }
    }

    pub(super) fn orphans_possible(&mut self) -> bool {
        match &self.probe {
            Probe::Own => loop {
                match reap::reap_own_orphan() {
                    Ok(Orphans::Reaped(reaped)) => self.not_an_orphan(&reaped),
                    Ok(Orphans::None) => return false,
                    Ok(Orphans::Alive) | Err(_) => return true,
                }
            },
            Probe::Listed(children) => children.any().unwrap_or(true),
            Probe::Search => true,
        }
    }

    /// A spawner's children come to the main thread when it ends, so what was reaped as an orphan
    /// may be a job's own process: its status must not get lost.
    fn not_an_orphan(&mut self, reaped: &reap::Reaped) {
        let end = || (Exit::from(reaped.status), reaped.usage);
        let job = self
            .jobs
            .values_mut()
            .find(|live| live.root.pid == reaped.pid);
        match job {
            // Its descriptor has told its end, or will.
            Some(live) if live.exit.is_none() => {
                self.early_ends.insert(reaped.pid, end());
            }
            Some(_) => {}
            None if locked(&self.shared.queue).starting.is_empty()
                && locked(&self.shared.inbox).fresh.is_empty() => {}
            None => {
                self.early_ends.insert(reaped.pid, end());
            }
        }
    }

    /// A net below the descriptors: an end that none of them told would be awaited for ever.
    pub(super) fn ends_that_nobody_told(&mut self) {
        let open = self.jobs.values().filter(|live| live.exit.is_none());
        let open: Vec<(u64, i32)> = open.map(|live| (live.serial, live.root.pid)).collect();
        for (serial, pid) in open {
            if let Ok(Some(reaped)) = reap::reap(pid) {
                self.ended(serial, (reaped.status.into(), reaped.usage));
            }
        }
    }

    pub(super) fn report_end(&mut self, serial: u64, leaked: u32) {
        let Some(mut live) = self.jobs.remove(&serial) else {
            return;
        };
        if self.jobs.is_empty() {
            self.early_ends.clear();
        }
        self.by_key.remove(&live.key);
        let ours = self.endings.contains_key(&serial);
        if let Some(mut terminal) = live.terminal.take() {
            self.terminals.retain(|&s| s != serial);
            terminal.end(&live.key);
        }
        locked(&self.shared.views).remove(&live.key);
        if leaked == 0 {
            self.endings.remove(&serial);
        }
        if let Some(folder) = live.temporary.take() {
            self.remover.take(folder, leaked > 0);
        }
        let (exit, usage) = live.exit.unwrap_or((Exit::Lost, Usage::default()));
        let counted = live.root.group.as_ref().and_then(|group| group.oom_kills());
        let oom = !ours
            && killed(&exit)
            && counted.map_or_else(|| self.oom_since(live.oom_kills), |kills| kills > 0);
        if let Some(group) = &live.root.group {
            group.remove();
        }
        if let Some(talk) = &mut live.talk {
            talk.end(&exit, &live.key, &live.view, &mut self.out);
        }
        let found = live.flow.stream.found();
        if found > 0 {
            let (key, heard) = (live.key.clone(), Heard::Redacted(found));
            self.out.push(Report::Heard { key, heard });
        }
        self.out.push(Report::Ended {
            exit,
            cpu_us: usage.cpu_us,
            maxrss_bytes: usage.maxrss_bytes,
            output_bytes: live.view.output_bytes(),
            leaked,
            oom,
            present: live
                .watch_outputs
                .iter()
                .map(|path| path.exists())
                .collect(),
            unprepared: (live.told)
                .and_then(|told| told.failure())
                .map(|why| self.shared.redactor.clean(&clean_text(&why, WORDS))),
            key: live.key,
        });
    }

    /// Whether the kernel has killed for want of memory since its count was this.
    fn oom_since(&self, before: u64) -> bool {
        let Some(now) = memory::oom_kills() else {
            return false;
        };
        // What starts from now on has nothing to do with these.
        self.shared.oom_kills.store(now, Ordering::Relaxed);
        now > before
    }

    /// Looks at the trees of ended jobs, ends what is left of them and reports.
    pub(super) fn search(&mut self) {
        let began = Instant::now();
        let Ok(table) = ProcTable::scan() else {
            self.verify_at = Some(began + ENDING_ROUND);
            return;
        };
        for serial in mem::take(&mut self.verify) {
            let Some(live) = self.jobs.get(&serial) else {
                continue;
            };
            let left = tree::members(&table, &live.root);
            if !left.is_empty() && self.endings.get(&serial).is_some_and(|e| !e.given_up) {
                // It was told to end, and its memory is free only when all of it has: wait.
                self.verify.push(serial);
                self.verify_at = Some(began + ENDING_ROUND);
                continue;
            }
            if !left.is_empty() && !self.endings.contains_key(&serial) {
                let (key, root) = (live.key.clone(), live.root.clone());
                let ending = Ending::begin(Some(&table), key, root, began, self.leak_grace);
                self.endings.insert(serial, ending);
            }
            self.report_end(serial, u32::try_from(left.len()).unwrap_or(u32::MAX));
        }
        self.take_ended_orphans(&table);
        self.searched_at = Some(Instant::now());
        self.search_cost = began.elapsed();
    }

    /// Reaps orphans that have ended, where the main thread does not.
    ///
    /// Every child that someone here waits for is reaped within moments of its end, and children
    /// started by other parts of the program are in our own session, which orphans never are.
    pub(super) fn take_ended_orphans(&mut self, table: &ProcTable) {
        let me = getpid().as_raw_pid();
        let Some(mine) = table.get(me) else { return };
        let now = Instant::now();
        // Their ends are told by their descriptors, however late we are.
        let jobs: HashSet<i32> = self.jobs.values().map(|live| live.root.pid).collect();
        let seen = mem::take(&mut self.zombies);
        for stat in table
            .iter()
            .filter(|s| s.ppid == me && !s.alive() && s.session != mine.session)
            .filter(|s| !jobs.contains(&s.pid))
        {
            let id = (stat.pid, stat.start_time);
            let since = seen.get(&id).copied().unwrap_or(now);
            if now.duration_since(since) < ZOMBIE_AGE {
                self.zombies.insert(id, since);
                self.housekeeping_at = self.housekeeping_at.min(now + ZOMBIE_AGE);
            } else if let Ok(Some(reaped)) = reap::reap(stat.pid) {
                self.not_an_orphan(&reaped);
            }
        }
    }
}

/// Whether it ended as what SIGKILL ends: it itself, or a program that a shell waited for.
const fn killed(exit: &Exit) -> bool {
    const SIGKILL: i32 = 9;
    match exit {
        Exit::Signal { number, .. } => *number == SIGKILL,
        Exit::Code(code) => *code == 128 + SIGKILL,
        Exit::Lost => false,
    }
}

/// Closes a descriptor that the poll watches.
///
/// Closing alone is not enough: a child that is just being started holds a copy until it has
/// replaced itself, and for so long the poll would report the closed one again and again.
pub(super) fn unwatch(epoll: &OwnedFd, fd: OwnedFd) {
    let _ = epoll::delete(epoll, &fd);
    drop(fd);
}
