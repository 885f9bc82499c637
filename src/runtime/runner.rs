//! The runner: makes or opens a run, starts its threads, and stays until it has ended.
//!
//! The main thread does the executor's I/O (what loses its parent is reparented to it, so its
//! children are exactly the orphans); the loop has a thread of its own. Must not decide about
//! agents.

mod folders;
mod jobs_env;
mod manner;

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

use crate::{
    config::passes,
    engine::{InputKind, State, Uses},
    executor::{self, LocalExecutor, Mailbox},
    journal::{Header, JournalWriter, LockError, RunDir, RunLock, Snapshotter, Store},
    plan::Plan,
    sys::{
        limits, proc,
        signals::{self, SignalFd},
    },
};

pub use super::hash::sha256;
use super::{
    RUNNER_FAILED,
    adding::{Adding, leaves},
    cards::{Cards, Rhythm},
    clean::redactor,
    current::Current,
    groups,
    guard::{program, say_grace, survive_file_limit},
    jobs::{self, Bounds, JobMaker},
    later::{Later, sampler},
    leases::Desk,
    lines::Lines,
    models::Models,
    notices::Notices,
    others::{self, Others},
    past,
    prepare::{RunConfig, read_folder},
    recover, socket,
    turns::{Ended, Msg, Turns, complain, now_ms},
    watch::STOP_SIGNALS,
    work::{self, Settings, Work},
};

use folders::{keep_source, private_folders};
use jobs_env::{passed, shims};
pub use manner::{Manner, RunnerError};

/// What a new run is made of.
#[derive(Debug)]
pub struct New {
    /// The plan, checked.
    pub plan: Plan,
    /// What `plan.toml` of the run will hold: it must give `plan` again.
    pub plan_text: String,
    /// The plan as it was written, where that is another text: additions get its defaults.
    pub source: Option<String>,
    /// What is in force.
    pub config: RunConfig,
    /// Root of the repository, below which runs are kept.
    pub root: PathBuf,
    /// `WAVEDECK_HOME`.
    pub home: Option<PathBuf>,
    /// Commit that the run starts from.
    pub base_commit: Option<String>,
    /// What a person should know of the repository, in sentences.
    pub notes: Vec<String>,
}

/// Runs a new run to its end; returns its status.
///
/// # Errors
/// When it cannot begin. What goes wrong later is recorded in the run.
pub fn start(new: New, manner: Manner) -> Result<u8, RunnerError> {
    signals::block()?;
    survive_file_limit()?;
    let store = Store::open(&new.root, new.home.as_deref())?;
    let config_text = toml::to_string(&new.config).map_err(io::Error::other)?;
    let mut random = [0_u8; 8];
    rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty())
        .map_err(io::Error::from)?;
    let random = u64::from_ne_bytes(random);
    let (dir, lock) = store.create_run(
        now_ms(),
        random,
        new.plan_text.as_bytes(),
        config_text.as_bytes(),
    )?;
    keep_source(&dir.path, new.source.as_deref())?;
    let plan_hash = sha256(new.plan_text.as_bytes());
    let boot_id = proc::boot_id()?;
    let journal = JournalWriter::create(&dir.path, &Header::new(&dir.id, &plan_hash, &boot_id))?;
    for note in &new.notes {
        complain(note);
    }
    let setup = Arc::new(new.config.setup(new.plan));
    let state = State::new(setup);
    let first = InputKind::Begin {
        run: dir.id.clone(),
        boot_id,
        plan_hash,
        base_commit: new.base_commit,
    };
    Runner {
        dir,
        lock,
        config: new.config,
        journal,
        state,
        base_us: 0,
        print_from: 1,
        manner,
    }
    .run(first)
}

/// What `resume` found.
#[derive(Debug)]
pub enum Resumed {
    /// The run went on to its end with this status.
    Ran(u8),
    /// The run had ended before: its status and summary.
    Ended(u8, String),
    /// This signal came before anything was started: the run stays as it was.
    Stopped(i32),
}

