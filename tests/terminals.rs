//! Agents in terminals, against real processes: size, keys, resizes, ends, hostile ones, the index.

use std::{
    fs,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use wavedeck::{
    executor::{Exit, JobKey, JobTerminal, Report, TerminalAsk, TerminalNews, Viewer},
    terminal::Index,
};

use crate::executor::{Rig, until};

/// A viewer that keeps what it is told.
struct Seen {
    viewer: Viewer,
    news: Arc<Mutex<Vec<TerminalNews>>>,
}

impl Seen {
    fn new(id: u64) -> Self {
        let news: Arc<Mutex<Vec<TerminalNews>>> = Arc::default();
        let keep = news.clone();
        let tell = Arc::new(move |_: &JobKey, news| keep.lock().unwrap().push(news));
        Self {
            viewer: Viewer { id, tell },
            news,
        }
    }

    fn ask(&self, rig: &Rig, ask: TerminalAsk) {
        rig.executor.terminal(self.viewer.clone(), ask);
    }

    /// Asks and waits for the answer about the keyboard.
    fn keyboard(&self, rig: &Rig, ask: TerminalAsk) -> Result<bool, String> {
        let before = self.held().len();
        self.ask(rig, ask);
        until("an answer about the keyboard", || {
            self.held().len() > before
        });
        self.held()[before].clone()
    }

    fn held(&self) -> Vec<Result<bool, String>> {
        let news = self.news.lock().unwrap();
        news.iter()
            .filter_map(|n| match n {
                TerminalNews::Keyboard(held) => Some(held.clone()),
                _ => None,
            })
            .collect()
    }
}

fn rig() -> Rig {
    Rig::with(|config| env!("CARGO_BIN_EXE_wavedeck").clone_into(&mut config.helper))
}

fn index_path(rig: &Rig, agent: &str) -> PathBuf {
    rig.folder.path().join(format!("{agent}.1.idx"))
}

fn start(rig: &Rig, agent: &str, argv: &[&str]) -> JobKey {
    let mut job = rig.job(agent, argv);
    job.terminal = Some(JobTerminal {
        index: index_path(rig, agent),
        prompt: rig.folder.path().join("context").join(agent),
    });
    let key = job.key.clone();
    rig.executor.spawn(job);
    key
}

fn sh(rig: &Rig, agent: &str, script: &str) -> JobKey {
    start(rig, agent, &["/bin/sh", "-c", script])
}

fn says(rig: &Rig, agent: &str, text: &str) {
    until(&format!("{agent} says {text}"), || {
        rig.output(agent).contains(text)
    });
}

fn index(rig: &Rig, agent: &str) -> Index {
    Index::parse(&fs::read(index_path(rig, agent)).unwrap()).unwrap()
}

#[test]
fn an_agent_has_a_terminal_of_its_size_and_gets_keys_and_resizes() {
    let mut rig = rig();
    let key = sh(
        &rig,
        "agent",
        "stty size; [ -t 0 ] && [ -t 1 ] && [ -t 2 ] && : </dev/tty && echo all; \
         echo ready; read line; echo \"got $line\"; \
         trap 'echo size $(stty size)' WINCH; trap 'echo interrupted; exit 7' INT; \
         echo waits; while :; do sleep 0.02; done",
    );
    let (one, two) = (Seen::new(1), Seen::new(2));
    says(&rig, "agent", "32 120\r\nall\r\nready");
    one.ask(&rig, TerminalAsk::Watch(key.clone()));
    // Only who holds the keyboard types, and one at a time holds it.
    let keys = |text: &str| TerminalAsk::Keys("agent".into(), text.as_bytes().to_vec());
    assert!(one.keyboard(&rig, keys("stolen\r")).is_err());
    assert_eq!(
        one.keyboard(&rig, TerminalAsk::Take("agent".into())),
        Ok(true)
    );
    assert!(
        two.keyboard(&rig, TerminalAsk::Take("agent".into()))
            .is_err()
    );
    assert!(two.keyboard(&rig, keys("stolen\r")).is_err());
    one.ask(&rig, keys("hello\r"));
    says(&rig, "agent", "got hello\r\nwaits");
    // The size is the holder's, whoever else looks.
    one.ask(&rig, TerminalAsk::Size(key.clone(), 80, 24));
    says(&rig, "agent", "size 24 80");
    two.ask(&rig, TerminalAsk::Size(key.clone(), 60, 20));
    assert_eq!(
        one.keyboard(&rig, TerminalAsk::Give("agent".into())),
        Ok(false)
    );
    says(&rig, "agent", "size 20 60");
    // Who leaves has no say and no keyboard.
    assert_eq!(
        two.keyboard(&rig, TerminalAsk::Take("agent".into())),
        Ok(true)
    );
    two.ask(&rig, TerminalAsk::Leave);
    assert_eq!(
        one.keyboard(&rig, TerminalAsk::Take("agent".into())),
        Ok(true)
    );
    until("the size is the first one's again", || {
        rig.output("agent").matches("size 24 80").count() == 2
    });
    one.ask(&rig, keys("\x03"));
    let (exit, bytes, leaked) = rig.ended(&key);
    assert_eq!((exit, leaked), (Exit::Code(7), 0));
    assert!(rig.output("agent").ends_with("^Cinterrupted\r\n"));
    assert_eq!(one.held().last(), Some(&Ok(false)));
    let news = one.news.lock().unwrap().clone();
    let grown = news.iter().rev().find_map(|n| match n {
        TerminalNews::Grew(total) => Some(*total),
        _ => None,
    });
    assert_eq!(grown, Some(bytes));
    // What was told is what is recorded.
    let told: Vec<_> = news
        .iter()
        .filter_map(|n| match n {
            TerminalNews::Resized(at, cols, rows) => Some((*at, *cols, *rows)),
            _ => None,
        })
        .collect();
    let index = index(&rig, "agent");
    // Who begins to watch is told of the size first.
    assert_eq!(told[0], (0, 120, 32));
    assert_eq!(told[1..], index.resizes(0, u64::MAX));
    let sizes: Vec<_> = told[1..]
        .iter()
        .map(|&(_, cols, rows)| (cols, rows))
        .collect();
    assert_eq!(sizes, [(80, 24), (60, 20), (80, 24)]);
    assert_eq!(index.printed(u64::MAX), bytes);
    assert_eq!(index.size(0), (120, 32));
}

#[test]
fn what_cannot_be_started_says_the_same_as_without_a_terminal() {
    let mut rig = rig();
    let odd = rig.folder.path().join("odd");
    fs::write(&odd, "#!/no/such/interpreter\n").unwrap();
    fs::set_permissions(&odd, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let none = rig.folder.path().join("none");
    fs::write(&none, "no program\n").unwrap();
    fs::set_permissions(&none, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    for (n, program) in ["no-such-program", "./odd", "./none", "/etc/passwd", ""]
        .into_iter()
        .enumerate()
    {
        let with = start(&rig, &format!("with-{n}"), &[program]);
        let mut job = rig.job(&format!("without-{n}"), &[program]);
        job.terminal = None;
        let without = job.key.clone();
        rig.executor.spawn(job);
        let error = rig.failure(&with);
        assert_eq!(error, rig.failure(&without), "{program}");
        assert!(!error.contains("os error"), "{error}");
    }
    rig.nothing_left();
}

#[test]
fn a_prompt_is_in_a_file_and_signals_are_at_their_default() {
    let mut rig = rig();
    let mut job = rig.job(
        "agent",
        &[
            "/bin/sh",
            "-c",
            "cat context/agent; grep SigIgn /proc/self/status",
        ],
    );
    job.stdin = Some(b"Do it.\n".to_vec());
    job.terminal = Some(JobTerminal {
        index: index_path(&rig, "agent"),
        prompt: rig.folder.path().join("context/agent"),
    });
    let key = job.key.clone();
    rig.executor.spawn(job);
    assert_eq!(rig.ended(&key).0, Exit::Code(0));
    let output = rig.output("agent");
    assert!(output.starts_with("Do it.\r\nSigIgn:\t"), "{output}");
    // Not SIGPIPE (bit 12), which the helper's own start ignores.
    assert!(output.trim_end().ends_with("000"), "{output}");
}

#[test]
fn who_keeps_the_terminal_open_does_not_hold_up_the_end() {
    let mut rig = rig();
    let key = sh(&rig, "leaky", "trap '' HUP; sleep 1000 & echo started");
    let began = Instant::now();
    let (exit, _, leaked) = rig.ended(&key);
    assert_eq!((exit, leaked), (Exit::Code(0), 1));
    assert!(began.elapsed() < Duration::from_secs(5));
    assert_eq!(rig.output("leaky"), "started\r\n");
    rig.nothing_left();
}

#[test]
fn an_agent_that_closes_its_terminal_lives_on_and_may_open_it_again() {
    let mut rig = rig();
    let key = sh(
        &rig,
        "agent",
        "echo first; exec </dev/null >/dev/null 2>&1; : >closed; until [ -e go ]; do sleep 0.02; done; \
         echo again >/dev/tty",
    );
    says(&rig, "agent", "first");
    // Nobody has it open, and an answer comes after that was noticed.
    until("it is closed", || rig.folder.path().join("closed").exists());
    let seen = Seen::new(1);
    assert_eq!(
        seen.keyboard(&rig, TerminalAsk::Take("agent".into())),
        Ok(true)
    );
    let keys = TerminalAsk::Keys("agent".into(), b"lost".to_vec());
    let refusal = seen.keyboard(&rig, keys).unwrap_err();
    assert!(refusal.contains("closed"), "{refusal}");
    fs::write(rig.folder.path().join("go"), "").unwrap();
    assert_eq!(rig.ended(&key).0, Exit::Code(0));
    assert_eq!(rig.output("agent"), "first\r\nagain\r\n");
}

#[test]
fn a_flood_is_recorded_whole_and_one_who_never_reads_holds_up_nobody() {
    let mut rig = rig();
    let flood = sh(&rig, "flood", "yes 0123456789 | head -n 200000");
    let deaf = sh(&rig, "deaf", "stty raw -echo; echo ready; exec sleep 1000");
    says(&rig, "deaf", "ready");
    let seen = Seen::new(1);
    let take = TerminalAsk::Take("deaf".into());
    assert_eq!(seen.keyboard(&rig, take), Ok(true));
    let refused = (0..100).find_map(|_| {
        let before = seen.held().len();
        seen.ask(&rig, TerminalAsk::Keys("deaf".into(), vec![b'x'; 8_000]));
        // Its answer comes after that of the keys.
        seen.ask(&rig, TerminalAsk::Take("deaf".into()));
        until("an answer", || {
            seen.held().last() == Some(&Ok(true)) && seen.held().len() > before
        });
        seen.held()[before].clone().err()
    });
    assert!(refused.unwrap().contains("does not read"));
    assert_eq!(rig.ended(&flood).0, Exit::Code(0));
    let output = rig.output("flood");
    assert_eq!(output.len(), 200_000 * 12);
    assert_eq!(output.lines().count(), 200_000);
    let index = index(&rig, "flood");
    assert_eq!(index.printed(u64::MAX), output.len() as u64);
    // It can be shown without going through all of it.
    assert!(index.start(output.len() as u64).offset > 1_000_000);
    rig.executor
        .terminate(deaf.clone(), Duration::from_millis(100));
    assert!(matches!(rig.ended(&deaf).0, Exit::Signal { .. }));
    rig.nothing_left();
}

#[test]
fn what_is_frozen_takes_no_keys_and_keeps_who_types() {
    let mut rig = rig();
    let key = sh(&rig, "agent", "echo ready; read a; echo \"got $a\"");
    says(&rig, "agent", "ready");
    let seen = Seen::new(1);
    assert_eq!(
        seen.keyboard(&rig, TerminalAsk::Take("agent".into())),
        Ok(true)
    );
    rig.executor.freeze(key.clone());
    rig.wait("frozen", |r| {
        matches!(r, Report::Frozen { .. }).then_some(())
    });
    let keys = |text: &str| TerminalAsk::Keys("agent".into(), text.as_bytes().to_vec());
    let refusal = seen.keyboard(&rig, keys("lost\r")).unwrap_err();
    assert!(refusal.contains("paused"), "{refusal}");
    rig.executor.thaw(key.clone());
    rig.wait("thawed", |r| {
        matches!(r, Report::Thawed { .. }).then_some(())
    });
    seen.ask(&rig, keys("kept\r"));
    assert_eq!(rig.ended(&key).0, Exit::Code(0));
    assert!(rig.output("agent").ends_with("got kept\r\n"));
}
