//! Answers that are cut, late, refused or no answers: each is tried again or ends with its reason.

use std::fmt::Write as _;

use crate::model_server::faults::{Fault, Rule};

use super::{SMALL, Served};

/// Who does what.
const AGENTS: &[(&str, &str)] = &[
    ("a", "claude:tiny"),
    ("b", "codex:tiny"),
    ("c", "gemini:gemini-tiny"),
    ("d", "opencode:local/tiny"),
];

fn plan(attempts: u32) -> String {
    let mut plan = SMALL.to_owned();
    for (id, worker) in AGENTS {
        let _ = write!(
            plan,
            "[[agent]]\nid = \"{id}\"\nworker = \"{worker}\"\nretry = {{ attempts = {attempts}, base = \"1ms\" }}\nprompt = \"WRITE {id}.txt <<<by {id}>>>\"\n"
        );
    }
    plan
}

/// One rule for each agent.
fn each(served: &Served, rule: &Rule) {
    for (id, _) in AGENTS {
        let words = format!("WRITE {id}.txt");
        served.server.rule(rule.clone().with_words(&words));
    }
}

#[test]
fn a_cut_stream_is_tried_again_by_the_program_or_else_by_us() {
    let served = Served::with(&plan(2));
    each(&served, &Rule::all(Fault::Cut(2)).after(1).times(1));
    let events = served.start().end().with(0);
    for (id, _) in AGENTS {
        assert_eq!(events.ending(id), "completed", "{events}");
        assert_eq!(
            served.repo.delivered(&format!("{id}.txt")),
            format!("by {id}\n")
        );
        // One does not try again by itself.
        let again = events.all_of("agent.retrying", id);
        assert_eq!(again.len(), usize::from(*id == "d"), "{events}");
    }
    let reason = events.of("agent.retrying", "d")["reason"].as_str().unwrap();
    assert_eq!(reason, "Cannot connect to API: the stream was cut");
    let verdict = events.of("agent.verdict", "d");
    assert_eq!(verdict["why"], "network");
}

#[test]
fn no_answers_end_with_their_reason() {
    for (fault, words) in [
        (Fault::NoJson, "invalid JSON"),
        (Fault::WrongType, "unexpected content type text/html"),
    ] {
        let served = Served::with(&plan(1));
        each(&served, &Rule::all(fault));
        let events = served.start().end().with(1);
        for (id, _) in AGENTS {
            assert_eq!(events.ending(id), "failed", "{events}");
            let reason = events.of("agent.failed", id)["reason"].as_str().unwrap();
            assert!(reason.contains(words), "{id}: {reason}");
        }
    }
}

#[test]
fn a_server_that_breaks_is_tried_again_and_a_login_that_is_missing_is_not() {
    let served = Served::with(&plan(1));
    for (id, fault, times) in [
        ("a", Fault::Status(500, None), 2),
        ("b", Fault::Status(500, None), 2),
        ("c", Fault::Status(500, None), 2),
        ("d", Fault::Status(401, None), 9),
    ] {
        let rule = Rule::all(fault).with_words(&format!("WRITE {id}.txt"));
        served.server.rule(rule.times(times));
    }
    let events = served.start().end().with(5);
    for id in ["a", "b", "c"] {
        assert_eq!(events.ending(id), "completed", "{events}");
    }
    assert_eq!(events.ending("d"), "blocked", "{events}");
    let reason = events.of("agent.blocked", "d")["reason"].as_str().unwrap();
    assert_eq!(reason, "made to fail (status 401)");
}

#[test]
fn without_a_server_each_ends_with_that_as_its_reason() {
    let mut served = Served::with(&plan(1));
    // Nobody listens on the first port of a machine.
    served.url = "http://127.0.0.1:1".to_owned();
    let events = served.start().end().with(1);
    for (id, _) in AGENTS {
        let failed = events.of("agent.failed", id);
        let reason = failed["reason"].as_str().unwrap();
        assert_eq!(failed["failure"], "external.service_failure", "{events}");
        assert!(
            reason.to_lowercase().contains("connection refused"),
            "{reason}"
        );
    }
}
