//! Agents that are added while a run goes on.

use super::*;
use crate::{
    graph::random::{plan as random_plan, track},
    plan::{Agent, TrackIx, When, WorkerIx},
};

/// An addition to a state: these agents, behind those that are there.
fn by(state: &State, agents: Vec<Agent>) -> Extension {
    let count = |n: usize| u32::try_from(n).unwrap();
    Extension {
        first: count(state.setup.plan.agents.len()),
        first_worker: count(state.setup.plan.workers.len()),
        agents,
        ..Extension::default()
    }
}

impl Rig {
    fn add(&mut self, agents: Vec<Agent>) {
        let extension = Box::new(by(&self.state, agents));
        let by = "test".into();
        self.input(InputKind::Extend { by, extension });
    }

    fn refuses(&self, agents: Vec<Agent>) -> String {
        refuses_extension(&self.state, &by(&self.state, agents)).unwrap()
    }
}

fn needing(id: &str, from: u32) -> Agent {
    let mut agent = agent(id, 1, 1);
    agent.needs = vec![hard(from as usize)];
    agent
}

fn two() -> Plan {
    let mut plan = empty();
    plan.agents = vec![agent("a", 1, 1), agent("b", 1, 1)];
    plan
}

#[test]
fn who_comes_later_starts_by_the_same_rules() {
    let mut rig = Rig::new(two(), false);
    rig.end_agent(0, 0);
    // One whose need is met already, one whose need is not, one that needs a new one.
    rig.add(vec![needing("c", 0), needing("d", 1), needing("e", 3)]);
    let now: Vec<Status> = (0..5).map(|ix| rig.status(ix)).collect();
    assert_eq!(
        now,
        [
            Status::Succeeded,
            Status::Running,
            Status::Running,
            Status::Waiting,
            Status::Waiting
        ]
    );
    assert_eq!(rig.state.setup.waves, [1, 1, 2, 2, 3]);
    for ix in 1..5 {
        rig.end_agent(ix, 0);
    }
    assert_eq!(rig.state.finished, Some(0));
    // It begins again with what it began with, and comes to the same.
    let mut again = State::new(rig.state.setup.clone());
    assert_eq!(again.agents.len(), 2);
    for (event, seq) in rig.events.iter().zip(1..) {
        again.apply(&Record {
            seq,
            at_ms: 0,
            elapsed_us: 0,
            priority: Level::Low,
            source: String::new(),
            affected: Vec::new(),
            event: event.clone(),
        });
    }
    assert_eq!(again.setup, rig.state.setup);
    assert_eq!(again.finished, Some(0));
}

#[test]
fn the_need_of_one_who_comes_later_may_be_lost_already() {
    let mut rig = Rig::new(two(), false);
    rig.end_agent(0, 1);
    rig.add(vec![needing("c", 0)]);
    assert_eq!(rig.status(2), Status::Skipped);
    // Who takes care of a failure may come after it.
    let mut rig = Rig::new(two(), false);
    rig.end_agent(0, 1);
    let mut nurse = needing("c", 0);
    nurse.needs[0].when = When::Failed;
    rig.add(vec![nurse]);
    rig.end_agent(2, 0);
    rig.end_agent(1, 0);
    assert_eq!(rig.state.finished, Some(0));
}

