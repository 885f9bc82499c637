//! What a person waits for: keys under a flood of output, and recordings of a million events.
//!
//! Measurements with limits, so only where `WAVEDECK_SCALE` asks for them: a busy machine must not
//! fail a change. See `docs/testing.md`.

use std::time::{Duration, Instant};

use super::{Ground, pty::Terminal};
use crate::rig::{self, scrub};

/// Whether they are asked for; says so where not.
fn wanted(test: &str) -> bool {
    let wanted = std::env::var_os("WAVEDECK_SCALE").is_some();
    if !wanted {
        eprintln!("skipped: {test} measures; WAVEDECK_SCALE=1 asks for it");
    }
    wanted
}

fn seconds(or: u64) -> Duration {
    let text = std::env::var("WAVEDECK_SCALE_SECONDS").ok();
    Duration::from_secs(text.map_or(or, |t| t.parse().unwrap()))
}

/// Memory of a process in proportion to who shares it, in bytes.
fn proportional(pid: i32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
    let line = text.lines().find(|l| l.starts_with("Pss:")).unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib << 10
}

/// Times a change of the screen that a key makes.
fn timed(terminal: &Terminal, key: &str, text: &str, there: bool) -> Duration {
    let from = Instant::now();
    terminal.press(key);
    terminal.until(text, |s| s.text().contains(text) == there);
    from.elapsed()
}

fn told(name: &str, times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    let at = |permille: usize| times[(times.len() * permille / 1000).min(times.len() - 1)];
    println!(
        "{name}, {} keys: p50 {:.1?} p99 {:.1?} max {:.1?}",
        times.len(),
        at(500),
        at(990),
        at(1000)
    );
    at(990)
}

/// Said by the help of every screen, live and in replay.
const HELP: &str = "what waits for you, the oldest first";

/// Keys that open and close the help, each to its frame.
fn keys(terminal: &Terminal, count: usize) -> Vec<Duration> {
    let mut times = Vec::new();
    while times.len() < count {
        times.push(timed(terminal, "?", HELP, true));
        times.push(timed(terminal, "\x1b", HELP, false));
    }
    times
}

#[test]
fn a_key_is_answered_in_a_frame_under_a_flood() {
    if !wanted("a key under a flood") {
        return;
    }
    let ground = Ground::new();
    // 100,000 lines again and again, for as long as keys are pressed.
    ground.write(
        "p.toml",
        "[[agent]]\nid = \"flood\"\nrun = [\"sh\", \"-c\", \"while :; do seq -f 'line %08.0f \
         the quick brown fox jumps over the lazy dog' 100000; sleep 0.2; done\"]\n",
    );
    let terminal = Terminal::start(&ground, &["run", "p.toml"]);
    terminal.shows("quick brown fox");
    let mut times = keys(&terminal, 300);
    let p99 = told("key to frame under a flood", &mut times);
    assert!(ground.run(&["ctl", "stop", "-y"]).status.success());
    terminal.shows("ended, status");
    terminal.press("q");
    let _ = terminal.end();
    assert!(p99 <= Duration::from_millis(33), "{p99:?}");
}

#[test]
fn a_million_events_are_scrubbed_without_a_slow_frame() {
    if !wanted("scrubbing through a million events") {
        return;
    }
    for agents in [100, 10_000] {
        let home = tempfile::tempdir().unwrap();
        let recorded = rig::million(home.path(), agents, 1_000_000);
        let scrubbed = scrub::scrub(&recorded, seconds(60));
        println!("{agents} agents, {} events", recorded.events);
        println!("{}", scrubbed.lines());
        assert!(scrubbed.open <= Duration::from_millis(100));
        let worst = scrubbed.worst();
        assert!(worst <= Duration::from_millis(33), "{worst:?}");
    }
}

#[test]
fn the_program_scrubs_through_a_million_events() {
    if !wanted("the program with a million events") {
        return;
    }
    let ground = Ground::new();
    let made = rig::million(&ground.path().join(".wavedeck"), 100, 1_000_000);
    let from = Instant::now();
    let terminal = Terminal::start(&ground, &["replay"]);
    let last = format!("of {}", made.events);
    terminal.shows(&last);
    println!("open, program and all: {:.1?}", from.elapsed());
    // As fast as it goes, then from mark to mark, on every screen.
    terminal.press("]]]]]]]]]]]]]] ");
    let until = Instant::now() + seconds(20);
    let mut times = Vec::new();
    for screen in ["1", "3", "5", "6", "w"].iter().cycle() {
        if Instant::now() > until {
            break;
        }
        terminal.press(screen);
        terminal.press(">>><,.");
        times.extend(keys(&terminal, 4));
    }
    let p99 = told("key to frame while scrubbing", &mut times);
    let bytes = proportional(terminal.child.pid);
    println!("memory of the dashboard: {} MiB", bytes >> 20);
    terminal.press("1q");
    let _ = terminal.end();
    assert!(p99 <= Duration::from_millis(66), "two frames: {p99:?}");
    assert!(bytes <= 128 << 20, "{} MiB", bytes >> 20);
}
