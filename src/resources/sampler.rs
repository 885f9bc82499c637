//! Measures: the machine's memory, each agent's whole process tree, its output activity.
//!
//! One reading costs a fraction of a microsecond per process, from files that stay open; who belongs
//! to a tree is looked up again only when processes appeared. Reads and counts, nothing else: what
//! the figures mean is the sensor's, what follows from them the engine's. Runs on its own thread,
//! never on the loop or the drawing thread.

mod slow;
mod tracked;

use std::{
    collections::{BTreeMap, HashMap},
    fmt, io, iter, process,
    sync::Arc,
    time::{Duration, Instant},
};

use rustix::time::{ClockId, clock_gettime};

use super::{
    AgentSample, MachineSample, Sample,
    member::{Member, Room, resident},
    roster::{Ages, Process, Root, Roster},
    zones,
};
use tracked::{Attempt, Tracked};

use crate::{
    engine::Figures,
    executor::{JobKey, JobView},
    plan::AgentIx,
    sys::{
        cgroup::Rung,
        memory::Meters,
        proc::{self, ForkWatch, ProcTable},
        strays::strays,
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
/// Between two looks for agent programs outside of all runs, at least.
const STRAYS_EVERY: Duration = Duration::from_secs(10);
/// Until the first one: what is asked for sooner is more urgent.
const STRAYS_FIRST: Duration = Duration::from_secs(1);
/// Between two readings of pressure-stall information, which the kernel renews every 2 s.
const STALL_EVERY: Duration = Duration::from_secs(1);

/// Gives the running jobs.
pub type Views = Box<dyn Fn() -> Vec<Arc<JobView>> + Send>;
/// Says which agent and attempt a job works for; none for commands of a phase.
pub type Whose = Box<dyn Fn(&JobKey) -> Option<(AgentIx, u32)> + Send>;

/// The processes of one job, each by its pid and start in clock ticks since boot.
#[derive(Debug, Clone)]
pub struct Tree {
    /// The job.
    pub key: JobKey,
    /// Its first process.
    pub root: (i32, u64),
    /// All that are known, the first one too while it lives.
    pub processes: Vec<(i32, u64)>,
}

/// Takes readings; holds the files that it reads again and again.
pub struct Sampler {
    run: String,
    views: Views,
    whose: Whose,
    ram_limit_bytes: u64,
    /// What other runs have reserved and do not use yet.
    others_bytes: u64,
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
    /// Names of known agent programs.
    programs: Vec<String>,
    /// Processes have appeared since strays were looked for.
    stirred: bool,
    strays_due: Instant,
    /// By agent: what is known of its last attempt.
    attempts: BTreeMap<u32, Attempt>,
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
            others_bytes: 0,
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
            programs: Vec::new(),
            stirred: true,
            strays_due: now + STRAYS_FIRST,
            attempts: BTreeMap::new(),
        };
        sampler.set_own(own);
        sampler.read_machine()?;
        Ok(sampler)
    }

    /// Says which processes are wavedeck's own (guard, dashboards); the caller's pid is added.
    pub fn set_own(&mut self, own: &[i32]) {
        let me = process::id().cast_signed();
        let others = own.iter().copied().filter(|pid| *pid != me);
        let member = |pid| Some(Member::new((pid, proc::start_time(pid).ok()?)));
        self.own = iter::once(me).chain(others).filter_map(member).collect();
    }

    /// Says which agent programs are known, by the names of their processes.
    pub fn set_programs(&mut self, programs: Vec<String>) {
        self.programs = programs;
    }

    /// Changes the memory that all agents may use together, in bytes.
    pub fn set_ram_limit(&mut self, bytes: u64) {
        self.ram_limit_bytes = bytes;
    }

    /// Says what other runs on this machine have reserved and do not use yet, in bytes.
    pub fn set_others(&mut self, bytes: u64) {
        self.others_bytes = bytes;
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

    /// Returns the trees of jobs that have run for so long, as of the last reading.
    #[must_use]
    pub fn trees(&self, lasted: Duration) -> Vec<Tree> {
        let ticks = u64::try_from(lasted.as_millis()).unwrap_or(u64::MAX);
        let ticks = ticks.saturating_mul(proc::ticks_per_second()) / 1000;
        let now = ages().now;
        let lasts = |root: &&Process| root.1.saturating_add(ticks) <= now;
        let jobs = self.jobs.iter().filter(|(root, _)| lasts(root));
        jobs.map(|(root, job)| Tree {
            key: job.view.key.clone(),
            root: *root,
            processes: job.members.iter().map(|m| m.process).collect(),
        })
        .collect()
    }

    /// Says what keeps the processes of agents together.
    pub fn set_rung(&mut self, rung: Rung) {
        self.machine.rung = rung;
    }

    /// Takes one reading. `at_ms` is the wall clock in milliseconds since the Unix epoch,
    /// `elapsed_us` the time that the run has been alive in microseconds; both are only copied.
    ///
    /// What cannot be read keeps its last value; a process that is gone counts for nothing.
    pub fn read(&mut self, at_ms: i64, elapsed_us: u64) -> Sample {
        let _ = self.read_machine();
        self.meet_jobs();
        self.look();
        self.find_strays();
        let mut room = Room::for_jobs(self.jobs.len());
        self.machine.own_bytes = resident(&mut self.own, &mut room);
        let mut agents: BTreeMap<(u32, u32), AgentSample> = BTreeMap::new();
        let mut agents_bytes = 0;
        for job in self.jobs.values_mut() {
            let bytes = resident(&mut job.members, &mut room);
            agents_bytes += bytes.saturating_sub(job.shared());
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
            .map(|agent| {
                self.attempts
                    .entry(agent.agent)
                    .or_default()
                    .finish(agent, elapsed_us)
            })
            .collect();
        Sample {
            at_ms,
            elapsed_us,
            figures: self.figures(agents_bytes),
            machine: self.machine,
            agents,
        }
    }

    fn figures(&self, agents_bytes: u64) -> Figures {
        let (total, available) = (self.machine.total_bytes, self.machine.available_bytes);
        Figures {
            pressure_permille: zones::pressure(
                total,
                available,
                agents_bytes,
                self.ram_limit_bytes,
            ),
            available_bytes: available,
            total_bytes: total,
            agents_bytes,
            others_bytes: self.others_bytes,
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
                slow: None,
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

    /// Looks for agent programs outside of all runs, seldom.
    fn find_strays(&mut self) {
        let now = Instant::now();
        let some = self.machine.strays.count > 0;
        if now < self.strays_due || !(self.stirred || some) || self.programs.is_empty() {
            return;
        }
        self.strays_due = now + STRAYS_EVERY;
        self.stirred = false;
        if let Ok(table) = ProcTable::scan() {
            self.machine.strays = strays(&table, &self.programs);
        }
    }

    /// Sorts all processes by job, where that can have changed and is due.
    fn look(&mut self) {
        let changed = self.forks.changed();
        self.dirty |= changed;
        self.stirred |= changed;
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
