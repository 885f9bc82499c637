//! What a run does with its agents by itself: needs, retries, limits, ends, checks, barriers, parts.

use super::rig::{BIN, Here, wait_for};

#[test]
fn needs_of_every_kind() {
    let here = Here::with(
        r#"
[[agent]]
id = "good"
sim = { writes = ["out/report.txt"] }
[[agent]]
id = "bad"
run = "false"
[[agent]]
id = "if-good"
run = "true"
needs = ["good"]
[[agent]]
id = "if-bad-well"
run = "true"
needs = ["bad"]
[[agent]]
id = "if-bad-failed"
run = "true"
needs = [{ agent = "bad", when = "failed" }]
[[agent]]
id = "if-good-failed"
run = "true"
needs = [{ agent = "good", when = "failed" }]
[[agent]]
id = "if-skipped"
run = "true"
needs = [{ agent = "if-good-failed", when = "skipped" }]
[[agent]]
id = "if-ended"
run = "true"
needs = [{ agent = "bad", when = "ended" }, { agent = "good", when = "ended" }]
[[agent]]
id = "if-report"
run = "test -s out/report.txt"
needs = [{ agent = "good", when = "output:out/report.txt" }]
[[agent]]
id = "if-other"
run = "true"
needs = [{ agent = "good", when = "output:out/other.txt" }]
[[agent]]
id = "soft"
run = "true"
needs = [{ agent = "bad", kind = "soft" }]
"#,
    );
    let events = here.run().with(1);
    let expected = [
        ("good", "completed"),
        ("bad", "failed"),
        ("if-good", "completed"),
        ("if-bad-well", "skipped"),
        ("if-bad-failed", "completed"),
        ("if-good-failed", "skipped"),
        ("if-skipped", "completed"),
        ("if-ended", "completed"),
        ("if-report", "completed"),
        ("if-other", "skipped"),
        ("soft", "completed"),
    ];
    for (agent, ending) in expected {
        assert_eq!(events.ending(agent), ending, "{agent}\n{events}");
    }
    let by = |agent| events.of("agent.skipped", agent)["by_condition"].clone();
    assert_eq!(by("if-bad-well"), false);
    assert_eq!(
        (by("if-good-failed"), by("if-other")),
        (true.into(), true.into())
    );
    for (agent, after) in [("if-good", "good"), ("if-report", "good")] {
        assert!(events.seq("agent.started", agent) > events.seq("attempt.ended", after));
    }
}

#[test]
fn retries_back_off_and_keep_every_output() {
    let here = Here::with(
        "[[agent]]\nid = \"a\"\nretry = { attempts = 3, base = \"80ms\" }\nsim = { fail_attempts = 2, exit = 7, lines = 1, ledger = \"ledger\" }\n[[agent]]\nid = \"hopeless\"\nretry = { attempts = 2, base = \"1ms\" }\nrun = \"false\"\n",
    );
    let events = here.run().with(1);
    let retrying = events.all_of("agent.retrying", "a");
    let delays: Vec<u64> = retrying
        .iter()
        .map(|e| e["delay_us"].as_u64().unwrap())
        .collect();
    assert_eq!(delays, [80_000, 160_000]);
    assert_eq!(retrying[0]["reason"], "exit status 7");
    let started = events.all_of("agent.started", "a");
    for (retry, start) in retrying.iter().zip(&started[1..]) {
        let paused = start["elapsed_us"].as_u64().unwrap() - retry["elapsed_us"].as_u64().unwrap();
        assert!(paused >= retry["delay_us"].as_u64().unwrap(), "{paused}");
    }
    assert_eq!(events.of("agent.completed", "a")["attempt"], 3);
    assert_eq!(here.read("ledger"), "a 1\na 2\na 3\n");
    for attempt in 1..=3 {
        assert_eq!(here.output(&format!("a.{attempt}")), "step 1 of 1\n");
    }
    assert_eq!(events.all_of("agent.started", "hopeless").len(), 2);
    assert_eq!(events.of("agent.failed", "hopeless")["attempt"], 2);
}

