//! What starts only after the first agents: socket, signals, sampling.
//!
//! Must not delay a first start, and must not touch the state: its threads talk to the loop.

use std::{
    io,
    path::PathBuf,
    sync::{Arc, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use crate::{
    engine::Memory,
    executor::{self, LocalExecutor},
    journal::{JOURNAL, SampleWriter},
    plan::AgentIx,
    resources::{Sampler, Sensor, SlowReadings},
};

use super::{
    adding::Adding,
    current::Current,
    groups::Grouping,
    intake::Intake,
    jobs::engine_key,
    others::Others,
    reports,
    runner::Manner,
    socket,
    turns::{Msg, Note, Notes, complain, now_ms},
    watch,
};

/// What starts only after the first agents were given to the spawners: nothing of it may delay them.
pub(super) struct Later {
    pub to_loop: mpsc::Sender<Msg>,
    pub sampler: Sampler,
    pub others: Others,
    pub notes: Notes,
    pub current: Current,
    pub adding: Adding,
    pub executor: Arc<LocalExecutor>,
    pub dir: PathBuf,
    pub run: String,
    pub interval: Duration,
    /// Between two slow readings.
    pub slow: Duration,
    pub memory: Memory,
    pub base_us: u64,
    pub started: Instant,
    pub manner: Manner,
}

impl Later {
    pub fn start(self) {
        let intake = Arc::new(Intake::default());
        let served = socket::serve(
            &self.dir,
            &self.run,
            self.adding.clone(),
            self.executor.clone(),
            intake.clone(),
            self.to_loop.clone(),
        );
        if self.manner.announce {
            socket::announce(&self.run, &self.dir, served.as_deref().ok());
        }
        if let Err(error) = served {
            // An address that a dead runner left leads nowhere.
            socket::remove(&self.dir);
            // The run is worth more than being watched.
            complain(&format!("nobody can attach to this run: {error}"));
        }
        if let Err(error) = watch::start(self.to_loop.clone(), self.manner.guarded) {
            complain(&format!("signals cannot be read: {error}"));
        }
        let (current, to_loop) = (self.current.clone(), self.to_loop.clone());
        if let Err(error) = reports::watch(&self.dir, current, intake, to_loop) {
            complain(&format!("agents' status files are not read: {error}"));
        }
        let sampling = thread::Builder::new()
            .name("sampler".into())
            .stack_size(256 << 10);
        let spawned = sampling.spawn(move || self.sample());
        if let Err(error) = spawned {
            complain(&format!("memory is not sampled: {error}"));
        }
    }

    fn sample(mut self) {
        let setup = self.current.get();
        let programs = setup.adapters.all().iter();
        let programs = programs.map(|a| a.program.clone()).collect();
        self.sampler.set_programs(programs);
        // Others may be about to start.
        self.others.tell(0, setup.ram_limit_bytes);
        let mut known = 0;
        let mut sensor = Sensor::new(
            setup.thresholds,
            setup.ram_limit_bytes,
            self.memory.zone,
            self.memory.halted,
            [],
        )
        .with_rules(setup.memory, self.memory.band, self.memory.step);
        drop(setup);
        let mut samples = SampleWriter::open(&self.dir);
        let journal = self.dir.join(JOURNAL);
        let mut there = true;
        let grouping = Grouping::start(&self.run, &self.dir, &self.executor, &self.current);
        let rung = grouping.as_ref().map(Grouping::rung);
        self.sampler.set_rung(rung.unwrap_or_default());
        let mut slow = SlowReadings::start(self.slow)
            .map_err(|error| complain(&format!("shared memory counts twice: {error}")))
            .ok();
        loop {
            thread::sleep(self.interval);
            let gone = |error: io::Error| error.kind() == io::ErrorKind::NotFound;
            if there && journal.symlink_metadata().is_err_and(gone) {
                there = false;
                if self.to_loop.send(Msg::FolderGone).is_err() {
                    return;
                }
            }
            let alive = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
            for note in self
                .notes
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .drain(..)
            {
                match note {
                    Note::Frozen(agent) => sensor.freeze(agent),
                    Note::Thawed(agent) => sensor.thaw(agent),
                    Note::Reserved(agent, bytes) => sensor.set_reserved(agent, bytes),
                }
            }
            let setup = self.current.get();
            for (at, agent) in setup.plan.agents.iter().enumerate().skip(known) {
                sensor.set_quiet(AgentIx::of(at), agent.quiet_us);
                sensor.set_limit(AgentIx::of(at), agent.ram_max_bytes);
            }
            known = setup.plan.agents.len();
            self.executor.refresh_oom_kills();
            self.sampler.set_others(self.others.open_bytes());
            let sample = self.sampler.read(now_ms(), self.base_us + alive);
            let used = sample.figures.agents_bytes;
            self.others.tell(used, setup.ram_limit_bytes);
            if let Some(grouping) = &grouping {
                grouping.turn(&self.sampler);
            }
            if let Some(slow) = &mut slow {
                slow.turn(&mut self.sampler, &sample);
            }
            let edges = sensor.observe(&sample);
            samples.append(&sample);
            if self
                .to_loop
                .send(Msg::Sample(Box::new(sample), edges))
                .is_err()
            {
                return;
            }
        }
    }
}

/// Opens the sampler over the executor's jobs.
pub(super) fn sampler(
    run: &str,
    executor: &Arc<LocalExecutor>,
    current: &Current,
    others: &Others,
) -> io::Result<Sampler> {
    let (executor, owners) = (executor.clone(), current.clone());
    let whose = move |key: &executor::JobKey| match engine_key(&owners.get(), key)?.owner {
        crate::engine::Owner::Agent(ix) => Some((ix, key.attempt)),
        crate::engine::Owner::Phase(_) | crate::engine::Owner::Cohort(_) => None,
    };
    let own = [
        std::process::id().cast_signed(),
        rustix::process::getppid().map_or(0, rustix::process::Pid::as_raw_pid),
    ];
    let mut sampler = Sampler::open(
        run,
        Box::new(move || executor.views()),
        Box::new(whose),
        current.get().ram_limit_bytes,
        &own,
    )?;
    sampler.set_others(others.open_bytes());
    Ok(sampler)
}
