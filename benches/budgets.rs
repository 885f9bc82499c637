//! What DESIGN sets a limit for and one process can measure: plans, schedules, turns, journals,
//! seeking, frames. `cargo bench --bench budgets [FILTER]`; figures are in `docs/benchmarks.md`.
#![allow(clippy::unwrap_used, reason = "a measuring tool may fail loudly")]

use std::{collections::VecDeque, fmt::Write as _, path::Path, sync::Arc, sync::OnceLock};

use divan::{Bencher, black_box};
use ratatui::{buffer::Buffer, layout::Rect};
use wavedeck::{
    engine::{
        Command, Effective, Exit, Figures, Handle, Input, InputKind, JobKey, Setup, State,
        Thresholds, Turn, turn_into,
    },
    graph::{Critical, Graph},
    journal::{Header, JournalWriter, Reader, Seeker, Snapshotter, To, fold},
    plan::{LoadOptions, Plan, load},
    resources::{AgentSample, MachineSample, Sample},
    schedule::{Analysis, Inputs, capacity_from_plan, static_ranks},
    tui::{
        feed::Update,
        keymap::Keymap,
        theme::Theme,
        update::{App, AppInput, Settings, update},
    },
};

const GIB: u64 = 1 << 30;
const RUN: &str = "20261120-100000-7f3a";
/// Agents of a plan.
const SIZES: [usize; 2] = [1_000, 10_000];

fn main() {
    divan::main();
}

/// A plan of eight phases and ten tracks; an agent needs up to three of the 400 before it. Always
/// the same.
fn source(agents: usize) -> String {
    let mut seed = 7_u64;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) as usize % below
    };
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
             ram = \"{mib}MiB\"\nretry = {{ attempts = 3, base = \"1ms\" }}\n",
            needs.join(", ")
        )
        .unwrap();
    }
    text
}

fn loaded(text: &str) -> Plan {
    load(text, &LoadOptions::default(), &mut |_| unreachable!())
        .unwrap()
        .plan
}

fn setup(agents: usize) -> Arc<Setup> {
    let plan = loaded(&source(agents));
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
        attended: false,
        hybrid_enabled: true,
        parallel_enabled: true,
    };
    Arc::new(Setup::new(plan, effective, ranks, waves, length))
}

/// A run under virtual time: what starts ends, two attempts of three in a failure.
struct Play {
    state: State,
    now_us: u64,
    open: VecDeque<(JobKey, bool)>,
}

impl Play {
    fn begun(setup: &Arc<Setup>) -> (Self, Turn) {
        let mut play = Self {
            state: State::new(setup.clone()),
            now_us: 0,
            open: VecDeque::new(),
        };
        let turn = play.input(InputKind::Begin {
            run: RUN.to_owned(),
            boot_id: "boot".to_owned(),
            plan_hash: "hash".to_owned(),
            base_commit: None,
        });
        (play, turn)
    }

    fn input(&mut self, kind: InputKind) -> Turn {
        self.now_us += 137;
        let input = Input {
            at_ms: 1_795_000_000_000 + i64::try_from(self.now_us / 1000).unwrap(),
            elapsed_us: self.now_us,
            figures: Figures::default(),
            kind,
        };
        let mut turn = Turn::default();
        turn_into(&mut self.state, &input, &mut turn);
        for command in &turn.commands {
            if let Command::Spawn { key, .. } = command {
                self.open.push_back((*key, false));
            }
        }
        turn
    }

    /// The next turn; none when the run has ended.
    fn step(&mut self) -> Option<Turn> {
        if self.state.finished.is_some() {
            return None;
        }
        let Some((key, started)) = self.open.pop_front() else {
            self.now_us = self.now_us.max(self.state.next_deadline()?);
            return Some(self.input(InputKind::Deadline));
        };
        if !started {
            self.open.push_back((key, true));
            let handle = Handle::Local {
                pid: 4711,
                start_ticks: self.now_us,
            };
            return Some(self.input(InputKind::Spawned { key, handle }));
        }
        Some(self.input(InputKind::Ended {
            key,
            exit: Exit::Code(i32::from(key.attempt < 3)),
            cpu_us: 1234,
            peak_bytes: 5 << 20,
            output_bytes: 99,
            leaked: 0,
            present: Vec::new(),
        }))
    }
}

#[divan::bench(args = SIZES)]
fn plan_check(bencher: Bencher<'_, '_>, agents: usize) {
    let text = source(agents);
    bencher.bench_local(|| loaded(black_box(&text)));
}

#[divan::bench(args = SIZES)]
fn plan_waves(bencher: Bencher<'_, '_>, agents: usize) {
    let plan = loaded(&source(agents));
    bencher.bench_local(|| Graph::new(black_box(&plan)));
}

