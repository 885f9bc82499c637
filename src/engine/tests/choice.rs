//! Which worker does an agent that names a capability in place of one.

use super::*;
use crate::{
    graph::random::Rng,
    plan::{Work, Worker},
};

/// So many workers, and agents that any of them can do.
fn plan(workers: usize, agents: usize) -> Plan {
    let mut plan = empty();
    plan.workers = (0..workers)
        .map(|w| Worker {
            name: format!("w{w}"),
            cli: Some(format!("p{w}")),
            capabilities: vec!["review".to_owned()],
            ..Worker::default()
        })
        .collect();
    plan.agents = (0..agents)
        .map(|i| {
            let mut one = agent(&format!("a{i}"), 1, 1);
            one.work = Work::Prompt("do".to_owned());
            one.capability = Some("review".to_owned());
            one.modes = (0..workers)
                .map(|w| crate::plan::AgentMode {
                    worker: Some(WorkerIx::of(w)),
                    ..mode(1, 1)
                })
                .collect();
            one
        })
        .collect();
    plan
}

/// The workers that were chosen, in order, each with what was told of all.
fn chosen(rig: &Rig) -> Vec<(String, Vec<Candidate>)> {
    let events = rig.events.iter().filter_map(|event| match event {
        Event::Talk(talk) => match talk.as_ref() {
            TalkEvent::Chosen { worker, among, .. } => Some((worker.clone(), among.clone())),
            _ => None,
        },
        _ => None,
    });
    events.collect()
}

#[test]
fn work_is_spread_and_then_goes_to_who_did_it_best() {
    let mut rig = Rig::with_cap(plan(2, 5), false, 2);
    let names = |rig: &Rig| -> Vec<String> { chosen(rig).into_iter().map(|c| c.0).collect() };
    assert_eq!(names(&rig), ["w0", "w1"]);
    assert_eq!(chosen(&rig)[1].1[0].running, 1);
    // The first fails: the next goes to the other one only when that is no busier.
    rig.end_agent(0, 1);
    assert_eq!(names(&rig), ["w0", "w1", "w0"]);
    rig.end_agent(1, 0);
    rig.end_agent(2, 1);
    let told = chosen(&rig);
    let (worker, among) = told.last().unwrap();
    assert_eq!(worker, "w0", "while w1 has one at work");
    assert_eq!((among[0].succeeded, among[0].ended), (0, 2));
    assert_eq!(
        (among[1].succeeded, among[1].ended, among[1].running),
        (1, 1, 1)
    );
    assert_eq!(among[1].chance_permille, 666);
    let agent = rig.state.agent(AgentIx(4));
    let talk = agent.talk.as_ref().unwrap();
    assert_eq!(talk.choice.as_ref().map(|c| c.worker.as_str()), Some("w0"));
}

#[test]
fn of_those_with_room_the_least_busy_then_the_best_then_the_first_is_taken() {
    let mut rng = Rng(7);
    let mut plan = plan(4, 2);
    plan.agents[1].needs = vec![hard(0)];
    let mut rig = Rig::with_cap(plan, true, 8);
    let mut refused = 0;
    for _ in 0..2_000 {
        let tallies: Vec<Tally> = (0..4)
            .map(|_| {
                let ended = rng.below(5) as u32;
                Tally {
                    running: rng.below(3) as u32,
                    succeeded: rng.below(u64::from(ended) + 1) as u32,
                    ended,
                }
            })
            .collect();
        rig.state.usage.workers.clone_from(&tallies);
        rig.state.limits.clear();
        for w in (0..4).filter(|_| rng.below(3) == 0) {
            let until_us = 9_000_000;
            let limit = Limit {
                until_us,
                ..Limit::default()
            };
            rig.state.limits.insert(format!("p{w}"), limit);
        }
        let room = |w: usize| rig.state.limited(&format!("p{w}")).is_none();
        let Ok(grant) = admit(&rig.state, &Figures::default(), AgentIx(1)) else {
            assert!((0..4).all(|w| !room(w)));
            refused += 1;
            continue;
        };
        let taken = grant.mode as usize;
        assert!(room(taken));
        for other in (0..4).filter(|&w| room(w) && w != taken) {
            let (t, o) = (tallies[taken], tallies[other]);
            let better = (t.running, 1000 - t.chance_permille(), taken);
            assert!(better < (o.running, 1000 - o.chance_permille(), other));
        }
    }
    assert!(refused > 0, "that nobody has room was never tried");
}

#[test]
fn a_session_goes_on_with_its_worker() {
    let mut rig = Rig::new(plan(2, 1), true);
    assert_eq!(chosen(&rig).len(), 1);
    let heard = Heard::Session {
        program: "p0".to_owned(),
        id: "s".to_owned(),
        model: None,
    };
    rig.input(InputKind::Heard {
        agent: AgentIx(0),
        attempt: 1,
        heard: Box::new(heard),
    });
    // The other one would be better now.
    rig.state.usage.workers[1].succeeded = 9;
    rig.state.usage.workers[1].ended = 9;
    rig.act(Action::Tell {
        agent: "a0".to_owned(),
        text: "more".to_owned(),
        now: true,
    });
    rig.end_agent(0, 143);
    let agent = rig.state.agent(AgentIx(0));
    assert_eq!(
        (agent.status, agent.attempt, agent.mode),
        (Status::Running, 2, 0)
    );
    assert_eq!(chosen(&rig).len(), 1, "nothing was chosen anew");
}
