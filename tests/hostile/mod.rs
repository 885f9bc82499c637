//! Promise 3: what agents, plans and file names say reaches nobody's terminal unfiltered, and no
//! agent has the terminal. Here what is printed; in `deck` what is drawn, in `wire` the socket.

mod clients;
mod conflict;
mod deck;
mod delivering;
mod front;
mod plain;
mod pty;
mod screen;
mod speed;
mod wire;

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

use crate::left;

/// Beyond this a condition counts as never met; far more than a loaded machine needs.
const PATIENCE: Duration = Duration::from_secs(20);

/// A little of everything, as a TOML string holds it: title, bidi, zero width, tag, C1, hyphen.
const EVIL: &str = "e\\u001b]0;x\\u0007v\\u202ei\\u200bl\\U000E0041\\u009b2J\\u00ad\\u2066\\u007f\\u0085\\u2028\\u3164\\u180e";

/// A folder of its own with a repository's root in it, and an environment without the user's.
struct Ground(TempDir);

/// The program: ours, or with `WAVEDECK_SCALE_PROGRAM` another build of it, so that what is measured
/// is the release build and not the tests.
fn program() -> std::ffi::OsString {
    std::env::var_os("WAVEDECK_SCALE_PROGRAM")
        .unwrap_or_else(|| env!("CARGO_BIN_EXE_wavedeck").into())
}

