//! The world under virtual time: processes, people, memory and a disk that misbehave by seed.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use wavedeck::{
    engine::{
        Action, Adaptation, Answer, AttentionKind, Band, Cause, CheckRun, Command, Effective,
        Event, Exit, Figures, Handle, Held, HoldBy, InBand, Input, InputKind, JobKey, MemoryRules,
        Owner, PhaseState, Purpose, Record, ServedNow, Setup, State, Status, StoppedBy, Target,
        Thresholds, Trouble, Turn, UnloadedNow, Unloading, Via, Words, WorkEvent, Zone, admit,
        behind_barrier, turn,
    },
    graph::Graph,
    plan::{AgentId, AgentIx, Mode, ModelIx, Plan, When},
    resources::Sensor,
    schedule::static_ranks,
};

mod add;
pub mod lease;
mod memory;
mod speak;
mod work;

use super::{plans, random::Random};

/// What a simulation left.
pub struct Run {
    pub setup: Arc<Setup>,
    pub records: Vec<Record>,
    pub problems: Vec<String>,
}

struct Process {
    /// When it ends by itself (virtual µs), or how much is left while it is frozen.
    ends_us: u64,
    frozen: bool,
    exit: Exit,
    ignores_term: bool,
    present: Vec<String>,
    /// What memory it uses, where that is looked at.
    appetite: Option<memory::Appetite>,
}

struct World {
    r: Random,
    state: State,
    folded: State,
    records: Vec<Record>,
    problems: Vec<String>,
    now_us: u64,
    processes: BTreeMap<JobKey, Process>,
    /// What will come in, by time and order.
    inbox: BTreeMap<(u64, u64), InputKind>,
    order: u64,
    pressure: u32,
    /// A machine whose memory is looked at; else pressure is what it is.
    machine: Option<memory::Machine>,
    next_process: u64,
    faults: Faults,
    /// The journal cannot be written: what waits for it, as the runner holds it.
    full: bool,
    held_records: Vec<Record>,
    held_commands: Vec<Command>,
    /// What a person was told of.
    told: BTreeSet<u32>,
    /// Who adds agents while it goes on: numbers of its own, so that all else is as without.
    adds: add::Adds,
    /// Commands inside of agents that lease memory: as above.
    asks: lease::Asks,
    /// Merges that rules' commands have to make files for: which work onto which head. Whatever cuts one
    /// short, the same two clash again.
    ruled: BTreeSet<(String, String)>,
}

/// How badly this world behaves, in percent or as a share of seeds.
struct Faults {
    spawn: u64,
    exit: u64,
    hang: u64,
    red: u64,
    people: u64,
    answers: u64,
    memory: u64,
    disk: u64,
    crash: u64,
    stop: bool,
}

fn setup(r: &mut Random, rules: MemoryRules) -> Setup {
    loop {
        let mut plan: Plan = plans::random(r);
        let graph = Graph::new(&plan);
        if !graph.cycle().is_empty() {
            continue;
        }
        let learnt = memory::taught(&mut r.beside(), &mut plan);
        let ranks = static_ranks(&plan, &graph);
        let waves = plan.indices().map(|ix| graph.wave(ix)).collect();
        let effective = Effective {
            ram_limit_bytes: plans::RAM_LIMIT,
            agents_cap: 1 + u32::try_from(r.below(u64::from(plans::AGENTS_CAP))).unwrap(),
            cpus_milli: plans::CPUS_MILLI,
            thresholds: Thresholds::default(),
            memory: rules,
            attended: r.chance(30),
            hybrid_enabled: !r.chance(5),
            parallel_enabled: !r.chance(5),
        };
        return Setup {
            learnt,
            ..Setup::new(plan, effective, ranks, waves, 0)
        };
    }
}

pub fn run(seed: u64) -> Run {
    let mut other = Random::new(seed ^ 0x006d_656d_6f72_7900);
    let measured = other.chance(30);
    play(seed, measured.then_some(other))
}

/// A world whose memory is looked at.
pub fn run_measured(seed: u64) -> Run {
    play(seed, Some(Random::new(seed ^ 0x006d_656d_6f72_7900)))
}

/// Rules for memory; those of a run that does not look at it are of no consequence.
fn rules(other: Option<&mut Random>) -> MemoryRules {
    let Some(r) = other else {
        return MemoryRules::default();
    };
    let low = 400 + u32::try_from(r.below(350)).unwrap();
    let high = low + 50 + u32::try_from(r.below(150)).unwrap();
    MemoryRules {
        band: Band { low, high },
        adaptation: *r.pick(&[
            Adaptation::Continuous,
            Adaptation::Continuous,
            Adaptation::Phase,
            Adaptation::SubAgents,
        ]),
        window_us: 1_000_000 + r.below(20_000_000),
        ..MemoryRules::default()
    }
}

