//! A provider that takes no more: one pause for all, nobody is lost, and they do not come back at once.

use std::fmt::Write as _;

use crate::model_server::{
    Asked,
    faults::{Fault, Rule},
};

use super::{SMALL, Served, tokens};

fn five(worker: &str) -> String {
    let mut plan = SMALL.to_owned();
    for n in 1..=5 {
        let _ = write!(
            plan,
            "[[agent]]\nid = \"a{n}\"\nworker = \"{worker}\"\nretry = {{ attempts = 1 }}\nprompt = \"WRITE a{n}.txt <<<{n}>>>\"\n"
        );
    }
    plan
}

/// A storm over five agents: the first question of each is refused, and they may come again in two seconds.
fn storm(worker: &str) -> (Served, crate::runtime::rig::Live) {
    let served = Served::with(&five(worker));
    // Refused together: none may be through before the last has asked.
    for n in 1..=5 {
        let words = format!("WRITE a{n}.txt");
        let rule = Rule::all(Fault::Status(429, Some(2))).held();
        served.server.rule(rule.with_words(&words).times(1));
    }
    let live = served.start();
    let all = |asked: &[Asked]| (asked.len() == 5).then_some(());
    served.server.until("all have asked", all);
    served.server.release();
    (served, live)
}

#[test]
fn programs_that_end_when_they_are_refused_come_back_spread_and_none_is_lost() {
    let (served, live) = storm("opencode:cloud/big");
    let here = &served.repo.here;
    live.until("all are refused", |events| {
        (events.all("agent.retrying").len() == 5).then_some(())
    });
    let rows = here.say(&["status"]).out;
    assert!(rows.contains("made to fail (status 429)"), "{rows}");
    let events = live.end().with(0);
    let mut starts = Vec::new();
    for n in 1..=5 {
        let id = format!("a{n}");
        assert_eq!(events.ending(&id), "completed", "{events}");
        assert_eq!(
            served.repo.delivered(&format!("{id}.txt")),
            format!("{n}\n")
        );
        let retrying = events.all_of("agent.retrying", &id);
        assert_eq!(retrying.len(), 1, "{events}");
        assert_eq!(retrying[0]["cause"], "limited");
        let again = events.all_of("agent.scheduled", &id);
        assert_eq!(again.len(), 2);
        starts.push(again[1]["elapsed_us"].as_u64().unwrap());
    }
    // One pause for all, told once.
    assert_eq!(events.all("resource.shortage").len(), 1, "{events}");
    assert_eq!(events.all("resource.recovered").len(), 1, "{events}");
    let pause = events.all("resource.shortage")[0];
    let until = pause["until_us"].as_u64().unwrap();
    assert!(starts.iter().all(|at| *at >= until), "{starts:?} {until}");
    starts.sort_unstable();
    starts.dedup();
    assert_eq!(starts.len(), 5, "all at once: {starts:?}");
    let used = served.server.used();
    assert_eq!(tokens(&events), (used.input, used.output));
}

#[test]
fn programs_that_try_again_by_themselves_keep_running_while_nothing_else_is_started() {
    let plan = five("claude:tiny").replace("agents = 8", "agents = 3");
    let served = Served::with(&plan);
    let rule = Rule::all(Fault::Status(429, Some(2))).held();
    served.server.rule(rule.times(3));
    let live = served.start();
    let all = |asked: &[Asked]| (asked.len() == 3).then_some(());
    served.server.until("three have asked", all);
    served.server.release();
    live.until("it is told", |events| {
        events.all("resource.shortage").first().map(|_| ())
    });
    let events = live.end().with(0);
    assert_eq!(served.server.asked().len(), 13, "three refused, two each");
    assert_eq!(events.all("agent.retrying").len(), 0, "{events}");
    assert_eq!(events.all("resource.shortage").len(), 1, "{events}");
    for n in 1..=5 {
        assert_eq!(events.ending(&format!("a{n}")), "completed", "{events}");
    }
    let until = events.all("resource.shortage")[0]["until_us"].as_u64();
    let told = served.repo.here.say(&["replay", "--headless"]).out;
    let line = told
        .lines()
        .find(|line| line.contains(" takes no more until 0:0"));
    assert!(
        line.is_some_and(|l| l.ends_with(": rate_limit (status 429)")),
        "{told}"
    );
    assert!(told.contains(" takes work again\n"), "{told}");
    let late = |id: &str| events.us("agent.scheduled", id) > until.unwrap();
    assert!(late("a4") && late("a5"), "{events}");
}
