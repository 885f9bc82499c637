//! What benches and large tests share: a plan of any size, a run of it under virtual time, and a
//! recording of a million events made by the real engine and the real journal writer.
//!
//! The same sizes give the same plan, run and recording. Must not measure.
#![allow(dead_code, reason = "each bench and test uses a part of it")]

pub mod scrub;

use std::{collections::VecDeque, fmt::Write as _, path::Path, sync::Arc};

use wavedeck::{
    config::Config,
    engine::{
        Action, Command, Effective, Exit, Figures, Handle, Input, InputKind, JobKey, Owner, Setup,
        State, Status, Target, Thresholds, Turn, Zone, turn_into,
    },
    graph::{Critical, Graph},
    journal::{Header, JournalWriter, RunDir, SampleWriter, Snapshotter, Store},
    plan::{AgentIx, LoadOptions, Plan, load},
    resources::{AgentSample, MachineSample, Sample},
    runtime::prepare::{Machine, RunConfig, Stated, read_folder},
    schedule::static_ranks,
};

pub const GIB: u64 = 1 << 30;
pub const RUN: &str = "20261120-100000-7f3a";
/// Begin of every run: milliseconds since the epoch.
const BEGIN_MS: i64 = 1_795_000_000_000;

/// Numbers that look random and are always the same.
#[derive(Debug, Clone, Copy)]
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, below: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % below.max(1)
    }

    pub fn pick<T>(&mut self, of: &mut Vec<T>) -> Option<T> {
        let at = usize::try_from(self.below(of.len() as u64)).unwrap();
        (!of.is_empty()).then(|| of.swap_remove(at))
    }
}

/// A plan of eight phases and ten tracks; an agent needs up to three of the 400 before it.
pub fn source(agents: usize, retry: &str) -> String {
    let mut random = Random(7);
    let mut random = |below: usize| random.below(below as u64) as usize;
    let mut text = "name = \"measured\"\n".to_owned();
    for phase in 0..8 {
        write!(text, "\n[[phase]]\nid = \"p{phase}\"\n").unwrap();
    }
    for track in 0..10 {
        write!(text, "\n[[track]]\nid = \"t{track}\"\n").unwrap();
    }
    for i in 0..agents {
        let (phase, track) = (i * 8 / agents, i % 10);
        let (minutes, mib) = (1 + random(30), 50 + random(900));
        let mut needs: Vec<usize> = (0..random(4))
            .map(|_| i.saturating_sub(1 + random(400)))
            .filter(|&need| need < i)
            .collect();
        needs.sort_unstable();
        needs.dedup();
        let needs: Vec<String> = needs.iter().map(|n| format!("\"agent-{n}\"")).collect();
        write!(
            text,
            "\n[[agent]]\nid = \"agent-{i}\"\ntitle = \"Work package {i}\"\nphase = \"p{phase}\"\n\
             track = \"t{track}\"\nneeds = [{}]\nrun = [\"true\"]\nduration = \"{minutes}m\"\n\
             ram = \"{mib}MiB\"\nretry = {{ {retry} }}\n",
            needs.join(", ")
        )
        .unwrap();
    }
    text
}

/// A plan whose agents fail twice before they succeed.
pub fn failing_twice(agents: usize) -> String {
    source(agents, "attempts = 3, base = \"1ms\"")
}

pub fn loaded(text: &str) -> Plan {
    load(text, &LoadOptions::default(), &mut |_| unreachable!())
        .unwrap()
        .plan
}

/// The same, each in a terminal.
pub fn in_terminals(agents: usize) -> String {
    failing_twice(agents).replace("run = [", "terminal = true\nrun = [")
}

pub fn setup(agents: usize) -> Arc<Setup> {
    setup_of(&failing_twice(agents))
}

pub fn setup_of(text: &str) -> Arc<Setup> {
    let plan = loaded(text);
    let graph = Graph::new(&plan);
    let expected = |a: &wavedeck::plan::Agent| a.modes[0].duration.expected_us;
    let durations: Vec<u64> = plan.agents.iter().map(expected).collect();
    let ranks = static_ranks(&plan, &graph);
    let waves = plan.indices().map(|ix| graph.wave(ix)).collect();
    let length = Critical::new(&graph, &durations).length_us;
    let effective = Effective {
        ram_limit_bytes: 4096 * GIB,
        agents_cap: 16,
        cpus_milli: 64_000,
        thresholds: Thresholds::default(),
        memory: wavedeck::engine::MemoryRules::default(),
        attended: false,
        hybrid_enabled: true,
        parallel_enabled: true,
    };
    Arc::new(Setup::new(plan, effective, ranks, waves, length))
}

/// A run under virtual time.
pub struct Play {
    pub state: State,
    now_us: u64,
    figures: Figures,
    open: VecDeque<(JobKey, bool)>,
}