/// The whole analysis behind `plan`: the schedule, its bound, the matrix, the three options.
#[divan::bench(args = SIZES, sample_count = 20)]
fn plan_schedule(bencher: Bencher<'_, '_>, agents: usize) {
    let plan = loaded(&source(agents));
    bencher.bench_local(|| {
        let capacity = capacity_from_plan(&plan, 64 * GIB, 64_000, 16);
        let inputs = Inputs {
            config: String::new(),
            learnt: String::new(),
            effort: 1,
            seed: 1,
        };
        Analysis::new(&plan, capacity, inputs)
    });
}

/// One turn of the engine in the middle of a run: decide, apply, effects.
#[divan::bench(args = SIZES, sample_count = 200, sample_size = 50)]
fn engine_turn(bencher: Bencher<'_, '_>, agents: usize) {
    let setup = setup(agents);
    let (mut play, _) = Play::begun(&setup);
    bencher.bench_local(|| {
        if play.step().is_none() {
            play = Play::begun(&setup).0;
        }
    });
}

/// A journal of a whole run with its snapshots, written once for each size.
fn journal(agents: usize) -> &'static (tempfile::TempDir, Arc<Setup>, u64) {
    static MADE: [OnceLock<(tempfile::TempDir, Arc<Setup>, u64)>; 2] =
        [const { OnceLock::new() }; 2];
    MADE[usize::from(agents == SIZES[1])].get_or_init(|| {
        let (dir, setup) = (tempfile::tempdir().unwrap(), setup(agents));
        let events = record(dir.path(), &setup);
        (dir, setup, events)
    })
}

fn record(dir: &Path, setup: &Arc<Setup>) -> u64 {
    let mut writer = JournalWriter::create(dir, &Header::new(RUN, "hash", "boot")).unwrap();
    let mut snapshotter = Snapshotter::new(dir, writer.position());
    let (mut play, first) = Play::begun(setup);
    writer.append(&first.records).unwrap();
    while let Some(turn) = play.step() {
        writer.append(&turn.records).unwrap();
        snapshotter.offer(&play.state, writer.position());
        // The thread has all the time that it has in a run of real processes.
        while snapshotter.busy() {
            std::thread::yield_now();
        }
    }
    writer.position().seq
}

/// The whole journal, read and applied.
#[divan::bench(args = SIZES, sample_count = 20)]
fn journal_fold(bencher: Bencher<'_, '_>, agents: usize) {
    let (dir, setup, events) = journal(agents);
    let bencher = bencher.counter(divan::counter::ItemsCount::new(*events));
    bencher.bench_local(|| fold(setup.clone(), &mut Reader::open(dir.path()).unwrap()).unwrap());
}

/// Any place of it, by the nearest snapshot.
#[divan::bench(args = SIZES, sample_count = 200)]
fn journal_seek(bencher: Bencher<'_, '_>, agents: usize) {
    let (dir, setup, events) = journal(agents);
    let mut seeker = Seeker::open(dir.path(), setup.clone()).unwrap();
    let mut to = 0;
    bencher.bench_local(|| {
        to = (to + 7_919_777) % events;
        seeker.seek(To::Seq(to)).unwrap()
    });
}

fn sample(state: &State) -> Sample {
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
        pss_bytes: None,
    });
    Sample {
        at_ms: state.at_ms,
        elapsed_us: state.elapsed_us,
        figures: Figures {
            pressure_permille: 400,
            available_bytes: 40 * GIB,
            total_bytes: 64 * GIB,
            agents_bytes: 5 * GIB,
        },
        agents: agents.collect(),
        machine: MachineSample {
            total_bytes: 64 * GIB,
            available_bytes: 40 * GIB,
            swap_used_bytes: 0,
            stall_permille: 0,
            own_bytes: 24 << 20,
        },
    }
}

/// A new reading of memory and the frame that shows it, 200x60, in the middle of a run.
#[divan::bench(args = SIZES)]
fn deck_frame(bencher: Bencher<'_, '_>, agents: usize) {
    let setup = setup(agents);
    let (mut play, _) = Play::begun(&setup);
    while play
        .state
        .agents
        .iter()
        .filter(|a| a.status.is_final())
        .count()
        < agents / 3
    {
        play.step().unwrap();
    }
    let settings = Settings {
        theme: Theme::default(),
        keys: Keymap::default(),
        can_act: true,
        zone: jiff::tz::TimeZone::UTC,
    };
    let mut app = App::new(settings, (200, 60), true);
    let reading = sample(&play.state);
    let state = Box::new(play.state);
    update(&mut app, AppInput::Feed(Update::Snapshot(state)));
    let mut buf = Buffer::empty(Rect::new(0, 0, 200, 60));
    bencher.bench_local(|| {
        let reading = Box::new(reading.clone());
        update(&mut app, AppInput::Feed(Update::Sample(reading)));
        buf.reset();
        app.draw(&mut buf);
    });
}
