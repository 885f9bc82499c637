//! Work that comes together, with real git and real processes: workspaces, merges, conflicts,
//! delivery, and what a crash leaves of them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use wavedeck::workspace::{Repository, Untouched};

use super::rig::{Events, Here, wait_for};

/// A repository with a commit; nobody's configuration counts.
pub struct Repo {
    pub here: Here,
}

impl Repo {
    pub fn with(plan: &str, files: &[(&str, &str)]) -> Self {
        let repo = Self::bare(plan);
        for (name, text) in files {
            repo.here.write(name, text);
        }
        repo.commit();
        repo
    }

    fn bare(plan: &str) -> Self {
        let mut here = Here::with(plan);
        here.state = Some(tempfile::tempdir().unwrap());
        let repo = Self { here };
        repo.git(&["init", "--quiet", "--initial-branch=main", "."]);
        repo
    }

    fn commit(&self) {
        self.git(&["add", "."]);
        self.git(&["commit", "--quiet", "--message=start"]);
    }

    /// Git in a folder, as nobody.
    pub fn git_in(&self, folder: &Path, args: &[&str]) -> String {
        let output = Command::new("git")
            .args(args)
            .current_dir(folder)
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.here.path().join("home"))
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .envs([
                ("GIT_AUTHOR_NAME", "u"),
                ("GIT_AUTHOR_EMAIL", "u@x"),
                ("GIT_COMMITTER_NAME", "u"),
                ("GIT_COMMITTER_EMAIL", "u@x"),
            ])
            .output()
            .unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git {args:?}: {err}");
        String::from_utf8(output.stdout).unwrap()
    }

    pub fn git(&self, args: &[&str]) -> String {
        self.git_in(self.here.path(), args)
    }

    /// A file of the branch that the run made.
    pub fn delivered(&self, path: &str) -> String {
        let branch = format!("wavedeck/{}:{path}", self.here.run_id());
        self.git(&["show", &branch])
    }

    pub fn fingerprint(&self) -> Untouched {
        let repo = Repository::open(self.here.path()).unwrap();
        Untouched::take(&repo).unwrap()
    }

    /// What differs of the user's, but for the recording and the branch that was asked for.
    pub fn changed_since(&self, before: &Untouched) -> Vec<std::path::PathBuf> {
        let mut all = before.differences(&self.fingerprint());
        let ours = [
            ".wavedeck",
            ".git/refs/heads/wavedeck",
            ".git/logs/refs/heads/wavedeck",
        ];
        all.retain(|path| !ours.iter().any(|ours| path.starts_with(ours)));
        all
    }

    /// Folders of the workspaces that are still there.
    pub fn workspaces_of_runs(&self) -> Vec<PathBuf> {
        let state = self.here.state.as_ref().unwrap().path();
        let folder = state.join("wavedeck/work");
        let runs = fs::read_dir(folder).into_iter().flatten().flatten();
        let runs = runs.flat_map(|repo| fs::read_dir(repo.path()).into_iter().flatten().flatten());
        let spaces = runs.flat_map(|run| fs::read_dir(run.path()).into_iter().flatten().flatten());
        spaces.map(|space| space.path()).collect()
    }

    /// Their names.
    fn workspaces(&self) -> Vec<String> {
        let spaces = self.workspaces_of_runs().into_iter();
        let names = spaces.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }
}

#[test]
fn work_is_merged_checked_and_delivered_and_nothing_of_the_users_changes() {
    let repo = Repo::with(
        r#"
[merge]
end = "branch"
[[agent]]
id = "one"
workspace = "own"
run = ["sh", "-c", "echo one > one.txt"]
check = ["test -f one.txt"]
[[agent]]
id = "two"
workspace = "own"
run = ["sh", "-c", "echo two > two.txt; git add . && git commit -qm mine"]
[[agent]]
id = "idle"
workspace = "own"
run = "true"
[[agent]]
id = "three"
workspace = "own"
needs = ["one", "two", "idle"]
outputs = ["three.txt"]
run = ["sh", "-c", "cat one.txt two.txt > three.txt"]
"#,
        &[("kept.txt", "kept\n")],
    );
    // Uncommitted work and a stash are the user's own.
    repo.here.write("kept.txt", "stashed\n");
    repo.git(&["stash", "--quiet"]);
    repo.here.write("kept.txt", "edited\n");
    repo.here.write("new.txt", "new\n");
    let before = repo.fingerprint();
    let ended = repo.here.run();
    assert!(ended.err.contains("not committed"), "{}", ended.err);
    let events = ended.with(0);
    assert_eq!(repo.delivered("three.txt"), "one\ntwo\n");
    assert_eq!(repo.delivered("kept.txt"), "kept\n");
    assert!(!events.has("merge.started", "idle"), "it changed nothing");
    let collected = events.of("work.collected", "two");
    assert_eq!(collected["committed_for"], false);
    assert_eq!(events.of("work.collected", "one")["committed_for"], true);
    assert_eq!(
        repo.changed_since(&before),
        Vec::<std::path::PathBuf>::new()
    );
    assert_eq!(repo.workspaces(), Vec::<String>::new(), "all are done");
}