#[test]
fn a_timeout_asks_first_and_kills_after_the_grace() {
    let mut here = Here::with(
        "[[agent]]\nid = \"deaf\"\ntimeout = \"400ms\"\nsim = { hang = true, ignore_term = true, processes = 2 }\n[[agent]]\nid = \"polite\"\ntimeout = \"300ms\"\nrun = \"sleep 300\"\n",
    );
    here.grace = "400ms";
    let events = here.run().with(1);
    assert_eq!(events.of("agent.timeout", "deaf")["limit_us"], 400_000);
    assert_eq!(
        events.of("attempt.ended", "deaf")["exit"]["signal"]["name"],
        "SIGKILL"
    );
    assert_eq!(
        events.of("attempt.ended", "polite")["exit"]["signal"]["name"],
        "SIGTERM"
    );
    let grace = events.us("attempt.ended", "deaf") - events.us("agent.timeout", "deaf");
    assert!((400_000..5_000_000).contains(&grace), "{grace}");
    for agent in ["deaf", "polite"] {
        assert_eq!(events.of("agent.failed", agent)["failure"], "agent.timeout");
    }
    assert_eq!(here.survivors(), []);
}

#[test]
fn deaths_by_signal_are_named() {
    let here = Here::with(
        "[[agent]]\nid = \"segv\"\nsim = { signal = 11 }\n[[agent]]\nid = \"kill\"\nsim = { signal = 9 }\n[[agent]]\nid = \"status\"\nrun = [\"sh\", \"-c\", \"exit 143\"]\n",
    );
    let events = here.run().with(1);
    assert_eq!(
        events.of("attempt.ended", "segv")["exit"],
        serde_json::json!({ "signal": { "number": 11, "name": "SIGSEGV" } })
    );
    assert_eq!(
        events.of("agent.failed", "segv")["reason"],
        "killed by SIGSEGV"
    );
    assert_eq!(
        events.of("agent.failed", "kill")["failure"],
        "resource.exhaustion"
    );
    assert_eq!(
        events.of("agent.failed", "status")["reason"],
        "exit status 143"
    );
}

#[test]
fn what_an_agent_leaves_behind_is_counted_and_ended() {
    let here = Here::with(
        "[[agent]]\nid = \"daemon\"\nsim = { leak = true, duration = \"50ms\" }\n[[agent]]\nid = \"pipe\"\nrun = [\"sh\", \"-c\", \"sleep 300 & echo said\"]\n[[agent]]\nid = \"clean\"\nrun = \"true\"\n",
    );
    let events = here.run().with(0);
    assert_eq!(events.of("attempt.ended", "daemon")["leaked"], 1);
    assert_eq!(events.of("attempt.ended", "pipe")["leaked"], 1);
    assert!(events.of("attempt.ended", "clean").get("leaked").is_none());
    assert_eq!(here.output("pipe.1"), "said\n");
    assert_eq!(here.survivors(), []);
}

#[test]
fn what_cannot_start_says_why() {
    let here = Here::with(
        "[[agent]]\nid = \"nowhere\"\nrun = \"/nowhere/at-all\"\n[[agent]]\nid = \"no-program\"\nrun = \"no-such-program-here\"\n[[agent]]\nid = \"denied\"\nrun = \"./wavedeck.toml\"\n",
    );
    let events = here.run().with(1);
    for (agent, why) in [
        ("nowhere", "`/nowhere/at-all` was not found"),
        ("no-program", "no-such-program-here"),
        ("denied", "is not executable"),
    ] {
        let reason = events.of("agent.failed", agent)["reason"].as_str().unwrap();
        assert!(reason.starts_with("could not start: "), "{reason}");
        assert!(reason.contains(why), "{reason}");
        assert!(!events.has("agent.started", agent));
    }
}

