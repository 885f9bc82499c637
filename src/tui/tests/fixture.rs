//! A run in the middle, made by driving the engine over a plan; no clock, no process.

use std::{collections::VecDeque, sync::Arc};

use crate::{
    engine::{
        Action, Boundary, Command, Effective, Exit, Figures, Found, Handle, Input, InputKind,
        JobKey, MergeOutcome, Prepared, Record, Setup, State, Target, Thresholds, Zone, turn,
    },
    graph::{
        Critical, Graph,
        random::{MIB, SECOND, agent, empty, gate, hard, need, phase, track, worker},
    },
    plan::{
        AgentIx, GateIx, Mode, NeedKind, PhaseIx, Plan, Priority, Retry, SubAgents, TrackIx, When,
        Work, WorkerIx,
    },
    resources::{AgentSample, MachineSample, Sample},
    schedule::static_ranks,
    tui::view::notes::{Note, note},
};

pub const GIB: u64 = 1 << 30;
pub const START_MS: i64 = 1_795_176_000_000;

/// A run with its journal.
#[derive(Debug, Clone)]
pub struct Run {
    pub first: State,
    pub state: State,
    pub records: Vec<Record>,
    pub now_us: u64,
    pub pressure: u32,
    /// What merges come to, by whose work; whoever is not named is still being tried.
    pub outcomes: std::collections::BTreeMap<String, MergeOutcome>,
}

impl Run {
    pub fn new(plan: Plan, cap: u32, ram: u64) -> Self {
        let graph = Graph::new(&plan);
        let durations: Vec<u64> = plan
            .agents
            .iter()
            .map(|a| a.modes[0].duration.expected_us)
            .collect();
        let ranks = static_ranks(&plan, &graph);
        let waves = plan.indices().map(|ix| graph.wave(ix)).collect();
        let length = Critical::new(&graph, &durations).length_us;
        let effective = Effective {
            ram_limit_bytes: ram,
            agents_cap: cap,
            cpus_milli: 64_000,
            thresholds: Thresholds::default(),
            memory: crate::engine::MemoryRules::default(),
            attended: true,
            hybrid_enabled: true,
            parallel_enabled: true,
        };
        let setup = Arc::new(Setup::new(plan, effective, ranks, waves, length));
        let state = State::new(setup);
        let mut run = Self {
            first: state.clone(),
            state,
            records: Vec::new(),
            now_us: 0,
            pressure: 400,
            outcomes: <_>::default(),
        };
        let integrates = run.state.setup.integrates;
        run.input(InputKind::Begin {
            run: "7f3a91c2".into(),
            boot_id: "boot".into(),
            plan_hash: "00".into(),
            base_commit: integrates.then(|| "ba5e".repeat(10)),
        });
        run
    }

    fn figures(&self) -> Figures {
        Figures {
            pressure_permille: self.pressure,
            available_bytes: 64 * GIB * u64::from(1000 - self.pressure) / 1000,
            total_bytes: 64 * GIB,
            agents_bytes: 0,
            ..Figures::default()
        }
    }

    /// One turn; processes that it starts run at once.
    pub fn input(&mut self, kind: InputKind) {
        let mut queue = VecDeque::from([kind]);
        while let Some(kind) = queue.pop_front() {
            let input = Input {
                at_ms: START_MS + (self.now_us / 1000).cast_signed(),
                elapsed_us: self.now_us,
                // What others on the machine use is for the screens alone.
                figures: Figures {
                    total_bytes: 0,
                    available_bytes: 0,
                    ..self.figures()
                },
                uses: crate::engine::Uses::default(),
                kind,
            };
            let done = turn(&mut self.state, &input);
            self.records.extend(done.records);
            for command in done.commands {
                match command {
                    Command::Spawn { key, .. } => queue.push_back(InputKind::Spawned {
                        key,
                        handle: Handle::Virtual { number: 1 },
                    }),
                    Command::Terminate { key } => queue.push_back(ended(
                        key,
                        Exit::Signal {
                            number: 15,
                            name: "SIGTERM".into(),
                        },
                    )),
                    Command::Freeze { key } => queue.push_back(InputKind::FrozenTree {
                        key,
                        stopped: 3,
                        total: 3,
                        held_bytes: 900 * MIB,
                    }),
                    Command::Prepare { agent, attempt } => queue.push_back(InputKind::Prepared {
                        agent,
                        attempt,
                        done: Ok(Prepared {
                            base: "ba5e".repeat(10),
                            path: format!("/state/work/{}.{attempt}", agent.0),
                            level: Boundary::Enforced,
                        }),
                    }),
                    Command::Collect { agent, attempt } => queue.push_back(InputKind::Collected {
                        agent,
                        attempt,
                        found: Ok(Box::new(Found {
                            commit: (self.state.setup.own(agent))
                                .then(|| format!("c0{:02x}", agent.0).repeat(10)),
                            handoff: (!self.state.setup.own(agent)).then_some(Ok((false, 2))),
                            changed: 2 + agent.0,
                            added: 40 + 7 * u64::from(agent.0),
                            removed: 3,
                            ..Found::default()
                        })),
                    }),
                    Command::Merge { number } => {
                        let now = self.state.merges.now.as_ref().map(|now| now.agent);
                        let id = now.map(|ix| self.state.id(ix).to_string());
                        if let Some(outcome) = id.and_then(|id| self.outcomes.get(&id)) {
                            queue.push_back(InputKind::Merged {
                                number,
                                outcome: Box::new(outcome.clone()),
                            });
                        }
                    }
                    Command::Advance { number } => queue.push_back(InputKind::Advanced {
                        number,
                        done: Ok(Vec::new()),
                    }),
                    _ => {}
                }
            }
        }
    }