fn blocked(events: &Events, agent: &str) -> Option<()> {
    events.has("agent.blocked", agent).then_some(())
}

/// What the plan of work that clashes must have shown in the end: each case by its agents. `delivered`
/// reads a file of the branch that the run made, `tea` is the line that was chosen, `by` whoever chose.
pub fn shown(events: &Events, delivered: &dyn Fn(&str) -> String, tea: &str, by: &str) {
    let finished = events.all("run.finished");
    assert_eq!(finished.len(), 1, "{events}");
    assert_eq!(finished[0]["status"], 0, "{events}");
    let all = [
        "guide", "log-in", "log-out", "news-a", "news-b", "price-eu", "price-us", "users",
        "orders", "tidy", "tests", "release",
    ];
    for agent in all {
        assert_eq!(
            events.all_of("agent.completed", agent).len(),
            1,
            "{agent}\n{events}"
        );
        assert_eq!(
            events.all_of("merge.done", agent).len(),
            1,
            "{agent}\n{events}"
        );
    }
    let resolved = |agents: &[&str]| -> Vec<(String, String)> {
        let all = events.all("conflict.resolved");
        let word = |e: &serde_json::Value, name: &str| e[name].as_str().unwrap().to_owned();
        let of = all
            .iter()
            .filter(|e| agents.iter().any(|a| e["agent"] == *a));
        of.map(|e| (word(e, "strategy"), word(e, "by"))).collect()
    };
    let attempts = |agent: &str| events.of("agent.completed", agent)["attempt"].as_u64();
    let pair = |a, b| [attempts(a), attempts(b)].iter().flatten().sum::<u64>();
    // A clean merge: nobody had a word in it.
    assert_eq!(resolved(&["guide"]), []);
    assert!(!events.has("conflict.detected", "guide"));
    // Automatic ones: git's, checked again on the result, and the rule's.
    for agents in [["log-in", "log-out"], ["news-a", "news-b"]] {
        let found = resolved(&agents);
        assert_eq!(found.len(), 1, "{agents:?}\n{events}");
        assert_eq!(found[0].0, "automatic_merge", "{agents:?}\n{events}");
        assert_eq!(
            pair(agents[0], agents[1]),
            2,
            "nobody does it again\n{events}"
        );
    }
    // The guided one.
    let guided = [("guided_merge".to_owned(), by.to_owned())];
    assert_eq!(resolved(&["price-eu", "price-us"]), guided, "{events}");
    // The critical domain: the second one went again, after the first one was in.
    let found = resolved(&["users", "orders"]);
    assert!(!found.is_empty(), "{events}");
    assert!(
        found.iter().all(|f| f.0 == "sequential_fallback"),
        "{events}"
    );
    assert!(pair("users", "orders") > 2, "{events}");
    // The scope, and the red gate: each went back once.
    for (agent, gate) in [("tidy", "scope"), ("tests", "gate-tests")] {
        let failed = events.all_of("gate.failed", agent);
        assert_eq!(failed.len(), 1, "{agent}\n{events}");
        assert_eq!(failed[0]["gate"], gate, "{events}");
        assert_eq!(attempts(agent), Some(2), "{events}");
    }
    let reason = events.of("gate.failed", "tidy")["reason"].as_str();
    assert!(reason.unwrap().contains("README.md"), "{events}");
    let release = delivered("RELEASE.md");
    for line in [
        "GET /login",
        "GET /logout",
        tea,
        "create table users (id int);",
        "create table orders (id int);",
        "tidy",
        "passed",
        "How to begin: run the shop.",
    ] {
        assert!(release.lines().any(|l| l == line), "{line}\n{release}");
    }
    let news = delivered("CHANGELOG.md");
    assert!(
        news.contains("basket counts") && news.contains("search finds"),
        "{news}"
    );
    assert_eq!(delivered("README.md"), "# A small shop\n");
}

