//! A folder with a plan, the real program in it, and what it said.

use std::{
    fmt, fs,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;
use wavedeck::{
    journal::RunDir,
    sys::{
        proc::ProcTable,
        tree::{Survivor, survivors_of_run},
    },
};

use crate::left;

/// Beyond this a condition counts as never met; many times what a loaded machine needs.
pub const PATIENCE: Duration = Duration::from_secs(30);
pub const BIN: &str = env!("CARGO_BIN_EXE_wavedeck");

/// Waits until the closure gives something.
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "never: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// A repository of its own, with an environment that holds nothing of the user's.
pub struct Here {
    dir: TempDir,
    /// Time between TERM and KILL.
    pub grace: &'static str,
    /// Where workspaces lie; with it, nobody's git configuration counts.
    pub state: Option<TempDir>,
    /// Where sockets are, and what runs tell one another: other tests' runs are none of ours.
    pub runtime: TempDir,
}

impl Here {
    pub fn with(plan: &str) -> Self {
        Self::in_folder(tempfile::tempdir().unwrap(), plan)
    }

    pub fn in_folder(dir: TempDir, plan: &str) -> Self {
        let here = Self {
            dir,
            grace: "2s",
            state: None,
            runtime: private(),
        };
        fs::create_dir(here.path().join(".git")).unwrap();
        here.write("wavedeck.toml", plan);
        here
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap_or_default()
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(BIN);
        command
            .args(args)
            .current_dir(self.path())
            .env_clear()
            .env("HOME", self.path().join("home"))
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("XDG_RUNTIME_DIR", self.runtime.path())
            .env("WAVEDECK_PROCESSES_GRACE", self.grace)
            .stdin(Stdio::null());
        if let Some(state) = &self.state {
            command
                .env("XDG_STATE_HOME", state.path())
                .env("GIT_CONFIG_NOSYSTEM", "1");
        }
        command
    }

    /// Carries a command out to its end.
    pub fn say(&self, args: &[&str]) -> Said {
        let output = self.command(args).output().unwrap();
        Said {
            status: number(output.status),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Asks the live run for something that it must accept.
    pub fn ctl(&self, words: &str) {
        let said = self.ctl_says(words);
        assert_eq!(said.status, 0, "ctl {words}: {said}");
    }

    pub fn ctl_says(&self, words: &str) -> Said {
        let args: Vec<&str> = std::iter::once("ctl").chain(words.split(' ')).collect();
        self.say(&args)
    }

    /// Starts `run --headless --json`.
    pub fn start(&self) -> Live {
        self.start_as(&["run", "--headless", "--json"])
    }

    pub fn start_as(&self, args: &[&str]) -> Live {
        Live::of(self.command(args))
    }

    /// Runs the plan to its end.
    pub fn run(&self) -> Ended {
        self.start().end()
    }

    /// The folder of the one run here.
    pub fn run_dir(&self) -> PathBuf {
        let runs: Vec<PathBuf> = self.run_dirs();
        assert_eq!(runs.len(), 1, "{runs:?}");
        runs[0].clone()
    }

    pub fn run_dirs(&self) -> Vec<PathBuf> {
        let folder = self.path().join(".wavedeck/runs");
        let mut runs: Vec<PathBuf> = fs::read_dir(folder)
            .into_iter()
            .flatten()
            .map(|e| e.unwrap().path())
            .filter(|p| !p.file_name().unwrap().to_string_lossy().starts_with('.'))
            .collect();
        runs.sort();
        runs
    }

    pub fn run_id(&self) -> String {
        RunDir::at(&self.run_dir()).id
    }

    /// A file of the run's folder; empty: it is not there.
    pub fn read_run(&self, name: &str) -> String {
        fs::read_to_string(self.run_dir().join(name)).unwrap_or_default()
    }

    /// What one attempt printed.
    pub fn output(&self, name: &str) -> String {
        fs::read_to_string(self.run_dir().join("output").join(name)).unwrap_or_default()
    }

    /// The journal's events without their checksums.
    pub fn journal(&self) -> Events {
        let text = fs::read_to_string(self.run_dir().join("journal.jsonl")).unwrap();
        let mut events: Vec<Value> = text
            .lines()
            .skip(1)
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        for event in &mut events {
            event.as_object_mut().unwrap().remove("crc");
        }
        Events(events)
    }

    pub fn survivors(&self) -> Vec<Survivor> {
        survivors_of_run(&self.run_id()).unwrap()
    }

    /// Waits until no process carries the marker of the run.
    pub fn nobody_left(&self) {
        wait_for("no process of the run is left", || {
            self.survivors().is_empty().then_some(())
        });
    }
}

/// A folder that nobody else may enter.
fn private() -> TempDir {
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    tempfile::Builder::new()
        .permissions(mode)
        .tempdir()
        .unwrap()
}

impl Drop for Here {
    fn drop(&mut self) {
        left::nobody_in(self.path());
        if let Some(state) = &self.state {
            left::nobody_in(state.path());
        }
    }
}

/// What a command said.
#[derive(Debug)]
pub struct Said {
    pub status: i32,
    pub out: String,
    pub err: String,
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, out, err } = self;
        write!(f, "status {status}\n--- out\n{out}--- err\n{err}")
    }
}

/// The number of an end; that of a signal is negative.
pub fn number(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status
        .code()
        .unwrap_or_else(|| -status.signal().unwrap_or(0))
}

/// Events of a run in order.
#[derive(Debug, Clone, Default)]
pub struct Events(pub Vec<Value>);

impl Events {
    pub fn all(&self, kind: &str) -> Vec<&Value> {
        self.0.iter().filter(|e| e["kind"] == kind).collect()
    }

    pub fn all_of(&self, kind: &str, agent: &str) -> Vec<&Value> {
        let mut all = self.all(kind);
        all.retain(|e| e["agent"] == agent);
        all
    }

    pub fn has(&self, kind: &str, agent: &str) -> bool {
        !self.all_of(kind, agent).is_empty()
    }

    /// The first event of a kind about an agent.
    pub fn of(&self, kind: &str, agent: &str) -> &Value {
        self.all_of(kind, agent)
            .first()
            .copied()
            .unwrap_or_else(|| panic!("no {kind} of {agent} in\n{self}"))
    }

    pub fn seq(&self, kind: &str, agent: &str) -> u64 {
        self.of(kind, agent)["seq"].as_u64().unwrap()
    }

    pub fn us(&self, kind: &str, agent: &str) -> u64 {
        self.of(kind, agent)["elapsed_us"].as_u64().unwrap()
    }

    /// How an agent stands at last: the last word of its last event that ends it.
    pub fn ending(&self, agent: &str) -> String {
        let ends = ["completed", "failed", "skipped", "stopped", "blocked"];
        let own = self.0.iter().filter(|e| e["agent"] == agent);
        let mut words = own
            .filter_map(|e| e["kind"].as_str()?.strip_prefix("agent."))
            .filter(|word| ends.contains(word));
        words.next_back().unwrap_or("open").to_owned()
    }

    /// The process of the newest attempt.
    pub fn pid(&self, agent: &str) -> i32 {
        let started = self.all_of("agent.started", agent);
        let pid = started.last().unwrap()["handle"]["pid"].as_i64().unwrap();
        i32::try_from(pid).unwrap()
    }

    /// Whether the running times of two agents overlap, as the journal tells.
    pub fn overlap(&self, a: &str, b: &str) -> bool {
        let span = |agent| {
            (
                self.seq("agent.started", agent),
                self.seq("attempt.ended", agent),
            )
        };
        let ((a, a_end), (b, b_end)) = (span(a), span(b));
        a < b_end && b < a_end
    }

    /// Fails where the numbers are not 1, 2, 3, …
    pub fn dense(&self) {
        for (event, seq) in self.0.iter().zip(1_u64..) {
            assert_eq!(event["seq"], seq, "{event}");
        }
    }
}

impl fmt::Display for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|e| writeln!(f, "{e}"))
    }
}