#[test]
fn what_does_not_fit_is_refused_in_a_sentence_and_changes_nothing() {
    let mut plan = two();
    plan.agents[1].work = crate::plan::Work::Command(vec!["b".into()]);
    let mut rig = Rig::new(plan, true);
    assert!(rig.refuses(vec![agent("a", 1, 1)]).contains("`a` already"));
    assert!(rig.refuses(vec![needing("c", 9)]).contains("does not have"));
    assert!(
        rig.refuses(vec![needing("c", 3), needing("d", 2)])
            .contains("circle")
    );
    let mut part = agent("c", 1, 1);
    part.parent = Some(AgentIx(0));
    assert!(rig.refuses(vec![part]).contains("part of `a`"));
    let mut file = needing("c", 0);
    file.needs[0].when = When::Output("out".into());
    assert!(rig.refuses(vec![file]).contains("without the file"));
    let mut worker = agent("c", 1, 1);
    worker.modes[0].worker = Some(WorkerIx(7));
    assert!(rig.refuses(vec![worker]).contains("does not have"));
    let stale = Extension {
        first: 1,
        ..by(&rig.state, vec![agent("c", 1, 1)])
    };
    assert!(
        refuses_extension(&rig.state, &stale)
            .unwrap()
            .contains("changed")
    );
    let before = rig.state.clone();
    rig.add(vec![agent("a", 1, 1)]);
    assert_eq!((rig.state.seq, rig.state.agents.len()), (before.seq, 2));
    rig.act(Action::Stop { target: None });
    assert!(rig.refuses(vec![agent("c", 1, 1)]).contains("stopping"));
    rig.end_agent(0, 0);
    rig.end_agent(1, 0);
    assert!(rig.refuses(vec![agent("c", 1, 1)]).contains("has ended"));
}

/// Gates of track A, of wave 1 and of the run, and an agent that waits for those of the track.
fn gated() -> Plan {
    let mut plan = empty();
    plan.gates = vec![gate("g")];
    plan.tracks = vec![track("A", crate::plan::Priority::Normal)];
    plan.tracks[0].gates = vec![GateIx(0)];
    plan.wave_gates.insert(1, vec![GateIx(0)]);
    plan.run_gates = vec![GateIx(0)];
    let mut a = agent("a", 1, 1);
    a.track = Some(TrackIx(0));
    plan.agents = vec![a, agent("b", 1, 1), needing("c", 0)];
    plan
}

#[test]
fn what_has_passed_stays_passed_and_the_run_is_judged_with_all() {
    let mut rig = Rig::new(gated(), false);
    let owner = |name: &str, rig: &Rig| Owner::Cohort(rig.state.setup.cohort_ix(name).unwrap());
    let status = |name: &str, rig: &Rig| rig.state.gates_of(owner(name, rig)).unwrap().status;
    rig.end_agent(0, 0);
    // The gates of the track are being asked: with one more of it they are asked again.
    let check = rig.check_key(owner("track:A", &rig));
    let mut more = agent("d", 1, 1);
    more.track = Some(TrackIx(0));
    rig.add(vec![more.clone()]);
    assert!(rig.has(Command::Terminate { key: check }));
    rig.end(check, 0);
    assert_eq!(status("track:A", &rig), PhaseStatus::Running);
    rig.end_agent(3, 0);
    let check = rig.check_key(owner("track:A", &rig));
    rig.end(check, 0);
    assert_eq!(status("track:A", &rig), PhaseStatus::Completed);
    more.id = "e".into();
    assert!(rig.refuses(vec![more]).contains("has passed its gates"));
    // Nor can it come before the gates that one waits for whom it needs.
    rig.end_agent(1, 0);
    let check = rig.check_key(owner("wave:1", &rig));
    rig.end(check, 0);
    assert_eq!(status("wave:1", &rig), PhaseStatus::Completed);
    rig.end_agent(2, 0);
    let check = rig.check_key(owner("run", &rig));
    rig.add(vec![agent("f", 1, 1)]);
    assert_eq!(rig.status(4), Status::Running);
    // The gates of its wave are not asked again; those of the run are.
    assert_eq!(status("wave:1", &rig), PhaseStatus::Completed);
    assert!(rig.has(Command::Terminate { key: check }));
    rig.end(check, 0);
    rig.end_agent(4, 0);
    assert_eq!(rig.state.finished, None);
    let check = rig.check_key(owner("run", &rig));
    rig.end(check, 0);
    assert_eq!(rig.state.finished, Some(0));
}

