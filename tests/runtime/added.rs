//! Agents that are added to a live run through `wavedeck ctl add`.

use std::fs;

use rustix::process::Signal;

use super::{
    rig::{Here, signal},
    together::Repo,
};

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
    let said = here.say(&["ctl", "add", "A/$ echo one 'two three'"]);
    assert_eq!(
        (said.status, &*said.out),
        (0, "echo-one-two-three\n"),
        "{said}"
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

/// A run without workspaces gets its first one: the work of who is added is merged and delivered, and a
/// second one begins with it.
#[test]
fn who_is_added_works_in_a_workspace_and_is_delivered() {
    let plan = "[merge]\nend = \"branch\"\n\
        [[agent]]\nid = \"first\"\nrun = [\"sh\", \"-c\", \"while ! test -e ../go; do sleep 0.02; done\"]\n";
    let repo = Repo::with(
        &plan.replace("../go", "go"),
        &[("a.txt", "a\n"), (".gitignore", "go\nmore.toml\nhome\n")],
    );
    let live = repo.here.start();
    live.hears("agent.started", "first");
    repo.here.write(
        "more.toml",
        "[[agent]]\nid = \"one\"\nworkspace = \"own\"\nrun = [\"sh\", \"-c\", \"echo 1 > one.txt\"]\n\
         [[agent]]\nid = \"two\"\nworkspace = \"own\"\nneeds = [\"one\"]\nrun = [\"sh\", \"-c\", \"cat one.txt a.txt > two.txt\"]\n",
    );
    let said = repo.here.say(&["ctl", "add", "--plan", "more.toml"]);
    assert_eq!(said.status, 0, "{said}");
    live.hears("agent.completed", "two");
    repo.here.write("go", "");
    let events = live.end().with(0);
    assert!(
        events.has("merge.done", "one") && events.has("merge.done", "two"),
        "{events}"
    );
    let branch = format!("wavedeck/{}", repo.here.run_id());
    assert_eq!(repo.git(&["show", &format!("{branch}:two.txt")]), "1\na\n");
}

#[test]
fn a_secret_in_what_is_added_is_in_no_record() {
    let secret = concat!("ghp_", "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789");
    let here = Here::with(PLAN);
    let live = here.start();
    live.hears("agent.started", "first");
    let said = here.say(&["ctl", "add", &format!("$ echo {secret}")]);
    assert_eq!(said.status, 2, "{said}");
    assert!(said.err.contains("looks like a secret"), "{said}");
    here.write("go", "");
    live.end().with(0);
    assert!(!here.read_run("journal.jsonl").contains(secret));
}
