//! Decisions about conversations: sessions, questions, messages, providers.

use super::*;
use crate::{
    agents::{Ask, Question, ToolCall, ToolKind, Used, Why},
    plan::{Work, Worker},
};

/// One agent with a prompt and two workers, of programs `p` and `q`.
pub(super) fn prompted() -> Plan {
    let mut plan = empty();
    plan.workers = ["p", "q"]
        .map(|name| Worker {
            name: name.to_owned(),
            cli: Some(name.to_owned()),
            ..Worker::default()
        })
        .to_vec();
    let mut a = agent("a", 1, 1);
    a.work = Work::Prompt("do".to_owned());
    a.timeout_us = Some(1_000);
    a.modes = [0, 1]
        .map(|w| crate::plan::AgentMode {
            worker: Some(WorkerIx::of(w)),
            ..mode(1, 1)
        })
        .to_vec();
    plan.agents = vec![a];
    plan
}

impl Rig {
    fn hear(&mut self, heard: Heard) {
        let agent = AgentIx(0);
        let attempt = self.state.agent(agent).attempt;
        let heard = Box::new(heard);
        self.input(InputKind::Heard {
            agent,
            attempt,
            heard,
        });
    }

    pub(super) fn session(&mut self, program: &str) {
        self.hear(Heard::Session {
            program: program.to_owned(),
            id: "s".to_owned(),
            model: None,
        });
    }

    fn asks(&mut self, id: &str, tool: Option<&str>, within: bool) {
        let call = tool.map(|tool| ToolCall {
            id: String::new(),
            kind: ToolKind::Run,
            tool: tool.to_owned(),
            what: String::new(),
            paths: Vec::new(),
            diff: None,
        });
        let question = Question {
            id: id.to_owned(),
            text: format!("may I {id}"),
            call,
            options: Vec::new(),
        };
        self.hear(Heard::Asked { question, within });
    }

    fn reply(&mut self, answer: Answer, text: Option<&str>) {
        let id = self.state.attention.last_id;
        let text = text.map(str::to_owned);
        self.act(Action::Answer {
            id,
            answer,
            text,
            url: None,
        });
    }

    pub(super) fn verdict(&mut self, why: Option<Why>) {
        self.hear(Heard::Verdict {
            why,
            reason: "because".to_owned(),
        });
    }

    pub(super) fn talk(&self) -> &Talk {
        self.state.agent(AgentIx(0)).talk.as_deref().unwrap()
    }
}

pub(super) fn tell(text: &str, now: bool) -> Action {
    Action::Tell {
        agent: "a".to_owned(),
        text: text.to_owned(),
        now,
    }
}

#[test]
fn what_lies_within_is_allowed_by_the_plan_and_the_rest_asks_a_person() {
    let mut rig = Rig::new(prompted(), true);
    rig.asks("one", Some("Edit"), true);
    assert!(rig.talk().asks.is_empty());
    assert_eq!(rig.talk().replies.len(), 1);
    rig.asks("two", Some("Bash"), false);
    assert_eq!(rig.talk().asks.len(), 1);
    let item = rig.state.attention.open.values().next().unwrap();
    assert_eq!(
        (item.kind, item.title.as_str()),
        (AttentionKind::Permission, "may I two")
    );
    rig.reply(Answer::Always, None);
    assert!(rig.talk().asks.is_empty() && rig.state.attention.open.is_empty());
    rig.asks("three", Some("Bash"), false);
    assert_eq!(rig.talk().replies.len(), 3, "an earlier answer covers it");
    rig.asks("four", None, false);
    rig.reply(Answer::Say, Some("blue"));
    let last = rig.talk().replies.last().unwrap();
    assert_eq!(last.1, crate::agents::Reply::Text("blue".to_owned()));
    let key = JobKey::main(AgentIx(0), 1);
    assert!(rig.has(Command::Reply { key, number: 3 }));
}

#[test]
fn the_clock_stands_while_a_question_waits() {
    let mut rig = Rig::new(prompted(), true);
    rig.asks("one", Some("Bash"), false);
    assert_eq!(rig.state.next_deadline(), None);
    rig.now_us += 10_000;
    rig.input(InputKind::Deadline);
    assert_eq!(rig.status(0), Status::Running);
    rig.reply(Answer::No, Some("not that"));
    assert!(rig.state.next_deadline().is_some_and(|at| at > rig.now_us));
    rig.now_us += 10_000;
    rig.input(InputKind::Deadline);
    assert!(rig.has(Command::Terminate {
        key: JobKey::main(AgentIx(0), 1)
    }));
}

#[test]
fn where_nobody_is_there_a_question_fails_if_the_plan_says_so() {
    let mut plan = prompted();
    plan.agents[0].ask = Ask::Always;
    plan.agents[0].fails_when_asking = true;
    let mut rig = Rig::new(plan, false);
    rig.asks("one", Some("Edit"), true);
    rig.end_agent(0, 143);
    assert_eq!(rig.status(0), Status::Failed);
    let reason = rig.state.agent(AgentIx(0)).reason.clone().unwrap();
    assert!(reason.contains("nobody is there"), "{reason}");
}

