//! `wavedeck wait`: waits for the end of a run.

use clap::Args;

use super::{args::Global, error::Outcome, unbuilt::not_wired};

/// Flags of `wait`.
#[derive(Debug, Clone, Args)]
pub struct WaitArgs {
    /// The run, by a unique prefix of its name; default: the live or latest one
    pub run: Option<String>,
}

/// Waits, and returns the run's status.
pub fn wait(_args: &WaitArgs, _global: &Global) -> Outcome {
    Err(not_wired("wait"))
}
