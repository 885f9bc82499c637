//! The promise of merging, on random repositories: the integrated head holds exactly the edits that
//! were accepted, whatever the order, crashes and resumes; nothing of the user's changes.
//!
//! What must come out is made again by other means: each accepted agent's script runs once more by
//! itself on the commit that its workspace began with, and git alone merges in the recorded order.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use rustix::process::Signal;
use serde_json::Value;
use wavedeck::workspace::Untouched;

use super::{
    rig::{Events, Live, signal},
    together::Repo,
};

/// Numbers that are the same for the same seed (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// Names of files; a repository has the first few of them.
const NAMES: [&str; 7] = [
    "f0.txt",
    "src/deep/f1.rs",
    "with space.txt",
    "src/f3.c",
    "-dash",
    "docs/ünï.md",
    "f6",
];

/// A repository: its files, by name to lines.
fn files(random: &mut Random) -> Vec<(&'static str, u64)> {
    let many = 2 + usize::try_from(random.below(6)).unwrap();
    let files = NAMES.iter().take(many);
    files.map(|name| (*name, 8 + random.below(40))).collect()
}

fn line(file: usize, line: u64) -> String {
    format!("file {file} line {line}")
}

/// One edit, as shell: what it does depends on the files alone.
fn edit(random: &mut Random, files: &[(&str, u64)], by: &str) -> String {
    let at = usize::try_from(random.below(files.len() as u64)).unwrap();
    let (name, lines) = files[at];
    let old = line(at, 1 + random.below(lines));
    let there = |what: &str| format!("if [ -f './{name}' ]; then {what}; fi");
    match random.below(20) {
        0 | 1 => there(&format!("sed -i '/^{old}$/a {by}' './{name}'")),
        2 | 3 => there(&format!("sed -i '/^{old}$/d' './{name}'")),
        4..=6 => format!("rm -f './{name}'"),
        7 | 8 => {
            let to = random.below(3);
            there(&format!("mkdir -p moved; mv './{name}' moved/{to}"))
        }
        9 => there(&format!("chmod +x './{name}'")),
        10 => format!("echo {by} > shared-{}", random.below(3)),
        11 => format!("printf '\\000{by}\\001' > binary"),
        12 => format!("ln -sfn '{by}' link"),
        _ => there(&format!("sed -i 's/^{old}$/{by}/' './{name}'")),
    }
}

/// Says which commit was made, so that it can be looked for.
const COMMIT: &str =
    "git add -A; git commit -qm mine --allow-empty; echo commit `git rev-parse HEAD`";

/// The plan of random agents, and what each of them does.
fn plan(random: &mut Random, files: &[(&str, u64)]) -> (String, BTreeMap<String, String>) {
    let mut text = "[limits]\nagents = 8\n[merge]\nend = \"branch\"\n".to_owned();
    let mut scripts = BTreeMap::new();
    for n in 0..2 + random.below(7) {
        let id = format!("a{n}");
        let mut script = String::new();
        for k in 0..=random.below(4) {
            let edit = edit(random, files, &format!("{id}.{k}"));
            let _ = writeln!(script, "{edit}");
            if random.chance(15) {
                let _ = writeln!(script, "{COMMIT}");
            }
        }
        let _ = writeln!(
            script,
            "echo {id} > own-{id}; sleep 0.{:02}",
            random.below(40)
        );
        if random.chance(20) {
            // Another branch, which is no part of its result.
            let back = "git checkout -q -";
            let _ = writeln!(script, "{COMMIT}\ngit checkout -qb side");
            let _ = writeln!(script, "echo {id} > side-{id}\n{COMMIT}\n{back}");
        } else if random.chance(50) {
            let _ = writeln!(script, "{COMMIT}");
        }
        if random.chance(20) {
            script.push_str("if [ \"$WAVEDECK_ATTEMPT\" = 1 ]; then exit 3; fi\n");
        }
        let join = ["fail-fast", "merge-with-rules"][usize::from(random.chance(25))];
        let _ = write!(
            text,
            "[[agent]]\nid = \"{id}\"\nworkspace = \"own\"\njoin = \"{join}\"\n\
             retry = {{ attempts = 2, base = \"1ms\" }}\nrun = [\"sh\", \"-ec\", '''\n{script}''']\n"
        );
        if n > 0 && random.chance(25) {
            let need = format!("a{}", random.below(n));
            let _ = writeln!(text, "needs = [{{ agent = \"{need}\", when = \"ended\" }}]");
        }
        match random.below(6) {
            0 | 1 => drop(writeln!(text, "check = [\"test -f own-{id}\"]")),
            2 => drop(writeln!(text, "check = [\"test ! -f shared-0\"]")),
            _ => {}
        }
        scripts.insert(id, script);
    }
    (text, scripts)
}

