//! Decisions about sessions that a person works in.

use super::talk::{prompted, tell};
use super::*;
use crate::plan::Work;

const A: AgentIx = AgentIx(0);

fn open(now: bool) -> Action {
    Action::Open {
        agent: "a".to_owned(),
        now,
    }
}

fn close() -> Action {
    Action::Close {
        agent: "a".to_owned(),
    }
}

fn refused(rig: &Rig, action: &Action) -> String {
    resolve(&rig.state, action).unwrap_err().to_string()
}

impl Rig {
    fn opened(&self) -> bool {
        let agent = self.state.agent(A);
        agent.opened() && self.state.in_terminal(A) && agent.status == Status::Running
    }

    fn caused(&self, cause: Cause) -> bool {
        let last = self.events.iter().rev();
        let mut last = last.filter_map(|event| match event {
            Event::AgentRetrying { cause, .. } => Some(*cause),
            _ => None,
        });
        last.next() == Some(cause)
    }
}

#[test]
fn a_session_opens_at_the_end_of_a_turn_and_what_it_left_is_judged_after_it() {
    let mut plan = prompted();
    plan.agents[0].check = vec![vec!["true".to_owned()]];
    let mut rig = Rig::new(plan, true);
    assert!(
        refused(&rig, &open(false)).contains("keeps no session"),
        "of an unknown program"
    );
    rig.session("claude");
    rig.act(open(false));
    assert_eq!(rig.status(0), Status::Running, "its turn goes on");
    assert!(refused(&rig, &open(false)).contains("already"));
    rig.verdict(None);
    rig.end_agent(0, 0);
    assert!(rig.opened() && rig.caused(Cause::Opened));
    let agent = rig.state.agent(A);
    assert_eq!((agent.attempt, agent.failures, agent.home()), (2, 0, 1));
    assert_eq!(
        rig.state.next_deadline(),
        None,
        "a person takes as long as it takes"
    );
    assert!(refused(&rig, &open(true)).contains("open already"));
    // However the person left it.
    rig.end_agent(0, 130);
    assert_eq!(
        (rig.status(0), rig.state.agent(A).attempt),
        (Status::Checking, 2)
    );
}

#[test]
fn a_turn_that_was_broken_off_goes_on_when_the_session_is_handed_back() {
    let mut plan = prompted();
    // The run goes on with this one.
    plan.agents.push(agent("b", 1, 1));
    let mut rig = Rig::new(plan, true);
    rig.session("claude");
    rig.act(open(true));
    let key = JobKey::main(A, 1);
    assert!(rig.has(Command::Terminate { key }));
    rig.end_agent(0, 143);
    assert!(rig.opened());
    rig.act(close());
    let key = JobKey::main(A, 2);
    assert!(rig.has(Command::Terminate { key }));
    rig.end_agent(0, 143);
    assert!(rig.caused(Cause::Returned));
    let agent = rig.state.agent(A);
    assert_eq!(
        (agent.status, agent.attempt, agent.failures),
        (Status::Running, 3, 0)
    );
    assert!(!agent.opened() && rig.talk().went_on && rig.talk().session.is_some());
    assert!(rig.state.next_deadline().is_some(), "its clock runs again");
    rig.verdict(None);
    rig.end_agent(0, 0);
    assert_eq!(rig.status(0), Status::Succeeded);
    assert!(refused(&rig, &open(false)).contains("a is done"));
}

#[test]
fn what_a_turn_ended_with_is_told_where_its_session_opens_and_a_wish_can_be_taken_back() {
    let mut rig = Rig::new(prompted(), true);
    rig.session("claude");
    rig.act(open(false));
    rig.act(close());
    assert!(refused(&rig, &close()).contains("no session of a is open"));
    rig.act(open(false));
    rig.end_agent(0, 3);
    let reason = rig.state.agent(A).reason.clone().unwrap();
    assert!(rig.opened() && reason.contains("status 3"), "{reason}");
    rig.end_agent(0, 0);
    assert!(rig.caused(Cause::Returned), "its work was not done");
}

#[test]
fn a_message_waits_until_the_person_is_done() {
    let mut rig = Rig::new(prompted(), true);
    rig.session("claude");
    rig.act(open(false));
    rig.verdict(None);
    rig.end_agent(0, 0);
    rig.act(tell("mind the tests", false));
    assert!(refused(&rig, &tell("x", true)).contains("somebody works in the session"));
    let key = JobKey::main(A, 2);
    assert!(!rig.has(Command::Tell { key, message: 1 }));
    assert_eq!(rig.talk().messages.len(), 1);
    rig.end_agent(0, 0);
    assert!(rig.caused(Cause::Returned), "one waits for it");
    assert!(rig.talk().messages.is_empty(), "its turn began with it");
}

#[test]
fn after_a_crash_the_session_goes_on_without_the_person() {
    let mut rig = Rig::new(prompted(), true);
    rig.session("claude");
    rig.act(open(false));
    rig.verdict(None);
    rig.end_agent(0, 0);
    assert!(rig.opened());
    rig.input(InputKind::Recovered {
        boot_id: "b".to_owned(),
        survivors: 0,
        seen_attempts: Vec::new(),
    });
    let agent = rig.state.agent(A);
    assert!(rig.caused(Cause::Interrupted) && agent.attempt == 3 && !agent.opened());
    assert!(rig.talk().went_on && rig.talk().session.is_some());
}