#[test]
fn the_plan_of_work_that_clashes_ends_green_after_the_one_conflict_is_settled_by_ctl() {
    let repo = Repo::bare("");
    wavedeck::cli::demo::conflicts(repo.here.path()).unwrap();
    repo.commit();
    let before = repo.fingerprint();
    let said = repo.here.say(&["run", "--detach", "-y"]);
    assert_eq!(said.status, 0, "{said}");
    let agent = wait_for("one of the two prices waits", || {
        let events = repo.here.journal();
        let waits = ["price-eu", "price-us"]
            .into_iter()
            .find(|a| blocked(&events, a).is_some());
        let ended = events.all("run.finished").len();
        assert_eq!(ended, 0, "{events}");
        waits
    });
    let events = repo.here.journal();
    let found = events.of("conflict.detected", agent);
    assert_eq!(found["strategy"], "guided_merge", "{found}");
    assert_eq!(found["files"][0], "src/prices.txt");
    let other = if agent == "price-eu" {
        "price-us"
    } else {
        "price-eu"
    };
    assert_eq!(found["with"][0], other);
    let id = found["id"].as_u64().unwrap();
    // The document has the texts, for whoever shows it.
    let doc = repo.here.read_run(&format!("conflicts/{id}.json"));
    assert!(
        doc.contains("tea 3 EUR") && doc.contains("tea 4 USD"),
        "{doc}"
    );
    repo.here.ctl(&format!("choose {id} src/prices.txt theirs"));
    repo.here.ctl(&format!("settle {id} chosen"));
    let said = repo.here.say(&["wait"]);
    assert_eq!(said.status, 0, "{said}\n{}", repo.here.journal());
    let tea = if agent == "price-eu" {
        "tea 3 EUR"
    } else {
        "tea 4 USD"
    };
    shown(
        &repo.here.journal(),
        &|path| repo.delivered(path),
        tea,
        "ctl",
    );
    assert_eq!(
        repo.changed_since(&before),
        Vec::<std::path::PathBuf>::new()
    );
    let line = format!("| {id} | {agent} | {other} | src/prices.txt |");
    // It is written once the run is over.
    wait_for("the report", || {
        let report = repo.here.read_run("report.md");
        report.contains(&line).then_some(())
    });
    let report: serde_json::Value = wait_for("its figures", || {
        serde_json::from_str(&repo.here.read_run("report.json")).ok()
    });
    let measure = |name: &str| {
        let mut all = report["targets"].as_array().unwrap().iter();
        let found = all.find(|target| target["name"] == name).unwrap();
        found["permille"]
            .as_i64()
            .unwrap_or_else(|| panic!("{found}"))
    };
    assert_eq!(measure("critical scope conflicts"), 1000, "the schema's");
    let clean = measure("clean integrations");
    assert!((1..900).contains(&clean), "{clean}");
    let overhead = measure("integration overhead");
    assert!((1..=1000).contains(&overhead), "{overhead}");
    // Both sides stay reachable.
    let refs = repo.git(&["for-each-ref", "--format=%(refname)"]);
    let run = repo.here.run_id();
    for side in ["ours", "theirs", "base"] {
        let name = format!("refs/wavedeck/{run}/conflict/{id}/{side}");
        assert!(refs.lines().any(|line| line == name), "{name}\n{refs}");
    }
}

/// Where agents of a plan wait for each other and for the test.
const MEET: &str = "[workspace]\nenv = { MEET = \"${run_dir}/meet\" }\n";

#[test]
fn what_runs_is_watched_and_can_be_looked_at() {
    let repo = Repo::with(
        &format!(
            r#"
{MEET}
[merge]
end = "branch"
[defaults]
workspace = "own"
join = "fail-fast"
retry = {{ attempts = 1 }}
[[agent]]
id = "a"
run = ["sh", "-c", "sed -i 's/two/a/' f.txt; until test -e $MEET/go; do sleep 0.02; done"]
[[agent]]
id = "b"
run = ["sh", "-c", "sed -i 's/two/b/' f.txt; until test -e $MEET/go; do sleep 0.02; done"]
[[agent]]
id = "c"
scope = ["docs/**"]
run = ["sh", "-c", "echo x > outside.txt; until test -e $MEET/go; do sleep 0.02; done"]
"#
        ),
        &[("f.txt", "one\ntwo\nthree\n")],
    );
    let live = repo.here.start();
    let found = live.until("a prediction", |e| {
        e.all("conflict.predicted").first().map(|e| (*e).clone())
    });
    assert_eq!(
        (&found["agent"], &found["with"]),
        (&"a".into(), &"b".into())
    );
    assert_eq!(found["files"][0], "f.txt");
    live.hears("scope.violated", "c");
    let said = repo.here.say(&["diff", "a"]);
    assert!(said.out.contains("-two\n+a\n"), "{said}");
    let said = repo.here.say(&["diff", "c", "--names"]);
    assert_eq!(said.out, "outside.txt\n", "{said}");
    let said = repo.here.say(&["ctl", "stats"]);
    let turns = said
        .out
        .lines()
        .find_map(|line| line.strip_prefix("turns "));
    assert!(turns.unwrap().parse::<u64>().unwrap() > 0, "{said}");
    fs::write(repo.here.run_dir().join("meet/go"), "").unwrap();
    let events = live.end().with(1);
    let merged = events.all("merge.done");
    assert_eq!(merged.len(), 1, "of two that clash one is in\n{events}");
    assert_eq!(events.ending("c"), "blocked", "its scope was its own");
    let winner = merged[0]["agent"].as_str().unwrap();
    assert_eq!(repo.delivered("f.txt"), format!("one\n{winner}\nthree\n"));
    let said = repo.here.say(&["diff", winner]);
    assert!(said.out.contains(&format!("-two\n+{winner}\n")), "{said}");
}