/// A run that has ended.
#[derive(Debug)]
pub struct Ended {
    pub status: i32,
    pub events: Events,
    pub err: String,
}

impl Ended {
    /// Fails where the status is another one.
    pub fn with(self, status: i32) -> Events {
        let Self { events, err, .. } = &self;
        assert_eq!(self.status, status, "{events}\n--- err\n{err}");
        events.dense();
        self.events
    }
}

#[derive(Default)]
struct Heard {
    events: Events,
    over: bool,
}

/// A run that goes on, and what it has printed so far.
pub struct Live {
    pub child: Child,
    heard: Arc<(Mutex<Heard>, Condvar)>,
    readers: Vec<JoinHandle<()>>,
    err: Arc<Mutex<String>>,
    patience: Duration,
}

impl Live {
    pub fn of(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let heard = Arc::new((Mutex::new(Heard::default()), Condvar::new()));
        let err = Arc::new(Mutex::new(String::new()));
        let out = BufReader::new(child.stdout.take().unwrap());
        let mut errors = BufReader::new(child.stderr.take().unwrap());
        let (to, said) = (Arc::clone(&heard), Arc::clone(&err));
        let lines = thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                let event = serde_json::from_str(&line)
                    .unwrap_or_else(|_| Value::String(format!("no JSON: {line}")));
                to.0.lock().unwrap().events.0.push(event);
                to.1.notify_all();
            }
            to.0.lock().unwrap().over = true;
            to.1.notify_all();
        });
        let complaints = thread::spawn(move || {
            let mut line = String::new();
            while errors.read_line(&mut line).is_ok_and(|n| n > 0) {
                said.lock().unwrap().push_str(&line);
                line.clear();
            }
        });
        Self {
            child,
            heard,
            readers: vec![lines, complaints],
            err,
            patience: PATIENCE,
        }
    }

    /// The same, waited for longer.
    pub fn patient(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    pub fn guard(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }

    /// The one child of the guard.
    pub fn runner(&self) -> i32 {
        wait_for("the runner", || self.runner_now())
    }

    /// The same; none before it was started and after it has ended.
    pub fn runner_now(&self) -> Option<i32> {
        let guard = self.guard();
        let table = ProcTable::scan().unwrap();
        let child = table.iter().find(|s| s.ppid == guard).map(|s| s.pid);
        child.filter(|pid| {
            fs::read(format!("/proc/{pid}/cmdline"))
                .is_ok_and(|line| line.windows(8).any(|w| w == b"__runner"))
        })
    }

    pub fn err(&self) -> String {
        self.err.lock().unwrap().clone()
    }

    pub fn events(&self) -> Events {
        self.heard.0.lock().unwrap().events.clone()
    }

    /// Waits until the events so far have what the closure looks for.
    pub fn until<T>(&self, what: &str, look: impl Fn(&Events) -> Option<T>) -> T {
        let until = Instant::now() + self.patience;
        let mut heard = self.heard.0.lock().unwrap();
        loop {
            if let Some(found) = look(&heard.events) {
                return found;
            }
            let left = until.saturating_duration_since(Instant::now());
            let err = self.err();
            assert!(
                !left.is_zero() && !heard.over,
                "never: {what}\n{}--- err\n{err}",
                heard.events
            );
            heard = self.heard.1.wait_timeout(heard, left).unwrap().0;
        }
    }

    /// Waits for an event of a kind about an agent.
    pub fn hears(&self, kind: &str, agent: &str) {
        self.until(&format!("{kind} of {agent}"), |e| {
            e.has(kind, agent).then_some(())
        });
    }

    /// Waits for the end of the guard, and of all who print.
    pub fn end(mut self) -> Ended {
        let until = Instant::now() + self.patience;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break number(status);
            }
            let (events, err) = (self.events(), self.err());
            let late = Instant::now() >= until;
            assert!(!late, "it does not end\n{events}\n--- err\n{err}");
            thread::sleep(Duration::from_millis(5));
        };
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        Ended {
            status,
            events: self.events(),
            err: self.err(),
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        // Only where the test failed. The runner ends what is left when its guard is gone.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal to a process of the test's own run.
pub fn signal(pid: i32, signal: rustix::process::Signal) {
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    // It may just have ended.
    let _ = rustix::process::kill_process(pid, signal);
}

/// The letter of a process's state; `-` where it is gone.
pub fn state_of(pid: i32) -> char {
    let mut text = String::new();
    let file = fs::File::open(format!("/proc/{pid}/stat"));
    if file.and_then(|mut f| f.read_to_string(&mut text)).is_err() {
        return '-';
    }
    let rest = text.rsplit_once(')').map_or("", |(_, rest)| rest);
    rest.trim_start().chars().next().unwrap_or('-')
}