    pub fn wait(&mut self, seconds: u64) {
        self.now_us += seconds * SECOND;
        while self
            .state
            .next_deadline()
            .is_some_and(|due| due <= self.now_us)
        {
            self.input(InputKind::Deadline);
        }
    }

    pub fn end(&mut self, id: &str, exit: Exit) {
        let ix = self
            .state
            .find(&id.into())
            .unwrap_or_else(|| panic!("{id}"));
        let key = JobKey::main(ix, self.state.agent(ix).attempt);
        assert!(self.state.agent(ix).live.is_some(), "{id} does not run");
        self.input(ended(key, exit));
    }

    pub fn done(&mut self, id: &str) {
        self.end(id, Exit::Code(0));
    }

    /// Ends the check command that runs for an agent.
    pub fn checked(&mut self, id: &str, code: i32) {
        let ix = self.state.find(&id.into()).unwrap();
        let check = self.state.agent(ix).check.clone().unwrap();
        self.input(ended(
            JobKey {
                owner: crate::engine::Owner::Agent(ix),
                attempt: check.attempt,
                check: Some(check.step),
                round: check.round,
            },
            Exit::Code(code),
        ));
    }

    pub fn act(&mut self, action: Action) {
        self.input(InputKind::Operator {
            by: "deck".into(),
            action,
        });
    }

    /// An agent reports of itself, in the words of a file.
    pub fn says(&mut self, id: &str, text: &str) {
        let agent = self.state.find(&id.into()).unwrap();
        let said = crate::status::parse_report(text, &format!("{id}.1.yaml"), id);
        self.input(InputKind::Progress {
            agent,
            attempt: self.state.agent(agent).attempt,
            via: crate::engine::Via::File,
            said: said.map(Box::new).map_err(|e| e.to_string()),
        });
    }

    pub fn notes(&self) -> VecDeque<Note> {
        self.records.iter().filter_map(note).collect()
    }

    /// A reading in which every process uses what a fixed rule says.
    pub fn sample(&self) -> Sample {
        let lines = [
            "edits src/auth/jwt.rs · step 3 of 5: token refresh",
            "cargo test -p hooks  (14 of 22 passed)",
            "reads ingest/pdf.rs",
            "\u{1b}]0;owned\u{7}\u{1b}[31mwrites\u{1b}[0m migrations/0042.sql \u{202e}lqs",
            "",
            "thinking about how the tables of the two schemas fit together, and what that means for the order of migrations",
        ];
        let mut agents = Vec::new();
        for ix in self.state.setup.plan.indices() {
            let agent = self.state.agent(ix);
            if agent.live.is_none() {
                continue;
            }
            let asked = self.state.mode_of(ix).ram_bytes;
            let resident = asked * (30 + u64::from(ix.0) * 37 % 90) / 100;
            agents.push(AgentSample {
                agent: ix.0,
                attempt: agent.attempt,
                resident_bytes: resident,
                peak_bytes: resident * 5 / 4,
                processes: 2 + ix.0 % 3,
                output_bytes: u64::from(ix.0 % 6 != 4) * (3_000 + u64::from(ix.0) * 7_919),
                quiet_us: u64::from(ix.0 % 7) * 9 * SECOND + SECOND,
                line: lines[ix.ix() % lines.len()].to_owned(),
                // Nothing that counts twice.
                pss_bytes: Some(resident),
                ..AgentSample::default()
            });
        }
        let total: u64 = agents.iter().map(|a| a.resident_bytes).sum();
        Sample {
            at_ms: START_MS + (self.now_us / 1000).cast_signed(),
            elapsed_us: self.now_us,
            figures: Figures {
                agents_bytes: total,
                ..self.figures()
            },
            machine: MachineSample {
                total_bytes: 64 * GIB,
                available_bytes: self.figures().available_bytes,
                swap_used_bytes: 212 * MIB,
                stall_permille: 4,
                own_bytes: 24 * MIB,
                ..MachineSample::default()
            },
            agents,
        }
    }
}

