//! One test binary: one link, shared code.

mod executor;
mod plan;
mod sampler;
mod simulation;
