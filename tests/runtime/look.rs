//! Commands that look at a run: status, logs, wait, attach, runs.

use std::process::Stdio;

use serde_json::Value;

use super::rig::{Here, number, wait_for};

/// An agent that prints a line at once and one at its end.
const PLAN: &str = r#"
name = "looks"
[[agent]]
id = "talks"
run = ["sh", "-c", "echo first; while ! test -e go; do sleep 0.02; done; printf 'last \\033[31mred'"]
[[agent]]
id = "after"
run = "false"
needs = ["talks"]
"#;

#[test]
fn status_of_a_live_and_an_ended_run() {
    let here = Here::with(PLAN);
    let live = here.start();
    live.hears("agent.started", "talks");
    let said = here.say(&["status"]);
    assert_eq!(said.status, 0, "{said}");
    assert!(said.out.contains("looks  live, hybrid"), "{said}");
    assert!(said.out.contains("running     talks"), "{said}");
    let json: Value = serde_json::from_str(&here.say(&["status", "--json"]).out).unwrap();
    assert_eq!(
        (&json["live"], &json["finished"]),
        (&true.into(), &Value::Null)
    );
    assert_eq!(json["agents"][0]["status"], "running");
    here.write("go", "");
    live.end().with(1);
    let said = here.say(&["status"]);
    assert!(said.out.contains("ended with status 1"), "{said}");
    assert!(said.out.contains("failed      after"), "{said}");
    let json: Value = serde_json::from_str(&here.say(&["status", "--json"]).out).unwrap();
    assert_eq!(
        (&json["live"], &json["finished"]),
        (&false.into(), &1.into())
    );
    assert_eq!(json["run"], here.run_id());
}

