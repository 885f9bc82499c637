//! The I/O loop: one thread that reads all output, notices all ends and keeps all deadlines.
//!
//! Must not block: reads and writes of pipes never wait, and a look at a tree is one pass over
//! `/proc`. It always drains, whatever becomes of the output's file. Nothing of what was read goes
//! anywhere but through `clean`.

mod clean;
mod ends;
mod steer;
mod talk;
mod terminals;
mod told;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use rustix::{event::epoll, io::Errno, process::getpid, thread::gettid, time::Timespec};

pub(super) use clean::Outflow;
use ends::{Probe, unwatch};
use steer::step_ending;

use super::{
    Config, Exit, JobKey, Report,
    inbox::{Command, Shared, Source, untoken},
    live::{Freeze, Live},
    temporary::Remover,
    trees::Ending,
};
use crate::sys::{
    proc::ProcTable,
    reap::{self, Usage},
    subreaper::MainChildren,
};

/// One read; also the size of a pipe, so one read mostly empties it.
const CHUNK: usize = 64 * 1024;
/// Reads of one pipe in a row after its process ended, so that a flood does not hold up the others.
const LAST_READS: usize = 16;
/// Between two looks at a process whose end was told and whose status cannot be had yet.
const ENDED_ROUND: Duration = Duration::from_millis(10);
/// Between two rounds of freezing.
const FREEZE_ROUND: Duration = Duration::from_millis(2);
/// Between two looks while the end of everything is awaited.
const SHUTDOWN_ROUND: Duration = Duration::from_millis(20);
/// Ended orphans are taken off the kernel's list at least this often while jobs run.
const HOUSEKEEPING: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(super) struct Loop {
    shared: Arc<Shared>,
    output_drain: Duration,
    leak_grace: Duration,
    probe: Probe,
    jobs: HashMap<u64, Live>,
    by_key: HashMap<JobKey, u64>,
    /// Jobs that have a terminal.
    terminals: Vec<u64>,
    endings: BTreeMap<u64, Ending>,
    /// Jobs that have ended and whose tree is looked at before that is reported.
    verify: Vec<u64>,
    verify_at: Option<Instant>,
    search_cost: Duration,
    searched_at: Option<Instant>,
    /// Jobs with a deadline of their own (drain, freezing), by time.
    timers: BTreeSet<(Instant, u64)>,
    /// Commands for jobs that a spawner has in hand.
    early: Vec<Command>,
    housekeeping_at: Instant,
    /// Ended children that nobody has reaped yet, by pid and start, and since when.
    zombies: HashMap<(i32, u64), Instant>,
    /// Statuses that came with those of orphans and belong to jobs that are not known yet.
    early_ends: HashMap<i32, (Exit, Usage)>,
    /// The processes as they were in this pass, once somebody had to look.
    look: Option<ProcTable>,
    closing: Option<Instant>,
    remover: Remover,
    out: Vec<Report>,
    buffer: Box<[u8]>,
    /// What of it may be kept.
    cleaned: Vec<u8>,
}

impl Loop {
    pub fn new(shared: Arc<Shared>, config: &Config) -> Self {
        Self {
            shared,
            output_drain: config.output_drain,
            leak_grace: config.leak_grace,
            probe: Probe::Search,
            jobs: HashMap::new(),
            by_key: HashMap::new(),
            terminals: Vec::new(),
            endings: BTreeMap::new(),
            verify: Vec::new(),
            verify_at: None,
            search_cost: Duration::ZERO,
            searched_at: None,
            timers: BTreeSet::new(),
            early: Vec::new(),
            housekeeping_at: Instant::now() + HOUSEKEEPING,
            zombies: HashMap::new(),
            early_ends: HashMap::new(),
            look: None,
            closing: None,
            remover: Remover::default(),
            out: Vec::new(),
            buffer: vec![0; CHUNK].into_boxed_slice(),
            cleaned: Vec::new(),
        }
    }

