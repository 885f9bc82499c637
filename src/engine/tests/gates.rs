//! Decisions about red gates: repeated, compared with the base, and never passed by either.

use super::{
    work::{checked_out, own, rig},
    *,
};
use crate::plan::Compare;

/// `b` needs `a`, whose gate has one command; both work in workspaces. One attempt each.
fn gated(repeat: u32, base: Compare) -> Plan {
    let mut plan = empty();
    plan.gates = vec![gate("g")];
    (plan.gates[0].repeat, plan.gates[0].base) = (repeat, base);
    plan.agents = vec![own("a"), own("b")];
    plan.agents[0].gates = vec![GateIx::of(0)];
    plan.agents[1].needs = vec![hard(0)];
    for agent in &mut plan.agents {
        agent.retry.attempts = 1;
    }
    plan
}

impl Rig {
    /// Ends the check command that an owner is at.
    fn judged(&mut self, owner: Owner, code: i32) {
        let key = self.check_key(owner);
        self.end(key, code);
    }

    /// The base is checked out.
    fn base_out(&mut self, done: Result<&str, &str>) {
        let base = self.state.merges.base.as_ref().unwrap().number;
        self.input(InputKind::CheckedOut {
            commit: "base".to_owned(),
            base: Some(base),
            done: done.map(str::to_owned).map_err(str::to_owned),
        });
    }

    /// How the gates were judged: passed, flaky.
    fn verdicts(&self) -> Vec<(bool, bool)> {
        let verdict = |event: &Event| match event {
            Event::GatePassed { flaky, .. } => Some((true, *flaky)),
            Event::GateFailed { flaky, .. } => Some((false, *flaky)),
            _ => None,
        };
        self.events.iter().filter_map(verdict).collect()
    }

    fn why(&self, ix: u32) -> String {
        self.state
            .agent(AgentIx(ix))
            .reason
            .clone()
            .unwrap_or_default()
    }
}

#[test]
fn a_red_command_that_is_green_on_the_same_files_passes_with_a_mark() {
    let mut rig = rig(gated(2, Compare::Asked));
    rig.leaves(0, Some("work"), &[]);
    rig.judged(A, 1);
    rig.judged(A, 1);
    assert_eq!(rig.verdicts(), []);
    rig.judged(A, 0);
    assert_eq!(rig.verdicts(), [(true, true)]);
    assert_eq!(rig.is(0), Status::Merging);
}

#[test]
fn a_command_is_repeated_so_often_and_no_more() {
    let mut rig = rig(gated(1, Compare::Never));
    rig.leaves(0, Some("work"), &[]);
    rig.judged(A, 1);
    // A crash takes no repetition away.
    rig.input(InputKind::Recovered {
        boot_id: "b2".into(),
        survivors: 1,
        seen_attempts: Vec::new(),
    });
    rig.judged(A, 1);
    assert_eq!(rig.verdicts(), [(false, false)]);
    assert_eq!(rig.is(0), Status::Blocked);
}

#[test]
fn a_command_that_a_barrier_cut_short_goes_again_and_its_end_counts() {
    let mut rig = rig(gated(1, Compare::Never));
    rig.leaves(0, Some("work"), &[]);
    rig.judged(A, 1);
    let preempted = AgentPreempted {
        agent: rig.state.id(AgentIx(0)),
        attempt: 1,
        reason: "phase p must end first".to_owned(),
    };
    let seq = rig.state.seq + 1;
    rig.state.apply(&Record {
        seq,
        at_ms: 0,
        elapsed_us: rig.now_us,
        priority: Level::Medium,
        source: "engine".to_owned(),
        affected: Vec::new(),
        event: Event::AgentPreempted(preempted),
    });
    rig.judged(A, 143);
    let check = rig.state.check_of(A).unwrap();
    assert_eq!((check.ending, check.repeats), (None, 1), "it runs again");
    rig.judged(A, 0);
    assert_eq!(rig.verdicts(), [(true, true)]);
}