/// Goes on with a run whose runner is gone.
///
/// # Errors
/// When it has a live runner, or its folder cannot be read.
pub fn resume(dir: RunDir, manner: Manner) -> Result<Resumed, RunnerError> {
    signals::block()?;
    survive_file_limit()?;
    let lock = dir.lock().map_err(|error| match error {
        LockError::Held => RunnerError::Live(dir.id.clone()),
        LockError::Io(error) => RunnerError::Io(error),
    })?;
    let (mut setup, config) = read_folder(&dir.path)?;
    // Whether somebody watches is of now, not of the begin: nothing that is recorded depends on it.
    setup.attended = manner.lines.is_none();
    let folded = recover::fold(&dir.path, Arc::new(setup))?;
    if let Some(damage) = &folded.damage {
        complain(&format!("damage in the journal: {damage}"));
    }
    let state = folded.state;
    if let Some(status) = state.finished {
        return Ok(Resumed::Ended(status, state.summary.unwrap_or_default()));
    }
    let boot_id = proc::boot_id()?;
    let handles = recover::handles(&state, &boot_id);
    let grace = Duration::from_micros(config.grace_us);
    let signals = SignalFd::new(&STOP_SIGNALS)?;
    let mut stopped = None;
    let (survivors, mut seen) =
        recover::end_survivors(&dir.path, &dir.id, &handles, grace, || {
            let Ok(Some(signal)) = signals.next() else {
                return false;
            };
            // The second one does not wait for the grace.
            stopped.replace(signal).is_some()
        })?;
    if let Some(signal) = stopped {
        return Ok(Resumed::Stopped(signal));
    }
    seen.extend(recover::output_attempts(&dir.path));
    seen.extend(folded.lost);
    seen.extend(work::seen_attempts(
        Path::new(&config.state_folder),
        &dir.id,
    ));
    let journal = JournalWriter::open_for_append(&dir.path, &folded.end)?;
    let base_us = state.elapsed_us;
    let print_from = state.seq + 1;
    let first = if state.run.is_empty() {
        // It died before its first record: it begins now.
        let plan_hash = folded.end.header.plan_hash.clone();
        let place = work::base(&state.setup.plan, Path::new(&config.workdir));
        InputKind::Begin {
            run: dir.id.clone(),
            boot_id,
            plan_hash,
            base_commit: place.map_err(io::Error::other)?.map(|place| place.commit),
        }
    } else {
        InputKind::Recovered {
            boot_id,
            survivors,
            seen_attempts: seen,
        }
    };
    Runner {
        dir,
        lock,
        config,
        journal,
        state,
        base_us,
        print_from,
        manner,
    }
    .run(first)
    .map(Resumed::Ran)
}

struct Runner {
    dir: RunDir,
    lock: RunLock,
    config: RunConfig,
    journal: JournalWriter,
    state: State,
    base_us: u64,
    print_from: u64,
    manner: Manner,
}