    pub fn run(mut self) {
        self.probe = if gettid() == getpid() {
            Probe::Own
        } else {
            MainChildren::open().map_or(Probe::Search, Probe::Listed)
        };
        let mut events = Vec::with_capacity(256);
        loop {
            events.clear();
            let timeout = self.timeout();
            match epoll::wait(
                &self.shared.epoll,
                rustix::buffer::spare_capacity(&mut events),
                timeout.as_ref(),
            ) {
                Ok(_) | Err(Errno::INTR) => {}
                // The descriptor is ours and open, so nothing else can be wrong; never spin on it.
                Err(_) => std::thread::sleep(FREEZE_ROUND),
            }
            self.look = None;
            for event in &events {
                let (serial, source) = untoken({ event.data }.u64());
                self.event(serial, source, event.flags);
            }
            self.deadlines();
            let shared = Arc::clone(&self.shared);
            shared.sink.push(&mut self.out);
            if self.closed() {
                break;
            }
        }
        self.out.push(Report::Stopped);
        self.shared.sink.push(&mut self.out);
        self.remover.finish();
    }

    fn event(&mut self, serial: u64, source: Source, flags: epoll::EventFlags) {
        if source == Source::Commands {
            let mut count = [0; 8];
            let _ = rustix::io::read(&self.shared.event, &mut count);
            self.receive();
            return;
        }
        if !self.jobs.contains_key(&serial) {
            self.receive();
        }
        match source {
            Source::Output => self.output(serial, !flags.contains(epoll::EventFlags::IN)),
            Source::Exit => self.exited(serial),
            Source::Stdin => self.fed(serial),
            Source::Commands => {}
        }
    }

    fn output(&mut self, serial: u64, hung_up: bool) {
        let Some(live) = self.jobs.get_mut(&serial) else {
            return;
        };
        let Some(pipe) = &live.pipe else { return };
        // Hung up and nothing to read: the end, without another call.
        let got = if hung_up {
            Ok(0)
        } else {
            terminals::read(pipe, live.terminal.is_some(), &mut self.buffer)
        };
        match got {
            Ok(0) => self.end_of_output(serial),
            Ok(len) => self.append(serial, len),
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(_) => self.end_of_output(serial),
        }
    }

    fn end_of_output(&mut self, serial: u64) {
        let Some(live) = self.jobs.get_mut(&serial) else {
            return;
        };
        if let Some(pipe) = live.pipe.take() {
            match &mut live.terminal {
                Some(terminal) if live.exit.is_none() => {
                    let _ = epoll::delete(&self.shared.epoll, &pipe);
                    let at = terminal.close(pipe, Instant::now());
                    self.timers.insert((at, serial));
                }
                _ => unwatch(&self.shared.epoll, pipe),
            }
        }
        if live.exit.is_some() {
            self.finish(serial);
        }
    }

    fn exited(&mut self, serial: u64) {
        let Some(live) = self.jobs.get_mut(&serial) else {
            return;
        };
        if live.exit.is_some() {
            return;
        }
        let end = match reap::reap(live.root.pid) {
            Ok(Some(reaped)) => (reaped.status.into(), reaped.usage),
            // Its descriptor says that it has ended, and says so once only: a debugger may be the
            // first to be told. Looked at again, or this end would be lost for ever.
            Ok(None) => {
                let at = Instant::now() + ENDED_ROUND;
                live.look_again = Some(at);
                self.timers.insert((at, serial));
                return;
            }
            Err(_) => {
                (self.early_ends.remove(&live.root.pid)).unwrap_or((Exit::Lost, Usage::default()))
            }
        };
        self.ended(serial, end);
    }

    /// Notes how a job's process ended; it has been reaped.
    fn ended(&mut self, serial: u64, end: (Exit, Usage)) {
        let Some(live) = self.jobs.get_mut(&serial) else {
            return;
        };
        live.exit = Some(end);
        live.look_again = None;
        live.pidfd = None;
        if let Some(feed) = live.feed.take() {
            unwatch(&self.shared.epoll, feed.fd);
        }
        live.freeze = Freeze::No;
        if let Some(terminal) = &mut live.terminal {
            live.pipe = live.pipe.take().or_else(|| terminal.open_again(None));
        }
        if live.pipe.is_none() {
            self.finish(serial);
            return;
        }
        // What it printed last is in the pipe already; only the end may be missing.
        for _ in 0..LAST_READS {
            let Some(live) = self.jobs.get(&serial) else {
                return;
            };
            let Some(pipe) = &live.pipe else { return };
            match terminals::read(pipe, live.terminal.is_some(), &mut self.buffer) {
                Ok(0) => return self.end_of_output(serial),
                Ok(len) => self.append(serial, len),
                Err(_) => break,
            }
        }
        let until = Instant::now() + self.output_drain;
        if let Some(live) = self.jobs.get_mut(&serial) {
            live.drain_until = Some(until);
            self.timers.insert((until, serial));
        }
    }

