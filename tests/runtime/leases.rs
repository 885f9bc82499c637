//! Commands inside of agents that wait for memory: order, re-entrance, ends of all kinds.

use std::{fs, os::unix::fs::PermissionsExt, process::Command};

use serde_json::Value;

use super::rig::{Events, Here, Live, signal, wait_for};

/// The leased program: says how it was called, begins, and ends with 7 when it is told to.
const SUITE: &str = r#"#!/bin/sh
read line
printf '%s|' "$0" "$@" "$line" "${WAVEDECK_LEASE%@*}"; echo
[ "$1" = inner ] && exit 0
[ "$1" = a ] && suite inner < /dev/null
: > "$1.began"
while [ ! -e "$1.go" ]; do sleep 0.02; done
exit 7
"#;

const TABLES: &str = "\
[lease.suite]
ram = \"600MiB\"
[lease.nothere]
ram = \"100MiB\"
[lease.plain]
ram = \"10MiB\"
[defaults]
ram = \"50MiB\"
retry = { attempts = 1 }
";

fn here(agents: &[(&str, &str)]) -> Here {
    let agents = agents.iter().map(|(id, script)| {
        let script = serde_json::to_string(script).unwrap();
        format!("[[agent]]\nid = \"{id}\"\nrun = [\"sh\", \"-c\", {script}]\n")
    });
    let plan = std::iter::once(TABLES.to_owned()).chain(agents);
    let plan: String = plan.collect();
    let here = Here::with(&plan);
    here.write("bin/suite", SUITE);
    // Without a `#!` line a shell runs it.
    here.write("bin/plain", "echo plain $1\n");
    for name in ["bin/suite", "bin/plain"] {
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(here.path().join(name), mode).unwrap();
    }
    here
}

fn path(here: &Here) -> String {
    format!("{}:/usr/bin:/bin", here.path().join("bin").display())
}

fn start(here: &Here) -> Live {
    let mut command = here.command(&["run", "--headless", "--json", "--ram", "1GiB"]);
    command.env("PATH", path(here));
    // The same on machines of any size.
    command.env("WAVEDECK_MEMORY_BAND", "70-95");
    Live::of(command)
}

fn numbers(here: &Here, name: &str) -> u64 {
    let said = here.ctl_says("stats --json");
    let stats: Value = serde_json::from_str(&said.out).unwrap();
    stats[name].as_u64().unwrap()
}

fn pid(here: &Here, name: &str) -> i32 {
    wait_for(name, || here.read(name).trim().parse().ok())
}

/// Waits until a command asks after a file is there.
fn after(file: &str, then: &str) -> String {
    format!("while [ ! -e {file} ]; do sleep 0.02; done; {then}")
}

#[test]
fn a_leased_command_waits_its_turn_and_is_the_program_that_was_meant() {
    let first = "echo in | suite a 'x  y' ''; echo status $?; nothere; echo status $?";
    let here = here(&[
        ("a", first),
        (
            "b",
            &after("a.began", "plain x; suite b < /dev/null; echo status $?"),
        ),
    ]);
    let live = start(&here);
    live.hears("lease.waiting", "b");
    let line = wait_for("its place in line", || {
        let said = here.output("b.1");
        said.lines().nth(1).map(str::to_owned)
    });
    assert!(
        line.starts_with("wavedeck: suite waits for 600 MiB: 1st in line; ")
            && line.ends_with(" MiB free"),
        "{line}"
    );
    // That of what ran before may still be on its way back.
    wait_for("the counts", || {
        let names = ["leases_waiting", "leases_held", "leases_granted"];
        (names.map(|name| numbers(&here, name)) == [1, 1, 2]).then_some(())
    });
    assert_eq!(numbers(&here, "leased_bytes"), 600 << 20);
    assert_eq!(live.events().all_of("lease.granted", "b").len(), 1);
    here.write("a.go", "");
    live.until("its turn", |e| {
        e.all_of("lease.granted", "b").get(1).map(drop)
    });
    here.write("b.go", "");
    let events = live.end().with(0);
    let program = here.path().join("bin/suite");
    let program = program.display();
    let expected = format!(
        "{program}|a|x  y||in|suite=1|\n{program}|inner||suite=1|\nstatus 7\n\
         nothere: command not found\nstatus 127\n"
    );
    assert_eq!(here.output("a.1"), expected);
    assert_eq!(
        here.output("b.1"),
        format!("plain x\n{line}\n{program}|b||suite=3|\nstatus 7\n")
    );
    // Below one that has its lease nobody asks, nor for what is not there.
    let kinds = |kind: &str| events.all(kind).len();
    assert_eq!(
        ["lease.granted", "lease.returned"].map(kinds),
        [3, 3],
        "{events}"
    );
    // On a busy machine the small one may have had to wait for a moment too.
    assert!((1..=2).contains(&kinds("lease.waiting")), "{events}");
    let granted = events.all_of("lease.granted", "b")[1];
    assert_eq!(granted["cause"], "room");
    let returned = events.seq("lease.returned", "a");
    assert!(returned < granted["seq"].as_u64().unwrap(), "{events}");
    assert!(granted["waited_us"].as_u64() > Some(0));

    // By hand, where no run is any more.
    let mut shim = Command::new(here.run_dir().join("leased-commands/suite"));
    let shim = shim
        .args(["inner", "by hand"])
        .env_clear()
        .env("PATH", path(&here));
    let output = shim.stdin(std::process::Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        text(output.stdout),
        format!("{program}|inner|by hand||suite=0|\n")
    );
    let said = text(output.stderr);
    let begin = "wavedeck: suite runs without waiting for memory: no runner answers for this run";
    assert!(said.starts_with(begin), "{said}");
}

