//! The handle of the local executor: start it, give it jobs, steer them, shut it down.
//!
//! Must not do I/O for jobs itself; every method returns at once, but for [`LocalExecutor::join`].
//!
//! `main` calls [`crate::sys::signals::block`] before anything here starts threads, so that TERM, INT
//! and HUP reach the runner's own descriptor. Nothing here needs SIGCHLD, and nothing here waits for
//! children that others started.
//!
//! Where the kernel lists no children of a thread (`CONFIG_PROC_CHILDREN`), only the main thread can
//! ask cheaply whether an agent left anything behind. So the runner should use
//! [`LocalExecutor::prepare`] and call [`IoLoop::run`] on its **main thread**, with the runtime's
//! loop on another, and start no process from the main thread. Elsewhere the end of a job costs a
//! look through `/proc` on such kernels.

use std::{
    ffi::OsString,
    io,
    sync::{
        Arc, Condvar, Mutex, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rustix::{
    event::{EventfdFlags, epoll, eventfd},
    fs::{Mode, OFlags, open},
};

use super::{
    Job, JobKey, JobView, ReportSink,
    inbox::{Command, Inbox, Queue, Shared, Source, cancelled, token},
    index_file::Clock,
    io::Loop,
    spawner,
    talk::Say,
    terminal::{TerminalAsk, Viewer},
};
use crate::context::redact::Redactor;
use crate::sys::{
    cgroup::Group, landlock::Support, limits, locked, marker, memory, spawn::EnvBlock, subreaper,
};

/// Stack of a thread here: they call nothing deep.
const STACK: usize = 128 * 1024;

/// How the executor works.
#[derive(Debug, Clone)]
pub struct Config {
    /// The run's id; every process carries it.
    pub run: String,
    /// Environment of all jobs, already cut down to what they may see.
    pub env: Vec<(OsString, OsString)>,
    /// What is taken out of everything that jobs print.
    pub redactor: Redactor,
    /// Threads that start processes.
    pub spawners: usize,
    /// How long output is awaited after a process has ended, while others hold its pipe open.
    pub output_drain: Duration,
    /// Time between TERM and KILL for what a job left behind.
    pub leak_grace: Duration,
    /// This program, which prepares terminals, boundaries and set-up.
    pub helper: String,
    /// What the kernel has for boundaries; none: it is asked. Given only in tests.
    pub landlock: Option<Support>,
    /// What the times in the indexes of terminals count from.
    pub clock: Clock,
    /// Whether to become the new parent of what loses its parents. Off only in tests.
    pub subreaper: bool,
}

impl Config {
    /// Returns the usual values for a run.
    #[must_use]
    pub fn new(run: impl Into<String>, env: Vec<(OsString, OsString)>) -> Self {
        Self {
            run: run.into(),
            env,
            redactor: Redactor::default(),
            spawners: 2,
            output_drain: Duration::from_millis(200),
            leak_grace: Duration::from_secs(5),
            // In the child, until it has replaced itself, this is still our own program.
            helper: "/proc/self/exe".to_owned(),
            landlock: None,
            clock: Clock {
                started: Instant::now(),
                base_us: 0,
            },
            subreaper: true,
        }
    }
}

/// The handle; cheap calls from any thread. Dropping it ends all jobs without grace and waits.
#[derive(Debug)]
pub struct LocalExecutor {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// The thread that reads output, notices ends and ends trees; run it on the main thread.
#[derive(Debug)]
pub struct IoLoop(Loop);

impl IoLoop {
    /// Works until [`LocalExecutor::shutdown`] is done.
    pub fn run(self) {
        self.0.run();
    }
}

impl LocalExecutor {
    /// Starts it with an I/O thread of its own.
    pub fn start(config: &Config, reports: Arc<dyn ReportSink>) -> io::Result<Self> {
        let (handle, io) = Self::prepare(config, reports)?;
        let thread = thread::Builder::new()
            .name("executor".into())
            .stack_size(STACK * 2);
        locked(&handle.threads).push(thread.spawn(move || io.run())?);
        Ok(handle)
    }

    /// Starts the spawner threads and returns the I/O loop for the caller to run (see the module).
    pub fn prepare(config: &Config, reports: Arc<dyn ReportSink>) -> io::Result<(Self, IoLoop)> {
        limits::keep_descriptors_from_children();
        if config.subreaper {
            subreaper::become_subreaper()?;
        }
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let event = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let data = epoll::EventData::new_u64(token(0, Source::Commands));
        epoll::add(&epoll, &event, data, epoll::EventFlags::IN)?;
        let shared = Arc::new(Shared {
            run: config.run.clone(),
            env: environment(config)?,
            redactor: config.redactor.clone(),
            helper: config.helper.clone(),
            landlock: config
                .landlock
                .clone()
                .map_or_else(OnceLock::new, OnceLock::from),
            clock: config.clock,
            null: open("/dev/null", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?,
            epoll,
            event,
            queue: Mutex::<Queue>::default(),
            ready: Condvar::new(),
            inbox: Mutex::<Inbox>::default(),
            views: Mutex::default(),
            sink: reports,
            serial: AtomicU64::new(1),
            oom_kills: AtomicU64::new(memory::oom_kills().unwrap_or(u64::MAX)),
        });
        let handle = Self {
            shared: Arc::clone(&shared),
            threads: Mutex::default(),
        };
        for number in 0..config.spawners.max(1) {
            let shared = Arc::clone(&shared);
            let thread = thread::Builder::new()
                .name(format!("spawner {number}"))
                .stack_size(STACK);
            locked(&handle.threads).push(thread.spawn(move || spawner::run(&shared))?);
        }
        Ok((handle, IoLoop(Loop::new(shared, config))))
    }

    /// Queues a job. [`super::Report::Spawned`] or [`super::Report::SpawnFailed`] follows.
    pub fn spawn(&self, job: Job) {
        self.shared.submit(job);
    }

    /// Ends a job's whole tree: TERM, after the time of grace KILL. A queued job is taken back.
    pub fn terminate(&self, key: JobKey, grace: Duration) {
        self.shared.command(Command::Terminate(key, grace));
    }

    /// Kills a job's whole tree.
    pub fn kill(&self, key: JobKey) {
        self.shared.command(Command::Kill(key));
    }

    /// Stops a job's whole tree where it is; [`super::Report::Frozen`] says how far that went.
    pub fn freeze(&self, key: JobKey) {
        self.shared.command(Command::Freeze(key));
    }

    /// Lets a frozen job go on.
    pub fn thaw(&self, key: JobKey) {
        self.shared.command(Command::Thaw(key));
    }

    /// Says which group a running job's tree was put into; freezing and ending use it from then on.
    pub fn group(&self, key: JobKey, group: Arc<Group>) {
        self.shared.command(Command::Group(key, group));
    }

    /// Says something to the program of a job that speaks; [`super::Report::Heard`] tells what of it was
    /// taken.
    pub fn say(&self, key: JobKey, say: Say) {
        self.shared.command(Command::Say(key, say));
    }

    /// Carries out what somebody who shows terminals asks for; answers and news go to the viewer.
    pub fn terminal(&self, viewer: Viewer, ask: TerminalAsk) {
        self.shared.command(Command::Terminal(viewer, ask));
    }

    /// Takes queued jobs back, ends everything, then reports [`super::Report::Stopped`].
    pub fn shutdown(&self, grace: Duration) {
        let dropped = {
            let mut queue = locked(&self.shared.queue);
            queue.closed = true;
            self.shared.ready.notify_all();
            std::mem::take(&mut queue.jobs)
        };
        let mut reports: Vec<_> = dropped.into_iter().map(|job| cancelled(job.key)).collect();
        self.shared.sink.push(&mut reports);
        self.shared.command(Command::Shutdown(grace));
    }

    /// Waits for the threads after [`LocalExecutor::shutdown`].
    pub fn join(&self) {
        let threads = std::mem::take(&mut *locked(&self.threads));
        for thread in threads {
            // A panic there was printed when it happened.
            let _ = thread.join();
        }
    }

    /// Looks up how many processes the kernel has killed for want of memory. Jobs that start from now on are told
    /// apart from those that were killed before. To be called now and then.
    pub fn refresh_oom_kills(&self) {
        if let Some(kills) = memory::oom_kills() {
            self.shared.oom_kills.store(kills, Ordering::Relaxed);
        }
    }

    /// Returns the running jobs, for the sampler.
    #[must_use]
    pub fn views(&self) -> Vec<Arc<JobView>> {
        locked(&self.shared.views).values().cloned().collect()
    }

    /// Returns one running job.
    #[must_use]
    pub fn view(&self, key: &JobKey) -> Option<Arc<JobView>> {
        locked(&self.shared.views).get(key).cloned()
    }
}

impl Drop for LocalExecutor {
    fn drop(&mut self) {
        if !locked(&self.threads).is_empty() {
            self.shutdown(Duration::ZERO);
            self.join();
        }
    }
}

/// The run's environment: what was given, without markers of an outer run, with ours.
fn environment(config: &Config) -> io::Result<EnvBlock> {
    let ours = [marker::RUN, marker::AGENT, marker::ATTEMPT, marker::CHECK];
    let given = config
        .env
        .iter()
        .filter(|(name, _)| ours.iter().all(|o| name != o))
        .cloned();
    let run = (OsString::from(marker::RUN), OsString::from(&config.run));
    EnvBlock::new(std::iter::once(run).chain(given))
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("run", &self.run)
            .finish_non_exhaustive()
    }
}
