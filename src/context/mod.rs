//! What an agent is told, and what nobody must be told: the composition of prompts, the estimate of
//! their tokens, and redaction (`docs/context.md`).
//!
//! Pure: no clock, no files, no environment; who uses it reads those and hands them in. Must not know
//! processes, screens or the journal.

mod compose;
mod item;
mod provenance;
pub mod redact;
#[cfg(test)]
mod tests;
mod tokens;

pub use compose::{LIMIT, Limit, Overflow, Prompt, compose, fence};
pub use item::{Item, Kind, Tier};
pub use provenance::{Origin, Use};
pub use tokens::{family, tokens};
