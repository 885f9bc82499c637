//! Measures: the machine's memory, each agent's whole process tree, its output activity.
//!
//! One reading costs a fraction of a microsecond per process, from files that stay open; who belongs
//! to a tree is looked up again only when processes appeared. Reads and counts, nothing else: what
//! the figures mean is the sensor's, what follows from them the engine's. Runs on its own thread,
//! never on the loop or the drawing thread.

use std::{
    collections::{BTreeMap, HashMap},
    fmt, io, iter, process,
    sync::Arc,
    time::{Duration, Instant},
};

use rustix::time::{ClockId, clock_gettime};

use super::{
    AgentSample, MachineSample, ReadServers, Sample, Servers,
    member::{Member, Room, resident},
    pss::{PssFigures, PssJob},
    roster::{Ages, Process, Root, Roster},
    zones,
};
use crate::{
    engine::Figures,
    executor::{JobKey, JobView},
    plan::AgentIx,
    sys::{
        memory::Meters,
        proc::{self, ForkWatch, ProcTable},
    },
};

/// Between two looks at who belongs to which tree, at least.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// A look may take one part in so many of the time: 0.4 % of a core.
const LOOK_SHARE: u32 = 250;
/// Longest time between two looks while processes appear.
const LOOK_AT_LATEST: Duration = Duration::from_secs(5);
/// Processes younger than this are left for the next look: most will be gone by then.
const YOUNG: Duration = Duration::from_millis(200);
/// At this age a process is what it will be: no program that is just being replaced.
const SETTLED: Duration = Duration::from_secs(1);
/// Between two readings of pressure-stall information, which the kernel renews every 2 s.
const STALL_EVERY: Duration = Duration::from_secs(1);

/// Gives the running jobs.
pub type Views = Box<dyn Fn() -> Vec<Arc<JobView>> + Send>;
/// Says which agent and attempt a job works for; none for commands of a phase.
pub type Whose = Box<dyn Fn(&JobKey) -> Option<(AgentIx, u32)> + Send>;

/// Takes readings; holds the files that it reads again and again.
pub struct Sampler {
    run: String,
    views: Views,
    whose: Whose,
    ram_limit_bytes: u64,
    meters: Meters,
    machine: MachineSample,
    stall_due: Instant,
    own: Vec<Member>,
    jobs: HashMap<Process, Tracked>,
    reading: u64,
    roster: Roster,
    forks: ForkWatch,
    dirty: bool,
    look_due: Instant,
    looks: u64,
    peaks: BTreeMap<u32, (u32, u64)>,
    pss: PssFigures,
    servers: ReadServers,
    /// Pages of no file on the machine, in bytes; 0 within a container.
    anon_bytes: u64,
    /// What the servers hold, as of the last reading: all of it, and of files.
    served: (u64, u64),
}

/// A job that runs.
struct Tracked {
    view: Arc<JobView>,
    whose: Option<(AgentIx, u32)>,
    members: Vec<Member>,
    /// Its last line, as of so many bytes of output.
    line: (u64, String),
    /// The reading that saw it last.
    reading: u64,
}

impl Sampler {
    /// Opens the files of the machine.
    ///
    /// `run` is the run's id, which the environment of its processes carries. `own` are wavedeck's
    /// own processes; the caller's pid is added.
    pub fn open(
        run: impl Into<String>,
        views: Views,
        whose: Whose,
        ram_limit_bytes: u64,
        own: &[i32],
    ) -> io::Result<Self> {
        let now = Instant::now();
        let mut sampler = Self {
            run: run.into(),
            views,
            whose,
            ram_limit_bytes,
            meters: Meters::open()?,
            machine: MachineSample::default(),
            stall_due: now,
            own: Vec::new(),
            jobs: HashMap::new(),
            reading: 0,
            roster: Roster::default(),
            forks: ForkWatch::new()?,
            dirty: true,
            look_due: now,
            looks: 0,
            peaks: BTreeMap::new(),
            pss: PssFigures::default(),
            servers: Box::new(Servers::default),
            served: (0, 0),
            anon_bytes: 0,
        };
        sampler.set_own(own);
        sampler.read_machine()?;
        Ok(sampler)
    }

    /// Says where the figures of model servers come from.
    #[must_use]
    pub fn with_servers(mut self, servers: ReadServers) -> Self {
        self.servers = servers;
        self
    }

    /// Says which processes are wavedeck's own (guard, dashboards); the caller's pid is added.
    pub fn set_own(&mut self, own: &[i32]) {
        let me = process::id().cast_signed();
        let others = own.iter().copied().filter(|pid| *pid != me);
        let member = |pid| Some(Member::new((pid, proc::start_time(pid).ok()?)));
        self.own = iter::once(me).chain(others).filter_map(member).collect();
    }