fn play(seed: u64, mut other: Option<Random>) -> Run {
    let mut r = Random::new(seed);
    let rules = rules(other.as_mut());
    let setup = Arc::new(setup(&mut r, rules));
    let mut some = |n: u64| if r.chance(50) { r.below(n) } else { 0 };
    let mut faults = Faults {
        spawn: some(10),
        exit: some(40),
        hang: some(15),
        red: some(40),
        people: some(30),
        answers: some(20),
        memory: some(20),
        disk: some(6),
        crash: some(12),
        stop: some(100) > 60,
    };
    // Some worlds have a person who never rests.
    if r.chance(15) {
        faults.people = 60;
    }
    let state = State::new(setup);
    let mut world = World {
        adds: add::Adds::new(seed),
        asks: lease::Asks::new(seed),
        r,
        folded: state.clone(),
        records: Vec::new(),
        problems: Vec::new(),
        now_us: 0,
        processes: BTreeMap::new(),
        inbox: BTreeMap::new(),
        order: 0,
        pressure: 300,
        machine: other.map(|mut other| {
            let quiet = state.setup.plan.agents.iter().map(|_| None);
            let limit = state.setup.ram_limit_bytes;
            let sensor = Sensor::new(Thresholds::default(), limit, Zone::Green, false, quiet)
                .with_rules(rules, InBand::Below, 0);
            memory::Machine::new(sensor, &mut other)
        }),
        next_process: 1,
        faults,
        full: false,
        held_records: Vec::new(),
        held_commands: Vec::new(),
        told: BTreeSet::new(),
        ruled: BTreeSet::new(),
        state,
    };
    world.input(InputKind::Begin {
        run: format!("sim-{seed}"),
        boot_id: "boot".into(),
        plan_hash: "0".into(),
        base_commit: Some("base".to_owned()),
    });
    world.go();
    Run {
        setup: world.state.setup.clone(),
        records: world.records,
        problems: world.problems,
    }
}

impl World {
    fn go(&mut self) {
        for _ in 0..20_000 {
            if self.state.finished.is_some() {
                self.full = false;
                let held = std::mem::take(&mut self.held_records);
                self.journal(held);
                if !self.processes.is_empty() {
                    self.problems.push(format!(
                        "{} processes outlive the run",
                        self.processes.len()
                    ));
                }
                return;
            }
            self.disturb();
            if self.state.finished.is_some() {
                continue;
            }
            if !self.advance() {
                self.rescue();
            }
        }
        self.problems.push("the run did not end".to_owned());
    }

    /// Moves to the next thing that happens by itself; false when nothing will.
    fn advance(&mut self) -> bool {
        let message = self.inbox.first_key_value().map(|(&at, _)| at);
        let process = self
            .processes
            .iter()
            .filter(|(key, p)| !p.frozen && p.ends_us < u64::MAX && !self.waits(**key))
            .map(|(key, p)| (p.ends_us, *key))
            .min();
        let deadline = self.state.next_deadline();
        let lease = self.asks.next(&self.state);
        let times = [
            message.map(|at| at.0),
            process.map(|p| p.0),
            lease.map(|l| l.0),
            deadline,
        ];
        let next = times.into_iter().flatten().min();
        if self.look(next) {
            return true;
        }
        let Some(next) = next else {
            return false;
        };
        self.now_us = self.now_us.max(next);
        if deadline == Some(next) {
            self.input(InputKind::Deadline);
        } else if let (Some(at), true) = (message, message.map(|at| at.0) == Some(next)) {
            let kind = self.inbox.remove(&at).unwrap();
            // Whoever reports may not know that it was heard. A merge is tried twice where rules'
            // commands ran between, under the same number.
            let merged = matches!(kind, InputKind::Merged { .. });
            if !merged && self.r.chance(3) {
                let after = self.r.below(4_000_000);
                self.later(after, kind.clone());
            }
            self.input(kind);
        } else if let (Some((at, number)), true) = (lease, lease.map(|l| l.0) == Some(next)) {
            self.now_us = self.now_us.max(at);
            self.end_lease(number);
        } else if let Some((_, key)) = process {
            self.end(key);
        }
        true
    }

    /// Whether a process waits for commands of its own; one that is told to end waits for nothing.
    fn waits(&self, key: JobKey) -> bool {
        let Owner::Agent(ix) = key.owner else {
            return false;
        };
        let live = self.state.agent(ix).live.as_ref();
        self.asks.busy(key) && live.is_some_and(|live| live.ending.is_none())
    }

