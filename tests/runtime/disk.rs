//! A full disk stops new starts, says so, and stops nobody (promise 4); what can never be recorded
//! again ends the run with the last that runs.

use std::{
    fmt::Write as _,
    fs,
    time::{Duration, Instant},
};

use rustix::process::Signal;

use super::rig::{BIN, Events, Here, Live, signal, state_of, wait_for};

/// Names a folder on a tiny file system of its own. As any user, with namespaces:
///
/// ```sh
/// unshare -Urm sh -c 'd=$(mktemp -d) && mount -t tmpfs -o size=1m none $d &&
///     WAVEDECK_TEST_TMPFS=$d cargo test runtime::disk'
/// ```
const PLACE: &str = "WAVEDECK_TEST_TMPFS";

#[test]
fn a_full_disk_stops_new_starts_and_says_so() {
    let Some(place) = std::env::var_os(PLACE) else {
        println!("skipped: {PLACE} names no small file system");
        return;
    };
    let dir = tempfile::Builder::new().tempdir_in(place).unwrap();
    // What lets the agents end must not need a free page.
    let outside = tempfile::tempdir().unwrap();
    let flag = |name: &str| outside.path().join(name);
    let waits = |name: &str| {
        let flag = flag(name);
        let script = format!("while ! test -e {}; do sleep 0.02; done", flag.display());
        format!("[[agent]]\nid = \"{name}\"\nrun = [\"sh\", \"-c\", {script:?}]\n")
    };
    let mut plan = format!("[limits]\nagents = 2\n{}{}", waits("runs"), waits("first"));
    // A chain whose events do not fit into what is left of the journal's last page.
    let mut before = "first".to_owned();
    for link in 0..30 {
        let id = format!("link-{link}");
        let _ = write!(
            plan,
            "[[agent]]\nid = \"{id}\"\nrun = \"true\"\nneeds = [\"{before}\"]\n"
        );
        before = id;
    }
    let here = Here::in_folder(dir, &plan);
    let live = here.start();
    live.hears("agent.started", "runs");
    live.hears("agent.started", "first");
    // The last free page goes; what ends now cannot be recorded.
    let ballast = here.path().join("ballast");
    fill(&ballast);
    fs::write(flag("first"), "").unwrap();
    wait_for("it says so", || {
        live.err().contains("recording has a fault").then_some(())
    });
    let started = |events: &Events| events.all("agent.started").len();
    let before = live.events();
    assert!(!before.has("agent.started", "link-29"));
    let runs = before.pid("runs");
    assert!(matches!(state_of(runs), 'S' | 'R'), "it goes on");
    // What was decided is known to those who ask, and nothing starts.
    let refused = here.ctl_says("agents 3");
    assert_eq!(refused.status, 0, "{refused}");
    assert_eq!(started(&live.events()), started(&before));
    fs::remove_file(&ballast).unwrap();
    live.hears("agent.completed", "link-29");
    fs::write(flag("runs"), "").unwrap();
    let ended = live.end();
    let degraded = ended.events.all("run.degraded");
    assert_eq!(degraded.len(), 2, "{}", ended.events);
    assert!(degraded[0]["error"].is_string() && degraded[1]["error"].is_null());
    let span = [&degraded[0]["seq"], &degraded[1]["seq"]].map(|s| s.as_u64().unwrap());
    let events = ended.with(0);
    for event in events.all("agent.scheduled") {
        let seq = event["seq"].as_u64().unwrap();
        assert!(!(span[0]..span[1]).contains(&seq), "{event}\n{events}");
    }
    assert_eq!(events.0, here.journal().0);
}

/// Takes all that is free, to the last byte.
fn fill(path: &std::path::Path) {
    use std::io::Write;
    let mut file = fs::File::create(path).unwrap();
    for size in [1 << 16, 4096, 512, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
}

/// One agent that waits for a file, and many short ones of which the journal gets too long.
fn one_and_many() -> Here {
    let mut plan = String::from(
        "[limits]\nagents = 2\n[[agent]]\nid = \"waits\"\nrun = [\"sh\", \"-c\", \"while ! test -e go; do sleep 0.02; done; touch went\"]\n",
    );
    for n in 0..40 {
        let _ = write!(plan, "[[agent]]\nid = \"a{n}\"\nrun = \"true\"\n");
    }
    Here::with(&plan)
}

/// Starts a run whose files may have 12 KiB each.
fn limited(here: &Here) -> Live {
    let mut command = here.command(&[]);
    let env: Vec<_> = command
        .get_envs()
        .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
        .collect();
    command = std::process::Command::new("/bin/sh");
    let script = "ulimit -f 24; exec \"$0\" run --headless --json";
    command
        .args(["-c", script, BIN])
        .current_dir(here.path())
        .env_clear()
        .envs(env)
        .stdin(std::process::Stdio::null());
    let live = Live::of(command);
    wait_for("it says so", || {
        live.err()
            .contains("NOTHING MORE CAN BE RECORDED")
            .then_some(())
    });
    live
}

#[test]
fn a_journal_that_may_not_grow_ends_the_run_with_the_last_that_runs() {
    let here = one_and_many();
    let live = limited(&here);
    live.hears("agent.started", "waits");
    let waits = live.events().pid("waits");
    assert!(!matches!(state_of(waits), '-' | 'Z' | 'T'), "it goes on");
    here.write("go", "");
    let ended = live.end();
    assert_eq!(ended.status, 4, "{}\n{}", ended.events, ended.err);
    assert!(ended.err.contains("the run ends here"), "{}", ended.err);
    assert_eq!(here.read("went"), "");
    assert!(here.path().join("went").exists(), "it came to its end");
    // What was written is whole, and is gone on with.
    here.journal().dense();
    let resumed = here.start_as(&["resume", "--headless", "--json"]).end();
    assert_eq!(resumed.status, 0, "{}", resumed.err);
}

#[test]
fn a_run_that_cannot_be_recorded_ends_soon_when_it_is_told_to() {
    let here = one_and_many();
    let live = limited(&here);
    let began = Instant::now();
    signal(live.guard(), Signal::TERM);
    let ended = live.end();
    assert!(began.elapsed() < Duration::from_secs(10));
    assert_eq!(ended.status, 4, "{}", ended.err);
    here.nobody_left();
}

#[test]
fn a_run_whose_folder_is_removed_says_so_starts_nothing_and_ends_by_itself() {
    let wait = |name: &str, then: &str| {
        format!(
            "[[agent]]\nid = \"{name}\"\nrun = [\"sh\", \"-c\", \"while ! test -e go; do sleep 0.02; done; touch {name}\"]\n{then}"
        )
    };
    let here = Here::with(&(wait("runs", "") + &wait("next", "needs = [\"runs\"]\n")));
    let live = here.start();
    live.hears("agent.started", "runs");
    fs::remove_dir_all(here.path().join(".wavedeck")).unwrap();
    live.until("it is told", |e| e.all("run.degraded").pop().map(drop));
    here.write("go", "");
    let ended = live.end();
    assert_eq!(ended.status, 4, "{}\n{}", ended.events, ended.err);
    assert!(
        ended.err.contains("the run's folder was removed or moved"),
        "{}",
        ended.err
    );
    assert_eq!(ended.events.ending("runs"), "completed");
    assert!(here.path().join("runs").exists() && !here.path().join("next").exists());
}
