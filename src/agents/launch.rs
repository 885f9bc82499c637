//! From an adapter and what is wanted to a command line.
//!
//! Pure. Must not look at the machine: whether the program is there is seen when it starts.

use serde::{Deserialize, Serialize};

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
    /// The session: the name that it is to get or, to go on, that it has.
    pub session: &'a str,
    /// Which questions it may ask.
    pub ask: Ask,
    /// The folder that it works in.
    pub folder: &'a str,
}

/// A program's command line and what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Launch {
    /// Program and arguments.
    pub argv: Vec<String>,
    /// Variables on top of the environment that every agent gets.
    pub env: Vec<(String, String)>,
    /// What it reads from its standard input; none: `/dev/null`.
    pub stdin: Option<Vec<u8>>,
    /// Its standard input stays open after that, for answers and for what it is told.
    pub open: bool,
}
