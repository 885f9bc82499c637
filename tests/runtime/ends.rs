//! Exit statuses (DESIGN 6) and what ends a run from outside.

use std::{
    fmt::Write as _,
    time::{Duration, Instant},
};

use rustix::process::Signal;

use super::rig::{BIN, Here, Live, signal, state_of, wait_for};

const SLEEPER: &str = r#"
[[agent]]
id = "long"
run = "sleep 300"
[[agent]]
id = "next"
run = "true"
needs = ["long"]
"#;

#[test]
fn the_status_tells_how_the_agents_fared() {
    let cases = [
        ("all well", 0, "[[agent]]\nid = \"a\"\nrun = \"true\"\n"),
        ("failed", 1, "[[agent]]\nid = \"a\"\nrun = \"false\"\n"),
        (
            "a failure that is handled",
            0,
            "[[agent]]\nid = \"a\"\nrun = \"false\"\n[[agent]]\nid = \"b\"\nrun = \"true\"\nneeds = [{ agent = \"a\", when = \"failed\" }]\n",
        ),
        (
            "skipped by its own condition",
            0,
            "[[agent]]\nid = \"a\"\nrun = \"true\"\n[[agent]]\nid = \"b\"\nrun = \"true\"\nneeds = [{ agent = \"a\", when = \"failed\" }]\n",
        ),
        (
            "red gate of an agent",
            1,
            "[gate.g]\nrun = [\"false\"]\n[[agent]]\nid = \"a\"\nrun = \"true\"\ngates = [\"g\"]\n",
        ),
        (
            "red gate of a phase",
            1,
            "[gate.g]\nrun = [\"false\"]\n[[phase]]\nid = \"p\"\ngates = [\"g\"]\n[[agent]]\nid = \"a\"\nrun = \"true\"\nphase = \"p\"\n",
        ),
    ];
    for (what, status, plan) in cases {
        let ended = Here::with(plan).run();
        assert_eq!(ended.status, status, "{what}\n{}", ended.events);
        let finished = ended.events.all("run.finished");
        assert_eq!(finished.len(), 1, "{what}");
        assert_eq!(finished[0]["status"], status, "{what}");
    }
}

#[test]
fn bad_plans_start_nothing() {
    let cases = [
        (
            "[[agent]]\nid = \"a\"\nrum = \"true\"\n",
            "did you mean `run`",
        ),
        (
            "[lease.cargo]\nram = \"900000GiB\"\n[[agent]]\nid = \"a\"\nrun = \"true\"\n",
            "lease `cargo` needs 900000.0 GiB, and this run may use",
        ),
        (
            "[[agent]]\nid = \"a\"\nrun = \"true\"\nram = \"900000GiB\"\n",
            "agent `a` needs 900000.0 GiB, and this run may use",
        ),
        (
            "[[agent]]\nid = \"a\"\nrun = \"true\"\ncpus = 5000\n",
            "agent `a` needs 5000 CPUs",
        ),
    ];
    for (plan, sentence) in cases {
        let here = Here::with(plan);
        let said = here.say(&["run", "--headless"]);
        assert_eq!((said.status, said.out.as_str()), (2, ""), "{plan}\n{said}");
        assert!(said.err.contains(sentence), "{plan}\n{said}");
        assert_eq!(here.run_dirs().len(), 0, "{plan}");
    }
    let here = Here::with("");
    let said = here.say(&["run", "nowhere.toml", "--headless"]);
    assert_eq!(said.status, 2, "{said}");
    assert!(said.err.contains("nowhere.toml"), "{said}");
}

#[test]
fn a_person_stops_the_run() {
    let here = Here::with(SLEEPER);
    let live = here.start();
    live.hears("agent.started", "long");
    let refused = here.ctl_says("stop");
    assert_eq!(refused.status, 2, "{refused}");
    assert!(refused.err.contains("add -y"), "{refused}");
    here.ctl("stop -y");
    let ended = live.end();
    assert_eq!(ended.events.all("run.stopped").len(), 1);
    let events = ended.with(3);
    assert_eq!(events.ending("long"), "stopped");
    assert!(!events.has("agent.started", "next"), "{events}");
    here.nobody_left();
}

/// Also while orphans are taken on the way: no status goes to the wrong place.
#[test]
fn a_second_signal_ends_all_at_once_and_tells_how_each_ended() {
    let mut plan = String::from("[limits]\nagents = 12\n");
    for n in 0..12 {
        let _ = write!(
            plan,
            "[[agent]]\nid = \"a{n}\"\nrun = [\"sh\", \"-c\", \"trap '' TERM; echo ready; (sleep 300 &); while :; do sleep 0.02; done\"]\n"
        );
    }
    let mut here = Here::with(&plan);
    here.grace = "60s";
    let live = here.start();
    live.hears("agent.started", "a11");
    for n in 0..12 {
        wait_for("it is deaf", || {
            (here.output(&format!("a{n}.1")) == "ready\n").then_some(())
        });
    }
    signal(live.runner(), Signal::TERM);
    live.until("it stops", |e| e.all("run.stopped").pop().map(drop));
    signal(live.runner(), Signal::TERM);
    let events = live.end().with(143);
    for n in 0..12 {
        let ended = events.of("attempt.ended", &format!("a{n}"));
        assert_eq!(ended["exit"]["signal"]["number"], 9, "{ended}");
    }
    here.nobody_left();
}

