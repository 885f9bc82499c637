//! The end of a run: the branch, and the question whether a person's follows.

use super::*;
use crate::plan::When;

/// All work of one agent is merged, and the branch is being made.
fn handed(attended: bool) -> Rig {
    let mut plan = empty();
    plan.agents = vec![own("a")];
    let mut rig = Rig::new(plan, attended);
    rig.state.base_commit = Some("base".to_owned());
    rig.leaves(0, Some("work"), &[]);
    rig.clean("m1");
    rig.advanced();
    assert!(rig.has(Command::Deliver));
    rig
}

fn offer(hindered: Option<&str>) -> Offer {
    Offer {
        to: Some("main".to_owned()),
        commits: Some(2),
        files: Some(1),
        hindered: hindered.map(str::to_owned),
    }
}

fn delivered(rig: &mut Rig, forwarded: Option<&str>, error: Option<&str>, offer: Option<Offer>) {
    rig.commands.clear();
    rig.input(InputKind::Delivered {
        commit: "m1".to_owned(),
        branch: "wavedeck/r".to_owned(),
        forwarded: forwarded.map(str::to_owned),
        error: error.map(str::to_owned),
        offer,
    });
}

fn answer(rig: &mut Rig, answer: Answer) {
    let id = rig.state.attention.deliver().expect("it asks").id;
    rig.act(Action::Answer {
        id,
        answer,
        text: None,
        url: None,
    });
}

fn title(rig: &Rig) -> String {
    let item = rig.state.attention.deliver().expect("it asks");
    assert_eq!(item.kind, AttentionKind::Deliver);
    item.title.clone()
}

#[test]
fn the_run_asks_before_a_persons_branch_goes_forward_and_waits() {
    let mut rig = handed(true);
    delivered(&mut rig, None, None, Some(offer(None)));
    assert_eq!(
        title(&rig),
        "1 agent's work is on wavedeck/r (2 commits, 1 file): forward your branch main to it?"
    );
    assert!(rig.state.finished.is_none(), "somebody is there to answer");
    answer(&mut rig, Answer::Yes);
    assert!(rig.has(Command::Deliver));
    let delivery = rig.state.merges.delivery.as_ref().unwrap();
    assert_eq!(delivery.forward.as_deref(), Some("main"));
    delivered(&mut rig, Some("main"), None, None);
    assert_eq!(rig.state.finished, Some(0));
}

#[test]
fn a_no_leaves_the_branch_and_ends_the_run() {
    let mut rig = handed(true);
    delivered(&mut rig, None, None, Some(offer(None)));
    answer(&mut rig, Answer::No);
    assert!(!rig.has(Command::Deliver));
    assert_eq!(rig.state.finished, Some(0));
}

#[test]
fn a_yes_that_could_not_be_carried_out_is_asked_for_again() {
    let mut rig = handed(true);
    delivered(&mut rig, None, None, Some(offer(None)));
    let first = rig.state.attention.deliver().unwrap().id;
    answer(&mut rig, Answer::Yes);
    let why = "1 file is not committed";
    delivered(&mut rig, None, None, Some(offer(Some(why))));
    assert!(rig.state.attention.deliver().unwrap().id > first);
    assert!(title(&rig).contains("main cannot go forward now: 1 file is not committed"));
    assert!(rig.state.finished.is_none());
    answer(&mut rig, Answer::No);
    assert_eq!(rig.state.finished, Some(0));
}

#[test]
fn where_nobody_watches_the_run_ends_and_says_how_to_take_the_work() {
    let mut rig = handed(false);
    delivered(&mut rig, None, None, Some(offer(None)));
    assert_eq!(rig.state.finished, Some(5));
    let left: Vec<_> = waiting(&rig.state).iter().map(|item| item.kind).collect();
    assert_eq!(left, [AttentionKind::Deliver], "`asks` still says so");
    let mut rig = handed(false);
    let error = "your branch stays: 1 file is not committed";
    delivered(&mut rig, None, Some(error), None);
    assert_eq!(rig.state.finished, Some(5), "the branch is there");
    let mut rig = handed(false);
    rig.input(InputKind::Delivered {
        commit: "m1".to_owned(),
        branch: String::new(),
        forwarded: None,
        error: Some("the branch `x` exists".to_owned()),
        offer: None,
    });
    assert_eq!(rig.state.finished, Some(1), "the work is on no branch");
}

