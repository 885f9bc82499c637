//! The executor against real processes: output, ends, leaks, stops, simulated agents.

use std::{
    collections::HashSet,
    fs,
    path::Path,
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use tempfile::TempDir;
use wavedeck::{
    agents::{Catalog, Reply},
    executor::{Config, Exit, Heard, Job, JobKey, LocalExecutor, Mailbox, Report, Say, Speaks},
    sys::{
        proc::{self, ProcTable},
        tree::survivors_of_run,
    },
};

/// Beyond this a condition counts as never met; ten times what a loaded machine needs.
const PATIENCE: Duration = Duration::from_secs(30);

/// An executor with a folder, a unique run and all reports so far.
pub struct Rig {
    pub executor: LocalExecutor,
    mailbox: Arc<Mailbox>,
    signal: Arc<(Mutex<bool>, Condvar)>,
    seen: Vec<Report>,
    pub folder: TempDir,
    run: String,
}

impl Rig {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    pub fn with(change: impl FnOnce(&mut Config)) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let run = format!(
            "test-{}-{}",
            std::process::id(),
            NUMBER.fetch_add(1, Ordering::Relaxed)
        );
        let signal = Arc::new((Mutex::new(false), Condvar::new()));
        let wake = Arc::clone(&signal);
        let mailbox = Arc::new(Mailbox::new(move || {
            *wake.0.lock().unwrap() = true;
            wake.1.notify_one();
        }));
        let env = std::env::vars_os()
            .filter(|(name, _)| name == "PATH" || name == "HOME")
            .collect();
        let mut config = Config::new(run.as_str(), env);
        config.leak_grace = Duration::from_millis(500);
        change(&mut config);
        let executor = LocalExecutor::start(&config, mailbox.clone()).unwrap();
        Self {
            executor,
            mailbox,
            signal,
            seen: Vec::new(),
            folder: TempDir::new().unwrap(),
            run,
        }
    }

    pub fn job(&self, agent: &str, argv: &[&str]) -> Job {
        Job {
            key: JobKey::main(agent.into(), 1),
            argv: argv.iter().map(ToString::to_string).collect(),
            env_extra: Vec::new(),
            env_unset: Vec::new(),
            cwd: self.folder.path().to_owned(),
            stdin: None,
            prompt: None,
            output: self.folder.path().join(format!("{agent}.1")),
            watch_outputs: Vec::new(),
            speaks: None,
            terminal: None,
            boundary: None,
            setup: Vec::new(),
            setup_once: None,
        }
    }

    fn start(&self, agent: &str, argv: &[&str]) -> JobKey {
        let job = self.job(agent, argv);
        let key = job.key.clone();
        self.executor.spawn(job);
        key
    }

    fn sh(&self, agent: &str, script: &str) -> JobKey {
        self.start(agent, &["/bin/sh", "-c", script])
    }

    pub fn output(&self, agent: &str) -> String {
        fs::read_to_string(self.folder.path().join(format!("{agent}.1"))).unwrap_or_default()
    }

    /// Waits for the first report that the closure accepts, also among those seen before.
    pub fn wait<T>(&mut self, what: &str, accept: impl Fn(&Report) -> Option<T>) -> T {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = self.seen.iter().find_map(&accept) {
                return found;
            }
            let left = until.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "no report: {what}; seen: {:#?}", self.seen);
            let (flag, condvar) = &*self.signal;
            let guard = flag.lock().unwrap();
            let (mut guard, _) = condvar
                .wait_timeout_while(guard, left, |woken| !*woken)
                .unwrap();
            *guard = false;
            drop(guard);
            self.mailbox.drain(&mut self.seen);
        }
    }

    pub fn spawned(&mut self, key: &JobKey) -> (i32, u64) {
        self.wait("spawned", |r| match r {
            Report::Spawned {
                key: k,
                pid,
                start_time,
            } if k == key => Some((*pid, *start_time)),
            _ => None,
        })
    }

    /// Returns exit, bytes of output and leaked processes.
    pub fn ended(&mut self, key: &JobKey) -> (Exit, u64, u32) {
        self.wait("ended", |r| match r {
            Report::Ended {
                key: k,
                exit,
                output_bytes,
                leaked,
                ..
            } if k == key => Some((exit.clone(), *output_bytes, *leaked)),
            _ => None,
        })
    }

    pub fn failure(&mut self, key: &JobKey) -> String {
        self.wait("spawn failed", |r| match r {
            Report::SpawnFailed { key: k, error, .. } if k == key => Some(error.clone()),
            _ => None,
        })
    }

    pub fn nothing_left(&self) {
        until("nothing of the run is left", || {
            survivors_of_run(&self.run).unwrap().is_empty()
        });
    }
}

