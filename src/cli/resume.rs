//! `wavedeck resume`: goes on with a run whose runner has ended.

use clap::Args;

use super::{
    args::Global,
    attach::AttachArgs,
    error::{Error, Outcome},
    find, out,
};
use crate::{
    journal::Phase,
    runtime::{
        client::Client,
        runner::{self, Manner, Resumed, RunnerError},
    },
};

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

/// How long a runner that is ending is waited for.
const ENDING: std::time::Duration = std::time::Duration::from_secs(30);

/// Resumes a run: waits for a runner that is ending, attaches to one that lives, prints the result
/// of one that has ended.
pub fn resume(args: &ResumeArgs, global: &Global) -> Outcome {
    let dir = find::run(args.run.as_deref())?;
    let until = std::time::Instant::now() + ENDING;
    while dir.is_live() {
        // One that answers lives; one that does not is on its way out.
        if Client::connect(&dir.path, false).is_ok() || std::time::Instant::now() > until {
            let attach = AttachArgs {
                run: Some(dir.id),
                headless: args.headless,
                json: args.json,
            };
            return super::attach::attach(&attach, global);
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    if let Phase::Finished { status } = dir.info().phase {
        let summary = dir.info().summary.unwrap_or_default();
        out::print(&format!(
            "run {} has ended: {summary} (status {status})\n",
            dir.id
        ))
        .map_err(|e| Error::internal("cannot write to stdout", e))?;
        return Ok(status);
    }
    let words: Vec<std::ffi::OsString> = std::env::args_os().skip(1).collect();
    super::run::launch(&words, args.headless || args.json, false, global)
}

/// Goes on with a run, in the runner's process.
pub fn resume_here(args: &ResumeArgs, manner: Manner) -> Outcome {
    let dir = find::run(args.run.as_deref())?;
    let resumed = runner::resume(dir, manner).map_err(|error| match error {
        // Somebody else was quicker; that is no fault of ours.
        RunnerError::Live(_) => Error::usage(error.to_string()),
        error => Error::internal("the run cannot go on", error),
    });
    match resumed? {
        Resumed::Ran(status) => Ok(status),
        Resumed::Ended(status, summary) => {
            out::print(&format!("the run has ended: {summary} (status {status})\n"))
                .map_err(|e| Error::internal("cannot write to stdout", e))?;
            Ok(status)
        }
    }
}