#[test]
fn a_blocked_agent_is_opened_in_its_workspace_and_verified_anew() {
    let mut plan = prompted();
    plan.agents[0].check = vec![vec!["false".to_owned()]];
    plan.agents[0].retry.attempts = 1;
    let mut rig = Rig::new(plan, true);
    rig.session("claude");
    rig.verdict(None);
    rig.end_agent(0, 0);
    rig.end(rig.check_key(Owner::Agent(A)), 1);
    assert_eq!(rig.status(0), Status::Blocked);
    rig.act(open(false));
    assert!(rig.opened());
    assert_eq!(rig.state.agent(A).home(), 1);
    rig.end_agent(0, 0);
    assert_eq!(rig.status(0), Status::Checking);
    rig.end(rig.check_key(Owner::Agent(A)), 0);
    assert_eq!(rig.status(0), Status::Succeeded);
}

#[test]
fn a_program_without_sessions_and_a_command_are_refused() {
    let mut rig = Rig::new(prompted(), true);
    rig.session("aider");
    assert!(refused(&rig, &open(false)).contains("aider keeps no session"));
    let mut plan = prompted();
    plan.agents[0].work = Work::Command(vec!["true".to_owned()]);
    let rig = Rig::new(plan, true);
    assert!(refused(&rig, &open(false)).contains("a is a command"));
    let mut plan = prompted();
    plan.workers[0].cli = Some("claude".to_owned());
    let rig = Rig::new(plan, true);
    assert!(refused(&rig, &open(false)).contains("has not named the session"));
}

#[test]
fn what_a_person_uses_up_in_a_session_is_not_guessed() {
    let mut plan = prompted();
    for mode in &mut plan.agents[0].modes {
        mode.tokens = 1_000;
    }
    let mut rig = Rig::new(plan, true);
    rig.session("claude");
    rig.act(open(false));
    rig.verdict(None);
    rig.end_agent(0, 0);
    assert!(rig.opened());
    let before = rig.state.spending.tokens.used;
    assert_eq!(before, 1_000, "its turn said nothing");
    rig.end_agent(0, 0);
    assert_eq!(rig.state.spending.tokens.used, before);
    assert_eq!(rig.state.usage.tokens, before);
}

#[test]
fn a_wish_ends_with_its_agent() {
    let mut rig = Rig::new(prompted(), true);
    rig.session("claude");
    rig.act(open(false));
    rig.act(Action::Stop {
        target: Some(Target::Agent("a".to_owned())),
    });
    rig.end_agent(0, 143);
    // It is stopped, and the run over; a run with others goes on.
    assert_eq!(rig.status(0), Status::Stopped);
    assert_eq!(rig.talk().wished, None);
}

#[test]
fn after_a_roll_back_sessions_of_before_are_lost_and_those_of_after_are_kept() {
    use super::work::own;
    let mut plan = prompted();
    plan.agents[0].workspace = crate::plan::Workspace::Own;
    plan.agents[0].needs = vec![hard(1)];
    plan.agents.push(own("b"));
    // Its check is red, and so the run stays open with nothing at work.
    plan.agents.push(agent("c", 1, 1));
    plan.agents[2].needs = vec![hard(1)];
    plan.agents[2].check = vec![vec!["test".into()]];
    plan.agents[2].retry.attempts = 1;
    let mut rig = super::work::rig(plan);
    rig.leaves(1, Some("work"), &[]);
    rig.clean("m1");
    rig.advanced();
    rig.prepare();
    rig.session("claude");
    rig.end_agent(0, 1);
    assert_eq!(rig.status(0), Status::Failed);
    rig.end_agent(2, 0);
    rig.end(rig.check_key(Owner::Agent(AgentIx(2))), 1);
    rig.act(Action::Rollback { wave: 0 });
    rig.input(InputKind::RolledBack {
        number: 1,
        done: Ok(()),
    });
    rig.prepare();
    assert!(refused(&rig, &open(false)).contains("roll-back"));
    rig.leaves(1, Some("work"), &[]);
    rig.clean("m2");
    rig.advanced();
    rig.act(Action::Retry {
        target: Target::Agent("a".to_owned()),
    });
    rig.prepare();
    assert_eq!(rig.status(0), Status::Running);
    assert!(!rig.talk().went_on);
    rig.session("claude");
    rig.act(tell("more", true));
    rig.end_agent(0, 143);
    rig.prepare();
    assert!(
        rig.talk().went_on,
        "its workspace is of after the roll-back"
    );
    rig.session("claude");
    rig.act(open(false));
    rig.verdict(None);
    rig.end_agent(0, 0);
    rig.prepare();
    assert!(rig.opened());
}

#[test]
fn a_session_is_not_opened_where_a_crash_has_lost_the_last_attempt() {
    let mut plan = prompted();
    plan.agents.push(agent("b", 1, 1));
    let mut rig = Rig::new(plan, true);
    rig.session("claude");
    rig.end_agent(0, 1);
    assert_eq!(rig.status(0), Status::Failed);
    assert!(resolve(&rig.state, &open(false)).is_ok());
    // Another attempt ran, of which the journal knows nothing.
    rig.input(InputKind::Recovered {
        boot_id: "b".to_owned(),
        survivors: 1,
        seen_attempts: vec![("a".into(), 2)],
    });
    assert!(refused(&rig, &open(false)).contains("`retry` starts it anew"));
}
