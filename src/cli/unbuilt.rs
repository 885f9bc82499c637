//! Commands of the contract whose feature this version has not built: each says so and what to use.

use clap::Args;

use super::{Error, args::Command};

/// `export`.
#[derive(Debug, Args)]
pub struct OfRun {
    /// The run, by a unique prefix of its name; default: the live or latest one
    pub run: Option<String>,
    /// Lines in place of the dashboard
    #[arg(long)]
    pub headless: bool,
    /// JSON in place of text
    #[arg(long)]
    pub json: bool,
}

/// The sentence of a command that is not built.
pub fn refuse(command: &Command) -> Error {
    let (what, instead) = match command {
        Command::Export(_) => (
            "export",
            "copy the run's folder below .wavedeck/runs; its journal is JSON Lines",
        ),
        Command::Mcp => (
            "mcp",
            "use `wavedeck ctl` and `wavedeck status --json` from scripts",
        ),
        // Everything else is dispatched before.
        _ => ("this command", "use `wavedeck --help`"),
    };
    Error::not_built(what, instead)
}