impl Ground {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(".git")).unwrap();
        Self(dir)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).unwrap();
    }

    /// A pipe with a name, on which an agent waits for a line.
    fn fifo(&self, name: &str) -> PathBuf {
        use rustix::fs::{CWD, FileType, Mode, mknodat};
        let path = self.path().join(name);
        mknodat(CWD, &path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
        path
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(program());
        command
            .args(args)
            .current_dir(self.path())
            .env_clear()
            .envs(self.env())
            .stdin(Stdio::null());
        command
    }

    /// Our own bell is off, so that one that comes is somebody else's.
    fn env(&self) -> [(&'static str, String); 5] {
        [
            ("HOME", self.path().join("home").display().to_string()),
            ("PATH", "/usr/local/bin:/usr/bin:/bin".to_owned()),
            ("TERM", "xterm-256color".to_owned()),
            ("LANG", "C.UTF-8".to_owned()),
            ("WAVEDECK_NOTIFY_BELL", "false".to_owned()),
        ]
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Starts the plan in the background; returns the run's folder.
    fn detached(&self, plan: &str) -> PathBuf {
        let output = self.run(&["run", "--detach", plan]);
        let id = String::from_utf8(output.stdout).unwrap();
        assert_eq!(
            output.status.code(),
            Some(0),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        self.path().join(".wavedeck/runs").join(id.trim())
    }

    /// Waits for the end of the latest run; returns its status.
    fn wait(&self) -> Option<i32> {
        self.run(&["wait"]).status.code()
    }

    fn status_json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.run(&["status", "--json"]).stdout).unwrap()
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        left::nobody_in(self.path());
    }
}

/// Lets an agent go that waits for a line on a named pipe; comes back once it has opened it.
fn let_go(fifo: &Path) {
    use std::os::unix::fs::OpenOptionsExt;
    let nonblocking = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let mut file = None;
    eventually("the agent waits", || {
        // Refused for as long as nobody reads.
        file = File::options()
            .write(true)
            .custom_flags(nonblocking)
            .open(fifo)
            .ok();
        file.is_some()
    });
    file.unwrap().write_all(b"go\n").unwrap();
}

/// Asks until it is so.
fn eventually(what: &str, mut so: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !so() {
        assert!(Instant::now() < until, "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether a character shows itself: no control, nothing that reorders, hides or shows nothing.
/// Written down here anew, from the Unicode tables (Cc, Cf, Zl, Zp and invisible letters).
fn shows(c: char) -> bool {
    let n = u32::from(c);
    let hidden = c.is_control()
        || matches!(n,
            0xad | 0x34f | 0x600..=0x605 | 0x61c | 0x6dd | 0x70f | 0x890..=0x891 | 0x8e2
            | 0x115f..=0x1160 | 0x17b4..=0x17b5 | 0x180b..=0x180f | 0x200b..=0x200f
            | 0x2028..=0x202e | 0x2060..=0x206f | 0x3164 | 0xfe00..=0xfe0f | 0xfeff | 0xffa0
            | 0xfff0..=0xfffb | 0x110bd | 0x110cd | 0x13430..=0x1343f | 0x1bca0..=0x1bca3
            | 0x1d173..=0x1d17a | 0xe0000..=0xe0fff);
    !hidden
}

/// Fails unless all of it is printable text and line ends.
fn printable(what: &str, bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).unwrap_or_else(|e| panic!("{what}: {e}"));
    let bad = text.char_indices().find(|(_, c)| *c != '\n' && !shows(*c));
    if let Some((at, c)) = bad {
        let from = text[..at].char_indices().rev().nth(40).map_or(0, |x| x.0);
        panic!("{what}: {c:?} after {:?}", &text[from..at]);
    }
}

fn both_printable(what: &str, output: &Output) {
    printable(&format!("{what}: stdout"), &output.stdout);
    printable(&format!("{what}: stderr"), &output.stderr);
}

/// A plan in which everything that can hold hostile text does.
fn hostile_plan() -> String {
    format!(
        r#"
name = "n{EVIL}"
goal = "g{EVIL}"
[vars]
v = "v{EVIL}"
[worker.reader]
run = ["cat"]
[[phase]]
id = "one"
title = "p{EVIL}"
[[track]]
id = "t"
title = "t{EVIL}"
[[agent]]
id = "sim"
title = "s{EVIL}"
phase = "one"
track = "t"
sim = {{ hostile = true, duration = "20ms", lines = 3 }}
[[agent]]
id = "shell"
title = "s{EVIL}"
run = ["/bin/sh", "-c", 'printf "\033]52;c;cm0=\007\033]0;owned\033\\\033[?1049h\033P+q\033\\\342\200\256x\302\2332J\377\n"; printf "\033]2;never ends"; exit 3']
[[agent]]
id = "missing"
title = "s{EVIL}"
run = ["/nonexistent/{EVIL}"]
[[agent]]
id = "reads"
worker = "reader"
workspace = "shared"
prompt = "pr{EVIL}\u001b[31m ${{v}}"
[[agent]]
id = "checked"
run = "echo its own words"
check = ["/bin/sh -c 'printf \"\u001b]0;check\u0007\"; exit 9'"]
[[agent]]
id = "gone"
run = ["true", "{EVIL}"]
check = ["/nonexistent/{EVIL}"]
[[agent]]
id = "after"
run = "true"
needs = ["missing"]
"#
    )
}

/// The same with names of files and folders that are hostile too.
fn hostile_ground() -> (Ground, String) {
    let ground = Ground::new();
    let name = "plan \u{1b}]0;x\u{7}\u{202e}\u{9b}.toml".to_owned();
    ground.write(&name, &hostile_plan());
    (ground, name)
}

#[test]
fn a_headless_run_prints_nothing_but_text() {
    let (ground, plan) = hostile_ground();
    let said = ground.run(&["run", "--headless", &plan]);
    both_printable("run", &said);
    assert_eq!(
        said.status.code(),
        Some(1),
        "{}",
        String::from_utf8_lossy(&said.stderr)
    );
    let text = String::from_utf8(said.stdout).unwrap();
    assert!(text.contains("x shell FAILED"), "{text}");
    assert!(text.contains("+ sim done"), "{text}");
    for agent in ["sim", "shell", "reads", "checked"] {
        let said = ground.run(&["logs", agent]);
        both_printable(&format!("logs {agent}"), &said);
        assert_eq!(said.status.code(), Some(0), "{agent}");
    }
    let sim = ground.run(&["logs", "sim"]).stdout;
    assert!(sim.ends_with(b"after the hostile part\nstep 1 of 3\nstep 2 of 3\nstep 3 of 3\n"));
    for args in [
        &["status"][..],
        &["status", "--json"],
        &["runs"],
        &["runs", "--json"],
        &["runs", "show"],
        &["runs", "show", "--json"],
        &["runs", "show", "\u{1b}[2J"],
        &["logs", "\u{1b}[2J\u{202e}"],
        &["logs", "--attempt", "7", "sim"],
        &["wait"],
        &["attach"],
        &["resume"],
    ] {
        both_printable(&args.join(" "), &ground.run(args));
    }
}

#[test]
fn json_lines_hold_nothing_but_text_and_say_the_same() {
    let (ground, plan) = hostile_ground();
    let said = ground.run(&["run", "--headless", "--json", &plan]);
    both_printable("run --json", &said);
    assert_eq!(said.status.code(), Some(1));
    let evil: String = serde_json::from_str(&format!(
        "\"{}\"",
        EVIL.replace("\\U000E0041", "\\udb40\\udc41")
    ))
    .unwrap();
    let lines: Vec<serde_json::Value> = said
        .stdout
        .split(|&b| b == b'\n')
        .filter(|l| !l.is_empty())
        .map(|l| serde_json::from_slice(l).unwrap())
        .collect();
    // Escaped, not lost: a program reads the very name.
    assert!(
        lines.iter().any(|l| l["plan"] == format!("n{evil}")),
        "{:?}",
        lines.get(1)
    );
}

#[test]
fn a_hostile_plan_is_checked_and_planned_in_plain_text() {
    let (ground, plan) = hostile_ground();
    for args in [
        &["check"][..],
        &["check", "--expand"],
        &["plan"],
        &["plan", "--plain"],
        &["plan", "--json"],
        &["plan", "--dot"],
        &["plan", "--mermaid"],
        &["plan", "--buildstate"],
    ] {
        let said = ground.run(&[args, &[plan.as_str()]].concat());
        both_printable(&args.join(" "), &said);
        assert_eq!(said.status.code(), Some(0), "{args:?}");
        assert!(!said.stdout.is_empty());
    }
    // What is expanded is escaped, and is the same plan.
    let once = ground.run(&["check", "--expand", &plan]).stdout;
    fs::write(ground.path().join("again.toml"), &once).unwrap();
    let again = ground.run(&["check", "--expand", "again.toml"]).stdout;
    assert_eq!(String::from_utf8(once), String::from_utf8(again));
}

#[test]
fn messages_about_hostile_input_are_plain_text() {
    let ground = Ground::new();
    let evil = "\u{1b}]0;x\u{7}\u{202e}\u{e0041}\u{ad}\u{9b}2J";
    ground.write("syntax.toml", &format!("name = {evil}\n"));
    ground.write(
        "wrong.toml",
        &format!(
            "na{evil}me = 1\n[[agent]]\nid = \"{EVIL}\"\nrun = \"'unbalanced {evil}\"\nneeds = [\"{EVIL}\"]\n"
        ),
    );
    ground.write(
        "unbuilt.toml",
        &format!(
            "[model.\"{EVIL}\"]\napi = \"ollama\"\nname = \"{EVIL}\"\n[workspace]\ncopy = [\"{EVIL}\"]\n[[agent]]\nid = \"a\"\nrun = \"true\"\noutputs = [\"{EVIL}\"]\n"
        ),
    );
    let strange = format!("{evil}.toml");
    for args in [
        &["check", "syntax.toml"][..],
        &["check", "wrong.toml"],
        &["check", "unbuilt.toml"],
        &["check", "--expand", "unbuilt.toml"],
        &["run", "--headless", "unbuilt.toml"],
        &["check", &strange],
        // As a shell makes them of `*`: one too many, and a flag.
        &["check", "syntax.toml", &strange],
        &["check", &format!("--{evil}")],
        &[evil],
        &["run", "--mode", evil],
        &["ctl", evil],
        &["ctl", "pause", evil],
        &["plan", "--set", evil],
        &["check", "--only", evil, "unbuilt.toml"],
    ] {
        both_printable(&format!("{args:?}"), &ground.run(args));
    }
    // Settings, of the project and of the environment.
    ground.write(
        "wavedeck.config.toml",
        &format!("\"{EVIL}\" = 1\n[ui]\ntheme = \"{EVIL}\"\n"),
    );
    both_printable("settings", &ground.run(&["check", "unbuilt.toml"]));
    ground.write("wavedeck.config.toml", evil);
    both_printable("settings", &ground.run(&["check", "unbuilt.toml"]));
    let output = ground
        .command(&["check", "unbuilt.toml"])
        .env("WAVEDECK_MODE", evil)
        .output()
        .unwrap();
    both_printable("environment", &output);
    // A failure that nobody foresaw.
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = ground.command(&["schema", "plan"]).stdout(full).output();
    both_printable("internal", &output.unwrap());
    let output = ground
        .command(&["run", "--headless", "unbuilt.toml"])
        .env("WAVEDECK_HOME", format!("/proc/{evil}"))
        .output()
        .unwrap();
    both_printable("store", &output);
}

#[test]
fn an_agent_cannot_open_a_terminal() {
    let ground = Ground::new();
    ground.write("p.toml", TTY_PLAN);
    let said = ground.run(&["run", "--headless", "p.toml"]);
    assert_eq!(said.status.code(), Some(1), "the agent must fail");
    assert!(!ground.path().join("opened").exists());
}

/// One agent that opens the terminal of its session, in three ways; it fails when none is had.
const TTY_PLAN: &str = r#"
[[agent]]
id = "tty"
run = ["/bin/sh", "-c", '''
(echo x > /dev/tty) 2>/dev/null && touch opened
(read x < /dev/tty) 2>/dev/null && touch opened
test -t 0 && touch opened; test -t 1 && touch opened; test -t 2 && touch opened
ps -o tty= -p $$ 2>/dev/null
test -e opened''']
"#;
