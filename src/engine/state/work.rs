//! Work in workspaces and its way into the integrated head, as the events have it.
//!
//! Plain data; changed by `apply` alone. What follows is decided in `decide::settle::merge`.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    engine::{Boundary, Clash, Offer, Owner, RuleCommand},
    plan::{AgentIx, Class},
};

use super::{BaseCheckout, Compared, Conflict, Prediction, State};

/// How far an attempt's work has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WorkStage {
    /// Its workspace is being made.
    #[default]
    Preparing,
    /// It is being done.
    Open,
    /// What it left is being collected.
    Collecting,
    /// That is known.
    Collected,
    /// It is in line for its merge, or merged just now.
    Queued,
    /// The integrated head has it.
    Merged,
}

/// The work of an agent's present attempt.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Work {
    /// How far it has come.
    pub stage: WorkStage,
    /// Commit that the workspace is made at: the integrated head when its attempt was admitted, with
    /// what an attempt before left merged onto it where that went.
    pub base: String,
    /// Merges that were in that head: what came later was not seen by it.
    pub base_at: u32,
    /// Where the workspace is.
    pub path: String,
    /// How the agent is held to it.
    pub level: Boundary,
    /// Its commit; none: it changed nothing.
    pub commit: Option<String>,
    /// The tree of what it left.
    #[serde(default)]
    pub tree: Option<String>,
    /// Files that it changed.
    pub changed: u32,
    /// Lines added.
    pub added: u64,
    /// Lines removed.
    pub removed: u64,
    /// Its last changes were committed for it.
    pub committed_for: bool,
    /// What it changed outside of its write scope: while it runs, then at its end.
    pub outside: Vec<String>,
    /// Promised files that are not there.
    pub missing: Vec<String>,
    /// What is wrong with its hand-off.
    pub handoff: Option<String>,
    /// Facts that its hand-off states, by their keys; those that a person overruled are gone.
    pub facts: BTreeMap<String, String>,
    /// It could not be collected, and why.
    pub error: Option<String>,
}

/// What an attempt left that was not merged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Former {
    /// Which attempt.
    pub attempt: u32,
    /// Its commit.
    pub commit: String,
}

/// Where a merge stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MergeStage {
    /// It is being tried.
    Trying,
    /// It is in there already.
    Contained,
    /// Git, rules or a person merged it; what follows is due.
    Clean,
    /// Commands of rules have to run first.
    Commands,
    /// They run.
    Commanding,
    /// Its result is being checked.
    Checking,
    /// It clashes.
    Conflict(Clash),
    /// It could not be tried.
    Failed(String),
    /// The head goes forward to it.
    Advancing,
}

/// The merge that is on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merge {
    /// Its number in the run, from 1.
    pub number: u32,
    /// Whose work.
    pub agent: AgentIx,
    /// Which attempt of it.
    pub attempt: u32,
    /// Its commit.
    pub theirs: String,
    /// The head that it is merged onto.
    pub onto: String,
    /// Where it stands.
    pub stage: MergeStage,
    /// The merge that would be the new head.
    pub commit: Option<String>,
    /// The tree of that.
    #[serde(default)]
    pub tree: Option<String>,
    /// A checkout of it, or of what rules' commands run in.
    pub path: String,
    /// Commands of rules, which have run or are to.
    pub commands: Vec<RuleCommand>,
    /// What is said of it where they fail.
    pub fails: Option<Clash>,
    /// They have run.
    pub commanded: bool,
    /// What one of them left instead of its file.
    pub why: Option<String>,
    /// Its tree was checked in the workspace.
    pub checked: bool,
    /// Paths that both sides changed.
    pub overlap: Vec<String>,
    /// What rules or a person settled in it.
    pub clash: Option<Clash>,
    /// Agents whose merged work it met.
    pub with: Vec<AgentIx>,
    /// The conflict that it is about.
    pub conflict: Option<u32>,
}

/// A merge that was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merged {
    /// Its number.
    pub number: u32,
    /// Whose work.
    pub agent: AgentIx,
    /// Which attempt of it.
    pub attempt: u32,
    /// The head that it made.
    pub commit: String,
}

/// A point that a run can be taken back to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The wave that it closes.
    pub wave: u32,
    /// The head then.
    pub commit: String,
    /// Merges that were done by then.
    pub merged: u32,
}

/// A checkout of the head, for checks of more than one agent's work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkout {
    /// The commit.
    pub commit: String,
    /// Merges that are in it.
    pub merged: u32,
    /// Where it is; empty while it is being made.
    pub path: String,
    /// It could not be made, and why.
    pub error: Option<String>,
}

impl Checkout {
    /// Returns whether it is being made.
    #[must_use]
    pub fn coming(&self) -> bool {
        self.path.is_empty() && self.error.is_none()
    }
}

/// A roll-back that is being carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollback {
    /// Its number in the run, from 1.
    pub number: u32,
    /// The commit of the checkpoint.
    pub commit: String,
    /// Merges that stay.
    pub merged: u32,
    /// Agents to be done again.
    pub agents: Vec<AgentIx>,
    /// Agents whose own work stays, and parts of which are done again.
    pub parents: Vec<AgentIx>,
    /// The head is there: what follows is due.
    pub done: bool,
}

