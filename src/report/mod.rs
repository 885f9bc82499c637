//! What people and scripts read: renderers of plans and runs.
//!
//! Text in memory only; writing it is the caller's.

pub mod adapted;
pub mod digest;
pub mod history;
pub mod learnt;
pub mod lessons;
pub mod off;
pub mod past;
pub mod plan;
pub mod run;