pub fn until(what: &str, condition: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < end, "never: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn wait_for_file(path: &Path) -> String {
    until(&format!("{} is there", path.display()), || {
        fs::read_to_string(path).is_ok_and(|t| t.ends_with('\n'))
    });
    fs::read_to_string(path).unwrap()
}

#[test]
fn output_lands_in_its_file_and_the_status_is_told() {
    let mut rig = Rig::new();
    let good = rig.sh(
        "good",
        "echo out; echo err >&2; echo $WAVEDECK_RUN $WAVEDECK_AGENT $WAVEDECK_ATTEMPT",
    );
    let bad = rig.sh("bad", "exit 7");
    let silent = rig.start("silent", &["true"]);
    assert_eq!(rig.ended(&good).0, Exit::Code(0));
    let expected = format!("out\nerr\n{} good 1\n", rig.run);
    assert_eq!(rig.output("good"), expected);
    assert_eq!(rig.ended(&good).1, expected.len() as u64);
    assert_eq!(rig.ended(&bad).0, Exit::Code(7));
    assert_eq!(rig.ended(&silent), (Exit::Code(0), 0, 0));
    assert!(
        !rig.folder.path().join("silent.1").exists(),
        "no output, no file"
    );
    assert!(rig.executor.views().is_empty());
}