/// Events at which a runner is ended.
const MOMENTS: [&str; 9] = [
    "workspace.ready",
    "agent.started",
    "attempt.ended",
    "work.collected",
    "merge.started",
    "merge.tried",
    "merge.advancing",
    "merge.done",
    "agent.completed",
];

/// Runs it; runner or guard are killed at random moments, and the run resumed.
fn run(repo: &Repo, random: &mut Random, before: &Untouched) -> Events {
    let mut crashes = random.below(5);
    let mut live = repo.here.start();
    loop {
        if crashes == 0 {
            let ended = live.end();
            assert!(
                matches!(ended.status, 0 | 1 | 5),
                "{}\n{}",
                ended.events,
                ended.err
            );
            return repo.here.journal();
        }
        crashes -= 1;
        let moment = MOMENTS[usize::try_from(random.below(MOMENTS.len() as u64)).unwrap()];
        let times = 1 + usize::try_from(random.below(4)).unwrap();
        let after = 3 + usize::try_from(random.below(60)).unwrap();
        let over = |e: &Events| {
            let enough = e.all(moment).len() >= times || e.0.len() >= after;
            (enough || !e.all("run.finished").is_empty()).then_some(())
        };
        live.until("some events", over);
        if random.chance(25) {
            signal(live.guard(), Signal::KILL);
        } else if let Some(runner) = live.runner_now() {
            signal(runner, Signal::KILL);
        }
        let ended = live.end();
        let journal = repo.here.journal();
        // It was over before, or just then.
        if !matches!(ended.status, 4 | -9) || !journal.all("run.finished").is_empty() {
            return journal;
        }
        let changed = repo.changed_since(before);
        assert_eq!(changed, Vec::<PathBuf>::new(), "after a crash");
        live = resumed(repo);
    }
}

fn resumed(repo: &Repo) -> Live {
    repo.here.start_as(&["resume", "--headless", "--json"])
}

fn text(event: &Value, member: &str) -> String {
    event[member].as_str().unwrap_or_default().to_owned()
}

/// The tree that a script leaves on a commit, in a clone of its own.
fn made_again(repo: &Repo, base: &str, script: &str, attempt: &Value) -> String {
    let folder = tempfile::tempdir().unwrap();
    let clone = folder.path();
    let from = repo.here.path().to_str().unwrap();
    repo.git_in(
        clone,
        &["clone", "-q", "--shared", "--no-checkout", from, "."],
    );
    repo.git_in(clone, &["checkout", "-q", "--detach", base]);
    let who = ["AUTHOR", "COMMITTER"].map(|who| {
        [
            (format!("GIT_{who}_NAME"), "o"),
            (format!("GIT_{who}_EMAIL"), "o@x"),
        ]
    });
    let done = Command::new("sh")
        .args(["-ec", script])
        .current_dir(clone)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", clone.join(".git"))
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("WAVEDECK_ATTEMPT", attempt.to_string())
        .envs(who.into_iter().flatten())
        .output()
        .unwrap();
    assert!(done.status.success(), "{done:?}\n{script}");
    repo.git_in(clone, &["add", "-A"]);
    repo.git_in(clone, &["write-tree"])
}

/// What the cases have met; where one of them stays 0, the test shows nothing.
#[derive(Debug, Default)]
struct Met {
    crashes: usize,
    accepted: usize,
    refused: usize,
    blocked: usize,
    retried: usize,
    commits: usize,
    in_workspaces: usize,
}