#[test]
fn a_message_that_waits_begins_another_turn_of_the_same_session() {
    let mut rig = Rig::new(prompted(), true);
    rig.session("p");
    rig.act(tell("mind the tests", false));
    let key = JobKey::main(AgentIx(0), 1);
    assert!(rig.has(Command::Tell { key, message: 1 }));
    rig.verdict(None);
    rig.end_agent(0, 0);
    let agent = rig.state.agent(AgentIx(0));
    assert_eq!((agent.status, agent.attempt), (Status::Running, 2));
    assert!(rig.talk().went_on && rig.talk().messages.is_empty());
    assert_eq!(agent.failures, 0);
    rig.end_agent(0, 0);
    assert_eq!(rig.status(0), Status::Succeeded);
    let told = |e: &&Event| matches!(e, Event::Talk(t) if t.kind() == "agent.told");
    assert_eq!(rig.events.iter().filter(told).count(), 1);
}

#[test]
fn a_message_that_the_program_took_while_it_ran_is_not_told_again() {
    let mut rig = Rig::new(prompted(), true);
    rig.act(tell("now", false));
    rig.hear(Heard::Told(1));
    rig.hear(Heard::Told(1));
    rig.end_agent(0, 0);
    let agent = rig.state.agent(AgentIx(0));
    assert_eq!((agent.status, agent.attempt), (Status::Succeeded, 1));
}

#[test]
fn an_urgent_message_breaks_the_turn_off_and_costs_no_attempt() {
    let mut rig = Rig::new(prompted(), true);
    rig.session("p");
    rig.act(tell("stop, other file", true));
    assert!(rig.has(Command::Terminate {
        key: JobKey::main(AgentIx(0), 1)
    }));
    rig.verdict(Some(Why::Error));
    rig.end_agent(0, 143);
    let agent = rig.state.agent(AgentIx(0));
    assert_eq!((agent.attempt, agent.failures), (2, 0));
    assert!(rig.talk().went_on);
}

#[test]
fn a_session_that_cannot_be_gone_on_with_begins_anew_without_a_failure() {
    let mut rig = Rig::new(prompted(), true);
    rig.session("p");
    rig.act(Action::Swap {
        agent: "a".to_owned(),
        worker: None,
    });
    rig.end_agent(0, 143);
    assert!(rig.talk().went_on && rig.talk().session.is_some());
    rig.end_agent(0, 1);
    let agent = rig.state.agent(AgentIx(0));
    assert_eq!(
        (agent.status, agent.attempt, agent.failures),
        (Status::Running, 3, 0)
    );
    assert!(rig.talk().went_on && rig.talk().session.is_none());
    rig.end_agent(0, 1);
    assert_eq!(rig.status(0), Status::Failed, "now it counts");
}

#[test]
fn the_programs_word_counts_before_its_exit_status() {
    let mut rig = Rig::new(prompted(), true);
    rig.verdict(Some(Why::Login));
    rig.end_agent(0, 0);
    assert_eq!(rig.status(0), Status::Blocked);
    assert_eq!(
        rig.state.agent(AgentIx(0)).reason.as_deref(),
        Some("because")
    );
    let mut rig = Rig::new(prompted(), true);
    rig.verdict(Some(Why::Network));
    rig.end_agent(0, 0);
    assert_eq!(rig.status(0), Status::Failed);
    let failure = rig.state.agent(AgentIx(0)).failure;
    assert_eq!(failure, Some(FailureKind::External));
}

#[test]
fn a_provider_that_takes_no_more_holds_all_its_agents_and_loses_none() {
    let mut plan = prompted();
    plan.agents[0].modes.truncate(1);
    let mut b = plan.agents[0].clone();
    b.id = "b".into();
    b.needs = vec![hard(0)];
    plan.agents.push(b);
    let mut rig = Rig::new(plan, false);
    rig.session("p");
    rig.hear(Heard::Limited {
        after_us: Some(8_000_000),
        reason: "429".to_owned(),
    });
    rig.verdict(Some(Why::Limited));
    rig.end_agent(0, 1);
    assert_eq!(
        (rig.status(0), rig.state.agent(AgentIx(0)).failures),
        (Status::BackingOff, 0)
    );
    let why = admit(&rig.state, &Figures::default(), AgentIx(0)).unwrap_err();
    assert!(why.to_string().contains("p takes no more for"), "{why}");
    assert_eq!(rig.state.finished, None);
    let until = rig.state.limited("p").unwrap().until_us;
    // Those who are refused within the next second need no longer pause.
    assert!((9_000_000..=10_000_000).contains(&until), "{until}");
    while rig.state.agent(AgentIx(0)).attempt == 1 {
        rig.now_us = rig.state.next_deadline().unwrap();
        rig.input(InputKind::Deadline);
    }
    assert!((until..until + until / 4 + 1).contains(&rig.now_us));
    assert_eq!(rig.status(0), Status::Running);
    assert!(rig.talk().went_on);
}