#[test]
fn nobody_who_is_there_gets_past_a_gate_because_of_who_comes() {
    let mut rig = Rig::new(gated(), false);
    // `c` waits for the gates of track A; one of the track that needs `c` would close a ring.
    let mut ring = needing("d", 2);
    ring.track = Some(TrackIx(0));
    assert!(rig.refuses(vec![ring]).contains("waits for gates"));
    rig.end_agent(0, 0);
    assert_eq!(rig.status(2), Status::Waiting);
}

#[test]
fn a_barrier_that_would_wait_for_itself_because_of_who_comes_is_refused() {
    let mut plan = empty();
    plan.phases = vec![phase("first", true, vec![]), phase("second", false, vec![])];
    plan.agents = vec![agent("a", 1, 1), agent("b", 1, 1), needing("x", 1)];
    plan.agents[0].phase = Some(PhaseIx(0));
    plan.agents[1].phase = Some(PhaseIx(1));
    let rig = Rig::new(plan, true);
    assert_eq!(rig.status(1), Status::Ready, "behind the barrier");
    let mut ring = needing("y", 2);
    ring.phase = Some(PhaseIx(0));
    let why = rig.refuses(vec![ring.clone()]);
    assert_eq!(
        why,
        "the barrier of phase `first` would never open: `y` would wait for `b` of a later phase"
    );
    // Before the barrier, and behind it, there is room.
    ring.needs = vec![hard(0)];
    assert_eq!(
        refuses_extension(&rig.state, &by(&rig.state, vec![ring])),
        None
    );
    let mut behind = needing("z", 2);
    behind.phase = Some(PhaseIx(1));
    assert_eq!(
        refuses_extension(&rig.state, &by(&rig.state, vec![behind])),
        None
    );
}

/// One by one before the start is the same as all at once: the same setup, state and turns.
#[test]
fn agents_that_come_one_by_one_before_the_start_are_as_if_they_had_been_there() {
    let mut compared = 0;
    for seed in 0..800 {
        let plan = random_plan(seed);
        let mut agents = plan.agents.clone();
        let in_order = (agents.iter().enumerate()).all(|(i, agent)| {
            agent.parent.is_none() && agent.needs.iter().all(|need| need.agent.ix() < i)
        });
        if !in_order {
            continue;
        }
        compared += 1;
        let late = agents.split_off(1);
        let effective = Effective {
            ram_limit_bytes: 8 << 30,
            agents_cap: 3,
            cpus_milli: 4_000,
            thresholds: Thresholds::default(),
            memory: crate::engine::MemoryRules::default(),
            attended: false,
            hybrid_enabled: true,
            parallel_enabled: true,
        };
        let mut whole = State::new(Arc::new(Setup::planned(plan.clone(), effective)));
        let first = Plan { agents, ..plan };
        let mut grown = State::new(Arc::new(Setup::planned(first, effective)));
        for agent in late {
            let extension = by(&grown, vec![agent]);
            grown.apply(&Record {
                seq: 0,
                at_ms: 0,
                elapsed_us: 0,
                priority: Level::Low,
                source: String::new(),
                affected: Vec::new(),
                event: WorkEvent::Extended(extension).into(),
            });
        }
        assert_eq!(grown.added.len() + 1, grown.agents.len());
        let bare = |state: &mut State| {
            let mut setup = Setup::clone(&state.setup);
            setup.began = None;
            (state.setup, state.added) = (Arc::new(setup), Vec::new());
        };
        bare(&mut whole);
        bare(&mut grown);
        assert_eq!(grown, whole, "seed {seed}");
        let begin = Input {
            at_ms: 0,
            elapsed_us: 1,
            figures: Figures::default(),
            uses: crate::engine::Uses::default(),
            kind: InputKind::Begin {
                run: "r".into(),
                boot_id: "b".into(),
                plan_hash: String::new(),
                base_commit: None,
            },
        };
        assert_eq!(
            turn(&mut grown, &begin),
            turn(&mut whole, &begin),
            "seed {seed}"
        );
    }
    assert!(compared > 60, "{compared}");
}