/// What must hold in the end.
fn holds(repo: &Repo, events: &Events, scripts: &BTreeMap<String, String>, met: &mut Met) {
    let run = repo.here.run_id();
    let head = format!("refs/wavedeck/{run}/integration");
    let done = events.all("merge.done");
    let accepted: BTreeSet<String> = done.iter().map(|e| text(e, "agent")).collect();
    met.crashes += events.all("run.resumed").len();
    met.accepted += accepted.len();
    met.refused += events.all("agent.failed").len();
    met.retried += events.all("agent.retrying").len();
    let blocked = scripts.keys().filter(|id| events.ending(id) == "blocked");
    met.blocked += blocked.count();
    assert_eq!(accepted.len(), done.len(), "merged twice\n{events}");
    // Whoever is done is in, and nobody else.
    for agent in scripts.keys() {
        let completed = events.has("agent.completed", agent);
        let in_line = events.has("merge.started", agent);
        assert_eq!(
            completed && in_line,
            accepted.contains(agent),
            "{agent}\n{events}"
        );
    }
    // From the commit that the run began with, one merge after the other: git alone merges what was
    // recorded, and each side is what its agent's script makes.
    let mut tip = text(events.all("run.started")[0], "base_commit");
    for done in &done {
        let agent = text(done, "agent");
        let number = &done["number"];
        let started = events.all("merge.started");
        let mut of = started.iter().filter(|e| e["number"] == *number);
        let started = of.next_back().unwrap();
        let (onto, theirs) = (text(started, "onto"), text(started, "commit"));
        let merged = text(done, "commit");
        assert_eq!(onto, tip, "{agent}\n{events}");
        let ready = events.all_of("workspace.ready", &agent);
        let mut ready = ready.iter().filter(|e| e["attempt"] == done["attempt"]);
        let base = text(ready.next_back().unwrap(), "base");
        let own = made_again(repo, &base, &scripts[&agent], &done["attempt"]);
        let collected = repo.git(&["rev-parse", &format!("{theirs}^{{tree}}")]);
        assert_eq!(collected, own, "what {agent} did\n{events}");
        if merged != onto {
            let parents = repo.git(&["log", "-1", "--format=%P", &merged]);
            assert_eq!(
                parents.trim(),
                format!("{onto} {theirs}"),
                "{agent}\n{events}"
            );
        }
        let tree = repo.git(&["merge-tree", "--write-tree", &onto, &theirs]);
        let found = repo.git(&["rev-parse", &format!("{merged}^{{tree}}")]);
        assert_eq!(tree, found, "the merge of {agent}\n{events}");
        tip = merged;
    }
    if let Some(last) = done.last() {
        let tip = repo.git(&["rev-parse", &head]);
        assert_eq!(tip.trim(), text(last, "commit"), "{events}");
        let branch = repo.git(&["rev-parse", &format!("refs/heads/wavedeck/{run}")]);
        assert_eq!(branch, tip, "{events}");
        only_accepted(repo, &head, scripts, &accepted, events);
    }
    reachable(repo, &run, events, met);
}

/// No word of whoever was refused is in the head, and the file that is each one's own.
fn only_accepted(
    repo: &Repo,
    head: &str,
    scripts: &BTreeMap<String, String>,
    accepted: &BTreeSet<String>,
    events: &Events,
) {
    let names = repo.git(&["ls-tree", "-r", "-z", "--name-only", head]);
    let names: BTreeSet<&str> = names.split('\0').collect();
    let mut all = String::new();
    // The plan has the words of all.
    let plan = "wavedeck.toml";
    for name in names
        .iter()
        .filter(|name| !name.is_empty() && **name != plan)
    {
        all.push_str(&repo.git(&["show", &format!("{head}:{name}")]));
        all.push('\n');
    }
    for agent in scripts.keys() {
        let taken = accepted.contains(agent);
        let own = names.contains(format!("own-{agent}").as_str());
        assert_eq!(own, taken, "{agent}\n{events}");
        let word = all.contains(&format!("{agent}."));
        assert!(taken || !word, "{agent} was refused\n{events}\n{all}");
        let side = names.contains(format!("side-{agent}").as_str());
        assert!(!side, "{agent} kept it beside its result\n{events}");
    }
}

