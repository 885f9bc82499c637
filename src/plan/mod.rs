//! The plan file (DESIGN 5): model, parsing, expansion, validation that reports everything at once.
//!
//! Pure: text in, [`Plan`] or a list of problems out. Must not open files (the caller hands prompt
//! files in through a closure), look at the machine, or decide anything about a run.

pub mod id;
pub mod model;

pub use id::{AgentId, AgentIx, GateIx, PhaseIx, TrackIx, WorkerIx};
pub use model::*;