    /// Nothing moves: whoever is needed does what is needed, so that every run can end.
    fn rescue(&mut self) {
        if self.others_leave() {
            return;
        }
        let by = |hold| self.state.agents.iter().any(|a| a.hold == Some(hold));
        let well = self.pressure < 950 && !self.state.memory.halted && !self.full;
        let well = well && self.state.degraded.is_none() && self.state.stopping.is_none();
        // A person who watches is asked about the phase that it waits for.
        let marks = [AttentionKind::DayGate, AttentionKind::Predicted];
        let mut open = self.state.attention.open.values();
        let asked = self.state.setup.attended && open.any(|item| !marks.contains(&item.kind));
        let mut frozen = self.state.setup.plan.indices().filter(|&ix| {
            let agent = self.state.agent(ix);
            agent.hold == Some(HoldBy::Rule)
        });
        let figures = self.figures();
        // A parked agent starts anew: budgets, providers and the machine have their word.
        let outside = |ix| {
            let parked = self.state.agent(ix).status == Status::Parked;
            parked && admit(&self.state, &figures, ix).is_err_and(|why| why.from_outside())
        };
        let asked = asked
            && frozen.all(|ix| {
                outside(ix) || behind_barrier(&self.state, self.state.setup.plan.agent(ix).phase)
            });
        if well
            && !asked
            && by(HoldBy::Rule)
            && !by(HoldBy::Operator)
            && self.processes.values().all(|p| p.frozen)
        {
            self.problems
                .push("frozen by a rule, and does not come back".to_owned());
            if std::env::var_os("WAVEDECK_SIM_SEED").is_some() {
                for ix in self.state.setup.plan.indices() {
                    let a = self.state.agent(ix);
                    if a.hold.is_some() || !a.status.is_final() {
                        println!(
                            "{} {:?} {:?} parked_by {:?} admit {:?} thaw {:?}",
                            self.state.id(ix),
                            a.status,
                            a.hold,
                            a.parked_by,
                            admit(&self.state, &self.figures(), ix),
                            wavedeck::engine::admit_thaw(&self.state, &self.figures(), ix)
                        );
                    }
                }
                println!(
                    "{:?} {:?} parked {:?} resting {:?} slots {}",
                    self.state.memory,
                    self.figures(),
                    self.state.parked.len(),
                    self.state.resting.len(),
                    self.state.usage.agents
                );
            }
        }
        if self.machine.is_none() && self.pressure >= 950
            || self.machine.is_none() && self.state.memory.halted
        {
            self.pressure = 300;
            self.input(Self::plain(300));
        } else if self.full {
            self.disk_is_well();
        } else if self.state.degraded.is_some() {
            self.input(InputKind::Journal { error: None });
        } else if self.state.agents.iter().any(|a| a.hold.is_some())
            || self.state.phases.iter().any(|p| p.hold.is_some())
            || self.state.cohorts.iter().any(|s| s.hold.is_some())
        {
            self.operator(Action::Resume {
                target: Target::All,
            });
        } else if self.state.setup.integrates
            && !self.state.merges.done.is_empty()
            && self.state.cohorts.iter().any(|gates| gates.gate_red)
            && self.r.chance(60)
        {
            let action = match self.r.below(4) {
                0 => Action::Sequential { now: true },
                1 => Action::Sequential { now: false },
                _ => self.back(),
            };
            self.operator(action);
        } else if self.r.chance(80) && self.answer() {
            // A person came.
        } else if !self.processes.is_empty() && self.r.chance(50) {
            // What hangs without a time limit is stopped by a person.
            let key = *self.processes.keys().next().unwrap();
            if let Owner::Agent(ix) = key.owner {
                let id = self.state.id(ix).to_string();
                self.operator(Action::Stop {
                    target: Some(Target::Agent(id)),
                });
            } else {
                self.operator(Action::Stop { target: None });
            }
        } else {
            self.operator(Action::Stop { target: None });
        }
    }

    /// A person answers something that waits, mostly as it can be answered.
    fn answer(&mut self) -> bool {
        let waiting: Vec<_> = self.state.attention.open.values().cloned().collect();
        if waiting.is_empty() {
            return false;
        }
        let item = self.r.pick(&waiting).clone();
        let answer = if self.r.chance(90) {
            *self.r.pick(item.answers())
        } else {
            *self.r.pick(&Answer::ALL)
        };
        let seq = self.state.seq;
        let text = self.r.chance(30).then(|| "because".to_owned());
        self.operator(Action::Answer {
            id: item.id,
            answer,
            text,
            url: None,
        });
        self.state.seq > seq
    }

