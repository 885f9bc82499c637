//! `wavedeck replay`: a recorded run in the same screens, or as lines.

use std::sync::Arc;

use clap::Args;

use super::{
    args::Global,
    deck,
    error::{Error, Outcome, status},
    find, launch, plain,
};
use crate::{
    journal::RunDir,
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
    let lines = args.headless || args.json;
    let talk = global.plain && !lines && plain::can_talk();
    if !talk && launch::without_screen(lines || global.plain) {
        Lines::start(&dir.path, launch::kind(args.json, global.plain), 1)
            .map_err(|e| Error::internal("the journal cannot be read", e))?
            .drain();
        return Ok(status::OK);
    }
    play(&dir, global, false)
}

/// Opens the deck on a recording; at the report where that is wanted.
pub fn play(dir: &RunDir, global: &Global, report: bool) -> Outcome {
    let setup = find::setup(dir)?;
    let recording =
        Recording::open(&dir.path, Arc::new(setup)).map_err(|e| find::unreadable(dir, e))?;
    if global.plain && !report && plain::can_talk() {
        return plain::talk(plain::Manner::Replay, &dir.id, |news, asked| {
            recording.bridge(news, asked)
        });
    }
    let outcome = deck::show_at(global, false, report, |news, asked| {
        recording.bridge(news, asked)
    })?;
    match outcome {
        app::Outcome::Lost(reason) => Err(Error::usage(reason)),
        _ => Ok(status::OK),
    }
}