#[test]
fn a_pause_of_centuries_is_not_believed() {
    let mut rig = Rig::new(prompted(), true);
    rig.session("p");
    rig.hear(Heard::Limited {
        after_us: Some(u64::MAX),
        reason: "429".to_owned(),
    });
    let provider = rig.state.limits.values().next().unwrap();
    assert!(provider.until_us < 41 * 86_400 * 1_000_000, "{provider:?}");
}

#[test]
fn programs_of_one_provider_share_its_limit() {
    let source = "[defaults]\nworkspace = \"shared\"\nprompt = \"x\"\n\
                  [[agent]]\nid = \"a\"\nworker = \"claude\"\n\
                  [[agent]]\nid = \"b\"\nworker = \"opencode:anthropic/claude-sonnet-4-5\"\n\
                  [[agent]]\nid = \"c\"\nworker = \"opencode:openai/gpt-5\"\n";
    let options = crate::plan::LoadOptions::default();
    let plan = crate::plan::load(source, &options, &mut |_| unreachable!()).unwrap();
    let mut rig = Rig::with_cap(plan.plan, true, 1);
    assert_eq!(rig.status(0), Status::Running);
    rig.hear(Heard::Limited {
        after_us: Some(8_000_000),
        reason: "429".to_owned(),
    });
    rig.verdict(Some(Why::Limited));
    rig.end_agent(0, 1);
    assert_ne!(rig.status(0), Status::Running);
    let others = [1, 2].map(|ix| rig.status(ix));
    assert_eq!(others, [Status::Ready, Status::Running]);
    rig.end_agent(2, 0);
    let why = admit(&rig.state, &Figures::default(), AgentIx(1)).unwrap_err();
    assert!(
        why.to_string().contains("anthropic takes no more for"),
        "{why}"
    );
    rig.now_us = rig.state.next_deadline().unwrap();
    rig.input(InputKind::Deadline);
    assert!([0, 1].iter().any(|&ix| rig.status(ix) == Status::Running));
}

#[test]
fn tokens_are_counted_over_attempts_and_never_fall() {
    let mut rig = Rig::new(prompted(), true);
    let used = |input| {
        Heard::Used(Used {
            input,
            ..Used::default()
        })
    };
    rig.session("p");
    rig.hear(used(100));
    rig.hear(used(90));
    assert_eq!(rig.talk().all_used().tokens(), 100);
    rig.act(tell("more", true));
    rig.end_agent(0, 143);
    rig.hear(used(10));
    assert_eq!(rig.talk().all_used().tokens(), 110);
    assert_eq!(rig.talk().of_session.tokens(), 100);
}

#[test]
fn who_is_silent_for_too_long_is_ended_with_the_reason_that_its_program_told_last() {
    let silent = |rig: &mut Rig| {
        let reason = "no progress for 900 s".to_owned();
        rig.hear(Heard::Silent { reason });
    };
    let mut rig = Rig::new(prompted(), true);
    rig.asks("one", Some("Bash"), false);
    silent(&mut rig);
    let key = JobKey::main(AgentIx(0), 1);
    assert!(
        !rig.has(Command::Terminate { key }),
        "a person is waited for"
    );
    rig.reply(Answer::Yes, None);
    silent(&mut rig);
    assert!(rig.has(Command::Terminate { key }));
    rig.verdict(Some(Why::Network));
    rig.end_agent(0, 143);
    let agent = rig.state.agent(AgentIx(0));
    assert_eq!(agent.failure, Some(FailureKind::External));
    assert_eq!(
        agent.reason.as_deref(),
        Some("no progress for 900 s: because")
    );
}

#[test]
fn a_session_that_a_provider_refuses_before_it_speaks_is_not_lost() {
    let mut rig = Rig::new(prompted(), true);
    rig.session("p");
    rig.act(tell("more", true));
    rig.end_agent(0, 143);
    assert!(rig.talk().went_on && !rig.talk().spoke);
    rig.hear(Heard::Limited {
        after_us: Some(8_000_000),
        reason: "429".to_owned(),
    });
    rig.verdict(Some(Why::Limited));
    rig.end_agent(0, 1);
    assert_eq!(rig.status(0), Status::BackingOff);
    assert!(rig.talk().goes_on && rig.talk().session.is_some());
}

#[test]
fn no_provider_is_away_for_longer_than_its_longest_window() {
    let mut rig = Rig::new(prompted(), true);
    rig.session("p");
    rig.hear(Heard::Limited {
        after_us: Some(u64::MAX),
        reason: "429".to_owned(),
    });
    let until = rig.state.limited("p").unwrap().until_us;
    let day = 24 * 3_600 * 1_000_000;
    assert!((32 * day..41 * day).contains(&until), "{until}");
    rig.verdict(Some(Why::Limited));
    rig.end_agent(0, 1);
    assert!(rig.state.next_deadline().is_some_and(|at| at >= until));
}