    fn disturb(&mut self) {
        self.add();
        self.ask();
        if self.r.chance(self.faults.answers) {
            self.answer();
        }
        let gate_runs = |p: &PhaseState| p.check.as_ref().is_some_and(CheckRun::is_live);
        let mut gated = self.state.phases.iter().chain(&self.state.cohorts);
        let runs = gated.any(gate_runs);
        let judged = self.faults.people > 0 && runs;
        if runs {
            self.reopen();
        }
        if self.r.chance(self.faults.people) || (judged && self.r.chance(30)) {
            let action = self.action();
            self.operator(action);
        }
        self.swap_behind_a_red_gate();
        if self.machine.is_none() && self.r.chance(self.faults.memory) {
            self.pressure = u32::try_from(self.r.below(1_050)).unwrap();
            self.input(Self::plain(self.pressure));
        }
        if self.r.chance(self.faults.disk) {
            match self.r.below(4) {
                0 => self.full = true,
                1 if self.full => self.disk_is_well(),
                _ if self.full => {}
                2 => self.input(InputKind::Journal {
                    error: Some("no sync".to_owned()),
                }),
                _ => self.input(InputKind::Journal { error: None }),
            }
        }
        self.speak();
        self.serve();
        // Without a draw: what agents say of themselves changes nothing else.
        if self.records.len() % 13 == 5 {
            self.report();
        }
        if self.records.len() % 7 == 3 {
            self.judged();
        }
        if self.state.setup.integrates {
            self.disturb_work();
        }
        if self.faults.stop && self.r.chance(1) {
            if self.r.chance(50) {
                self.operator(Action::Stop { target: None });
            } else {
                self.input(InputKind::Signal {
                    by: StoppedBy::Signal(15),
                });
            }
        }
        if self.r.chance(self.faults.crash) && self.state.finished.is_none() {
            // The guard goes first: the runner ends its agents, and dies before all of them have.
            if self.r.chance(10) && !self.full {
                let by = StoppedBy::GuardLost;
                self.input(InputKind::Signal { by });
            }
            if self.state.finished.is_none() {
                self.crash();
            }
        }
    }

    /// A model's server loads it for who uses it, and sometimes gives it back; a person does too.
    fn serve(&mut self) {
        const MODEL: ModelIx = ModelIx(0);
        if self.state.setup.plan.models.is_empty() || self.state.finished.is_some() {
            return;
        }
        let used = self.state.model_slots_used(MODEL) > 0;
        let now = match self.state.model(MODEL).loaded {
            false if used && self.r.chance(30) => ServedNow::Loaded(Held {
                bytes: 1 << 30,
                unloading: *self.r.pick(&[
                    Unloading::Request,
                    Unloading::Request,
                    Unloading::Never,
                ]),
                ..Held::default()
            }),
            true if self.r.chance(2) => ServedNow::Gone { left_bytes: None },
            _ => {
                if self.r.chance(2) {
                    let model = "qwen".to_owned();
                    self.operator(Action::Unload { model });
                }
                return;
            }
        };
        self.input(InputKind::Served { model: MODEL, now });
    }

    /// Somebody looks for another worker while gates over more than one agent are red.
    fn swap_behind_a_red_gate(&mut self) {
        let state = &self.state;
        if !state.cohorts.iter().any(|gates| gates.gate_red) {
            return;
        }
        let open = |ix: &AgentIx| {
            let several = state.setup.plan.agent(*ix).modes.len() > 1;
            several && !state.agent(*ix).status.is_final()
        };
        let Some(ix) = state.setup.plan.indices().find(open) else {
            return;
        };
        let agent = state.id(ix).to_string();
        if self.r.chance(20) {
            self.operator(Action::Swap {
                agent,
                worker: None,
            });
        }
    }

    /// Somebody tries a failure again that was taken care of, just while the gates over it are judged.
    fn reopen(&mut self) {
        let state = &self.state;
        let runs = |owner: &Owner| state.check_of(*owner).is_some_and(CheckRun::is_live);
        let ended =
            |ix: &AgentIx| matches!(state.agent(*ix).status, Status::Failed | Status::Stopped);
        let members = |owner: Owner| state.setup.members_of(owner).iter().copied();
        let gated = state.setup.gated().filter(runs);
        let Some(ix) = gated.flat_map(members).find(ended) else {
            return;
        };
        let target = Target::Agent(state.id(ix).to_string());
        if self.r.chance(60) {
            self.operator(Action::Retry { target });
        }
    }

