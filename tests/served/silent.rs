//! Programs that say nothing: only who makes no progress for longer than its adapter allows is ended for it.

use std::time::Duration;

use crate::model_server::faults::{Fault, Rule};

use super::{SMALL, Served};

fn agent(id: &str, worker: &str) -> String {
    format!(
        "[[agent]]\nid = \"{id}\"\nworker = \"{worker}:tiny\"\nask = \"always\"\nretry = {{ attempts = 1 }}\nprompt = \"WRITE {id}.txt <<<by {id}>>>\"\n"
    )
}

#[test]
fn who_is_silent_for_too_long_is_ended_with_its_reason_and_who_waits_for_an_answer_is_not() {
    let plan = [
        SMALL,
        &agent("mute", "slow-start").replace("ask = \"always\"\n", ""),
        &agent("stuck", "short"),
        &agent("refused", "short"),
        &agent("asks", "short"),
    ]
    .concat();
    let served = Served::with(&plan);
    served.adapter(
        "short",
        "id = \"short\"\nlike = \"claude\"\nno_progress = \"1s\"\n",
    );
    served.adapter(
        "slow-start",
        "id = \"slow-start\"\nlike = \"opencode\"\nfirst_output = \"1s\"\n",
    );
    for (id, fault) in [
        ("mute", Fault::Held),
        ("stuck", Fault::Held),
        ("refused", Fault::Status(500, None)),
    ] {
        let words = format!("WRITE {id}.txt");
        served.server.rule(Rule::all(fault).with_words(&words));
    }
    let live = served.start();
    let number = live.until("it asks", |events| {
        let raised = events.all_of("attention.raised", "asks");
        raised.first().and_then(|e| e["id"].as_u64())
    });
    for id in ["mute", "stuck", "refused"] {
        live.hears("agent.failed", id);
    }
    served.repo.here.ctl(&format!("answer {number} yes"));
    let events = live.end().with(1);
    let reason = |id: &str| events.of("agent.failed", id)["reason"].as_str().unwrap();
    assert_eq!(reason("mute"), "no output for 1 s");
    assert_eq!(reason("stuck"), "no progress for 1 s");
    let refused = reason("refused");
    assert!(refused.contains("status 500"), "{refused}");
    assert_eq!(events.ending("asks"), "completed", "{events}");
    assert!(!events.has("agent.silent", "asks"), "{events}");
}

#[test]
fn a_slow_server_is_no_silence() {
    let served = Served::with(
        &[SMALL, &agent("a", "short")]
            .concat()
            .replace("always", "never"),
    );
    served.adapter(
        "short",
        "id = \"short\"\nlike = \"claude\"\nno_progress = \"3s\"\n",
    );
    // Ten pieces and more: longer than the limit together, each answer much shorter.
    let slow = Fault::Slow(Duration::from_millis(170));
    served.server.rule(Rule::all(slow));
    let plan = "WRITE b.txt <<<b>>> WRITE a.txt";
    let text = served.repo.here.read("wavedeck.toml");
    served
        .repo
        .here
        .write("wavedeck.toml", &text.replace("WRITE a.txt", plan));
    let events = served.start().end().with(0);
    let ran = events.us("attempt.ended", "a") - events.us("agent.started", "a");
    assert!(ran > 3_000_000, "{ran}");
    assert!(!events.has("agent.silent", "a"), "{events}");
}
