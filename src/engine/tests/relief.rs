//! Pressure empties a large local model by moving its agents elsewhere, and what is told of that.

use std::fmt::Write as _;

use super::*;
use crate::plan::ModelIx;

const GIB: u64 = 1 << 30;
const QWEN: ModelIx = ModelIx(0);
const WINDOW: u64 = 300 * SECOND;

/// Agents that a local model of 21 GiB or `cloud` can do, on 64 GiB; `top` stands before them.
fn rig(top: &str, agents: &[&str]) -> Rig {
    let mut text = format!(
        "{top}\n[model.qwen]\napi = \"ollama\"\nurl = \"http://127.0.0.1:9\"\nram = \"20GiB\"\nslots = 4\n\
         [worker.local]\nrun = [\"x\"]\nmodel = \"qwen\"\n[worker.cloud]\nrun = [\"y\"]\n\
         [defaults]\nworker = [\"local\", \"cloud\"]\nworkspace = \"shared\"\nprompt = \"x\"\nram = \"1GiB\"\ncpus = 0\n"
    );
    for (i, more) in agents.iter().enumerate() {
        let _ = writeln!(text, "[[agent]]\nid = \"a{i}\"\n{more}");
    }
    let options = crate::plan::LoadOptions::default();
    let loaded = crate::plan::load(&text, &options, &mut |_| Err(String::new()));
    let mut rig = Rig::new(loaded.unwrap().plan, true);
    let setup = Arc::make_mut(&mut rig.state.setup);
    setup.ram_limit_bytes = 64 * GIB;
    setup.memory.band = Band {
        low: 700,
        high: 850,
    };
    rig.input(InputKind::Served {
        model: QWEN,
        now: ServedNow::Loaded(Held {
            bytes: 21 * GIB,
            by: Known::Measured,
            unloading: Unloading::Request,
            base_bytes: None,
            slot_bytes: None,
        }),
    });
    rig.events.clear();
    rig
}

fn figures(used_gib: u64) -> Figures {
    Figures {
        pressure_permille: u32::try_from(used_gib * 1000 / 64).unwrap(),
        available_bytes: (64 - used_gib) * GIB,
        total_bytes: 64 * GIB,
        agents_bytes: used_gib.saturating_sub(21) * GIB,
        servers_bytes: 21 * GIB,
        ..Figures::default()
    }
}

impl Rig {
    /// Takes an input with memory as measured: each agent that runs holds 2 GiB.
    fn measured(&mut self, figures: Figures, kind: InputKind) {
        self.now_us += 1;
        let indices = self.state.setup.plan.indices();
        let live = indices.filter(|&ix| self.state.agent(ix).live.is_some());
        let uses = live.map(|ix| Use {
            agent: ix,
            attempt: self.state.agent(ix).attempt,
            bytes: 2 * GIB,
        });
        let input = Input {
            at_ms: 0,
            elapsed_us: self.now_us,
            figures,
            uses: uses.collect(),
            kind,
        };
        let Turn { records, commands } = turn(&mut self.state, &input);
        self.events.extend(records.into_iter().map(|r| r.event));
        self.commands.extend(&commands);
        for command in commands {
            if let Command::Spawn { key, .. } = command {
                let handle = Handle::Virtual { number: 1 };
                self.input(InputKind::Spawned { key, handle });
            }
        }
    }

    /// Pressure is seen in a zone, and judged.
    fn pressed(&mut self, zone: Zone, used_gib: u64) {
        let band = match zone {
            Zone::Red => InBand::Above,
            Zone::Orange | Zone::Yellow => InBand::Within,
            Zone::Green => InBand::Below,
        };
        let figures = figures(used_gib);
        let seen = InputKind::Zone {
            zone,
            halted: false,
            band,
            step: 0,
        };
        self.measured(figures, seen);
        self.measured(figures, InputKind::Judge);
    }

