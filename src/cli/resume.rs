//! `wavedeck resume`: goes on with a run whose runner has ended.

use clap::Args;

use super::{
    args::Global,
    attach::AttachArgs,
    error::{Error, Outcome},
    find, launch, out,
};
use crate::{
    journal::{Phase, StoreError},
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
const ENDING: std::time::Duration = std::time::Duration::from_mins(2);

/// Resumes a run: waits for a runner that is ending, attaches to one that lives, prints the result
/// of one that has ended.
pub fn resume(args: &ResumeArgs, global: &Global) -> Outcome {
    let dir = find::run(args.run.as_deref())?;
    let until = std::time::Instant::now() + ENDING;
    while dir.is_live() {
        // One that answers lives; one that does not is on its way out.
        if Client::connect(&dir.path, false).is_ok() || std::time::Instant::now() > until {
            let attach = AttachArgs {
                run: Some(dir.id.clone()),
                headless: args.headless,
                json: args.json,
                read_only: false,
            };
            let outcome = super::attach::attach(&attach, global)?;
            // What answered may have been on its way out all the same: then the run goes on here.
            let lines = launch::without_screen(args.headless || args.json || global.plain);
            if !lines || dir.is_live() || dir.info().phase != Phase::Interrupted {
                return Ok(outcome);
            }
            break;
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
    // The very run that was looked at: by now another may be the latest.
    let mut words: Vec<std::ffi::OsString> = vec!["resume".into(), dir.id.into()];
    if args.json {
        words.push("--json".into());
    }
    if global.plain {
        words.push("--plain".into());
    }
    super::run::launch(&words, args.headless || args.json, false, global)
}

/// Why a runner did not do its work, in one sentence. What a person can mend (who holds the run, a
/// folder that cannot be written or is damaged) is bad input; that the machine is at its end is not.
pub fn refused(error: &RunnerError, doing: &str) -> Error {
    use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    let full = |kind| matches!(kind, StorageFull | QuotaExceeded | FileTooLarge);
    match error {
        RunnerError::Live(_) | RunnerError::Folder(_) | RunnerError::Read(_) => {
            Error::usage(error.to_string())
        }
        RunnerError::Store(StoreError::Io { error: io, .. }) if full(io.kind()) => {
            Error::failed(format!("{doing}: {error}")).help("nothing can be recorded there")
        }
        RunnerError::Store(StoreError::Io { .. }) => Error::usage(format!("{doing}: {error}"))
            .help("runs are recorded there; WAVEDECK_HOME names another place"),
        RunnerError::Store(_) => Error::usage(format!("{doing}: {error}")),
        RunnerError::Write(_) | RunnerError::Io(_) => Error::failed(format!("{doing}: {error}")),
    }
}

/// Goes on with a run, in the runner's process.
pub fn resume_here(args: &ResumeArgs, manner: Manner) -> Outcome {
    let dir = find::run(args.run.as_deref())?;
    let resumed =
        runner::resume(dir, manner).map_err(|error| refused(&error, "the run cannot go on"));
    match resumed? {
        Resumed::Ran(status) => Ok(status),
        Resumed::Stopped(signal) => {
            out::complain("wavedeck: stopped before anything began: the run stays interrupted\n");
            Ok(128_u8.saturating_add(u8::try_from(signal).unwrap_or(0)))
        }
        Resumed::Ended(status, summary) => {
            out::print(&format!("the run has ended: {summary} (status {status})\n"))
                .map_err(|e| Error::internal("cannot write to stdout", e))?;
            Ok(status)
        }
    }
}
