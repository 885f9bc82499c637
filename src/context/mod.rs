//! What an agent is told, and what nobody must be told: the composition of prompts, the estimate of
//! their tokens, and redaction (`docs/context.md`).
//!
//! Pure: no clock, no files, no environment; who uses it reads those and hands them in. Must not know
//! processes, screens or the journal.

pub mod redact;