    fn named(&self) -> Vec<&'static str> {
        self.events.iter().map(Event::kind).collect()
    }

    /// What the controller decided, and why.
    fn decided(&self) -> Vec<(Adapted, String)> {
        let all = self.events.iter().filter_map(|event| match event {
            Event::Memory(memory) => match &**memory {
                MemoryEvent::Adapted { what, reason, .. } => Some((*what, reason.clone())),
                _ => None,
            },
            _ => None,
        });
        all.collect()
    }

    fn mode(&self, ix: u32) -> u32 {
        self.state.agent(AgentIx(ix)).mode
    }

    /// The model is out of memory.
    fn unloaded(&mut self, freed_bytes: u64) {
        let done = Ok(UnloadedNow {
            freed_bytes: Some(freed_bytes),
            left_bytes: None,
        });
        self.input(InputKind::Unloaded { model: QWEN, done });
    }
}

#[test]
fn orange_moves_all_users_of_a_model_in_one_decision_and_waits_for_its_memory() {
    let mut rig = rig("", &["", ""]);
    rig.pressed(Zone::Orange, 50);
    assert_eq!(
        rig.named(),
        [
            "zone.changed",
            "band.changed",
            "run.activated",
            "resource.shortage",
            "sync.started",
            "memory.adapted",
            "model.swapped",
            "model.swapped"
        ]
    );
    let (what, reason) = &rig.decided()[0];
    assert_eq!(*what, Adapted::Swap);
    // 21 GiB and twice 2 GiB, of which twice 1 GiB is wanted elsewhere.
    let wanted = "memory at 78 %: model qwen is emptied, 23552 MiB are to be free when its agents go on elsewhere";
    assert_eq!(reason, wanted);
    let frees = rig.events.iter().filter_map(|event| match event {
        Event::Model(model) => match &**model {
            ModelEvent::Swapped {
                frees_bytes, cause, ..
            } => Some((frees_bytes / GIB, *cause)),
            _ => None,
        },
        _ => None,
    });
    let frees: Vec<_> = frees.collect();
    assert_eq!(frees, [(2, Cause::Zone), (23, Cause::Zone)]);
    for ix in [0, 1] {
        let key = JobKey::main(AgentIx(ix), 1);
        assert!(rig.has(Command::Terminate { key }));
    }
    // Nothing more is done until that has happened, and nobody begins with the model again.
    rig.measured(figures(50), InputKind::Judge);
    assert_eq!(rig.decided().len(), 1);
    rig.end_agent(0, 15);
    assert_eq!([rig.mode(0), rig.mode(1)], [1, 0], "it goes on elsewhere");
    rig.end_agent(1, 15);
    assert!(rig.named().contains(&"model.unloading"));
    rig.measured(figures(29), InputKind::Judge);
    assert_eq!(rig.state.memory.open.len(), 1, "the model is waited for");
    rig.unloaded(20 * GIB);
    rig.events.clear();
    rig.measured(figures(8), InputKind::Judge);
    let effect = rig.events.iter().find_map(|event| match event {
        Event::Memory(memory) => match **memory {
            MemoryEvent::Measured {
                told_bytes,
                freed_bytes,
                ..
            } => Some((told_bytes / GIB, freed_bytes / GIB)),
            _ => None,
        },
        _ => None,
    });
    assert_eq!(effect, Some((25, 24)));
    assert!(rig.named().contains(&"sync.completed"), "{:?}", rig.named());
    assert_eq!(rig.state.syncs.completed, 1);
    assert_eq!([rig.status(0), rig.status(1)], [Status::Running; 2]);
}

