//! A conflict is settled from the keyboard, on the real dashboard in a real pseudo-terminal.

use std::{fs, process::Command};

use wavedeck::sys::reap::ExitStatus;

use super::{Ground, eventually, pty::Terminal};
use crate::runtime::{rig::Events, together::shown};

fn git(ground: &Ground, args: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=u", "-c", "user.email=u@x"])
        .args(args)
        .current_dir(ground.path())
        .env_clear()
        .envs(ground.env())
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {args:?}: {err}");
    String::from_utf8(output.stdout).unwrap()
}

/// Events in the one run's journal.
fn all(ground: &Ground) -> Vec<serde_json::Value> {
    let runs = fs::read_dir(ground.path().join(".wavedeck/runs"));
    let folders = runs.into_iter().flatten().flatten();
    let mut found = Vec::new();
    for folder in folders {
        let journal = fs::read_to_string(folder.path().join("journal.jsonl"));
        let journal = journal.unwrap_or_default();
        let lines = journal.lines().skip(1);
        found.extend(lines.filter_map(|line| serde_json::from_str(line).ok()));
    }
    found
}

/// Those of a kind.
fn events(ground: &Ground, kind: &str) -> Vec<serde_json::Value> {
    let mut found = all(ground);
    found.retain(|event| event["kind"] == kind);
    found
}

#[test]
fn the_one_conflict_of_the_plan_is_settled_from_the_keyboard() {
    let ground = Ground::new();
    let state = tempfile::tempdir().unwrap();
    wavedeck::cli::demo::conflicts(ground.path()).unwrap();
    git(&ground, &["init", "--quiet", "--initial-branch=main", "."]);
    git(&ground, &["add", "."]);
    git(&ground, &["commit", "--quiet", "--message=start"]);
    let mut env = ground.env().to_vec();
    env.push(("XDG_STATE_HOME", state.path().display().to_string()));
    env.push(("GIT_CONFIG_NOSYSTEM", "1".to_owned()));
    let terminal = Terminal::start_as(&ground, &["run", "-y"], &env);
    let guided = |e: &serde_json::Value| e["strategy"] == "guided_merge";
    eventually("a conflict waits", || {
        events(&ground, "conflict.detected").iter().any(guided)
    });
    let found = events(&ground, "conflict.detected");
    let agent = found.iter().find(|e| guided(e)).unwrap()["agent"].clone();
    // All others are done by then, so that nothing moves on the screen.
    eventually("the others are merged", || {
        events(&ground, "merge.done").len() >= 10
    });
    terminal.press("4");
    terminal.shows("src/prices.txt");
    terminal.press("\r");
    terminal.until("both sides", |s| {
        let text = s.text();
        text.contains("tea 3 EUR") && text.contains("tea 4 USD")
    });
    terminal.press("t");
    eventually("the choice is recorded", || {
        let actions = events(&ground, "operator.action");
        actions.iter().any(|e| e.to_string().contains("\"choose\""))
    });
    terminal.press("g");
    terminal.shows("ended, status");
    terminal.press("q");
    let (status, ..) = terminal.end();
    assert_eq!(status, ExitStatus::Code(0));
    let branch = git(
        &ground,
        &[
            "for-each-ref",
            "--format=%(refname:short)",
            "refs/heads/wavedeck",
        ],
    );
    let delivered = |path: &str| git(&ground, &["show", &format!("{}:{path}", branch.trim())]);
    let tea = if agent == "price-eu" {
        "tea 3 EUR"
    } else {
        "tea 4 USD"
    };
    shown(&Events(all(&ground)), &delivered, tea, "deck");
}
