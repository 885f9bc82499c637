//! One agent and one phase: where they stand, what they hold, how their last attempt ended.

use serde::{Deserialize, Serialize};

use crate::{
    engine::{Absent, Cause, EdgeKind, Exit, FailureKind, Handle},
    plan::AgentIx,
};

use super::{CheckRun, Former, Judged, Said, State, Status, Talk, Work};

/// Why a live process is being ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// It ran out of time.
    Timeout,
    /// A person stops the agent.
    Stop,
    /// Another worker takes over.
    Swap,
    /// The whole run stops.
    RunStop,
    /// An agent of the phase is tried again: the verdict on its gates would be stale.
    Reopened,
    /// It is frozen behind a barrier, and nothing else moves: it goes again when that one opens.
    Preempted,
    /// It is told something at once: its session goes on with that.
    Told,
    /// A person wants to work in its session at once.
    Opened,
    /// A person hands its session back.
    Closed,
    /// It has said nothing for longer than its program may.
    Silent,
    /// It asks, nobody is there, and the plan says that it fails then.
    Unanswered,
    /// It is parked: it goes on later.
    Park,
    /// It holds more than its `ram_max`.
    TooLarge,
}

/// Who holds an agent back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldBy {
    /// A person: comes back only by `resume`.
    Operator,
    /// A rule: comes back by itself when there is room.
    Rule,
}

/// The attempt that holds a process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Live {
    /// How to find the process; none until it has started.
    pub handle: Option<Handle>,
    /// When its clock last began to run (elapsed µs).
    pub clock_from_us: u64,
    /// What its clock had counted before, in microseconds.
    pub clock_us: u64,
    /// It is being ended, and why.
    pub ending: Option<Ending>,
    /// Memory that is reserved for it, in bytes.
    #[serde(default)]
    pub reserved_bytes: u64,
    /// The most that its commands have leased at once, in bytes: part of its peak, and not its own.
    #[serde(default)]
    pub leased_bytes: u64,
}

/// How the last attempt ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptEnd {
    /// Which.
    pub attempt: u32,
    /// How.
    pub exit: Exit,
    /// Why we ended it, where we did.
    pub ending: Option<Ending>,
    /// Time that it ran, in microseconds.
    pub ran_us: u64,
    /// Its peak resident memory in bytes.
    pub peak_bytes: u64,
    /// Descendants that it left behind.
    pub leaked: u32,
    /// Watched output files that exist.
    pub present: Vec<String>,
    /// It left a file where it may write its hand-off.
    pub handoff: bool,
}

/// What somebody said about a line of an agent's work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remark {
    /// The attempt whose work it is about.
    pub attempt: u32,
    /// The file.
    pub file: String,
    /// The line of the new text, from 1; 0: the file as a whole.
    pub line: u32,
    /// Who said it: `deck`, `ctl`.
    pub by: String,
    /// What.
    pub text: String,
}

/// Whether what an agent is to begin with is there; asked when admission would let it start.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Readiness {
    /// Not asked.
    #[default]
    Unknown,
    /// Its files are being looked for.
    Asked,
    /// They were; where all are there, its needs' commands follow.
    Found {
        /// Files that are not there.
        missing: Vec<Absent>,
        /// They could not be looked for, and why.
        error: Option<String>,
    },
    /// All is there.
    Good,
}

/// A hand-off that is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedOff {
    /// It was made from facts: the agent wrote none.
    pub from_facts: bool,
    /// Artefacts that it names.
    pub artefacts: u32,
}

