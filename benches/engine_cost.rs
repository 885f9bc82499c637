//! Prints what the engine costs per agent: `engine_cost [AGENTS [ENDS]]`.
//!
//! AGENTS (10,000) are ready at once and eight of them run; ENDS (2,000) of them end one by one, and
//! another starts in place of each. What holds the rest back differs by row. A turn here is what a
//! run does for one agent: its end, its verdict, the next start, and that it runs.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measuring tool prints and may fail loudly"
)]

use std::{
    collections::{BTreeMap, VecDeque},
    env,
    sync::Arc,
    time::{Duration, Instant},
};

use wavedeck::{
    engine::{
        Command, Effective, Exit, Figures, Handle, Input, InputKind, JobKey, Record, Setup, State,
        Thresholds, effects, turn,
    },
    graph::Graph,
    plan::{
        self, Agent, AgentId, AgentMode, Class, Limits, Mode, Plan, Priority, Retry, SubAgents,
        Track, TrackIx, Work, Workspace,
    },
    schedule::static_ranks,
};

const RUNNING: u32 = 8;
const RAM: u64 = 100 << 20;

fn agent(i: usize, ram_bytes: u64) -> Agent {
    Agent {
        id: AgentId::from(format!("a{i}").as_str()),
        title: String::new(),
        phase: None,
        track: Some(TrackIx::of(0)),
        parent: None,
        sub_agents: SubAgents::Parallel,
        needs: Vec::new(),
        priority: Priority::Normal,
        class: Class::Implementation,
        work: Work::Command(vec!["true".into()]),
        modes: vec![AgentMode {
            worker: None,
            duration: plan::Duration {
                min_us: 1,
                expected_us: 1,
                max_us: 1,
                guessed: true,
            },
            ram_bytes,
            ram_guessed: false,
            cpus_milli: 1_000,
            uses: BTreeMap::new(),
            spends: BTreeMap::new(),
            tokens: 0,
            terminal: false,
        }],
        exclusive: false,
        timeout_us: None,
        ask: wavedeck::agents::Ask::Outside,
        fails_when_asking: false,
        retry: Retry {
            attempts: 1,
            base_us: 0,
        },
        quiet_us: None,
        ram_max_bytes: None,
        check: Vec::new(),
        gates: Vec::new(),
        workspace: Workspace::Shared,
        scope: None,
        domains: Vec::new(),
        join: wavedeck::plan::Join::default(),
        inputs: Vec::new(),
        outputs: Vec::new(),
        context_files: Vec::new(),
        capability: None,
        context_cap: None,
    }
}

/// What holds the others back while eight run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bound {
    Slots,
    Cpus,
    Memory,
    /// As before, and every agent wants another amount.
    MixedMemory,
    Track,
}

fn setup(count: usize, bound: Bound) -> Setup {
    let agents = (0..count)
        .map(|i| {
            let more = if bound == Bound::MixedMemory { i } else { 0 };
            agent(i, RAM + more as u64 * 100)
        })
        .collect();
    let mut limits = Limits::default();
    if bound == Bound::Track {
        limits.per_track.insert(TrackIx::of(0), RUNNING);
    }
    let plan = Plan {
        version: 1,
        name: "cost".into(),
        goal: None,
        base: "HEAD".into(),
        mode: Mode::Hybrid,
        limits,
        phases: Vec::new(),
        tracks: vec![Track {
            id: "t".into(),
            title: "t".into(),
            priority: Priority::Normal,
            gates: Vec::new(),
        }],
        workers: Vec::new(),
        gates: Vec::new(),
        leases: std::collections::BTreeMap::new(),
        agents,
        run_gates: Vec::new(),
        wave_gates: std::collections::BTreeMap::new(),
        verify: Vec::new(),
        workspace: wavedeck::plan::WorkspaceSpec::default(),
        merge: wavedeck::plan::MergeSpec::default(),
        domains: std::collections::BTreeMap::new(),
        require_sandbox: false,
        unbuilt: Vec::new(),
    };
    let graph = Graph::new(&plan);
    let ranks = static_ranks(&plan, &graph);
    let waves = plan.indices().map(|ix| graph.wave(ix)).collect();
    let many = u64::from(RUNNING) * 2;
    let memory = matches!(bound, Bound::Memory | Bound::MixedMemory);
    let effective = Effective {
        ram_limit_bytes: if memory {
            u64::from(RUNNING) * RAM * 11 / 10
        } else {
            u64::MAX
        },
        agents_cap: if bound == Bound::Slots { RUNNING } else { 16 },
        cpus_milli: 1_000 * if bound == Bound::Cpus { many / 2 } else { many },
        thresholds: Thresholds::default(),
        memory: wavedeck::engine::MemoryRules::default(),
        attended: false,
        hybrid_enabled: true,
        parallel_enabled: true,
    };
    Setup::new(plan, effective, ranks, waves, 0)
}