/// Each commit that an agent said it made is reachable from a ref of the run, or, where it is no part
/// of a result, from one in a workspace that was kept.
fn reachable(repo: &Repo, run: &str, events: &Events, met: &mut Met) {
    let refs = format!("refs/wavedeck/{run}/");
    let listed = repo.git(&["rev-list", "--glob", &format!("{refs}*")]);
    let mut found: BTreeSet<String> = listed.lines().map(str::to_owned).collect();
    let ours = found.len();
    for folder in repo.workspaces_of_runs() {
        // Others are wavedeck's own; a runner that was killed may have left one half made.
        let of_agent = folder
            .file_name()
            .unwrap()
            .to_str()
            .unwrap()
            .starts_with('a');
        if of_agent && folder.join(".git").is_dir() {
            let listed = repo.git_in(&folder, &["rev-list", "--all"]);
            found.extend(listed.lines().map(str::to_owned));
        }
    }
    assert!(found.len() >= ours);
    for collected in events.all("work.collected") {
        let commit = text(collected, "commit");
        let kept = commit.is_empty() || listed.lines().any(|line| line == commit);
        assert!(kept, "{collected} is not kept");
    }
    let outputs = std::fs::read_dir(repo.here.run_dir().join("output")).unwrap();
    for output in outputs {
        let path = output.unwrap().path();
        for commit in said(&path) {
            met.commits += 1;
            met.in_workspaces += usize::from(!listed.lines().any(|line| line == commit));
            assert!(
                found.contains(&commit),
                "{commit} of {}\n{events}",
                path.display()
            );
        }
    }
}

/// The commits that an attempt said it made.
fn said(output: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(output).unwrap_or_default();
    let said = text.lines().filter_map(|line| line.strip_prefix("commit "));
    said.map(str::to_owned).collect()
}

/// The repository of a case, with all that is the user's: what is staged, changed, new, put aside, on
/// other branches, configured.
fn repository(plan: &str, files: &[(&str, u64)]) -> Repo {
    let texts: Vec<(&str, String)> = files
        .iter()
        .enumerate()
        .map(|(at, (name, lines))| {
            let all = (1..=*lines).map(|n| line(at, n) + "\n");
            (*name, all.collect())
        })
        .collect();
    let texts: Vec<(&str, &str)> = texts.iter().map(|(n, t)| (*n, t.as_str())).collect();
    let repo = Repo::with(plan, &texts);
    repo.git(&["branch", "other"]);
    repo.git(&["tag", "v1"]);
    repo.git(&["config", "user.name", "A Person"]);
    repo.here.write("f0.txt", "put aside\n");
    repo.git(&["stash", "--quiet"]);
    repo.here.write("staged.txt", "staged\n");
    repo.git(&["add", "staged.txt"]);
    repo.here.write("f0.txt", "the user's own edit\n");
    repo.here.write("new.txt", "not known to git\n");
    repo.here
        .write(".git/hooks/post-commit", "#!/bin/sh\nexit 1\n");
    repo
}

#[test]
fn the_head_holds_exactly_what_was_accepted_across_orders_and_crashes() {
    let number = |name: &str| std::env::var(name).ok().and_then(|n| n.parse::<u64>().ok());
    let cases = number("WAVEDECK_MERGE_CASES");
    let first = number("WAVEDECK_MERGE_FIRST").unwrap_or(1);
    let mut met = Met::default();
    for seed in first..first + cases.unwrap_or(4) {
        let mut random = Random(seed);
        let files = files(&mut random);
        let (plan, scripts) = plan(&mut random, &files);
        let repo = repository(&plan, &files);
        let before = repo.fingerprint();
        println!("WAVEDECK_MERGE_FIRST={seed} WAVEDECK_MERGE_CASES=1");
        let events = run(&repo, &mut random, &before);
        repo.here.nobody_left();
        holds(&repo, &events, &scripts, &mut met);
        let changed = repo.changed_since(&before);
        assert_eq!(changed, Vec::<PathBuf>::new(), "{events}");
    }
    println!("{met:?}");
    let cases = cases.unwrap_or(4);
    assert!(
        cases < 4 || (met.accepted > 0 && met.commits > 0),
        "{met:?}"
    );
    // Where a kill or a clash falls depends on the machine: a short series may have none.
    let often = [met.crashes, met.refused];
    assert!(cases < 20 || often.iter().all(|&n| n > 0), "{met:?}");
    let rare = [met.blocked, met.retried, met.in_workspaces];
    assert!(cases < 40 || rare.iter().all(|&n| n > 0), "{met:?}");
}
