//! Single decisions that are worth a name; the simulation proves the rest.

mod added;
mod begins;
mod budget;
mod choice;
mod gates;
mod learnt;
mod lease;
mod measured;
mod models;
mod refused;
mod relief;
mod session;
mod talk;
mod work;

use std::sync::Arc;

use super::*;
use crate::{
    graph::{
        Graph,
        random::{MIB, SECOND, agent, empty, gate, hard, mode, phase, worker},
    },
    plan::{AgentIx, GateIx, Mode, PhaseIx, Plan, WorkerIx},
    schedule::static_ranks,
};

struct Rig {
    state: State,
    now_us: u64,
    commands: Vec<Command>,
    events: Vec<Event>,
}

impl Rig {
    fn new(plan: Plan, attended: bool) -> Self {
        Self::with_cap(plan, attended, 8)
    }

    /// With so many agents at once.
    fn with_cap(plan: Plan, attended: bool, agents_cap: u32) -> Self {
        let graph = Graph::new(&plan);
        let ranks = static_ranks(&plan, &graph);
        let waves = plan.indices().map(|ix| graph.wave(ix)).collect();
        let effective = Effective {
            ram_limit_bytes: 1 << 40,
            agents_cap,
            cpus_milli: 8_000,
            thresholds: Thresholds::default(),
            memory: crate::engine::MemoryRules::default(),
            attended,
            hybrid_enabled: true,
            parallel_enabled: true,
        };
        let setup = Setup::new(plan, effective, ranks, waves, 0);
        let mut rig = Self {
            state: State::new(Arc::new(setup)),
            now_us: 0,
            commands: Vec::new(),
            events: Vec::new(),
        };
        rig.input(InputKind::Begin {
            run: "r".into(),
            boot_id: "b".into(),
            plan_hash: String::new(),
            base_commit: None,
        });
        rig
    }

