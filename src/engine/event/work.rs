//! Work in workspaces: where it began, what it left, how it was merged, and conflicts.
//!
//! Plain data of the journal. Kinds and members are added, never changed. Paths are foreign text,
//! made valid UTF-8 and bounded by who reports them; to be cleaned before they are shown.

mod about;
mod added;
mod boundary;
mod handoff;

pub use added::Added;
pub use boundary::Boundary;
pub use handoff::{Absent, HandoffChecked, HandoffChecking};

use std::collections::BTreeMap;

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Offer,
    merge::{Clash, MergeOutcome, Strategy},
    parts::{is_false, is_zero},
    sync::SyncPoint,
};
use crate::{engine::Extension, plan::AgentId};

/// One event about work; each kind carries the members that its document names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(tag = "kind")]
#[expect(
    missing_docs,
    reason = "the same in all: `agent` whose work, `attempt` which of it, `number` which merge from 1, \
              `id` which conflict from 1, `reason` why, `base` which checkout of the base from 1"
)]
pub enum WorkEvent {
    /// A workspace is there; the process is started in it.
    #[serde(rename = "workspace.ready")]
    Ready {
        agent: AgentId,
        attempt: u32,
        /// Commit that it was made at.
        base: String,
        /// Where.
        path: String,
        /// How the agent is held to it.
        level: Boundary,
        /// The attempt that made it, where this one goes on in it.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        home: Option<u32>,
    },
    /// Its process has ended well: what it left is collected.
    #[serde(rename = "work.collecting")]
    Collecting { agent: AgentId, attempt: u32 },
    /// What an attempt left.
    #[serde(rename = "work.collected")]
    Collected {
        agent: AgentId,
        attempt: u32,
        /// Its commit; none: it changed nothing.
        commit: Option<String>,
        /// The tree of what it left.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        tree: Option<String>,
        /// Files that it changed.
        changed: u32,
        /// Lines added.
        added: u64,
        /// Lines removed.
        removed: u64,
        /// Its last changes were committed for it.
        #[serde(default)]
        committed_for: bool,
        /// Changed files outside of its write scope, at most 50 of them named.
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        outside: Vec<String>,
        /// Promised files that are not there.
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        missing: Vec<String>,
        /// What is wrong with its hand-off.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        handoff: Option<String>,
        /// Facts that its hand-off states, by their keys.
        #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
        facts: BTreeMap<String, String>,
        /// It could not be collected, and why.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        error: Option<String>,
    },
    /// It has written outside of its scope, and still runs.
    #[serde(rename = "scope.violated")]
    ScopeViolated {
        agent: AgentId,
        attempt: u32,
        /// Where, at most 50 paths.
        paths: Vec<String>,
    },
    /// It is in line for its merge.
    #[serde(rename = "agent.merging")]
    Merging { agent: AgentId, attempt: u32 },
    /// Its merge is tried.
    #[serde(rename = "merge.started")]
    MergeStarted {
        number: u32,
        agent: AgentId,
        attempt: u32,
        /// Its commit.
        commit: String,
        /// The head that it is merged onto.
        onto: String,
        /// The conflict whose answers are used, where it is one that was settled.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        conflict: Option<u32>,
    },
    /// What the trial came to.
    #[serde(rename = "merge.tried")]
    MergeTried {
        number: u32,
        agent: AgentId,
        attempt: u32,
        #[serde(flatten)]
        outcome: MergeOutcome,
    },
    /// The commands of rules have run: it is tried again with the files that they made.
    #[serde(rename = "merge.commanded")]
    MergeCommanded {
        number: u32,
        agent: AgentId,
        attempt: u32,
    },
    /// The head goes forward to it, once this is on the disk.
    #[serde(rename = "merge.advancing")]
    MergeAdvancing {
        number: u32,
        agent: AgentId,
        attempt: u32,
        commit: String,
    },
    /// It is merged.
    #[serde(rename = "merge.done")]
    MergeDone {
        number: u32,
        agent: AgentId,
        attempt: u32,
        /// The head now.
        commit: String,
    },
    /// It was not merged; the head stays.
    #[serde(rename = "merge.failed")]
    MergeFailed {
        number: u32,
        agent: AgentId,
        attempt: u32,
        reason: String,
    },
    /// Two agents that run would clash.
    #[serde(rename = "conflict.predicted")]
    Predicted {
        /// One of them, the earlier in the plan.
        agent: AgentId,
        /// The other.
        with: AgentId,
        /// Where, at most 50 files.
        files: Vec<String>,
        /// Kinds beyond text.
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        kinds: Vec<String>,
        /// In a critical domain, and seen twice: the later one is paused.
        #[serde(default)]
        critical: bool,
    },
    /// They no longer would.
    #[serde(rename = "conflict.withdrawn")]
    Withdrawn { agent: AgentId, with: AgentId },
    /// Two pieces of finished work clash.
    #[serde(rename = "conflict.detected")]
    ConflictDetected {
        id: u32,
        agent: AgentId,
        attempt: u32,
        /// Agents whose merged work it met.
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        with: Vec<AgentId>,
        #[serde(flatten)]
        clash: Clash,
        /// In a critical domain.
        #[serde(default)]
        critical: bool,
        strategy: Strategy,
    },
    /// It is settled.
    #[serde(rename = "conflict.resolved")]
    ConflictResolved {
        id: u32,
        agent: AgentId,
        strategy: Strategy,
        /// Who settled it: `git`, `rules`, `deck`, `ctl`, …
        by: String,
        /// How, in words.
        reason: String,
        /// It is settled by nothing but that its work was given up.
        #[serde(skip_serializing_if = "is_false", default)]
        given_up: bool,
    },
    /// Agents come together.
    #[serde(rename = "sync.started")]
    SyncStarted {
        /// Which synchronisation point of the run, from 1.
        number: u32,
        #[serde(flatten)]
        point: SyncPoint,
        /// Whom it concerns, in plan order.
        participants: Vec<AgentId>,
    },
    /// They have.
    #[serde(rename = "sync.completed")]
    SyncCompleted {
        number: u32,
        #[serde(flatten)]
        point: SyncPoint,
        /// At a wave's end or a hand-off: memory that is still reserved by others, in bytes.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        reserved_bytes: Option<u64>,
        /// Then too: the longest chain of what is left, by the durations that the plan expects,
        /// in microseconds; an estimate.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        left_us: Option<u64>,
        /// At a hand-off: the most that the agent's processes held in memory, measured, in bytes.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        released_bytes: Option<u64>,
    },
    /// They have not.
    #[serde(rename = "sync.failed")]
    SyncFailed {
        number: u32,
        #[serde(flatten)]
        point: SyncPoint,
        reason: String,
    },
    /// A checkout is needed of the head, for checks of more than one agent's work, or of the base.
    #[serde(rename = "integration.checkout")]
    Checkout {
        commit: String,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        base: Option<u32>,
    },
    /// It is there.
    #[serde(rename = "integration.ready")]
    CheckedOut {
        commit: String,
        path: String,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        base: Option<u32>,
        /// It could not be made, and why.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        error: Option<String>,
    },
    /// Merged work touches what a running agent builds on.
    #[serde(rename = "context.updated")]
    ContextUpdated {
        /// Whom it concerns.
        agent: AgentId,
        /// Whose work it is.
        from: AgentId,
        /// Which files, at most 50.
        files: Vec<String>,
    },
    /// What an agent is to begin with is looked at.
    #[serde(rename = "handoff.checking")]
    HandoffChecking(HandoffChecking),
    /// Its files are known.
    #[serde(rename = "handoff.checked")]
    HandoffChecked(HandoffChecked),
    /// An agent's hand-off is complete.
    #[serde(rename = "handoff.ready")]
    HandoffReady {
        agent: AgentId,
        attempt: u32,
        /// It was made from facts: the agent left none.
        #[serde(default)]
        from_facts: bool,
        /// Artefacts that it names.
        #[serde(skip_serializing_if = "is_zero", default)]
        artefacts: u32,
    },
    /// Agents were added to the run: from here on the plan has them.
    #[serde(rename = "plan.extended")]
    Extended(Extension),
    /// One of them, for readers; nothing follows from it.
    #[serde(rename = "agent.added")]
    Added(Added),
    /// The head goes back to a checkpoint, once this is on the disk.
    #[serde(rename = "rollback.started")]
    RollbackStarted {
        /// Which roll-back of the run, from 1.
        number: u32,
        /// The wave whose checkpoint it is; 0: the beginning.
        wave: u32,
        /// The commit of the checkpoint.
        commit: String,
        /// Agents whose work is taken out, and whose needs are, to be done again.
        agents: Vec<AgentId>,
        /// Agents whose own work stays, and parts of which are done again.
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        parents: Vec<AgentId>,
    },
    /// It is there.
    #[serde(rename = "rollback.done")]
    RollbackDone {
        number: u32,
        /// It could not be done, and why.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        error: Option<String>,
    },
    /// The integrated work is handed over, once this is on the disk.
    #[serde(rename = "run.delivering")]
    Delivering {
        commit: String,
        /// The branch of theirs that a person has agreed to let go forward.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        forward: Option<String>,
    },
    /// It is handed over.
    #[serde(rename = "run.delivered")]
    Delivered {
        commit: String,
        /// Branch that has it now.
        branch: String,
        /// A person's branch went forward to it.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        forwarded: Option<String>,
        /// What could not be done, and why.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        error: Option<String>,
        /// A person is asked whether their branch goes forward to it.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        offer: Option<Offer>,
    },
}
