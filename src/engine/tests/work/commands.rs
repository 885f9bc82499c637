//! Merge rules that run a command: through admission, and a person where one cannot do it.

use super::*;

/// A merge whose rules have two commands to run; the agent has a check of its own.
fn commanded() -> Rig {
    let mut plan = empty();
    plan.agents = vec![own("a")];
    plan.agents[0].check = vec![vec!["test".into()]];
    let mut rig = rig(plan);
    rig.leaves(0, Some("work"), &[]);
    let check = rig.check_key(A);
    rig.end(check, 0);
    let command = |file: &str| RuleCommand {
        argv: vec!["make".to_owned(), file.to_owned()],
        files: vec![file.to_owned()],
    };
    let MergeOutcome::Conflict { clash, with, .. } = conflict() else {
        unreachable!()
    };
    rig.commands.clear();
    rig.tried(MergeOutcome::Command {
        path: "/merge/1".to_owned(),
        commands: vec![command("a.lock"), command("b.lock")],
        clash,
        with,
    });
    rig
}

#[test]
fn a_rules_commands_pass_admission_run_in_the_merge_and_then_it_is_tried_again() {
    let mut rig = commanded();
    assert_eq!(rig.is(0), Status::Checking);
    assert_eq!(rig.state.usage.agents, 1, "it holds a slot");
    assert_eq!(rig.state.check_dir(A), Some("/merge/1"));
    let first = rig.check_key(A);
    // None of the agent's own checks has this number.
    assert_eq!(first.check, Some(1));
    assert!(rig.has(Command::Spawn {
        key: first,
        mode: 0
    }));
    rig.end(first, 0);
    let second = rig.check_key(A);
    assert_eq!(second.check, Some(2));
    rig.end(second, 0);
    assert_eq!(rig.is(0), Status::Merging);
    assert!(rig.has(Command::Merge { number: 1 }));
    assert!(rig.state.merges.now.as_ref().unwrap().commanded);
    // The result is judged by the agent's own check alone.
    let MergeOutcome::Conflict { clash, .. } = conflict() else {
        unreachable!()
    };
    rig.tried(MergeOutcome::Clean {
        commit: "m1".to_owned(),
        path: "/merge/1".to_owned(),
        checked: false,
        tree: None,
        overlap: Vec::new(),
        with: Vec::new(),
        clash: Some(clash),
    });
    let check = rig.check_key(A);
    assert_eq!(check.check, Some(0));
    rig.end(check, 0);
    rig.advanced();
    assert_eq!(rig.is(0), Status::Succeeded);
}

#[test]
fn what_a_rules_command_cannot_do_is_for_a_person() {
    let mut rig = commanded();
    let first = rig.check_key(A);
    rig.end(first, 3);
    assert_eq!(rig.is(0), Status::Blocked);
    let reason = rig.state.agent(AgentIx(0)).reason.clone().unwrap();
    assert!(
        reason.contains("the rule's command `make a.lock` failed: exit status 3"),
        "{reason}"
    );
    assert!(rig.state.agent(AgentIx(0)).conflict.is_some());
    assert!(rig.state.merges.now.is_none());
    let kinds: Vec<_> = waiting(&rig.state).iter().map(|item| item.kind).collect();
    assert_eq!(kinds, [AttentionKind::Conflict]);
    assert_eq!(rig.state.usage.agents, 0);
}

#[test]
fn what_a_crash_cut_short_is_made_anew_and_a_stop_ends_it() {
    let mut rig = commanded();
    rig.commands.clear();
    rig.input(InputKind::Recovered {
        boot_id: "b".into(),
        survivors: 0,
        seen_attempts: Vec::new(),
    });
    assert_eq!(rig.is(0), Status::Merging);
    assert!(rig.has(Command::Merge { number: 2 }), "from the beginning");
    let mut rig = commanded();
    let key = rig.check_key(A);
    rig.act(Action::Stop {
        target: Some("a".parse().unwrap()),
    });
    assert!(rig.has(Command::Terminate { key }));
    rig.end(key, 0);
    assert_eq!(rig.is(0), Status::Stopped);
    assert!(rig.state.merges.now.is_none());
}

#[test]
fn a_merge_that_asks_for_its_commands_again_is_for_a_person() {
    let mut rig = commanded();
    for _ in 0..2 {
        let key = rig.check_key(A);
        rig.end(key, 0);
    }
    let MergeOutcome::Conflict { clash, with, .. } = conflict() else {
        unreachable!()
    };
    rig.tried(MergeOutcome::Command {
        path: "/merge/1".to_owned(),
        commands: Vec::new(),
        clash,
        with,
    });
    assert_eq!(rig.is(0), Status::Blocked);
}