#[test]
fn death_by_signal_carries_its_name() {
    let mut rig = Rig::new();
    for (agent, number, name) in [
        ("kill", 9, "SIGKILL"),
        ("term", 15, "SIGTERM"),
        ("user", 10, "SIGUSR1"),
    ] {
        let key = rig.sh(agent, &format!("kill -{number} $$"));
        match rig.ended(&key).0 {
            Exit::Signal {
                number: n, name: s, ..
            } => assert_eq!((n, s.as_str()), (number, name)),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_prompt_is_read_from_standard_input() {
    let mut rig = Rig::new();
    let text = "line\n".repeat(100_000);
    let mut job = rig.job("cat", &["cat"]);
    job.stdin = Some(text.clone().into_bytes());
    rig.executor.spawn(job);
    let mut job = rig.job("deaf", &["true"]);
    job.stdin = Some(text.clone().into_bytes());
    rig.executor.spawn(job);
    let key = JobKey::main("cat".into(), 1);
    assert_eq!(rig.ended(&key), (Exit::Code(0), text.len() as u64, 0));
    assert_eq!(rig.output("cat"), text);
    assert_eq!(rig.ended(&JobKey::main("deaf".into(), 1)).0, Exit::Code(0));
}

#[test]
fn a_child_has_no_terminal_and_default_signals() {
    let mut rig = Rig::new();
    let key = rig.sh("tty", "(: </dev/tty) 2>/dev/null && echo terminal; grep -E '^Sig(Blk|Ign)' /proc/self/status; ls /proc/self/fd | wc -l");
    rig.ended(&key);
    let output = rig.output("tty");
    assert!(!output.contains("terminal"), "{output}");
    let masks: Vec<_> = output
        .lines()
        .filter_map(|l| l.split('\t').nth(1))
        .collect();
    // 32 and 33 are the C library's own.
    assert_eq!(masks, ["0000000000000000", "0000000180000000"], "{output}");
    // 0, 1, 2 and the folder that ls reads.
    assert!(output.trim_end().ends_with('4'), "{output}");
}

#[test]
fn a_grandchild_that_keeps_the_pipe_open_is_ended() {
    let mut rig = Rig::new();
    let key = rig.sh("leaky", "sleep 1000 & echo started");
    let began = Instant::now();
    let (exit, _, leaked) = rig.ended(&key);
    assert_eq!((exit, leaked), (Exit::Code(0), 1));
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(rig.output("leaky"), "started\n");
    rig.nothing_left();
}

#[test]
fn a_daemon_in_a_session_of_its_own_is_ended() {
    let mut rig = Rig::new();
    let key = rig.sh(
        "daemon",
        "setsid sh -c 'sleep 1000 & sleep 1001' </dev/null >/dev/null 2>&1 & exit 0",
    );
    let (exit, _, leaked) = rig.ended(&key);
    assert_eq!(exit, Exit::Code(0));
    assert!(leaked >= 1, "{leaked}");
    rig.nothing_left();
}

#[test]
fn what_ignores_term_is_killed_after_its_grace() {
    let mut rig = Rig::new();
    let key = rig.sh(
        "deaf",
        "trap '' TERM; echo ready; while :; do sleep 1000; done",
    );
    rig.spawned(&key);
    wait_for_file(&rig.folder.path().join("deaf.1"));
    let began = Instant::now();
    rig.executor
        .terminate(key.clone(), Duration::from_millis(300));
    let (exit, _, _) = rig.ended(&key);
    assert!(matches!(exit, Exit::Signal { number: 9, .. }), "{exit:?}");
    assert!(began.elapsed() >= Duration::from_millis(300));
    rig.wait("escalated", |r| {
        matches!(r, Report::Escalated { .. }).then_some(())
    });
    rig.nothing_left();
}

#[test]
fn a_term_handler_may_clean_up_during_the_grace() {
    let mut rig = Rig::new();
    let key = rig.sh(
        "tidy",
        "trap 'sh -c \"sleep 0.3; echo cleaned > tidied\"; exit 7' TERM; echo ready; sleep 1000 & wait",
    );
    rig.spawned(&key);
    wait_for_file(&rig.folder.path().join("tidy.1"));
    rig.executor.terminate(key.clone(), Duration::from_secs(20));
    assert_eq!(rig.ended(&key).0, Exit::Code(7));
    assert_eq!(
        fs::read_to_string(rig.folder.path().join("tidied")).unwrap(),
        "cleaned\n"
    );
    rig.nothing_left();
}

#[test]
fn term_reaches_the_whole_tree_and_kill_too() {
    let mut rig = Rig::new();
    let term = rig.sh("term", "sleep 1000 & setsid sleep 1001 & echo ready; wait");
    let kill = rig.sh("kill", "sleep 1000 & setsid sleep 1001 & echo ready; wait");
    wait_for_file(&rig.folder.path().join("term.1"));
    wait_for_file(&rig.folder.path().join("kill.1"));
    rig.executor
        .terminate(term.clone(), Duration::from_secs(20));
    rig.executor.kill(kill.clone());
    assert!(matches!(
        rig.ended(&term).0,
        Exit::Signal { number: 15, .. }
    ));
    assert!(matches!(rig.ended(&kill).0, Exit::Signal { number: 9, .. }));
    rig.nothing_left();
}

#[test]
fn freezing_stops_every_process_and_thawing_lets_them_go_on() {
    let mut rig = Rig::new();
    let key = rig.sh(
        "cold",
        "setsid sh -c 'while :; do sleep 0.01; done' & sleep 1000 & echo ready; wait",
    );
    let (pid, _) = rig.spawned(&key);
    wait_for_file(&rig.folder.path().join("cold.1"));
    rig.executor.freeze(key.clone());
    let (stopped, total, rss) = rig.wait("frozen", |r| match r {
        Report::Frozen {
            stopped,
            total,
            rss_bytes,
            ..
        } => Some((*stopped, *total, *rss_bytes)),
        _ => None,
    });
    assert_eq!(stopped, total);
    assert!(total >= 3 && rss > 0, "{total} {rss}");
    let table = ProcTable::scan().unwrap();
    let below: Vec<_> = table
        .iter()
        .filter(|s| s.pid == pid || table.is_descendant(s.pid, pid))
        .collect();
    assert!(
        below.len() >= 3 && below.iter().all(|s| s.stopped()),
        "{below:?}"
    );
    rig.executor.thaw(key.clone());
    rig.wait("thawed", |r| {
        matches!(r, Report::Thawed { .. }).then_some(())
    });
    until("it goes on", || proc::stat(pid).unwrap().state == b'S');
    // A frozen tree can be ended, too.
    rig.executor.freeze(key.clone());
    rig.executor.terminate(key.clone(), Duration::from_secs(20));
    assert!(matches!(rig.ended(&key).0, Exit::Signal { number: 15, .. }));
    rig.nothing_left();
}

#[test]
fn five_hundred_times_true() {
    let mut rig = Rig::new();
    let keys: Vec<_> = (0..500)
        .map(|n| rig.start(&format!("a{n}"), &["true"]))
        .collect();
    for key in &keys {
        assert_eq!(rig.ended(key), (Exit::Code(0), 0, 0));
    }
    let starts: HashSet<_> = keys.iter().map(|key| rig.spawned(key).0).collect();
    assert_eq!(starts.len(), 500);
}

#[test]
fn a_failed_start_names_its_cause() {
    let mut rig = Rig::new();
    let missing = rig.start("missing", &["no-such-program-anywhere"]);
    assert!(
        rig.failure(&missing)
            .contains("`no-such-program-anywhere` was not found in PATH")
    );
    let path = rig.start("path", &["./nothing"]);
    assert!(rig.failure(&path).contains("was not found"));
    let folder = rig.start("folder", &["/etc/passwd"]);
    assert!(rig.failure(&folder).contains("is not executable"));
    let mut job = rig.job("cwd", &["true"]);
    job.cwd = "/no/such/folder".into();
    rig.executor.spawn(job);
    assert!(
        rig.failure(&JobKey::main("cwd".into(), 1))
            .contains("working folder `/no/such/folder` is not there")
    );
    let empty = rig.start("empty", &[]);
    assert_eq!(rig.failure(&empty), "the command is empty");
}

#[test]
fn the_childs_own_path_counts() {
    use std::os::unix::fs::PermissionsExt;
    let mut rig = Rig::new();
    let tool = rig.folder.path().join("mytool");
    fs::write(&tool, "#!/bin/sh\necho mine\n").unwrap();
    fs::set_permissions(&tool, fs::Permissions::from_mode(0o755)).unwrap();
    let mut job = rig.job("tool", &["mytool"]);
    job.env_extra = vec![("PATH".into(), rig.folder.path().display().to_string())];
    let key = job.key.clone();
    rig.executor.spawn(job);
    assert_eq!(rig.ended(&key).0, Exit::Code(0));
    assert_eq!(rig.output("tool"), "mine\n");
}

#[test]
fn the_start_time_names_the_process() {
    let mut rig = Rig::new();
    for n in 0..20 {
        let key = rig.start(&format!("s{n}"), &["sleep", "1000"]);
        let (pid, start) = rig.spawned(&key);
        assert_eq!(proc::start_time(pid).unwrap(), start);
    }
}

#[test]
fn watched_files_are_told_and_the_view_follows() {
    let mut rig = Rig::new();
    let mut job = rig.job(
        "watch",
        &["/bin/sh", "-c", "echo 'one\ntwo'; touch there; read line"],
    );
    job.watch_outputs = vec![
        rig.folder.path().join("there"),
        rig.folder.path().join("not"),
    ];
    job.stdin = None;
    job.argv[2] = "printf 'one\\ntwo\\n'; touch there; exec sleep 1000".into();
    let key = job.key.clone();
    rig.executor.spawn(job);
    rig.spawned(&key);
    until("the last line is seen", || {
        rig.executor
            .view(&key)
            .is_some_and(|v| v.last_line() == "two")
    });
    assert_eq!(rig.executor.view(&key).unwrap().output_bytes(), 8);
    until("the file is there", || {
        rig.folder.path().join("there").exists()
    });
    rig.executor.kill(key.clone());
    let present = rig.wait("ended", |r| match r {
        Report::Ended { present, .. } => Some(present.clone()),
        _ => None,
    });
    assert_eq!(present, [true, false]);
}

#[test]
fn a_flood_neither_blocks_others_nor_fills_memory() {
    let mut rig = Rig::new();
    let before = proc::Statm::open(std::process::id().cast_signed())
        .unwrap()
        .resident_bytes()
        .unwrap();
    let mut job = rig.job("flood", &["/bin/sh", "-c", "head -c 300000000 /dev/zero"]);
    job.output = "/dev/null".into();
    let flood = job.key.clone();
    rig.executor.spawn(job);
    let quick = rig.sh("quick", "echo hello");
    assert_eq!(rig.ended(&quick).1, 6);
    assert_eq!(rig.ended(&flood), (Exit::Code(0), 300_000_000, 0));
    let after = proc::Statm::open(std::process::id().cast_signed())
        .unwrap()
        .resident_bytes()
        .unwrap();
    assert!(after < before + 30_000_000, "{before} {after}");
}

#[test]
fn shutdown_ends_everything_whatever_happens() {
    let mut rig = Rig::new();
    rig.sh("a", "trap '' TERM; setsid sh -c 'trap \"\" TERM; while :; do sleep 1; done' & while :; do sleep 1; done");
    rig.sh("b", "sleep 1000");
    let c = rig.sh("c", "sleep 1000");
    rig.spawned(&c);
    rig.executor.shutdown(Duration::from_millis(200));
    rig.wait("stopped", |r| matches!(r, Report::Stopped).then_some(()));
    rig.executor.join();
    assert!(survivors_of_run(&rig.run).unwrap().is_empty());
    let late = rig.sh("late", "true");
    assert!(rig.failure(&late).contains("taken back"));
}

#[test]
fn a_queued_job_is_taken_back() {
    let mut rig = Rig::new();
    let keys: Vec<_> = (0..50)
        .map(|n| rig.sh(&format!("q{n}"), "sleep 0.01"))
        .collect();
    let last = keys.last().unwrap().clone();
    rig.executor.terminate(last.clone(), Duration::from_secs(5));
    // Taken back, or ended by TERM if a spawner was quicker: in both cases there is one report.
    rig.wait("its end", |r| match r {
        Report::SpawnFailed {
            key,
            cancelled: true,
            ..
        }
        | Report::Ended { key, .. }
            if *key == last =>
        {
            Some(())
        }
        _ => None,
    });
    for key in &keys[..49] {
        rig.ended(key);
    }
}

#[test]
fn an_output_file_that_cannot_be_made_does_not_stop_the_job() {
    let mut rig = Rig::new();
    let mut job = rig.job("lost", &["echo", "hello"]);
    job.output = "/no/such/folder/file".into();
    let key = job.key.clone();
    rig.executor.spawn(job);
    assert_eq!(rig.ended(&key), (Exit::Code(0), 6, 0));
    rig.wait("failed output", |r| {
        matches!(r, Report::OutputFailed { .. }).then_some(())
    });
}

/// A simulated agent as a job.
fn sim(rig: &Rig, agent: &str, attempt: u32, table: &str) -> Job {
    let mut job = rig.job(agent, &[env!("CARGO_BIN_EXE_wavedeck"), "__sim", table]);
    job.key.attempt = attempt;
    job
}

#[test]
fn a_simulated_agent_uses_its_memory_over_three_processes() {
    const MIB: u64 = 1024 * 1024;
    let mut rig = Rig::new();
    let table =
        r#"{"duration_us":100000,"ram_bytes":943718400,"processes":3,"curve":"flat","hang":true}"#;
    let job = sim(&rig, "big", 1, table);
    let key = job.key.clone();
    rig.executor.spawn(job);
    let (pid, _) = rig.spawned(&key);
    let tree = || {
        let table = ProcTable::scan().unwrap();
        let pids: Vec<i32> = table
            .iter()
            .filter(|s| s.pid == pid || table.is_descendant(s.pid, pid))
            .map(|s| s.pid)
            .collect();
        let rss = |p: &i32| {
            proc::Statm::open(*p)
                .and_then(|s| s.resident_bytes())
                .unwrap_or(0)
        };
        (
            pids.len(),
            pids.iter().map(rss).sum::<u64>(),
            pids.iter()
                .map(|p| proc::rollup(*p).map_or(0, |r| r.proportional))
                .sum::<u64>(),
        )
    };
    let near = |bytes: u64| bytes.abs_diff(900 * MIB) * 100 <= 2 * 900 * MIB;
    until("900 MiB within 2 %", || {
        let (count, rss, pss) = tree();
        let fits = count == 3 && near(rss) && near(pss);
        eprintln!("{count} processes, {rss} resident, {pss} proportional");
        fits
    });
    rig.executor.kill(key.clone());
    rig.ended(&key);
    rig.nothing_left();
}

#[test]
fn a_simulated_agent_keeps_its_ledger_fails_prints_and_writes() {
    let mut rig = Rig::new();
    let table =
        r#"{"lines":3,"writes":["deep/er/file"],"ledger":"ledger","exit":4,"fail_attempts":1}"#;
    let first = sim(&rig, "one", 1, table);
    let key = first.key.clone();
    rig.executor.spawn(first);
    assert_eq!(rig.ended(&key).0, Exit::Code(4));
    assert!(!rig.folder.path().join("deep").exists());
    let second = sim(&rig, "one", 2, table);
    let key = second.key.clone();
    rig.executor.spawn(second);
    assert_eq!(rig.ended(&key).0, Exit::Code(0));
    assert!(rig.folder.path().join("deep/er/file").exists());
    assert_eq!(
        fs::read_to_string(rig.folder.path().join("ledger")).unwrap(),
        "one 1\none 2\n"
    );
    assert_eq!(
        rig.output("one"),
        "step 1 of 3\nstep 2 of 3\nstep 3 of 3\n".repeat(2)
    );
}

#[test]
fn a_simulated_agent_leaks_dies_ignores_and_floods() {
    let mut rig = Rig::new();
    let leak = sim(&rig, "leak", 1, r#"{"leak":true,"duration_us":20000}"#);
    let dies = sim(&rig, "dies", 1, r#"{"signal":11}"#);
    let flood = sim(&rig, "flood", 1, r#"{"flood":100000}"#);
    let hostile = sim(&rig, "hostile", 1, r#"{"hostile":true}"#);
    let deaf = sim(
        &rig,
        "deaf",
        1,
        r#"{"hang":true,"ignore_term":true,"lines":1,"processes":2}"#,
    );
    let keys = [&leak, &dies, &flood, &hostile, &deaf].map(|j| j.key.clone());
    for job in [leak, dies, flood, hostile, deaf] {
        rig.executor.spawn(job);
    }
    assert_eq!(rig.ended(&keys[0]), (Exit::Code(0), 0, 1));
    match rig.ended(&keys[1]).0 {
        Exit::Signal {
            number: 11,
            name,
            core: false,
        } => assert_eq!(name, "SIGSEGV"),
        other => panic!("{other:?}"),
    }
    assert_eq!(rig.ended(&keys[2]), (Exit::Code(0), 8_100_000, 0));
    let lines = rig.output("flood");
    assert!(lines.lines().all(|l| l.len() == 80) && lines.lines().count() == 100_000);
    assert_eq!(rig.ended(&keys[3]).0, Exit::Code(0));
    wait_for_file(&rig.folder.path().join("deaf.1"));
    rig.executor
        .terminate(keys[4].clone(), Duration::from_millis(200));
    assert!(matches!(
        rig.ended(&keys[4]).0,
        Exit::Signal { number: 9, .. }
    ));
    rig.nothing_left();
}

#[test]
fn a_frozen_simulated_agents_clock_stands() {
    let mut rig = Rig::new();
    let job = sim(&rig, "cold", 1, r#"{"duration_us":1500000,"lines":100}"#);
    let key = job.key.clone();
    rig.executor.spawn(job);
    rig.spawned(&key);
    wait_for_file(&rig.folder.path().join("cold.1"));
    let began = Instant::now();
    rig.executor.freeze(key.clone());
    rig.wait("frozen", |r| {
        matches!(r, Report::Frozen { .. }).then_some(())
    });
    let lines = rig.output("cold").lines().count();
    // Longer than the whole of its time: only a clock that stands explains that it goes on after.
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(rig.output("cold").lines().count(), lines);
    rig.executor.thaw(key.clone());
    assert_eq!(rig.ended(&key).0, Exit::Code(0));
    assert!(
        began.elapsed() > Duration::from_millis(2800),
        "{:?}",
        began.elapsed()
    );
}

/// A program that says nothing at all, and nothing else happens that would wake anybody; and one that says
/// something once: its limit from then on is the other one, though it is the shorter.
#[test]
fn silence_is_told_when_its_limit_is_over() {
    let short = Duration::from_millis(200);
    let long = Duration::from_hours(1);
    let cases = [
        (
            ["/bin/sh", "-c", "exec sleep 300"],
            (short, long),
            "no output for 0 s",
        ),
        (
            ["/bin/sh", "-c", "echo '{}'; exec sleep 300"],
            (long, short),
            "no progress for 0 s",
        ),
    ];
    for (argv, limits, expected) in cases {
        let mut rig = Rig::new();
        let mut job = rig.job("mute", &argv);
        let catalog = Catalog::built_in();
        let adapter = catalog.get("codex").unwrap().clone();
        job.speaks = Some(Speaks {
            program: adapter.id.clone(),
            driver: Arc::new(move || adapter.driver()),
            stream: true,
            open: false,
            limits,
        });
        let key = job.key.clone();
        rig.executor.spawn(job);
        let said = rig.wait("its silence", |report| match report {
            Report::Heard {
                heard: Heard::Silent(said),
                ..
            } => Some(said.clone()),
            _ => None,
        });
        assert_eq!(said, expected);
        rig.executor.terminate(key, Duration::ZERO);
        rig.wait("its end", |report| {
            matches!(report, Report::Ended { .. }).then_some(())
        });
    }
}

/// What is kept and shown has no addresses; what a program was allowed to write has them all the same.
#[test]
fn an_answer_gives_back_what_was_asked_for_with_its_secrets() {
    let mut rig = Rig::new();
    let who = ["ann.smith", "corp.io"].join("@");
    let asks = r#"{"type":"control_request","request_id":"r1","request":{"subtype":"can_use_tool","tool_name":"Write","input":{"file_path":"a","content":"by WHO"},"tool_use_id":"t1"}}"#;
    let asks = asks.replace("WHO", &who);
    let script = format!(
        "read -r prompt; echo '{asks}'; read -r answer; case $answer in *{who}*) exit 0;; esac; exit 9"
    );
    let mut job = rig.job("asks", &["/bin/sh", "-c", &script]);
    let adapter = Catalog::built_in().get("claude").unwrap().clone();
    job.stdin = Some(b"go\n".to_vec());
    job.speaks = Some(Speaks {
        program: adapter.id.clone(),
        driver: Arc::new(move || adapter.driver()),
        stream: true,
        open: true,
        limits: (Duration::ZERO, Duration::ZERO),
    });
    let (key, output) = (job.key.clone(), job.output.clone());
    rig.executor.spawn(job);
    let question = rig.wait("its question", |report| match report {
        Report::Heard {
            heard: Heard::Asked(question),
            ..
        } => Some(question.clone()),
        _ => None,
    });
    assert!(!format!("{question:?}").contains("ann.smith"));
    rig.executor
        .say(key, Say::Reply(question.id.clone(), Reply::Allow));
    let exit = rig.wait("its end", |report| match report {
        Report::Ended { exit, .. } => Some(exit.clone()),
        _ => None,
    });
    assert_eq!(exit, Exit::Code(0));
    let kept = std::fs::read_to_string(output).unwrap();
    assert!(kept.contains("[redacted: e-mail]"), "{kept}");
}

/// Whoever is ended while a spawner has it in hand is ended, though it says nothing and nothing else
/// happens that would wake anybody.
#[test]
fn what_is_only_being_started_is_ended_too() {
    let mut rig = Rig::new();
    for n in 0..300_u32 {
        let mut job = rig.job("silent", &["sleep", "300"]);
        job.key.attempt = n + 1;
        let key = job.key.clone();
        rig.executor.spawn(job);
        // Sooner and later within the start.
        for _ in 0..n * 200 {
            std::hint::spin_loop();
        }
        rig.executor.terminate(key.clone(), Duration::from_secs(5));
        rig.wait("its end", |report| match report {
            Report::Ended { key: k, .. } | Report::SpawnFailed { key: k, .. } if *k == key => {
                Some(())
            }
            _ => None,
        });
    }
}
