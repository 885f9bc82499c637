//! The promise of merging, on random repositories: the integrated head holds exactly the edits that
//! were accepted, whatever the order, crashes and resumes; nothing of the user's changes.

use std::{collections::BTreeMap, fmt::Write as _};

use rustix::process::Signal;
use serde_json::Value;

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
}

/// Lines of each shared file.
const LINES: u64 = 30;
/// Shared files.
const FILES: u64 = 3;

/// One agent's edits: file and line to text.
type Edits = BTreeMap<(u64, u64), String>;

/// Random agents with their edits, and the plan that makes them.
fn plan(random: &mut Random) -> (String, BTreeMap<String, Edits>) {
    let mut text = "[limits]\nagents = 8\n[merge]\nend = \"branch\"\n".to_owned();
    let mut all = BTreeMap::new();
    for n in 0..2 + random.below(7) {
        let id = format!("a{n}");
        let mut edits = Edits::new();
        let mut script = String::new();
        for k in 0..=random.below(4) {
            let (file, line) = (random.below(FILES), 1 + random.below(LINES));
            let by = format!("{id} edit {k}");
            let _ = write!(script, "sed -i '{line}s/.*/{by}/' f{file}.txt; ");
            edits.insert((file, line), by);
        }
        let _ = write!(
            script,
            "echo {id} > own-{id}.txt; sleep 0.{:02}; ",
            random.below(40)
        );
        if random.below(2) == 0 {
            script.push_str("git add . && git commit -qm mine; ");
        }
        let _ = write!(
            text,
            "[[agent]]\nid = \"{id}\"\nworkspace = \"own\"\njoin = \"fail-fast\"\n\
             retry = {{ attempts = 1 }}\nrun = [\"sh\", \"-ec\", \"{script}true\"]\n"
        );
        if n > 0 && random.below(4) == 0 {
            let need = format!("a{}", random.below(n));
            let _ = writeln!(text, "needs = [{{ agent = \"{need}\", when = \"ended\" }}]");
        }
        if random.below(3) == 0 {
            let _ = writeln!(text, "check = [\"test -f own-{id}.txt\"]");
        }
        all.insert(id, edits);
    }
    (text, all)
}

/// Runs it; the runner is killed at random moments, and the run resumed.
fn run(repo: &Repo, random: &mut Random) -> Events {
    let mut crashes = random.below(4);
    let mut live = repo.here.start();
    loop {
        if crashes == 0 {
            let ended = live.end();
            assert!(
                matches!(ended.status, 0 | 1),
                "{}\n{}",
                ended.events,
                ended.err
            );
            return repo.here.journal();
        }
        crashes -= 1;
        let after = 3 + random.below(40);
        let over = |e: &Events| {
            let enough = e.0.len() as u64 >= after;
            (enough || !e.all("run.finished").is_empty()).then_some(())
        };
        live.until("some events", over);
        if let Some(runner) = live.runner_now() {
            signal(runner, Signal::KILL);
        }
        let ended = live.end();
        let journal = repo.here.journal();
        // It was over before, or just then.
        if ended.status != 4 || !journal.all("run.finished").is_empty() {
            return journal;
        }
        live = resumed(repo);
    }
}

fn resumed(repo: &Repo) -> Live {
    repo.here.start_as(&["resume", "--headless", "--json"])
}

fn text(event: &Value, member: &str) -> String {
    event[member].as_str().unwrap_or_default().to_owned()
}

