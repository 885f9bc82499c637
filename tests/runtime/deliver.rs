//! The end of a run whose work came together: the branch, the question whether a person's follows, what
//! is refused before it starts, and what stays of a run that is removed.

use rustix::process::Signal;

use super::{
    rig::{signal, wait_for},
    together::Repo,
};

const ASKS: &str = r#"
[[agent]]
id = "one"
workspace = "own"
run = ["sh", "-c", "echo one > one.txt"]
[[agent]]
id = "two"
workspace = "own"
run = ["sh", "-c", "echo two > two.txt"]
"#;

fn head(repo: &Repo) -> String {
    repo.git(&["rev-parse", "main"])
}

/// The number of the question at the end, once it waits with this in its title.
fn asked(repo: &Repo, what: &str) -> u64 {
    wait_for(what, || {
        let said = repo.here.say(&["asks", "--json"]);
        let value: serde_json::Value = serde_json::from_str(&said.out).ok()?;
        let item = value["asks"].as_array()?.last()?;
        let fits = item["attention"] == "deliver" && item["title"].as_str()?.contains(what);
        item["id"].as_u64().filter(|_| fits)
    })
}

#[test]
fn where_nobody_watches_the_branch_is_made_and_the_end_says_how_to_take_it() {
    let repo = Repo::with(ASKS, &[("f.txt", "f\n")]);
    let before = head(&repo);
    let events = repo.here.run().with(5);
    assert_eq!(repo.delivered("one.txt"), "one\n");
    assert_eq!(head(&repo), before);
    let raised = events.all("attention.raised");
    let branch = format!("wavedeck/{}", repo.here.run_id());
    assert_eq!(
        raised[0]["title"],
        format!(
            "2 agents' work is on {branch} (4 commits, 2 files): forward your branch main to it?"
        )
    );
    let end = events.all("run.finished")[0]["summary"].to_string();
    let by_hand = format!("git merge --ff-only {branch}");
    assert!(end.contains(&by_hand), "{end}");
    let said = repo.here.say(&["asks"]);
    assert!(said.out.contains("forward your branch main"), "{said}");
    let diff = repo.here.say(&["diff", "--names"]);
    assert_eq!(diff.out, "one.txt\ntwo.txt\n", "{diff}");
    // It can be done as said.
    repo.git(&["merge", "--quiet", "--ff-only", &branch]);
    assert_eq!(repo.here.read("two.txt"), "two\n");
}

#[test]
fn a_yes_lets_the_branch_follow_across_a_crash_and_a_no_leaves_it() {
    for (answer, forward) in [("yes", true), ("no", false)] {
        let repo = Repo::with(ASKS, &[("f.txt", "f\n")]);
        let before = head(&repo);
        // As below a dashboard: somebody is there to answer.
        let live = repo.here.start_as(&["__guard", "run"]);
        let id = asked(&repo, "forward your branch main to it?");
        // Something of the person's is in the way now.
        if forward {
            repo.here.write("f.txt", "edited\n");
        }
        signal(live.runner(), Signal::KILL);
        assert_eq!(live.end().status, 4);
        let live = repo
            .here
            .start_as(&["__guard", "resume", &repo.here.run_id()]);
        wait_for("it goes on", || {
            let said = repo.here.say(&["status"]);
            (said.status == 0 && repo.here.journal().all("run.resumed").len() == 1).then_some(())
        });
        assert_eq!(asked(&repo, "forward your branch main"), id, "the same");
        repo.here.ctl(&format!("answer {id} {answer}"));
        if forward {
            let again = asked(&repo, "main cannot go forward now: 1 file is not committed");
            assert!(again > id);
            assert_eq!(head(&repo), before);
            assert_eq!(repo.here.read("f.txt"), "edited\n");
            repo.git(&["checkout", "--quiet", "f.txt"]);
            repo.here.ctl(&format!("answer {again} yes"));
        }
        assert_eq!(live.end().status, 0, "{}", repo.here.journal());
        let events = repo.here.journal();
        let delivered = events.all("run.delivered");
        let last = delivered.last().unwrap();
        if forward {
            assert_eq!(last["forwarded"], "main", "{events}");
            assert_eq!(repo.here.read("one.txt"), "one\n");
            assert_eq!(repo.git(&["status", "--porcelain", "-uno"]), "");
        } else {
            assert_eq!(head(&repo), before);
            assert_eq!(repo.delivered("one.txt"), "one\n");
        }
    }
}