#[test]
fn green_on_the_base_passes_no_gate() {
    let mut rig = rig(gated(0, Compare::Asked));
    rig.leaves(0, Some("work"), &[]);
    rig.judged(A, 1);
    assert!(rig.has(Command::CheckoutBase));
    assert_eq!(rig.verdicts(), []);
    rig.base_out(Ok("/base/1"));
    assert_eq!(rig.state.check_dir(A), Some("/base/1"));
    rig.judged(A, 0);
    assert!(rig.has(Command::DropBase { number: 1 }));
    assert_eq!(rig.verdicts(), [(false, false)]);
    assert_eq!((rig.is(0), rig.is(1)), (Status::Blocked, Status::Waiting));
    assert_eq!(rig.why(0), "g red: exit status 1 (green on the base)");
    // Known by now: it is told at once.
    rig.commands.clear();
    rig.act(Action::Retry {
        target: "a".parse().unwrap(),
    });
    rig.leaves(0, Some("other"), &[]);
    rig.judged(A, 3);
    assert!(!rig.has(Command::CheckoutBase));
    assert_eq!(rig.why(0), "g red: exit status 3 (green on the base)");
}

#[test]
fn an_agent_that_may_try_again_is_not_compared_unless_the_gate_always_is() {
    for (base, compared) in [
        (Compare::Asked, false),
        (Compare::Always, true),
        (Compare::Never, false),
    ] {
        let mut plan = gated(0, base);
        plan.agents[0].retry.attempts = 2;
        let mut rig = rig(plan);
        rig.leaves(0, Some("work"), &[]);
        rig.judged(A, 1);
        assert_eq!(rig.has(Command::CheckoutBase), compared, "{base:?}");
        if compared {
            rig.base_out(Ok("/base/1"));
            rig.judged(A, 1);
        }
        assert_eq!(rig.state.agent(AgentIx(0)).failures, 1);
        assert_eq!(rig.why(0).contains("red on the base too"), compared);
    }
}

#[test]
fn a_base_that_cannot_be_checked_out_is_said_and_the_gate_is_red() {
    let mut rig = rig(gated(0, Compare::Asked));
    rig.leaves(0, Some("work"), &[]);
    rig.judged(A, 1);
    rig.base_out(Err("the disk is full"));
    assert_eq!(rig.is(0), Status::Blocked);
    let why = rig.why(0);
    assert!(why.contains("not known on the base"), "{why}");
    assert!(why.contains("the disk is full"), "{why}");
    // The next one is another checkout: what is said of the first is not about it.
    rig.act(Action::Retry {
        target: "a".parse().unwrap(),
    });
    rig.leaves(0, Some("work"), &[]);
    rig.judged(A, 1);
    assert_eq!(rig.state.merges.base.as_ref().unwrap().number, 2);
}

#[test]
fn a_red_merged_result_gives_its_merge_up_before_it_is_compared() {
    let mut plan = gated(0, Compare::Asked);
    plan.agents[1].needs = Vec::new();
    let mut rig = rig(plan);
    rig.leaves(0, Some("work"), &[]);
    rig.judged(A, 0);
    rig.leaves(1, Some("more"), &[]);
    rig.tried(MergeOutcome::Clean {
        commit: "m1".to_owned(),
        path: "/merge/m1".to_owned(),
        checked: false,
        tree: None,
        overlap: Vec::new(),
        with: Vec::new(),
        clash: None,
    });
    rig.judged(A, 1);
    assert_eq!(rig.is(0), Status::Checking, "it is compared");
    let now = rig.state.merges.now.as_ref().map(|now| now.agent);
    assert_eq!(now, Some(AgentIx(1)), "the next one has its turn");
    rig.base_out(Ok("/base/1"));
    rig.judged(A, 1);
    assert_eq!(rig.is(0), Status::Blocked);
    assert!(rig.why(0).contains("red on the base too"), "{}", rig.why(0));
}

/// `a` in a track with a gate, for which `b` waits.
fn of_track() -> Plan {
    let mut plan = gated(0, Compare::Asked);
    plan.agents[0].gates.clear();
    plan.tracks = vec![crate::graph::random::track(
        "t",
        crate::plan::Priority::Normal,
    )];
    plan.tracks[0].gates = vec![GateIx::of(0)];
    plan.agents[0].track = Some(crate::plan::TrackIx::of(0));
    plan
}

const TRACK: Owner = Owner::Cohort(CohortIx(0));