/// What must hold in the end; adds to crashes, accepted and refused work.
fn holds(
    repo: &Repo,
    events: &Events,
    edits: &BTreeMap<String, Edits>,
    seed: u64,
    seen: &mut [usize; 3],
) {
    let run = repo.here.run_id();
    let head = format!("refs/wavedeck/{run}/integration");
    let done = events.all("merge.done");
    let accepted: Vec<String> = done.iter().map(|e| text(e, "agent")).collect();
    let refused = events.all("agent.failed").len();
    let all = [events.all("run.resumed").len(), accepted.len(), refused];
    for (sum, now) in seen.iter_mut().zip(all) {
        *sum += now;
    }
    if accepted.is_empty() {
        return;
    }
    let mut expected: Vec<Vec<String>> = (0..FILES).map(lines).collect();
    for agent in &accepted {
        for (&(file, line), by) in &edits[agent] {
            expected[file as usize][line as usize - 1].clone_from(by);
        }
    }
    for (file, expected) in expected.iter().enumerate() {
        let found = repo.git(&["show", &format!("{head}:f{file}.txt")]);
        let found: Vec<&str> = found.lines().collect();
        assert_eq!(&found, expected, "f{file}.txt, seed {seed}\n{events}");
    }
    for agent in edits.keys() {
        let named = repo.git(&["ls-tree", "--name-only", &head, &format!("own-{agent}.txt")]);
        assert_eq!(
            !named.is_empty(),
            accepted.contains(agent),
            "{agent}, seed {seed}\n{events}"
        );
    }
    // The same recorded order gives the same trees: git alone merges what was recorded.
    for done in &done {
        let number = &done["number"];
        let started = events.all("merge.started");
        let mut of = started.iter().filter(|e| e["number"] == *number);
        let started = of.next_back().unwrap();
        let (onto, theirs) = (text(started, "onto"), text(started, "commit"));
        let merged = text(done, "commit");
        let parents = repo.git(&["log", "-1", "--format=%P", &merged]);
        assert_eq!(parents.trim(), format!("{onto} {theirs}"), "seed {seed}");
        let tree = repo.git(&["merge-tree", "--write-tree", &onto, &theirs]);
        let own = repo.git(&["rev-parse", &format!("{merged}^{{tree}}")]);
        assert_eq!(tree, own, "seed {seed}");
    }
    let last = repo.git(&["rev-parse", &head]);
    assert_eq!(
        last.trim(),
        text(done.last().unwrap(), "commit"),
        "seed {seed}"
    );
    let branch = repo.git(&["rev-parse", &format!("refs/heads/wavedeck/{run}")]);
    assert_eq!(branch, last, "seed {seed}");
    for collected in events.all("work.collected") {
        let commit = text(collected, "commit");
        if !commit.is_empty() {
            let refs = format!("refs/wavedeck/{run}/");
            let by = repo.git(&["for-each-ref", "--contains", &commit, &refs]);
            assert!(!by.is_empty(), "{collected} is not reachable, seed {seed}");
        }
    }
}

fn lines(file: u64) -> Vec<String> {
    (1..=LINES)
        .map(|line| format!("file {file} line {line}"))
        .collect()
}

#[test]
fn the_head_holds_exactly_what_was_accepted_across_orders_and_crashes() {
    let cases = std::env::var("WAVEDECK_MERGE_CASES").ok();
    let cases = cases.and_then(|n| n.parse().ok()).unwrap_or(4);
    let mut seen = [0; 3];
    for seed in 1..=cases {
        let mut random = Random(seed);
        let (plan, edits) = plan(&mut random);
        let files: Vec<(String, String)> = (0..FILES)
            .map(|file| (format!("f{file}.txt"), lines(file).join("\n") + "\n"))
            .collect();
        let files: Vec<(&str, &str)> = files
            .iter()
            .map(|(n, t)| (n.as_str(), t.as_str()))
            .collect();
        let repo = Repo::with(&plan, &files);
        repo.here.write("f0.txt", "the user's own edit\n");
        let before = repo.fingerprint();
        let events = run(&repo, &mut random);
        holds(&repo, &events, &edits, seed, &mut seen);
        assert_eq!(
            repo.changed_since(&before),
            Vec::<std::path::PathBuf>::new()
        );
    }
    // A test that meets none of these would show nothing.
    assert!(
        seen.iter().all(|&n| n > 0),
        "crashes, accepted, refused: {seen:?}"
    );
    println!("crashes, accepted, refused: {seen:?}");
}
