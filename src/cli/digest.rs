//! `wavedeck digest`: what happened while nobody looked.
//!
//! Must not compute any of it: `report::digest` does.

use std::sync::Arc;

use clap::Args;

use super::{
    args::Global,
    error::{Error, Outcome, status},
    find, out,
};
use crate::{
    display::{safe_json, spoken},
    plan::units,
    report::digest::Digest,
    runtime::past,
};

/// Flags of `digest`.
#[derive(Debug, Args)]
pub struct DigestArgs {
    /// How far back, such as 4h; default: the whole run
    #[arg(long, value_name = "DURATION", value_parser = since)]
    pub since: Option<u64>,
    /// The run, by a unique prefix of its name; default: the live or latest one
    #[arg(value_name = "RUN", conflicts_with = "run")]
    pub name: Option<String>,
    /// Which run.
    #[command(flatten)]
    pub of: super::RunName,
    /// JSON in place of text
    #[arg(long)]
    pub json: bool,
}

fn since(text: &str) -> Result<u64, String> {
    units::duration(text).ok_or_else(|| "expected a duration such as 30m or 4h".to_owned())
}

/// Prints the digest of a run.
pub fn digest(args: &DigestArgs, global: &Global) -> Outcome {
    let dir = find::run(args.name.as_deref().or(args.of.run.as_deref()))?;
    let setup = find::setup(&dir)?;
    let (state, mut history) = past::history(&dir.path, Arc::new(setup), u64::MAX)
        .map_err(|e| find::unreadable(&dir, e))?;
    if state.finished.is_none() && dir.is_live() {
        history.reach(jiff::Timestamp::now().as_millisecond());
    }
    let from = args
        .since
        .map_or(0, |back| history.now_us.saturating_sub(back));
    let digest = Digest::since(&state, history.whole(), from);
    let text = if args.json {
        let json = serde_json::to_string_pretty(&digest)
            .map_err(|e| Error::internal("the digest cannot be written", e))?;
        format!("{}\n", safe_json(&json))
    } else {
        let text = format!("{}  {}\n", state.run, digest.lines().join("\n"));
        if global.plain { spoken(&text) } else { text }
    };
    out::print(&text).map_err(|e| Error::internal("cannot write to stdout", e))?;
    Ok(status::OK)
}