    /// An agent says how it stands, or what cannot be read.
    fn report(&mut self) {
        let n = self.records.len();
        let at = n % self.state.agents.len();
        let said = if n.is_multiple_of(3) {
            Err("1:1: error".to_owned())
        } else {
            Ok(Box::new(Words {
                progress_percent: u8::try_from(n % 101).ok(),
                ..Words::default()
            }))
        };
        self.input(InputKind::Progress {
            agent: AgentIx::of(at),
            attempt: self.state.agents[at].attempt,
            via: Via::File,
            said,
        });
    }

    /// The 24-hour gate is judged; what has been judged before a crash may come again.
    fn judged(&mut self) {
        let n = self.records.len();
        let failed = if n.is_multiple_of(3) {
            Vec::new()
        } else {
            vec!["gates passing: 1 red".to_owned()]
        };
        self.input(InputKind::Judged {
            number: u32::try_from(n).unwrap(),
            failed,
        });
    }

    fn action(&mut self) -> Action {
        let agents = self.state.agents.len() as u64;
        let id = |r: &mut Random| format!("a{}", r.below(agents + 1));
        let target = match self.r.below(10) {
            0 => Target::All,
            1 => Target::Track(format!("t{}", self.r.below(3))),
            2 => Target::Phase(format!("p{}", self.r.below(3))),
            3 if self.state.setup.cohorts.is_empty() => Target::Agent(id(&mut self.r)),
            3 => match self.r.below(4) {
                0 => Target::Run,
                wave => Target::Wave(u32::try_from(wave).unwrap()),
            },
            _ => Target::Agent(id(&mut self.r)),
        };
        // Most of the time somebody looks at what is at work.
        let busy: Vec<String> = self
            .processes
            .keys()
            .map(|key| self.state.setup.key_of(key.owner))
            .collect();
        let target = if !busy.is_empty() && self.r.chance(50) {
            self.r.pick(&busy).parse().unwrap()
        } else {
            target
        };
        let gate_runs = |p: &PhaseState| p.check.is_some();
        let mut gated = self.state.phases.iter().chain(&self.state.cohorts);
        if gated.any(gate_runs) && self.r.chance(50) {
            return Action::Retry {
                target: Target::All,
            };
        }
        match self.r.below(14) {
            12 => Action::Park { target },
            13 => {
                let busy = self.state.setup.plan.indices();
                let mut there = busy.filter(|&ix| !self.state.agent(ix).status.is_final());
                let some = there
                    .next()
                    .map_or_else(String::new, |ix| self.state.id(ix).to_string());
                let pinned = self.state.agents.iter().any(|agent| agent.pinned);
                Action::Pin {
                    agent: some,
                    on: !pinned,
                }
            }
            0 | 1 => Action::Pause { target },
            2 | 3 => Action::Resume { target },
            4 if self.r.chance(40) => Action::Stop {
                target: Some(target),
            },
            4..=7 => Action::Retry { target },
            8 => Action::Mode {
                mode: *self
                    .r
                    .pick(&[Mode::Sequential, Mode::Parallel, Mode::Hybrid]),
            },
            9 if self.state.setup.integrates && self.r.chance(70) => self.about_work(),
            9 => Action::Sequential {
                now: self.r.chance(50),
            },
            10 => {
                let plan = &self.state.setup.plan;
                let several = plan.indices().filter(|&ix| plan.agent(ix).modes.len() > 1);
                let several: Vec<String> =
                    several.map(|ix| self.state.id(ix).to_string()).collect();
                let agent = if several.is_empty() {
                    id(&mut self.r)
                } else {
                    self.r.pick(&several).clone()
                };
                Action::Swap {
                    agent,
                    worker: None,
                }
            }
            _ => Action::Agents {
                cap: u32::try_from(self.r.below(6)).unwrap(),
            },
        }
    }

    fn operator(&mut self, action: Action) {
        self.input(InputKind::Operator {
            by: "sim".into(),
            action,
        });
    }

    fn figures(&self) -> Figures {
        if let Some(machine) = &self.machine {
            return machine.figures().0;
        }
        Figures {
            pressure_permille: self.pressure,
            available_bytes: 0,
            total_bytes: 0,
            agents_bytes: 0,
            ..Figures::default()
        }
    }

    fn input(&mut self, kind: InputKind) {
        self.now_us += 1;
        let input = Input {
            at_ms: 1_000,
            elapsed_us: self.now_us,
            figures: self.figures(),
            uses: self.uses(),
            kind,
        };
        let Turn { records, commands } = turn(&mut self.state, &input);
        self.look_at_leases();
        self.no_lease_waits_in_vain();
        self.nothing_waits_that_may_start();
        if self.full {
            // As the runner does it: what is urgent goes on, all else waits for the disk.
            let failed = !records.is_empty() && self.state.degraded.is_none();
            self.held_records.extend(records);
            let (now, later): (Vec<_>, Vec<_>) = commands.into_iter().partition(Command::urgent);
            self.held_commands.extend(later);
            for command in now {
                self.carry_out(command);
            }
            if failed {
                let error = Some("no space left".to_owned());
                self.input(InputKind::Journal { error });
            }
            return;
        }
        self.journal(records);
        for command in commands {
            self.carry_out(command);
        }
    }

