//! What agents are to begin with, and the hand-offs that they leave.

use super::*;
use crate::{
    engine::{Absent, Readiness},
    plan::{When, Work as Kind, Workspace},
};

impl Rig {
    /// Answers the question that is open.
    fn found(&mut self, ix: u32, missing: Result<&[(&str, Option<&str>)], &str>) {
        let agent = AgentIx(ix);
        let absent = |(path, from): &(&str, Option<&str>)| Absent {
            path: (*path).to_owned(),
            from: from.map(Into::into),
        };
        let number = self.state.agent(agent).asked;
        self.input(InputKind::Inspected {
            agent,
            number,
            missing: missing
                .map(|all| all.iter().map(absent).collect())
                .map_err(str::to_owned),
        });
    }

    fn reason(&self, ix: u32) -> String {
        let reason = self.state.agent(AgentIx(ix)).reason.clone();
        reason.unwrap_or_default()
    }

    fn retry(&mut self, id: &str) {
        self.act(Action::Retry {
            target: id.parse().unwrap(),
        });
    }

    /// Ends well and leaves a hand-off, which says this.
    fn hands_off(&mut self, ix: u32, handoff: Result<(bool, u32), &str>) {
        let key = JobKey::main(AgentIx(ix), self.state.agent(AgentIx(ix)).attempt);
        self.input(InputKind::Ended {
            key,
            exit: Exit::Code(0),
            cpu_us: 0,
            peak_bytes: 7 << 20,
            output_bytes: 0,
            leaked: 0,
            present: Vec::new(),
            handoff: true,
        });
        let attempt = self.state.agent(AgentIx(ix)).attempt;
        assert!(self.has(Command::Collect {
            agent: AgentIx(ix),
            attempt
        }));
        self.input(InputKind::Collected {
            agent: AgentIx(ix),
            attempt,
            found: Ok(Box::new(Found {
                handoff: Some(handoff.map_err(str::to_owned)),
                ..Found::default()
            })),
        });
    }
}

/// Two agents, the second needs the first and begins with a file of it.
fn pair() -> Plan {
    let mut plan = empty();
    plan.agents = vec![agent("a", 1, 1), agent("b", 1, 1)];
    plan.agents[0].retry.attempts = 2;
    plan.agents[1].needs = vec![hard(0)];
    plan.agents[1].needs[0].files = vec!["schema.sql".into()];
    plan
}

#[test]
fn who_misses_what_it_is_to_begin_with_never_starts_and_says_what_of_whom() {
    let mut plan = pair();
    plan.agents[1].inputs = vec!["in.txt".into()];
    let mut rig = Rig::new(plan, true);
    rig.end_agent(0, 0);
    assert_eq!(rig.status(1), Status::Checking);
    let wanted = rig.state.wanted(AgentIx(1));
    let paths: Vec<_> = wanted.iter().map(|w| (w.path.as_str(), w.from)).collect();
    assert_eq!(paths, [("schema.sql", Some(AgentIx(0))), ("in.txt", None)]);
    rig.found(1, Ok(&[("schema.sql", Some("a")), ("in.txt", None)]));
    assert_eq!(rig.status(1), Status::Blocked);
    assert_eq!(
        rig.reason(1),
        "not there to begin with: schema.sql of a, in.txt"
    );
    let open = &rig.state.attention.open;
    assert!(open.values().any(|item| item.title == rig.reason(1)));
    // A retry is no way around it.
    rig.retry("b");
    assert_eq!(rig.status(1), Status::Checking);
    rig.found(1, Err("the disk is broken"));
    assert_eq!(rig.status(1), Status::Blocked);
    assert!(
        rig.reason(1)
            .ends_with("cannot be looked for: the disk is broken")
    );
    rig.retry("b");
    rig.found(1, Ok(&[]));
    assert_eq!(rig.status(1), Status::Running);
    assert_eq!(rig.state.agent(AgentIx(1)).readiness, Readiness::Unknown);
}

