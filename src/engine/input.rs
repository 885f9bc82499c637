//! Everything that can happen to a run, stamped with time and the last memory figures.
//!
//! Must not carry screens, key codes or raw samples: keys arrive as named [`super::Action`]s,
//! samples only as edges that a sensor has seen.

use serde::{Deserialize, Serialize};

use crate::plan::{AgentId, AgentIx, ModelIx, PhaseIx};

use super::{
    Absent, Action, CohortIx, Exit, Extension, Figures, Foreseen, Found, Handle, Heard, InBand,
    MergeOutcome, Offer, Prepared, ServedNow, StoppedBy, Trouble, UnloadedNow, Unready, Uses, Via,
    Words, Zone,
};

/// Whose process it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// An agent's.
    Agent(AgentIx),
    /// A gate of a phase.
    Phase(PhaseIx),
    /// A gate of a track, of a wave or of the run.
    Cohort(CohortIx),
}

/// Names one process of a run; the idempotence key of commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobKey {
    /// Whose it is.
    pub owner: Owner,
    /// Attempt of the agent, or round of the phase's gates, from 1.
    pub attempt: u32,
    /// Which check command, counted over all gates of the owner; none for the agent's own process.
    pub check: Option<u32>,
    /// Which round of that command within the attempt, from 1; always 1 for the agent's own process.
    pub round: u32,
}

