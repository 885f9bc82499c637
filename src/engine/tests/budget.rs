//! Tokens and money: what is charged, and what stops when it is used up.

use super::*;
use crate::agents::Used;

const TOKENS: Budget = Budget::Tokens;

/// Agents that state tokens, one after the other, under a limit.
fn plan(stated: &[u64], limit: u64) -> Plan {
    let mut plan = empty();
    for (i, tokens) in stated.iter().enumerate() {
        let mut a = agent(&format!("a{i}"), 1, 1);
        a.modes[0].tokens = *tokens;
        plan.agents.push(a);
    }
    plan.limits.tokens = Some(limit);
    plan
}

impl Rig {
    fn used(&mut self, ix: u32, input: u64) {
        self.spends(
            ix,
            Used {
                input,
                ..Used::default()
            },
        );
    }

    fn spends(&mut self, ix: u32, used: Used) {
        let agent = AgentIx(ix);
        self.input(InputKind::Heard {
            agent,
            attempt: self.state.agent(agent).attempt,
            heard: Box::new(Heard::Used(used)),
        });
    }

    fn kinds(&self) -> Vec<&'static str> {
        let all = self.events.iter().map(Event::kind);
        let about = |kind: &&str| kind.starts_with("budget.") || kind.starts_with("rate.");
        all.filter(about).collect()
    }

    fn stands(&self, ix: u32) -> Status {
        self.state.agent(AgentIx(ix)).status
    }

    fn asked(&self) -> &Item {
        self.state.attention.budget().expect("the run asks")
    }

    fn answer(&mut self, answer: Answer) {
        let id = self.asked().id;
        self.act(Action::Answer {
            id,
            answer,
            text: None,
            url: None,
        });
    }
}

#[test]
fn an_attempt_is_charged_the_larger_and_at_its_end_what_it_said() {
    let mut rig = Rig::new(plan(&[100, 100, 100], 1_000), true);
    assert_eq!(rig.state.usage.tokens, 300);
    rig.used(0, 40);
    assert_eq!(
        (rig.state.usage.tokens, rig.state.spending.tokens.used),
        (300, 40)
    );
    rig.used(1, 150);
    assert_eq!(
        (rig.state.usage.tokens, rig.state.spending.tokens.used),
        (350, 190)
    );
    rig.end_agent(0, 0);
    assert_eq!(
        rig.state.usage.tokens, 290,
        "what it said in place of what was stated"
    );
    rig.end_agent(2, 0);
    assert_eq!(
        rig.state.usage.tokens, 290,
        "what was stated: it said nothing"
    );
    assert_eq!(rig.state.spending.tokens.used, 290);
    // What could not be started has used nothing.
    let mut rig = Rig::new(plan(&[100], 1_000), true);
    rig.input(InputKind::SpawnFailed {
        key: JobKey::main(AgentIx(0), 1),
        error: "no such program".into(),
    });
    assert_eq!(rig.state.usage.tokens, 0);
}

#[test]
fn a_run_that_would_use_120_percent_stops_starting_at_100_and_asks() {
    let mut plan = plan(&[0, 0, 0, 0, 0, 0], 100);
    plan.agents[0].check = vec![vec!["test".into()]];
    let mut rig = Rig::with_cap(plan, true, 2);
    rig.used(0, 40);
    rig.used(1, 39);
    assert!(rig.kinds().is_empty());
    rig.used(1, 45);
    assert_eq!(rig.kinds(), ["budget.warned"]);
    rig.end_agent(1, 0);
    assert_eq!(rig.stands(2), Status::Running, "there is something left");
    rig.used(2, 35);
    assert_eq!(rig.kinds(), ["budget.warned", "budget.spent"]);
    assert_eq!(rig.state.spending.tokens.used, 120);
    assert!(
        rig.asked()
            .title
            .starts_with("120 tokens of 100 tokens used")
    );
    rig.end_agent(2, 0);
    rig.end_agent(0, 0);
    // The check of what is done runs; nothing new does.
    assert_eq!(rig.stands(0), Status::Checking);
    rig.end(rig.check_key(A), 0);
    assert_eq!(rig.stands(0), Status::Succeeded);
    let why = admit(&rig.state, &Figures::default(), AgentIx(3)).unwrap_err();
    assert_eq!(
        why.to_string(),
        "the budget is used up: 120 tokens of 100 tokens"
    );
    assert_eq!((rig.state.usage.agents, rig.state.finished), (0, None));
    // Yes lifts it for this run.
    rig.answer(Answer::Yes);
    assert!(rig.state.attention.budget().is_none());
    assert_eq!(rig.stands(3), Status::Running);
    rig.end_agent(3, 0);
    rig.end_agent(4, 0);
    rig.end_agent(5, 0);
    assert_eq!(rig.state.finished, Some(0));
}

