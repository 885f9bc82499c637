//! Line output: JSON events as they happen, for readers that read, stall or go away.

use std::{
    fmt::Write as _,
    io::{BufRead, BufReader, Read},
    process::Stdio,
};

use serde_json::Value;
use wavedeck::journal::RunDir;

use super::rig::{Events, Here, number, wait_for};

/// K1 and K2 of the requirements, word for word.
const METRICS: &str = "token_input token_output token_savings_estimated wave_count \
    parallelism_ratio critical_path_ms cache_hit_l2 cache_hit_l3 execution_id start_time end_time \
    total_duration_ms sequential_duration_ms parallel_duration_ms coordination_overhead_ms \
    peak_api_calls_per_minute average_memory_usage_mb total_api_calls validation_failures \
    retry_attempts escalations final_quality_score agent_execution_times agent_success_rates \
    agent_resource_efficiency synchronization_point_success_rate \
    conflict_resolution_success_rate parallel_efficiency_score";

#[test]
fn every_line_is_an_event() {
    let here = Here::with(
        "[gate.g]\nrun = [\"true\"]\n[[agent]]\nid = \"a\"\nsim = { fail_attempts = 1, duration = \"20ms\" }\nretry = { attempts = 2, base = \"1ms\" }\n[[agent]]\nid = \"b\"\nrun = \"true\"\nneeds = [\"a\"]\ngates = [\"g\"]\n[[agent]]\nid = \"c\"\nrun = \"true\"\nneeds = [{ agent = \"a\", when = \"failed\" }]\n",
    );
    let events = here.run().with(0);
    for event in &events.0 {
        let object = event.as_object().expect("an object");
        assert!(
            event["kind"].is_string() && event["source"].is_string(),
            "{event}"
        );
        let at = event["at"].as_str().unwrap();
        let stamp = at.len() == 24 && at.ends_with('Z') && &at[19..20] == ".";
        assert!(stamp, "{event}");
        assert!(event["elapsed_us"].is_u64(), "{event}");
        let level = event["priority"].as_str().unwrap();
        assert!(
            ["low", "medium", "high", "critical"].contains(&level),
            "{event}"
        );
        assert!(!object.contains_key("crc"), "{event}");
    }
    assert!(events.0.is_sorted_by_key(|e| e["elapsed_us"].as_u64()));
    assert_eq!(events.0, here.journal().0);
    assert_eq!(events.0[0]["kind"], "run.started");
    let last = events.0.last().unwrap();
    assert_eq!(last["kind"], "run.finished");
    let metrics = last["metrics"].as_object().unwrap();
    for name in METRICS.split_whitespace() {
        let value = metrics.get(name).unwrap_or_else(|| panic!("no {name}"));
        let why = &metrics["unavailable"][name];
        assert_eq!(value.is_null(), why.is_string(), "{name}: {value} {why}");
    }
    let names = METRICS.split_whitespace().count() + 1;
    assert_eq!(metrics.len(), names, "{metrics:?}");
    assert_eq!(metrics["retry_attempts"], 1);
    assert_eq!(metrics["agent_success_rates"]["a"], 0.5);
}

/// A plan whose events do not fit into a pipe.
fn crowd() -> String {
    let mut plan = String::from("[limits]\nagents = 8\n");
    for n in 0..150 {
        let _ = write!(
            plan,
            "[[agent]]\nid = \"agent-{n}\"\nrun = \"true\"\nram = \"1MiB\"\n"
        );
    }
    plan
}

#[test]
fn a_stalled_reader_blocks_nothing_and_gets_everything() {
    let here = Here::with(&crowd());
    let mut child = here
        .command(&["run", "--headless", "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for("the run ends on the disk", || {
        let done = here.run_dirs().len() == 1 && {
            let dir = RunDir::at(&here.run_dir());
            !dir.is_live() && here.journal().all("run.finished").len() == 1
        };
        done.then_some(())
    });
    assert!(child.try_wait().unwrap().is_none(), "too little for a pipe");
    let mut text = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    assert_eq!(number(child.wait().unwrap()), 0);
    let events: Vec<Value> = text
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    let events = Events(events);
    events.dense();
    assert_eq!(events.0, here.journal().0);
}

#[test]
fn a_reader_that_goes_away_does_not_stop_the_run() {
    let here = Here::with(
        "[[agent]]\nid = \"wait\"\nrun = [\"sh\", \"-c\", \"while ! test -e go; do sleep 0.02; done\"]\n[[agent]]\nid = \"after\"\nrun = [\"sh\", \"-c\", \"echo hello; touch done\"]\nneeds = [\"wait\"]\n",
    );
    for json in [true, false] {
        let args: &[&str] = if json {
            &["run", "--headless", "--json"]
        } else {
            &["run", "--headless"]
        };
        let _ = std::fs::remove_dir_all(here.path().join(".wavedeck"));
        for file in ["go", "done"] {
            let _ = std::fs::remove_file(here.path().join(file));
        }
        let mut child = here.command(args).stdout(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut String::new()).unwrap();
        drop(out);
        here.write("go", "");
        assert_eq!(number(child.wait().unwrap()), 0);
        assert!(here.path().join("done").exists());
        assert_eq!(here.journal().ending("after"), "completed");
    }
}

#[test]
fn lines_for_people_are_clean_and_say_what_went_wrong() {
    let here = Here::with(
        "[[agent]]\nid = \"bad\"\ntitle = \"x\"\nrun = [\"/nowhere/\\u001b[31mred\"]\n[[agent]]\nid = \"after\"\nrun = \"true\"\nneeds = [\"bad\"]\n",
    );
    let said = here.say(&["run", "--headless"]);
    assert_eq!(said.status, 1, "{said}");
    assert!(!said.out.contains('\u{1b}'), "{said}");
    assert!(
        said.out.contains("x bad FAILED: could not start: "),
        "{said}"
    );
    assert!(said.out.contains("- after skipped: bad failed"), "{said}");
    assert!(
        said.out.contains("1 failed, 1 skipped (status 1)"),
        "{said}"
    );
}