impl JobKey {
    /// The key of an agent's own process.
    #[must_use]
    pub const fn main(agent: AgentIx, attempt: u32) -> Self {
        Self {
            owner: Owner::Agent(agent),
            attempt,
            check: None,
            round: 1,
        }
    }
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Input {
    /// Wall clock, milliseconds since the Unix epoch; for display only.
    pub at_ms: i64,
    /// Microseconds that the run has been alive; never goes back.
    pub elapsed_us: u64,
    /// Memory as last sampled.
    pub figures: Figures,
    /// What agents hold, as last sampled.
    pub uses: Uses,
    /// What happened.
    pub kind: InputKind,
}

/// The kinds of input.
#[derive(Debug, Clone, PartialEq)]
pub enum InputKind {
    /// The run begins.
    Begin {
        /// Identifier of the run.
        run: String,
        /// Identifier of the machine's boot.
        boot_id: String,
        /// SHA-256 of the plan as run, lower-case hex.
        plan_hash: String,
        /// Commit that the run started from, where the repository has one.
        base_commit: Option<String>,
    },
    /// Nothing new: look for what follows from the state. Repeated until no event comes.
    Settle,
    /// A deadline of [`super::State::next_deadline`] has passed.
    Deadline,
    /// A process runs.
    Spawned {
        /// Which.
        key: JobKey,
        /// How to find it again.
        handle: Handle,
    },
    /// A process could not be started.
    SpawnFailed {
        /// Which.
        key: JobKey,
        /// Why, in words.
        error: String,
    },
    /// A process was not started: what its agent must be told is more than it may be told.
    Refused {
        /// Which.
        key: JobKey,
        /// Why, in words with sizes.
        why: String,
    },
    /// A process and its tree are gone.
    Ended {
        /// Which.
        key: JobKey,
        /// How.
        exit: Exit,
        /// CPU time of it and of what it waited for, in microseconds.
        cpu_us: u64,
        /// Peak resident memory of its largest process, in bytes.
        peak_bytes: u64,
        /// Bytes of output in its file.
        output_bytes: u64,
        /// Descendants that it left behind and that were ended.
        leaked: u32,
        /// Which of the agent's watched output files exist.
        present: Vec<String>,
        /// There is a file where it may write its hand-off.
        handoff: bool,
    },
    /// A freeze was carried out and verified.
    FrozenTree {
        /// Which.
        key: JobKey,
        /// Processes seen stopped.
        stopped: u32,
        /// Processes of the tree.
        total: u32,
        /// What the tree holds, in bytes.
        held_bytes: u64,
    },
    /// Something is wrong with the processes or the output of a job.
    Trouble {
        /// Which.
        key: JobKey,
        /// What.
        trouble: Trouble,
    },
    /// A person could not be told of what waits.
    NotTold {
        /// Why, in words.
        error: String,
    },
    /// An agent has been silent for its `quiet`, or speaks again.
    Quiet {
        /// Whom.
        agent: AgentIx,
        /// Its attempt.
        attempt: u32,
        /// Silent, or speaking again.
        quiet: bool,
    },
    /// An agent leaks, as it seems: told once an attempt.
    Leaking {
        /// Whom.
        agent: AgentIx,
        /// Its attempt.
        attempt: u32,
        /// What it holds, in bytes.
        bytes: u64,
        /// How much more each minute, in bytes.
        growth_bytes_per_min: i64,
    },
    /// An agent holds more than its `ram_max`.
    OverLimit {
        /// Whom.
        agent: AgentIx,
        /// Its attempt.
        attempt: u32,
        /// What it holds, in bytes.
        bytes: u64,
    },
    /// An agent reports of itself.
    Progress {
        /// Whom.
        agent: AgentIx,
        /// Its attempt.
        attempt: u32,
        /// By which way.
        via: Via,
        /// What it says, clean and bounded; or why that could not be read.
        said: Result<Box<Words>, String>,
    },
    /// An agent's program says something.
    Heard {
        /// Whose.
        agent: AgentIx,
        /// In which attempt.
        attempt: u32,
        /// What.
        heard: Box<Heard>,
    },
    /// A command inside of an agent asks for a lease.
    LeaseAsked {
        /// Whose.
        agent: AgentIx,
        /// In which attempt.
        attempt: u32,
        /// The lease's number: higher than all before.
        number: u32,
        /// The command.
        name: String,
        /// Leases whose commands it runs below, as it says.
        below: Vec<u32>,
    },
    /// The process that asked for a lease has ended, whatever became of the lease.
    LeaseEnded {
        /// The lease's number.
        number: u32,
    },
    /// The 24-hour gate was judged.
    Judged {
        /// How many times it was due by now, from 1.
        number: u32,
        /// What does not hold, each with its figure, clean and bounded; empty: it passes.
        failed: Vec<String>,
    },
    /// Memory pressure crossed a threshold (with hysteresis).
    Zone {
        /// The zone now.
        zone: Zone,
        /// At or above the halt threshold (until the hysteresis below it): nothing may start.
        halted: bool,
        /// Where pressure is, seen from the band.
        band: InBand,
        /// How many the strategy lets run at once; 0: it has no steps.
        step: u32,
    },
    /// A model was loaded or is gone, as its server says.
    Served {
        /// Which.
        model: ModelIx,
        /// What is now.
        now: ServedNow,
    },
    /// A model was unloaded because it was ordered, or could not be.
    Unloaded {
        /// Which.
        model: ModelIx,
        /// What that gave back, as measured; or why it is still there.
        done: Result<UnloadedNow, String>,
    },
    /// A judgement of memory is due: pressure is where something may have to be done, or an effect can be measured.
    Judge,
    /// A person or script asks for something.
    Operator {
        /// Who: `deck`, `ctl`, …
        by: String,
        /// What.
        action: Action,
    },
    /// A person or script adds agents; they were read and checked outside of the loop.
    Extend {
        /// Who: `deck`, `ctl`, …
        by: String,
        /// They.
        extension: Box<Extension>,
    },
    /// A signal asks the run to stop.
    Signal {
        /// By whom.
        by: StoppedBy,
    },
    /// A workspace is there, or could not be made.
    Prepared {
        /// Whose.
        agent: AgentIx,
        /// For which attempt.
        attempt: u32,
        /// What it is, or why not, in words.
        done: Result<Prepared, Unready>,
    },
    /// What an attempt left in its workspace, or why that is not known.
    Collected {
        /// Whose.
        agent: AgentIx,
        /// Which attempt.
        attempt: u32,
        /// What.
        found: Result<Box<Found>, String>,
    },
    /// What an agent is to begin with was looked for.
    Inspected {
        /// Whom.
        agent: AgentIx,
        /// The number of the question.
        number: u32,
        /// What is not there, or why that is not known.
        missing: Result<Vec<Absent>, String>,
    },
    /// An agent that runs has changed files outside of its write scope.
    Outside {
        /// Whom.
        agent: AgentIx,
        /// Its attempt.
        attempt: u32,
        /// Which, clean and bounded.
        paths: Vec<String>,
    },
    /// Two agents that run would clash, or no longer would.
    Foreseen {
        /// One of them.
        agent: AgentIx,
        /// The other.
        with: AgentIx,
        /// How; none: they no longer would.
        clash: Option<Foreseen>,
    },
    /// A merge was tried.
    Merged {
        /// Its number.
        number: u32,
        /// What it came to.
        outcome: Box<MergeOutcome>,
    },
    /// The head went forward to a merge, or could not.
    Advanced {
        /// Its number.
        number: u32,
        /// Which agents that run build on files that it changed, and which files; or why not.
        done: Result<Vec<(AgentIx, Vec<String>)>, String>,
    },
    /// A checkout of the head is there.
    CheckedOut {
        /// The commit.
        commit: String,
        /// Which checkout of the run's base, from 1; none: of the head.
        base: Option<u32>,
        /// Where, or why not.
        done: Result<String, String>,
    },
    /// The head went back to a checkpoint, or could not.
    RolledBack {
        /// Which roll-back.
        number: u32,
        /// Why not.
        done: Result<(), String>,
    },
    /// The work was handed over, or could not be.
    Delivered {
        /// Which head.
        commit: String,
        /// The branch that has it.
        branch: String,
        /// A person's branch that went forward to it.
        forwarded: Option<String>,
        /// What could not be done.
        error: Option<String>,
        /// A person is to be asked whether their branch goes forward.
        offer: Option<Offer>,
    },
    /// The journal cannot be written (`Some`), or can be written again (`None`).
    Journal {
        /// What is wrong.
        error: Option<String>,
    },
    /// The run goes on after a crash; what ran then has been ended.
    Recovered {
        /// Identifier of the machine's boot now.
        boot_id: String,
        /// Processes of the old attempts that were still alive and have been ended.
        survivors: u32,
        /// Highest attempt numbers found outside the journal (output files, processes).
        seen_attempts: Vec<(AgentId, u32)>,
    },
}