#[test]
fn what_a_failed_attempt_committed_stays_reachable_and_the_next_begins_anew() {
    let repo = Repo::with(
        r#"
[merge]
end = "branch"
[[agent]]
id = "a"
workspace = "own"
retry = { attempts = 2, base = "10ms" }
run = ["sh", "-c", "test -e first.txt && exit 9; if test -n \"$WAVEDECK_NOTE\"; then echo 2 > second.txt; else echo 1 > first.txt; git add .; git commit -qm first; echo left > left.txt; exit 1; fi"]
"#,
        &[("f.txt", "f\n")],
    );
    let events = repo.here.run().with(0);
    assert_eq!(events.of("agent.completed", "a")["attempt"], 2);
    assert_eq!(repo.delivered("second.txt"), "2\n");
    let kept = format!("refs/wavedeck/{}/a.1", repo.here.run_id());
    assert_eq!(repo.git(&["show", &format!("{kept}:first.txt")]), "1\n");
    assert_eq!(repo.git(&["show", &format!("{kept}:left.txt")]), "left\n");
    assert_eq!(repo.workspaces(), Vec::<String>::new());
    let note = repo.here.read_run("context/a.2.note.md");
    assert!(note.contains("Attempt 1 of a goes again"), "{note}");
}

#[test]
fn the_integrated_work_goes_back_to_a_checkpoint_and_what_it_had_is_kept() {
    let repo = Repo::with(
        &format!(
            r#"
{MEET}
[merge]
end = "branch"
[gate.ok]
approve = "Shall it stay?"
[defaults]
workspace = "own"
[[agent]]
id = "first"
run = ["sh", "-c", "echo 1 > first.txt"]
[[agent]]
id = "second"
needs = ["first"]
run = ["sh", "-c", "echo again >> $MEET/seconds; cp $MEET/seconds second.txt"]
[[agent]]
id = "third"
needs = ["second"]
gates = ["ok"]
run = ["sh", "-c", "cat second.txt > third.txt"]
"#
        ),
        &[("f.txt", "f\n")],
    );
    let said = repo.here.say(&["run", "--detach", "-y"]);
    assert_eq!(said.status, 0, "{said}");
    let asks = |times: usize| {
        wait_for("it asks", || {
            let events = repo.here.journal();
            let raised = events.all("attention.raised");
            (raised.len() == times).then(|| raised[times - 1]["id"].as_u64().unwrap())
        })
    };
    asks(1);
    let run = repo.here.run_id();
    let head = format!("refs/wavedeck/{run}/integration");
    let before = repo.git(&["rev-parse", &head]);
    repo.here.ctl("rollback 1");
    let done = wait_for("second is done again", || {
        let events = repo.here.journal();
        let all = events.all_of("agent.completed", "second").len();
        (all == 2).then_some(events)
    });
    assert_eq!(done.all("rollback.done").len(), 1);
    let kept = format!("refs/wavedeck/{run}/rolled-back/1/integration");
    assert_eq!(repo.git(&["rev-parse", &kept]), before);
    assert_eq!(
        repo.git(&["show", &format!("{head}:second.txt")]),
        "again\nagain\n"
    );
    let id = wait_for("it asks anew", || {
        let said = repo.here.say(&["asks", "--json"]);
        let value: serde_json::Value = serde_json::from_str(&said.out).ok()?;
        let open = value["asks"].as_array()?.first()?["id"].as_u64();
        let begun = repo.here.journal().all_of("work.collected", "third").len() == 2;
        open.filter(|_| begun)
    });
    repo.here.ctl(&format!("answer {id} yes"));
    let said = repo.here.say(&["wait"]);
    assert_eq!(said.status, 0, "{said}\n{}", repo.here.journal());
    assert_eq!(repo.delivered("third.txt"), "again\nagain\n");
    assert_eq!(repo.delivered("first.txt"), "1\n");
}

