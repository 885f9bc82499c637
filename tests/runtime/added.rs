//! Agents that are added to a live run through `wavedeck ctl add`.

use std::fs;

use rustix::process::Signal;

use super::rig::{Here, signal};

const PLAN: &str = r#"
[defaults]
timeout = "7m"
[[track]]
id = "A"
[[agent]]
id = "first"
track = "A"
run = ["sh", "-c", "while ! test -e go; do sleep 0.02; done"]
"#;

#[test]
fn who_is_added_outlives_the_runner_and_ends_after_resume() {
    let here = Here::with(PLAN);
    let live = here.start();
    live.hears("agent.started", "first");
    // A line, a command behind a need, and tables with a prompt file that only this folder has.
    assert_eq!(
        here.say(&["ctl", "add", "A/$ echo one 'two three'"]).status,
        0
    );
    live.hears("agent.completed", "echo-one-two-three");
    let said = here.say(&[
        "ctl", "add", "--after", "first", "--id", "last", "--", "sh", "-c", "echo end",
    ]);
    assert_eq!(said.status, 0, "{said}");
    here.write(
        "more.toml",
        "[[agent]]\nid = \"more\"\nprompt_file = \"more.md\"\nworker = \"lint\"\n",
    );
    here.write("more.md", "look");
    let said = here.say(&["ctl", "add", "--plan", "more.toml"]);
    assert_eq!(said.status, 2, "{said}");
    assert!(
        said.err.contains("added:4:") && said.err.contains("`lint`"),
        "{said}"
    );
    let table = "[[agent]]\nid = \"more\"\nrun = \"true\"\nneeds = [\"last\"]\n";
    here.write("more.toml", table);
    assert_eq!(here.say(&["ctl", "add", "--plan", "more.toml"]).status, 0);
    live.hears("agent.added", "more");
    // What does not fit is refused, and nothing of it is recorded.
    for (words, why) in [
        (&["--id", "first", "$ true"][..], "duplicate id"),
        (&["--after", "nobody", "$ true"], "unknown agent `nobody`"),
        (&["--track", "B", "$ true"], "`B`"),
        (&["--ram", "9999GiB", "$ true"], "this run may use"),
    ] {
        let said = here.say(&[&["ctl", "add"], words].concat());
        assert_eq!(said.status, 2, "{said}");
        assert!(said.err.contains(why), "{said}");
    }
    signal(live.runner(), Signal::KILL);
    assert_eq!(live.end().status, 4);
    here.write("go", "");
    fs::remove_file(here.path().join("more.toml")).unwrap();
    let resumed = here.start_as(&["resume", "--headless", "--json"]).end();
    assert_eq!(resumed.status, 0, "{}", resumed.err);
    let events = here.journal();
    events.dense();
    assert_eq!(events.all_of("agent.added", "last").len(), 1);
    for agent in ["first", "last", "more"] {
        assert_eq!(events.ending(agent), "completed", "{agent}");
    }
    assert!(events.seq("agent.started", "last") > events.seq("agent.completed", "first"));
    // Whoever looks later sees it too, and the saved plan has it, with the plan's defaults.
    assert_eq!(here.say(&["logs", "last"]).out, "end\n");
    assert!(here.say(&["report"]).out.contains("| more | succeeded |"));
    let saved = here.say(&["save", "-o", "-"]).out;
    assert!(
        saved.contains("id = \"more\"") && saved.matches("timeout = \"7m\"").count() == 4,
        "{saved}"
    );
    here.write("saved.toml", &saved);
    assert_eq!(here.say(&["check", "saved.toml"]).status, 0);
    // Nothing is added to a run that has ended.
    let said = here.say(&["ctl", "add", "$ true"]);
    assert_eq!(said.status, 2, "{said}");
    assert!(said.err.contains("is not live"), "{said}");
}
