//! `wavedeck completions`: completions for a shell.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{
    args::Cli,
    error::{Error, Outcome, status},
    out,
};

/// Flags of `completions`.
#[derive(Debug, Clone, Args)]
pub struct CompletionsArgs {
    /// The shell
    pub shell: Shell,
}

/// Prints completions.
pub fn completions(args: &CompletionsArgs) -> Outcome {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "wavedeck", &mut text);
    out::print(&String::from_utf8_lossy(&text))
        .map_err(|e| Error::internal("cannot write to stdout", e))?;
    Ok(status::OK)
}