#[test]
fn no_leaves_what_has_not_started_and_ends_the_run() {
    let mut plan = plan(&[0, 0, 0], 100);
    plan.agents[2].needs = vec![hard(1)];
    plan.agents[0].priority = crate::plan::Priority::Critical;
    let mut rig = Rig::with_cap(plan, true, 1);
    rig.used(0, 100);
    rig.answer(Answer::No);
    assert_eq!(rig.stands(0), Status::Running, "what runs goes on");
    assert_eq!(
        (rig.stands(1), rig.stands(2)),
        (Status::Skipped, Status::Skipped)
    );
    rig.end_agent(0, 0);
    assert_eq!(rig.state.finished, Some(3));
    let summary = rig.state.summary.as_deref().unwrap();
    assert!(summary.contains("100 tokens of 100 tokens"), "{summary}");
}

#[test]
fn where_nobody_watches_the_run_ends_and_waits_for_a_person() {
    let mut rig = Rig::with_cap(plan(&[0, 0], 100), false, 1);
    rig.used(0, 130);
    rig.end_agent(0, 0);
    assert_eq!(
        (rig.stands(0), rig.stands(1)),
        (Status::Succeeded, Status::Skipped)
    );
    assert_eq!(rig.state.finished, Some(5));
    let summary = rig.state.summary.as_deref().unwrap();
    assert!(
        summary.contains("the budget is used up (130 tokens of 100 tokens), 1 not started for it"),
        "{summary}"
    );
    assert_eq!(rig.asked().answers(), [Answer::Yes, Answer::No]);
    // The last one may go over: nothing is left to ask about.
    let mut rig = Rig::with_cap(plan(&[0, 0], 100), false, 2);
    rig.used(0, 130);
    rig.end_agent(0, 0);
    rig.end_agent(1, 0);
    assert_eq!(rig.state.finished, Some(0));
    assert_eq!(rig.state.attention.last_id, 0);
}

#[test]
fn a_parent_whose_parts_the_budget_left_waits_for_a_person_too() {
    // With work of its own and as a group; a part that did its work and one that did not start.
    for group in [false, true] {
        let mut plan = plan(&[0, 0, 0], 100);
        if group {
            plan.agents[0].work = crate::plan::Work::Group;
        }
        plan.agents[1].parent = Some(AgentIx(0));
        plan.agents[2].parent = Some(AgentIx(0));
        let mut after = agent("after", 1, 1);
        after.needs = vec![hard(0)];
        plan.agents.push(after);
        let mut rig = Rig::with_cap(plan, false, 1);
        if !group {
            rig.end_agent(0, 0);
        }
        rig.used(1, 130);
        rig.end_agent(1, 0);
        let all = [1, 2].map(|ix| rig.stands(ix));
        assert_eq!(all, [Status::Succeeded, Status::Skipped], "{group}");
        assert_eq!(rig.state.finished, Some(5), "{group}: {:?}", rig.stands(0));
    }
    // A person's no stops it.
    let mut parts = plan(&[0, 0, 0], 100);
    parts.agents[1].parent = Some(AgentIx(0));
    parts.agents[2].parent = Some(AgentIx(0));
    let mut rig = Rig::with_cap(parts, true, 1);
    rig.end_agent(0, 0);
    rig.used(1, 130);
    rig.end_agent(1, 0);
    rig.answer(Answer::No);
    assert_eq!(rig.stands(0), Status::Stopped);
    assert_eq!(rig.state.finished, Some(3));
    // What failed is not hidden by it.
    let mut plan = plan(&[0, 0, 0], 100);
    plan.agents[1].parent = Some(AgentIx(0));
    plan.agents[2].parent = Some(AgentIx(0));
    let mut rig = Rig::with_cap(plan, false, 1);
    rig.end_agent(0, 0);
    rig.used(1, 130);
    rig.end_agent(1, 1);
    assert_eq!(rig.stands(1), Status::Failed);
    assert_eq!(rig.state.finished, Some(1));
}