#[test]
fn a_model_stays_where_one_of_its_agents_may_not_go() {
    let budget = "[limits]\nbudgets = { calls = 1 }\n";
    let pays = "[[agent.mode]]\nworker = \"cloud\"\nspends = { calls = 1 }\n";
    let cases: [(&str, &[&str], &str); 4] = [
        ("", &["", ""], "a1 is pinned"),
        (
            "",
            &["", "worker = \"local\""],
            "a1 has no worker elsewhere",
        ),
        (
            budget,
            &[pays, pays],
            "a1 cannot go on elsewhere: needs 1 calls, 0 left of the budget",
        ),
        ("", &["", ""], "its server does not give its memory back"),
    ];
    for (at, (top, agents, why)) in cases.into_iter().enumerate() {
        let mut rig = rig(top, agents);
        match at {
            0 => rig.act(Action::Pin {
                agent: "a1".to_owned(),
                on: true,
            }),
            3 => rig.state.models[0].held.unloading = Unloading::Never,
            _ => {}
        }
        // Above the band, and not red: fewer at once is what is left.
        let seen = InputKind::Zone {
            zone: Zone::Orange,
            halted: false,
            band: InBand::Above,
            step: 0,
        };
        rig.measured(figures(50), seen);
        rig.measured(figures(50), InputKind::Judge);
        let [(what, reason)] = &rig.decided()[..] else {
            panic!("{:?}", rig.decided());
        };
        assert_eq!(*what, Adapted::Lower);
        let wanted = format!("above the band of 70-85 %; model qwen stays: {why}");
        assert!(reason.ends_with(&wanted), "{reason}");
        assert_eq!(rig.state.agent(AgentIx(0)).relief, None);
    }
}

#[test]
fn red_moves_agents_where_that_is_enough_and_parks_where_it_is_not() {
    // 23 GiB come free, to 37 of 64 GiB.
    let mut rig1 = rig("", &["", ""]);
    rig1.pressed(Zone::Red, 60);
    assert_eq!(rig1.decided()[0].0, Adapted::Swap);
    let mut rig2 = rig("", &["", "", "worker = \"cloud\""]);
    Arc::make_mut(&mut rig2.state.setup).memory.band.high = 300;
    rig2.pressed(Zone::Red, 60);
    assert_eq!(rig2.decided()[0].0, Adapted::Park);
    let both = rig2.events.iter().find_map(|event| match event {
        Event::Memory(memory) => match &**memory {
            MemoryEvent::Shortage {
                strategy, impacts, ..
            } => Some((*strategy, impacts.len(), impacts[0].strategy)),
            _ => None,
        },
        _ => None,
    });
    let fewer = Relief::ReduceParallelism;
    assert_eq!(both, Some((fewer, 2, fewer)));
}

#[test]
fn what_was_done_before_it_could_be_moved_is_done() {
    let mut rig = rig("", &["", ""]);
    rig.pressed(Zone::Orange, 50);
    rig.end_agent(0, 0);
    assert_eq!(rig.status(0), Status::Succeeded);
    rig.end_agent(1, 15);
    assert_eq!((rig.status(1), rig.mode(1)), (Status::Running, 1));
}

#[test]
fn an_agent_takes_its_own_worker_again_when_pressure_has_gone_and_nobody_is_disturbed() {
    let mut rig = rig("", &["retry = { attempts = 2, base = \"0s\" }", ""]);
    rig.pressed(Zone::Orange, 50);
    rig.end_agent(0, 15);
    rig.end_agent(1, 15);
    rig.unloaded(21 * GIB);
    rig.pressed(Zone::Green, 8);
    // Before the window has passed nothing of it changes.
    assert_eq!(rig.decided().len(), 1);
    rig.now_us += WINDOW;
    rig.measured(figures(45), InputKind::Judge);
    assert_eq!(
        rig.decided().len(),
        1,
        "the model would not fit below orange"
    );
    rig.now_us += WINDOW;
    rig.events.clear();
    let mut free = figures(8);
    free.servers_bytes = 0;
    rig.measured(free, InputKind::Judge);
    assert_eq!(rig.decided()[0].0, Adapted::Back);
    assert_eq!([rig.status(0), rig.status(1)], [Status::Running; 2]);
    assert_eq!([rig.mode(0), rig.mode(1)], [1, 1]);
    // Its next attempt is its own worker's.
    rig.end_agent(0, 1);
    rig.now_us += SECOND;
    rig.input(InputKind::Deadline);
    assert_eq!((rig.status(0), rig.mode(0)), (Status::Running, 0));
    // Told once.
    rig.events.clear();
    rig.now_us += WINDOW;
    rig.measured(free, InputKind::Judge);
    assert_eq!(rig.decided(), []);
}