/// One agent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AgentState {
    /// Its state.
    pub status: Status,
    /// Since when (elapsed µs).
    pub since_us: u64,
    /// Highest attempt number in use; 0: none yet.
    pub attempt: u32,
    /// Attempts that failed and count against `retry.attempts`.
    pub failures: u32,
    /// The mode of the current or last attempt.
    pub mode: u32,
    /// The mode that a person chose, from the next attempt on; stays until another is chosen.
    pub swap_to: Option<u32>,
    /// The mode that memory pressure moved it to, from the next attempt on; before what a person chose. Until pressure
    /// has gone, or a person chooses again.
    #[serde(default)]
    pub relief: Option<u32>,
    /// Modes (a bit each, the first 64) that were to take its work over and could not start: only a person chooses them
    /// again.
    #[serde(default)]
    pub stranded: u64,
    /// Held back, and by whom.
    pub hold: Option<HoldBy>,
    /// Pressure never takes it back: a person said so.
    #[serde(default)]
    pub pinned: bool,
    /// Why it is being parked, or was.
    #[serde(default)]
    pub parked_by: Option<Cause>,
    /// Who held it back before it was parked.
    #[serde(default)]
    pub held_before: Option<HoldBy>,
    /// How often pressure has taken it back, and when it last did (elapsed µs).
    #[serde(default)]
    pub taken_back: (u32, u64),
    /// Silent for longer than its `quiet`.
    pub quiet: bool,
    /// Its memory grows without end, as it seems, in the present attempt.
    #[serde(default)]
    pub leaking: bool,
    /// What its last attempt held that was beyond its `ram_max`, in bytes.
    #[serde(default)]
    pub over_bytes: u64,
    /// What an attempt of it reserves at least, in bytes: the kernel killed one for want of memory. 0: none.
    #[serde(default)]
    pub least_bytes: u64,
    /// The live attempt.
    pub live: Option<Live>,
    /// Its checks.
    pub check: Option<CheckRun>,
    /// Rounds of its checks in the present attempt.
    pub check_rounds: u32,
    /// End of its back-off (elapsed µs).
    pub until_us: u64,
    /// How its last attempt ended.
    pub last: Option<AttemptEnd>,
    /// Its own process has ended well (its sub-agents may start).
    pub own_done: bool,
    /// In words: why it failed, was skipped or is blocked.
    pub reason: Option<String>,
    /// What kind of failure.
    pub failure: Option<FailureKind>,
    /// The gate that was red last; `check` for its own acceptance commands.
    pub red_gate: Option<String>,
    /// How its commands came out last, and on which files.
    #[serde(default)]
    pub judged: Vec<Judged>,
    /// A skip that no failure stands behind.
    pub by_condition: bool,
    /// A skip behind which stands what waits for a person or was stopped by one; no failure either.
    pub left: bool,
    /// First start (elapsed µs).
    pub started_us: Option<u64>,
    /// Final state reached (elapsed µs).
    pub ended_us: Option<u64>,
    /// Final state reached, milliseconds since the epoch: the day that it was done on.
    pub ended_ms: i64,
    /// What it said last of itself.
    pub said: Option<Box<Said>>,
    /// Time that all its attempts ran, in microseconds.
    pub ran_us: u64,
    /// Largest peak of its attempts in bytes.
    pub peak_bytes: u64,
    /// The same without what its commands had leased, in bytes: what the next attempt will want itself.
    #[serde(default)]
    pub own_peak_bytes: u64,
    /// Hard needs that are not met yet.
    pub needs_open: u32,
    /// Hard needs that can no longer be met.
    pub needs_lost: u32,
    /// Soft needs whose predecessor has not ended.
    pub soft_open: u32,
    /// Sub-agents that have not ended.
    pub children_open: u32,
    /// What the last freeze did: stopped, of how many.
    pub frozen_tree: Option<(u32, u32)>,
    /// The work of its present attempt, where it has a workspace of its own.
    pub work: Option<Box<Work>>,
    /// What the attempt before left and was not merged, for a prompt: the next one goes on from it.
    pub former: Option<Former>,
    /// The conflict that its work is in.
    pub conflict: Option<u32>,
    /// Times that it was sent back on top of others' work.
    pub sent_back: u32,
    /// Whether what it is to begin with is there.
    pub readiness: Readiness,
    /// How many times that was asked.
    pub asked: u32,
    /// The hand-off of its present attempt.
    pub handed: Option<HandedOff>,
    /// What was said about its work, until a later attempt's is collected.
    pub remarks: Vec<Remark>,
    /// Its conversation, where its program has one.
    pub talk: Option<Box<Talk>>,
}

