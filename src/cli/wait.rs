//! `wavedeck wait`: waits for the end of a run.

use clap::Args;

use super::{
    args::Global,
    error::{Error, Outcome},
    find,
};
use crate::journal::Phase;

/// Flags of `wait`.
#[derive(Debug, Clone, Args)]
pub struct WaitArgs {
    /// The run, by a unique prefix of its name; default: the live or latest one
    pub run: Option<String>,
}

/// Waits, and returns the run's status.
pub fn wait(args: &WaitArgs, _global: &Global) -> Outcome {
    let dir = find::run(args.run.as_deref())?;
    while dir.is_live() {
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    match dir.info().phase {
        Phase::Finished { status } => Ok(status),
        // The runner is gone before the run's end.
        _ => Err(Error::failed(format!("run {} was interrupted", dir.id))
            .help("`wavedeck resume` goes on with it")),
    }
}
