//! `wavedeck runs`: what is recorded.

use clap::{Args, Subcommand};

use super::{args::Global, error::Outcome, unbuilt::not_wired};

/// Flags of `runs`.
#[derive(Debug, Clone, Args)]
pub struct RunsArgs {
    /// What to do; none: list.
    #[command(subcommand)]
    pub what: Option<RunsCommand>,
    /// JSON in place of text
    #[arg(long, global = true)]
    pub json: bool,
}

/// What to do with recorded runs.
#[derive(Debug, Clone, Subcommand)]
pub enum RunsCommand {
    /// List them, the newest first
    List,
    /// Show one
    Show {
        /// The run, by a unique prefix of its name; default: the live or latest one
        run: Option<String>,
    },
    /// Remove finished runs that are not to be kept
    Prune {
        /// Runs that stay; default: runs.keep of the configuration
        #[arg(long, value_name = "N")]
        keep: Option<u32>,
        /// Days for which runs stay; default: runs.keep_days of the configuration
        #[arg(long, value_name = "DAYS")]
        days: Option<u32>,
        /// Ask nothing
        #[arg(short, long)]
        yes: bool,
    },
}

/// Lists, shows or removes recorded runs.
pub fn runs(_args: &RunsArgs, _global: &Global) -> Outcome {
    Err(not_wired("runs"))
}
