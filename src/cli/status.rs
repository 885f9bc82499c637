//! `wavedeck status`: where a run stands, once or again and again.

use clap::Args;

use super::{args::Global, error::Outcome, unbuilt::not_wired};

/// Flags of `status`.
#[derive(Debug, Clone, Args)]
pub struct StatusArgs {
    /// Which run.
    #[command(flatten)]
    pub of: super::RunName,
    /// One JSON object
    #[arg(long, conflicts_with = "watch")]
    pub json: bool,
    /// Print again whenever something changes
    #[arg(long)]
    pub watch: bool,
}

/// Prints where a run stands.
pub fn status(_args: &StatusArgs, _global: &Global) -> Outcome {
    Err(not_wired("status"))
}