#[test]
fn what_goes_wrong_with_processes_and_output_is_told() {
    let plan = r#"
[[agent]]
id = "deaf"
run = ["sh", "-c", "trap '' TERM; mkdir .wavedeck/runs/$WAVEDECK_RUN/output/mute.1; while :; do sleep 0.02; done"]
timeout = "200ms"
[[agent]]
id = "mute"
run = "echo lost"
needs = [{ agent = "deaf", when = "failed" }]
"#;
    let mut here = Here::with(plan);
    here.grace = "100ms";
    let said = here.say(&["run", "--headless"]);
    assert_eq!(said.status, 0, "{said}");
    for line in [
        "! deaf: 2 of its processes did not end when asked: killed",
        "! mute: its output is not recorded any more: ",
    ] {
        let either = said.out.replace(": 1 of its", ": 2 of its");
        assert!(either.contains(line), "{said}");
    }
    let events = here.journal();
    assert_eq!(events.all_of("process.trouble", "deaf").len(), 1);
    let lost = &events.of("process.trouble", "mute")["trouble"]["output_lost"];
    assert!(lost.as_str().unwrap().contains("directory"), "{lost}");
}

#[test]
fn the_guard_gives_what_a_dead_runner_leaves_the_runs_time_of_grace() {
    let mut here = Here::with(
        "[[agent]]\nid = \"deaf\"\nrun = [\"sh\", \"-c\", \"trap '' TERM; echo ready; while :; do sleep 0.02; done\"]\n",
    );
    here.grace = "200ms";
    let live = here.start();
    live.hears("agent.started", "deaf");
    wait_for("it is deaf", || {
        (here.output("deaf.1") == "ready\n").then_some(())
    });
    let began = Instant::now();
    signal(live.runner(), Signal::KILL);
    assert_eq!(live.end().status, 4);
    let took = began.elapsed();
    assert!(
        took >= Duration::from_millis(200) && took < Duration::from_secs(5),
        "{took:?}"
    );
    here.nobody_left();
}

/// In the hands of the guard, and of a `resume` after both died, as in the runner's.
/// Its output has no reader any more, so it must not print.
#[test]
fn what_a_dead_runner_leaves_may_clean_up_in_its_time_of_grace() {
    for both in [false, true] {
        let mut here = Here::with(
            "[[agent]]\nid = \"tidy\"\nretry = { attempts = 1 }\nrun = [\"sh\", \"-c\", \"test -e tidied && exit 0; trap 'sh -c \\\"sleep 0.3; echo cleaned > tidied\\\"; exit 7' TERM; echo ready; exec > quiet 2>&1; while :; do sleep 0.02; done\"]\n",
        );
        here.grace = "20s";
        let live = here.start();
        live.hears("agent.started", "tidy");
        wait_for("it waits", || {
            (here.output("tidy.1") == "ready\n").then_some(())
        });
        let (guard, runner) = (live.guard(), live.runner());
        if both {
            signal(guard, Signal::STOP);
        }
        signal(runner, Signal::KILL);
        if both {
            signal(guard, Signal::KILL);
        }
        let _ = live.end();
        if both {
            let resumed = here.start_as(&["resume", "--headless", "--json"]).end();
            assert_eq!(resumed.status, 0, "{}\n{}", resumed.events, resumed.err);
        }
        assert_eq!(here.read("tidied"), "cleaned\n", "both: {both}");
        here.nobody_left();
    }
}

#[test]
fn signals_to_guard_and_runner_stop_in_order() {
    let cases = [
        (Signal::TERM, true, 143),
        (Signal::INT, true, 130),
        (Signal::HUP, true, 129),
        (Signal::TERM, false, 143),
    ];
    for (number, guard, status) in cases {
        let here = Here::with(SLEEPER);
        let live = here.start();
        live.hears("agent.started", "long");
        signal(if guard { live.guard() } else { live.runner() }, number);
        let events = live.end().with(status);
        assert_eq!(events.ending("long"), "stopped", "{events}");
        assert_eq!(here.survivors(), [], "{number:?}");
    }
}

#[test]
fn a_second_signal_does_not_wait_for_the_grace() {
    let mut here = Here::with(
        "[[agent]]\nid = \"deaf\"\nsim = { hang = true, ignore_term = true, ledger = \"up\" }\n",
    );
    here.grace = "10m";
    let live = here.start();
    wait_for("it is deaf", || (!here.read("up").is_empty()).then_some(()));
    signal(live.guard(), Signal::INT);
    live.until("it stops", |e| e.all("run.stopped").pop().map(drop));
    let began = Instant::now();
    signal(live.guard(), Signal::INT);
    let events = live.end().with(130);
    assert!(began.elapsed().as_secs() < 20, "{events}");
    let exit = &events.of("attempt.ended", "deaf")["exit"]["signal"]["name"];
    assert_eq!(exit, "SIGKILL");
    assert_eq!(here.survivors(), []);
}

