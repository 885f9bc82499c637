//! `kill -9` of runner, guard and both at random moments, then `resume`: nothing is lost, nothing
//! is done twice, nobody stays (promises 1 and 2).
//!
//! `WAVEDECK_KILLS=200 cargo test crash -- --nocapture` kills so many times and prints a table;
//! `WAVEDECK_SEED` repeats a sequence of kinds and moments.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs, thread,
    time::{Duration, Instant},
};

use rustix::process::Signal;
use wavedeck::{journal::RunDir, sys::proc};

use super::rig::{Events, Here, Live, signal, wait_for};

/// Twelve agents of every fate: parts, retries, failures with and without somebody who handles
/// them, skips, a gate. Between two and three seconds, or so many times faster.
fn plan(speed: u64) -> String {
    let sims = [
        ("schema", "", 400, "ram = \"8MiB\", lines = 4"),
        ("fixtures", "", 300, "lines = 2"),
        ("api", "needs = [\"schema\"]", 350, "leak = true"),
        ("api-auth", "parent = \"api\"", 300, ""),
        ("api-orders", "parent = \"api\"", 450, "processes = 2"),
        (
            "importer",
            "needs = [\"fixtures\"]\nretry = { attempts = 2, base = \"100ms\" }",
            250,
            "fail_attempts = 1, exit = 3",
        ),
        (
            "rescue",
            "needs = [{ agent = \"importer\", when = \"failed\" }]",
            100,
            "",
        ),
        ("doomed", "needs = [\"schema\"]", 200, "signal = 11"),
        (
            "nurse",
            "needs = [{ agent = \"doomed\", when = \"failed\" }]",
            300,
            "",
        ),
        ("orphan", "needs = [\"doomed\"]", 100, ""),
        (
            "merge",
            "needs = [\"api\", \"importer\"]\ngates = [\"ok\"]",
            400,
            "ram = \"16MiB\"",
        ),
        ("ship", "needs = [\"merge\", \"nurse\"]", 300, "lines = 3"),
    ];
    let mut plan =
        String::from("[limits]\nagents = 4\n[gate.ok]\nrun = [\"sleep 0.2\", \"true\"]\n");
    for (id, more, ms, sim) in sims {
        let ms = ms / speed;
        let _ = write!(
            plan,
            "[[agent]]\nid = \"{id}\"\nsim = {{ duration = \"{ms}ms\", ledger = \"ledger/{id}\", {sim} }}\n{more}\n"
        );
    }
    plan
}

fn here(speed: u64) -> Here {
    let here = Here::with(&plan(speed));
    fs::create_dir(here.path().join("ledger")).unwrap();
    here
}

/// The final state of every agent, by the program's own word.
fn statuses(here: &Here) -> BTreeMap<String, String> {
    let said = here.say(&["status", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    let agents = json["agents"].as_array().unwrap().iter();
    agents
        .map(|a| {
            let text = |key: &str| a[key].as_str().unwrap().to_owned();
            (text("agent"), text("status"))
        })
        .collect()
}

/// What a kill may hit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Victim {
    Runner,
    Guard,
    Both,
}

/// SplitMix64: the moments need no more.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }
}

#[derive(Default)]
struct Tally {
    kills: u32,
    /// Kills that found agents running.
    busy: u32,
    longest: Duration,
}

/// Kills, waits until the dead run is at rest, and returns how long that took.
fn kill(here: &Here, mut live: Live, runner: i32, victim: Victim) -> Duration {
    let dir = RunDir::at(&here.run_dir());
    let guard = live.guard();
    let began = Instant::now();
    match victim {
        Victim::Runner => signal(runner, Signal::KILL),
        Victim::Guard => signal(guard, Signal::KILL),
        Victim::Both => {
            // Neither may do anything about the death of the other.
            signal(guard, Signal::STOP);
            signal(runner, Signal::KILL);
            signal(guard, Signal::KILL);
        }
    }
    wait_for("the guard is gone", || live.child.try_wait().unwrap());
    wait_for("nobody holds the run", || (!dir.is_live()).then_some(()));
    if victim != Victim::Both {
        here.nobody_left();
    }
    drop(live);
    began.elapsed()
}