    /// Changes the memory that all agents may use together, in bytes.
    pub fn set_ram_limit(&mut self, bytes: u64) {
        self.ram_limit_bytes = bytes;
    }

    /// Returns the figures before anything runs, from the machine's memory as [`Sampler::open`] read
    /// it: enough for the first admission.
    #[must_use]
    pub fn first_figures(&self) -> Figures {
        self.figures(0)
    }

    /// Returns how often processes were sorted by job so far, to see what sampling costs.
    #[must_use]
    pub const fn looks(&self) -> u64 {
        self.looks
    }

    /// Takes one reading. `at_ms` is the wall clock in milliseconds since the Unix epoch,
    /// `elapsed_us` the time that the run has been alive in microseconds; both are only copied.
    ///
    /// What cannot be read keeps its last value; a process that is gone counts for nothing.
    pub fn read(&mut self, at_ms: i64, elapsed_us: u64) -> Sample {
        let _ = self.read_machine();
        let servers = (self.servers)();
        self.served = (servers.bytes, servers.file_bytes);
        self.meet_jobs();
        self.look();
        let mut room = Room::for_jobs(self.jobs.len());
        self.machine.own_bytes = resident(&mut self.own, &mut room);
        let mut agents: BTreeMap<(u32, u32), AgentSample> = BTreeMap::new();
        let mut agents_bytes = 0;
        for job in self.jobs.values_mut() {
            let bytes = resident(&mut job.members, &mut room);
            agents_bytes += bytes;
            if let Some((ix, attempt)) = job.whose {
                let agent = agents
                    .entry((ix.0, attempt))
                    .or_insert_with(|| AgentSample {
                        agent: ix.0,
                        attempt,
                        quiet_us: u64::MAX,
                        ..AgentSample::default()
                    });
                job.add_to(agent, bytes);
            }
        }
        let agents = agents
            .into_values()
            .map(|agent| self.finish(agent))
            .collect();
        Sample {
            at_ms,
            elapsed_us,
            figures: self.figures(agents_bytes),
            machine: self.machine,
            agents,
            servers: servers.samples,
        }
    }

    /// Returns a slow measurement of the `top` largest agents' proportional sets, to be run on a
    /// thread that nothing waits for (milliseconds per process), then given to
    /// [`Sampler::note_pss`].
    #[must_use]
    pub fn pss_job(&self, last: &Sample, top: usize) -> PssJob {
        let mut largest: Vec<&AgentSample> = last.agents.iter().collect();
        largest.sort_by_key(|a| (std::cmp::Reverse(a.resident_bytes), a.agent));
        largest.truncate(top);
        let processes_of = |agent: &AgentSample| {
            let whose = Some((agent.ix(), agent.attempt));
            let jobs = self.jobs.values().filter(|j| j.whose == whose);
            jobs.flat_map(|j| j.members.iter().map(|m| m.process))
                .collect()
        };
        PssJob::new(
            largest
                .into_iter()
                .map(|a| ((a.agent, a.attempt), processes_of(a)))
                .collect(),
        )
    }

    /// Takes what a [`PssJob`] measured into the readings to come, in place of what was known.
    pub fn note_pss(&mut self, figures: PssFigures) {
        self.pss = figures;
    }

    fn figures(&self, agents_bytes: u64) -> Figures {
        let (servers_bytes, mapped) = self.served;
        let total = self.machine.total_bytes;
        // Mapped weights are called available; taking them away makes the server read them again and again.
        let held = match servers_bytes {
            0 => 0,
            bytes => bytes.max(self.anon_bytes.saturating_add(mapped)),
        };
        let available = (self.machine.available_bytes).min(total.saturating_sub(held));
        let ours = agents_bytes.saturating_add(servers_bytes);
        Figures {
            pressure_permille: zones::pressure(total, available, ours, self.ram_limit_bytes),
            available_bytes: available,
            total_bytes: total,
            agents_bytes,
            servers_bytes,
            swap_used_bytes: self.machine.swap_used_bytes,
            stall_permille: self.machine.stall_permille,
            ..Figures::default()
        }
    }

    fn read_machine(&mut self) -> io::Result<()> {
        let machine = self.meters.machine()?;
        let (mut total, mut available) = (machine.total, machine.available);
        if let Some(container) = self.meters.container() {
            total = total.min(container.limit);
            available = available.min(container.limit.saturating_sub(container.used()?));
        }
        // A container's own pages are not told apart here.
        let contained = self.meters.container().is_some();
        self.anon_bytes = if contained { 0 } else { machine.anonymous };
        self.machine.total_bytes = total;
        self.machine.available_bytes = available;
        self.machine.swap_used_bytes = machine.swap_total.saturating_sub(machine.swap_free);
        let now = Instant::now();
        if now >= self.stall_due {
            self.stall_due = now + STALL_EVERY;
            self.machine.stall_permille = self.meters.pressure_permille().unwrap_or(0);
        }
        Ok(())
    }