#[test]
fn a_killed_runner_is_status_4_and_leaves_nobody() {
    let here = Here::with(
        "[[agent]]\nid = \"tree\"\nsim = { hang = true, processes = 3, leak = true, lines = 1 }\n",
    );
    let live = here.start();
    wait_for("the whole tree", || {
        (here.run_dirs().len() == 1 && here.survivors().len() >= 4).then_some(())
    });
    signal(live.runner(), Signal::KILL);
    let ended = live.end();
    assert_eq!(ended.status, 4, "{}", ended.err);
    assert!(ended.err.contains("killed by SIGKILL"), "{}", ended.err);
    assert!(ended.err.contains("wavedeck resume"), "{}", ended.err);
    assert_eq!(here.survivors(), []);
}

#[test]
fn a_killed_guard_takes_the_run_along_and_it_can_go_on() {
    let here = Here::with(
        "[[agent]]\nid = \"first\"\nrun = \"true\"\n[[agent]]\nid = \"gate\"\nrun = [\"sh\", \"-c\", \"test -e go || sleep 300\"]\nneeds = [\"first\"]\n",
    );
    let live = here.start();
    live.hears("agent.started", "gate");
    let runner = live.runner();
    signal(live.guard(), Signal::KILL);
    // Nobody may be there to reap it.
    wait_for("the runner ends", || {
        matches!(state_of(runner), '-' | 'Z').then_some(())
    });
    drop(live.end());
    assert_eq!(here.survivors(), []);
    here.write("go", "");
    let resumed = here.start_as(&["resume", "--headless", "--json"]).end();
    assert_eq!(resumed.status, 0, "{}\n{}", resumed.events, resumed.err);
    let events = here.journal();
    events.dense();
    assert_eq!(events.ending("gate"), "completed");
    assert_eq!(events.all_of("agent.started", "first").len(), 1);
    assert_eq!(events.of("agent.completed", "gate")["attempt"], 2);
}

/// An upgrade in the middle of a run: the file is gone or another one, the run goes on as it is.
#[test]
fn a_program_that_is_removed_while_it_runs_still_starts_its_agents() {
    let here = Here::with(
        "[[agent]]\nid = \"first\"\nrun = [\"sh\", \"-c\", \"while ! test -e go; do sleep 0.02; done\"]\n[[agent]]\nid = \"next\"\nsim = { duration = \"10ms\" }\nneeds = [\"first\"]\n",
    );
    let program = here.path().join("wavedeck");
    std::fs::copy(BIN, &program).unwrap();
    let mut command = std::process::Command::new(&program);
    command
        .args(["run", "--headless", "--json"])
        .current_dir(here.path())
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .stdin(std::process::Stdio::null());
    let live = Live::of(command);
    live.hears("agent.started", "first");
    std::fs::remove_file(&program).unwrap();
    here.write("go", "");
    live.end().with(0);
}

#[test]
fn a_folder_whose_name_is_no_text_is_refused() {
    use std::os::unix::ffi::OsStrExt;
    let here = Here::with("");
    let folder = here.path().join(std::ffi::OsStr::from_bytes(b"a\xffb"));
    std::fs::create_dir_all(folder.join(".git")).unwrap();
    let plan = "[[agent]]\nid = \"a\"\nrun = \"true\"\n";
    std::fs::write(folder.join("wavedeck.toml"), plan).unwrap();
    let output = here
        .command(&["run", "--headless"])
        .current_dir(&folder)
        .output()
        .unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{err}");
    assert!(err.contains("not valid UTF-8"), "{err}");
    assert!(!folder.join(".wavedeck").exists());
}

#[test]
fn a_place_that_cannot_be_recorded_to_is_named_in_one_sentence() {
    let here = Here::with("[[agent]]\nid = \"a\"\nrun = \"true\"\n");
    here.write("a-file", "");
    let mut command = here.command(&["run", "--headless"]);
    let home = here.path().join("a-file");
    let output = command.env("WAVEDECK_HOME", &home).output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{err}");
    assert!(err.contains("a-file"), "{err}");
    assert!(!err.contains('\u{1b}'), "{err:?}");
    // The store's own name is taken by a file.
    here.write(".wavedeck", "");
    let said = here.say(&["run", "--headless"]);
    assert_eq!(said.status, 2, "{said}");
    assert!(
        said.err.contains(".wavedeck: it is no folder of its own"),
        "{said}"
    );
    // A place where nothing can be made; root may write into any other.
    let output = here
        .command(&["run", "--headless"])
        .env("WAVEDECK_HOME", "/proc/wavedeck")
        .output()
        .unwrap();
    let refused = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{refused}");
    for text in [err, said.err, refused] {
        assert!(text.contains("the run cannot begin: "), "{text}");
        assert!(text.contains("WAVEDECK_HOME"), "{text}");
        assert!(text.lines().count() <= 2, "{text}");
    }
}
