//! What an agent program says of itself in its own stream, in one vocabulary for all programs.
//!
//! Plain data, bounded by the driver that made it. Must not hold what was guessed: a program that does not
//! say something is not quoted with it.

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a tool call is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolKind {
    /// Reads a file.
    Read,
    /// Changes, makes or removes a file.
    Edit,
    /// Looks for something.
    Search,
    /// Runs a command.
    Run,
    /// Fetches something from a network.
    Fetch,
    /// A sub-agent of the program's own.
    Delegate,
    /// Anything else.
    Other,
}

/// A call of a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCall {
    /// The program's name for this call; empty where it has none.
    pub id: String,
    /// What kind.
    pub kind: ToolKind,
    /// The tool, by the program's name for it.
    pub tool: String,
    /// What it is called with, in one line: a path, a command, a pattern.
    pub what: String,
    /// Files that it names, as the program writes them.
    pub paths: Vec<String>,
    /// What it changes in them, where that is said before or when it is done: a few lines of a diff or of
    /// the new text.
    pub diff: Option<String>,
}

/// What a program asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The program's name for this question, for the answer.
    pub id: String,
    /// The question, in words.
    pub text: String,
    /// The call that it wants to be allowed; none: it wants to know something.
    pub call: Option<ToolCall>,
    /// Answers to choose from; empty: a text is wanted, or yes and no where there is a call.
    pub options: Vec<String>,
}

/// What a person or a rule answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// Yes, this time.
    Allow,
    /// No, and why.
    Deny(String),
    /// These words, or one of the options.
    Text(String),
}

/// Tokens and money of one attempt so far; each report replaces the one before and is never smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Used {
    /// Tokens sent that were not cached, without those below.
    pub input: u64,
    /// Tokens sent that were read from the provider's cache.
    pub cache_read: u64,
    /// Tokens sent that were written to the provider's cache.
    pub cache_write: u64,
    /// Tokens received, with those of its reasoning.
    pub output: u64,
    /// Cost in micro-dollars, where the program says it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cost_microusd: Option<u64>,
}

impl Used {
    /// All tokens sent, cached or not.
    #[must_use]
    pub const fn sent(&self) -> u64 {
        self.input
            .saturating_add(self.cache_read)
            .saturating_add(self.cache_write)
    }

    /// The sum of two.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        let cost_microusd = match (self.cost_microusd, other.cost_microusd) {
            (Some(one), Some(other)) => Some(one.saturating_add(other)),
            (Some(one), None) => Some(one),
            (None, other) => other,
        };
        Self {
            input: self.input.saturating_add(other.input),
            cache_read: self.cache_read.saturating_add(other.cache_read),
            cache_write: self.cache_write.saturating_add(other.cache_write),
            output: self.output.saturating_add(other.output),
            cost_microusd,
        }
    }

    /// All tokens.
    #[must_use]
    pub const fn tokens(&self) -> u64 {
        self.sent().saturating_add(self.output)
    }
}

/// Why a program did not do its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Nobody is logged in, or a key is missing or refused.
    Login,
    /// The provider cannot be reached, or fails by itself: another time it may answer.
    Network,
    /// The provider takes no more for now.
    Limited,
    /// It has used what it may: turns, context, budget.
    Exhausted,
    /// The model, or a rule of the program, refuses the task.
    Refused,
    /// Anything else.
    #[default]
    Error,
}

/// Something that an agent program said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// Which conversation this is; it can be gone on with under this name.
    Session {
        /// Its name.
        id: String,
        /// The model that answers in it.
        model: Option<String>,
    },
    /// Words for a person: a whole message, or with `part` the next piece of one. Pieces end with what is no
    /// piece, which is empty where nothing is left to say.
    Message {
        /// The words.
        text: String,
        /// More of it follows.
        part: bool,
    },
    /// It thinks aloud.
    Thought(String),
    /// It calls a tool.
    Call(ToolCall),
    /// A call has ended.
    Called {
        /// Which, by its `id`.
        id: String,
        /// Whether it did what it was to do; none: it is not said.
        ok: Option<bool>,
        /// What came of it, in one line.
        what: String,
    },
    /// Its own list of what is to be done.
    Plan {
        /// Entries that are done.
        done: u32,
        /// All entries.
        all: u32,
        /// The entry that it is at.
        now: Option<String>,
    },
    /// It waits for an answer.
    Asked(Question),
    /// It no longer does.
    AskedNoMore(String),
    /// It has taken the next of what was written to it: its prompt, then each message.
    Taken,
    /// What it has used so far in this attempt.
    Used(Used),
    /// The provider takes no more for now; the program itself tries again.
    Limited {
        /// Until when, in microseconds from now, where that is said.
        after_us: Option<u64>,
        /// Until when, in seconds since 1970, where that is said in place of a time from now.
        until_s: Option<u64>,
        /// In its words.
        what: String,
    },
    /// The connection is gone; the program itself tries again.
    Reconnecting {
        /// Which try, from 1.
        number: u32,
        /// In its words.
        what: String,
    },
    /// Something that it warns of.
    Warning(String),
    /// A turn has ended: it waits for what it is told next, or ends.
    TurnEnded {
        /// Whether the turn ended well; else why not, and in its words.
        done: Result<(), (Why, String)>,
    },
}