#[test]
fn the_question_is_taken_back_while_work_is_done_again() {
    let mut plan = empty();
    plan.agents = vec![own("a"), agent("b", 1, 1)];
    plan.agents[1].retry.attempts = 1;
    plan.agents[1].needs = vec![crate::plan::Need {
        when: When::Ended,
        ..hard(0)
    }];
    let mut rig = Rig::new(plan, true);
    rig.state.base_commit = Some("base".to_owned());
    rig.leaves(0, Some("work"), &[]);
    rig.clean("m1");
    rig.advanced();
    rig.end_agent(1, 1);
    assert_eq!(rig.is(1), Status::Failed);
    delivered(&mut rig, None, None, Some(offer(None)));
    let first = rig.state.attention.deliver().expect("it asks").id;
    rig.act(Action::Retry {
        target: "b".parse().unwrap(),
    });
    assert!(rig.state.attention.deliver().is_none(), "not all is done");
    rig.end_agent(1, 0);
    delivered(&mut rig, None, None, Some(offer(None)));
    assert!(rig.state.attention.deliver().expect("it asks again").id > first);
}

#[test]
fn what_was_kept_back_for_one_agent_is_asked_about_once_that_one_is_done() {
    let mut plan = empty();
    plan.agents = vec![own("a"), agent("b", 1, 1)];
    plan.agents[1].retry.attempts = 1;
    let mut rig = Rig::new(plan, true);
    rig.state.base_commit = Some("base".to_owned());
    rig.prepare();
    rig.end_agent(1, 1);
    rig.leaves(0, Some("work"), &[]);
    rig.clean("m1");
    rig.advanced();
    assert!(rig.has(Command::Deliver), "b has failed: all have ended");
    rig.act(Action::Retry {
        target: "b".parse().unwrap(),
    });
    // While b was not done nobody could be asked.
    delivered(&mut rig, None, None, None);
    assert!(!rig.has(Command::Deliver));
    rig.end_agent(1, 0);
    assert!(rig.has(Command::Deliver), "the same head, and all is done");
    delivered(&mut rig, None, None, Some(offer(None)));
    assert!(title(&rig).contains("1 agent's work is on wavedeck/r"));
    assert_eq!(rig.state.finished, None);
}

#[test]
fn after_a_way_back_the_run_moves_the_branch_that_it_made() {
    let mut rig = handed(true);
    delivered(&mut rig, None, None, Some(offer(None)));
    rig.act(Action::Rollback { wave: 0 });
    rig.input(InputKind::RolledBack {
        number: 1,
        done: Ok(()),
    });
    assert!(rig.state.attention.deliver().is_none(), "taken back");
    rig.leaves(0, Some("other work"), &[]);
    rig.clean("m2");
    rig.advanced();
    let before = |rig: &Rig| rig.state.merges.delivery.as_ref().unwrap().before.clone();
    assert_eq!(before(&rig).as_deref(), Some("m1"));
    // One that came to nothing has not moved it.
    rig.input(InputKind::Delivered {
        commit: "m2".to_owned(),
        branch: String::new(),
        forwarded: None,
        error: Some("no space left".to_owned()),
        offer: None,
    });
    assert_eq!(before(&rig).as_deref(), Some("m1"));
}

#[test]
fn a_stop_says_where_the_work_is_that_nobody_was_handed() {
    let mut plan = empty();
    plan.agents = vec![own("a"), own("b"), agent("c", 1, 1)];
    plan.agents[2].needs = vec![hard(1)];
    let mut rig = rig(plan);
    rig.leaves(0, Some("work"), &[]);
    rig.clean("m1");
    rig.advanced();
    rig.leaves(1, Some("more"), &[]);
    assert_eq!(rig.is(1), Status::Merging);
    rig.act(Action::Stop { target: None });
    assert_eq!(
        rig.state.summary.as_deref(),
        Some(
            "1 done, 1 not finished, 1 not run, \
             what is merged is kept by refs/wavedeck/r/integration"
        )
    );
}
