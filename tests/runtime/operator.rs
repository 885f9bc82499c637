//! What a person does to a live run through `wavedeck ctl`.

use std::fmt::Write as _;

use super::rig::{Here, Live, state_of, wait_for};

/// Agents that end when their file is there.
fn plan(top: &str, agents: &[(&str, &str)]) -> Here {
    let mut text = top.to_owned();
    for (id, more) in agents {
        let _ = write!(
            text,
            "[[agent]]\nid = \"{id}\"\nrun = [\"sh\", \"-c\", \"while ! test -e end-{id}; do sleep 0.02; done\"]\nram = \"1MiB\"\n{more}\n"
        );
    }
    Here::with(&text)
}

fn let_end(here: &Here, agents: &[&str]) {
    for agent in agents {
        here.write(&format!("end-{agent}"), "");
    }
}

fn stopped(live: &Live, agent: &str) {
    let pid = live.events().pid(agent);
    wait_for("it is stopped", || (state_of(pid) == 'T').then_some(()));
}

fn goes(live: &Live, agent: &str) {
    let pid = live.events().pid(agent);
    wait_for("it goes on", || (state_of(pid) != 'T').then_some(()));
}

#[test]
fn a_paused_agent_stands_still_and_gives_its_slot_away() {
    let here = plan("[limits]\nagents = 1\n", &[("a", ""), ("b", "")]);
    let live = here.start();
    live.hears("agent.started", "a");
    assert!(!live.events().has("agent.scheduled", "b"));
    here.ctl("pause a");
    live.hears("agent.frozen", "a");
    stopped(&live, "a");
    live.hears("agent.started", "b");
    live.hears("agent.freeze_verified", "a");
    // It comes back through admission: not while the other one holds the slot.
    here.ctl("resume a");
    let_end(&here, &["a", "b"]);
    let events = live.end().with(0);
    assert!(
        events.seq("agent.thawed", "a") > events.seq("attempt.ended", "b"),
        "{events}"
    );
    assert_eq!(events.all_of("agent.started", "a").len(), 1);
    let verified = events.of("agent.freeze_verified", "a");
    assert_eq!(verified["stopped"], verified["total"]);
}

#[test]
fn a_paused_track_and_what_of_it_has_not_started() {
    let here = plan(
        "[limits]\nagents = 3\n[[track]]\nid = \"A\"\n[[track]]\nid = \"B\"\n",
        &[
            ("a1", "track = \"A\""),
            ("a2", "track = \"A\""),
            ("a3", "track = \"A\"\nneeds = [\"a1\"]"),
            ("b1", "track = \"B\""),
        ],
    );
    let live = here.start();
    for agent in ["a1", "a2", "b1"] {
        live.hears("agent.started", agent);
    }
    here.ctl("pause track:A");
    stopped(&live, "a1");
    stopped(&live, "a2");
    assert_ne!(state_of(live.events().pid("b1")), 'T');
    here.ctl("resume a1");
    goes(&live, "a1");
    let_end(&here, &["a1", "a2", "a3", "b1"]);
    live.hears("agent.completed", "a1");
    live.hears("agent.completed", "b1");
    live.hears("agent.ready", "a3");
    assert!(!live.events().has("agent.scheduled", "a3"));
    here.ctl("resume track:A");
    let events = live.end().with(0);
    assert_eq!(events.ending("a3"), "completed");
    assert_eq!(events.ending("a2"), "completed");
}

#[test]
fn a_paused_agent_can_be_stopped() {
    let here = plan("", &[("a", "")]);
    let live = here.start();
    live.hears("agent.started", "a");
    here.ctl("pause a");
    stopped(&live, "a");
    here.ctl("stop a");
    let events = live.end().with(3);
    assert_eq!(events.ending("a"), "stopped");
    assert_eq!(here.survivors(), []);
}

#[test]
fn modes_and_caps_change_while_it_runs() {
    let here = plan(
        "mode = \"sequential\"\n[limits]\nagents = 2\n",
        &[("a", ""), ("b", ""), ("c", ""), ("d", "")],
    );
    let live = here.start();
    live.hears("agent.started", "a");
    assert!(!live.events().has("agent.scheduled", "b"));
    here.ctl("mode parallel");
    live.hears("agent.started", "b");
    assert!(!live.events().has("agent.scheduled", "c"));
    here.ctl("agents 3");
    live.hears("agent.started", "c");
    // Fewer again: those that run end by themselves, nobody is frozen.
    here.ctl("sequential");
    let_end(&here, &["a", "b"]);
    live.hears("agent.completed", "a");
    live.hears("agent.completed", "b");
    here.ctl_says("status");
    assert!(!live.events().has("agent.scheduled", "d"));
    let_end(&here, &["c", "d"]);
    let events = live.end().with(0);
    assert!(events.all("agent.frozen").is_empty(), "{events}");
    assert!(events.seq("agent.scheduled", "d") > events.seq("attempt.ended", "c"));
    let changes: Vec<String> = events
        .all("mode.changed")
        .iter()
        .map(|e| format!("{} {}", e["to"].as_str().unwrap(), e["agents_cap"]))
        .collect();
    assert_eq!(changes, ["parallel 2", "parallel 3", "sequential 3"]);
}

