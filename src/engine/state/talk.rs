//! An agent's conversation, as the events have it: session, tokens, questions, messages.
//!
//! Plain data; changed by `apply` alone.

use serde::{Deserialize, Serialize};

use super::State;
use crate::{
    agents::{Reply, Used, Why},
    engine::{Candidate, Cause},
    plan::AgentIx,
};

/// A question that waits for an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asking {
    /// The program's name for it.
    pub question: String,
    /// What it asks, in words.
    pub text: String,
    /// The tool that it wants to use; none: it wants to know something.
    pub tool: Option<String>,
    /// Answers to choose from.
    pub options: Vec<String>,
    /// Since when (elapsed µs).
    pub since_us: u64,
}

/// Something that a person tells an agent and that has not reached it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Its number in the run, from 1.
    pub number: u32,
    /// Who: `deck`, `ctl`.
    pub by: String,
    /// What.
    pub text: String,
}

/// A session of an agent program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The program, by the name of its adapter.
    pub program: String,
    /// The program's name for the session.
    pub id: String,
    /// The model that answers in it.
    pub model: Option<String>,
}

/// A worker that was chosen by what it can do, and among whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// What it had to be able to do.
    pub capability: String,
    /// Its name.
    pub worker: String,
    /// All that are, with the figures of that moment.
    pub among: Vec<Candidate>,
}

/// What there is to an agent's conversation.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Talk {
    /// Its session; none: its program has not named one.
    pub session: Option<Session>,
    /// How its worker was chosen last.
    #[serde(default)]
    pub choice: Option<Choice>,
    /// What the present or last attempt has used.
    pub used: Used,
    /// What the attempts before have used.
    pub before: Used,
    /// What earlier attempts of the present session have used.
    pub of_session: Used,
    /// The present or last attempt said nothing for longer than it may: for how long, in words.
    pub silent: Option<String>,
    /// Its program has named its session in the present attempt.
    pub spoke: bool,
    /// What the present or last attempt costs by the list prices of its model, in micro-dollars.
    #[serde(default)]
    pub computed_microusd: Option<u64>,
    /// What the attempts before have cost.
    #[serde(default)]
    pub cost_before: Cost,
    /// Of all attempts, what they were told at their starts and what there was to tell, in estimated tokens.
    #[serde(default)]
    pub prompted: (u64, u64),
    /// Why the present attempt goes on.
    pub why: Option<Cause>,
    /// What it asks, the oldest first.
    pub asks: Vec<Asking>,
    /// What it has not been told yet, the oldest first.
    pub messages: Vec<Message>,
    /// Tools that it may use without asking, for the rest of the run.
    pub allowed: Vec<String>,
    /// How its last attempt ended, as its program says: why not, and in its words.
    pub verdict: Option<(Option<Why>, String)>,
    /// The numbers of the messages that the present attempt begins with.
    pub carried: Vec<u32>,
    /// Answers to questions of the present attempt, in the order they were given.
    pub replies: Vec<(String, Reply)>,
    /// The next attempt goes on where the last one was: same workspace and, where its program is the
    /// same, same session.
    pub goes_on: bool,
    /// The present attempt does.
    pub went_on: bool,
    /// The attempt whose workspace the present one works in.
    pub home: u32,
    /// Roll-backs that the run had seen when that workspace was made.
    #[serde(default)]
    pub rolled: u32,
    /// Who wants to work in its session once its turn has ended; none: nobody.
    #[serde(default)]
    pub wished: Option<String>,
    /// The present attempt is a person's work in its session.
    #[serde(default)]
    pub opened: bool,
    /// The turn before that had ended well.
    #[serde(default)]
    pub well: bool,
}

impl Talk {
    /// What all attempts have used.
    #[must_use]
    pub fn all_used(&self) -> Used {
        self.before.and(self.used)
    }

    /// What all attempts have cost.
    #[must_use]
    pub fn cost(&self) -> Cost {
        let cost = match (self.used.cost_microusd, self.computed_microusd) {
            (Some(microusd), _) => Cost {
                microusd,
                ..Cost::default()
            },
            (None, Some(microusd)) => Cost {
                microusd,
                computed: true,
                unknown: false,
            },
            (None, None) => Cost {
                unknown: self.used.tokens() > 0,
                ..Cost::default()
            },
        };
        self.cost_before.and(cost)
    }
}

/// Money: what programs said, and what was computed from list prices where they did not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Cost {
    /// What is known of it, in micro-dollars.
    pub microusd: u64,
    /// Some of it is computed from list prices.
    pub computed: bool,
    /// Some of it is not known: tokens of a model that has no price.
    pub unknown: bool,
}

impl Cost {
    /// The sum of two.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            microusd: self.microusd.saturating_add(other.microusd),
            computed: self.computed || other.computed,
            unknown: self.unknown || other.unknown,
        }
    }
}

/// A provider that takes no more for now.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Limit {
    /// Until when nothing is started with it (elapsed µs); 0: it takes work again.
    pub until_us: u64,
    /// In its words.
    pub reason: String,
    /// How many times in a row it refused: the pause grows with that.
    pub times: u32,
}

impl State {
    /// Returns whether a roll-back has come since the workspace of an agent was made: what went back must not
    /// come in again with what was built on it, so its session is not gone on with.
    #[must_use]
    pub fn before_rollback(&self, ix: AgentIx) -> bool {
        let talk = self.agent(ix).talk.as_ref();
        self.setup.own(ix) && talk.is_some_and(|talk| talk.rolled != self.merges.rollbacks)
    }

    /// The limit of a provider that takes no more for now.
    #[must_use]
    pub fn limited(&self, provider: &str) -> Option<&Limit> {
        let limit = self.limits.get(provider)?;
        (limit.until_us > 0).then_some(limit)
    }

    /// The provider of an agent's program in a mode.
    #[must_use]
    pub fn provider(&self, ix: AgentIx, mode: u32) -> Option<&str> {
        let plan = &self.setup.plan;
        let worker = plan.agent(ix).modes.get(mode as usize)?.worker?;
        plan.workers[worker.ix()].provider()
    }

    /// Returns the agent program of a mode, by the name of its adapter; none for a command.
    #[must_use]
    pub fn program(&self, ix: AgentIx, mode: u32) -> Option<&str> {
        let plan = &self.setup.plan;
        let worker = plan.agent(ix).modes.get(mode as usize)?.worker?;
        plan.workers[worker.ix()].cli.as_deref()
    }
}
