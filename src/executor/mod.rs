//! Runs processes: starts them, reads their output into files, ends whole trees, reports.
//!
//! Must not know plans, states or the journal: it carries out [`Job`]s and sends [`Report`]s. It
//! never retries and never decides that something should run.

pub mod boundary;
pub mod hostile;
mod inbox;
mod index_file;
mod io;
mod live;
pub mod local;
pub mod report;
pub mod simulate;
mod spawner;
mod talk;
mod temporary;
mod terminal;
mod trees;
pub mod view;

use std::{io as stdio, path::PathBuf, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    context::redact::Redactor,
    plan::{AgentId, Argv},
    sys::marker::Marker,
};

pub use boundary::{Boundary, Level};
pub use index_file::Clock;
pub use local::{Config, IoLoop, LocalExecutor};
pub use report::{Exit, Mailbox, Report, ReportSink};
pub use talk::{Heard, Say, Speaks};
pub use terminal::{Tell, TerminalAsk, TerminalNews, Viewer};
pub use view::JobView;

/// Whose a job is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// An agent's.
    Agent(AgentId),
    /// A phase's, by the phase's id: a command of one of its gates.
    Phase(String),
    /// A track's, a wave's or the run's, by the name of that cohort, which has a colon.
    Cohort(String),
    /// Nobody's: it tells a person that something waits.
    Notice,
}

/// What a job is to its owner.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobKind {
    /// The agent's own process.
    Main,
    /// A command of a check or gate.
    Check {
        /// The gate's id, or `check` for the agent's own acceptance commands.
        gate: String,
        /// Which of its commands, from 0.
        index: u32,
        /// Which round of it within the attempt, from 1.
        round: u32,
    },
}

/// Names one start of one process; never used twice in a run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct JobKey {
    /// Whose it is.
    pub owner: Owner,
    /// Which attempt of the owner, from 1.
    pub attempt: u32,
    /// What it is to the owner.
    pub kind: JobKind,
}

impl JobKey {
    /// Names the own process of an agent's attempt.
    #[must_use]
    pub const fn main(agent: AgentId, attempt: u32) -> Self {
        Self {
            owner: Owner::Agent(agent),
            attempt,
            kind: JobKind::Main,
        }
    }

    /// Names a command of a check or gate.
    #[must_use]
    pub fn check(owner: Owner, attempt: u32, gate: impl Into<String>, index: u32) -> Self {
        Self {
            owner,
            attempt,
            kind: JobKind::Check {
                gate: gate.into(),
                index,
                round: 1,
            },
        }
    }

    /// Returns the marker that its processes carry in their environment.
    #[must_use]
    pub fn marker(&self, run: &str) -> Marker {
        let agent = match &self.owner {
            Owner::Agent(id) => id.as_str().to_owned(),
            // No agent's id holds a colon.
            Owner::Phase(id) => format!("phase:{id}"),
            Owner::Cohort(key) => key.clone(),
            Owner::Notice => "notice:".to_owned(),
        };
        let check = match &self.kind {
            JobKind::Main => None,
            JobKind::Check { gate, index, .. } => Some(format!("{gate}/{index}")),
        };
        Marker {
            run: run.to_owned(),
            agent,
            attempt: self.attempt,
            check,
        }
    }
}

/// One process to run.
#[derive(Debug, Clone)]
pub struct Job {
    /// Its name.
    pub key: JobKey,
    /// Program and arguments.
    pub argv: Argv,
    /// Environment on top of the run's; the marker is added by itself.
    pub env_extra: Vec<(String, String)>,
    /// Variables of the run's environment that it does not get.
    pub env_unset: Vec<String>,
    /// Working folder.
    pub cwd: PathBuf,
    /// What it reads from its standard input, which then ends; none: `/dev/null`. In a terminal, whose
    /// input is the keyboard, it is the content of the file that `terminal` names.
    pub stdin: Option<Vec<u8>>,
    /// Makes what `stdin` holds, and the file that `terminal` names; by the thread that starts it.
    pub prompt: Option<Maker>,
    /// Where its output goes, standard output and error together; made at the first byte.
    pub output: PathBuf,
    /// Files that may be there at its end; [`Report::Ended`] says which are.
    pub watch_outputs: Vec<PathBuf>,
    /// Runs in a terminal of its own; none: its output goes into a pipe.
    pub terminal: Option<JobTerminal>,
    /// Where it may write; none: wherever its user can.
    pub boundary: Option<Boundary>,
    /// How its output is read and what it is told, where it is an agent program; none: it says nothing that
    /// is understood.
    pub speaks: Option<Speaks>,
    /// Commands that are carried out before it, one after another, within its own tree of processes
    /// and with its environment, folder and boundary. Where one fails, its program does not start
    /// and [`Report::Ended`] says why.
    pub setup: Vec<Argv>,
    /// A file that says whether they were carried out well: jobs that share it carry them out once,
    /// and wait for whoever does. None: this job carries them out in any case.
    pub setup_once: Option<PathBuf>,
}

/// Makes the prompt of a job when that starts: it reads files, and nobody else may wait for those.
#[derive(Clone)]
pub struct Maker(Arc<Make>);

type Make = dyn Fn(&Redactor) -> Result<Made, Unmade> + Send + Sync;

/// What a job is started with.
#[derive(Debug, Clone, Default)]
pub struct Made {
    /// Program and arguments, where the prompt is among them; none: those of the job.
    pub argv: Option<Argv>,
    /// What it reads from its standard input; none: `/dev/null`.
    pub stdin: Option<Vec<u8>>,
    /// How large the prompt is; none: it was not composed.
    pub size: Option<PromptSize>,
    /// Secrets that were taken out of it.
    pub redacted: u64,
}

/// The size of a prompt, in estimated tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PromptSize {
    /// The prompt.
    pub tokens: u64,
    /// All that it was made of, had nothing been cut.
    pub offered: u64,
    /// All that one session would hold which had done the whole plan so far.
    pub full: u64,
}

/// Why there is no prompt.
#[derive(Debug)]
pub enum Unmade {
    /// What must be told is more than may be told; in words with sizes.
    Refused(String),
    /// It cannot be kept.
    Failed(stdio::Error),
}

impl Maker {
    /// Takes what makes it.
    #[must_use]
    pub fn new(make: impl Fn(&Redactor) -> Result<Made, Unmade> + Send + Sync + 'static) -> Self {
        Self(Arc::new(make))
    }

    /// Makes it.
    ///
    /// # Errors
    /// Why it cannot be made.
    pub fn make(&self, redactor: &Redactor) -> Result<Made, Unmade> {
        (self.0)(redactor)
    }
}

impl std::fmt::Debug for Maker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Maker")
    }
}

/// The terminal of a job.
#[derive(Debug, Clone)]
pub struct JobTerminal {
    /// The index beside its output; made with its first entry.
    pub index: PathBuf,
    /// Where `stdin` is put before it starts.
    pub prompt: PathBuf,
}
