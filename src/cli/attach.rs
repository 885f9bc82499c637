//! `wavedeck attach`: the dashboard of a live run.

use clap::Args;

use super::{args::Global, error::Outcome, unbuilt::not_wired};

/// Flags of `attach`.
#[derive(Debug, Clone, Args)]
pub struct AttachArgs {
    /// The run, by a unique prefix of its name; default: the live or latest one
    pub run: Option<String>,
    /// Print lines in place of the dashboard
    #[arg(long)]
    pub headless: bool,
    /// Print events as JSON Lines; with --headless
    #[arg(long)]
    pub json: bool,
}

/// Attaches to a live run.
pub fn attach(_args: &AttachArgs, _global: &Global) -> Outcome {
    Err(not_wired("attach"))
}