    /// The engine looks for the next start by kinds of agents; whoever it passed over must be one
    /// that the plain question refuses too.
    fn nothing_waits_that_may_start(&mut self) {
        if self.state.finished.is_some() {
            return;
        }
        let figures = self.figures();
        for ix in self.state.setup.plan.indices() {
            if self.state.agent(ix).status == Status::Ready
                && admit(&self.state, &figures, ix).is_ok()
            {
                let id = self.state.id(ix);
                self.problems.push(format!("{id} may start and waits"));
            }
        }
    }

    /// What was refused is written, then what waited is carried out as far as it is still wanted.
    fn disk_is_well(&mut self) {
        self.full = false;
        let held = std::mem::take(&mut self.held_records);
        self.journal(held);
        self.input(InputKind::Journal { error: None });
        for command in std::mem::take(&mut self.held_commands) {
            if command.still_wanted(&self.state) {
                self.carry_out(command);
            } else if let Command::Spawn { key, .. } = command {
                let error = "ended while the disk was full".to_owned();
                self.input(InputKind::SpawnFailed { key, error });
            }
        }
    }

    /// Writes records and folds them from their written form, as a replay would.
    fn journal(&mut self, records: Vec<Record>) {
        for record in records {
            let line = serde_json::to_string(&record).unwrap();
            let read: Record = serde_json::from_str(&line).unwrap();
            if read != record {
                self.problems.push(format!("not read as written: {line}"));
            }
            self.folded.apply(&read);
            self.records.push(record);
        }
        if self.folded != self.state {
            self.problems.push(format!(
                "fold differs from the live state at seq {}",
                self.state.seq
            ));
        }
    }

    fn carry_out(&mut self, command: Command) {
        match command {
            Command::Spawn { key, .. } => self.spawn(key),
            Command::Terminate { key } => {
                let after = self.r.below(2_000_000);
                let by = if self.r.chance(20) {
                    Exit::Code(0)
                } else {
                    signal(15)
                };
                if let Some(p) = self.processes.get_mut(&key) {
                    p.exit = if p.ignores_term { signal(9) } else { by };
                    p.ends_us = self.now_us + after;
                    p.frozen = false;
                }
            }
            Command::Freeze { key } => {
                let now = self.now_us;
                if let Some(p) = self.processes.get_mut(&key)
                    && !p.frozen
                {
                    p.frozen = true;
                    p.ends_us = p.ends_us.saturating_sub(now);
                    self.later(
                        1_000,
                        InputKind::FrozenTree {
                            key,
                            stopped: 2,
                            total: 2,
                            held_bytes: 1,
                        },
                    );
                }
            }
            Command::Thaw { key } => {
                let now = self.now_us;
                let frozen = match (key.owner, key.check) {
                    (Owner::Agent(ix), None) => self.state.agent(ix).status == Status::Frozen,
                    (owner, _) => self.state.check_of(owner).is_some_and(|c| c.frozen),
                };
                if frozen {
                    self.problems
                        .push(format!("{key:?} thawed while it is frozen"));
                }
                if let Some(p) = self.processes.get_mut(&key)
                    && p.frozen
                {
                    p.frozen = false;
                    p.ends_us = p.ends_us.saturating_add(now);
                }
            }
            Command::Tell { .. } | Command::Reply { .. } => self.carry_words(command),
            Command::Prepare { .. }
            | Command::Collect { .. }
            | Command::Inspect { .. }
            | Command::Merge { .. }
            | Command::Advance { .. }
            | Command::Checkout
            | Command::CheckoutBase
            | Command::DropBase { .. }
            | Command::RollBack { .. }
            | Command::Deliver => self.work(command),
            Command::Unload { model } => {
                if self.state.model_slots_used(model) > 0 {
                    self.problems
                        .push(format!("{model:?} is unloaded while it is used"));
                }
                let done = if self.r.chance(30) {
                    Err("it is kept".to_owned())
                } else {
                    Ok(UnloadedNow {
                        freed_bytes: Some(self.state.model(model).held.bytes),
                        left_bytes: None,
                    })
                };
                self.later(1_000, InputKind::Unloaded { model, done });
            }
            Command::Notify { id } => {
                if !self.told.insert(id) {
                    self.problems.push(format!("{id} is told twice"));
                }
            }
            Command::Finish { .. } => {}
        }
    }