#[test]
fn logs_and_logs_that_follow() {
    let here = Here::with(PLAN);
    let live = here.start();
    wait_for("its first line", || {
        (here.run_dirs().len() == 1 && here.output("talks.1") == "first\n").then_some(())
    });
    let said = here.say(&["logs", "talks"]);
    assert_eq!((said.status, said.out.as_str()), (0, "first\n"), "{said}");
    let mut follows = here
        .command(&["logs", "talks", "-f"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    assert!(follows.try_wait().unwrap().is_none());
    here.write("go", "");
    live.end().with(1);
    assert_eq!(number(follows.wait().unwrap()), 0);
    let mut text = String::new();
    std::io::Read::read_to_string(&mut follows.stdout.take().unwrap(), &mut text).unwrap();
    assert!(text.starts_with("first\nlast "), "{text:?}");
    assert!(
        !text.contains('\u{1b}') && text.ends_with("red\n"),
        "{text:?}"
    );
    for (args, sentence) in [
        (
            ["logs", "after"].as_slice(),
            "after has printed nothing in run",
        ),
        (&["logs", "nobody"], "no agent `nobody` in run"),
        (&["logs", "talks", "--attempt", "7"], "in attempt 7"),
    ] {
        let said = here.say(args);
        assert_eq!(said.status, 2, "{said}");
        assert!(said.err.contains(sentence), "{said}");
    }
}

#[test]
fn logs_of_checks_and_of_a_phases_gates() {
    let here = Here::with(
        r#"
name = "checked"
[gate.tells]
run = [["sh", "-c", "printf 'gate \\033[31msays'"]]
[[phase]]
id = "p"
gates = ["tells"]
[[agent]]
id = "a"
phase = "p"
run = "true"
check = [["sh", "-c", "echo no; exit 1"]]
retry = { attempts = 2, base = "1ms" }
[[agent]]
id = "a.1"
phase = "p"
run = "true"
gates = ["tells"]
"#,
    );
    here.start().end();
    let said = here.say(&["logs", "a", "--checks"]);
    let lines = "== check, attempt 1: sh -c 'echo no; exit 1'\nno\n";
    assert!(said.out.starts_with(lines), "{said}");
    assert!(!said.out.contains("says"), "another's: {said}");
    let said = here.say(&["logs", "a.1", "--checks"]);
    assert!(said.out.contains("== tells, attempt 1: ") && said.out.contains("says"));
    assert!(!said.out.contains('\u{1b}'), "{said}");
    let said = here.say(&["logs", "nobody", "--checks"]);
    assert_eq!(said.status, 2, "{said}");
    let said = here.say(&["logs", "a.1", "--checks", "--attempt", "9"]);
    assert!(
        said.status == 2 && said.err.contains("no check of a.1"),
        "{said}"
    );
}

#[test]
fn logs_follow_ends_with_the_agent_not_with_the_run() {
    let here = Here::with(
        "[[agent]]\nid = \"short\"\nrun = \"echo said\"\n[[agent]]\nid = \"long\"\nrun = [\"sh\", \"-c\", \"while ! test -e go; do sleep 0.02; done\"]\n",
    );
    let live = here.start();
    live.hears("agent.completed", "short");
    live.hears("agent.started", "long");
    let mut follows = here
        .command(&["logs", "short", "-f"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let status = wait_for("logs -f ends", || follows.try_wait().unwrap());
    assert_eq!(number(status), 0);
    here.write("go", "");
    live.end().with(0);
}

#[test]
fn detach_wait_and_attach() {
    let here = Here::with(PLAN);
    let said = here.say(&["run", "--detach"]);
    assert_eq!(said.status, 0, "{said}");
    assert_eq!(said.out.trim(), here.run_id(), "{said}");
    let mut attached = here
        .command(&["attach", "--headless", "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut waits = here.command(&["wait"]).spawn().unwrap();
    assert!(waits.try_wait().unwrap().is_none());
    here.write("go", "");
    assert_eq!(number(waits.wait().unwrap()), 1);
    assert_eq!(number(attached.wait().unwrap()), 1);
    let mut text = String::new();
    std::io::Read::read_to_string(&mut attached.stdout.take().unwrap(), &mut text).unwrap();
    let events: Vec<Value> = text
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(events, here.journal().0);
    let said = here.say(&["attach", "--headless"]);
    assert_eq!(said.status, 2, "{said}");
    assert!(
        said.err.contains("is not live: it ended with status 1")
            && said.err.contains("a new `wavedeck run` tries again"),
        "{said}"
    );
    let said = here.say(&["resume", "--headless"]);
    assert_eq!(said.status, 1, "{said}");
    assert!(
        said.out.contains("has ended: 1 done, 1 failed (status 1)"),
        "{said}"
    );
    here.nobody_left();
}

#[test]
fn runs_are_listed_shown_and_pruned() {
    let here = Here::with("name = \"kept\"\n[[agent]]\nid = \"a\"\nrun = \"true\"\n");
    for _ in 0..3 {
        here.run().with(0);
    }
    let live_plan = here.path().join("live.toml");
    std::fs::write(
        &live_plan,
        "name = \"lives\"\n[[agent]]\nid = \"a\"\nrun = [\"sh\", \"-c\", \"while ! test -e go; do sleep 0.02; done\"]\n",
    )
    .unwrap();
    let live = here.start_as(&["run", "live.toml", "--headless", "--json"]);
    live.hears("agent.started", "a");
    let list: Value = serde_json::from_str(&here.say(&["runs", "list", "--json"]).out).unwrap();
    let list = list
        .as_array()
        .or_else(|| list["runs"].as_array())
        .unwrap()
        .clone();
    assert_eq!(list.len(), 4, "{list:?}");
    let states = |s: &str| list.iter().filter(|r| r["state"] == s).count();
    assert_eq!((states("running"), states("finished")), (1, 3), "{list:?}");
    let text = here.say(&["runs"]);
    assert_eq!(text.out.matches("kept").count(), 3, "{text}");
    assert!(text.out.contains("lives"), "{text}");
    let id = list.iter().find(|r| r["plan"] == "kept").unwrap()["id"]
        .as_str()
        .unwrap();
    let show = here.say(&["runs", "show", id]);
    assert_eq!(show.status, 0, "{show}");
    assert!(show.out.contains(id) && show.out.contains("kept"), "{show}");
    let none = here.say(&["runs", "prune", "--keep", "5"]);
    let said = "would remove 0 runs, 0 MiB; 4 left";
    assert!(none.out.contains(said), "{none}");
    let dry = here.say(&["runs", "prune", "--keep", "0"]);
    assert!(dry.out.contains("would remove 3 runs"), "{dry}");
    assert_eq!(here.run_dirs().len(), 4);
    let done = here.say(&["runs", "prune", "--keep", "0", "-y"]);
    assert!(
        done.out.contains("removed 3 runs")
            && done.out.contains("1 left")
            && done.out.contains("it is live"),
        "{done}"
    );
    assert_eq!(here.run_dirs().len(), 1);
    here.write("go", "");
    live.end().with(0);
}

#[test]
fn logs_follow_goes_on_through_attempts_and_waits_for_the_first_word() {
    let here = Here::with(
        r#"
[[agent]]
id = "before"
run = ["sh", "-c", "while ! test -e go; do sleep 0.02; done"]
[[agent]]
id = "twice"
needs = ["before"]
retry = { attempts = 2, base = "50ms" }
run = ["sh", "-c", "echo attempt $WAVEDECK_ATTEMPT; test $WAVEDECK_ATTEMPT = 2"]
[[agent]]
id = "hold"
run = ["sh", "-c", "while ! test -e end; do sleep 0.02; done"]
"#,
    );
    let live = here.start();
    live.hears("agent.started", "before");
    let follows = |args: &[&str]| {
        let mut command = here.command(args);
        command.stdout(Stdio::piped()).spawn().unwrap()
    };
    let all = follows(&["logs", "twice", "-f"]);
    let first = follows(&["logs", "twice", "-f", "--attempt", "1"]);
    here.write("go", "");
    for (mut child, text) in [(all, "attempt 1\nattempt 2\n"), (first, "attempt 1\n")] {
        let status = wait_for("logs -f ends", || child.try_wait().unwrap());
        assert_eq!(number(status), 0);
        let mut said = String::new();
        std::io::Read::read_to_string(&mut child.stdout.take().unwrap(), &mut said).unwrap();
        assert_eq!(said, text);
    }
    here.write("end", "");
    live.end().with(0);
}
