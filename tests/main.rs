//! One test binary: one link, shared code.

//! Integration tests, one binary.

mod executor;
mod journal;
mod plan;
mod simulation;