impl Runner {
    fn run(self, first: InputKind) -> Result<u8, RunnerError> {
        // Three descriptors per agent that prints; what the system refuses shows as a spawn error.
        let _ = limits::raise_open_files();
        // An agent's core dumps are its own business; ours would hold everybody's output.
        let _ = limits::no_core_dumps();
        let setup = &self.state.setup;
        let hands_off = setup.plan.indices().any(|ix| setup.may_hand_off(ix));
        private_folders(&self.dir.path, !self.config.notify.is_empty(), hands_off)?;
        if self.manner.guarded {
            say_grace(Duration::from_micros(self.config.grace_us));
        }
        let (to_loop, inbox) = mpsc::channel::<Msg>();
        let mailbox = {
            let to_loop = to_loop.clone();
            Arc::new(Mailbox::patient(move || {
                // The loop is gone at the very end only.
                let _ = to_loop.send(Msg::Reports);
            }))
        };
        let env = passed(&self.config);
        let mut settings = executor::Config::new(self.dir.id.clone(), env);
        let redactor = redactor(&self.state.setup.plan);
        settings.redactor = redactor.clone();
        settings.spawners = self.config.spawners as usize;
        settings.output_drain = Duration::from_micros(self.config.output_drain_us);
        settings.leak_grace = Duration::from_micros(self.config.grace_us);
        let started = Instant::now();
        settings.clock = executor::Clock {
            started,
            base_us: self.base_us,
        };
        let (executor, io_loop) = LocalExecutor::prepare(&settings, mailbox.clone())?;
        let executor = Arc::new(executor);
        let lines = match self.manner.lines {
            Some(kind) => Some(Lines::start(&self.dir.path, kind, self.print_from)?),
            None => None,
        };
        let current = Current::new(self.state.setup.clone());
        let models = Models::of_run(setup, self.config.rehearsal, to_loop.clone());
        let others = Others::new(&self.dir.id);
        let sampler = sampler(&self.dir.id, &executor, &current, models.board(), &others)?;
        let open = others.own();
        let first_figures = sampler.first_figures();
        let notes = Arc::new(Mutex::new(Vec::new()));
        let later = Later {
            to_loop: to_loop.clone(),
            sampler,
            servers: models.starter(),
            others,
            notes: notes.clone(),
            adding: Adding::new(&self.dir.path, &self.config, &current, &redactor),
            current: current.clone(),
            executor: executor.clone(),
            dir: self.dir.path.clone(),
            run: self.dir.id.clone(),
            interval: Duration::from_micros(self.config.sample_us.max(10_000)),
            slow: Duration::from_micros(self.config.pss_us.max(1_000_000)),
            memory: self.state.memory.clone(),
            base_us: self.base_us,
            started,
            manner: self.manner,
        };
        let workdir = PathBuf::from(&self.config.workdir);
        let bounds = Bounds::new(&self.config, &|name| {
            let passed = passes(&self.config.env, name);
            std::env::var(name).ok().filter(|_| passed)
        });
        let rhythm = Rhythm {
            cards: Duration::from_micros(self.config.card_us),
            gate_us: self.config.gate_us,
        };
        let work = Work::new(
            Settings {
                leaves: leaves(&current),
                run_dir: self.dir.path.clone(),
                workdir: workdir.clone(),
                state_folder: PathBuf::from(&self.config.state_folder),
                enforce: self.config.sandbox_enforce,
                setup: current.clone(),
                sync: self.journal.sync_handle(),
                redactor: redactor.clone(),
            },
            {
                let to_loop = to_loop.clone();
                // The loop is gone at the very end only.
                Arc::new(move |done| drop(to_loop.send(Msg::Work(Box::new(done)))))
            },
        );
        let (own, setup) = (program()?, self.state.setup.clone());
        let shims = shims(&self.dir.path, &setup.plan, &self.config, &own);
        let turns = Turns {
            leases: Desk::new(to_loop.clone()),
            work,
            models,
            current,
            redactor,
            notices: Notices::new(
                self.config.notify,
                Duration::from_micros(self.config.notify_limit_us),
                &self.dir.path,
                &workdir,
            ),
            cards: Cards::start(&self.dir.path, &self.state, rhythm, to_loop.clone()),
            snapshots: Snapshotter::new(&self.dir.path, self.journal.position()),
            jobs: JobMaker {
                context_cap: self.config.context_cap,
                workdir,
                run_dir: self.dir.path.clone(),
                shims,
                program: own,
                bounds,
                measured: jobs::Measured::default(),
            },
            journal: self.journal,
            state: self.state,
            executor: executor.clone(),
            mailbox,
            lines,
            figures: first_figures,
            uses: Uses::default(),
            notes,
            open,
            grace: Duration::from_micros(self.config.grace_us),
            base_us: self.base_us,
            started,
            inbox,
            after_first: Some(Box::new(move || later.start())),
        };
        turns.journal.sync_handle().on_fault(move |error| {
            let _ = to_loop.send(Msg::SyncFault(error.to_owned()));
        });
        let (grace, teaches) = (turns.grace, !self.config.rehearsal);
        let (dir, lock) = (self.dir, self.lock);
        let the_loop = thread::Builder::new().name("loop".into()).spawn(move || {
            // Whatever happens to the loop, nothing that it started stays.
            let _end = ShutDown(turns.executor.clone(), grace);
            turns.run(first, lock)
        })?;
        io_loop.run();
        let ended = the_loop.join().unwrap_or(Ended {
            status: RUNNER_FAILED,
            past: None,
        });
        let status = ended.status;
        executor.join();
        socket::remove(&dir.path);
        others::forget(&dir.id);
        groups::forget(&dir.path, &dir.id);
        if status != RUNNER_FAILED
            && let Err(error) = past::finish(&dir.path, setup, ended.past, teaches)
        {
            complain(&format!(
                "report and cards could not be written: {error}; `wavedeck report` makes it anew"
            ));
        }
        Ok(status)
    }
}

struct ShutDown(Arc<LocalExecutor>, Duration);

impl Drop for ShutDown {
    fn drop(&mut self) {
        self.0.shutdown(self.1);
    }
}
