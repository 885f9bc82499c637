//! `wavedeck resume`: goes on with a run whose runner has ended.

use clap::Args;

use super::{args::Global, error::Outcome, unbuilt::not_wired};

/// Flags of `resume`.
#[derive(Debug, Clone, Args)]
pub struct ResumeArgs {
    /// The run, by a unique prefix of its name; default: the live or latest one
    pub run: Option<String>,
    /// Print lines in place of the dashboard
    #[arg(long)]
    pub headless: bool,
    /// Print events as JSON Lines; with --headless
    #[arg(long)]
    pub json: bool,
}

/// Resumes a run.
pub fn resume(_args: &ResumeArgs, _global: &Global) -> Outcome {
    Err(not_wired("resume"))
}