#[test]
fn a_branch_in_the_way_of_the_runs_is_told_before_anything_starts() {
    let repo = Repo::with(ASKS, &[("f.txt", "f\n")]);
    repo.git(&["branch", "wavedeck"]);
    let said = repo.here.say(&["run", "--headless"]);
    assert_eq!(said.status, 2, "{said}");
    assert!(said.err.contains("`git branch -m wavedeck NEW`"), "{said}");
    assert!(repo.here.run_dirs().is_empty());
    let plan = format!("[merge]\ninto = \"main\"\n{ASKS}");
    repo.here.write("wavedeck.toml", &plan);
    let said = repo.here.say(&["run", "--headless"]);
    assert_eq!(said.status, 2, "{said}");
    assert!(said.err.contains("is checked out in"), "{said}");
}

/// Two that begin together and change the same line of a file; a rule's command makes it anew.
fn ruled(command: &str) -> Repo {
    let plan = format!(
        r#"
[merge]
end = "branch"
rules = {{ "lock.txt" = {{ run = ["sh", "-c", "{command}"] }} }}
[[agent]]
id = "a"
workspace = "own"
run = ["sh", "-c", "echo a > a.txt; echo lock of a > lock.txt"]
[[agent]]
id = "b"
workspace = "own"
check = ["test -f b.txt"]
run = ["sh", "-c", "echo b > b.txt; echo lock of b > lock.txt"]
"#
    );
    Repo::with(&plan, &[("lock.txt", "lock of nobody\n")])
}

#[test]
fn a_rules_command_makes_the_file_anew_in_the_merge() {
    // Both works are there; what else it writes does not count.
    let repo = ruled(
        "cat lock.txt > seen; ls *.txt | tr '\\\\n' ' ' > lock.txt; echo more >> a.txt; echo made",
    );
    let events = repo.here.run().with(0);
    let Some(tried) =
        (events.all("merge.tried").into_iter()).find(|tried| tried["outcome"] == "command")
    else {
        panic!("they did not meet\n{events}");
    };
    assert_eq!(tried["commands"][0]["files"][0], "lock.txt");
    assert_eq!(events.all("merge.commanded").len(), 1);
    assert_eq!(repo.delivered("lock.txt"), "a.txt b.txt lock.txt ");
    assert_eq!(repo.delivered("a.txt"), "a\n");
    let resolved = &events.all("conflict.resolved")[0];
    assert_eq!(resolved["by"], "rules");
    let agent = resolved["agent"].as_str().unwrap();
    let printed = repo.here.say(&["logs", agent, "--checks"]);
    assert!(printed.out.contains("== merge, attempt 1"), "{printed}");
    assert!(printed.out.contains("made\n"), "{printed}");
}

#[test]
fn a_rules_command_that_fails_or_leaves_markers_is_for_a_person() {
    for (command, why) in [
        ("exit 3", "failed: exit status 3"),
        (
            "printf '<<<<<<< x\\\\n>>>>>>> y\\\\n' > lock.txt",
            "left conflict markers in it",
        ),
        ("rm lock.txt", "left no file there"),
    ] {
        let repo = ruled(command);
        let events = repo.here.run().with(5);
        let blocked = events.all("agent.blocked");
        let reason = blocked[0]["reason"].as_str().unwrap();
        assert!(reason.contains(why), "{reason}");
        assert_eq!(events.all("conflict.resolved").len(), 0, "{events}");
        let left = repo.delivered("lock.txt");
        assert!(left.starts_with("lock of "), "{left}");
    }
}