    fn later(&mut self, after_us: u64, kind: InputKind) {
        self.order += 1;
        self.inbox
            .insert((self.now_us + after_us, self.order), kind);
    }

    fn spawn(&mut self, key: JobKey) {
        if self.processes.contains_key(&key) {
            self.problems.push(format!("{key:?} started twice"));
        }
        if self.r.chance(self.faults.spawn) {
            self.later(
                500,
                InputKind::SpawnFailed {
                    key,
                    error: "no such program".into(),
                },
            );
            return;
        }
        let plan = &self.state.setup.plan;
        let mut present = Vec::new();
        let mut limited = key.check.is_some();
        if let (Owner::Agent(ix), None) = (key.owner, key.check) {
            limited = plan.agent(ix).timeout_us.is_some();
            for need in plan
                .agents
                .iter()
                .flat_map(|a| &a.needs)
                .filter(|n| n.agent == ix)
            {
                if let When::Output(path) = &need.when
                    && self.r.chance(60)
                    && !present.contains(path)
                {
                    present.push(path.clone());
                }
            }
        }
        let fails = if key.check.is_some() {
            self.faults.red
        } else {
            self.faults.exit
        };
        let exit = match self.r.below(100) {
            n if n >= fails => Exit::Code(0),
            n if n % 3 == 0 => signal(*self.r.pick(&[9, 11])),
            n => Exit::Code(1 + i32::try_from(n % 4).unwrap()),
        };
        let hangs = self.r.chance(self.faults.hang) && (limited || self.r.chance(10));
        let process = Process {
            ends_us: if hangs {
                u64::MAX
            } else {
                self.now_us + 1_000 + self.r.below(20_000_000)
            },
            frozen: false,
            exit,
            ignores_term: self.r.chance(10),
            present,
            appetite: None,
        };
        self.processes.insert(key, process);
        self.feed(key);
        self.next_process += 1;
        let handle = Handle::Virtual {
            number: self.next_process,
        };
        let after = self.r.below(900);
        self.later(after, InputKind::Spawned { key, handle });
    }

    fn end(&mut self, key: JobKey) {
        let Some(process) = self.processes.remove(&key) else {
            return;
        };
        if process.ignores_term && process.exit == signal(9) {
            let trouble = Trouble::Killed(1);
            self.input(InputKind::Trouble { key, trouble });
        }
        let handoff = match (key.owner, key.check) {
            (Owner::Agent(ix), None) => self.state.setup.may_hand_off(ix) && self.r.chance(15),
            _ => false,
        };
        self.input(InputKind::Ended {
            key,
            exit: process.exit,
            cpu_us: 1,
            peak_bytes: 1 << 20,
            output_bytes: 10,
            leaked: 0,
            present: process.present,
            handoff,
        });
    }

    /// The runner dies: perhaps in the middle of writing the next turn, perhaps after it but before
    /// all its commands were carried out. What ran is ended; the journal's lines are all there is.
    fn crash(&mut self) {
        let mut survivor = self.state.clone();
        if std::mem::take(&mut self.full) {
            // What the disk did not take is lost, and with it whatever was decided since.
            self.held_records.clear();
            self.held_commands.clear();
        } else if let Some((&at, _)) = self.inbox.first_key_value()
            && self.r.chance(70)
        {
            let kind = self.inbox.remove(&at).unwrap();
            self.now_us = self.now_us.max(at.0) + 1;
            let input = Input {
                at_ms: 1_000,
                elapsed_us: self.now_us,
                figures: self.figures(),
                uses: self.uses(),
                kind,
            };
            let Turn {
                mut records,
                commands,
            } = turn(&mut survivor, &input);
            if self.r.chance(50) {
                // Torn: only some whole lines of the turn were written, nothing was carried out.
                records.truncate(usize::try_from(self.r.below(records.len() as u64 + 1)).unwrap());
            } else {
                let done = usize::try_from(self.r.below(commands.len() as u64 + 1)).unwrap();
                self.state = survivor;
                for command in commands.into_iter().take(done) {
                    self.carry_out(command);
                }
            }
            for record in &records {
                self.folded.apply(record);
            }
            self.records.extend(records);
        }
        let seen: Vec<(AgentId, u32)> = self
            .processes
            .keys()
            .filter_map(|key| match key.owner {
                Owner::Agent(ix) => Some((self.folded.id(ix), key.attempt)),
                Owner::Phase(_) | Owner::Cohort(_) => None,
            })
            .collect();
        let survivors = u32::try_from(self.processes.len()).unwrap();
        self.processes.clear();
        self.asks.clear();
        self.inbox.clear();
        self.state = self.stored();
        if self.state.finished.is_some() {
            return;
        }
        if self.state.run.is_empty() {
            self.problems.push("crashed before it began".into());
        }
        self.input(InputKind::Recovered {
            boot_id: "boot2".into(),
            survivors,
            seen_attempts: seen,
        });
    }
}

