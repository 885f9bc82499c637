//! One test binary: one link, shared code.

mod cli;
mod executor;
mod journal;
mod plan;
mod simulation;
