//! `wavedeck logs`: what an agent printed.

use clap::Args;

use super::{args::Global, error::Outcome, unbuilt::not_wired};

/// Flags of `logs`.
#[derive(Debug, Clone, Args)]
pub struct LogsArgs {
    /// The agent's id
    pub agent: String,
    /// Which run.
    #[command(flatten)]
    pub of: super::RunName,
    /// Which attempt, from 1; default: the last
    #[arg(long, value_name = "N")]
    pub attempt: Option<u32>,
    /// Go on until the agent has ended
    #[arg(short, long)]
    pub follow: bool,
}

/// Prints what an agent printed.
pub fn logs(_args: &LogsArgs, _global: &Global) -> Outcome {
    Err(not_wired("logs"))
}
