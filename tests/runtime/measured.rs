//! What agents really hold, and what follows: hard limits, kills by the kernel.

use std::{fs, path::PathBuf};

use wavedeck::plan::{Curve, Sim};

use super::rig::{BIN, Here, Live, wait_for};

/// A command that takes so much memory and keeps it.
fn taking(ram_bytes: u64) -> String {
    let sim = Sim {
        duration_us: 60_000_000,
        ram_bytes,
        curve: Curve::Flat,
        processes: 1,
        ..Sim::default()
    };
    serde_json::to_string(&sim).unwrap()
}

#[test]
fn who_takes_more_than_its_hard_limit_is_ended_with_the_figures() {
    let here = Here::with(
        "[[agent]]\nid = \"big\"\nsim = { duration = \"60s\", ram = \"400MiB\", curve = \"flat\" }\nram = \"100MiB\"\nram_max = \"150MiB\"\n[[agent]]\nid = \"small\"\nrun = \"true\"\nram_max = \"150MiB\"\n",
    );
    let events = here.run().with(1);
    assert_eq!(events.ending("small"), "completed");
    let over = events.of("agent.over_limit", "big");
    let bytes = |name: &str| over[name].as_u64().unwrap() >> 20;
    assert!(
        bytes("bytes") > 150 && bytes("limit_bytes") == 150,
        "{over}"
    );
    let failed = events.of("agent.failed", "big");
    assert_eq!(failed["failure"], "resource.exhaustion");
    let reason = failed["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("used ") && reason.ends_with("its ram_max is 150M"),
        "{reason}"
    );
    here.nobody_left();
}

/// A group of the kernel's with a limit on memory; none where this user cannot make one.
struct Group(PathBuf);

impl Group {
    fn new(limit: u64) -> Option<Self> {
        // Of all ways to have a small one only that of version 1 needs nothing but root.
        let folder = PathBuf::from(format!(
            "/sys/fs/cgroup/memory/wavedeck-test-{}",
            std::process::id()
        ));
        fs::create_dir(&folder).ok()?;
        let group = Self(folder);
        let limit = limit.to_string();
        fs::write(group.0.join("memory.limit_in_bytes"), limit).ok()?;
        Some(group)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

#[test]
fn a_kill_for_want_of_memory_is_recognised() {
    let Some(group) = Group::new(64 << 20) else {
        eprintln!("skipped: no group with a limit can be made here");
        return;
    };
    let script = format!(
        "echo $$ > {}/cgroup.procs; exec {BIN} __sim '{}'",
        group.0.display(),
        taking(400 << 20)
    );
    let plan = format!(
        "[[agent]]\nid = \"a\"\nrun = {}\nram = \"100MiB\"\n[[agent]]\nid = \"b\"\nrun = [\"sh\", \"-c\", \"kill -9 $$\"]\nneeds = [{{ agent = \"a\", when = \"failed\" }}]\n",
        serde_json::to_string(&["sh", "-c", &script]).unwrap()
    );
    let here = Here::with(&plan);
    let events = here.run().with(1);
    assert_eq!(
        events.of("attempt.ended", "a")["exit"],
        "out_of_memory",
        "{events}"
    );
    let failed = events.of("agent.failed", "a");
    assert_eq!(failed["failure"], "resource.exhaustion");
    let reason = failed["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("killed by the kernel: out of memory"),
        "{reason}"
    );
    // The count has moved before this one began: its kill is somebody else's.
    let exit = &events.of("attempt.ended", "b")["exit"];
    assert_eq!(exit["signal"]["name"], "SIGKILL", "{events}");
}

#[test]
fn runs_on_one_machine_see_what_others_have_reserved() {
    let plan = "[[agent]]\nid = \"a\"\nrun = \"sleep 300\"\nram = \"700MiB\"\n";
    let first = Here::with(plan);
    let live = first.start();
    live.hears("agent.started", "a");
    let told = first.runtime.path().join("wavedeck");
    let name = format!("{}.memory", first.run_id());
    wait_for("what it has reserved", || {
        let text = fs::read_to_string(told.join(&name)).ok()?;
        let told: serde_json::Value = serde_json::from_str(&text).ok()?;
        // Little of it is in use.
        (told["open_bytes"].as_u64()? > 600 << 20).then_some(())
    });
    // Another run, started beside it.
    let second = Here::with("[[agent]]\nid = \"b\"\nrun = \"true\"\n");
    let beside = || {
        let mut command = second.command(&["run", "--headless", "--json"]);
        command.env("XDG_RUNTIME_DIR", first.runtime.path());
        let events = Live::of(command).end().with(0);
        let started = events.all("run.started")[0];
        started["figures"]["others_bytes"].as_u64().unwrap_or(0)
    };
    assert!(beside() > 600 << 20);
    first.ctl("stop -y");
    live.end().with(3);
    assert!(!told.join(&name).exists(), "it has ended");
    assert_eq!(beside(), 0);
}