#[test]
fn an_agent_starts_clean() {
    let script = "grep -E 'SigBlk|SigIgn' /proc/self/status; ls /proc/self/fd | wc -l; \
        test -t 0 && echo tty; readlink /proc/self/fd/0; (exec 3</dev/tty) 2>/dev/null && echo has-tty; \
        echo $WAVEDECK_AGENT $WAVEDECK_ATTEMPT; echo secret=$SECRET; pwd";
    let here = Here::with(&format!(
        "[[agent]]\nid = \"look\"\nrun = [\"sh\", \"-c\", {script:?}]\n"
    ));
    let mut command = here.command(&["run", "--headless", "--json"]);
    command
        .env("SECRET", "s3cr3t")
        .env("WAVEDECK_AGENT", "outer");
    super::rig::Live::of(command).end().with(0);
    // The C library's spawn ignores its own two signals in every child, 32 and 33.
    let said = here
        .output("look.1")
        .replace("SigIgn:\t0000000180000000", "SigIgn:\t0000000000000000");
    let lines: Vec<&str> = said.lines().collect();
    let folder = here.path().canonicalize().unwrap();
    let expected = [
        "SigBlk:\t0000000000000000",
        "SigIgn:\t0000000000000000",
        "4",
        "/dev/null",
        "look 1",
        "secret=",
        folder.to_str().unwrap(),
    ];
    assert_eq!(lines, expected, "{said}");
}

#[test]
fn checks_and_gates_of_agents() {
    let here = Here::with(
        r#"
[gate.built]
run = ["test -e artefact", "echo evidence"]
[[agent]]
id = "good"
run = "touch artefact"
check = ["true", ["sh", "-c", "exit 0"]]
gates = ["built"]
[[agent]]
id = "red"
run = "true"
check = ["false"]
[[agent]]
id = "after-red"
run = "true"
needs = ["red"]
[[agent]]
id = "second-try"
run = ["sh", "-c", "test $WAVEDECK_ATTEMPT = 1 || touch second"]
retry = { attempts = 2, base = "1ms" }
check = ["test -e second"]
"#,
    );
    let events = here.run().with(1);
    assert_eq!(events.ending("good"), "completed");
    assert_eq!(events.all_of("gate.passed", "good").len(), 2);
    let last_check = events.all_of("check.ended", "good").pop().unwrap()["seq"].as_u64();
    assert!(last_check.unwrap() < events.seq("agent.completed", "good"));
    assert_eq!(
        std::fs::read_to_string(here.run_dir().join("gates/good.1.3")).unwrap(),
        "evidence\n"
    );
    assert_eq!(events.ending("red"), "blocked");
    assert_eq!(
        events.of("gate.failed", "red")["reason"],
        "check red: exit status 1"
    );
    assert!(!events.has("agent.started", "after-red"), "{events}");
    assert_eq!(events.ending("second-try"), "completed");
    assert_eq!(events.of("agent.completed", "second-try")["attempt"], 2);
}

#[test]
fn a_red_gate_of_a_phase_holds_the_next_one() {
    let plan = |gate: &str| {
        format!(
            "[gate.g]\nrun = [\"{gate}\"]\n[[phase]]\nid = \"one\"\ngates = [\"g\"]\n[[phase]]\nid = \"two\"\n\
             [[agent]]\nid = \"a\"\nphase = \"one\"\nrun = \"true\"\n[[agent]]\nid = \"b\"\nphase = \"two\"\nrun = \"true\"\n"
        )
    };
    let events = Here::with(&plan("false")).run().with(1);
    assert!(!events.has("agent.started", "b"), "{events}");
    assert_eq!(events.all("phase.failed")[0]["phase"], "one");
    // Nobody watches: what it held back has an end, and says why.
    assert_eq!(events.ending("b"), "skipped");
    assert_eq!(
        events.of("agent.skipped", "b")["reason"],
        "phase one failed: g red: exit status 1"
    );
    let events = Here::with(&plan("true")).run().with(0);
    let passed = events.all("gate.passed")[0]["seq"].as_u64().unwrap();
    assert!(events.seq("agent.scheduled", "b") > passed, "{events}");
    // No mode leads round a gate.
    let here = Here::with(&plan("false"));
    for mode in ["parallel", "sequential"] {
        let _ = std::fs::remove_dir_all(here.path().join(".wavedeck"));
        let live = here.start_as(&["run", "--headless", "--json", "--mode", mode]);
        let events = live.end().with(1);
        assert!(!events.has("agent.started", "b"), "{mode}\n{events}");
    }
}

