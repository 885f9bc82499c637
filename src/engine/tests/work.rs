//! Decisions about work that comes together.

mod commands;
mod deliver;
mod facts;

use std::collections::BTreeMap;

use super::*;
use crate::plan::{Join, Work as Kind, Workspace};

/// A rig whose workspaces are made at once, and whose merges and answers the test gives.
pub(super) fn rig(plan: Plan) -> Rig {
    let mut rig = Rig::new(plan, true);
    rig.state.base_commit = Some("base".to_owned());
    rig.prepare();
    rig
}

impl Rig {
    /// Makes every workspace that is waited for.
    pub(super) fn prepare(&mut self) {
        let plan = &self.state.setup.plan;
        let preparing = |ix: &AgentIx| self.state.agent(*ix).status == Status::Preparing;
        let preparing: Vec<AgentIx> = plan.indices().filter(preparing).collect();
        for agent in preparing {
            let base = self.state.agent(agent).work.as_ref().unwrap().base.clone();
            self.input(InputKind::Prepared {
                agent,
                attempt: self.state.agent(agent).attempt,
                done: Ok(Prepared {
                    base,
                    path: format!("/work/{}", agent.ix()),
                    level: Boundary::Watched,
                }),
            });
        }
    }

    /// Its process ends well, and leaves this.
    pub(super) fn leaves(&mut self, ix: u32, commit: Option<&str>, facts: &[(&str, &str)]) {
        self.prepare();
        self.end_agent(ix, 0);
        let agent = AgentIx(ix);
        let facts = facts.iter().map(|(k, v)| ((*k).into(), (*v).into()));
        self.input(InputKind::Collected {
            agent,
            attempt: self.state.agent(agent).attempt,
            found: Ok(Box::new(Found {
                commit: commit.map(str::to_owned),
                facts: facts.collect::<BTreeMap<String, String>>(),
                ..Found::default()
            })),
        });
    }

    pub(super) fn tried(&mut self, outcome: MergeOutcome) {
        let number = self.state.merges.now.as_ref().expect("a merge").number;
        let outcome = Box::new(outcome);
        self.input(InputKind::Merged { number, outcome });
    }

    pub(super) fn clean(&mut self, commit: &str) {
        self.tried(MergeOutcome::Clean {
            commit: commit.to_owned(),
            path: format!("/merge/{commit}"),
            checked: true,
            tree: None,
            overlap: Vec::new(),
            with: Vec::new(),
            clash: None,
        });
    }

    pub(super) fn advanced(&mut self) {
        let number = self.state.merges.now.as_ref().expect("a merge").number;
        let done = Ok(Vec::new());
        self.input(InputKind::Advanced { number, done });
    }

    pub(super) fn is(&self, ix: u32) -> Status {
        self.state.agent(AgentIx(ix)).status
    }
}

pub(super) fn own(id: &str) -> crate::plan::Agent {
    let mut agent = agent(id, 1, 1);
    agent.workspace = Workspace::Own;
    agent
}

fn conflict() -> MergeOutcome {
    MergeOutcome::Conflict {
        clash: Clash {
            files: vec!["a".to_owned()],
            file_count: 1,
            hunks: 1,
            lines: 2,
            kinds: Vec::new(),
            complexity: 100,
        },
        with: Vec::new(),
        why: None,
    }
}

#[test]
fn a_fail_fast_conflict_is_not_done_by_a_retry() {
    let mut plan = empty();
    // The other one keeps the run open.
    plan.agents = vec![own("a"), own("b")];
    plan.agents[0].join = Join::FailFast;
    plan.agents[0].retry.attempts = 1;
    let mut rig = rig(plan);
    rig.leaves(0, Some("work"), &[]);
    rig.tried(conflict());
    assert_eq!(rig.is(0), Status::Failed);
    assert_eq!(rig.state.attention.open.len(), 1, "it waits for a person");
    rig.act(Action::Retry {
        target: "a".parse().unwrap(),
    });
    assert_eq!(rig.is(0), Status::Preparing, "all of it again");
}

#[test]
fn a_disk_without_room_costs_no_attempt() {
    let mut plan = empty();
    plan.agents = vec![own("a")];
    plan.agents[0].retry.attempts = 1;
    let mut rig = Rig::new(plan, true);
    rig.state.base_commit = Some("base".to_owned());
    rig.input(InputKind::Prepared {
        agent: AgentIx(0),
        attempt: 1,
        done: Err(Unready::NoRoom("only 1 MiB free".to_owned())),
    });
    assert_eq!(rig.is(0), Status::BackingOff);
    assert_eq!(rig.state.agent(AgentIx(0)).failures, 0);
    let reason = rig.state.agent(AgentIx(0)).reason.clone().unwrap();
    assert!(reason.contains("only 1 MiB free"), "{reason}");
    rig.now_us += 60_000_000;
    rig.input(InputKind::Deadline);
    assert_eq!(rig.is(0), Status::Preparing, "and is looked for again");
}

