//! The engine: `decide(&State, &Input) -> Vec<Event>` and `State::apply(&Record)` (DESIGN 2).
//!
//! Pure: no clock, no I/O, no randomness, integers only. Must not know processes, files, sockets
//! or screens; what happened outside comes in as an [`Input`], what shall happen outside goes out
//! as a [`Command`]. Live runs, replay, crash recovery and simulation all use exactly this code.

mod action;
mod admission;
mod apply;
mod command;
pub mod decide;
mod event;
mod input;
mod kinds;
mod metrics;
mod setup;
mod state;
mod turn;
mod usage;
pub mod words;

pub use action::{Action, Target, UNBUILT_ACTIONS};
pub use admission::{
    Grant, Why, admit, admit_check, admit_check_thaw, admit_thaw, behind_barrier, mode_name,
};
pub use command::{Command, effects};
pub use decide::{Refusal, decide, resolve, waiting};
pub use event::progress::{AgentProgress, Blocker, Health, ResourceUsage, Severity, Via, Words};
pub use event::{
    Answer, AttentionAnswered, AttentionKind, AttentionRaised, Cause, CheckPlace, Event, Exit,
    FailureKind, Figures, Handle, Interruption, Level, Record, StoppedBy, Trouble, Zone, whose,
};
pub use input::{Input, InputKind, JobKey, Owner};
pub use metrics::Metrics;
pub use setup::{CheckStep, Edge, EdgeKind, Effective, Setup, Thresholds};
pub use state::{
    AgentState, AttemptEnd, Attention, CheckRun, Ending, HoldBy, Item, JobState, Live, Memory,
    PhaseState, PhaseStatus, Place, Rank, Ready, Said, Shelf, State, Status,
};
pub use turn::{Turn, turn, turn_into, turn_with};
pub use usage::Usage;

#[cfg(test)]
mod tests;