impl AgentState {
    /// Returns the mode of its next attempt, where pressure or a person has chosen one.
    #[must_use]
    pub fn chosen(&self) -> Option<u32> {
        self.relief.or(self.swap_to)
    }

    /// Returns whether an end (of its last attempt) says that a worker which was to take over could not start: not its
    /// plan's first, nor one that a person chose.
    #[must_use]
    pub fn strands(&self, exit: &Exit) -> bool {
        let could_not = matches!(exit, Exit::SpawnError(_) | Exit::Refused(_));
        could_not && (1..64).contains(&self.mode) && self.swap_to != Some(self.mode)
    }

    /// Returns whether a mode could not take over before.
    #[must_use]
    pub const fn stranded_in(&self, mode: u32) -> bool {
        mode < 64 && self.stranded >> mode & 1 == 1
    }

    /// Returns whether it waits for an answer.
    #[must_use]
    pub fn asking(&self) -> bool {
        self.talk.as_ref().is_some_and(|talk| !talk.asks.is_empty())
    }

    /// Returns whether its present attempt is a person's work in its session, in a terminal.
    #[must_use]
    pub fn opened(&self) -> bool {
        self.talk.as_ref().is_some_and(|talk| talk.opened)
    }

    /// Returns the attempt whose workspace the present one works in.
    #[must_use]
    pub fn home(&self) -> u32 {
        let talk = self.talk.as_ref().filter(|talk| talk.went_on);
        talk.map_or(self.attempt, |talk| talk.home)
    }

    /// Returns whether it failed for its parts alone: its own work was well, and they are what has to
    /// be looked at.
    #[must_use]
    pub fn lost_parts(&self) -> bool {
        self.failure == Some(FailureKind::Coordination) && self.own_done
    }
}

/// Where a phase stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PhaseStatus {
    /// No agent of it was admitted yet.
    #[default]
    Waiting,
    /// Its agents are at work.
    Running,
    /// Its gates are being checked.
    Checking,
    /// All ended well.
    Completed,
    /// An agent or a gate of it failed; a retry opens it again.
    Failed,
}

/// One phase.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct PhaseState {
    /// Where it stands.
    pub status: PhaseStatus,
    /// Agents of it that have not ended.
    pub open: u32,
    /// Rounds of its gates so far.
    pub attempt: u32,
    /// Its gates.
    pub check: Option<CheckRun>,
    /// Its gates are held back, and by whom.
    pub hold: Option<HoldBy>,
    /// Why it failed, in words.
    pub reason: Option<String>,
    /// It failed for its gates (in place of a failed agent).
    pub gate_red: bool,
    /// The gate that was red last.
    pub red_gate: Option<String>,
    /// How the commands of its gates came out last, and on which files.
    #[serde(default)]
    pub judged: Vec<Judged>,
    /// Since when it stands where it stands (elapsed µs).
    pub since_us: u64,
}

impl State {
    /// Returns whether the present or last attempt of an agent has a terminal.
    #[must_use]
    pub fn in_terminal(&self, ix: AgentIx) -> bool {
        let agent = self.agent(ix);
        agent.opened() || self.setup.plan.agent(ix).in_terminal(agent.mode)
    }

    /// Returns whether the failure of an agent was taken care of: a `when = "failed"` successor
    /// has succeeded (DESIGN 1).
    #[must_use]
    pub fn handled(&self, ix: AgentIx) -> bool {
        self.setup.edges_out[ix.ix()].iter().any(|edge| {
            edge.kind == EdgeKind::Need(crate::plan::When::Failed)
                && self.agent(edge.to).status == Status::Succeeded
        })
    }

    /// Returns whether the failure of an agent, or of one that it is a part of, was taken care of:
    /// for the outcome of a run, a part's failure is its parent's too.
    #[must_use]
    pub fn handled_above(&self, ix: AgentIx) -> bool {
        let mut at = Some(ix);
        while let Some(ix) = at {
            if self.handled(ix) {
                return true;
            }
            at = self.setup.plan.agent(ix).parent;
        }
        false
    }
}
