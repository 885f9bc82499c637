//! From an adapter and what is wanted to a command line.
//!
//! Pure. Must not look at the machine: whether the program is there is seen when it starts.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use sha1::{Digest as _, Sha1};

use super::adapter::{Adapter, Prompt, Session};
use super::claude::user_message;

/// How a program is to be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// A conversation of its own.
    Fresh,
    /// The session goes on, with the prompt as its next message.
    Resume,
}

/// Which of its questions are passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// None: it may do all that its boundary lets it.
    Never,
    /// Those about what is outside of its scope.
    #[default]
    Outside,
    /// All.
    Always,
}

/// What is wanted of a program.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// New, or going on.
    pub start: Start,
    /// The prompt, or the next message.
    pub prompt: &'a str,
    /// A file that holds the prompt, for programs that read it from there.
    pub prompt_file: &'a str,
    /// The model, by the program's name for it; none: its own choice.
    pub model: Option<&'a str>,
    /// The address of the server that holds the model; none: the program asks whom it always asks.
    pub server: Option<&'a str>,
    /// The session: the name that it is to get or, to go on, that it has.
    pub session: &'a str,
    /// Which questions it may ask.
    pub ask: Ask,
    /// The folder that it works in.
    pub folder: &'a str,
    /// The kernel keeps it within its boundary.
    pub bounded: bool,
}

/// A program's command line and what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Launch {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Variables on top of the environment that every agent gets.
    pub env: Vec<(String, String)>,
    /// Variables that are taken away from that.
    pub unset: Vec<String>,
    /// Names of variables that it gets as they are, beside those that every agent gets; a `*` may stand at the
    /// end.
    pub pass: Vec<String>,
    /// What it reads from its standard input; none: `/dev/null`.
    pub stdin: Option<Vec<u8>>,
    /// Its standard input stays open after that, for answers and for what it is told.
    pub open: bool,
}

/// Longest argument in bytes that the kernel takes, its end not counted.
const LONGEST_ARGUMENT: usize = (128 << 10) - 1;

impl Adapter {
    /// Returns how the program is started as wanted.
    ///
    /// # Errors
    ///
    /// A sentence that says what of it the program cannot do.
    pub fn launch(&self, wanted: &Wanted<'_>) -> Result<Launch, String> {
        let arguments = match wanted.start {
            Start::Fresh => &self.start,
            Start::Resume if self.resumes() => &self.resume,
            Start::Resume => {
                return Err(format!("{} cannot go on with a session", self.id));
            }
        };
        if !self.asks(wanted.ask) {
            return Err(format!(
                "{} cannot ask about everything that it does; use ask = \"outside\" or \"never\"",
                self.id
            ));
        }
        if self.prompt == Prompt::File && wanted.prompt_file.is_empty() {
            return Err(format!(
                "{} reads its prompt from a file, and there is none",
                self.id
            ));
        }
        let mut launch = self.filled(arguments, wanted)?;
        launch.stdin = match self.prompt {
            Prompt::Stdin => Some(wanted.prompt.as_bytes().to_vec()),
            Prompt::Messages => Some(user_message(wanted.prompt)),
            Prompt::Argument | Prompt::File => None,
        };
        launch.open = self.stays_open();
        Ok(launch)
    }

    /// Returns how a session is opened in a terminal, for a person.
    ///
    /// # Errors
    ///
    /// A sentence that says why it cannot.
    pub fn interactive(&self, wanted: &Wanted<'_>) -> Result<Launch, String> {
        if self.interactive.is_empty() {
            return Err(format!("{} cannot open a session in a terminal", self.id));
        }
        self.filled(&self.interactive, wanted)
    }

    /// Returns the variables with which the program is sent to the server that is wanted.
    #[must_use]
    pub fn server_env(&self, wanted: &Wanted<'_>) -> Vec<(String, String)> {
        let local = self.local.as_ref().filter(|_| wanted.server.is_some());
        let env = local.into_iter().flat_map(|local| &local.env);
        env.map(|(name, value)| (name.clone(), fill(value, wanted)))
            .collect()
    }