impl Play {
    pub fn begun(setup: &Arc<Setup>, run: &str) -> (Self, Turn) {
        let mut play = Self {
            state: State::new(setup.clone()),
            now_us: 0,
            figures: Figures::default(),
            open: VecDeque::new(),
        };
        let turn = play.input(
            InputKind::Begin {
                run: run.to_owned(),
                boot_id: "boot".to_owned(),
                plan_hash: "hash".to_owned(),
                base_commit: None,
            },
            137,
        );
        (play, turn)
    }

    fn input(&mut self, kind: InputKind, after_us: u64) -> Turn {
        self.now_us += after_us;
        let input = Input {
            at_ms: BEGIN_MS + i64::try_from(self.now_us / 1000).unwrap(),
            elapsed_us: self.now_us,
            figures: self.figures,
            uses: wavedeck::engine::Uses::default(),
            kind,
        };
        let mut turn = Turn::default();
        turn_into(&mut self.state, &input, &mut turn);
        let mut frozen = Vec::new();
        for command in &turn.commands {
            match command {
                Command::Spawn { key, .. } => self.open.push_back((*key, false)),
                Command::Freeze { key } => frozen.push(*key),
                _ => {}
            }
        }
        for key in frozen {
            let frozen = InputKind::FrozenTree {
                key,
                stopped: 3,
                total: 3,
                held_bytes: 300 << 20,
            };
            turn.records.extend(self.input(frozen, 1000).records);
        }
        turn
    }

    fn spawned(&mut self, key: JobKey, after_us: u64) -> Turn {
        self.open.push_back((key, true));
        let handle = Handle::Local {
            pid: 4711,
            start_ticks: self.now_us,
        };
        self.input(InputKind::Spawned { key, handle }, after_us)
    }

    fn ended(&mut self, key: JobKey, code: i32, after_us: u64) -> Turn {
        let ended = InputKind::Ended {
            key,
            exit: Exit::Code(code),
            cpu_us: 1234,
            peak_bytes: 5 << 20,
            output_bytes: 99,
            leaked: 0,
            present: Vec::new(),
            handoff: false,
        };
        self.input(ended, after_us)
    }

    /// The next turn of a run whose agents fail twice; none when it has ended.
    pub fn step(&mut self) -> Option<Turn> {
        if self.state.finished.is_some() {
            return None;
        }
        let Some((key, started)) = self.open.pop_front() else {
            self.now_us = self.now_us.max(self.state.next_deadline()?);
            return Some(self.input(InputKind::Deadline, 137));
        };
        Some(if started {
            self.ended(key, i32::from(key.attempt < 3), 137)
        } else {
            self.spawned(key, 137)
        })
    }
}

/// Writes the journal of such a run, with its snapshots; returns how many events it has.
pub fn record(dir: &Path, setup: &Arc<Setup>) -> u64 {
    let mut writer = JournalWriter::create(dir, &Header::new(RUN, "hash", "boot")).unwrap();
    let mut snapshotter = Snapshotter::new(dir, writer.position());
    let (mut play, first) = Play::begun(setup, RUN);
    writer.append(&first.records).unwrap();
    while let Some(turn) = play.step() {
        writer.append(&turn.records).unwrap();
        offer(&mut snapshotter, &play.state, &writer);
    }
    writer.position().seq
}

/// The snapshots' thread has all the time that it has in a run of real processes.
fn offer(snapshotter: &mut Snapshotter, state: &State, writer: &JournalWriter) {
    snapshotter.offer(state, writer.position());
    while snapshotter.busy() {
        std::thread::yield_now();
    }
}

/// A recording that `wavedeck replay` opens.
pub struct Recorded {
    pub dir: RunDir,
    pub setup: Arc<Setup>,
    pub events: u64,
}

/// Makes a recording of about so many events below `home` (a `WAVEDECK_HOME`): ten hours in which
/// agents fail and are tried again until their turn to succeed has come, people pause and resume
/// them, and memory goes through its zones, with a reading a second. At the end all have succeeded.
pub fn million(home: &Path, agents: usize, events: u64) -> Recorded {
    const HOURS: u64 = 10;
    let plan = source(agents, "attempts = 1000, base = \"0s\"");
    let machine = Machine {
        ram_bytes: 1024 * GIB,
        cpus_milli: 64_000,
    };
    let stated = Stated {
        agents: Some(40),
        attended: true,
        ..Stated::default()
    };
    let config = RunConfig::resolve(&loaded(&plan), &Config::default(), &stated, machine, home);
    let store = Store::open(home, Some(home)).unwrap();
    let config = toml::to_string(&config).unwrap();
    let (dir, lock) = store
        .create_run(BEGIN_MS, 0x7f3a, plan.as_bytes(), config.as_bytes())
        .unwrap();
    let setup = Arc::new(read_folder(&dir.path).unwrap().0);
    let header = Header::new(&dir.id, "hash", "boot");
    let mut writer = JournalWriter::create(&dir.path, &header).unwrap();
    let mut snapshotter = Snapshotter::new(&dir.path, writer.position());
    let mut samples = SampleWriter::open(&dir.path);
    let (mut play, first) = Play::begun(&setup, &dir.id);
    writer.append(&first.records).unwrap();
    let mut random = Random(11);
    let mut next_sample = 0;
    // Two events a step, nearly.
    let pace = HOURS * 3_600_000_000 * 2 / events;
    while play.state.finished.is_none() {
        let turn = long_step(&mut play, &mut random, events, pace);
        writer.append(&turn.records).unwrap();
        offer(&mut snapshotter, &play.state, &writer);
        if play.now_us >= next_sample {
            next_sample = play.now_us + 1_000_000;
            let mut reading = sample(&play.state);
            reading.figures = play.figures;
            samples.append(&reading);
        }
    }
    drop(lock);
    Recorded {
        dir,
        setup,
        events: writer.position().seq,
    }
}

