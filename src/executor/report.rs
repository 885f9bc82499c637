//! What the executor tells, and the mailbox that carries it to the runtime's loop.
//!
//! Must not block: a report is put down and the reader is woken at most once until it has read.

use std::{fmt, sync::Mutex};

use super::{JobKey, talk::Heard};
use crate::sys::{
    locked,
    reap::{ExitStatus, signal_name},
};

/// How a job's process ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exit {
    /// With a status.
    Code(i32),
    /// By a signal.
    Signal {
        /// Its number.
        number: i32,
        /// Its name, `SIGKILL`.
        name: String,
        /// Whether the kernel wrote a core dump.
        core: bool,
    },
    /// Its status was lost: something else in this program waited for it.
    Lost,
}

impl From<ExitStatus> for Exit {
    fn from(status: ExitStatus) -> Self {
        match status {
            ExitStatus::Code(code) => Self::Code(code),
            ExitStatus::Signal { number, core } => Self::Signal {
                number,
                name: signal_name(number),
                core,
            },
        }
    }
}

/// What happened to a job. For one key: `Spawned` comes first, `Ended` once; `Escalated` and
/// `Survives` may come after it, about what the job left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// Its process runs.
    Spawned {
        /// Which job.
        key: JobKey,
        /// Its process id, session and process group.
        pid: i32,
        /// When it started, in clock ticks since boot.
        start_time: u64,
    },
    /// It could not be started, or was taken back before it was; nothing runs.
    SpawnFailed {
        /// Which job.
        key: JobKey,
        /// Why, as a sentence for a person.
        error: String,
        /// It was taken back by `terminate`, `kill` or `shutdown`.
        cancelled: bool,
        /// What it must be told is more than it may be told: another try would be refused too.
        refused: bool,
    },
    /// Its program says something that decisions need.
    Heard {
        /// Which job.
        key: JobKey,
        /// What.
        heard: Heard,
    },
    /// Its process has ended and its output is complete.
    Ended {
        /// Which job.
        key: JobKey,
        /// How.
        exit: Exit,
        /// User and system time of it and what it waited for, in microseconds.
        cpu_us: u64,
        /// Largest resident set of any one of its processes that it waited for, in bytes.
        maxrss_bytes: u64,
        /// Bytes of output, also those that could not be written.
        output_bytes: u64,
        /// Processes that it left behind; they are being ended.
        leaked: u32,
        /// For each watched file, in order: is it there?
        present: Vec<bool>,
        /// The kernel killed it, or a process of it, for want of memory.
        oom: bool,
        /// Why its program was never started, as a sentence for a person: set-up failed, or the
        /// program was not there after it. `exit` is then 126 or 127, or the signal that ended the
        /// command and with it all.
        unprepared: Option<String>,
    },
    /// What it left after the time of grace was killed.
    Escalated {
        /// Which job.
        key: JobKey,
        /// How many processes got SIGKILL.
        killed: u32,
    },
    /// Some of its processes do not die, such as one that waits for a device that hangs.
    Survives {
        /// Which job.
        key: JobKey,
        /// How many.
        left: u32,
    },
    /// Its tree is stopped, wholly where `stopped == total`.
    Frozen {
        /// Which job.
        key: JobKey,
        /// Processes that stand still.
        stopped: u32,
        /// Processes in all.
        total: u32,
        /// Memory that stays in use, in bytes; an upper bound.
        rss_bytes: u64,
    },
    /// Its tree goes on.
    Thawed {
        /// Which job.
        key: JobKey,
        /// Processes that were let go on.
        processes: u32,
    },
    /// Its output could not be written; it runs on, what it prints is counted and dropped.
    OutputFailed {
        /// Which job.
        key: JobKey,
        /// Why.
        error: String,
    },
    /// The end of `shutdown`: nothing of the run is left but what `Survives` named.
    Stopped,
}

/// Takes reports; called from the executor's threads.
pub trait ReportSink: Send + Sync {
    /// Takes all reports out of the list. Must not block.
    fn push(&self, reports: &mut Vec<Report>);
}

/// A list of reports that wakes its reader when something is in it that cannot wait.
pub struct Mailbox {
    /// The reports, and whether the reader was woken for them.
    queue: Mutex<(Vec<Report>, bool)>,
    /// Starts wait for the reader to look by itself.
    patient: bool,
    wake: Box<dyn Fn() + Send + Sync>,
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox")
            .field("waiting", &locked(&self.queue).0.len())
            .finish_non_exhaustive()
    }
}

impl Mailbox {
    /// Makes one; `wake` is called for the first report that cannot wait after each
    /// [`Mailbox::drain`], for example with `tokio::sync::Notify::notify_one`. It must not block.
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Self {
        Self {
            queue: Mutex::default(),
            patient: false,
            wake: Box::new(wake),
        }
    }

    /// Makes one for a reader that looks by itself, soon, whether what it started runs: starts
    /// alone do not wake it. It halves the wake-ups of short agents.
    pub fn patient(wake: impl Fn() + Send + Sync + 'static) -> Self {
        Self {
            patient: true,
            ..Self::new(wake)
        }
    }

    /// Moves all waiting reports to the end of `into`.
    pub fn drain(&self, into: &mut Vec<Report>) {
        let mut queue = locked(&self.queue);
        into.append(&mut queue.0);
        queue.1 = false;
    }
}

impl ReportSink for Mailbox {
    fn push(&self, reports: &mut Vec<Report>) {
        if reports.is_empty() {
            return;
        }
        let urgent = !self.patient || reports.iter().any(|r| !matches!(r, Report::Spawned { .. }));
        let wake = {
            let mut queue = locked(&self.queue);
            queue.0.append(reports);
            let wake = urgent && !queue.1;
            queue.1 |= urgent;
            wake
        };
        if wake {
            (self.wake)();
        }
    }
}