#[test]
fn a_persons_swap_counts_before_what_pressure_chose() {
    let mut rig = rig("", &["", ""]);
    rig.pressed(Zone::Orange, 50);
    assert_eq!(rig.state.agent(AgentIx(0)).chosen(), Some(1));
    rig.act(Action::Swap {
        agent: "a0".to_owned(),
        worker: Some("local".to_owned()),
    });
    assert_eq!(rig.state.agent(AgentIx(0)).chosen(), Some(0));
}

#[test]
fn starts_under_pressure_go_elsewhere_where_the_plan_allows_it() {
    let mut rig = rig(
        "",
        &[
            "",
            "needs = [\"a0\"]",
            "needs = [\"a0\"]\nworker = \"local\"",
        ],
    );
    // Too little to be worth a decision: what starts next still goes elsewhere.
    rig.state.models[0].held.bytes = GIB;
    rig.pressed(Zone::Orange, 50);
    rig.events.clear();
    rig.end_agent(0, 0);
    assert_eq!([rig.mode(1), rig.mode(2)], [1, 0]);
}

#[test]
fn nobody_is_moved_twice_in_a_window() {
    let mut rig = rig("", &["", ""]);
    rig.pressed(Zone::Orange, 50);
    rig.end_agent(0, 15);
    rig.end_agent(1, 15);
    rig.unloaded(21 * GIB);
    // Somebody put them on the model again.
    for ix in ["a0", "a1"] {
        rig.act(Action::Swap {
            agent: ix.to_owned(),
            worker: Some("local".to_owned()),
        });
    }
    for ix in [0, 1] {
        rig.end_agent(ix, 15);
    }
    let held = rig.state.model(QWEN).held;
    let bytes = 21 * GIB;
    let now = ServedNow::Loaded(Held { bytes, ..held });
    rig.input(InputKind::Served { model: QWEN, now });
    rig.events.clear();
    rig.measured(figures(50), InputKind::Judge);
    assert_eq!(rig.decided(), []);
    rig.now_us += WINDOW;
    rig.measured(figures(50), InputKind::Judge);
    assert_eq!(rig.decided()[0].0, Adapted::Swap);
}

#[test]
fn a_run_does_not_end_while_a_model_that_somebody_waits_for_is_being_emptied() {
    let mut rig = rig(
        "",
        &["", "", "worker = \"local\"\nneeds = [\"a0\", \"a1\"]"],
    );
    Arc::make_mut(&mut rig.state.setup).attended = false;
    rig.state.models[0].held.unloading = Unloading::Sleep(60);
    rig.pressed(Zone::Orange, 50);
    for code in [15, 0] {
        rig.end_agent(0, code);
        rig.end_agent(1, code);
    }
    // Nothing runs, and its server has not slept in yet.
    assert_eq!((rig.status(2), rig.state.finished), (Status::Ready, None));
    rig.now_us += WINDOW;
    rig.measured(figures(22), InputKind::Judge);
    assert_eq!(rig.status(2), Status::Running);
}

#[test]
fn who_cannot_be_done_elsewhere_any_more_goes_on_as_it_was() {
    let pays = "[[agent.mode]]\nworker = \"cloud\"\nspends = { calls = 1 }\n";
    let other = format!("worker = \"cloud\"\nneeds = [\"a2\"]\n{pays}");
    let budget = "[limits]\nbudgets = { calls = 1 }\n";
    let mut rig = rig(budget, &[pays, &other, "worker = \"cloud\""]);
    rig.pressed(Zone::Orange, 50);
    assert_eq!(rig.state.agent(AgentIx(0)).relief, Some(1));
    // Another one has used up what it needs there, before it could begin.
    rig.end_agent(2, 0);
    assert_eq!(rig.status(1), Status::Running);
    rig.end_agent(0, 15);
    rig.unloaded(20 * GIB);
    rig.measured(figures(22), InputKind::Judge);
    assert_eq!((rig.status(0), rig.mode(0)), (Status::Running, 0));
    assert_eq!(rig.state.agent(AgentIx(0)).chosen(), None);
}

