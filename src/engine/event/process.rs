//! What is told of processes, beside how they begin and end.
//!
//! Plain data of the journal; must not hold anything that a journal line cannot carry.

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Trouble;
use crate::plan::AgentId;

/// What a freeze did, measured: `agent.freeze_verified`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct AgentFreezeVerified {
    /// Whom.
    pub agent: AgentId,
    /// Its attempt.
    pub attempt: u32,
    /// Processes seen stopped.
    pub stopped: u32,
    /// Processes of the tree; more than `stopped`: partly frozen.
    pub total: u32,
    /// Memory that it goes on holding, in bytes.
    pub held_bytes: u64,
}

/// A frozen process of an agent, its own or its check's, is ended because a phase before its own has to
/// pass first and nothing else moves; it goes again after that: `agent.preempted`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct AgentPreempted {
    /// Whose.
    pub agent: AgentId,
    /// Its attempt.
    pub attempt: u32,
    /// What it waits for, in words.
    pub reason: String,
}

/// A worker that an agent could be done by, with what it was judged by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct Candidate {
    /// Its name.
    pub worker: String,
    /// Attempts by it that held a slot.
    pub running: u32,
    /// Attempts by it that did their work, those of earlier runs included.
    pub succeeded: u32,
    /// Attempts by it that did their work or failed, those of earlier runs included.
    pub ended: u32,
    /// What follows from these: `(succeeded + 1) / (ended + 2)`, in permille.
    pub chance_permille: u32,
    /// Why it had no room, in words; none: it had.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub refused: Option<String>,
}

impl Candidate {
    /// All in words, one beside the other.
    #[must_use]
    pub fn all_words(all: &[Self]) -> String {
        let all: Vec<String> = all.iter().map(Self::words).collect();
        all.join(" | ")
    }

    /// It in words: `claude 2 at work, 3 of 4 done well: 66 %`.
    #[must_use]
    pub fn words(&self) -> String {
        let Self {
            worker,
            running,
            succeeded,
            ended,
            ..
        } = self;
        let chance = self.chance_permille / 10;
        let text =
            format!("{worker} {running} at work, {succeeded} of {ended} done well: {chance} %");
        match &self.refused {
            Some(why) => format!("{text}; no room: {why}"),
            None => text,
        }
    }
}

/// Something is wrong with processes or their output, and nothing follows from it: `process.trouble`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct ProcessTrouble {
    /// Whose processes: an agent's…
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentId>,
    /// … or the gates' of a phase …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// … or of a track, a wave or the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cohort: Option<String>,
    /// Its attempt, or the round of the phase's gates.
    pub attempt: u32,
    /// What is wrong.
    pub trouble: Trouble,
}
