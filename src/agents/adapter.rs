//! An adapter: what is known of one agent program, as data.
//!
//! Must not look at the machine, and holds no secret: of keys it knows the names alone.

use std::path::{Component, Path};

use super::driver::{Driver, Exits, Stream};
use super::launch::Ask;
use super::said::Used;

/// How a program gets its prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Prompt {
    /// As text on its standard input, which is closed after it.
    #[default]
    Stdin,
    /// As a message in JSON on its standard input, which stays open for more of them.
    Messages,
    /// As an argument, where `${prompt}` stands.
    Argument,
    /// In a file, whose path stands where `${prompt_file}` does.
    File,
}

/// How a program's conversation gets its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Session {
    /// It keeps none: nothing can be gone on with.
    #[default]
    None,
    /// It takes the name that we give it, a UUID.
    Chosen,
    /// It names it itself, and says so in its stream.
    Read,
}

/// When a program can be told something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Tell {
    /// Not at all: it has to start anew.
    #[default]
    Never,
    /// In a new turn of its session.
    Turn,
    /// While it runs.
    Running,
}

/// How exactly a program says how many tokens it has used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Tokens {
    /// It does not.
    #[default]
    None,
    /// Rounded.
    Rounded,
    /// To the token.
    Exact,
}

/// Who answers a program's requests, and how it shows that it may ask.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Provider {
    /// Its name; agents of the same provider share its limits. Empty where it depends on the model.
    pub name: String,
    /// What stands before the `/` of a model's name in place of a provider's own name, and whose that is.
    pub prefixes: Vec<(String, String)>,
    /// Variables of which one holds a key.
    pub env: Vec<String>,
    /// Files of which one holds a login; `~/` is the home folder, a `$NAME` at the front a variable.
    pub files: Vec<String>,
    /// What a person does to log in.
    pub login: String,
}

/// What shows whether the program that is there is the one that the adapter knows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Check {
    /// Arguments that print its version.
    pub version: Vec<String>,
    /// Arguments that print its help.
    pub help: Vec<String>,
    /// What must stand in its help.
    pub flags: Vec<String>,
    /// The version that the adapter was made with.
    pub known: String,
}

/// How a program is sent to a server that holds the model. `${url}` is the server's address without `/v1`, `${model}`
/// its name of the model.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Local {
    /// What the program calls the model then: stands for `${model}` in [`Adapter::model`].
    pub model: String,
    /// Arguments beside those, where `@model` stands.
    pub args: Vec<String>,
    /// Variables that are set for it then.
    pub env: Vec<(String, String)>,
}

/// A file that is made before a program starts where it is missing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MadeFile {
    /// Its place, as in [`Adapter::writes`].
    pub file: String,
    /// What it holds then.
    pub holds: String,
    /// A variable with which the program does not use it.
    pub unless: Option<String>,
}

/// One agent program.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Adapter {
    /// Its name in a plan.
    pub id: String,
    /// Its name for people.
    pub title: String,
    /// The program that is started.
    pub program: String,
    /// The form of its output.
    pub stream: Stream,
    /// How it gets its prompt.
    pub prompt: Prompt,
    /// Arguments of a start.
    pub start: Vec<String>,
    /// Arguments to go on with a session; empty where it cannot.
    pub resume: Vec<String>,
    /// Arguments that open a session in a terminal; empty where it cannot.
    pub interactive: Vec<String>,
    /// Arguments that choose the model; they stand where `@model` does. Empty: it has no choice.
    pub model: Vec<String>,
    /// How it is sent to a model's server; none: it cannot be.
    pub local: Option<Local>,
    /// Arguments for the questions that it may ask, by [`Ask`]; they stand where `@ask` does. None: it does not
    /// offer this.
    pub ask: [Option<Vec<String>>; 3],
    /// In place of those for [`Ask::Outside`] where no boundary of ours is around it; none: the same.
    pub alone: Option<Vec<String>>,
    /// Whether it asks, and takes an answer.
    pub questions: bool,
    /// How its session gets its name.
    pub session: Session,
    /// Its sessions are found again only in the folder that they began in.
    pub session_in_folder: bool,
    /// When it can be told something.
    pub tell: Tell,
    /// How it says how many tokens it has used.
    pub tokens: Tokens,
    /// Whether it says what that cost.
    pub cost: bool,
    /// Variables that are set for it.
    pub env: Vec<(String, String)>,
    /// Variables that it must not have.
    pub unset: Vec<String>,
    /// Variables that it gets as they are; a `*` may stand at the end.
    pub pass: Vec<String>,
    /// What it writes outside of its workspace: folders, and files where they have an ending or a variable
    /// names one. `~/` is the home folder, a `$NAME` at the front a variable.
    pub writes: Vec<String>,
    /// Files of `writes` that are made before it starts where they are missing: within a boundary it could not.
    pub makes: Vec<MadeFile>,
    /// What it leaves in its workspace that is no part of its work: lines as in `.gitignore`.
    pub leaves: Vec<String>,
    /// Longest time to its first output in microseconds; longer is a failure. 0: no limit.
    pub first_output_us: u64,
    /// Longest time without progress in microseconds; longer is a failure. 0: no limit.
    pub no_progress_us: u64,
    /// Memory of its processes in bytes, without what it starts for its work; measured.
    pub ram_bytes: u64,
    /// Tokens that its usual model takes at once; none where it is not known.
    pub context_tokens: Option<u64>,
    /// Who answers it.
    pub provider: Provider,
    /// How to see what is there.
    pub check: Check,
    /// What its exit statuses mean.
    pub exits: Exits,
}

