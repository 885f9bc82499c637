//! All kinds of events but those about work and conversations.
//!
//! Plain data; must not hold anything that a journal line cannot carry.

#[cfg(test)]
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::parts::{is_false, is_zero};
use super::{
    AgentFreezeVerified, AgentPreempted, AttentionAnswered, AttentionRaised, Cause, CheckPlace,
    Exit, FailureKind, Figures, Handle, Interruption, LeaseEvent, MeasureEvent, MemoryEvent,
    OnBase, ProcessTrouble, StoppedBy, TalkEvent, WorkEvent, Zone,
};
use crate::{
    engine::{Action, Metrics},
    plan::{AgentId, Mode},
};

/// One event. The names are the contract's; kinds that it does not list are ours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(tag = "kind")]
#[expect(
    missing_docs,
    reason = "the same in all: `agent` whom, `attempt` its attempt or the round of a phase's gates, `place` which check \
              command, `phase` and `cohort` which, `from` and `to` before and now, `cause` and `reason` why, `pressure_permille` as seen"
)]
pub enum Event {
    /// The run began.
    #[serde(rename = "run.started")]
    RunStarted {
        /// Identifier of the run.
        run: String,
        /// Name of the plan.
        plan: String,
        /// SHA-256 of the plan as run.
        plan_hash: String,
        /// Version of the program.
        wavedeck: String,
        /// Identifier of the machine's boot.
        boot_id: String,
        /// Mode at the start.
        mode: Mode,
        /// Commit that the run started from.
        base_commit: Option<String>,
        /// Agents in the plan.
        agents: u32,
        /// Waves in the plan (K1 `wave_count`).
        wave_count: u32,
        /// Agents at once.
        agents_cap: u32,
        ram_limit_bytes: u64,
        /// Memory at the start: the baseline.
        figures: Figures,
    },
    /// The run went on after a crash.
    #[serde(rename = "run.resumed")]
    RunResumed {
        /// Identifier of the machine's boot now.
        boot_id: String,
        /// Version of the program now.
        wavedeck: String,
        /// Old processes that were still alive and were ended.
        survivors: u32,
        /// Attempt numbers found outside the journal, never to be used again.
        interrupted: Vec<Interruption>,
    },
    /// The whole run was told to stop.
    #[serde(rename = "run.stopped")]
    RunStopped { by: StoppedBy },
    /// Recording has a fault (`error`), or is well again (none).
    #[serde(rename = "run.degraded")]
    RunDegraded { error: Option<String> },
    /// The run ended.
    #[serde(rename = "run.finished")]
    RunFinished {
        /// Exit status as in DESIGN 6.
        status: u8,
        /// One line for people.
        summary: String,
        /// K1 and K2.
        metrics: Box<Metrics>,
    },
    /// An operator's action was accepted.
    #[serde(rename = "operator.action")]
    OperatorAction {
        /// Who asked: `deck`, `ctl`.
        by: String,
        /// What.
        action: Action,
        /// The agents that it was resolved to.
        agents: Vec<AgentId>,
        /// The phases whose gates it concerns too, by id.
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        phases: Vec<String>,
        /// The tracks, waves or run whose gates it concerns too: `track:A`, `wave:2`, `run`.
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        cohorts: Vec<String>,
    },
    /// The mode or the cap changed.
    #[serde(rename = "mode.changed")]
    ModeChanged {
        from: Mode,
        to: Mode,
        /// Agents at once now.
        agents_cap: u32,
        cause: Cause,
    },
    /// All its needs are met.
    #[serde(rename = "agent.ready")]
    AgentReady { agent: AgentId },
    /// It will not run: a need cannot be met.
    #[serde(rename = "agent.skipped")]
    AgentSkipped {
        agent: AgentId,
        reason: String,
        /// Its own condition said so; no failure stands behind it.
        by_condition: bool,
    },
    /// Admission let it start.
    #[serde(rename = "agent.scheduled")]
    AgentScheduled {
        agent: AgentId,
        /// Its new attempt.
        attempt: u32,
        /// Which of its modes.
        mode: u32,
        /// The worker of that mode.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        worker: Option<String>,
        /// Memory reserved for it, in bytes.
        ram_bytes: u64,
        pressure_permille: u32,
        /// Agents that hold a slot, itself included.
        running: u32,
    },
    /// Its process runs.
    #[serde(rename = "agent.started")]
    AgentStarted {
        agent: AgentId,
        attempt: u32,
        /// How to find the process.
        handle: Handle,
    },
    /// It has been silent for its `quiet` (or speaks again).
    #[serde(rename = "agent.quiet")]
    AgentQuiet {
        agent: AgentId,
        attempt: u32,
        quiet: bool,
    },
    /// It has reported of itself, or tried to.
    #[serde(rename = "agent.progress")]
    AgentProgress(super::progress::AgentProgress),
    /// It ran longer than its `timeout` and is being ended.
    #[serde(rename = "agent.timeout")]
    AgentTimeout {
        agent: AgentId,
        attempt: u32,
        /// The limit, in microseconds.
        limit_us: u64,
    },
    /// Its process and whatever it left behind are gone.
    #[serde(rename = "attempt.ended")]
    AttemptEnded {
        agent: AgentId,
        attempt: u32,
        /// How.
        exit: Exit,
        /// CPU time in microseconds.
        cpu_us: u64,
        /// Peak resident memory of its largest process, in bytes.
        peak_bytes: u64,
        /// Bytes of its output.
        output_bytes: u64,
        /// Descendants left behind and ended.
        #[serde(skip_serializing_if = "is_zero", default)]
        leaked: u32,
        /// Watched output files that exist.
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        present: Vec<String>,
        /// There is a file where it may write its hand-off; told of who has no workspace.
        #[serde(skip_serializing_if = "is_false", default)]
        handoff: bool,
    },
    /// Another attempt follows.
    #[serde(rename = "agent.retrying")]
    AgentRetrying {
        agent: AgentId,
        /// The attempt that ended.
        attempt: u32,
        cause: Cause,
        /// Pause before it is ready again, in microseconds.
        delay_us: u64,
        /// In words: what went wrong.
        reason: String,
    },
    /// It waits for its sub-agents.
    #[serde(rename = "agent.joining")]
    AgentJoining { agent: AgentId },
    /// Its checks begin.
    #[serde(rename = "agent.checking")]
    AgentChecking { agent: AgentId, attempt: u32 },
    /// Its process tree was stopped: memory stays, the slot is free.
    #[serde(rename = "agent.frozen")]
    AgentFrozen {
        agent: AgentId,
        attempt: u32,
        cause: Cause,
    },
    /// Something is wrong with its processes or its output; nothing follows from it for the run.
    #[serde(rename = "process.trouble")]
    ProcessTrouble(ProcessTrouble),
    /// What a freeze did, measured.
    #[serde(rename = "agent.freeze_verified")]
    AgentFreezeVerified(AgentFreezeVerified),
    /// It is ended while it is frozen, to go again.
    #[serde(rename = "agent.preempted")]
    AgentPreempted(AgentPreempted),
    /// Its process tree runs again.
    #[serde(rename = "agent.thawed")]
    AgentThawed {
        agent: AgentId,
        attempt: u32,
        cause: Cause,
        pressure_permille: u32,
    },
    /// It waits for a person.
    #[serde(rename = "agent.blocked")]
    AgentBlocked {
        agent: AgentId,
        reason: String,
        /// The red gate, where it is one.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        gate: Option<String>,
    },
    /// It failed for good.
    #[serde(rename = "agent.failed")]
    AgentFailed {
        agent: AgentId,
        /// Its last attempt.
        attempt: u32,
        /// What kind of failure.
        failure: FailureKind,
        reason: String,
    },
    /// A person ended it.
    #[serde(rename = "agent.stopped")]
    AgentStopped {
        agent: AgentId,
        /// Its last attempt; 0: it never started.
        attempt: u32,
    },
    /// It is done.
    #[serde(rename = "agent.completed")]
    AgentCompleted {
        agent: AgentId,
        /// The attempt that did it.
        attempt: u32,
        /// Time that its process ran in that attempt, in microseconds.
        ran_us: u64,
    },
    /// The next check command is in line.
    #[serde(rename = "check.queued")]
    CheckQueued {
        #[serde(flatten)]
        place: CheckPlace,
    },
    /// Admission let a check command start.
    #[serde(rename = "check.scheduled")]
    CheckScheduled {
        #[serde(flatten)]
        place: CheckPlace,
        /// Memory reserved for it, in bytes.
        ram_bytes: u64,
        pressure_permille: u32,
    },
    /// A check command runs.
    #[serde(rename = "check.started")]
    CheckStarted {
        #[serde(flatten)]
        place: CheckPlace,
        handle: Handle,
    },
    /// A check command ended.
    #[serde(rename = "check.ended")]
    CheckEnded {
        #[serde(flatten)]
        place: CheckPlace,
        exit: Exit,
        /// Bytes of its output: the evidence.
        output_bytes: u64,
    },
    /// A check command ran longer than it may and is being ended.
    #[serde(rename = "check.timeout")]
    CheckTimeout {
        #[serde(flatten)]
        place: CheckPlace,
        /// The limit, in microseconds.
        limit_us: u64,
    },
    /// The processes of a check command were stopped: their memory stays, the slot is free.
    #[serde(rename = "check.frozen")]
    CheckFrozen {
        #[serde(flatten)]
        place: CheckPlace,
        cause: Cause,
    },
    /// They run again.
    #[serde(rename = "check.thawed")]
    CheckThawed {
        #[serde(flatten)]
        place: CheckPlace,
        pressure_permille: u32,
    },
    /// All commands of a gate were green; `flaky`: one came out differently on the same files.
    #[serde(rename = "gate.passed")]
    GatePassed {
        #[serde(flatten)]
        place: CheckPlace,
        #[serde(skip_serializing_if = "is_false", default)]
        flaky: bool,
    },
    /// A command of a gate was red; `flaky`: one came out differently on the same files.
    #[serde(rename = "gate.failed")]
    GateFailed {
        #[serde(flatten)]
        place: CheckPlace,
        reason: String,
        /// How it came out on the base; none: it was not run there.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        base: Option<OnBase>,
        #[serde(skip_serializing_if = "is_false", default)]
        flaky: bool,
    },
    /// Its first agent was admitted.
    #[serde(rename = "phase.started")]
    PhaseStarted { phase: String },
    /// All its agents have ended; its gates are next.
    #[serde(rename = "phase.checking")]
    PhaseChecking { phase: String, attempt: u32 },
    /// An agent of it is tried again while its gates were checked: they come later, anew.
    #[serde(rename = "phase.reopened")]
    PhaseReopened { phase: String },
    /// All its agents ended and its gates passed.
    #[serde(rename = "phase.completed")]
    PhaseCompleted { phase: String },
    /// It cannot complete: an agent or a gate of it failed.
    #[serde(rename = "phase.failed")]
    PhaseFailed { phase: String, reason: String },
    /// All agents of a `track:A`, up to a `wave:2` or of the `run` have ended well; their gates are next.
    #[serde(rename = "cohort.checking")]
    CohortChecking { cohort: String, attempt: u32 },
    /// An agent of them is tried again while the gates were checked: they come later, anew.
    #[serde(rename = "cohort.reopened")]
    CohortReopened { cohort: String },
    /// The gates have passed.
    #[serde(rename = "cohort.completed")]
    CohortCompleted { cohort: String },
    /// They have not: an agent or a gate failed.
    #[serde(rename = "cohort.failed")]
    CohortFailed { cohort: String, reason: String },
    /// All its agents have ended.
    #[serde(rename = "wave.completed")]
    WaveCompleted { wave: u32 },
    /// A point to which the run can be taken back; the integrated head then, if anything was merged.
    #[serde(rename = "checkpoint.made")]
    CheckpointMade {
        /// The wave that it closes.
        wave: u32,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        commit: Option<String>,
    },
    #[serde(rename = "attention.raised")]
    AttentionRaised(AttentionRaised),
    #[serde(rename = "attention.answered")]
    AttentionAnswered(AttentionAnswered),
    /// Memory pressure crossed a threshold; halted: it is so high that nothing starts.
    #[serde(rename = "zone.changed")]
    ZoneChanged {
        from: Zone,
        to: Zone,
        halted: bool,
        figures: Figures,
    },
    /// Work in workspaces, conversations, leases, memory: kinds of their own.
    #[serde(untagged)]
    Work(Box<WorkEvent>),
    #[serde(untagged)]
    Talk(Box<TalkEvent>),
    #[serde(untagged)]
    Lease(Box<LeaseEvent>),
    #[serde(untagged)]
    Memory(Box<MemoryEvent>),
    #[serde(untagged)]
    Measure(Box<MeasureEvent>),
}