#[test]
fn the_commands_of_a_need_pass_admission_before_its_agent_starts() {
    let mut plan = pair();
    plan.agents[1].needs[0].check = vec![vec!["one".into()], vec!["two".into()]];
    plan.agents[1].check = vec![vec!["own".into()]];
    let mut rig = Rig::new(plan, true);
    rig.act(Action::Agents { cap: 1 });
    rig.end_agent(0, 0);
    rig.found(1, Ok(&[]));
    let b = Owner::Agent(AgentIx(1));
    assert_eq!((rig.state.usage.agents, rig.state.nth_step(b)), (1, 1));
    let first = rig.check_key(b);
    assert_eq!((first.attempt, first.check), (0, Some(1)), "after its own");
    rig.end(first, 0);
    assert_eq!(rig.state.nth_step(b), 2);
    let second = rig.check_key(b);
    rig.end(second, 1);
    assert_eq!(rig.status(1), Status::Blocked);
    assert_eq!(
        rig.reason(1),
        "what it needs of a is not as it should be: exit status 1: two"
    );
    assert_eq!(
        rig.state.agent(AgentIx(1)).red_gate.as_deref(),
        Some("needs")
    );
    rig.retry("b");
    rig.found(1, Ok(&[]));
    for _ in 0..2 {
        let key = rig.check_key(b);
        assert_ne!(key.round, first.round, "no number comes twice");
        rig.end(key, 0);
    }
    assert_eq!(rig.status(1), Status::Running);
    rig.end_agent(1, 0);
    let own = rig.check_key(b);
    assert_eq!((own.attempt, own.check), (1, Some(0)));
    rig.end(own, 0);
    assert_eq!(rig.status(1), Status::Succeeded);
}

#[test]
fn where_it_works_in_a_workspace_the_head_is_looked_at() {
    let mut plan = pair();
    plan.agents[1].workspace = Workspace::Own;
    plan.agents[1].inputs = vec!["in.txt".into()];
    plan.agents[1].needs[0].check = vec![vec!["one".into()]];
    let mut rig = Rig::new(plan, true);
    rig.state.base_commit = Some("base".to_owned());
    rig.end_agent(0, 0);
    let wanted = rig.state.wanted(AgentIx(1));
    assert_eq!(wanted[0].at, WantedAt::Folder, "a has no workspace");
    assert_eq!(wanted[1].at, WantedAt::Commit("base".to_owned()));
    rig.found(1, Ok(&[]));
    assert!(rig.has(Command::Checkout));
    assert_eq!(rig.state.usage.agents, 0);
    rig.input(InputKind::CheckedOut {
        commit: "base".to_owned(),
        base: None,
        done: Ok("/head".to_owned()),
    });
    let b = Owner::Agent(AgentIx(1));
    assert_eq!(rig.state.check_dir(b), Some("/head"));
    let key = rig.check_key(b);
    rig.end(key, 0);
    assert_eq!(rig.status(1), Status::Preparing);
}

#[test]
fn who_waits_for_another_attempt_meanwhile_is_asked_again() {
    let mut plan = pair();
    plan.agents[0].retry.attempts = 1;
    plan.agents[1].needs[0].when = When::Failed;
    let mut rig = Rig::new(plan, true);
    rig.end_agent(0, 1);
    assert_eq!(rig.status(1), Status::Checking);
    let old = rig.state.agent(AgentIx(1)).asked;
    rig.retry("a");
    assert_eq!(rig.status(1), Status::Waiting);
    rig.input(InputKind::Inspected {
        agent: AgentIx(1),
        number: old,
        missing: Ok(Vec::new()),
    });
    assert_eq!(rig.status(1), Status::Waiting, "that is an old answer");
    rig.end_agent(0, 1);
    assert_eq!(rig.status(1), Status::Checking);
    assert_eq!(rig.state.agent(AgentIx(1)).asked, old + 1);
}

#[test]
fn what_a_group_asks_for_is_asked_of_its_parts() {
    let mut plan = pair();
    plan.agents[1].work = Kind::Group;
    plan.agents.push(agent("part", 1, 1));
    plan.agents[2].parent = Some(AgentIx(1));
    let mut rig = Rig::new(plan, true);
    rig.end_agent(0, 0);
    assert_eq!(rig.status(1), Status::Joining);
    assert_eq!(rig.status(2), Status::Checking);
    rig.found(2, Ok(&[("schema.sql", Some("a"))]));
    assert_eq!(rig.status(2), Status::Blocked);
}

#[test]
fn an_incomplete_hand_off_is_red_once_and_then_told_to_the_next() {
    let mut plan = pair();
    plan.agents[1].needs[0].files.clear();
    let mut rig = Rig::new(plan, true);
    rig.hands_off(0, Err("a.1.md:1: `done` is empty"));
    assert_eq!(
        rig.state.agent(AgentIx(0)).red_gate.as_deref(),
        Some("handoff")
    );
    assert_eq!(rig.reason(0), "its hand-off: a.1.md:1: `done` is empty");
    assert_eq!(rig.status(0), Status::Running, "tried again");
    rig.hands_off(0, Ok((false, 2)));
    assert_eq!(rig.status(0), Status::Succeeded);
    let got: Vec<_> = rig.state.handed_to(AgentIx(1)).collect();
    assert_eq!(
        (got.len(), got[0].0, got[0].1.artefacts),
        (1, AgentIx(0), 2)
    );
    let syncs = &rig.state.syncs;
    assert_eq!((syncs.completed, syncs.failed, syncs.open.len()), (1, 0, 0));
}
