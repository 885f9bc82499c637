//! `wavedeck replay`: a recorded run in the same screens, or as lines.

use std::sync::Arc;

use clap::Args;

use super::{
    args::Global,
    deck,
    error::{Error, Outcome, status},
    find, launch,
};
use crate::{
    runtime::{lines::Lines, replay::Recording},
    tui::app,
};

/// Flags of `replay`.
#[derive(Debug, Clone, Args)]
pub struct ReplayArgs {
    /// The run, by a unique prefix of its name; default: the live or latest one
    pub run: Option<String>,
    /// Print its lines in place of the dashboard
    #[arg(long)]
    pub headless: bool,
    /// Print its events as JSON Lines; with --headless
    #[arg(long)]
    pub json: bool,
}

/// Plays a run again; a live one too, up to now.
pub fn replay(args: &ReplayArgs, global: &Global) -> Outcome {
    let dir = find::run(args.run.as_deref())?;
    if launch::without_screen(args.headless || args.json || global.plain) {
        Lines::start(&dir.path, args.json, 1)
            .map_err(|e| Error::internal("the journal cannot be read", e))?
            .drain();
        return Ok(status::OK);
    }
    let setup = find::setup(&dir)?;
    let recording =
        Recording::open(&dir.path, Arc::new(setup)).map_err(|e| find::unreadable(&dir, e))?;
    let outcome = deck::show(global, false, |news, asked| recording.bridge(news, asked))?;
    match outcome {
        app::Outcome::Lost(reason) => Err(Error::usage(reason)),
        _ => Ok(status::OK),
    }
}
