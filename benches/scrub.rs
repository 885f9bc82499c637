//! Prints what scrubbing through a long recording costs: `scrub [AGENTS [EVENTS [SECONDS]]]`.
//!
//! Without AGENTS 100 and 10,000, each in a process of its own, so that the memory is that of one
//! recording. Recordings are kept for the next time where `WAVEDECK_BENCH_HOME` names a folder.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measuring tool prints and may fail loudly"
)]

mod rig;

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use rig::{Recorded, scrub};
use wavedeck::{
    journal::{RunDir, Seeker},
    runtime::prepare::read_folder,
};

fn main() {
    let words: Vec<String> = env::args().skip(1).filter(|a| a != "--bench").collect();
    let number = |at: usize, or: u64| words.get(at).map_or(or, |w| w.parse().unwrap());
    if words.first().map(String::as_str) == Some("make") {
        let home = PathBuf::from(&words[1]);
        let made = rig::million(&home, number(2, 100) as usize, number(3, 1_000_000));
        println!("{}", made.dir.path.display());
        return;
    }
    let program = env::current_exe().unwrap();
    if words.is_empty() {
        for agents in ["100", "10000"] {
            let done = Command::new(&program).arg(agents).status().unwrap();
            assert!(done.success());
        }
        return;
    }
    let (agents, events) = (number(0, 100) as usize, number(1, 1_000_000));
    let temporary = tempfile::tempdir().unwrap();
    let kept = env::var_os("WAVEDECK_BENCH_HOME").map(PathBuf::from);
    let home = kept.map_or_else(
        || temporary.path().to_owned(),
        |home| home.join(format!("{agents}-{events}")),
    );
    let recorded = found(&home).unwrap_or_else(|| {
        // Made by another process, so that the memory measured is that of reading it.
        let from = Instant::now();
        std::fs::create_dir_all(&home).unwrap();
        let made = Command::new(&program)
            .arg("make")
            .arg(&home)
            .args([agents.to_string(), events.to_string()])
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        println!("made in {:.1?}", from.elapsed());
        found(&home).unwrap()
    });
    let scrubbed = scrub::scrub(&recorded, Duration::from_secs(number(2, 60)));
    println!(
        "{agents} agents, {} events\n{}",
        recorded.events,
        scrubbed.lines()
    );
}

/// A recording that is there already.
fn found(home: &Path) -> Option<Recorded> {
    let run = std::fs::read_dir(home.join("runs"))
        .ok()?
        .filter_map(Result::ok)
        .find(|entry| entry.path().join("journal.jsonl").is_file())?;
    let dir = RunDir::at(&run.path());
    let setup = Arc::new(read_folder(&dir.path).ok()?.0);
    let last = Seeker::open(&dir.path, setup.clone()).ok()?.last().ok()??;
    Some(Recorded {
        events: last.seq(),
        dir,
        setup,
    })
}
