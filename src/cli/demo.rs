//! `wavedeck demo`: the built-in plan with simulated agents.

use clap::Args;

use super::{args::Global, error::Outcome, unbuilt::not_wired};

/// Flags of `demo`.
#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    /// Print lines in place of the dashboard
    #[arg(long)]
    pub headless: bool,
    /// Print events as JSON Lines; with --headless
    #[arg(long)]
    pub json: bool,
}

/// Runs the built-in plan.
pub fn demo(_args: &DemoArgs, _global: &Global) -> Outcome {
    Err(not_wired("demo"))
}