#[test]
fn the_kill_switch_freezes_and_they_come_back_one_by_one() {
    let here = plan("[limits]\nagents = 3\n", &[("a", ""), ("b", ""), ("c", "")]);
    let live = here.start();
    for agent in ["a", "b", "c"] {
        live.hears("agent.started", agent);
    }
    here.ctl("sequential --now");
    let frozen = live.until("two are frozen", |e| {
        let frozen = e.all("agent.frozen");
        let ids = frozen
            .iter()
            .map(|e| e["agent"].as_str().unwrap().to_owned());
        (frozen.len() == 2).then(|| ids.collect::<Vec<_>>())
    });
    for agent in &frozen {
        stopped(&live, agent);
    }
    let_end(&here, &["a", "b", "c"]);
    let events = live.end().with(0);
    for event in events.all("agent.thawed") {
        assert_eq!(event["cause"], "room");
    }
    assert_eq!(events.all("agent.thawed").len(), 2, "{events}");
    // Never two at once from then on.
    let mut running = 3;
    let mut most = 0;
    let switch = events.all("mode.changed")[0]["seq"].as_u64().unwrap();
    for event in &events.0 {
        running += match event["kind"].as_str().unwrap() {
            "agent.thawed" => 1,
            "attempt.ended" | "agent.frozen" => -1,
            _ => 0,
        };
        if event["seq"].as_u64().unwrap() > switch + 2 {
            most = most.max(running);
        }
    }
    assert_eq!(most, 1, "{events}");
}

#[test]
fn one_agent_is_stopped_and_the_rest_goes_on() {
    let here = plan("", &[("a", ""), ("b", ""), ("c", "needs = [\"a\"]")]);
    let live = here.start();
    live.hears("agent.started", "a");
    live.hears("agent.started", "b");
    here.ctl("stop a");
    live.hears("agent.skipped", "c");
    let_end(&here, &["b"]);
    let events = live.end();
    assert!(
        events.status == 3 || events.status == 1,
        "{}",
        events.status
    );
    let events = events.events;
    assert_eq!(events.ending("a"), "stopped");
    assert_eq!(events.ending("b"), "completed");
}

#[test]
fn a_retry_brings_its_skipped_successors_back() {
    let here = plan("", &[("hold", "")]);
    let more = "[[agent]]\nid = \"flaky\"\nrun = \"test -e fixed\"\n[[agent]]\nid = \"next\"\nrun = \"true\"\nneeds = [\"flaky\"]\n[[agent]]\nid = \"last\"\nrun = \"true\"\nneeds = [\"next\"]\n";
    let text = here.read("wavedeck.toml") + more;
    here.write("wavedeck.toml", &text);
    let live = here.start();
    live.hears("agent.skipped", "last");
    here.write("fixed", "");
    here.ctl("retry flaky");
    live.hears("agent.completed", "last");
    let_end(&here, &["hold"]);
    let events = live.end().with(0);
    assert_eq!(events.of("agent.completed", "flaky")["attempt"], 2);
    assert_eq!(events.ending("next"), "completed");
}

#[test]
fn a_swap_hands_the_agent_to_another_worker() {
    let here = Here::with(
        r#"
[worker.slow]
run = ["sh", "-c", "cat > got-slow; sleep 300"]
[worker.quick]
run = ["sh", "-c", "cat > got-quick"]
[[agent]]
id = "a"
worker = ["slow", "quick"]
workspace = "shared"
prompt = "Do it."
"#,
    );
    let live = here.start();
    wait_for("slow has read", || {
        here.read("got-slow").ends_with("```\n").then_some(())
    });
    let refused = here.ctl_says("swap a nobody");
    assert_eq!(refused.status, 2, "{refused}");
    assert!(
        refused
            .err
            .contains("a has no worker `nobody`; it has slow, quick"),
        "{refused}"
    );
    here.ctl("swap a quick");
    let events = live.end().with(0);
    assert!(here.read("got-slow").starts_with("Do it.\n\n## Where"));
    let quick = here.read("got-quick");
    assert!(
        quick.starts_with("Do it.\n\n## The attempt before\n\nAnother program has begun"),
        "{quick}"
    );
    let workers: Vec<_> = events
        .all_of("agent.scheduled", "a")
        .iter()
        .map(|e| e["worker"].clone())
        .collect();
    assert_eq!(workers, ["slow", "quick"]);
    assert_eq!(events.of("agent.retrying", "a")["cause"], "swap");
    assert_eq!(here.survivors(), []);
}