#[test]
fn however_a_command_ends_its_lease_is_given_back() {
    let run = |name: &str| {
        format!("suite {name} < /dev/null & echo $! > {name}.pid; wait $!; echo ended $?")
    };
    let here = here(&[
        ("a", &run("a")),
        ("b", &after("b.ask", &run("b"))),
        ("c", &after("a.began", &run("c"))),
        ("d", &after("d.ask", &run("d"))),
    ]);
    let live = start(&here);
    live.hears("lease.waiting", "c");
    here.write("b.ask", "");
    live.hears("lease.waiting", "b");
    assert_eq!(live.events().of("lease.waiting", "b")["place"], 2);
    // One that waits is killed: the other moves up.
    signal(pid(&here, "c.pid"), rustix::process::Signal::KILL);
    live.hears("lease.returned", "c");
    assert_eq!(live.events().of("lease.returned", "c")["ram_bytes"], 0);
    // One that holds it is killed, which is the program itself.
    signal(pid(&here, "a.pid"), rustix::process::Signal::KILL);
    live.hears("lease.granted", "b");
    live.hears("attempt.ended", "a");
    for agent in ["a", "c"] {
        wait_for("the word of a signal", || {
            let said = here.output(&format!("{agent}.1"));
            said.contains("ended 137").then_some(())
        });
    }
    // An agent that is stopped takes what it holds and what it waits for with it.
    here.write("d.ask", "");
    live.hears("lease.waiting", "d");
    here.ctl("stop b");
    live.hears("lease.granted", "d");
    here.ctl("stop d");
    let events: Events = live.end().events;
    assert_eq!(events.ending("b"), "stopped");
    here.nobody_left();
}

#[test]
fn a_crash_takes_all_leases_with_it_and_agents_within_a_boundary_ask_too() {
    let first = "suite a < /dev/null; echo status $?";
    let here = here(&[
        ("a", first),
        ("b", &after("a.began", "suite b < /dev/null")),
    ]);
    let live = start(&here);
    live.hears("lease.waiting", "b");
    signal(live.runner(), rustix::process::Signal::KILL);
    assert_eq!(live.end().status, 4);
    here.nobody_left();
    for go in ["a.go", "b.go"] {
        here.write(go, "");
    }
    let mut command = here.command(&["resume", "--headless", "--json"]);
    command.env("PATH", path(&here));
    let events = Live::of(command).end().events;
    let granted = events.all("lease.granted");
    let numbers: Vec<u64> = granted
        .iter()
        .filter_map(|e| e["number"].as_u64())
        .collect();
    assert_eq!(numbers, [3, 4], "numbers go on\n{events}");
    assert!(granted.iter().all(|e| e["attempt"] == 2));
    assert!(here.output("a.2").ends_with("status 7\n"));

    let plan = "[merge]\nend = \"branch\"\n[lease.suite]\nram = \"1GiB\"\n[[agent]]\nid = \"own\"\n\
        workspace = \"own\"\nrun = \"sh -c 'suite inner < /dev/null'\"\n";
    let repo = super::together::Repo::with(plan, &[("a.txt", "a\n")]);
    repo.here.write("bin/suite", SUITE);
    let mode = fs::Permissions::from_mode(0o755);
    fs::set_permissions(repo.here.path().join("bin/suite"), mode).unwrap();
    let mut command = repo.here.command(&["run", "--headless", "--json"]);
    command.env("PATH", path(&repo.here));
    let events = Live::of(command).end().with(0);
    assert_eq!(events.of("lease.granted", "own")["number"], 1);
    let program = repo.here.path().join("bin/suite");
    let expected = format!("{}|inner||suite=1|\n", program.display());
    assert_eq!(repo.here.output("own.1"), expected);
}