fn long_step(play: &mut Play, random: &mut Random, events: u64, pace: u64) -> Turn {
    let after = random.below(2 * pace);
    let all = play.state.agents.len() as u64;
    let act = |action| InputKind::Operator {
        by: "deck".to_owned(),
        action,
    };
    match random.below(400) {
        0 => {
            let permille = 300 + 550 * u32::from(random.below(2) == 0);
            play.figures = Figures {
                pressure_permille: permille,
                available_bytes: GIB * u64::from(1000 - permille),
                total_bytes: 1000 * GIB,
                agents_bytes: GIB * u64::from(permille) / 2,
                ..Figures::default()
            };
            let zone = [Zone::Green, Zone::Red][usize::from(permille > 800)];
            return play.input(
                InputKind::Zone {
                    zone,
                    halted: false,
                    band: wavedeck::engine::InBand::Below,
                    step: 0,
                },
                after,
            );
        }
        // A person pauses whom it hits, and lets it go the next time.
        1..=250 if !play.open.is_empty() => {
            let at = random.below(play.open.len() as u64);
            let (key, started) = play.open[usize::try_from(at).unwrap()];
            let ix = agent_of(key);
            let target = Target::Agent(play.state.id(ix).to_string());
            let action = if play.state.agents[ix.ix()].status == Status::Frozen {
                Action::Resume { target }
            } else {
                Action::Pause { target }
            };
            if started {
                return play.input(act(action), after);
            }
        }
        _ => {}
    }
    let mut open: Vec<(JobKey, bool)> = play.open.drain(..).collect();
    let one = random.pick(&mut open);
    play.open.extend(open);
    match one {
        Some((key, false)) => play.spawned(key, after),
        Some((key, true)) => {
            let ix = agent_of(key);
            if play.state.agents[ix.ix()].status == Status::Frozen {
                play.open.push_back((key, true));
                let target = Target::Agent(play.state.id(ix).to_string());
                return play.input(act(Action::Resume { target }), after);
            }
            let due = play.state.seq >= events * u64::from(ix.0) / all;
            // A plan allows 1,000 attempts: they are spread over the whole recording.
            let failures = u64::from(play.state.agents[ix.ix()].failures);
            if !due && failures * events > 980 * play.state.seq {
                play.open.push_back((key, true));
                let target = Target::Agent(play.state.id(ix).to_string());
                return play.input(act(Action::Pause { target }), after);
            }
            play.ended(key, i32::from(!due), after)
        }
        None => match play.state.next_deadline() {
            Some(due) => {
                play.now_us = play.now_us.max(due);
                play.input(InputKind::Deadline, after)
            }
            None => play.input(
                act(Action::Resume {
                    target: Target::All,
                }),
                after,
            ),
        },
    }
}

fn agent_of(key: JobKey) -> AgentIx {
    match key.owner {
        Owner::Agent(ix) => ix,
        Owner::Phase(_) | Owner::Cohort(_) => unreachable!("the plan has no gates"),
    }
}

/// A reading in the middle of a run.
pub fn sample(state: &State) -> Sample {
    let live = |i: &usize| state.agents[*i].live.is_some();
    let agents = (0..state.agents.len()).filter(live).map(|i| AgentSample {
        agent: u32::try_from(i).unwrap(),
        attempt: state.agents[i].attempt,
        resident_bytes: 300 << 20,
        peak_bytes: 350 << 20,
        processes: 3,
        output_bytes: 7_919,
        quiet_us: 2_000_000,
        line: "cargo test  (14 of 22 passed)".to_owned(),
        ..AgentSample::default()
    });
    Sample {
        at_ms: state.at_ms,
        elapsed_us: state.elapsed_us,
        figures: Figures {
            pressure_permille: 400,
            available_bytes: 40 * GIB,
            total_bytes: 64 * GIB,
            agents_bytes: 5 * GIB,
            ..Figures::default()
        },
        agents: agents.collect(),
        machine: MachineSample {
            total_bytes: 64 * GIB,
            available_bytes: 40 * GIB,
            swap_used_bytes: 0,
            stall_permille: 0,
            own_bytes: 24 << 20,
            ..MachineSample::default()
        },
    }
}