#[test]
fn refusals_are_sentences() {
    let here = plan("", &[("a", ""), ("b", "needs = [\"a\"]")]);
    let live = here.start();
    live.hears("agent.started", "a");
    let cases = [
        ("pause nobody", "no agent `nobody` in this run"),
        ("pause track:X", "no track `X` in this run"),
        ("pause phase:X", "no phase `X` in this run"),
        ("resume a", "a is not paused"),
        ("retry a", "a is running: only a failed, stopped, blocked"),
        ("retry all", "all: nothing failed, stopped or blocked"),
        ("swap a", "a has only one worker"),
        ("mode hybrid", "the mode is hybrid already"),
        (
            "park b",
            "b has no process that could be parked: it is waiting",
        ),
        ("unpin a", "a is not pinned"),
        ("fallback a", "`wavedeck ctl fallback` is not built yet"),
        ("--run nowhere pause a", "no run `nowhere` here"),
    ];
    for (words, sentence) in cases {
        let said = here.ctl_says(words);
        assert_eq!(said.status, 2, "{words}: {said}");
        assert!(said.err.contains(sentence), "{words}: {said}");
    }
    let_end(&here, &["a", "b"]);
    let events = live.end().with(0);
    assert!(events.all("operator.action").is_empty(), "{events}");
    let late = here.ctl_says("pause a");
    assert_eq!(late.status, 2, "{late}");
    assert!(late.err.contains("is not live"), "{late}");
    let empty = Here::with("");
    let said = empty.ctl_says("pause a");
    assert_eq!(said.status, 2, "{said}");
    assert!(said.err.contains("nothing was recorded here yet"), "{said}");
}

#[test]
fn red_gates_wait_for_a_person_where_one_watches() {
    let here = Here::with(
        r#"
[gate.green]
run = ["sh -c 'echo looked; test -e fixed-phase'"]
[[phase]]
id = "one"
gates = ["green"]
[[phase]]
id = "two"
[[agent]]
id = "a"
phase = "one"
run = "true"
check = ["test -e fixed-agent"]
[[agent]]
id = "b"
phase = "two"
run = "true"
"#,
    );
    let said = here.say(&["run", "--detach"]);
    assert_eq!(said.status, 0, "{said}");
    let journal = |what: &str, look: &dyn Fn(&super::rig::Events) -> bool| {
        wait_for(what, || look(&here.journal()).then_some(()));
    };
    journal("the red check", &|e| e.has("agent.blocked", "a"));
    let status = here.say(&["status"]);
    assert!(status.out.contains("  1  red gate  a "), "{status}");
    // What it printed is one command away.
    assert!(
        status.out.contains("`wavedeck logs a --checks`"),
        "{status}"
    );
    here.write("fixed-agent", "");
    here.ctl("retry a");
    journal("the red gate", &|e| !e.all("phase.failed").is_empty());
    let asks = here.say(&["asks"]);
    assert!(asks.out.contains("`wavedeck logs phase:one`"), "{asks}");
    let logs = here.say(&["logs", "phase:one"]);
    assert!(logs.out.contains("looked"), "{logs}");
    assert!(!here.journal().has("agent.scheduled", "b"));
    here.write("fixed-phase", "");
    here.ctl("retry phase:one");
    let said = here.say(&["wait"]);
    assert_eq!(said.status, 0, "{said}\n{}", here.journal());
    assert_eq!(here.journal().ending("b"), "completed");
    here.nobody_left();
}

#[test]
fn a_detached_run_is_stopped_and_its_guard_goes() {
    let here = plan("", &[("a", "")]);
    let said = here.say(&["run", "--detach"]);
    assert_eq!(said.status, 0, "{said}");
    wait_for("it runs", || {
        here.journal().has("agent.started", "a").then_some(())
    });
    here.ctl("stop -y");
    let said = here.say(&["wait"]);
    assert_eq!(said.status, 3, "{said}");
    here.nobody_left();
}

#[test]
fn among_several_live_runs_the_one_to_steer_must_be_named() {
    let here = plan("", &[("a", "")]);
    let nothing = here.say(&["runs", "--json"]);
    assert_eq!(nothing.status, 0, "an empty list is an answer: {nothing}");
    let ids = [0, 1].map(|_| here.say(&["run", "--detach"]).out.trim().to_owned());
    let refused = here.ctl_says("stop -y");
    assert_eq!(refused.status, 2, "{refused}");
    for id in &ids {
        assert!(refused.err.contains(id), "{refused}");
    }
    // Who only looks is told what is looked at, beside the answer.
    let said = here.say(&["status", "--json"]);
    assert_eq!(said.status, 0, "{said}");
    let shown: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    let shown = shown["run"].as_str().unwrap();
    assert!(said.err.contains("2 runs are live here") && said.err.contains(shown));
    for id in &ids {
        assert_eq!(here.ctl_says(&format!("--run {id} stop -y")).status, 0);
    }
    for id in &ids {
        assert_eq!(here.say(&["wait", id]).status, 3);
    }
}