#[test]
fn who_has_begun_and_may_not_go_on_is_not_called_unstarted() {
    let told = |attended| {
        let mut plan = plan(&[0, 0], 100);
        plan.agents[0].work = crate::plan::Work::Prompt("do".to_owned());
        let mut rig = Rig::with_cap(plan, attended, 1);
        rig.act(Action::Tell {
            agent: "a0".to_owned(),
            text: "more".to_owned(),
            now: false,
        });
        rig.used(0, 130);
        // Its turn ends well, and it would go on with the message.
        rig.end_agent(0, 0);
        rig
    };
    // Where nobody watches it waits for a person, as whoever was left with it.
    let rig = told(false);
    assert_eq!(
        (rig.stands(0), rig.stands(1)),
        (Status::Blocked, Status::Skipped)
    );
    let reason = rig.state.agents[0].reason.as_deref().unwrap();
    assert!(
        reason.starts_with("not gone on with: the budget"),
        "{reason}"
    );
    assert_eq!(rig.state.finished, Some(5));
    // A part that was stopped for it is no failure of its parent.
    let mut parts = plan(&[0, 0, 0], 100);
    parts.agents[1].work = crate::plan::Work::Prompt("do".to_owned());
    parts.agents[1].parent = Some(AgentIx(0));
    parts.agents[2].parent = Some(AgentIx(0));
    let mut rig = Rig::with_cap(parts, true, 1);
    rig.end_agent(0, 0);
    rig.used(1, 130);
    rig.act(Action::Tell {
        agent: "a1".to_owned(),
        text: "more".to_owned(),
        now: false,
    });
    rig.end_agent(1, 0);
    rig.answer(Answer::No);
    let all = [0, 1, 2].map(|ix| rig.stands(ix));
    assert_eq!(all, [Status::Stopped, Status::Stopped, Status::Skipped]);
    assert_eq!(rig.state.finished, Some(3));
    let mut rig = told(true);
    rig.answer(Answer::No);
    assert_eq!(
        (rig.stands(0), rig.stands(1)),
        (Status::Stopped, Status::Skipped)
    );
    assert_eq!(rig.state.finished, Some(3));
}

#[test]
fn a_retry_that_the_budget_forbids_is_a_failure() {
    let mut plan = plan(&[0], 100);
    plan.agents[0].retry.attempts = 2;
    let mut rig = Rig::new(plan, false);
    rig.used(0, 100);
    rig.end_agent(0, 1);
    rig.now_us += 10_000_000;
    rig.input(InputKind::Deadline);
    assert_eq!(rig.stands(0), Status::Failed);
    assert_eq!(rig.state.finished, Some(1));
    let reason = rig.state.agents[0].reason.as_deref().unwrap();
    assert!(reason.contains("not tried again: the budget"), "{reason}");
}