/// What must hold of the journal and the ledgers at any time.
fn check(here: &Here, seed: u64) -> Events {
    let events = here.journal();
    events.dense();
    let mut last = BTreeMap::new();
    let mut completed = BTreeMap::new();
    for event in &events.0 {
        let agent = event["agent"].as_str().unwrap_or_default().to_owned();
        let attempt = event["attempt"].as_u64().unwrap_or(0);
        match event["kind"].as_str().unwrap() {
            "agent.scheduled" => {
                let before = last.insert(agent.clone(), attempt).unwrap_or(0);
                assert!(attempt > before, "seed {seed}: {event}\n{events}");
                assert!(
                    !completed.contains_key(&agent),
                    "seed {seed}: {event}\n{events}"
                );
            }
            "agent.completed" => {
                completed.insert(agent, attempt);
            }
            _ => {}
        }
    }
    for entry in fs::read_dir(here.path().join("ledger")).unwrap() {
        let path = entry.unwrap().path();
        let agent = path.file_name().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&path).unwrap();
        let attempts: Vec<u64> = text
            .lines()
            .map(|l| l.rsplit(' ').next().unwrap().parse().unwrap())
            .collect();
        let grows = attempts.windows(2).all(|w| w[0] < w[1]);
        assert!(grows, "seed {seed}: {agent} {attempts:?}\n{events}");
        if let (Some(done), Some(last)) = (completed.get(&agent), attempts.last()) {
            assert_eq!(last, done, "seed {seed}: {agent}\n{events}");
        }
    }
    events
}

/// Processes of agents that the journal knows, by pid and start.
fn known(events: &Events) -> Vec<(i32, u64)> {
    let started = events.all("agent.started").into_iter();
    started
        .map(|e| {
            let handle = &e["handle"];
            let pid = i32::try_from(handle["pid"].as_i64().unwrap()).unwrap();
            (pid, handle["start_ticks"].as_u64().unwrap())
        })
        .collect()
}

#[test]
fn crash() {
    let asked: Option<u32> = std::env::var("WAVEDECK_KILLS")
        .ok()
        .map(|n| n.parse().unwrap());
    let kills = asked.unwrap_or(6);
    let speed = if asked.is_some() { 1 } else { 3 };
    let seed = std::env::var("WAVEDECK_SEED").map_or_else(
        |_| {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
            u64::try_from(now.unwrap().as_nanos() & 0xffff_ffff).unwrap()
        },
        |n| n.parse().unwrap(),
    );
    println!("WAVEDECK_SEED={seed}");
    let undisturbed = here(speed);
    let began = Instant::now();
    let status = undisturbed.run().status;
    let length = u64::try_from(began.elapsed().as_millis()).unwrap();
    let expected = statuses(&undisturbed);
    let mut random = Random(seed);
    let mut tally: BTreeMap<Victim, Tally> = BTreeMap::new();
    let (mut done, mut runs, mut too_late) = (0, 0, 0);
    while done < kills {
        runs += 1;
        let here = here(speed);
        let mut live = here.start();
        live.until("it begins", |e| e.all("run.started").pop().map(drop));
        // Several deaths in one run, from its first moment to its last.
        for _ in 0..3.min(kills - done) {
            let victim = [Victim::Runner, Victim::Guard, Victim::Both]
                [usize::try_from(random.below(3)).unwrap()];
            thread::sleep(Duration::from_millis(random.below(length * 2 / 3)));
            let over = !live.events().all("run.finished").is_empty();
            let Some(runner) = live.runner_now().filter(|_| !over) else {
                too_late += 1;
                break;
            };
            let entry = tally.entry(victim).or_default();
            entry.busy += u32::from(!here.survivors().is_empty());
            let took = kill(&here, live, runner, victim);
            entry.kills += 1;
            entry.longest = entry.longest.max(took);
            done += 1;
            let before = known(&check_readable(&here));
            live = here.start_as(&["resume", "--headless", "--json"]);
            // The run may have ended in the very moment of the kill.
            let resumed = wait_for("it goes on", || {
                let gone = live.child.try_wait().unwrap().is_some();
                let events = live.events();
                (gone || !events.0.is_empty()).then_some(!events.0.is_empty())
            });
            if !resumed {
                break;
            }
            for (pid, start) in before {
                assert!(
                    !proc::is_alive(pid, start),
                    "seed {seed}: {pid} survived {victim:?}"
                );
            }
        }
        let ended = live.end();
        let events = check(&here, seed);
        assert_eq!(ended.status, status, "seed {seed}\n{events}\n{}", ended.err);
        assert_eq!(statuses(&here), expected, "seed {seed}\n{events}");
        assert_eq!(events.all("run.finished").len(), 1, "seed {seed}\n{events}");
        here.nobody_left();
    }
    println!("undisturbed: {length} ms; {runs} runs, {done} kills, {too_late} too late to count");
    println!("victim  kills  agents running  longest until at rest");
    for (victim, tally) in &tally {
        let Tally {
            kills,
            busy,
            longest,
        } = tally;
        println!("{victim:<7?} {kills:>5}  {busy:>14}  {longest:>9.3?}");
    }
}

/// The journal's whole lines; the last one may be torn.
fn check_readable(here: &Here) -> Events {
    let text = fs::read_to_string(here.run_dir().join("journal.jsonl")).unwrap();
    let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
    let lines = whole.lines().skip(1);
    Events(
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect(),
    )
}
