//! The engine: `decide(&State, &Input) -> Vec<Event>` and `State::apply(&Record)` (DESIGN 2).
//!
//! Pure: no clock, no I/O, no randomness, integers only. Must not know processes, files, sockets
//! or screens; what happened outside comes in as an [`Input`], what shall happen outside goes out
//! as a [`Command`]. Live runs, replay, crash recovery and simulation all use exactly this code.

mod action;
mod addition;
mod admission;
mod answers;
mod apply;
mod begins;
mod cohort;
mod command;
pub mod decide;
mod event;
mod evidence;
mod extension;
mod found;
mod heard;
mod input;
mod kinds;
mod measures;
mod metrics;
mod owners;
mod prices;
mod rules;
mod served;
mod setup;
mod state;
mod turn;
mod usage;
pub mod words;

pub use action::{Action, Settle, Target, UNBUILT_ACTIONS};
pub use addition::{ADD_WORDS, Addition};
pub use admission::{
    Grant, Why, admit, admit_check, admit_check_thaw, admit_lease, admit_thaw, behind_barrier,
    free_bytes, mode_name, room, size_asked, size_free,
};
pub use answers::answers;
pub use begins::{Wanted, WantedAt};
pub use cohort::{Cohort, CohortIx, CohortKind};
pub use command::{Command, effects};
pub use decide::{Refusal, decide, participants, refuses_extension, resolve, waiting};
pub use event::progress::{AgentProgress, Blocker, Health, ResourceUsage, Severity, Via, Words};
pub use event::{
    Absent, Adapted, Added, AgentFreezeVerified, AgentPreempted, Answer, AttentionAnswered,
    AttentionKind, AttentionRaised, Boundary, Budget, Candidate, Cause, CheckPlace, Clash, Event,
    Exit, FailureKind, Figures, Handle, HandoffChecked, HandoffChecking, Held, Impact, InBand,
    Interruption, Known, LeaseCause, LeaseEvent, Level, MeasureEvent, MemoryEvent, MergeOutcome,
    ModelEvent, Offer, OnBase, ProcessTrouble, Purpose, Record, Relief, Replied, RuleCommand,
    Scarce, StoppedBy, Strategy, SyncKind, SyncPoint, TalkEvent, ToldBy, Trouble, Unloading,
    WorkEvent, Zone, whose,
};
pub use evidence::{
    EvidenceKey, base_evidence_name, evidence_key, evidence_name, former_evidence_name,
    is_base_evidence,
};
pub use extension::Extension;
pub use found::{Foreseen, Found, Prepared, Unready};
pub use heard::Heard;
pub use input::{Input, InputKind, JobKey, Owner};
pub use measures::{Use, Uses};
pub use metrics::{Metrics, Spent};
pub use owners::CheckStep;
pub use prices::{Price, Prices};
pub use rules::{Adaptation, Band, MemoryRules, Per, Steps};
pub use served::{ServedNow, UnloadedNow};
pub use setup::{Edge, EdgeKind, Effective, MERGE_GATE, Setup, Thresholds};
pub use state::{
    Account, AgentState, Asking, AttemptEnd, Attention, BaseCheckout, CheckRun, Checkout,
    Checkpoint, Choice, Chosen, Compared, Conflict, Cost, Delivery, Effect, Ending, Former, Frees,
    HandedOff, HoldBy, Item, JobState, Judged, Lease, Leases, Limit, Live, MINUTE_US, Memory,
    Merge, MergeStage, Merged, Merges, Message, ModelNeed, ModelState, PhaseState, PhaseStatus,
    Pick, Place, Prediction, Rank, Readiness, Ready, Remark, Rollback, Said, Session, Shelf,
    Spending, State, Status, Syncs, Talk, Work, WorkStage,
};
pub use turn::{Turn, turn, turn_into, turn_with};
pub use usage::{Tally, Usage};

#[cfg(test)]
mod tests;
