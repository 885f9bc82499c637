//! Five programs in one plan; a swap, a message and a question in mid-run.

use std::{
    collections::BTreeMap,
    fs,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, SystemTime},
};

use serde_json::Value;

use super::{HEAD, World, agent, front::Manner, gated, one_of_each};

/// What the server says of each of its answers.
const INPUT: u64 = 1_200;
const OUTPUT: u64 = 34;

const FOUR: [(&str, &str); 4] = [
    ("claude", "messages"),
    ("codex", "responses"),
    ("gemini", "enerateContent"),
    ("opencode", "completions"),
];

#[test]
fn five_programs_at_once_are_all_done_merged_counted_and_measured() {
    if !gated() {
        return;
    }
    let plan = one_of_each(true);
    let world = World::with(&plan, Manner::Forward(Duration::from_secs(6)));
    let over = AtomicBool::new(false);
    let (ended, seen) = thread::scope(|scope| {
        let looking = scope.spawn(|| look(&over));
        let ended = world.start().end();
        over.store(true, Ordering::SeqCst);
        (ended, looking.join().unwrap())
    });
    let events = ended.with(0);
    let names = ["claude", "codex", "gemini", "opencode", "aider"];
    for name in names {
        assert_eq!(events.ending(name), "completed", "{name}\n{events}");
        let text = world.repo.delivered(&format!("{name}.txt"));
        assert_eq!(text.trim_end(), format!("hello from {name}"));
    }
    // Requests without tools (titles, aider's) are answered and counted by the programs too or not: the
    // working ones are what the four report.
    let answered = world.front.answered();
    let report: Value = serde_json::from_str(&world.repo.here.read_run("report.json")).unwrap();
    for (name, kind) in FOUR {
        let n = answered
            .iter()
            .filter(|a| a.kind() == kind && a.body.contains("\"tools\""))
            .count() as u64;
        let agents = report["agents"].as_array().unwrap();
        let tokens = &agents.iter().find(|a| a["agent"] == name).unwrap()["tokens"];
        println!("{name}: {n} requests answered, {tokens}");
        let all = ["input", "cached", "cache_read", "cache_write"]
            .iter()
            .filter_map(|k| tokens[*k].as_u64())
            .sum::<u64>();
        assert_eq!(
            (all, tokens["output"].as_u64()),
            (n * INPUT, Some(n * OUTPUT)),
            "{name}: {tokens}"
        );
    }
    compare(&world, &names, &seen);
}

/// Resident memory by agent at moments, read by ourselves.
type Seen = Vec<(i64, BTreeMap<String, u64>)>;

fn look(over: &AtomicBool) -> Seen {
    let mut seen = Vec::new();
    while !over.load(Ordering::SeqCst) {
        let mut sums = BTreeMap::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let env = fs::read(entry.path().join("environ")).unwrap_or_default();
            let marker = |name: &str| {
                env.split(|b| *b == 0)
                    .find_map(|v| v.strip_prefix(name.as_bytes()))
                    .map(|v| String::from_utf8_lossy(v).into_owned())
            };
            let Some(agent) = marker("WAVEDECK_AGENT=") else {
                continue;
            };
            let statm = fs::read_to_string(entry.path().join("statm")).unwrap_or_default();
            let pages: u64 = statm
                .split(' ')
                .nth(1)
                .and_then(|p| p.parse().ok())
                .unwrap_or(0);
            *sums.entry(agent).or_insert(0) += pages * 4096;
        }
        let now = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap();
        seen.push((i64::try_from(now.as_millis()).unwrap(), sums));
        thread::sleep(Duration::from_millis(50));
    }
    seen
}

/// The rows of the recording beside the nearest of our readings.
fn compare(world: &World, names: &[&str], seen: &Seen) {
    let mut off = Vec::new();
    for line in world.repo.here.read_run("samples.jsonl").lines() {
        let Ok(sample) = serde_json::from_str::<Value>(line) else {
            continue;
        };
        let Some(at) = sample["at_ms"].as_i64() else {
            continue;
        };
        let Some((near, sums)) = seen.iter().min_by_key(|(t, _)| (t - at).abs()) else {
            continue;
        };
        for row in sample["agents"].as_array().into_iter().flatten() {
            let name = names[usize::try_from(row["agent"].as_u64().unwrap()).unwrap()];
            let (Some(ours), Some(theirs)) = (sums.get(name), row["resident_bytes"].as_u64())
            else {
                continue;
            };
            if (near - at).abs() <= 150 && *ours > 0 {
                off.push(theirs.abs_diff(*ours) * 1000 / ours);
            }
        }
    }
    off.sort_unstable();
    let median = off[off.len() / 2];
    println!("{} pairs, median {median} permille off", off.len());
    assert!(off.len() >= 60 && median <= 100, "{off:?}");
}

#[test]
fn a_swap_in_mid_run_has_the_old_messages_under_the_new_model() {
    if !gated() {
        return;
    }
    let plan = [
        HEAD.to_owned(),
        agent("claude", "[\"claude:tiny\", \"claude:big\"]", ""),
        agent("codex", "[\"codex:tiny\", \"codex:big\"]", ""),
        agent(
            "gemini",
            "[\"gemini:gemini-tiny\", \"gemini:gemini-big\"]",
            "",
        ),
        agent(
            "opencode",
            "[\"opencode:local/tiny\", \"opencode:cloud/big\"]",
            "",
        ),
    ]
    .concat();
    let world = World::with(&plan, Manner::HoldSecond);
    let live = world.start();
    for (name, kind) in FOUR {
        // Its second request waits at the door: the first was answered, so it is in the middle.
        live.until(&format!("{name} is in the middle"), |_| {
            let asked = world.front.asked();
            let waits = asked
                .iter()
                .any(|a| a.kind() == kind && a.works() && a.status == 0);
            waits.then_some(())
        });
        world.ctl(&["swap", name]);
    }
    let events = live.end().with(0);
    let answered = world.front.answered();
    for (name, kind) in FOUR {
        assert_eq!(events.ending(name), "completed", "{name}\n{events}");
        // One session under both models, and in it what was said before.
        let mut sessions: Vec<&str> = (events.all_of("agent.session", name).iter())
            .map(|e| e["session"].as_str().unwrap())
            .collect();
        sessions.dedup();
        assert_eq!(sessions.len(), 1, "{name}\n{events}");
        let kept = answered.iter().any(|a| {
            a.kind() == kind
                && a.model.ends_with("big")
                && a.body.contains(&format!("hello from {name}"))
        });
        assert!(kept, "{name}: {answered:#?}");
        world.repo.delivered(&format!("{name}.txt"));
    }
}

#[test]
fn a_message_arrives_at_each_program() {
    if !gated() {
        return;
    }
    for now in [false, true] {
        let plan = one_of_each(false);
        let world = World::with(&plan, Manner::Forward(Duration::from_secs(3)));
        let live = world.start();
        for (name, _) in FOUR {
            live.hears("agent.session", name);
            let words = format!("WRITE told-{name}.txt <<<told to {name}>>>");
            let mut args = vec!["tell", name, words.as_str()];
            if now {
                args.push("--now");
            }
            world.ctl(&args);
        }
        let events = live.end().with(0);
        let answered = world.front.answered();
        for (name, kind) in FOUR {
            assert_eq!(events.ending(name), "completed", "{name}\n{events}");
            let words = format!("told to {name}");
            let arrived = answered
                .iter()
                .any(|a| a.kind() == kind && a.body.contains(&words));
            assert!(arrived, "now: {now}: {name}: {events}");
        }
    }
}
