//! `wavedeck report`: metrics, bottlenecks and advice of a run, live or ended.
//!
//! Must not compute any of it: `report::run` does.

use std::sync::Arc;

use clap::Args;

use super::{
    error::{Error, Outcome, status},
    find, out,
};
use crate::{
    display::safe_json,
    engine::State,
    journal::{Reader, RunDir, fold_each, read_samples},
    report::{history::History, run::RunReport},
    runtime::prepare::read_folder,
    schedule::{Analysis, Inputs, capacity_from_plan},
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
pub fn report(args: &ReportArgs) -> Outcome {
    let dir = find::run(args.run.as_deref())?;
    let report = of(&dir)?;
    let text = if args.json {
        let json = report
            .to_json()
            .map_err(|e| Error::internal("the report cannot be written", e))?;
        safe_json(&json).into_owned()
    } else {
        report.to_markdown()
    };
    out::print(&text).map_err(|e| Error::internal("cannot write to stdout", e))?;
    Ok(status::OK)
}

fn of(dir: &RunDir) -> Result<RunReport, Error> {
    let wrong = |e: &dyn std::fmt::Display| Error::usage(e.to_string());
    let (setup, config) = read_folder(&dir.path).map_err(|e| wrong(&e))?;
    let setup = Arc::new(setup);
    let capacity = capacity_from_plan(
        &setup.plan,
        config.ram_limit_bytes,
        config.cpus_milli,
        config.agents_cap,
    );
    let planned = Analysis::new(&setup.plan, capacity, Inputs::default())
        .schedule
        .makespan_us;
    let first = State::new(setup);
    let mut history = History::new(&first);
    let mut reader = Reader::open(&dir.path).map_err(|e| wrong(&e))?;
    let state = fold_each(first, &mut reader, u64::MAX, |state, record| {
        history.push(state, record);
    })
    .map_err(|e| wrong(&e))?;
    let (samples, _) = read_samples(&dir.path).map_err(|e| wrong(&e))?;
    Ok(RunReport::new(&state, &history, &samples, Some(planned)))
}