#[test]
fn what_keeps_a_removed_runs_work_goes_where_a_branch_has_it() {
    let plan = r#"
[merge]
end = "branch"
[[agent]]
id = "one"
workspace = "own"
run = ["sh", "-c", "echo one > one.txt"]
[[agent]]
id = "lost"
workspace = "own"
retry = { attempts = 1 }
run = ["sh", "-c", "echo lost > lost.txt; git add .; git commit -qm lost; exit 1"]
"#;
    let repo = Repo::with(plan, &[("f.txt", "f\n")]);
    repo.here.run().with(1);
    let run = repo.here.run_id();
    let refs = || repo.git(&["for-each-ref", "--format=%(refname)", "refs/wavedeck"]);
    assert!(refs().contains("integration"));
    let said = repo.here.say(&["runs", "prune", "--keep", "0", "-y"]);
    assert!(said.out.contains(&format!("kept 1 ref of {run}")), "{said}");
    assert_eq!(refs(), format!("refs/wavedeck/{run}/lost.1\n"));
    let left = format!("refs/wavedeck/{run}/lost.1:lost.txt");
    assert_eq!(repo.git(&["show", &left]), "lost\n");
}

/// A filter of the person's own that git waits for, once it is armed: it says that it was reached, and
/// goes on when it may.
fn filtered(repo: &Repo, file: &str) {
    let filter = "#!/bin/sh\n\
        if test -e .git/armed; then : > .git/reached; until test -e .git/go; do sleep 0.01; done; fi\n\
        exec cat\n";
    repo.here.write(".git/filter", filter);
    for way in ["clean", "smudge"] {
        let key = format!("filter.wait.{way}");
        repo.git(&["config", &key, "sh .git/filter"]);
    }
    repo.here
        .write(".gitattributes", &format!("{file} filter=wait\n"));
    repo.git(&["add", "."]);
    repo.git(&["commit", "--quiet", "--message=filtered"]);
}

#[test]
fn a_yes_is_neither_lost_nor_done_twice_when_the_runner_dies_before_the_branch_has_gone_forward() {
    // Killed while git looks at the files, and when it has written some of them, one of them new.
    for (file, writes) in [("f.txt", false), ("two.txt", true)] {
        let plan = ASKS.replace(
            "echo one > one.txt",
            "echo one > one.txt; echo one >> e.txt",
        );
        let repo = Repo::with(&plan, &[("e.txt", "e\n"), ("f.txt", "f\n")]);
        filtered(&repo, file);
        let live = repo.here.start_as(&["__guard", "run"]);
        let id = asked(&repo, "forward your branch main to it?");
        let before = head(&repo);
        repo.here.write(".git/armed", "");
        // As it is, but git cannot know.
        repo.here.write("f.txt", "f\n");
        repo.here.ctl(&format!("answer {id} yes"));
        wait_for("the branch is about to go forward", || {
            repo.here.path().join(".git/reached").exists().then_some(())
        });
        signal(live.runner(), Signal::KILL);
        assert_eq!(live.end().status, 4);
        repo.here.nobody_left();
        assert_eq!(head(&repo), before, "not yet");
        assert_eq!(repo.here.read("e.txt") == "e\none\n", writes);
        repo.here.write(".git/go", "");
        let live = repo
            .here
            .start_as(&["__guard", "resume", &repo.here.run_id()]);
        assert_eq!(live.end().status, 0, "{}", repo.here.journal());
        let events = repo.here.journal();
        let forwarded: Vec<_> = (events.all("run.delivered").into_iter())
            .filter(|e| e["forwarded"] == "main")
            .collect();
        assert_eq!(forwarded.len(), 1, "writes: {writes}\n{events}");
        assert_eq!(events.all("attention.raised").len(), 1, "{events}");
        assert_eq!(repo.here.read("one.txt"), "one\n");
        assert_eq!(repo.here.read("e.txt"), "e\none\n");
        assert_eq!(repo.git(&["status", "--porcelain", "-uno"]), "");
    }
}
