//! The one vocabulary of what an operator can do: keys, palette, socket, `ctl` and journal.
//!
//! Must not decide whether an action is possible now; that is [`super::resolve`].

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::Mode;

use super::{Addition, Answer, Pick};

/// What an action is aimed at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// One agent by id.
    Agent(String),
    /// All agents of a track; for `retry`, its red gate.
    Track(String),
    /// All agents of a phase; for `retry`, its red gate.
    Phase(String),
    /// For `retry`, the red gate of a wave, from 1; else the agents of that wave.
    Wave(u32),
    /// The gates of the run, and no agent.
    Run,
    /// All agents.
    All,
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Agent(id) => write!(f, "{id}"),
            Self::Track(id) => write!(f, "track:{id}"),
            Self::Phase(id) => write!(f, "phase:{id}"),
            Self::Wave(wave) => write!(f, "wave:{wave}"),
            Self::Run => f.write_str("run"),
            Self::All => f.write_str("all"),
        }
    }
}

impl std::str::FromStr for Target {
    type Err = std::convert::Infallible;

    /// Reads `track:A`, `phase:build`, `wave:2`, `run:gates`, `all`, or an agent's id. Where no agent
    /// has the id `run`, that means the gates of the run too.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.split_once(':') {
            Some(("track", id)) => Self::Track(id.to_owned()),
            Some(("phase", id)) => Self::Phase(id.to_owned()),
            Some(("wave", wave)) if let Ok(wave) = wave.parse() => Self::Wave(wave),
            Some(("run", _)) => Self::Run,
            _ if text == "all" => Self::All,
            _ => Self::Agent(text.to_owned()),
        })
    }
}

/// What an operator asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Action {
    /// Freezes what runs and holds back what has not started.
    Pause {
        /// Whom.
        target: Target,
    },
    /// Ends agents so that they can go on later: their memory is freed, workspace and session are kept.
    Park {
        /// Whom.
        target: Target,
    },
    /// Keeps pressure from ever taking an agent back, or no longer.
    Pin {
        /// Whom.
        agent: String,
        /// Whether it is pinned.
        on: bool,
    },
    /// Takes a pause back.
    Resume {
        /// Whom.
        target: Target,
    },
    /// Ends agents; without a target the whole run.
    Stop {
        /// Whom.
        target: Option<Target>,
    },
    /// Starts an ended or blocked agent, or the red gate of a phase, track, wave or the run, again.
    Retry {
        /// Whom.
        target: Target,
    },
    /// Switches the mode of the run.
    Mode {
        /// The new mode.
        mode: Mode,
    },
    /// Forces the run to be sequential.
    Sequential {
        /// Freezes all but one at once (the kill switch) in place of letting them end.
        now: bool,
    },
    /// Lets another of its workers do the agent from its next attempt on.
    Swap {
        /// Whom.
        agent: String,
        /// Which of its workers; none takes the next in its list.
        worker: Option<String>,
    },
    /// Answers something that waits for a person.
    Answer {
        /// Its number.
        id: u32,
        /// What.
        answer: Answer,
        /// What is said with it; the reason of a no.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        text: Option<String>,
        /// Where more of it can be read: `http://…` or `https://…`.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        url: Option<String>,
    },
    /// Takes a side in a conflict: for one place, one file, or whatever is not chosen yet.
    Choose {
        /// Number of the conflict.
        conflict: u32,
        /// The file; none: every place that is not chosen yet.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        file: Option<String>,
        /// The place in it, by its key; none: the file as a whole.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        hunk: Option<String>,
        /// What is taken.
        pick: Pick,
    },
    /// Takes the last choice in a conflict back.
    Undo {
        /// Number of the conflict.
        conflict: u32,
    },
    /// Says what becomes of a conflict.
    Settle {
        /// Number of the conflict.
        conflict: u32,
        /// How.
        how: Settle,
        /// A note for whoever has it next.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        note: Option<String>,
    },
    /// Says something about a line of an agent's finished work.
    Comment {
        /// Whose work.
        agent: String,
        /// The file.
        file: String,
        /// The line of the new text, from 1; 0: the file as a whole.
        line: u32,
        /// What.
        text: String,
    },
    /// Gives an agent its work back: its next attempt is told the comments.
    SendBack {
        /// Whose work.
        agent: String,
    },
    /// Takes the integrated work back to the checkpoint of a wave.
    Rollback {
        /// The wave; 0: the beginning.
        wave: u32,
    },
    /// Tells an agent something: at its next turn, or at once.
    Tell {
        /// Whom.
        agent: String,
        /// What.
        text: String,
        /// Its present turn is broken off for it.
        #[serde(skip_serializing_if = "std::ops::Not::not", default)]
        now: bool,
    },
    /// Adds agents to the run.
    Add {
        /// Which; left out of the record, where `plan.extended` has what came of it.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        wanted: Option<Box<Addition>>,
    },
    /// Opens an agent's session in a terminal, for a person: at its turn's end, or at once.
    Open {
        /// Whose.
        agent: String,
        /// Its present turn is broken off for it.
        #[serde(skip_serializing_if = "std::ops::Not::not", default)]
        now: bool,
    },
    /// Hands an open session back to its agent, or takes back that it is to open.
    Close {
        /// Whose.
        agent: String,
    },
    /// Changes how many agents may run at once.
    Agents {
        /// The new cap, at least 1.
        cap: u32,
    },
}

/// What becomes of a conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Settle {
    /// It is merged as chosen; the checks on the result have the last word.
    Chosen,
    /// The agent goes again on top of what is merged.
    Sequential,
    /// The agent gets it back, with the note, as a new attempt.
    HandBack,
    /// Somebody else looks at it.
    Escalate,
}

impl Settle {
    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::Chosen,
        Self::Sequential,
        Self::HandBack,
        Self::Escalate,
    ];

    /// Returns its word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Chosen => "chosen",
            Self::Sequential => "sequential",
            Self::HandBack => "hand-back",
            Self::Escalate => "escalate",
        }
    }
}

/// Operator verbs of the contract that this version has not built, with where they belong.
pub const UNBUILT_ACTIONS: &[(&str, &str)] = &[
    (
        "fallback",
        "sequential fallback of a group comes with the planner; use `sequential`",
    ),
    ("unload", "model servers are not read yet"),
];
