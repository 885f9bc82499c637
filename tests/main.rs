//! One test binary: one link, shared code.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "helpers of tests may panic and print as tests may"
)]

mod cli;
mod executor;
mod journal;
mod plan;
mod sampler;
mod simulation;
