//! Agent programs for tests that truly talk to a model server: `claude`, `codex`, `gemini` and `opencode`.
//!
//! The test binary itself plays them, so that nothing else has to be built and nothing is shipped: a script of the
//! program's name starts it with the one test `agent_program::plays`, whose harness prints to nowhere. What such a
//! program prints goes to standard error, which the script has made the standard output. Each speaks the stream that
//! is recorded in `tests/streams`, keeps its session below the home folder, uses its tools, and tries again as the real
//! one does, only sooner. Must not know what a test expects.

mod claude;
mod client;
mod codex;
mod gemini;
mod opencode;
mod session;

use std::{
    env, fs,
    io::{self, Write},
    path::{Path, PathBuf},
    process::{Command, exit},
    thread,
    time::Duration,
};

use serde_json::Value;

use client::Trouble;

/// Says which program is played.
const PLAYS: &str = "FAKE_AGENT";
/// Its arguments, one a line.
const ARGUMENTS: &str = "FAKE_AGENT_ARGUMENTS";

/// The script that makes this binary a program.
pub fn script(program: &str) -> String {
    let binary = env::current_exe().unwrap();
    format!(
        "#!/bin/sh\n\
         case \" $* \" in *' --version '*) echo '0 (a test)'; exit 0;; esac\n\
         export {PLAYS}='{program}' {ARGUMENTS}=\"$(printf '%s\\n' \"$@\")\"\n\
         exec '{}' --exact --ignored --nocapture --test-threads=1 agent_program::plays 2>&1 >/dev/null\n",
        binary.display()
    )
}

/// Plays an agent program, where a script of [`script`] started it.
#[test]
#[ignore = "no test: agent programs of other tests"]
fn plays() {
    let Ok(program) = env::var(PLAYS) else {
        return;
    };
    let arguments = env::var(ARGUMENTS).unwrap_or_default();
    let program = Program {
        arguments: arguments.lines().map(str::to_owned).collect(),
        home: PathBuf::from(env::var("HOME").unwrap()),
        folder: env::current_dir().unwrap(),
        name: program,
    };
    exit(match program.name.as_str() {
        "claude" => claude::run(&program),
        "codex" => codex::run(&program),
        "gemini" => gemini::run(&program),
        "opencode" => opencode::run(&program),
        other => panic!("no such program: {other}"),
    });
}

/// The program that is played.
struct Program {
    name: String,
    arguments: Vec<String>,
    home: PathBuf,
    /// The folder that it works in.
    folder: PathBuf,
}

impl Program {
    /// The value after an option.
    fn option(&self, name: &str) -> Option<&str> {
        let at = self.arguments.iter().position(|a| a == name)?;
        self.arguments.get(at + 1).map(String::as_str)
    }

    fn has(&self, word: &str) -> bool {
        self.arguments.iter().any(|a| a == word)
    }

    /// The address of its model server.
    fn server(&self) -> String {
        let name = match self.name.as_str() {
            "claude" => "ANTHROPIC_BASE_URL",
            "codex" => "OPENAI_BASE_URL",
            "gemini" => "GOOGLE_GEMINI_BASE_URL",
            _ => "OPENCODE_BASE_URL",
        };
        env::var(name).unwrap_or_default()
    }

    /// All of its standard input.
    fn prompt() -> String {
        io::read_to_string(io::stdin()).unwrap_or_default()
    }

    /// The folder that it works in as one name.
    fn folder_name(&self) -> String {
        self.folder.display().to_string().replace('/', "-")
    }

    fn absolute(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }

    /// Uses one of its tools; what came of it.
    fn uses(&self, call: &Call) -> Result<String, String> {
        let argument = |names: &[&str]| {
            let found = names.iter().find_map(|name| call.arguments[*name].as_str());
            found.unwrap_or_default().to_owned()
        };
        let command = argument(&["command", "cmd"]);
        if !command.is_empty() {
            let mut shell = Command::new("sh");
            let output = shell.args(["-c", &command]).current_dir(&self.folder);
            let output = output.output().map_err(|e| e.to_string())?;
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            return match output.status.code() {
                Some(0) => Ok(said),
                code => Err(format!("status {code:?} {said}")),
            };
        }
        let path = self.absolute(&argument(&["file_path", "filePath"]));
        let folder = path.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(folder).map_err(|e| e.to_string())?;
        fs::write(&path, argument(&["content"])).map_err(|e| e.to_string())?;
        Ok(format!("written: {}", path.display()))
    }
}

/// A call of a tool, as the model wants it.
#[derive(Debug, Clone)]
struct Call {
    id: String,
    tool: String,
    arguments: Value,
}

/// Prints a line of its stream.
fn say(value: &Value) {
    line(&value.to_string());
}

/// Prints a line.
fn line(text: &str) {
    let mut out = io::stderr().lock();
    // Whoever read it may be gone.
    let _ = out.write_all(format!("{text}\n").as_bytes());
}

/// A name that no other process has.
fn unique() -> String {
    let now = std::time::SystemTime::now();
    let now = now.duration_since(std::time::UNIX_EPOCH).unwrap();
    let (s, ns, pid) = (now.as_secs(), now.subsec_nanos(), std::process::id());
    format!(
        "{:08x}-{:04x}-4000-8000-{pid:06x}{:06x}",
        s & 0xffff_ffff,
        ns >> 16,
        ns & 0xff_ffff
    )
}

/// How long a program waits before it tries again for the `number`th time: what the server says, else twice as long
/// each time.
fn wait_of(trouble: &Trouble, number: u32) -> Duration {
    match trouble {
        Trouble::Status {
            after_s: Some(s), ..
        } => Duration::from_secs(*s),
        _ => Duration::from_millis(50) * 2_u32.pow(number.min(4) - 1),
    }
}

/// Asks until there is an answer, or too many tries were made; `told` says that it tries again.
fn with_tries<T>(
    tries: u32,
    mut ask: impl FnMut() -> Result<T, Trouble>,
    mut told: impl FnMut(u32, &Trouble, Duration),
) -> Result<T, Trouble> {
    let mut number = 0;
    loop {
        let trouble = match ask() {
            Ok(reply) => return Ok(reply),
            Err(trouble) => trouble,
        };
        number += 1;
        if number > tries || !trouble.passes() {
            return Err(trouble);
        }
        let wait = wait_of(&trouble, number);
        told(number, &trouble, wait);
        thread::sleep(wait);
    }
}
