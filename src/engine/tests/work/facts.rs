//! Facts of hand-offs that contradict each other, however they come to stand beside each other.

use super::*;

fn choose(conflict: u32, pick: Pick) -> Action {
    Action::Choose {
        conflict,
        file: None,
        hunk: None,
        pick,
    }
}

/// A person takes a side in the conflict of an agent.
fn settle(rig: &mut Rig, ix: u32, pick: Pick) {
    let conflict = rig.state.agent(AgentIx(ix)).conflict.expect("a conflict");
    rig.act(choose(conflict, pick));
    rig.act(Action::Settle {
        conflict,
        how: Settle::Chosen,
        note: None,
    });
}

fn reason(rig: &Rig, ix: u32) -> &str {
    let reason = rig.state.agent(AgentIx(ix)).reason.as_deref();
    reason.unwrap_or_default()
}

/// A parent with one part, another agent beside it, and one that keeps the run open.
fn parent() -> Plan {
    let mut plan = empty();
    plan.agents = vec![own("whole"), agent("part", 1, 1), own("other")];
    plan.agents.push(agent("long", 1, 1));
    plan.agents[1].parent = Some(AgentIx(0));
    plan.agents[1].retry.attempts = 1;
    plan
}

#[test]
fn what_a_parent_says_stands_while_it_failed_for_its_parts_alone() {
    let mut rig = rig(parent());
    rig.leaves(0, None, &[("port", "80")]);
    rig.end_agent(1, 1);
    assert_eq!(rig.is(0), Status::Failed);
    rig.leaves(2, None, &[("port", "81")]);
    assert_eq!(rig.is(2), Status::Blocked);
    assert!(
        reason(&rig, 2).contains("that of whole says 80"),
        "{}",
        reason(&rig, 2)
    );
    settle(&mut rig, 2, Pick::Theirs);
    assert_eq!(rig.is(2), Status::Succeeded);
    rig.act(Action::Retry {
        target: "whole".parse().unwrap(),
    });
    rig.end_agent(1, 0);
    assert_eq!(rig.is(0), Status::Succeeded, "its own word is gone");
}

#[test]
fn what_an_agent_says_stands_while_its_merge_waits_for_a_person() {
    let mut plan = empty();
    plan.agents = vec![own("a"), own("b")];
    let mut rig = rig(plan);
    rig.leaves(0, Some("work"), &[("port", "80")]);
    rig.tried(conflict());
    assert_eq!(rig.is(0), Status::Blocked);
    rig.leaves(1, None, &[("port", "81")]);
    assert_eq!(rig.is(1), Status::Blocked);
    assert!(
        reason(&rig, 1).contains("that of a says 80"),
        "{}",
        reason(&rig, 1)
    );
}

#[test]
fn what_a_person_says_holds_is_compared_with_what_came_meanwhile() {
    for (pick, after) in [
        (Pick::Theirs, Status::Blocked),
        (Pick::Ours, Status::Succeeded),
    ] {
        let mut plan = empty();
        plan.agents = vec![own("a"), own("b"), own("c"), own("d")];
        let mut rig = rig(plan);
        rig.leaves(0, None, &[("port", "80")]);
        rig.leaves(1, None, &[("port", "81")]);
        assert_eq!(rig.is(1), Status::Blocked);
        // It agrees with the one that stands.
        rig.leaves(2, None, &[("port", "80")]);
        assert_eq!(rig.is(2), Status::Succeeded);
        let first = rig.state.agent(AgentIx(1)).conflict;
        settle(&mut rig, 1, pick);
        assert_eq!(rig.is(1), after);
        if after == Status::Succeeded {
            continue;
        }
        let second = rig.state.agent(AgentIx(1)).conflict;
        assert_ne!(first, second, "another conflict, with another agent");
        assert!(
            reason(&rig, 1).contains("that of c says 80"),
            "{}",
            reason(&rig, 1)
        );
        assert_eq!(rig.state.attention.open.len(), 1, "and it is asked about");
        settle(&mut rig, 1, Pick::Theirs);
        assert_eq!(rig.is(1), Status::Succeeded);
    }
}

#[test]
fn a_conflict_between_hand_offs_ends_with_its_agent_where_nothing_is_merged() {
    let mut plan = empty();
    plan.agents = vec![agent("a", 1, 1), agent("b", 1, 1), agent("c", 1, 1)];
    plan.agents[2].needs = vec![hard(0), hard(1)];
    let mut rig = Rig::new(plan, true);
    for (ix, port) in [(0, "80"), (1, "81")] {
        rig.input(InputKind::Ended {
            key: JobKey::main(AgentIx(ix), 1),
            exit: Exit::Code(0),
            cpu_us: 0,
            peak_bytes: 0,
            output_bytes: 0,
            leaked: 0,
            present: Vec::new(),
            handoff: true,
        });
        rig.input(InputKind::Collected {
            agent: AgentIx(ix),
            attempt: 1,
            found: Ok(Box::new(Found {
                handoff: Some(Ok((false, 0))),
                facts: [("port".to_owned(), port.to_owned())].into(),
                ..Found::default()
            })),
        });
    }
    assert!(!rig.state.setup.integrates);
    assert_eq!((rig.is(0), rig.is(1)), (Status::Succeeded, Status::Blocked));
    let id = rig.state.agent(AgentIx(1)).conflict.unwrap();
    rig.act(Action::Stop {
        target: Some("b".parse().unwrap()),
    });
    let given_up = |event: &Event| {
        let Event::Work(work) = event else {
            return false;
        };
        matches!(&**work, WorkEvent::ConflictResolved { id: of, given_up: true, .. } if *of == id)
    };
    assert!(rig.events.iter().any(given_up), "its end is told");
    assert!(!rig.state.merges.conflicts[&id].settled());
}

#[test]
fn a_contradiction_fails_the_attempt_where_the_plan_wants_that() {
    let mut plan = empty();
    plan.agents = vec![own("a"), own("b")];
    plan.agents[1].join = Join::FailFast;
    plan.agents[1].retry.attempts = 2;
    plan.agents[1].retry.base_us = 0;
    let mut rig = rig(plan);
    rig.leaves(0, None, &[("port", "80")]);
    rig.leaves(1, None, &[("port", "81")]);
    let agent = rig.state.agent(AgentIx(1));
    assert_eq!((agent.attempt, agent.conflict), (2, None), "tried again");
    rig.leaves(1, None, &[("port", "81")]);
    assert_eq!(rig.is(1), Status::Failed);
    let failure = rig.state.agent(AgentIx(1)).failure;
    assert_eq!(failure, Some(FailureKind::Corruption));
    assert!(
        (rig.state.merges.conflicts.values()).all(|conflict| conflict.given_up),
        "both are told, and over"
    );
}