#[test]
fn a_barrier_holds_until_all_have_ended() {
    let here = Here::with(
        "[[phase]]\nid = \"one\"\nbarrier = true\n[[phase]]\nid = \"two\"\n\
         [[agent]]\nid = \"slow\"\nphase = \"one\"\nsim = { duration = \"300ms\" }\n\
         [[agent]]\nid = \"quick\"\nphase = \"one\"\nrun = \"true\"\n\
         [[agent]]\nid = \"later\"\nphase = \"two\"\nrun = \"true\"\n",
    );
    let events = here.run().with(0);
    assert!(events.seq("agent.scheduled", "later") > events.seq("agent.completed", "slow"));
}

#[test]
fn sub_agents_in_parallel_and_one_after_the_other() {
    let here = Here::with(
        r#"
[limits]
agents = 8
[[agent]]
id = "par"
run = "true"
[[agent]]
id = "p1"
parent = "par"
sim = { duration = "400ms" }
[[agent]]
id = "p2"
parent = "par"
sim = { duration = "400ms" }
[[agent]]
id = "seq"
sub_agents = "sequential"
[[agent]]
id = "s1"
parent = "seq"
sim = { duration = "100ms" }
[[agent]]
id = "s2"
parent = "seq"
sim = { duration = "100ms" }
[[agent]]
id = "broken"
[[agent]]
id = "b1"
parent = "broken"
run = "false"
[[agent]]
id = "after"
run = "true"
needs = ["par", "seq"]
"#,
    );
    let events = here.run().with(1);
    assert!(events.overlap("p1", "p2"), "{events}");
    assert!(!events.overlap("s1", "s2"), "{events}");
    assert!(events.seq("agent.scheduled", "p1") > events.seq("attempt.ended", "par"));
    for (parent, child) in [("par", "p1"), ("par", "p2"), ("seq", "s1"), ("seq", "s2")] {
        assert!(events.seq("agent.completed", parent) > events.seq("agent.completed", child));
    }
    assert!(events.seq("agent.scheduled", "after") > events.seq("agent.completed", "par"));
    assert_eq!(
        events.of("agent.failed", "broken")["failure"],
        "coordination.failure"
    );
}