#[test]
fn gates_over_more_than_one_are_compared_before_a_person_is_asked_and_are_points_to_come_together()
{
    let mut rig = rig(of_track());
    rig.leaves(0, Some("work"), &[]);
    rig.clean("m1");
    rig.advanced();
    checked_out(&mut rig, Ok("/head/m1"));
    rig.judged(TRACK, 1);
    assert!(rig.state.attention.open.is_empty());
    let open: Vec<_> = rig
        .state
        .syncs
        .open
        .iter()
        .map(|(_, point)| point)
        .collect();
    assert_eq!(open.len(), 1);
    assert_eq!(open[0].cohort.as_deref(), Some("track:t"));
    assert_eq!(
        participants(&rig.state, open[0]),
        [rig.state.id(AgentIx(0))]
    );
    rig.base_out(Ok("/base/1"));
    rig.judged(TRACK, 0);
    let waits: Vec<_> = rig.state.attention.open.values().collect();
    assert_eq!(waits.len(), 1);
    assert_eq!(waits[0].title, "g red: exit status 1 (green on the base)");
    assert!(rig.state.syncs.open.is_empty());
    assert_eq!(rig.is(1), Status::Waiting);
    // Judged again on the very same head, it is green: flaky.
    rig.act(Action::Retry {
        target: Target::Track("t".into()),
    });
    rig.judged(TRACK, 0);
    assert_eq!(rig.verdicts(), [(false, false), (true, true)]);
    assert_eq!(rig.is(1), Status::Preparing);
}

#[test]
fn another_verdict_on_the_same_tree_is_flaky_across_attempts() {
    let collected = |rig: &mut Rig, tree: &str| {
        rig.end_agent(0, 0);
        rig.input(InputKind::Collected {
            agent: AgentIx(0),
            attempt: rig.state.agent(AgentIx(0)).attempt,
            found: Ok(Box::new(Found {
                commit: Some(format!("commit-{tree}")),
                tree: Some(tree.to_owned()),
                ..Found::default()
            })),
        });
    };
    for (tree, flaky) in [("t1", true), ("t2", false)] {
        let mut plan = gated(0, Compare::Never);
        plan.agents[0].retry.attempts = 2;
        plan.agents[0].retry.base_us = 0;
        let mut rig = rig(plan);
        collected(&mut rig, "t1");
        rig.judged(A, 1);
        rig.prepare();
        collected(&mut rig, tree);
        rig.judged(A, 0);
        assert_eq!(rig.verdicts(), [(false, false), (true, flaky)]);
    }
}

#[test]
fn the_same_command_is_compared_once_and_both_are_told() {
    let mut plan = gated(0, Compare::Asked);
    plan.agents[1].needs = Vec::new();
    plan.agents[1].gates = vec![GateIx::of(0)];
    let mut rig = rig(plan);
    let b = Owner::Agent(AgentIx(1));
    rig.leaves(0, Some("work"), &[]);
    rig.leaves(1, Some("more"), &[]);
    rig.judged(A, 1);
    rig.judged(b, 2);
    rig.base_out(Ok("/base/1"));
    rig.judged(A, 1);
    assert_eq!((rig.is(0), rig.is(1)), (Status::Blocked, Status::Blocked));
    assert!(rig.why(1).contains("red on the base too"), "{}", rig.why(1));
    let spawned = rig
        .commands
        .iter()
        .filter(|c| matches!(c, Command::Spawn { key, .. } if key.check.is_some()));
    assert_eq!(spawned.count(), 3);
}

#[test]
fn who_signed_a_note_and_a_link_are_in_the_record() {
    let mut plan = gated(0, Compare::Asked);
    plan.gates[0].approve = Some("Fine?".to_owned());
    let mut rig = rig(plan);
    rig.leaves(0, Some("work"), &[]);
    rig.judged(A, 0);
    let id = rig.state.attention.last_id;
    let answer = |url: Option<&str>| Action::Answer {
        id,
        answer: Answer::Yes,
        text: Some("read: https://example.org/1 and more".to_owned()),
        url: url.map(str::to_owned),
    };
    let refused = resolve(&rig.state, &answer(Some("javascript:x")));
    assert!(refused.is_err());
    rig.act(answer(None));
    let signed = rig.events.iter().find_map(|event| match event {
        Event::AttentionAnswered(answered) => Some(answered.clone()),
        _ => None,
    });
    let signed = signed.unwrap();
    assert_eq!(signed.url.as_deref(), Some("https://example.org/1"));
    assert_eq!(signed.evidence.as_deref(), Some("a.1.1"));
    assert_eq!(rig.verdicts(), [(true, false)]);
}