#[test]
fn after_a_way_back_the_branch_that_was_made_gets_the_new_work() {
    let repo = Repo::with(
        &format!(
            r#"
{MEET}
[merge]
end = "ask"
[[agent]]
id = "a"
workspace = "own"
run = ["sh", "-c", "echo again >> $MEET/times; cp $MEET/times a.txt"]
"#
        ),
        &[("f.txt", "f\n")],
    );
    let said = repo.here.say(&["run", "--detach", "-y"]);
    assert_eq!(said.status, 0, "{said}");
    let asks = |times: usize| {
        wait_for("it asks whether the branch goes forward", || {
            let events = repo.here.journal();
            let asked = events.all("attention.raised").into_iter();
            let asked = asked.filter(|raised| raised["attention"] == "deliver");
            asked.map(|raised| raised["id"].as_u64()).nth(times - 1)?
        })
    };
    asks(1);
    assert_eq!(repo.delivered("a.txt"), "again\n");
    repo.here.ctl("rollback 0");
    let id = asks(2);
    repo.here.ctl(&format!("answer {id} yes"));
    let said = repo.here.say(&["wait"]);
    assert_eq!(said.status, 0, "{said}\n{}", repo.here.journal());
    assert_eq!(repo.delivered("a.txt"), "again\nagain\n");
    assert_eq!(repo.git(&["show", "HEAD:a.txt"]), "again\nagain\n");
}

#[test]
fn where_there_is_nothing_to_work_on_the_run_is_refused_with_what_to_do() {
    let plan = "[[agent]]\nid = \"a\"\nworkspace = \"own\"\nrun = \"true\"\n";
    let repo = Repo::bare(plan);
    let said = repo.here.say(&["run", "--headless"]);
    assert_eq!(said.status, 2, "{said}");
    assert!(said.err.contains("git add . && git commit"), "{said}");
    repo.commit();
    repo.here
        .write("wavedeck.toml", &format!("base = \"nowhere\"\n{plan}"));
    let said = repo.here.say(&["run", "--headless"]);
    assert!(said.err.contains("`nowhere` is no commit"), "{said}");
    assert_eq!(repo.here.run_dirs(), Vec::<std::path::PathBuf>::new());
    let said = repo.here.say(&["doctor"]);
    assert_eq!(said.status, 0, "{said}");
    for what in ["git ", "boundary", "repository", "workspaces"] {
        assert!(said.out.contains(what), "{said}");
    }
}

#[test]
fn your_branch_goes_forward_only_when_all_is_done() {
    for (works, status) in [("false", 1), ("true", 0)] {
        let plan = format!(
            "[merge]\nend = \"ff\"\n[[agent]]\nid = \"one\"\nworkspace = \"own\"\n\
             run = [\"sh\", \"-c\", \"echo one > one.txt\"]\n\
             [[agent]]\nid = \"two\"\nrun = \"{works}\"\nneeds = [\"one\"]\n"
        );
        let repo = Repo::with(&plan, &[]);
        let before = repo.git(&["rev-parse", "HEAD"]);
        repo.here.run().with(status);
        assert_eq!(repo.delivered("one.txt"), "one\n");
        let moved = repo.git(&["rev-parse", "HEAD"]) != before;
        assert_eq!(moved, status == 0, "{works}");
    }
}

#[test]
fn an_agent_is_held_to_its_workspace() {
    if !matches!(
        wavedeck::sys::landlock::probe(),
        wavedeck::sys::landlock::Support::Version(_)
    ) {
        return;
    }
    let repo = Repo::with("", &[("f.txt", "f\n")]);
    let root = repo.here.path().display().to_string();
    let plan = format!(
        r#"
[merge]
end = "branch"
[[agent]]
id = "a"
workspace = "own"
run = ["sh", "-c", "echo bad > {root}/f.txt; echo tmp > $TMPDIR/t && echo in > in.txt"]
"#
    );
    repo.here.write("wavedeck.toml", &plan);
    let events = repo.here.run().with(0);
    assert_eq!(events.of("workspace.ready", "a")["level"], "enforced");
    assert_eq!(repo.here.read("f.txt"), "f\n");
    assert_eq!(repo.delivered("in.txt"), "in\n");
    let printed = repo.here.output("a.1");
    assert!(printed.contains("ermission denied"), "{printed}");
}
