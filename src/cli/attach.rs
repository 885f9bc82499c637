//! `wavedeck attach`: the dashboard of a live run, or its lines.

use clap::Args;

use super::{
    args::Global,
    deck,
    error::{Error, Outcome, status},
    find, launch, plain,
};
use crate::{
    journal::RunDir,
    runtime::lines::{LineKind, Lines},
};

/// Flags of `attach`.
#[derive(Debug, Clone, Args)]
pub struct AttachArgs {
    /// The run, by a unique prefix of its name; default: the live or latest one
    pub run: Option<String>,
    /// Print lines in place of the dashboard
    #[arg(long)]
    pub headless: bool,
    /// Print events as JSON Lines; with --headless
    #[arg(long)]
    pub json: bool,
}

/// Attaches to a live run.
pub fn attach(args: &AttachArgs, global: &Global) -> Outcome {
    let dir = find::run(args.run.as_deref())?;
    if !dir.is_live() {
        return Err(super::ctl::not_live(&dir));
    }
    let lines = args.headless || args.json;
    if global.plain && !lines && plain::can_talk() {
        return plain::open(&dir.path, &dir.id);
    }
    if launch::without_screen(lines || global.plain) {
        return follow(&dir, launch::kind(args.json, global.plain));
    }
    deck::open(&dir.path, &dir.id, global)
}

/// Prints a run's lines until it ends; returns its status.
pub fn follow(dir: &RunDir, kind: LineKind) -> Outcome {
    let lines = Lines::start(&dir.path, kind, 1)
        .map_err(|e| Error::internal("the journal cannot be followed", e))?;
    while dir.is_live() {
        lines.wake();
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    lines.drain();
    Ok(match dir.info().phase {
        crate::journal::Phase::Finished { status } => status,
        _ => status::INTERNAL,
    })
}
