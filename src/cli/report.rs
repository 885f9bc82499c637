//! `wavedeck report`: metrics, bottlenecks and advice of a run, live or ended.
//!
//! Must not compute any of it: `report::run` does.

use std::sync::Arc;

use clap::Args;

use super::{
    args::Global,
    error::{Error, Outcome, status},
    find, out,
};
use crate::{
    display::{safe_json, spoken},
    journal::RunDir,
    report::run::RunReport,
    runtime::past,
};

/// Flags of `report`.
#[derive(Debug, Clone, Args)]
pub struct ReportArgs {
    /// The run, by a unique prefix of its name; default: the live or latest one
    pub run: Option<String>,
    /// JSON in place of Markdown
    #[arg(long)]
    pub json: bool,
}

/// Prints the report of a run as Markdown, or as JSON.
pub fn report(args: &ReportArgs, global: &Global) -> Outcome {
    let dir = find::run(args.run.as_deref())?;
    let report = of(&dir)?;
    let text = if args.json {
        let json = report
            .to_json()
            .map_err(|e| Error::internal("the report cannot be written", e))?;
        safe_json(&json).into_owned()
    } else {
        let text = report.to_markdown();
        if global.plain { spoken(&text) } else { text }
    };
    out::print(&text).map_err(|e| Error::internal("cannot write to stdout", e))?;
    Ok(status::OK)
}

fn of(dir: &RunDir) -> Result<RunReport, Error> {
    let setup = find::setup(dir)?;
    let now_ms = dir
        .is_live()
        .then(|| jiff::Timestamp::now().as_millisecond());
    past::report(&dir.path, Arc::new(setup), now_ms).map_err(|e| find::unreadable(dir, e))
}
