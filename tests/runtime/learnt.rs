//! What runs teach those after them: memory and time that agents really took, kept beside the runs.

use std::sync::Arc;

use serde_json::Value;
use wavedeck::{
    plan::{AgentIx, Curve, Sim},
    runtime::past,
};

use super::rig::{BIN, Events, Here};

const MIB: u64 = 1 << 20;

/// A command that takes 300 MiB for a second, with what the plan states of it.
fn plan(stated: &str) -> String {
    let sim = Sim {
        duration_us: 1_200_000,
        ram_bytes: 300 * MIB,
        curve: Curve::Flat,
        processes: 1,
        ..Sim::default()
    };
    let sim = serde_json::to_string(&sim).unwrap();
    let run = serde_json::to_string(&[BIN, "__sim", &sim]).unwrap();
    format!("[[agent]]\nid = \"a\"\nrun = {run}\n{stated}\n")
}

/// Memory that was reserved for the agent, in MiB.
fn reserved(events: &Events) -> u64 {
    let bytes = &events.of("agent.scheduled", "a")["ram_bytes"];
    bytes.as_u64().unwrap() / MIB
}

fn file(here: &Here) -> Value {
    serde_json::from_str(&here.read(".wavedeck/cache/learnt.json")).unwrap()
}

#[test]
fn the_second_run_reserves_what_the_first_one_used() {
    let here = Here::with(&plan(""));
    let first = here.run().with(0);
    assert_eq!(reserved(&first), 200, "a guess");
    assert!(first.all("run.learnt").is_empty());
    let second = here.run().with(0);
    let need = &second.all("run.learnt")[0]["agents"][0];
    assert_eq!((&need["agent"], &need["times"]), (&"a".into(), &1.into()));
    assert!((295..400).contains(&reserved(&second)), "{second}");
    // A person can look at it.
    let shown = here.say(&["learnt"]);
    let row = shown.out.lines().nth(1).unwrap();
    assert!(
        row.starts_with("wavedeck/a ") && row.contains(" 2 "),
        "{shown}"
    );
    let json: Value = serde_json::from_str(&here.say(&["learnt", "--json"]).out).unwrap();
    assert_eq!(json["keys"][0]["times"], 2);
    // What it began with stands in its own folder.
    let state = || {
        let dir = here.run_dirs().pop().unwrap();
        past::ended(&dir).unwrap()
    };
    let before = state();
    assert_eq!(here.say(&["learnt", "forget", "b"]).status, 2);
    assert_eq!(here.say(&["learnt", "forget", "a"]).out, "forgot 1 key\n");
    assert!(
        here.say(&["learnt"])
            .out
            .starts_with("nothing is known yet")
    );
    assert_eq!(here.say(&["learnt", "forget", "--all"]).status, 0);
    assert!(!here.path().join(".wavedeck/cache/learnt.json").exists());
    assert_eq!(state(), before);
    assert_eq!(
        before.mode_of(AgentIx(0)).ram_bytes / MIB,
        reserved(&second)
    );
    let setup = past::setup(&here.run_dirs()[1]).unwrap();
    assert_eq!(
        Arc::new(setup.stated()).agents[0].modes[0].ram_bytes,
        200 * MIB
    );
    // It is as if there had been no run.
    assert_eq!(reserved(&here.run().with(0)), 200);
}

#[test]
fn two_runs_that_end_at_once_both_count() {
    let here = Here::with(&plan(""));
    let both = [here.start(), here.start()];
    for run in both {
        run.end().with(0);
    }
    let file = file(&here);
    assert_eq!(file["runs"].as_array().unwrap().len(), 2, "{file}");
    assert_eq!(file["known"][0]["times"], 2, "{file}");
}

#[test]
fn stated_figures_that_are_off_are_pointed_out() {
    let here = Here::with(&plan("ram = \"1GiB\"\nduration = \"2m\""));
    let hash = |args: &[&str]| {
        let said = here.say(&[&["plan", "--json"], args].concat());
        assert_eq!(said.status, 0, "{said}");
        let plan: Value = serde_json::from_str(&said.out).unwrap();
        (
            plan["inputs"]["learnt"].clone(),
            plan["makespan_s"].as_f64().unwrap(),
        )
    };
    let nothing = hash(&[]);
    assert_eq!(nothing.1 as u64, 120);
    here.run().with(0);
    let (learnt, makespan) = hash(&[]);
    assert_ne!(learnt, nothing.0);
    assert!(makespan < 60.0, "{makespan}");
    assert_eq!(hash(&["--no-learnt"]), nothing);
    let checked = here.say(&["check"]);
    assert_eq!(checked.status, 0, "{checked}");
    let report = here.read_run("report.md");
    let planned = here.say(&["plan", "--plain"]).out;
    for text in [&checked.err, &report, &planned] {
        assert!(text.contains("a declares 1 GiB, used "), "{text}");
        assert!(text.contains("in 1 attempt: write ram = \"3"), "{text}");
        assert!(text.contains("a declares 2m, took "), "{text}");
    }
}

#[test]
fn a_damaged_file_is_kept_aside_and_a_newer_one_left_alone() {
    let here = Here::with(&plan(""));
    let newer = "{\"version\":2}";
    here.write(".wavedeck/cache/learnt.json", newer);
    // A folder that others may enter is none of ours.
    here.run().with(0);
    let second = here.run();
    assert!(
        second
            .err
            .contains("learnt.json is left alone: it has version 2"),
        "{second:?}"
    );
    assert_eq!(here.read(".wavedeck/cache/learnt.json"), newer);
    here.write(".wavedeck/cache/learnt.json", "{\"version\":1,\"known\":[{");
    let third = here.run();
    assert!(third.err.contains("kept as learnt.json.bad"), "{third:?}");
    third.with(0);
    assert_eq!(
        here.read(".wavedeck/cache/learnt.json.bad"),
        "{\"version\":1,\"known\":[{"
    );
    assert_eq!(file(&here)["known"][0]["times"], 1);
}

#[test]
fn a_rehearsal_teaches_nothing() {
    let here =
        Here::with("[[agent]]\nid = \"a\"\nrun = \"true\"\nduration = \"1s\"\nram = \"300MiB\"\n");
    let said = here.say(&["run", "--headless", "--rehearse"]);
    assert_eq!(said.status, 0, "{said}");
    assert_eq!(here.read(".wavedeck/cache/learnt.json"), "");
}