pub fn ended(key: JobKey, exit: Exit) -> InputKind {
    InputKind::Ended {
        key,
        exit,
        cpu_us: SECOND,
        peak_bytes: 700 * MIB,
        output_bytes: 4_000,
        leaked: 0,
        present: Vec::new(),
        handoff: false,
    }
}

/// Id, phase, track, seconds, MiB, needs, workers.
type Line = (
    &'static str,
    u32,
    Option<u32>,
    u64,
    u64,
    &'static [&'static str],
    &'static [u32],
);

/// A plan like one that a person would write, with all that a screen has to show.
pub fn billing() -> Plan {
    let mut plan = empty();
    plan.name = "add-billing".into();
    plan.mode = Mode::Hybrid;
    plan.gates = vec![gate("gate-3"), gate("api-ok")];
    plan.gates[0].run = vec![
        vec!["cargo".into(), "test".into(), "--locked".into()],
        vec!["cargo".into(), "clippy".into()],
    ];
    plan.gates[0].ram_bytes = 3 * GIB;
    plan.workers = ["claude:sonnet", "codex:gpt", "opencode:qwen"]
        .map(worker)
        .to_vec();
    plan.phases = vec![
        phase("design", true, Vec::new()),
        phase("build", false, vec![GateIx(0)]),
        phase("release", false, Vec::new()),
    ];
    plan.tracks = vec![
        track("A", Priority::High),
        track("B", Priority::Normal),
        track("C", Priority::Low),
    ];
    plan.tracks[0].title = "API".into();
    plan.tracks[1].title = "Data".into();
    plan.tracks[2].title = "Console".into();
    let list: &[Line] = &[
        ("schema", 0, Some(0), 480, 900, &[], &[0]),
        ("probe", 0, Some(1), 240, 400, &[], &[2]),
        ("ui-shell", 0, Some(2), 300, 700, &[], &[0]),
        ("api", 1, Some(0), 3000, 2048, &["schema"], &[0, 1]),
        ("api-auth", 1, Some(0), 1800, 1500, &["schema"], &[0, 2]),
        ("webhooks", 1, Some(0), 1500, 4200, &["schema"], &[1]),
        (
            "importer",
            1,
            Some(1),
            3300,
            900,
            &["probe", "schema"],
            &[2, 0],
        ),
        (
            "backfill",
            1,
            Some(1),
            1500,
            800,
            &["probe", "schema"],
            &[2],
        ),
        (
            "ui-table",
            1,
            Some(2),
            1400,
            1800,
            &["ui-shell", "schema"],
            &[0],
        ),
        ("ui-style", 1, Some(2), 900, 1200, &["ui-shell"], &[0]),
        ("ui-forms", 1, Some(2), 1300, 1900, &["ui-shell"], &[0]),
        ("rescue", 1, Some(2), 600, 500, &[], &[1]),
        ("api-docs", 1, Some(0), 600, 300, &["api"], &[0]),
        (
            "hooks-e2e",
            1,
            Some(0),
            900,
            2500,
            &["webhooks", "api-auth"],
            &[1],
        ),
        ("reindex", 1, Some(1), 700, 8192, &["importer"], &[2]),
        (
            "join",
            2,
            None,
            400,
            600,
            &["api-docs", "hooks-e2e", "reindex", "ui-forms", "ui-table"],
            &[0],
        ),
        ("release", 2, None, 200, 200, &["join"], &[]),
        ("tidy-1", 1, Some(1), 120, 200, &[], &[]),
        ("tidy-2", 1, Some(1), 120, 200, &[], &[]),
        ("big-model", 1, Some(1), 900, 30_000, &["probe"], &[2]),
    ];
    for (id, ph, tr, seconds, mib, needs, workers) in list {
        let mut a = agent(id, *seconds, *mib);
        a.phase = Some(PhaseIx(*ph));
        a.track = tr.map(TrackIx);
        a.priority = tr.map_or(Priority::Normal, |t| plan.tracks[t as usize].priority);
        a.needs = needs
            .iter()
            .map(|n| hard(plan.find(n).unwrap().ix()))
            .collect();
        if !workers.is_empty() {
            a.work = Work::Prompt(format!("Do {id} as the plan says, and nothing else."));
            let mode = a.modes[0].clone();
            a.modes = workers
                .iter()
                .map(|w| {
                    let mut mode = mode.clone();
                    mode.worker = Some(WorkerIx(*w));
                    mode
                })
                .collect();
        }
        a.retry = Retry {
            attempts: 2,
            base_us: 30 * SECOND,
        };
        plan.agents.push(a);
    }
    let ix = |plan: &Plan, id: &str| plan.find(id).unwrap().ix();
    let at = ix(&plan, "ui-style");
    plan.agents[at].check = vec![
        vec!["vitest".into(), "--run".into()],
        vec!["eslint".into(), ".".into()],
    ];
    plan.agents[at].retry.attempts = 1;
    let at = ix(&plan, "api-auth");
    plan.agents[at].gates = vec![GateIx(1)];
    // Runs only when another one fails.
    let (rescue, forms) = (ix(&plan, "rescue"), ix(&plan, "ui-forms"));
    plan.agents[rescue].needs = vec![need(forms, NeedKind::Hard, When::Failed)];
    let docs = ix(&plan, "api-docs");
    let importer = ix(&plan, "importer");
    plan.agents[docs]
        .needs
        .push(need(importer, NeedKind::Soft, When::Succeeded));
    // A group in sequence.
    for id in ["tidy-1", "tidy-2"] {
        let at = ix(&plan, id);
        plan.agents[at].parent = None;
    }
    let mut group = agent("tidy", 0, 0);
    group.work = Work::Group;
    group.phase = Some(PhaseIx(1));
    group.track = Some(TrackIx(1));
    group.sub_agents = SubAgents::Sequential;
    let parent = AgentIx::of(plan.agents.len());
    plan.agents.push(group);
    for id in ["tidy-1", "tidy-2"] {
        let at = ix(&plan, id);
        plan.agents[at].parent = Some(parent);
    }
    // What a hostile plan would say.
    let at = ix(&plan, "big-model");
    plan.agents[at].title = "\u{1b}]52;c;aGk=\u{7}big\u{202e}ledom\u{200b}\nmodel".into();
    plan
}