#[test]
fn what_needs_more_than_is_left_waits_for_what_runs_and_then_asks() {
    let mut rig = Rig::new(plan(&[60, 60], 100), true);
    assert_eq!(
        (rig.stands(0), rig.stands(1)),
        (Status::Running, Status::Ready)
    );
    let why = admit(&rig.state, &Figures::default(), AgentIx(1)).unwrap_err();
    assert_eq!(why.to_string(), "needs 60 tokens, 40 left of the budget");
    rig.used(0, 30);
    rig.end_agent(0, 0);
    assert_eq!(
        rig.stands(1),
        Status::Running,
        "less was used than was stated"
    );
    let mut rig = Rig::new(plan(&[60, 60], 100), true);
    rig.used(0, 50);
    rig.end_agent(0, 0);
    assert_eq!(rig.kinds(), ["budget.spent"]);
    assert_eq!(rig.stands(1), Status::Ready);
    rig.answer(Answer::Yes);
    assert_eq!(rig.stands(1), Status::Running);
}

#[test]
fn money_is_what_the_program_says_and_else_what_the_list_says() {
    let mut plan = plan(&[0, 0], 1 << 40);
    plan.limits.cost_microusd = Some(10_000);
    plan.workers = vec![worker("claude"), worker("other")];
    plan.workers[0].model = Some("claude-sonnet-4-5".into());
    for (i, agent) in plan.agents.iter_mut().enumerate() {
        agent.modes[0].worker = Some(WorkerIx::of(i));
    }
    plan.agents.push(agent("a2", 1, 1));
    let mut rig = Rig::with_cap(plan, true, 2);
    rig.used(0, 1_000);
    let cost = |rig: &Rig, ix: usize| rig.state.agents[ix].talk.as_ref().unwrap().cost();
    let (computed, microusd) = (true, 3_000);
    assert_eq!(
        cost(&rig, 0),
        Cost {
            microusd,
            computed,
            unknown: false
        }
    );
    rig.spends(
        0,
        Used {
            input: 1_000,
            cost_microusd: Some(2_500),
            ..Used::default()
        },
    );
    assert_eq!(cost(&rig, 0).microusd, 2_500);
    assert!(!cost(&rig, 0).computed);
    // No price: not known, and not nothing.
    rig.used(1, 1_000_000);
    assert!(cost(&rig, 1).unknown);
    assert_eq!(rig.state.spending.cost.used, 2_500);
    rig.spends(
        0,
        Used {
            input: 1_000,
            output: 1,
            cost_microusd: Some(10_000),
            ..Used::default()
        },
    );
    assert_eq!(rig.kinds(), ["budget.spent"]);
    assert!(
        rig.asked()
            .title
            .starts_with("0.01 dollars of 0.01 dollars")
    );
}

#[test]
fn a_start_waits_while_the_last_minute_has_more_tokens_than_may_be() {
    let mut plan = plan(&[0, 0], 1 << 40);
    plan.limits.tokens_per_minute = Some(1_000);
    let mut rig = Rig::with_cap(plan, true, 1);
    rig.used(0, 900);
    rig.now_us += 30_000_000;
    rig.used(0, 1_500);
    rig.end_agent(0, 0);
    assert_eq!(rig.kinds(), ["rate.reached"]);
    assert_eq!(rig.stands(1), Status::Ready);
    let why = admit(&rig.state, &Figures::default(), AgentIx(1)).unwrap_err();
    assert_eq!(
        why.to_string(),
        "more than 1000 tokens in the last minute: waits 30 s"
    );
    assert_eq!(rig.state.finished, None, "it waits");
    let at = rig.state.next_deadline().unwrap();
    rig.now_us = at - 2;
    rig.input(InputKind::Deadline);
    assert_eq!(rig.stands(1), Status::Ready, "not before its time");
    rig.input(InputKind::Deadline);
    assert_eq!(rig.kinds(), ["rate.reached", "rate.recovered"]);
    assert_eq!(rig.stands(1), Status::Running);
    rig.end_agent(1, 0);
    assert_eq!(rig.state.finished, Some(0));
}

#[test]
fn the_spent_event_is_of_the_run() {
    let event = TalkEvent::BudgetSpent {
        budget: TOKENS,
        used: 1,
        limit: 1,
        asked: None,
    };
    assert_eq!(event.agent(), None);
    assert_eq!(
        serde_json::to_string(&event).unwrap(),
        r#"{"kind":"budget.spent","budget":"tokens","used":1,"limit":1}"#
    );
}
