//! One test binary: one link, shared code.

mod executor;
mod journal;
mod plan;
mod sampler;
mod simulation;