#[test]
fn a_merge_without_room_for_its_checkout_waits_and_costs_nothing() {
    let mut plan = empty();
    plan.agents = vec![own("a"), own("b")];
    let mut rig = rig(plan);
    for ix in [0, 1] {
        rig.leaves(ix, Some("work"), &[]);
    }
    let full = "only 1 MiB free".to_owned();
    rig.tried(MergeOutcome::NoRoom {
        error: full.clone(),
    });
    let merges = &rig.state.merges;
    let now = merges.now.as_ref().unwrap();
    assert_eq!((&now.stage, &now.why), (&MergeStage::Trying, &Some(full)));
    assert!(merges.busy(), "the run waits for it");
    assert_eq!((merges.failed, rig.is(0)), (0, Status::Merging));
    // The one who waits answers again.
    rig.clean("m1");
    rig.advanced();
    assert_eq!(rig.is(0), Status::Succeeded);
    assert_eq!(rig.state.agent(AgentIx::of(0)).attempt, 1);
}

#[test]
fn what_goes_into_the_head_just_now_is_not_stopped() {
    let mut plan = empty();
    plan.agents = vec![own("a")];
    let mut rig = rig(plan);
    rig.leaves(0, Some("work"), &[]);
    rig.clean("m1");
    let stop = Action::Stop {
        target: Some("a".parse().unwrap()),
    };
    let refusal = resolve(&rig.state, &stop).unwrap_err().to_string();
    assert!(refusal.contains("merged just now"), "{refusal}");
    rig.act(Action::Stop { target: None });
    assert!(rig.state.finished.is_none(), "the head must be there first");
    rig.advanced();
    assert_eq!(rig.is(0), Status::Succeeded);
    assert_eq!(rig.state.merges.head.as_deref(), Some("m1"));
    assert!(rig.state.finished.is_some());
}

/// One own agent in a phase with a gate.
fn gated() -> Plan {
    let mut plan = empty();
    plan.gates = vec![gate("gate-1")];
    plan.phases = vec![phase("build", true, vec![GateIx::of(0)])];
    plan.agents = vec![own("a")];
    plan.agents[0].phase = Some(PhaseIx::of(0));
    plan
}

const BUILD: Owner = Owner::Phase(PhaseIx(0));

pub(super) fn checked_out(rig: &mut Rig, done: Result<&str, &str>) {
    let commit = rig.state.merges.checkout.as_ref().unwrap().commit.clone();
    let done = done.map(str::to_owned).map_err(str::to_owned);
    rig.input(InputKind::CheckedOut {
        commit,
        base: None,
        done,
    });
}

#[test]
fn gates_of_a_phase_run_in_a_checkout_of_the_head() {
    let mut rig = rig(gated());
    rig.leaves(0, Some("work"), &[]);
    rig.clean("m1");
    rig.advanced();
    assert!(rig.has(Command::Checkout));
    assert_eq!(rig.state.usage.agents, 0, "nothing runs before it is there");
    checked_out(&mut rig, Ok("/head/m1"));
    assert_eq!(rig.state.check_dir(BUILD), Some("/head/m1"));
    assert_eq!(rig.state.usage.agents, 1);
}

#[test]
fn gates_are_not_green_without_a_checkout_and_a_retry_asks_again() {
    let mut rig = rig(gated());
    rig.leaves(0, Some("work"), &[]);
    rig.clean("m1");
    rig.advanced();
    checked_out(&mut rig, Err("the disk is full"));
    let phase = &rig.state.phases[0];
    assert_eq!(phase.status, PhaseStatus::Failed);
    assert!(phase.reason.as_ref().unwrap().contains("the disk is full"));
    rig.commands.clear();
    rig.act(Action::Retry {
        target: Target::Phase("build".into()),
    });
    assert!(rig.has(Command::Checkout));
    checked_out(&mut rig, Ok("/head/m1"));
    let gate = rig.check_key(BUILD);
    rig.end(gate, 0);
    assert_eq!(rig.state.phases[0].status, PhaseStatus::Completed);
}

#[test]
fn a_prompt_goes_on_from_what_it_made_and_a_command_begins_anew() {
    for (prompt, kept) in [(true, Some("work")), (false, None)] {
        let mut plan = empty();
        plan.agents = vec![own("a")];
        plan.agents[0].check = vec![vec!["test".into()]];
        plan.agents[0].retry.attempts = 2;
        if prompt {
            plan.agents[0].work = Kind::Prompt("do".into());
        }
        let mut rig = rig(plan);
        rig.leaves(0, Some("work"), &[]);
        let check = rig.check_key(A);
        rig.end(check, 1);
        let former = rig.state.agent(AgentIx(0)).former.as_ref();
        assert_eq!(former.map(|former| former.commit.as_str()), kept);
    }
}

