//! What the executor's threads share: the queue of jobs, the inbox of the I/O thread, views.
//!
//! Must not do work of its own; every lock is held for a few statements only.

use std::{
    collections::{BTreeMap, VecDeque},
    os::fd::OwnedFd,
    sync::{
        Arc, Condvar, Mutex, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use super::{
    Job, JobKey, JobView, Report, ReportSink,
    index_file::Clock,
    live::Live,
    talk::Say,
    terminal::{TerminalAsk, Viewer},
};
use crate::{
    context::redact::Redactor,
    sys::{cgroup::Group, landlock::Support, locked, spawn::EnvBlock},
};

/// What an event of the poll is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    Commands,
    Output,
    Exit,
    Stdin,
}

/// Packs a job's serial number and a source into the poll's user data.
pub(super) const fn token(serial: u64, source: Source) -> u64 {
    serial << 2
        | match source {
            Source::Commands => 0,
            Source::Output => 1,
            Source::Exit => 2,
            Source::Stdin => 3,
        }
}

pub(super) const fn untoken(token: u64) -> (u64, Source) {
    let source = match token & 3 {
        0 => Source::Commands,
        1 => Source::Output,
        2 => Source::Exit,
        _ => Source::Stdin,
    };
    (token >> 2, source)
}

#[derive(Debug)]
pub(super) enum Command {
    Terminate(JobKey, Duration),
    Kill(JobKey),
    Freeze(JobKey),
    Thaw(JobKey),
    Group(JobKey, Arc<Group>),
    Terminal(Viewer, TerminalAsk),
    Say(JobKey, Say),
    Shutdown(Duration),
}

#[derive(Debug, Default)]
pub(super) struct Inbox {
    /// Started jobs that the I/O thread does not know yet.
    pub fresh: Vec<Live>,
    pub commands: Vec<Command>,
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    pub jobs: VecDeque<Job>,
    /// Taken by a spawner, not yet in the inbox.
    pub starting: Vec<JobKey>,
    /// The I/O thread keeps a command for one of them, and is to be woken once it has come.
    pub awaited: bool,
    /// Spawners that wait for a job.
    pub idle: usize,
    pub closed: bool,
}

pub(super) struct Shared {
    pub run: String,
    pub env: EnvBlock,
    /// What is taken out of everything that jobs print.
    pub redactor: Redactor,
    /// This program, which prepares terminals, boundaries and set-up (see `sys::exec`).
    pub helper: String,
    /// What the kernel has for boundaries; asked for with the first one.
    pub landlock: OnceLock<Support>,
    pub clock: Clock,
    pub null: OwnedFd,
    pub epoll: OwnedFd,
    pub event: OwnedFd,
    pub queue: Mutex<Queue>,
    pub ready: Condvar,
    pub inbox: Mutex<Inbox>,
    pub views: Mutex<BTreeMap<JobKey, Arc<JobView>>>,
    pub sink: Arc<dyn ReportSink>,
    pub serial: AtomicU64,
    /// Processes that the kernel had killed for want of memory when that was last looked up.
    pub oom_kills: AtomicU64,
}

impl Shared {
    /// Queues a job; one spawner is woken where one waits.
    pub fn submit(&self, job: Job) {
        let refused = {
            let mut queue = locked(&self.queue);
            if queue.closed {
                Some(job)
            } else {
                queue.jobs.push_back(job);
                if queue.idle > 0 {
                    self.ready.notify_one();
                }
                None
            }
        };
        if let Some(job) = refused {
            self.report(cancelled(job.key));
        }
    }

    pub fn command(&self, command: Command) {
        locked(&self.inbox).commands.push(command);
        self.nudge();
    }

    /// Wakes the I/O thread.
    pub fn nudge(&self) {
        // Cannot fail but by a counter at its limit, and then the thread is awake anyway.
        let _ = rustix::io::write(&self.event, &1_u64.to_ne_bytes());
    }

    pub fn report(&self, report: Report) {
        self.sink.push(&mut vec![report]);
    }

    pub fn next_serial(&self) -> u64 {
        self.serial.fetch_add(1, Ordering::Relaxed)
    }
}

/// The report about a job that was taken back.
pub(super) fn cancelled(key: JobKey) -> Report {
    Report::SpawnFailed {
        key,
        error: "taken back before it started".to_owned(),
        cancelled: true,
        refused: false,
    }
}
