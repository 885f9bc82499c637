//! One test binary: one link, shared code.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test that cannot go on fails; clippy's exemption misses functions beside the tests"
)]

mod agent_program;
mod cli;
mod config;
mod docs;
mod executor;
mod fakes;
mod hostile;
mod journal;
mod left;
mod model_server;
mod models;
mod plan;
mod pressure;
mod purity;
mod real;
mod redaction;
#[path = "../benches/rig/mod.rs"]
mod rig;
mod runtime;
mod sampler;
mod sandbox;
mod served;
mod simulation;
mod terminals;
mod workspaces;