#[test]
fn a_fact_that_contradicts_another_reaches_nobody_before_a_person_says_which_holds() {
    let mut plan = empty();
    plan.agents = vec![own("a"), own("b"), own("c")];
    plan.agents[2].needs = vec![hard(1)];
    let mut rig = rig(plan);
    rig.leaves(0, None, &[("port", "80")]);
    rig.leaves(1, None, &[("port", "81")]);
    assert_eq!(rig.is(0), Status::Succeeded);
    assert_eq!(rig.is(1), Status::Blocked);
    let reason = rig.state.agent(AgentIx(1)).reason.clone().unwrap();
    assert!(reason.contains("port = 81, that of a says 80"), "{reason}");
    assert_eq!(rig.is(2), Status::Waiting);
    let conflict = rig.state.agent(AgentIx(1)).conflict.unwrap();
    rig.act(Action::Choose {
        conflict,
        file: None,
        hunk: None,
        pick: Pick::Theirs,
    });
    rig.act(Action::Settle {
        conflict,
        how: Settle::Chosen,
        note: None,
    });
    assert_eq!(rig.is(1), Status::Succeeded);
    assert_eq!(rig.is(2), Status::Preparing);
    // What a says of it no longer stands.
    rig.leaves(2, None, &[("port", "81")]);
    assert_eq!(rig.is(2), Status::Succeeded);
}

#[test]
fn a_roll_back_does_successors_again_that_changed_nothing() {
    let mut plan = empty();
    plan.agents = vec![own("a"), own("b")];
    plan.agents[1].needs = vec![hard(0)];
    // Keeps the run open: its check is red, and it waits for a person.
    plan.agents.push(agent("c", 1, 1));
    plan.agents[2].needs = vec![hard(1)];
    plan.agents[2].check = vec![vec!["test".into()]];
    plan.agents[2].retry.attempts = 1;
    let mut rig = rig(plan);
    rig.leaves(0, Some("work"), &[]);
    rig.clean("m1");
    rig.advanced();
    rig.leaves(1, None, &[]);
    rig.end_agent(2, 0);
    let check = rig.check_key(Owner::Agent(AgentIx(2)));
    rig.end(check, 1);
    assert_eq!(rig.is(2), Status::Blocked);
    rig.act(Action::Rollback { wave: 0 });
    assert_eq!(rig.is(1), Status::Succeeded, "only once the head is there");
    rig.input(InputKind::RolledBack {
        number: 1,
        done: Ok(()),
    });
    assert_eq!(rig.state.merges.head, None);
    assert_eq!(rig.is(0), Status::Preparing);
    assert_eq!(rig.is(1), Status::Waiting);
    assert_eq!(rig.is(2), Status::Waiting);
}

#[test]
fn what_was_given_up_behind_a_red_check_waits_again_when_its_work_is_done_again() {
    let mut plan = empty();
    plan.agents = vec![own("a"), own("b"), own("c")];
    plan.agents[1].retry.attempts = 1;
    plan.agents[2].needs = vec![hard(1)];
    let mut rig = Rig::new(plan, false);
    rig.state.base_commit = Some("base".to_owned());
    rig.prepare();
    rig.end_agent(1, 0);
    rig.input(InputKind::Collected {
        agent: AgentIx(1),
        attempt: 1,
        found: Ok(Box::new(Found {
            commit: Some("work".to_owned()),
            outside: vec!["elsewhere".to_owned()],
            ..Found::default()
        })),
    });
    // While what is merged is handed over, a person may still have a word.
    rig.leaves(0, Some("work"), &[]);
    rig.clean("m1");
    rig.advanced();
    assert_eq!((rig.is(1), rig.is(2)), (Status::Blocked, Status::Skipped));
    assert_eq!(rig.state.finished, None);
    rig.act(Action::Retry {
        target: "b".parse().unwrap(),
    });
    assert_eq!((rig.is(1), rig.is(2)), (Status::Preparing, Status::Waiting));
}

#[test]
fn a_roll_back_opens_parents_within_parents_from_the_inside() {
    let mut plan = empty();
    plan.agents = vec![agent("whole", 1, 1), agent("half", 1, 1), own("leaf")];
    plan.agents[1].parent = Some(AgentIx(0));
    plan.agents[2].parent = Some(AgentIx(1));
    // Its check is red, and so the run stays open.
    plan.agents.push(agent("last", 1, 1));
    plan.agents[3].needs = vec![hard(0)];
    plan.agents[3].check = vec![vec!["test".into()]];
    plan.agents[3].retry.attempts = 1;
    let mut rig = rig(plan);
    rig.end_agent(0, 0);
    rig.end_agent(1, 0);
    rig.leaves(2, Some("work"), &[]);
    rig.clean("m1");
    rig.advanced();
    assert_eq!(rig.is(0), Status::Succeeded);
    rig.end_agent(3, 0);
    let check = rig.check_key(Owner::Agent(AgentIx(3)));
    rig.end(check, 1);
    rig.act(Action::Rollback { wave: 0 });
    rig.input(InputKind::RolledBack {
        number: 1,
        done: Ok(()),
    });
    let all = [0, 1, 2].map(|ix| rig.is(ix));
    assert_eq!(all, [Status::Joining, Status::Joining, Status::Preparing]);
}