/// Handing the work over at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The head that is handed over.
    pub commit: String,
    /// Branch that has it; empty while it is being made.
    pub branch: String,
    /// A person's branch that went forward to it.
    pub forwarded: Option<String>,
    /// What could not be done, and why.
    pub error: Option<String>,
    /// It is over, well or not.
    pub done: bool,
    /// The branch that a person has agreed to let go forward.
    pub forward: Option<String>,
    /// A person is asked whether their branch goes forward.
    pub offer: Option<Offer>,
    /// Their answer.
    pub answer: Option<bool>,
    /// Where the run had put the branch before: it may move it away from there.
    #[serde(default)]
    pub before: Option<String>,
    /// Something was done again since it was asked for, so that all may be done by now.
    #[serde(default)]
    pub stale: bool,
}

impl Delivery {
    /// Returns what a person is asked and has not answered.
    #[must_use]
    pub fn asks(&self) -> Option<&Offer> {
        let offer = self.offer.as_ref();
        offer.filter(|_| self.done && self.answer.is_none())
    }
}

/// The integration of a run.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Merges {
    /// The integrated head; none: nothing is merged, and it is the run's base.
    pub head: Option<String>,
    /// Who is in line: class, then plan order.
    pub queue: BTreeSet<(Class, AgentIx)>,
    /// The merge that is on.
    pub now: Option<Merge>,
    /// Merges that were begun.
    pub last_number: u32,
    /// Merges that came to nothing.
    pub failed: u32,
    /// Merges that are in the head, in their order.
    pub done: Vec<Merged>,
    /// Conflicts by their numbers, settled ones too.
    pub conflicts: BTreeMap<u32, Conflict>,
    /// Predicted clashes between agents that run, the earlier in the plan first.
    #[serde(with = "pairs")]
    pub predicted: BTreeMap<(AgentIx, AgentIx), Prediction>,
    /// Points to go back to.
    pub checkpoints: Vec<Checkpoint>,
    /// A checkout of the head.
    pub checkout: Option<Checkout>,
    /// The last checkout of the base.
    #[serde(default)]
    pub base: Option<BaseCheckout>,
    /// Checkouts of the base that were asked for.
    #[serde(default)]
    pub bases: u32,
    /// Commands that were compared with the base.
    #[serde(default)]
    pub compared: Vec<Compared>,
    /// A roll-back that is on.
    pub rollback: Option<Rollback>,
    /// Roll-backs so far.
    pub rollbacks: u32,
    /// The handing over at the end.
    pub delivery: Option<Delivery>,
}

impl Merges {
    /// Returns how many merges are in the head.
    #[must_use]
    pub fn count(&self) -> u32 {
        u32::try_from(self.done.len()).unwrap_or(u32::MAX)
    }

    /// Returns the checkpoint of a wave.
    #[must_use]
    pub fn checkpoint(&self, wave: u32) -> Option<&Checkpoint> {
        self.checkpoints.iter().rev().find(|c| c.wave == wave)
    }

    /// Returns what was handed over of the present head, or is being.
    #[must_use]
    pub fn delivered(&self) -> Option<&Delivery> {
        let delivery = self.delivery.as_ref();
        delivery.filter(|d| Some(&d.commit) == self.head.as_ref() && !(d.stale && d.done))
    }

    /// Returns with whom an agent would clash, and how.
    pub fn clash_of(&self, ix: AgentIx) -> impl Iterator<Item = (AgentIx, &Prediction)> {
        self.predicted
            .iter()
            .filter_map(move |(&(a, b), p)| match () {
                () if a == ix => Some((b, p)),
                () if b == ix => Some((a, p)),
                () => None,
            })
    }

    /// Returns whether something outside is being waited for.
    #[must_use]
    pub fn busy(&self) -> bool {
        let merging = self
            .now
            .as_ref()
            .is_some_and(|now| matches!(now.stage, MergeStage::Trying | MergeStage::Advancing));
        let rolling = self.rollback.as_ref().is_some_and(|r| !r.done);
        let checkout = self.checkout.as_ref().is_some_and(Checkout::coming)
            || self.base.as_ref().is_some_and(BaseCheckout::coming);
        let delivering = self.delivery.as_ref().is_some_and(|d| !d.done);
        merging || rolling || checkout || delivering
    }
}

impl State {
    /// Returns the integrated head: what was merged last, else what the run started from.
    #[must_use]
    pub fn head(&self) -> Option<&str> {
        self.merges.head.as_deref().or(self.base_commit.as_deref())
    }

    /// Returns the merge of an owner's work while commands of rules run for it.
    #[must_use]
    pub fn commanding(&self, owner: Owner) -> Option<&Merge> {
        let now = self.merges.now.as_ref();
        now.filter(|now| Owner::Agent(now.agent) == owner && now.stage == MergeStage::Commanding)
    }
}

/// JSON has no keys but texts.
mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serializer};

    use super::{AgentIx, Prediction};

    type Pairs = BTreeMap<(AgentIx, AgentIx), Prediction>;

    pub fn serialize<S: Serializer>(pairs: &Pairs, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(pairs)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Pairs, D::Error> {
        let items = Vec::<((AgentIx, AgentIx), Prediction)>::deserialize(from)?;
        Ok(items.into_iter().collect())
    }
}