    fn filled(&self, arguments: &[String], outer: &Wanted<'_>) -> Result<Launch, String> {
        let wanted = outer;
        let session = arguments.iter().any(|a| a.contains("${session}"));
        if session && self.session != Session::None {
            named("session", wanted.session)?;
        }
        if let Some(model) = wanted.model {
            if self.model.is_empty() {
                return Err(format!("{} has no choice of models", self.id));
            }
            named("model", model)?;
        }
        let local = match (wanted.server, &self.local) {
            (None, _) => None,
            (Some(_), Some(local)) => Some(local),
            (Some(_), None) => {
                return Err(format!("{} cannot be sent to a model's server", self.id));
            }
        };
        let called = local.map(|local| fill(&local.model, wanted));
        let wanted = &Wanted {
            model: called.as_deref().or(wanted.model),
            ..*wanted
        };
        let mut argv = vec![self.program.clone()];
        for argument in arguments {
            if let ("@model", Some(local)) = (argument.as_str(), local) {
                argv.extend(local.args.iter().map(|argument| fill(argument, outer)));
            }
            let group = match argument.as_str() {
                "@model" if wanted.model.is_none() => &[][..],
                "@model" => &self.model,
                "@ask" => match &self.alone {
                    Some(alone) if wanted.ask == Ask::Outside && !wanted.bounded => alone,
                    _ => self.ask[wanted.ask as usize].as_deref().unwrap_or_default(),
                },
                _ => std::slice::from_ref(argument),
            };
            for argument in group {
                let argument = fill(argument, wanted);
                if argument.len() > LONGEST_ARGUMENT {
                    return Err(format!(
                        "{} takes its prompt as an argument, and {} bytes are too many for one",
                        self.id,
                        argument.len()
                    ));
                }
                if argument.contains('\0') {
                    return Err("an argument cannot hold a zero byte".to_owned());
                }
                argv.push(argument);
            }
        }
        Ok(Launch {
            argv,
            env: (self.env.iter().cloned())
                .chain(self.server_env(outer))
                .collect(),
            unset: self.unset.clone(),
            pass: self.pass.clone(),
            stdin: None,
            open: false,
        })
    }
}

/// Whether a text can name a session or a model: no program takes it for an option or for several arguments.
#[must_use]
pub fn is_name(name: &str) -> bool {
    let bad = |c: char| c.is_control() || c.is_whitespace();
    !(name.is_empty() || name.starts_with('-') || name.contains(bad) || name.len() > 256)
}

/// Refuses a name that the program would take for something else.
fn named(what: &str, name: &str) -> Result<(), String> {
    if !is_name(name) {
        return Err(format!(
            "`{}` is no name of a {what}",
            crate::display::escape(name)
        ));
    }
    Ok(())
}

/// Fills in what an argument names; what is filled in is not looked through again.
fn fill(argument: &str, wanted: &Wanted<'_>) -> String {
    // A prompt that begins like an option would be taken for one.
    if argument == "${prompt}" && wanted.prompt.starts_with('-') {
        return format!(" {}", wanted.prompt);
    }
    let mut out = String::new();
    let mut rest = argument;
    while let Some((before, after)) = rest.split_once("${") {
        out.push_str(before);
        let Some((name, after)) = after.split_once('}') else {
            rest = &rest[before.len()..];
            break;
        };
        out.push_str(match name {
            "session" => wanted.session,
            "model" => wanted.model.unwrap_or_default(),
            "prompt" => wanted.prompt,
            "prompt_file" => wanted.prompt_file,
            "folder" => wanted.folder,
            "url" => wanted.server.unwrap_or_default(),
            _ => "",
        });
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Returns the name of a session that we choose: a UUID that is always the same for the same agent of a run.
///
/// A name-based one, version 5 of RFC 9562, of `wavedeck/<run>/<agent>/<number>`.
#[must_use]
pub fn session_name(run: &str, agent: &str, number: u32) -> String {
    /// The name space of URLs, which that document gives.
    const SPACE: [u8; 16] = [
        0x6b, 0xa7, 0xb8, 0x11, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30,
        0xc8,
    ];
    let mut hash = Sha1::new();
    hash.update(SPACE);
    hash.update(format!("wavedeck/{run}/{agent}/{number}"));
    let hash = hash.finalize();
    let mut hex = String::new();
    for (i, byte) in hash.iter().take(16).enumerate() {
        let byte = match i {
            6 => (byte & 0x0f) | 0x50,
            8 => (byte & 0x3f) | 0x80,
            _ => *byte,
        };
        if [4, 6, 8, 10].contains(&i) {
            hex.push('-');
        }
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}