fn signal(number: i32) -> Exit {
    let name = match number {
        9 => "SIGKILL",
        11 => "SIGSEGV",
        _ => "SIGTERM",
    };
    Exit::Signal {
        number,
        name: name.to_owned(),
    }
}

/// Damages a journal in one of four ways; false where there is nothing to damage that way.
pub fn tamper(records: &mut Vec<Record>, kind: usize) -> bool {
    match kind {
        // A start is doubled.
        0 => {
            let Some(i) = records
                .iter()
                .position(|r| matches!(r.event, Event::AgentScheduled { .. }))
            else {
                return false;
            };
            let copy = records[i].clone();
            records.insert(i + 1, copy);
            renumber(records);
            true
        }
        // An end is lost.
        1 => {
            let Some(i) = records
                .iter()
                .position(|r| matches!(r.event, Event::AttemptEnded { .. }))
            else {
                return false;
            };
            records.remove(i);
            renumber(records);
            true
        }
        // A start happens at 95 % memory.
        2 => {
            for record in records.iter_mut() {
                if let Event::AgentScheduled {
                    pressure_permille, ..
                } = &mut record.event
                {
                    *pressure_permille = 950;
                    return true;
                }
            }
            false
        }
        // A line is lost without renumbering.
        _ => {
            if records.len() < 3 {
                return false;
            }
            records.remove(1);
            true
        }
    }
}

/// Takes the first freeze by the kill switch out of a journal; false where there is none.
pub fn forget_a_freeze(records: &mut Vec<Record>) -> bool {
    let frozen = |r: &Record| {
        matches!(
            r.event,
            Event::AgentFrozen {
                cause: Cause::KillSwitch,
                ..
            }
        )
    };
    let Some(i) = records.iter().position(frozen) else {
        return false;
    };
    records.remove(i);
    renumber(records);
    true
}

/// Takes the first approval out of a journal; false where there is none.
pub fn forget_a_yes(records: &mut Vec<Record>) -> bool {
    let yes = |r: &Record| matches!(&r.event, Event::AttentionAnswered(answered) if answered.answer == Some(Answer::Yes));
    let Some(i) = records.iter().position(yes) else {
        return false;
    };
    records.remove(i);
    renumber(records);
    true
}

/// Makes the last command of a gate that passes red; false where there is none.
pub fn redden(records: &mut [Record]) -> bool {
    let judged = |r: &Record| matches!(&r.event, Event::CheckEnded { place, .. } if place.purpose != Purpose::Base);
    let passed = records
        .windows(2)
        .position(|pair| judged(&pair[0]) && matches!(pair[1].event, Event::GatePassed { .. }));
    let Some(at) = passed else { return false };
    if let Event::CheckEnded { exit, .. } = &mut records[at].event {
        *exit = Exit::Code(1);
    }
    true
}

/// Makes the last command of a gate that passes one on the base; false where there is none.
pub fn green_on_base_alone(records: &mut [Record]) -> bool {
    let judged = |r: &Record| matches!(&r.event, Event::CheckEnded { place, .. } if place.purpose != Purpose::Base);
    let passed = records
        .windows(2)
        .position(|pair| judged(&pair[0]) && matches!(pair[1].event, Event::GatePassed { .. }));
    let Some(at) = passed else { return false };
    if let Event::CheckEnded { place, .. } = &mut records[at].event {
        place.purpose = Purpose::Base;
    }
    true
}

/// Makes the first answer to what an agent is to begin with a bad one; false where there is none.
pub fn lose_a_file(records: &mut [Record]) -> bool {
    records.iter_mut().any(|record| {
        let Event::Work(work) = &mut record.event else {
            return false;
        };
        let WorkEvent::HandoffChecked(of) = &mut **work else {
            return false;
        };
        let good = of.missing.is_empty() && of.error.is_none();
        of.error = Some("gone".to_owned());
        good
    })
}

fn renumber(records: &mut [Record]) {
    for (seq, record) in (1..).zip(records.iter_mut()) {
        record.seq = seq;
    }
}

/// Kept for readers of a failing seed: what an agent is at.
#[expect(dead_code, reason = "handy in a debugger")]
pub fn status(state: &State, ix: AgentIx) -> Status {
    state.agent(ix).status
}