    /// Does what is due.
    fn deadlines(&mut self) {
        let now = Instant::now();
        while let Some(&(at, serial)) = self.timers.first()
            && at <= now
        {
            self.timers.remove(&(at, serial));
            self.tick_terminal(serial, now);
            self.tick_talk(serial, now);
            self.release(serial, now);
            let Some(live) = self.jobs.get_mut(&serial) else {
                continue;
            };
            if live.look_again.is_some_and(|again| again <= now) {
                live.look_again = None;
                self.exited(serial);
            } else if matches!(live.freeze, Freeze::Rounds(_)) {
                self.freeze(serial);
            } else if live.drain_until.is_some_and(|until| until <= now) && live.pipe.is_some() {
                if self.endings.get(&serial).is_some_and(|e| !e.given_up) {
                    // Others of its tree are still ending and may have something to say.
                    self.timers.insert((now + self.output_drain, serial));
                    continue;
                }
                self.output(serial, false);
                self.end_of_output(serial);
            }
        }
        if self.verify_at.is_some_and(|at| at <= now) {
            self.verify_at = None;
            self.search();
        }
        if self.endings.values().any(|e| e.due <= now) {
            let closing = self.closing.is_some();
            if self.look().is_none() {
                self.look_later(now);
            }
            let (out, table) = (&mut self.out, self.look.as_ref());
            self.endings.retain(|_, ending| {
                let keep = ending.due > now
                    || table.is_none_or(|table| step_ending(ending, table, now, out));
                if closing {
                    ending.look_at(now + SHUTDOWN_ROUND);
                }
                keep
            });
        }
        if now >= self.housekeeping_at {
            self.housekeeping_at = now + HOUSEKEEPING;
            self.ends_that_nobody_told();
            let idle = self.jobs.is_empty() && self.zombies.is_empty();
            if !idle
                && self.orphans_possible()
                && !matches!(self.probe, Probe::Own)
                && self.look().is_some()
                && let Some(table) = self.look.take()
            {
                self.take_ended_orphans(&table);
                self.look = Some(table);
            }
        }
    }

    /// All processes, read at most once in a pass, however many jobs are looked at in it; none
    /// where they cannot be read, as without a free descriptor: then nobody may be taken for gone.
    fn look(&mut self) -> Option<&ProcTable> {
        if self.look.is_none() {
            self.look = ProcTable::scan().ok();
        }
        self.look.as_ref()
    }

    /// The same, with a job's process in it unless that has ended.
    fn look_for(&mut self, pid: i32) -> Option<&ProcTable> {
        if self.look.as_ref().is_some_and(|t| t.get(pid).is_none()) {
            // It may have been started since.
            self.look = None;
        }
        self.look()
    }

    /// Nothing could be read: what is due is tried again a little later.
    fn look_later(&mut self, now: Instant) {
        for ending in self.endings.values_mut() {
            ending.put_off(now + SHUTDOWN_ROUND);
        }
    }

    fn timeout(&self) -> Option<Timespec> {
        let mut next = self.verify_at;
        let mut sooner = |at: Instant| next = Some(next.map_or(at, |n| n.min(at)));
        if let Some(&(at, _)) = self.timers.first() {
            sooner(at);
        }
        self.endings.values().for_each(|e| sooner(e.due));
        if !self.jobs.is_empty() || !self.zombies.is_empty() {
            sooner(self.housekeeping_at);
        }
        let now = Instant::now();
        if self.closing.is_some() {
            sooner(now + SHUTDOWN_ROUND);
        }
        let left = next?.saturating_duration_since(now);
        // Rounded up by the kernel to at least the time asked for.
        Timespec::try_from(left).ok()
    }
}
