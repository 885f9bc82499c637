//! Conversations with agent programs: their sessions, what they used, what they ask, what they are told.
//!
//! Plain data of the journal. Kinds and members are added, never changed. Words of programs are foreign
//! text, redacted and bounded by who reports them; to be cleaned before they are shown.

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Candidate, Level, Relief, Scarce,
    shortage::{api_tokens, batch_agents},
};
use crate::{
    agents::Used,
    plan::{AgentId, units::show_decimal},
};

/// How a question was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Replied {
    /// It may, this time.
    Allowed,
    /// It may not.
    Denied,
    /// With words.
    Said,
}

/// By which way a message reached an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ToldBy {
    /// Its program took it while it ran.
    Live,
    /// A new turn began with it.
    Turn,
}

/// What a plan lets a run use up of what agent programs report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub enum Budget {
    /// `limits.tokens`.
    #[serde(rename = "tokens")]
    Tokens,
    /// `limits.cost_usd`, in micro-dollars.
    #[serde(rename = "cost_usd")]
    Cost,
}

impl Budget {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Tokens, Self::Cost];

    /// Returns its name, as plans have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tokens => "tokens",
            Self::Cost => "cost_usd",
        }
    }

    /// Writes an amount of it for people: `120000 tokens`, `2.5 dollars`.
    #[must_use]
    pub fn amount(self, amount: u64) -> String {
        match self {
            Self::Tokens => format!("{amount} tokens"),
            Self::Cost => format!("{} dollars", show_decimal(amount, 6)),
        }
    }
}

/// One event about a conversation; each kind carries the members that its document names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(tag = "kind")]
#[expect(
    missing_docs,
    reason = "the same in all: `agent` whose conversation, `attempt` in which of its attempts, `question` the \
              program's name for a question, `limit` what the plan says"
)]
pub enum TalkEvent {
    /// Its worker was chosen among those that have the capability that it names: of those with room the one with the
    /// fewest attempts at work, then the one with the best chance, then the first in the plan.
    #[serde(rename = "worker.chosen")]
    Chosen {
        agent: AgentId,
        attempt: u32,
        capability: String,
        worker: String,
        /// All that have it, with the figures.
        among: Vec<Candidate>,
    },
    /// Its program has begun a conversation, or gone on with one.
    #[serde(rename = "agent.session")]
    Session {
        agent: AgentId,
        attempt: u32,
        /// The program, by the name of its adapter.
        program: String,
        /// The program's name for it.
        session: String,
        /// The model that answers in it, where it is said.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        model: Option<String>,
    },
    /// What its attempt has used so far, as its program says.
    #[serde(rename = "agent.used")]
    Used {
        agent: AgentId,
        attempt: u32,
        #[serde(flatten)]
        used: Used,
        /// What that costs by the list prices of its model, in micro-dollars; none: it has no price there, or
        /// the program says the cost itself.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        computed_microusd: Option<u64>,
    },
    /// What its attempt was told at its start, in estimated tokens.
    #[serde(rename = "agent.prompted")]
    Prompted {
        agent: AgentId,
        attempt: u32,
        /// The prompt.
        tokens: u64,
        /// All that it was made of, had nothing been cut.
        offered: u64,
        /// What it is measured against: all that one session would hold which had done the whole plan so far;
        /// 0 in old records.
        #[serde(default)]
        full: u64,
    },
    /// Secrets were taken out of its prompt, or of what it printed.
    #[serde(rename = "agent.redacted")]
    Redacted {
        agent: AgentId,
        attempt: u32,
        /// How many.
        found: u64,
    },
    /// 80 % of a budget are used.
    #[serde(rename = "budget.warned")]
    BudgetWarned {
        budget: Budget,
        /// How much of it, in tokens or micro-dollars.
        used: u64,
        limit: u64,
    },
    /// A budget is used up, or less is left than what comes next needs: nothing more is started.
    #[serde(rename = "budget.spent")]
    BudgetSpent {
        budget: Budget,
        /// How much of it, in tokens or micro-dollars.
        used: u64,
        limit: u64,
        /// What comes next needs, where that is more than is left.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        asked: Option<u64>,
    },
    /// More tokens were reported in the last minute than the plan lets a run use: the next start waits.
    #[serde(rename = "rate.reached")]
    RateReached {
        /// How many.
        used: u64,
        limit: u64,
        /// Until when, if no more are reported (elapsed µs).
        until_us: u64,
    },
    /// That is over.
    #[serde(rename = "rate.recovered")]
    RateRecovered {
        /// How many were reported in the last minute.
        used: u64,
    },
    /// It waits for an answer.
    #[serde(rename = "agent.asked")]
    Asked {
        agent: AgentId,
        attempt: u32,
        question: String,
        /// What it asks, in words.
        text: String,
        /// It asks for leave to do something, with a tool of this name.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        tool: Option<String>,
        /// Answers to choose from.
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        options: Vec<String>,
    },
    /// Its question is answered, or (none) it waits for that no more.
    #[serde(rename = "agent.answered")]
    Answered {
        agent: AgentId,
        attempt: u32,
        question: String,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        reply: Option<Replied>,
        /// The words.
        #[serde(skip_serializing_if = "String::is_empty", default)]
        text: String,
        /// Who answered: `deck`, `ctl`; `rule` where the plan or an earlier answer said so; `engine` where
        /// nobody did.
        by: String,
        /// The plan says that it fails where nobody is there to answer: it is ended.
        #[serde(skip_serializing_if = "std::ops::Not::not", default)]
        fails: bool,
    },
    /// What a person told it has reached it.
    #[serde(rename = "agent.told")]
    Told {
        agent: AgentId,
        attempt: u32,
        /// The messages that it got, by their numbers in the run.
        messages: Vec<u32>,
        how: ToldBy,
    },
    /// Its provider takes no more for now: nothing more is started with that until it is over.
    #[serde(rename = "resource.shortage")]
    Limited {
        agent: AgentId,
        attempt: u32,
        /// The provider.
        provider: String,
        /// Until when (elapsed µs).
        until_us: u64,
        reason: String,
        /// What is short: what the provider gives.
        #[serde(default = "api_tokens")]
        resource: Scarce,
        /// What is done about it: starts wait, and those that it refused come back one after the other.
        #[serde(default = "batch_agents")]
        strategy: Relief,
    },
    /// That is over.
    #[serde(rename = "resource.recovered")]
    Unlimited {
        /// The provider.
        provider: String,
    },
    /// It has said nothing for longer than its program may: it is ended.
    #[serde(rename = "agent.silent")]
    Silent {
        agent: AgentId,
        attempt: u32,
        /// For how long, in words.
        reason: String,
    },
    /// Its program says how its attempt ended.
    #[serde(rename = "agent.verdict")]
    Verdict {
        agent: AgentId,
        attempt: u32,
        /// Why it did not do its work; none: it did.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        why: Option<crate::agents::Why>,
        /// In its words.
        #[serde(skip_serializing_if = "String::is_empty", default)]
        reason: String,
    },
}

