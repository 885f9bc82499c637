//! The slow reading: proportional sets, which count shared pages once over all processes, and swap.
//!
//! The kernel walks page tables for it (0.5 ms at 20 MB, 2 ms at 200 MB), so it runs rarely, for few
//! agents, on a thread that nothing waits for. Must not touch the sampler's files.

use std::{
    io,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use rustix::time::{ClockId, clock_gettime};

use super::{Sample, Sampler, roster::Process};
use crate::sys::proc::{self, Rollup};

/// Stack of the thread.
const STACK: usize = 128 << 10;
/// The slow reading may take one part in so many of the time: 0.2 % of a core.
const SHARE: u32 = 500;
/// A new agent is not left without a reading for longer than this, where the share of time allows it.
const SOON: Duration = Duration::from_secs(2);
/// At most so many agents in one reading.
const AGENTS: usize = 16;

/// Processes of one job to measure.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    /// Its first process, by which it is known again.
    pub root: Process,
    /// Which agent and attempt.
    pub whose: (u32, u32),
    /// All of its processes.
    pub processes: Vec<Process>,
}

/// Which processes to measure, by job.
#[derive(Debug, Clone, Default)]
pub struct PssJob(Vec<Wanted>);

/// What was measured of the processes of one job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Measured {
    pub root: Process,
    pub whose: (u32, u32),
    pub processes: Vec<(Process, Rollup)>,
}

/// What was measured, by job.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PssFigures(pub(super) Vec<Measured>);

impl PssJob {
    pub(super) const fn new(jobs: Vec<Wanted>) -> Self {
        Self(jobs)
    }

    /// Whether there is nothing to measure.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Measures. A job of which a living process cannot be read (another user's) has no figures:
    /// a part would be mistaken for the whole.
    #[must_use]
    pub fn run(self) -> PssFigures {
        PssFigures(self.0.into_iter().filter_map(measure).collect())
    }
}

fn measure(wanted: Wanted) -> Option<Measured> {
    let mut processes = Vec::with_capacity(wanted.processes.len());
    for process in wanted.processes {
        let read = proc::rollup(process.0);
        if proc::is_alive(process.0, process.1) {
            processes.push((process, read.ok()?));
        }
    }
    (!processes.is_empty()).then_some(Measured {
        root: wanted.root,
        whose: wanted.whose,
        processes,
    })
}

impl PssFigures {
    /// Returns the proportional set of an agent's attempt in bytes, where it was measured.
    #[must_use]
    pub fn of(&self, agent: u32, attempt: u32) -> Option<u64> {
        let jobs = self.0.iter().filter(|job| job.whose == (agent, attempt));
        let bytes = jobs.map(|job| {
            job.processes
                .iter()
                .map(|(_, r)| r.proportional)
                .sum::<u64>()
        });
        bytes.reduce(|a, b| a + b)
    }
}

/// Has slow readings made on a thread of its own, and gives them to the sampler.
#[derive(Debug)]
pub struct SlowReadings {
    jobs: mpsc::Sender<PssJob>,
    done: mpsc::Receiver<(PssFigures, Duration)>,
    every: Duration,
    /// One is being made.
    busy: bool,
    due: Instant,
    /// Not before this, whatever is new.
    earliest: Instant,
}

impl SlowReadings {
    /// Starts the thread; it measures every so often, and seldom enough to cost next to nothing.
    ///
    /// # Errors
    /// When no thread can be had.
    pub fn start(every: Duration) -> io::Result<Self> {
        let (jobs, wanted) = mpsc::channel::<PssJob>();
        let (give, done) = mpsc::channel();
        thread::Builder::new()
            .name("slow-sampler".into())
            .stack_size(STACK)
            .spawn(move || {
                for job in wanted {
                    let began = cpu();
                    let figures = job.run();
                    // The sampler is gone at the end only.
                    let _ = give.send((figures, cpu().saturating_sub(began)));
                }
            })?;
        let now = Instant::now();
        Ok(Self {
            jobs,
            done,
            every,
            busy: false,
            due: now + every,
            earliest: now + SOON,
        })
    }

    /// Gives the sampler what was measured, and has more measured when that is due. To be called after
    /// each reading; never waits.
    pub fn turn(&mut self, sampler: &mut Sampler, last: &Sample) {
        let now = Instant::now();
        if let Ok((figures, took)) = self.done.try_recv() {
            sampler.note_pss(figures);
            self.busy = false;
            self.earliest = now + (took * SHARE).max(SOON);
            self.due = now + (took * SHARE).max(self.every);
        }
        if self.busy || now < self.earliest {
            return;
        }
        if now < self.due && !sampler.unmeasured(last) {
            return;
        }
        self.due = now + self.every;
        let job = sampler.pss_job(last, AGENTS);
        if !job.is_empty() {
            self.busy = self.jobs.send(job).is_ok();
        }
    }
}

/// CPU time of this thread.
fn cpu() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime)
        .try_into()
        .unwrap_or_default()
}