impl Adapter {
    /// Returns whether what it prints is for programs: then only what it says there is for a person.
    #[must_use]
    pub fn speaks(&self) -> bool {
        !matches!(self.stream, Stream::None | Stream::Aider)
    }

    /// Returns what reads the stream of a first attempt.
    #[must_use]
    pub fn driver(&self) -> Box<dyn Driver> {
        self.driver_after(Used::default())
    }

    /// Returns what reads the stream of an attempt that goes on with a session; `before` is what all earlier
    /// attempts of that session have reported together.
    #[must_use]
    pub fn driver_after(&self, before: Used) -> Box<dyn Driver> {
        self.stream.driver(&self.exits, before)
    }

    /// Whether its standard input stays open after its prompt, for answers and for what it is told.
    #[must_use]
    pub fn stays_open(&self) -> bool {
        self.prompt == Prompt::Messages
    }

    /// Whether it can go on with a session, also with another model.
    #[must_use]
    pub fn resumes(&self) -> bool {
        self.session != Session::None && !self.resume.is_empty()
    }

    /// Whether it can go on with a session under another model.
    #[must_use]
    pub fn swaps(&self) -> bool {
        self.resumes() && !self.model.is_empty() && self.resume.iter().any(|a| a == "@model")
    }

    /// Who answers it under a model: agents of the same provider share its limits. Where that depends on the
    /// model, it is whose name stands before the first `/` of the model's; else the program is on its own.
    #[must_use]
    pub fn provider_of(&self, model: Option<&str>) -> String {
        if !self.provider.name.is_empty() {
            return self.provider.name.clone();
        }
        let of_model = model
            .and_then(|m| m.split_once('/'))
            .map(|(front, _)| front);
        let Some(front) = of_model.filter(|front| !front.is_empty()) else {
            return self.id.clone();
        };
        let known = self.provider.prefixes.iter().find(|(own, _)| own == front);
        known.map_or(front, |(_, name)| name).to_owned()
    }

    /// Whether it can be started with these questions.
    #[must_use]
    pub fn asks(&self, ask: Ask) -> bool {
        self.ask[ask as usize].is_some()
    }

    /// Returns the folders and files that it may write outside of its workspace. `read_env` returns a variable;
    /// what stands on one that is not set is left out.
    #[must_use]
    pub fn places(&self, read_env: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
        let places = self.writes.iter();
        places
            .filter_map(|place| resolved(place, read_env))
            .collect()
    }

    /// Returns the files that are made before it starts where they are missing, each with what it holds then; as
    /// [`places`](Self::places).
    #[must_use]
    pub fn made(&self, read_env: &dyn Fn(&str) -> Option<String>) -> Vec<(String, &str)> {
        let set = |name: &String| read_env(name).is_some_and(|value| !value.is_empty());
        let wanted = self
            .makes
            .iter()
            .filter(|made| !made.unless.as_ref().is_some_and(set));
        wanted
            .filter_map(|made| Some((resolved(&made.file, read_env)?, made.holds.as_str())))
            .collect()
    }

    /// Returns the files of which one holds a login; as [`places`](Self::places).
    #[must_use]
    pub fn logins(&self, read_env: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
        let files = self.provider.files.iter();
        files.filter_map(|file| resolved(file, read_env)).collect()
    }
}

/// A place with its variable or home folder filled in; none where that is not an absolute path, or where the home
/// folder lies in it: within a boundary, opening that would open everything.
fn resolved(place: &str, read_env: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    // A variable that is empty is as good as none.
    let read_env = |name: &str| read_env(name).filter(|value| !value.is_empty());
    let home = read_env("HOME");
    let place = match place.strip_prefix('~') {
        Some(rest) => format!("{}{rest}", home.as_deref()?),
        None => match place.strip_prefix('$') {
            Some(rest) => {
                let (name, rest) = rest.split_once('/').map_or((rest, ""), |(n, r)| (n, r));
                let base = read_env(name)?;
                let slash = if rest.is_empty() { "" } else { "/" };
                format!("{base}{slash}{rest}")
            }
            None => place.to_owned(),
        },
    };
    let of = Path::new(&place);
    let up = of.components().any(|part| part == Component::ParentDir);
    let around = home.is_some_and(|home| Path::new(&home).starts_with(of));
    (of.is_absolute() && of.parent().is_some() && !up && !around).then_some(place)
}