impl TalkEvent {
    /// Returns the kind, as the journal has it.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Chosen { .. } => "worker.chosen",
            Self::Session { .. } => "agent.session",
            Self::Used { .. } => "agent.used",
            Self::Prompted { .. } => "agent.prompted",
            Self::Redacted { .. } => "agent.redacted",
            Self::BudgetWarned { .. } => "budget.warned",
            Self::BudgetSpent { .. } => "budget.spent",
            Self::RateReached { .. } => "rate.reached",
            Self::RateRecovered { .. } => "rate.recovered",
            Self::Asked { .. } => "agent.asked",
            Self::Answered { .. } => "agent.answered",
            Self::Told { .. } => "agent.told",
            Self::Limited { .. } => "resource.shortage",
            Self::Unlimited { .. } => "resource.recovered",
            Self::Silent { .. } => "agent.silent",
            Self::Verdict { .. } => "agent.verdict",
        }
    }

    /// Returns whose conversation it is; none: it is about a provider or the run.
    #[must_use]
    pub const fn agent(&self) -> Option<&AgentId> {
        match self {
            Self::Chosen { agent, .. }
            | Self::Session { agent, .. }
            | Self::Used { agent, .. }
            | Self::Prompted { agent, .. }
            | Self::Redacted { agent, .. }
            | Self::Asked { agent, .. }
            | Self::Answered { agent, .. }
            | Self::Told { agent, .. }
            | Self::Limited { agent, .. }
            | Self::Silent { agent, .. }
            | Self::Verdict { agent, .. } => Some(agent),
            Self::Unlimited { .. }
            | Self::BudgetWarned { .. }
            | Self::BudgetSpent { .. }
            | Self::RateReached { .. }
            | Self::RateRecovered { .. } => None,
        }
    }

    /// Returns how urgent it is.
    #[must_use]
    pub const fn level(&self) -> Level {
        match self {
            Self::Asked { .. }
            | Self::BudgetWarned { .. }
            | Self::BudgetSpent { .. }
            | Self::Limited { .. }
            | Self::Silent { .. }
            | Self::Verdict { why: Some(_), .. } => Level::High,
            Self::Answered { .. }
            | Self::Told { .. }
            | Self::RateReached { .. }
            | Self::Redacted { .. } => Level::Medium,
            Self::Chosen { .. }
            | Self::Session { .. }
            | Self::Used { .. }
            | Self::Prompted { .. }
            | Self::RateRecovered { .. }
            | Self::Unlimited { .. }
            | Self::Verdict { .. } => Level::Low,
        }
    }
}