#[test]
fn a_worker_reads_its_prompt_and_what_it_must_know() {
    let here = Here::with(
        r#"
goal = "Invoices"
[worker.reads]
run = ["cat"]
[worker.deaf]
run = ["true"]
[[agent]]
id = "first"
worker = "reads"
workspace = "shared"
prompt = "Do it."
check = ["test -e go"]
context = { files = ["docs/*.md", "gone.md"] }
[[agent]]
id = "unread"
worker = "deaf"
workspace = "shared"
prompt = "Do it too."
"#,
    );
    here.write("go", "");
    here.write("AGENTS.md", "Mind the tests.\n");
    here.write("docs/b.md", "the second\n");
    here.write(
        "docs/a.md",
        "its password = \"hunter-22-x\"\n```\n## No heading\n",
    );
    std::os::unix::fs::symlink("/etc/passwd", here.path().join("docs/c.md")).unwrap();
    here.run().with(0);
    let told = here.output("first.1");
    let parts = [
        "Do it.\n",
        "## What the whole plan is for\n\nInvoices\n",
        "- `test -e go` ends with status 0.\n",
        "### AGENTS.md\n\n```text\nMind the tests.\n```\n",
        "### docs/a.md\n\n````text\nits password = \"[redacted: password]\"\n```\n## No heading\n````\n",
        "### docs/b.md\n\n```text\nthe second\n```\n",
        "### gone.md\n\n```text\n(there is no such file)\n```\n",
        "  - { file: \"docs/b.md\", sha256: \"",
    ];
    let mut from = 0;
    for part in parts {
        let at = told[from..].find(part);
        from += at.unwrap_or_else(|| panic!("{part:?} is not in its place in:\n{told}"));
    }
    assert!(!told.contains("root:"), "{told}");
    // What it was told is kept, and is the same to the byte.
    let kept = here.run_dir().join("context/first.1.md");
    assert_eq!(std::fs::read_to_string(&kept).unwrap(), told);
    let mode = std::os::unix::fs::PermissionsExt::mode(&kept.metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_prompt_that_cannot_fit_waits_for_a_person() {
    let here = Here::with(
        r#"
[worker.reads]
run = ["cat"]
[[agent]]
id = "long"
worker = "reads"
workspace = "shared"
prompt_file = "long.md"
retry = { attempts = 3, base = "0s" }
[[agent]]
id = "next"
run = "true"
needs = ["long"]
"#,
    );
    here.write("long.md", &"words and words again\n".repeat(20_000));
    let ended = here.run();
    let events = ended.with(5);
    let blocked = events.of("agent.blocked", "long");
    let reason = blocked["reason"].as_str().unwrap();
    assert!(
        reason.starts_with("not started: its prompt needs ~100"),
        "{reason}"
    );
    assert!(reason.contains("agent.long.prompt ~"), "{reason}");
    assert_eq!(events.all_of("attempt.ended", "long").len(), 1);
    assert!(events.has("attention.raised", "long"));
    assert!(!events.has("agent.started", "long"));
}

#[test]
fn how_long_a_prompt_may_be_is_said_by_the_plan_else_by_the_configuration() {
    let here = Here::with(
        r#"
[worker.reads]
run = ["cat"]
[defaults]
worker = "reads"
workspace = "shared"
prompt_file = "long.md"
[[agent]]
id = "tight"
[[agent]]
id = "wide"
context = { cap = 30_000 }
"#,
    );
    here.write("long.md", &"words and words again\n".repeat(1_000));
    here.write("wavedeck.config.toml", "[context]\ncap = 1_000\n");
    let events = here.run().with(5);
    let blocked = events.of("agent.blocked", "tight");
    let reason = blocked["reason"].as_str().unwrap();
    assert!(reason.contains("that must not be cut, of "), "{reason}");
    assert!(events.has("agent.completed", "wide"), "{events}");
    assert!(!events.has("agent.blocked", "wide"));
}

#[test]
fn caps_hold() {
    let here = Here::with(
        "[limits]\nagents = 2\nresources = { gpu = 1 }\n[defaults]\nsim = { duration = \"60ms\" }\n\
         [[agent]]\nid = \"a\"\nuses = { gpu = 1 }\n[[agent]]\nid = \"b\"\nuses = { gpu = 1 }\n\
         [[agent]]\nid = \"c\"\n[[agent]]\nid = \"d\"\n[[agent]]\nid = \"e\"\n",
    );
    let ended = here.run();
    let events = ended.with(0);
    assert!(!events.overlap("a", "b"), "{events}");
    let (mut running, mut most) = (0_i32, 0);
    for event in &events.0 {
        running += match event["kind"].as_str().unwrap() {
            "agent.scheduled" => 1,
            "attempt.ended" => -1,
            _ => 0,
        };
        most = most.max(running);
    }
    assert_eq!(most, 2, "{events}");
}

#[test]
fn agents_may_look_but_not_steer() {
    let script = format!(
        "{BIN} ctl stop -y; echo $?; (setsid {BIN} ctl stop -y; echo $?) & wait; env -u WAVEDECK_RUN -u WAVEDECK_AGENT {BIN} ctl stop -y; echo $?"
    );
    let here = Here::with(&format!(
        "[[agent]]\nid = \"cheeky\"\nrun = [\"sh\", \"-c\", {script:?}]\n"
    ));
    let events = here.run().with(0);
    let said = here.output("cheeky.1");
    let refused = said
        .matches("an agent of this run may not steer it")
        .count();
    assert_eq!(refused, 3, "{said}");
    assert_eq!(said.lines().filter(|l| *l == "2").count(), 3, "{said}");
    assert!(events.all("operator.action").is_empty());
    assert!(events.all("run.stopped").is_empty());
}

#[test]
fn a_daemon_of_an_agent_may_not_steer_either() {
    // Its parent is gone, so it is a child of the runner by the time it asks.
    let script = format!(
        "(setsid sh -c 'sleep 0.2; {BIN} ctl stop -y > said 2>&1; echo $? >> said; touch over' &) ; \
         while ! test -e over; do sleep 0.02; done"
    );
    let here = Here::with(&format!(
        "[[agent]]\nid = \"cheeky\"\nrun = [\"sh\", \"-c\", {script:?}]\n"
    ));
    here.run().with(0);
    wait_for("its answer", || {
        here.path().join("over").exists().then_some(())
    });
    let said = here.read("said");
    assert!(said.contains("may not steer it"), "{said}");
    assert!(said.ends_with("2\n"), "{said}");
}