#[test]
fn who_cannot_be_started_elsewhere_goes_on_as_it_was_and_is_not_moved_there_again() {
    let mut rig = rig("", &["", ""]);
    rig.pressed(Zone::Orange, 50);
    rig.end_agent(0, 15);
    rig.end_agent(1, 15);
    let error = "no such program".to_owned();
    let key = JobKey::main(AgentIx(0), 2);
    rig.input(InputKind::SpawnFailed { key, error });
    rig.unloaded(20 * GIB);
    rig.measured(figures(8), InputKind::Judge);
    assert_eq!((rig.status(0), rig.mode(0)), (Status::Running, 0));
    assert_eq!(rig.state.agent(AgentIx(0)).failures, 0);
    assert_eq!((rig.status(1), rig.mode(1)), (Status::Running, 1));
    let held = rig.state.model(QWEN).held;
    let bytes = 21 * GIB;
    let now = ServedNow::Loaded(Held { bytes, ..held });
    rig.input(InputKind::Served { model: QWEN, now });
    rig.now_us += WINDOW;
    rig.measured(figures(50), InputKind::Judge);
    assert_eq!(rig.decided().len(), 1, "{:?}", rig.decided());
    // A person may try it.
    rig.act(Action::Swap {
        agent: "a0".to_owned(),
        worker: Some("cloud".to_owned()),
    });
    rig.end_agent(0, 15);
    assert_eq!((rig.status(0), rig.mode(0)), (Status::Running, 1));
}

#[test]
fn a_server_that_has_not_slept_in_yet_keeps_nobody_from_being_parked_in_red() {
    let cloud = "worker = \"cloud\"";
    let mut rig = rig("", &["", cloud, cloud]);
    rig.state.models[0].held.unloading = Unloading::Sleep(60);
    rig.pressed(Zone::Orange, 50);
    // Its process has not ended yet: what that frees is waited for.
    rig.pressed(Zone::Red, 62);
    assert_eq!(rig.decided().len(), 1);
    rig.end_agent(0, 15);
    rig.measured(figures(62), InputKind::Judge);
    let [(Adapted::Swap, _), (what, _)] = &rig.decided()[..] else {
        panic!("{:?}", rig.decided());
    };
    assert_eq!(*what, Adapted::Park);
    assert_eq!(rig.state.agent(AgentIx(0)).parked_by, None, "just moved");
}

#[test]
fn what_parking_frees_is_what_was_held_when_it_was_decided() {
    let mut rig = rig("", &["worker = \"cloud\"", "worker = \"cloud\""]);
    rig.pressed(Zone::Red, 60);
    assert_eq!(rig.decided()[0].0, Adapted::Park);
    let parked = u32::from(rig.state.agent(AgentIx(1)).parked_by.is_some());
    // The last reading before its end has nothing of it any more: that it has given it back is not lost.
    rig.end_agent(parked, 15);
    assert_eq!(rig.status(parked), Status::Parked);
    rig.events.clear();
    rig.measured(figures(58), InputKind::Judge);
    let freed = rig.events.iter().find_map(|event| match event {
        Event::Memory(memory) => match **memory {
            MemoryEvent::Measured { freed_bytes, .. } => Some(freed_bytes),
            _ => None,
        },
        _ => None,
    });
    assert_eq!(freed, Some(2 * GIB));
    assert!(rig.named().contains(&"sync.completed"), "{:?}", rig.named());
}