    /// Takes an input, and starts whatever is to be started.
    fn input(&mut self, kind: InputKind) {
        self.now_us += 1;
        let input = Input {
            at_ms: 0,
            elapsed_us: self.now_us,
            figures: Figures::default(),
            uses: crate::engine::Uses::default(),
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

    fn act(&mut self, action: Action) {
        let by = "test".into();
        self.input(InputKind::Operator { by, action });
    }

    fn end(&mut self, key: JobKey, code: i32) {
        self.input(InputKind::Ended {
            key,
            exit: Exit::Code(code),
            cpu_us: 0,
            peak_bytes: 0,
            output_bytes: 0,
            leaked: 0,
            present: Vec::new(),
            handoff: false,
        });
    }

    fn end_agent(&mut self, ix: u32, code: i32) {
        let attempt = self.state.agent(AgentIx(ix)).attempt;
        self.end(JobKey::main(AgentIx(ix), attempt), code);
    }

    fn check_key(&self, owner: Owner) -> JobKey {
        let check = self.state.check_of(owner).unwrap();
        JobKey {
            owner,
            attempt: check.attempt,
            check: Some(check.step),
            round: check.round,
        }
    }

    fn status(&self, ix: u32) -> Status {
        self.state.agent(AgentIx(ix)).status
    }

    fn has(&self, command: Command) -> bool {
        self.commands.contains(&command)
    }
}

fn pause(id: &str) -> Action {
    Action::Pause {
        target: id.parse().unwrap(),
    }
}

fn resume(id: &str) -> Action {
    Action::Resume {
        target: id.parse().unwrap(),
    }
}

/// One agent with one acceptance command.
fn checked() -> Plan {
    let mut plan = empty();
    let mut a = agent("a", 1, 1);
    a.check = vec![vec!["test".into()]];
    plan.agents = vec![a];
    plan
}

const A: Owner = Owner::Agent(AgentIx(0));

#[test]
fn a_pause_freezes_a_running_check_and_keeps_the_next_from_starting() {
    let mut plan = checked();
    plan.agents[0].check.push(vec!["second".into()]);
    let mut rig = Rig::new(plan, true);
    rig.end_agent(0, 0);
    let first = rig.check_key(A);
    assert_eq!(rig.state.usage.agents, 1);
    rig.act(pause("a"));
    assert!(rig.has(Command::Freeze { key: first }));
    assert_eq!(rig.state.usage.agents, 0, "its slot is free");
    // Its end came before the signal did: the next command stays where it is.
    rig.end(first, 0);
    let second = rig.check_key(A);
    let spawn = Command::Spawn {
        key: second,
        mode: 0,
    };
    assert!(!rig.has(spawn));
    assert!(rig.state.finished.is_none());
    rig.act(resume("a"));
    assert!(rig.has(spawn));
    rig.end(second, 0);
    assert_eq!(rig.state.finished, Some(0));
}

#[test]
fn a_pause_of_all_holds_the_gates_of_phases_too() {
    let mut plan = empty();
    plan.gates = vec![gate("g")];
    plan.phases = vec![phase("build", true, vec![GateIx::of(0)])];
    let mut a = agent("a", 1, 1);
    a.phase = Some(PhaseIx::of(0));
    plan.agents = vec![a];
    let mut rig = Rig::new(plan, false);
    rig.end_agent(0, 0);
    let build = Owner::Phase(PhaseIx::of(0));
    let key = rig.check_key(build);
    rig.act(pause("all"));
    assert!(rig.has(Command::Freeze { key }));
    assert!(rig.state.finished.is_none(), "held, not ended");
    rig.act(resume("phase:build"));
    assert!(rig.has(Command::Thaw { key }));
    rig.end(key, 1);
    assert_eq!(rig.state.finished, Some(1));
}

#[test]
fn the_clock_of_a_check_stands_while_it_is_frozen_and_then_ends_it() {
    let mut plan = checked();
    plan.agents[0].timeout_us = Some(10 * SECOND);
    let mut rig = Rig::new(plan, true);
    rig.end_agent(0, 0);
    let key = rig.check_key(A);
    rig.now_us += 6 * SECOND;
    rig.act(pause("a"));
    assert_eq!(rig.state.next_deadline(), None);
    rig.now_us += 60 * SECOND;
    rig.act(resume("a"));
    let due = rig.state.next_deadline().unwrap();
    let left = due - rig.now_us;
    assert!((3 * SECOND..=4 * SECOND).contains(&left), "{left}");
    rig.now_us = due;
    rig.input(InputKind::Deadline);
    assert!(rig.has(Command::Terminate { key }));
    // However it ends now, it was too slow.
    rig.end(key, 0);
    let agent = rig.state.agent(AgentIx(0));
    assert_eq!(agent.status, Status::Blocked);
    assert_eq!(
        agent.reason.as_deref(),
        Some("check red: took longer than 10 s")
    );
}

#[test]
fn a_check_that_is_said_to_have_started_twice_started_once() {
    let mut plan = checked();
    plan.agents[0].timeout_us = Some(10 * SECOND);
    let mut rig = Rig::new(plan, true);
    rig.end_agent(0, 0);
    let key = rig.check_key(A);
    rig.now_us += SECOND;
    let handle = Handle::Virtual { number: 1 };
    rig.input(InputKind::Spawned { key, handle });
    let due = rig.state.due.iter().map(|due| due.at_us);
    assert_eq!(due.count(), 1, "one time limit");
    rig.end(key, 0);
    assert_eq!(rig.state.next_deadline(), None);
    assert_eq!(rig.state.finished, Some(0));
}

#[test]
fn a_part_that_is_tried_again_goes_before_all_that_come_after_it() {
    let mut plan = empty();
    plan.agents = ["whole", "one", "two", "three"]
        .map(|id| agent(id, 1, 1))
        .to_vec();
    plan.agents[0].sub_agents = crate::plan::SubAgents::Sequential;
    for part in &mut plan.agents[1..] {
        part.parent = Some(AgentIx(0));
        part.retry.attempts = 1;
    }
    let mut rig = Rig::new(plan, true);
    rig.end_agent(0, 0);
    rig.end_agent(1, 1);
    rig.act(pause("three"));
    rig.end_agent(2, 0);
    let is = |rig: &Rig, ix: u32| rig.state.agent(AgentIx(ix)).status;
    assert_eq!(is(&rig, 3), Status::Ready, "its turn, but it is held");
    rig.act(Action::Retry {
        target: "one".parse().unwrap(),
    });
    rig.act(resume("three"));
    assert_eq!(
        (is(&rig, 1), is(&rig, 3)),
        (Status::Running, Status::Waiting)
    );
    rig.end_agent(1, 0);
    assert_eq!(is(&rig, 3), Status::Running);
}

#[test]
fn a_part_that_is_opened_again_does_not_take_its_parents_verdict_away() {
    let mut plan = empty();
    let names = ["stopped", "again", "whole", "behind", "part"];
    plan.agents = names.map(|id| agent(id, 1, 1)).to_vec();
    plan.agents[3].needs = vec![hard(0), hard(1)];
    plan.agents[4].needs = vec![hard(3)];
    plan.agents[4].parent = Some(AgentIx(2));
    let mut rig = Rig::new(plan, true);
    rig.act(Action::Stop {
        target: Some("stopped".parse().unwrap()),
    });
    rig.end_agent(0, 143);
    assert_eq!(rig.state.agent(AgentIx(4)).status, Status::Skipped);
    // Both are ended by a crash: what `again` opens has a part of `whole` behind it.
    rig.input(InputKind::Recovered {
        boot_id: "b".into(),
        survivors: 2,
        seen_attempts: Vec::new(),
    });
    for ix in [1, 2] {
        let agent = rig.state.agent(AgentIx(ix));
        assert_eq!((agent.status, agent.attempt), (Status::Running, 2), "{ix}");
    }
}

#[test]
fn what_waited_for_the_journal_is_asked_again() {
    let mut rig = Rig::new(checked(), true);
    let key = JobKey::main(AgentIx(0), 1);
    let spawn = Command::Spawn { key, mode: 0 };
    assert!(spawn.still_wanted(&rig.state));
    assert!(Command::Thaw { key }.still_wanted(&rig.state));
    rig.act(pause("a"));
    assert!(
        !Command::Thaw { key }.still_wanted(&rig.state),
        "frozen again"
    );
    rig.act(resume("a"));
    assert!(Command::Thaw { key }.still_wanted(&rig.state));
    rig.end_agent(0, 0);
    assert!(!Command::Thaw { key }.still_wanted(&rig.state), "gone");
    let key = rig.check_key(A);
    assert!(Command::Thaw { key }.still_wanted(&rig.state));
    rig.act(pause("a"));
    assert!(!Command::Thaw { key }.still_wanted(&rig.state));
    let stop = Action::Stop {
        target: Some(Target::All),
    };
    rig.act(stop);
    assert!(!Command::Spawn { key, mode: 0 }.still_wanted(&rig.state));
}

#[test]
fn a_swap_to_the_worker_that_does_it_is_refused_also_after_a_swap() {
    let mut plan = empty();
    plan.workers = vec![worker("one"), worker("two")];
    let mut a = agent("a", 1, 1);
    a.modes = vec![mode(1, 1), mode(1, 1)];
    for (i, mode) in a.modes.iter_mut().enumerate() {
        mode.worker = Some(WorkerIx::of(i));
    }
    a.retry.attempts = 2;
    plan.agents = vec![a];
    let mut rig = Rig::new(plan, true);
    let to = |name: &str| Action::Swap {
        agent: "a".into(),
        worker: Some(name.into()),
    };
    assert!(resolve(&rig.state, &to("one")).is_err());
    rig.act(to("two"));
    assert!(
        resolve(&rig.state, &to("two")).is_err(),
        "it is being swapped"
    );
    rig.end_agent(0, 1);
    assert_eq!(rig.state.agent(AgentIx(0)).mode, 1);
    assert!(resolve(&rig.state, &to("two")).is_err(), "it is swapped");
    assert!(resolve(&rig.state, &to("one")).is_ok());
    // The choice holds for later attempts too.
    rig.end_agent(0, 1);
    assert_eq!(rig.state.agent(AgentIx(0)).attempt, 3);
    assert_eq!(rig.state.agent(AgentIx(0)).mode, 1);
}

#[test]
fn a_red_check_long_ago_makes_no_failure_of_what_waits_for_a_person() {
    let mut plan = checked();
    plan.agents[0].retry.attempts = 2;
    let mut greedy = agent("greedy", 1, 1);
    greedy.modes[0].cpus_milli = 64_000;
    plan.agents.push(greedy);
    let mut rig = Rig::new(plan, false);
    rig.end_agent(0, 0);
    rig.end(rig.check_key(A), 1);
    rig.end_agent(0, 0);
    rig.end(rig.check_key(A), 0);
    assert_eq!(rig.state.agent(AgentIx(0)).status, Status::Succeeded);
    assert_eq!(rig.state.agent(AgentIx(1)).status, Status::Blocked);
    assert_eq!(rig.state.finished, Some(5));
}

#[test]
fn a_stop_hides_no_red_gate() {
    for attended in [true, false] {
        let mut plan = checked();
        plan.agents.push(agent("long", 1, 1));
        let mut rig = Rig::new(plan, attended);
        rig.end_agent(0, 0);
        rig.end(rig.check_key(A), 1);
        if attended {
            rig.act(Action::Stop { target: None });
        } else {
            rig.act(Action::Stop {
                target: Some("long".parse().unwrap()),
            });
        }
        rig.end_agent(1, 143);
        assert_eq!(rig.state.agent(AgentIx(1)).status, Status::Stopped);
        assert_eq!(rig.state.finished, Some(1));
    }
}

#[test]
fn nobody_is_left_without_an_end_and_a_reason() {
    let mut plan = empty();
    plan.gates = vec![gate("gate-1")];
    plan.phases = vec![
        phase("one", true, vec![GateIx::of(0)]),
        phase("two", false, Vec::new()),
    ];
    plan.agents = vec![agent("a", 1, 1), agent("b", 1, 1), agent("c", 1, 1)];
    plan.agents[0].phase = Some(PhaseIx::of(0));
    plan.agents[1].phase = Some(PhaseIx::of(1));
    plan.agents[2].needs = vec![hard(1)];
    let mut rig = Rig::new(plan, false);
    rig.end_agent(0, 0);
    let key = rig.check_key(Owner::Phase(PhaseIx::of(0)));
    rig.end(key, 7);
    assert_eq!(rig.state.finished, Some(1));
    let said = |ix: u32| {
        let agent = rig.state.agent(AgentIx(ix));
        (agent.status, agent.reason.clone().unwrap())
    };
    let red = "phase one failed: gate-1 red: exit status 7";
    assert_eq!(said(1), (Status::Skipped, red.to_owned()));
    assert_eq!(said(2), (Status::Skipped, "b skipped".to_owned()));
}

/// `a` in a phase that parallel does not wait for, `b` after it; the kill switch freezes `b`, and the
/// phase becomes its barrier.
fn frozen_behind_a_barrier(mut plan: Plan, attended: bool) -> Rig {
    plan.mode = Mode::Parallel;
    plan.phases = vec![
        phase("one", true, Vec::new()),
        phase("two", false, Vec::new()),
    ];
    for (agent, phase) in plan.agents.iter_mut().zip([0, 1, 0]) {
        agent.phase = Some(PhaseIx::of(phase));
    }
    let mut rig = Rig::new(plan, attended);
    rig.act(Action::Sequential { now: true });
    assert_eq!(rig.state.agent(AgentIx(1)).status, Status::Frozen);
    rig
}

#[test]
fn what_is_frozen_behind_a_barrier_that_nobody_opens_gets_its_end() {
    for attended in [true, false] {
        let mut plan = empty();
        plan.agents = vec![agent("a", 1, 1), agent("b", 1, 1)];
        let mut rig = frozen_behind_a_barrier(plan, attended);
        rig.end_agent(0, 1);
        let key = JobKey::main(AgentIx(1), 1);
        assert_eq!(rig.has(Command::Terminate { key }), !attended);
        if attended {
            // It is as it was for whoever tries `a` again.
            assert_eq!(asks(&rig)[0].1, AttentionKind::Failed);
            continue;
        }
        rig.end(key, 143);
        let b = rig.state.agent(AgentIx(1));
        assert_eq!(b.status, Status::Skipped);
        let reason = b.reason.as_deref().unwrap();
        assert_eq!(reason, "phase one failed: not done: a");
        assert_eq!(rig.state.finished, Some(1));
    }
}

#[test]
fn what_is_frozen_gives_its_memory_to_the_phase_that_it_waits_for_and_goes_again() {
    for attended in [true, false] {
        let mut plan = empty();
        let all = (1 << 40) / MIB;
        plan.agents = vec![agent("a", 1, 0), agent("b", 1, all), agent("c", 1, all)];
        plan.agents[2].needs = vec![hard(0)];
        let mut rig = frozen_behind_a_barrier(plan, attended);
        rig.end_agent(0, 0);
        let key = JobKey::main(AgentIx(1), 1);
        assert!(rig.has(Command::Terminate { key }), "{attended}");
        rig.end(key, 143);
        let statuses = |rig: &Rig| [1, 2].map(|ix| rig.state.agent(AgentIx(ix)).status);
        assert_eq!(statuses(&rig), [Status::Ready, Status::Running]);
        rig.end_agent(2, 0);
        assert_eq!(statuses(&rig), [Status::Running, Status::Succeeded]);
        rig.end_agent(1, 0);
        assert_eq!(rig.state.finished, Some(0));
    }
}

#[test]
fn what_was_skipped_behind_a_stop_is_not_well_though_the_stop_is_taken_care_of() {
    let mut plan = empty();
    plan.agents = vec![agent("a", 1, 1), agent("b", 1, 1), agent("c", 1, 1)];
    plan.agents[1].needs = vec![hard(0)];
    let need = crate::plan::Need {
        when: crate::plan::When::Failed,
        ..hard(0)
    };
    plan.agents[2].needs = vec![need];
    let mut rig = Rig::new(plan, false);
    rig.act(Action::Stop {
        target: Some("a".parse().unwrap()),
    });
    rig.end_agent(0, 143);
    rig.end_agent(2, 0);
    assert_eq!(rig.state.agent(AgentIx(1)).status, Status::Skipped);
    assert_eq!(rig.state.finished, Some(3));
}

fn say(id: u32, answer: Answer) -> Action {
    Action::Answer {
        id,
        answer,
        text: None,
        url: None,
    }
}

fn asks(rig: &Rig) -> Vec<(u32, AttentionKind)> {
    let items = waiting(&rig.state);
    items.iter().map(|item| (item.id, item.kind)).collect()
}

/// What is asked is of the moment: a pause lets the question stand, a retry takes it back.
#[test]
fn an_approval_outlives_a_pause_and_is_taken_back_by_a_retry() {
    let mut plan = empty();
    plan.gates = vec![gate("ok")];
    plan.gates[0].run.clear();
    plan.gates[0].approve = Some("Fine?".into());
    plan.phases = vec![phase("p", true, vec![GateIx(0)])];
    for id in ["a", "nurse"] {
        let mut agent = agent(id, 1, 1);
        agent.phase = Some(PhaseIx(0));
        plan.agents.push(agent);
    }
    let mut need = hard(0);
    need.when = crate::plan::When::Failed;
    plan.agents[1].needs = vec![need];
    let mut rig = Rig::new(plan, true);
    rig.end_agent(0, 1);
    assert_eq!(asks(&rig), [(1, AttentionKind::Failed)]);
    // Clients get the state as JSON.
    let json = serde_json::to_string(&rig.state).unwrap();
    assert_eq!(serde_json::from_str::<State>(&json).unwrap(), rig.state);
    assert!(rig.has(Command::Notify { id: 1 }));
    // Handled: nobody has to look at it any more. The phase asks.
    rig.end_agent(1, 0);
    assert_eq!(asks(&rig), [(2, AttentionKind::Approval)]);
    rig.act(Action::Retry {
        target: Target::Agent("a".into()),
    });
    assert_eq!(asks(&rig), []);
    let old = resolve(&rig.state, &say(2, Answer::Yes)).unwrap_err();
    assert_eq!(old.to_string(), "2 does not wait any more");
    rig.end_agent(0, 0);
    // Asked anew, with a number of its own; it can be answered while it is paused.
    assert_eq!(asks(&rig), [(3, AttentionKind::Approval)]);
    rig.act(pause("phase:p"));
    assert_eq!(asks(&rig), [(3, AttentionKind::Approval)]);
    rig.act(say(3, Answer::Yes));
    assert_eq!(rig.state.phases[0].status, PhaseStatus::Completed);
    assert_eq!(rig.state.finished, Some(0));
}

/// The daily gate is raised once a judgement, closed by whoever has seen it, by one that passes, and by
/// the end of the run; it holds nothing up.
#[test]
fn a_daily_gate_that_does_not_pass_waits_until_it_is_seen_or_passes() {
    let mut plan = empty();
    plan.agents.push(agent("a", 1, 1));
    let mut rig = Rig::new(plan, true);
    let judged = |rig: &mut Rig, number, failed: &[&str]| {
        let failed = failed.iter().map(|f| (*f).to_owned()).collect();
        rig.input(InputKind::Judged { number, failed });
        let items = waiting(&rig.state);
        let asks: Vec<_> = items.into_iter().map(|i| (i.id, i.attempt)).collect();
        asks
    };
    assert_eq!(judged(&mut rig, 1, &[]), []);
    assert_eq!(judged(&mut rig, 2, &["x: 1", "y: 2"]), [(1, 2)]);
    assert!(rig.has(Command::Notify { id: 1 }));
    let item = rig.state.attention.day_gate().unwrap();
    assert_eq!((item.kind, item.owner), (AttentionKind::DayGate, None));
    assert_eq!(item.title, "x: 1; y: 2");
    // Snapshots and clients have it too.
    let json = serde_json::to_string(&rig.state).unwrap();
    assert_eq!(serde_json::from_str::<State>(&json).unwrap(), rig.state);
    // The same judgement after a crash is nothing new, also when it was seen.
    assert_eq!(judged(&mut rig, 2, &["x: 1"]), [(1, 2)]);
    let why = resolve(&rig.state, &say(1, Answer::Retry)).unwrap_err();
    assert!(why.to_string().contains("it takes seen"), "{why}");
    rig.act(say(1, Answer::Seen));
    assert_eq!(asks(&rig), []);
    assert_eq!(judged(&mut rig, 2, &["x: 1"]), []);
    assert_eq!(judged(&mut rig, 3, &["x: 1"]), [(2, 3)]);
    assert_eq!(judged(&mut rig, 4, &["x: 1"]), [(3, 4)]);
    assert_eq!(judged(&mut rig, 5, &[]), []);
    assert_eq!(judged(&mut rig, 6, &["x: 1"]), [(4, 6)]);
    rig.end_agent(0, 0);
    assert_eq!((rig.state.finished, asks(&rig)), (Some(0), vec![]));
}

/// An attempt that is left does not try again by itself what a person has refused.
#[test]
fn a_no_blocks_an_agent_although_attempts_are_left() {
    let mut plan = empty();
    plan.gates = vec![gate("ok")];
    plan.gates[0].approve = Some("Fine?".into());
    let mut agent = agent("a", 1, 1);
    agent.gates = vec![GateIx(0)];
    agent.retry.attempts = 3;
    plan.agents.push(agent);
    let mut rig = Rig::new(plan, true);
    let owner = Owner::Agent(AgentIx(0));
    rig.end_agent(0, 0);
    // Its command comes first.
    assert_eq!(asks(&rig), []);
    rig.end(rig.check_key(owner), 0);
    assert_eq!(asks(&rig), [(1, AttentionKind::Approval)]);
    rig.act(say(1, Answer::No));
    assert_eq!(rig.state.agent(AgentIx(0)).status, Status::Blocked);
    assert_eq!(asks(&rig), [(2, AttentionKind::FailedGate)]);
    rig.act(say(2, Answer::Retry));
    assert_eq!(rig.state.agent(AgentIx(0)).attempt, 2);
    assert_eq!(asks(&rig), []);
}

/// A part's failure is its parent's: handled there, nobody has to look at it, and nothing fails by it.
#[test]
fn what_takes_care_of_a_parent_takes_care_of_its_parts() {
    for stop in [false, true] {
        let mut plan = empty();
        plan.phases = vec![phase("p", true, Vec::new())];
        for id in ["group", "part", "nurse"] {
            let mut agent = agent(id, 1, 1);
            agent.phase = Some(PhaseIx(0));
            plan.agents.push(agent);
        }
        plan.agents[0].work = crate::plan::Work::Group;
        plan.agents[1].parent = Some(AgentIx(0));
        let mut need = hard(0);
        need.when = crate::plan::When::Failed;
        plan.agents[2].needs = vec![need];
        let mut rig = Rig::new(plan, true);
        if stop {
            rig.act(Action::Stop {
                target: Some(Target::Agent("part".into())),
            });
        }
        rig.end_agent(1, 1);
        let part = [(1, AttentionKind::Failed)];
        assert_eq!(asks(&rig), part[usize::from(stop)..]);
        rig.end_agent(2, 0);
        assert_eq!(asks(&rig), []);
        assert_eq!(rig.state.phases[0].status, PhaseStatus::Completed);
        assert_eq!(rig.state.finished, Some(0), "stop: {stop}");
    }
}

/// `a` and `b` of track A, `x` outside needs `a`, `y` needs `x`, `z` needs nobody.
fn tracked() -> Plan {
    let mut plan = empty();
    plan.gates = vec![gate("g")];
    plan.tracks = vec![crate::plan::Track {
        id: "A".into(),
        title: String::new(),
        priority: crate::plan::Priority::Normal,
        gates: vec![GateIx::of(0)],
    }];
    let names = ["a", "b", "x", "y", "z"];
    plan.agents = names.iter().map(|id| agent(id, 1, 1)).collect();
    plan.agents[0].track = Some(crate::plan::TrackIx::of(0));
    plan.agents[1].track = Some(crate::plan::TrackIx::of(0));
    plan.agents[2].needs = vec![hard(0)];
    plan.agents[3].needs = vec![hard(2)];
    plan
}

fn names(rig: &Rig, agents: &[AgentIx]) -> Vec<String> {
    agents
        .iter()
        .map(|&ix| rig.state.id(ix).to_string())
        .collect()
}

fn statuses(rig: &Rig) -> Vec<Status> {
    rig.state.agents.iter().map(|agent| agent.status).collect()
}

const COHORT: Owner = Owner::Cohort(CohortIx(0));

#[test]
fn a_red_gate_of_a_track_stops_exactly_who_needs_it_from_outside() {
    use Status::{Running, Skipped, Succeeded, Waiting};
    for attended in [true, false] {
        let mut rig = Rig::new(tracked(), attended);
        assert_eq!(names(&rig, &rig.state.setup.cohorts[0].closes), ["x"]);
        rig.end_agent(0, 0);
        assert_eq!(
            statuses(&rig)[2],
            Waiting,
            "its need is met, the gate is not"
        );
        rig.end_agent(1, 0);
        rig.end(rig.check_key(COHORT), 1);
        rig.end_agent(4, 0);
        if !attended {
            assert_eq!(statuses(&rig)[2..], [Skipped, Skipped, Succeeded]);
            let reason = rig.state.agents[2].reason.as_deref();
            assert_eq!(reason, Some("track A failed: g red: exit status 1"));
            assert_eq!(rig.state.finished, Some(1));
            continue;
        }
        assert_eq!(statuses(&rig)[2..], [Waiting, Waiting, Succeeded]);
        let asked = waiting(&rig.state);
        assert_eq!(asked[0].kind, AttentionKind::FailedGate);
        assert_eq!(asked[0].owner, Some(COHORT));
        let retry = |id: &str| Action::Retry {
            target: id.parse().unwrap(),
        };
        assert!(resolve(&rig.state, &retry("wave:1")).is_err());
        rig.act(retry("track:A"));
        rig.end(rig.check_key(COHORT), 0);
        assert_eq!(statuses(&rig)[2], Running);
        assert!(waiting(&rig.state).is_empty());
        rig.end_agent(2, 0);
        rig.end_agent(3, 0);
        assert_eq!(rig.state.finished, Some(0));
    }
}

#[test]
fn gates_are_asked_once_the_failure_before_them_is_taken_care_of() {
    for (code, status) in [(0, 0), (1, 1)] {
        let mut plan = tracked();
        let need = crate::plan::Need {
            when: crate::plan::When::Failed,
            ..hard(0)
        };
        plan.agents[4].needs = vec![need];
        plan.agents[2].needs = Vec::new();
        let mut rig = Rig::new(plan, false);
        for ix in [1, 2, 3] {
            rig.end_agent(ix, 0);
        }
        rig.end_agent(0, 1);
        assert_eq!(rig.state.cohorts[0].status, PhaseStatus::Failed);
        rig.end_agent(4, 0);
        rig.end(rig.check_key(COHORT), code);
        assert_eq!(rig.state.finished, Some(status));
    }
}

#[test]
fn a_gate_waits_for_nobody_who_waits_for_it() {
    let mut plan = tracked();
    // b of the track needs x, which needs a of the track: x is on the track's own way.
    plan.agents[1].needs = vec![hard(2)];
    let rig = Rig::new(plan, true);
    assert!(rig.state.setup.cohorts[0].closes.is_empty());
    // Gates of wave 1 close what comes later, but not the parts of an agent of wave 1.
    let mut plan = tracked();
    plan.tracks.clear();
    for agent in &mut plan.agents {
        agent.track = None;
    }
    plan.wave_gates.insert(1, vec![GateIx::of(0)]);
    plan.agents[4].parent = Some(AgentIx::of(0));
    let rig = Rig::new(plan, true);
    assert_eq!(names(&rig, &rig.state.setup.cohorts[0].members), ["a", "b"]);
    assert_eq!(names(&rig, &rig.state.setup.cohorts[0].closes), ["x", "y"]);
}

#[test]
fn a_gate_that_has_passed_is_judged_anew_when_its_work_is_done_again() {
    let mut plan = tracked();
    plan.tracks[0].gates.clear();
    plan.wave_gates.insert(1, vec![GateIx::of(0)]);
    plan.agents[2].needs.push(crate::plan::Need {
        when: crate::plan::When::Failed,
        ..hard(1)
    });
    let mut rig = Rig::new(plan, true);
    rig.end_agent(0, 0);
    rig.end_agent(4, 0);
    rig.end_agent(1, 1);
    assert_eq!(rig.state.cohorts[0].status, PhaseStatus::Failed);
    assert!(
        !rig.state.cohorts[0].gate_red,
        "its agents failed, not its gates"
    );
    rig.act(Action::Retry {
        target: Target::Agent("b".into()),
    });
    assert_eq!(rig.state.cohorts[0].status, PhaseStatus::Running);
    rig.end_agent(1, 0);
    let key = rig.check_key(COHORT);
    assert_eq!(key.attempt, 1);
    rig.end(key, 0);
    assert_eq!(rig.state.cohorts[0].status, PhaseStatus::Completed);
}

#[test]
fn a_gate_that_is_being_judged_is_left_when_its_work_is_done_again() {
    let mut plan = tracked();
    plan.agents[3].needs = vec![crate::plan::Need {
        when: crate::plan::When::Failed,
        ..hard(1)
    }];
    plan.agents[3].track = Some(crate::plan::TrackIx::of(0));
    let mut rig = Rig::new(plan, true);
    rig.end_agent(0, 0);
    rig.end_agent(1, 1);
    // y takes care of the failure: the track is done.
    rig.end_agent(3, 0);
    let key = rig.check_key(COHORT);
    assert_eq!(rig.state.cohorts[0].status, PhaseStatus::Checking);
    rig.act(Action::Retry {
        target: Target::Agent("b".into()),
    });
    // A verdict on yesterday's work counts for nothing, a green one neither.
    rig.end(key, 0);
    assert_eq!(rig.state.cohorts[0].status, PhaseStatus::Running);
    rig.end_agent(1, 0);
    let again = rig.check_key(COHORT);
    assert_eq!(again.attempt, 2);
    rig.end(again, 0);
    assert_eq!(rig.state.cohorts[0].status, PhaseStatus::Completed);
}

#[test]
fn the_run_ends_well_only_when_its_gates_and_verify_have_passed() {
    let mut plan = tracked();
    plan.tracks.clear();
    plan.agents.truncate(1);
    plan.agents[0].track = None;
    plan.run_gates = vec![GateIx::of(0)];
    plan.verify = vec![vec!["first".into()], vec!["second".into()]];
    for (code, status) in [(0, 0), (1, 1)] {
        let mut rig = Rig::new(plan.clone(), false);
        rig.end_agent(0, 0);
        rig.end(rig.check_key(COHORT), 0);
        rig.end(rig.check_key(COHORT), 0);
        assert_eq!(rig.state.finished, None);
        rig.end(rig.check_key(COHORT), code);
        assert_eq!(rig.state.finished, Some(status));
    }
    // A person mends it; a pause of all holds it.
    let mut rig = Rig::new(plan, true);
    rig.end_agent(0, 0);
    rig.end(rig.check_key(COHORT), 1);
    assert_eq!(rig.state.finished, None);
    rig.act(Action::Retry {
        target: "run".parse().unwrap(),
    });
    let first = rig.check_key(COHORT);
    rig.act(pause("all"));
    assert!(rig.has(Command::Freeze { key: first }));
    rig.act(resume("run:gates"));
    for _ in 0..3 {
        rig.end(rig.check_key(COHORT), 0);
    }
    assert_eq!(rig.state.finished, Some(0));
}
