//! Gates with real git and real processes: compared with the base, repeated, signed, and kept.

use std::fs;

use super::{rig::wait_for, together::Repo};

/// Evidence files of the run.
fn kept(repo: &Repo) -> Vec<String> {
    let folder = repo.here.run_dir().join("gates");
    let names = fs::read_dir(folder).unwrap().flatten();
    let mut names: Vec<String> = names
        .map(|e| e.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_red_gate_says_whether_it_is_red_on_the_base_too_and_stays_red() {
    let repo = Repo::with(
        r#"
verify = ["grep -x broken state.txt"]
[workspace]
setup = ["touch set-up"]
[workspace.env]
PLACE = "${agent}"
[gate.old]
run = [["sh", "-c", "test -f set-up && cat state.txt; echo of $PLACE; grep -qx mended state.txt"]]
[gate.new]
run = [["sh", "-c", "test ! -f broke.txt"]]
[gate.loud]
run = [["sh", "-c", "exit 3"]]
base = "never"
[[agent]]
id = "bystander"
workspace = "own"
gates = ["old"]
run = ["sh", "-c", "echo x > x.txt"]
[[agent]]
id = "culprit"
workspace = "own"
gates = ["new"]
retry = { attempts = 2, base = "1ms" }
run = ["sh", "-c", "echo y > broke.txt"]
[[agent]]
id = "never"
workspace = "own"
gates = ["loud"]
run = ["sh", "-c", "echo z > z.txt"]
"#,
        &[("state.txt", "broken\n")],
    );
    let before = repo.fingerprint();
    let events = repo.here.run().with(1);
    let base = |agent| events.all_of("gate.failed", agent).pop().unwrap()["base"].clone();
    assert_eq!(base("bystander")["red"], true);
    assert_eq!(base("culprit")["red"], false);
    assert!(base("never").is_null());
    let failed = events.all_of("gate.failed", "culprit");
    assert_eq!(failed.len(), 2);
    assert!(failed[0]["base"].is_null(), "it could try again by itself");
    let why = |agent| events.of("agent.blocked", agent)["reason"].to_string();
    assert!(why("bystander").contains("red on the base too"));
    assert!(why("culprit").contains("green on the base"));
    // Nothing of it is merged, and nothing is left of the checkouts.
    assert!(!events.has("merge.started", "culprit"));
    assert_eq!(
        repo.changed_since(&before),
        Vec::<std::path::PathBuf>::new()
    );
    let evidence = base("bystander")["evidence"].as_str().unwrap().to_owned();
    assert_eq!(evidence, "bystander.1.0+2.base");
    let printed = repo.here.read_run(&format!("gates/{evidence}"));
    assert!(printed.ends_with("broken\nof _base\n"), "{printed}");
    let own = repo.here.read_run("gates/bystander.1.0");
    assert!(own.ends_with("of bystander\n"), "{own}");
    let report = repo.here.read_run("report.md");
    assert!(report.contains("## Gates"), "{report}");
    assert!(
        report.contains("red on the base too: exit status 1"),
        "{report}"
    );
    assert!(
        report.contains("| all work is merged | **no** | 0 of 3 agents |"),
        "{report}"
    );
    let checks = repo.here.say(&["logs", "bystander", "--checks"]);
    assert!(checks.out.contains("on the base to compare"), "{checks}");
}

#[test]
fn a_flaky_gate_passes_with_a_mark_and_keeps_what_both_tries_printed() {
    let repo = Repo::with(
        r#"
[merge]
end = "branch"
[gate.shaky]
run = [["sh", "-c", "echo try; test -f .git/tried || { touch .git/tried; exit 1; }"]]
repeat = 1
[[agent]]
id = "a"
workspace = "own"
gates = ["shaky"]
run = ["sh", "-c", "echo a > a.txt"]
"#,
        &[("kept.txt", "kept\n")],
    );
    let events = repo.here.run().with(0);
    assert_eq!(events.of("gate.passed", "a")["flaky"], true);
    assert_eq!(kept(&repo), ["a.1.0", "a.1.0+2"]);
    let report = repo.here.read_run("report.md");
    assert!(report.contains("| a | shaky | passed, flaky |"), "{report}");
}

#[test]
fn a_yes_keeps_who_note_and_link_and_figures_of_the_runner_come_as_json() {
    let repo = Repo::with(
        r#"
[merge]
end = "branch"
[gate.whole]
run = ["test -f a.txt"]
approve = "Merge it?"
[[agent]]
id = "a"
workspace = "own"
gates = ["whole"]
run = ["sh", "-c", "echo a > a.txt"]
[[agent]]
id = "holds"
run = ["sh", "-c", "while ! test -e end; do sleep 0.02; done"]
"#,
        &[("kept.txt", "kept\n")],
    );
    let here = &repo.here;
    let live = here.start();
    live.until("the question", |events| {
        events.all("attention.raised").first().map(|_| ())
    });
    let stats = here.say(&["ctl", "stats", "--json"]);
    let stats: serde_json::Value = serde_json::from_str(&stats.out).unwrap();
    assert!(stats["turns"].as_u64().unwrap() > 0, "{stats}");
    let link = "https://example.org/review/7";
    let note = "looks \"good\"";
    let refused = here.say(&["ctl", "answer", "1", "yes", "--url", "ftp://x"]);
    assert_eq!(refused.status, 2, "{refused}");
    let said = here.say(&["ctl", "answer", "1", "yes", "--note", note, "--url", link]);
    assert_eq!(said.status, 0, "{said}");
    let signed = wait_for("who signed", || {
        Some(here.read_run("gates/a.1.1")).filter(|text| text.contains("url:"))
    });
    here.write("end", "");
    live.end().with(0);
    for line in [
        "gate: \"whole\"",
        "question: \"Merge it?\"",
        "answer: \"yes\"",
        "by: \"ctl\"",
        "note: \"looks \\\"good\\\"\"",
        "url: \"https://example.org/review/7\"",
    ] {
        let there = signed.lines().any(|known| known == line);
        assert!(there, "{line}: {signed}");
    }
    let report: serde_json::Value = serde_json::from_str(&here.read_run("report.json")).unwrap();
    let gate = &report["gates"][0];
    assert_eq!(gate["signed"]["url"], link);
    assert_eq!(gate["signed"]["note"], note);
    assert_eq!(gate["verdict"], "passed");
}

#[test]
fn what_judges_merged_work_begins_as_an_agent_does_and_is_set_up_once() {
    let repo = Repo::with(
        r#"
[merge]
end = "branch"
[workspace]
setup = ["sh -c 'mkdir -p dep && echo ready >> dep/log'"]
env = { OUT = "${run_dir}/built/${agent}" }
[gate.whole]
run = ["sh -c 'cat dep/log; echo $OUT; test $(wc -l < dep/log) = 1 && test -d $OUT'", "test -f dep/log"]
[[phase]]
id = "build"
gates = ["whole"]
[defaults]
workspace = "own"
retry = { attempts = 1 }
check = ["sh -c 'echo $OUT; test $(wc -l < dep/log) = 1'", "test -d dep"]
[[agent]]
id = "a"
phase = "build"
run = ["sh", "-c", "echo a > a.txt; until test -e \"$GO\"; do sleep 0.01; done"]
[[agent]]
id = "b"
phase = "build"
run = ["sh", "-c", "echo b > b.txt; until test -e \"$GO\"; do sleep 0.01; done"]
"#,
        &[("f.txt", "f\n"), (".gitignore", "dep/\n")],
    );
    let go = repo.here.path().join("home/go");
    let plan = repo.here.read("wavedeck.toml");
    let said = format!("GO = \"{}\", OUT", go.display());
    repo.here
        .write("wavedeck.toml", &plan.replacen("OUT", &said, 1));
    let live = repo.here.start();
    for agent in ["a", "b"] {
        live.hears("agent.started", agent);
    }
    std::fs::create_dir_all(go.parent().unwrap()).unwrap();
    std::fs::write(go, "").unwrap();
    let events = live.end().with(0);
    // One of the two was merged onto the other, and judged there.
    let started = events.all("check.started");
    let of = |agent: &str| {
        let of = |e: &&&serde_json::Value| e["agent"] == agent;
        started.iter().filter(of).count()
    };
    assert_eq!(of("a") + of("b"), 6, "{events}");
    let whole = repo.here.say(&["logs", "phase:build", "--checks"]);
    assert!(whole.out.contains("/built/_head"), "{whole}");
    assert_eq!(whole.out.matches("set-up: ").count(), 1, "{whole}");
}