/// The run of [`billing`] after most of an hour: everything is in some state.
pub fn middle() -> Run {
    let mut run = Run::new(billing(), 6, 56 * GIB);
    run.wait(200);
    run.done("probe");
    run.wait(80);
    run.done("ui-shell");
    run.wait(190);
    run.done("schema");
    run.wait(600);
    run.pressure = 710;
    run.input(InputKind::Zone {
        zone: Zone::Yellow,
        halted: false,
        band: crate::engine::InBand::Below,
        step: 0,
    });
    run.wait(100);
    run
}

/// Drives [`middle`] on so that every state is on the screen.
pub fn full() -> Run {
    let mut run = middle();
    let running: Vec<String> = run
        .state
        .setup
        .plan
        .indices()
        .filter(|&ix| run.state.agent(ix).status == crate::engine::Status::Running)
        .map(|ix| run.state.id(ix).to_string())
        .collect();
    let has = |id: &str| running.iter().any(|r| r == id);
    assert!(
        has("api") && has("api-auth") && has("webhooks"),
        "{running:?}"
    );
    run.act(Action::Pause {
        target: Target::Agent("webhooks".into()),
    });
    run.wait(5);
    run.act(Action::Agents { cap: 8 });
    run.wait(60);
    run.end("backfill", Exit::Code(101));
    run.wait(10);
    if run
        .state
        .find(&"ui-style".into())
        .is_some_and(|ix| run.state.agent(ix).live.is_some())
    {
        run.done("ui-style");
        run.wait(12);
        run.checked("ui-style", 1);
    }
    run.wait(8);
    run.act(Action::Swap {
        agent: "importer".into(),
        worker: None,
    });
    run.done("api-auth");
    run.wait(3);
    run.input(InputKind::Quiet {
        agent: run.state.find(&"api".into()).unwrap(),
        attempt: 1,
        quiet: true,
    });
    run.wait(2);
    run
}

/// [`full`], and agents that report of themselves: well, badly, and long ago.
pub fn reported() -> Run {
    let mut run = full();
    run.says(
        "ui-table",
        "progress_percent: 80\ndoing: lays out the table\ncompleted_today: [head, rows]\n",
    );
    run.wait(1000);
    run.says(
        "api",
        "progress_percent: 90\nstatus: at-risk\ndoing: writes the handlers\n\
         blockers:\n  - blocker: no test database\n    severity: high\n    resolution_plan: ask for one\n",
    );
    run.says(
        "importer",
        "progress_percent: 15\ndoing: \"reads \\e[31mPDFs\"\n",
    );
    run.wait(3);
    run.says("importer", "doing: reads\nprogress_percent: much\n");
    run.wait(2);
    run
}