struct Run {
    state: State,
    now_us: u64,
    live: VecDeque<JobKey>,
    records: Vec<Record>,
}

impl Run {
    fn input(&mut self, kind: InputKind) {
        self.now_us += 1;
        let input = Input {
            at_ms: 0,
            elapsed_us: self.now_us,
            figures: Figures::default(),
            uses: wavedeck::engine::Uses::default(),
            kind,
        };
        let turn = turn(&mut self.state, &input);
        self.records.extend(turn.records);
        for command in turn.commands {
            if let Command::Spawn { key, .. } = command {
                let handle = Handle::Local {
                    pid: 1,
                    start_ticks: 1,
                };
                self.input(InputKind::Spawned { key, handle });
                self.live.push_back(key);
            }
        }
    }
}

/// Times of the begin and of the ends, and the records of both.
fn measure(count: usize, ends: usize, bound: Bound) -> (Duration, Duration, [Vec<Record>; 2]) {
    let setup = Arc::new(setup(count, bound));
    let mut run = Run {
        state: State::new(setup),
        now_us: 0,
        live: VecDeque::new(),
        records: Vec::with_capacity(count + 4 * ends + 64),
    };
    let began = Instant::now();
    run.input(InputKind::Begin {
        run: "cost".into(),
        boot_id: "b".into(),
        plan_hash: String::new(),
        base_commit: None,
    });
    let begin = began.elapsed();
    assert_eq!(run.live.len(), RUNNING as usize, "{bound:?}");
    let first = std::mem::replace(&mut run.records, Vec::with_capacity(4 * ends + 64));
    let began = Instant::now();
    for _ in 0..ends {
        let key = run.live.pop_front().unwrap();
        run.input(InputKind::Ended {
            key,
            exit: Exit::Code(0),
            cpu_us: 1,
            peak_bytes: 1,
            output_bytes: 1,
            leaked: 0,
            present: Vec::new(),
            handoff: false,
        });
    }
    (begin, began.elapsed(), [first, run.records])
}

/// Where the time of one agent goes: the same records again, step by step.
fn parts(count: usize, ends: usize) {
    let per = |time: Duration| time.as_secs_f64() * 1e6 / ends as f64;
    let (_, turns, [first, records]) = measure(count, ends, Bound::Cpus);
    let mut state = State::new(Arc::new(setup(count, Bound::Cpus)));
    for record in &first {
        state.apply(record);
    }
    let mut with_effects = state.clone();
    let began = Instant::now();
    for record in &records {
        state.apply(record);
    }
    let apply = began.elapsed();
    let began = Instant::now();
    let mut commands = 0;
    for record in &records {
        with_effects.apply(record);
        commands += effects(&with_effects, record).len();
    }
    let effects = began.elapsed().saturating_sub(apply);
    assert_eq!(commands, ends);
    let mut line = Vec::new();
    let mut bytes = 0;
    let began = Instant::now();
    for record in &records {
        line.clear();
        wavedeck::journal::encode(record, &mut line).unwrap();
        bytes += line.len();
    }
    let encode = began.elapsed();
    let began = Instant::now();
    let copy = state.clone();
    let cloned = began.elapsed();
    assert_eq!(copy.seq, state.seq);
    let decide = turns.saturating_sub(apply).saturating_sub(effects);
    println!("\npart                                µs/agent");
    println!("decide, and making the records {:>13.2}", per(decide));
    println!("apply                          {:>13.2}", per(apply));
    println!("effects                        {:>13.2}", per(effects));
    println!("encoding for the journal       {:>13.2}", per(encode));
    println!(
        "({} bytes an agent; a copy of the state for a snapshot takes {:.2} ms)",
        bytes / ends,
        cloned.as_secs_f64() * 1e3
    );
}

fn main() {
    let mut args = env::args().skip(1).filter(|arg| arg != "--bench");
    let most: usize = args.next().map_or(10_000, |a| a.parse().unwrap());
    let ends: usize = args.next().map_or(2_000, |a| a.parse().unwrap());
    println!("bound          agents  begin ms  µs/agent  events/agent");
    for bound in [
        Bound::Slots,
        Bound::Cpus,
        Bound::Memory,
        Bound::MixedMemory,
        Bound::Track,
    ] {
        for count in [most / 10, most] {
            let ends = ends.min(count / 2);
            let (begin, all, [_, records]) = measure(count, ends, bound);
            println!(
                "{:<12} {count:>8} {:>9.2} {:>9.2} {:>13.1}",
                format!("{bound:?}"),
                begin.as_secs_f64() * 1e3,
                all.as_secs_f64() * 1e6 / ends as f64,
                records.len() as f64 / ends as f64,
            );
        }
    }
    parts(most, ends.min(most / 2));
}