    /// Takes up jobs that are new and drops those that ended.
    fn meet_jobs(&mut self) {
        self.reading += 1;
        for view in (self.views)() {
            let root = (view.pid, view.start_time);
            let job = self.jobs.entry(root).or_insert_with(|| Tracked {
                whose: None,
                members: vec![Member::new(root)],
                line: (0, String::new()),
                reading: 0,
                view,
            });
            job.reading = self.reading;
            if job.whose.is_none() {
                job.whose = (self.whose)(&job.view.key);
            }
        }
        let reading = self.reading;
        self.jobs.retain(|_, job| job.reading == reading);
    }

    /// Sorts all processes by job, where that can have changed and is due.
    fn look(&mut self) {
        self.dirty |= self.forks.changed();
        let began = Instant::now();
        let ages = ages();
        // While all jobs are young, their trees are not worth a look.
        let grown = |p: &Process| p.1 + ages.young <= ages.now;
        if !self.dirty || began < self.look_due || !self.jobs.keys().any(grown) {
            return;
        }
        let Ok(table) = ProcTable::scan() else {
            return;
        };
        self.looks += 1;
        let mut order: Vec<Process> = self.jobs.keys().copied().collect();
        order.sort_unstable_by_key(|p| (p.1, p.0));
        let mut known = HashMap::new();
        let mut roots = Vec::with_capacity(order.len());
        for (place, process) in order.iter().enumerate() {
            let Some(job) = self.jobs.get(process) else {
                continue;
            };
            known.extend(job.members.iter().map(|m| (m.process, place)));
            roots.push(Root {
                process: *process,
                marker: job.view.key.marker(&self.run),
            });
        }
        let me = process::id().cast_signed();
        let found = self.roster.assign(&table, &roots, &known, me, ages);
        for (process, members) in order.iter().zip(found.members) {
            if let Some(job) = self.jobs.get_mut(process) {
                let new = members.into_iter().filter(|p| !known.contains_key(p));
                job.members.extend(new.map(Member::new));
            }
        }
        self.dirty = found.again;
        let rest = (began.elapsed() * LOOK_SHARE).clamp(LOOK_EVERY, LOOK_AT_LATEST);
        self.look_due = began + rest;
    }

    /// Adds what is known beside the reading: peak and proportional set.
    fn finish(&mut self, mut agent: AgentSample) -> AgentSample {
        let peak = self.peaks.entry(agent.agent).or_insert((agent.attempt, 0));
        if peak.0 < agent.attempt {
            *peak = (agent.attempt, 0);
        }
        agent.peak_bytes = agent.resident_bytes;
        if peak.0 == agent.attempt {
            peak.1 = peak.1.max(agent.resident_bytes);
            agent.peak_bytes = peak.1;
        }
        agent.pss_bytes = self.pss.of(agent.agent, agent.attempt);
        agent
    }
}

impl fmt::Debug for Sampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sampler")
            .field("run", &self.run)
            .field("jobs", &self.jobs.len())
            .field("machine", &self.machine)
            .finish_non_exhaustive()
    }
}

impl Tracked {
    /// Adds this job to its agent's row; the line is that of the job that printed last.
    fn add_to(&mut self, agent: &mut AgentSample, bytes: u64) {
        let printed = self.view.output_bytes();
        let quiet_us = u64::try_from(self.view.quiet().as_micros()).unwrap_or(u64::MAX);
        agent.resident_bytes += bytes;
        agent.processes += u32::try_from(self.members.len()).unwrap_or(u32::MAX);
        agent.output_bytes += printed;
        if printed != self.line.0 {
            self.line = (printed, self.view.last_line());
        }
        if quiet_us < agent.quiet_us {
            agent.quiet_us = quiet_us;
            agent.line.clone_from(&self.line.1);
        }
    }
}

/// Returns the time and the ages that matter, in clock ticks since boot.
fn ages() -> Ages {
    let ticks = |time: Duration| {
        u64::try_from(time.as_millis()).unwrap_or(u64::MAX) * proc::ticks_per_second() / 1000
    };
    let since_boot = Duration::try_from(clock_gettime(ClockId::Boottime)).unwrap_or_default();
    Ages {
        now: ticks(since_boot),
        young: ticks(YOUNG),
        settled: ticks(SETTLED),
    }
}
