//! One test binary: one link, shared code.

mod plan;
mod simulation;
