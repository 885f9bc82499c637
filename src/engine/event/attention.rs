//! What waits for a person, and how that ended: the two events of the attention queue.
//!
//! Plain data of the journal. Kinds and answers are added, never changed: questions of agents,
//! conflicts and escalations get names of their own beside these.

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::plan::AgentId;

/// What kind of thing waits for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum AttentionKind {
    /// A gate with `approve`: a person's yes is asked for.
    Approval,
    /// A check or gate is red, and nothing tries again by itself.
    FailedGate,
    /// An agent that cannot go on, though none of its checks is red.
    Blocked,
    /// An agent failed for good, and no `when = "failed"` successor has taken care of it.
    Failed,
    /// A phase failed by agents that were stopped or skipped, and others wait for it.
    FailedPhase,
    /// Its work clashes with what is merged.
    Conflict,
    /// It would clash with another that runs.
    Predicted,
    /// The 24-hour gate does not pass: of the run as a whole, and nothing stands still for it.
    DayGate,
    /// All is done, and the run asks whether a person's branch goes forward to the work.
    Deliver,
    /// An agent asks whether it may do something.
    Permission,
    /// An agent asks something.
    Question,
    /// A budget of the run is used up: more may be used, or what has not started is left.
    Budget,
}

impl AttentionKind {
    /// Returns its name, as events have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Approval => "approval",
            Self::FailedGate => "failed_gate",
            Self::Blocked => "blocked",
            Self::Failed => "failed",
            Self::FailedPhase => "failed_phase",
            Self::Conflict => "conflict",
            Self::Predicted => "predicted",
            Self::DayGate => "day_gate",
            Self::Deliver => "deliver",
            Self::Permission => "permission",
            Self::Question => "question",
            Self::Budget => "budget",
        }
    }

    /// Returns the answers that are possible, the one that goes on first.
    #[must_use]
    pub const fn answers(self, of_agent: bool) -> &'static [Answer] {
        match self {
            Self::Approval | Self::Deliver | Self::Budget => &[Answer::Yes, Answer::No],
            Self::Permission => &[Answer::Yes, Answer::Always, Answer::No],
            Self::Question => &[Answer::Say],
            Self::DayGate | Self::Predicted => &[Answer::Seen],
            Self::Conflict => &[
                Answer::Settle,
                Answer::Sequential,
                Answer::Retry,
                Answer::Stop,
            ],
            Self::FailedGate | Self::Blocked if of_agent => &[Answer::Retry, Answer::Stop],
            _ => &[Answer::Retry],
        }
    }
}

/// What a person can answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The approval is given, the branch goes forward, or the budget is lifted for this run.
    Yes,
    /// It is refused: the gate is red, with the text as reason; the branch stays where it is, or what the
    /// budget has left is not started.
    No,
    /// Try again, as the action `retry` does.
    Retry,
    /// Give the agent up, as the action `stop` does.
    Stop,
    /// Somebody has read it; nothing else follows.
    Seen,
    /// The conflict is merged as chosen, as the action `settle` does.
    Settle,
    /// The agent goes again on top of what is merged.
    Sequential,
    /// It may, and what is done with the same tool may be done for the rest of the run.
    Always,
    /// The words that are said with it.
    Say,
}

impl Answer {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Yes,
        Self::No,
        Self::Retry,
        Self::Stop,
        Self::Seen,
        Self::Settle,
        Self::Sequential,
        Self::Always,
        Self::Say,
    ];

    /// Returns its word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Retry => "retry",
            Self::Stop => "stop",
            Self::Seen => "seen",
            Self::Settle => "settle",
            Self::Sequential => "sequential",
            Self::Always => "always",
            Self::Say => "say",
        }
    }
}

/// Something waits for a person: `attention.raised`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct AttentionRaised {
    /// Its number, from 1; never used twice in a run.
    pub id: u32,
    /// What kind of thing it is.
    pub attention: AttentionKind,
    /// The agent that it is about…
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub agent: Option<AgentId>,
    /// … or the phase …
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub phase: Option<String>,
    /// … or the gates of a track (`track:A`), a wave (`wave:2`) or the `run`; none: the run as a whole.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cohort: Option<String>,
    /// Attempt of the agent, round of the phase's gates, or number of the run's daily gate.
    pub attempt: u32,
    /// The gate that is asked about or is red; `check` for an agent's own acceptance commands.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub gate: Option<String>,
    /// The question, or the reason.
    pub title: String,
    /// Since when it waits (elapsed µs).
    pub since_us: u64,
    /// What can be answered.
    pub answers: Vec<Answer>,
}

/// It waits no longer: `attention.answered`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct AttentionAnswered {
    /// Its number.
    pub id: u32,
    /// What kind of thing it was.
    pub attention: AttentionKind,
    /// The agent that it was about…
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub agent: Option<AgentId>,
    /// … or the phase …
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub phase: Option<String>,
    /// … or the gates of a track, a wave or the run; none: the run as a whole.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cohort: Option<String>,
    /// The answer; none: its cause is gone (tried again, stopped, handled) and nobody answered it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub answer: Option<Answer>,
    /// Who answered: `deck`, `ctl`; `engine` where nobody did.
    pub by: String,
    /// What was said with it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub text: Option<String>,
    /// Where more of it can be read; else the first link of the text.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub url: Option<String>,
    /// Of an approval: the file below `gates/` of the run's folder that keeps who signed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub evidence: Option<String>,
    /// How long it waited, in microseconds.
    pub waited_us: u64,
}