/// What the samples of a run say: the most that agents held in MiB, how many samples were above the budget, how
/// many there are, and how long the run took in seconds.
fn measured(here: &Here, budget_mib: u64) -> (u64, usize, usize, f64) {
    let bytes = |sample: &Value| sample["figures"]["agents_bytes"].as_u64();
    let text = here.read_run("samples.jsonl");
    let samples = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok());
    let held: Vec<u64> = samples.filter_map(|sample| bytes(&sample)).collect();
    let over = held.iter().filter(|held| **held > budget_mib << 20).count();
    let events = here.journal();
    let took = events.all("run.finished")[0]["elapsed_us"]
        .as_f64()
        .unwrap();
    (
        held.iter().max().unwrap() >> 20,
        over,
        held.len(),
        took / 1e6,
    )
}

/// Figures of docs/benchmarks.md: `WAVEDECK_BENCH=1 cargo test --test main six_test_suites -- --nocapture`; takes
/// 4.2 GiB and a minute and a half.
#[test]
fn six_test_suites_keep_to_the_budget_and_take_no_longer_than_they_must() {
    if std::env::var_os("WAVEDECK_BENCH").is_none() {
        return;
    }
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let plan = fs::read_to_string(root.join("assets/plans/leases.toml")).unwrap();
    let lease = "[lease.wavedeck]\nram = \"700MiB\"\n";
    assert!(plan.contains(lease));
    // Two suites of 16 s at a time, and a second before and after.
    let ideal = 3.0 * 16.0 + 2.0;
    for plan in [plan.replace(lease, ""), plan.clone()] {
        let here = Here::with(&plan);
        let bin = std::path::Path::new(super::rig::BIN).parent().unwrap();
        let mut command = here.command(&["run", "--headless", "--json", "--ram", "2GiB"]);
        command.env("PATH", format!("{}:/usr/bin:/bin", bin.display()));
        // The edge of a smaller band would let one suite run at a time.
        command.env("WAVEDECK_MEMORY_BAND", "70-95");
        let live = Live::of(command).patient(std::time::Duration::from_secs(200));
        live.end().with(0);
        let (most, over, samples, took) = measured(&here, 2048);
        let leased = plan.contains(lease);
        println!(
            "leases {leased}: at most {most} MiB of 2048, {over} of {samples} samples above, {took:.1} s (ideal {ideal})"
        );
        // Without leases the budget breaks, or the controller parks and the work is done twice.
        assert_eq!(leased, over == 0 && took <= 1.2 * ideal);
    }
}

/// The agent of the test below; nothing where it is no agent.
#[test]
fn measures_from_inside() {
    const ROUNDS: usize = 200;
    if std::env::var_os("WAVEDECK_AGENT").is_none_or(|agent| agent != "measure") {
        return;
    }
    let took = |program: &str| {
        let began = std::time::Instant::now();
        assert!(Command::new(program).status().unwrap().success());
        began.elapsed().as_secs_f64() * 1e3
    };
    let mut rounds: Vec<[f64; 3]> = (0..ROUNDS)
        .map(|_| {
            let (alone, leased) = (took("/bin/true"), took("true"));
            [alone, leased, leased - alone]
        })
        .collect();
    for (at, name) in ["alone", "leased", "added"].iter().enumerate() {
        rounds.sort_by(|a, b| a[at].total_cmp(&b[at]));
        let of = |permille: usize| rounds[ROUNDS * permille / 1000 - 1][at];
        println!(
            "{name}: p50 {:.2} ms, p90 {:.2} ms, p99 {:.2} ms",
            of(500),
            of(900),
            of(990)
        );
    }
}

/// Figures of docs/benchmarks.md, of a release build: `WAVEDECK_BENCH=1 WAVEDECK_SCALE_PROGRAM=target/release/wavedeck
/// cargo test --test main a_leased_command_costs -- --nocapture`.
#[test]
fn a_leased_command_costs_little() {
    if std::env::var_os("WAVEDECK_BENCH").is_none() {
        return;
    }
    let program =
        std::env::var("WAVEDECK_SCALE_PROGRAM").unwrap_or_else(|_| super::rig::BIN.into());
    let inside = std::env::current_exe().unwrap();
    let name = "runtime::leases::measures_from_inside";
    let argv = [inside.to_str().unwrap(), "--exact", name, "--nocapture"];
    let plan = format!(
        "[lease.true]\nram = \"10MiB\"\n[[agent]]\nid = \"measure\"\nrun = {}\n",
        serde_json::to_string(&argv).unwrap()
    );
    let here = Here::with(&plan);
    let mut command = Command::new(fs::canonicalize(program).unwrap());
    command
        .args(["run", "--headless", "--json"])
        .current_dir(here.path())
        .env_clear()
        .env("HOME", here.path().join("home"))
        .env("PATH", "/usr/bin:/bin");
    let events = Live::of(command).end().with(0);
    assert_eq!(events.all("lease.granted").len(), 200);
    let said = here.output("measure.1");
    for line in said.lines().filter(|line| line.contains("p50")) {
        println!("{line}");
    }
}
