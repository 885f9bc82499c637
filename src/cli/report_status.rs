//! `wavedeck report-status`: an agent says how it stands, from inside its own processes.
//!
//! Must not decide whether it is believed: the runner does.

use std::{
    io::Read,
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

use super::{
    error::{Error, Outcome, status},
    find,
};
use crate::{
    engine::{Health, Severity},
    runtime::{
        client::{Client, ClientError},
        reports::STATUS_FILE,
    },
    status::{parse::MOST_BYTES, parse_report},
    sys::marker,
};

/// Flags of `report-status`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Works inside an agent of a live run. An agent that cannot start programs writes the same keys as
YAML or JSON into the file that WAVEDECK_STATUS_FILE names; `wavedeck schema status` has them.
What is reported replaces what was reported before.")]
pub struct ReportStatusArgs {
    /// How much is done, 0 to 100
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub progress: Option<u8>,
    /// How it stands
    #[arg(long, value_name = "STATUS", value_enum)]
    pub status: Option<Stand>,
    /// What it does now
    #[arg(long, value_name = "TEXT")]
    pub doing: Option<String>,
    /// What it did; several times for several
    #[arg(long, value_name = "TEXT")]
    pub completed: Vec<String>,
    /// What it will do next; several times for several
    #[arg(long, value_name = "TEXT")]
    pub planned: Vec<String>,
    /// What is in its way; several times for several
    #[arg(long, value_name = "TEXT")]
    pub blocker: Vec<String>,
    /// How bad the blockers are
    #[arg(long, value_name = "SEVERITY", value_enum, requires = "blocker")]
    pub severity: Option<Weight>,
    /// What will be done about the blockers
    #[arg(long, value_name = "TEXT", requires = "blocker")]
    pub plan: Option<String>,
    /// All of it as YAML or JSON from a file, `-` for standard input
    #[arg(long, value_name = "FILE", conflicts_with_all =
        ["progress", "status", "doing", "completed", "planned", "blocker"])]
    pub file: Option<PathBuf>,
}

/// How an agent stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Stand {
    /// Nothing is in the way
    OnTrack,
    /// Something endangers it
    AtRisk,
    /// It cannot go on without help
    Blocked,
}

/// How bad a blocker is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Weight {
    /// The run cannot reach its goal
    Critical,
    /// The track cannot go on
    High,
    /// Something is late or dearer
    Medium,
    /// Worth knowing
    Low,
}

/// Hands a report to the runner.
pub fn report_status(args: &ReportStatusArgs) -> Outcome {
    let env = |name: &str| std::env::var(name).ok();
    let (Some(run), Some(agent), Some(attempt)) = (
        env(marker::RUN),
        env(marker::AGENT),
        env(marker::ATTEMPT).and_then(|n| n.parse().ok()),
    ) else {
        return Err(
            Error::usage("this is not an agent of a run: WAVEDECK_AGENT is not set")
                .help("an agent calls it from its own process; `wavedeck status` looks at a run"),
        );
    };
    let (text, name) = match &args.file {
        Some(path) => (read(path)?, path.display().to_string()),
        None => (said(args), "report".to_owned()),
    };
    // Here its lines have the name of the caller's own file.
    parse_report(&text, &name, &agent).map_err(|e| Error::Problems(e.to_string()))?;
    let dir = match env(STATUS_FILE).as_deref().and_then(folder) {
        Some(dir) => dir,
        None => find::run(Some(&run))?.path,
    };
    let refused = |error: ClientError| Error::usage(error.to_string());
    let mut client = Client::connect(&dir, false).map_err(refused)?;
    client.report(&agent, attempt, &text).map_err(refused)?;
    Ok(status::OK)
}

/// The run's folder, from the name of a report's file in it.
fn folder(file: &str) -> Option<PathBuf> {
    Some(Path::new(file).parent()?.parent()?.to_owned())
}

fn read(path: &Path) -> Result<String, Error> {
    let mut bytes = Vec::new();
    let most = MOST_BYTES as u64 + 1;
    let read = if path.as_os_str() == "-" {
        std::io::stdin().lock().take(most).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes))
    };
    match read {
        Ok(_) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) => Err(Error::usage(format!(
            "{} cannot be read: {error}",
            path.display()
        ))),
    }
}

/// The flags as a report: JSON is YAML too.
fn said(args: &ReportStatusArgs) -> String {
    let mut all = Map::new();
    let mut put = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            all.insert(key.to_owned(), value);
        }
    };
    let list = |items: &[String]| (!items.is_empty()).then(|| json!(items));
    put("progress_percent", args.progress.map(|n| json!(n)));
    put("status", args.status.map(|s| json!(s.health().name())));
    put("doing", args.doing.as_ref().map(|t| json!(t)));
    put("completed_today", list(&args.completed));
    put("planned_tomorrow", list(&args.planned));
    let blockers: Vec<Value> = args
        .blocker
        .iter()
        .map(|text| {
            json!({
                "blocker": text,
                "severity": args.severity.unwrap_or(Weight::Medium).severity().name(),
                "resolution_plan": args.plan.clone().unwrap_or_default(),
            })
        })
        .collect();
    put("blockers", (!blockers.is_empty()).then(|| json!(blockers)));
    Value::Object(all).to_string()
}

impl Stand {
    const fn health(self) -> Health {
        match self {
            Self::OnTrack => Health::OnTrack,
            Self::AtRisk => Health::AtRisk,
            Self::Blocked => Health::Blocked,
        }
    }
}

impl Weight {
    const fn severity(self) -> Severity {
        match self {
            Self::Critical => Severity::Critical,
            Self::High => Severity::High,
            Self::Medium => Severity::Medium,
            Self::Low => Severity::Low,
        }
    }
}
