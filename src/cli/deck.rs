//! Opens the dashboard on a live run: connects the runner's socket with the deck's channels.
//!
//! Must not draw, and knows nothing of plans.

use std::path::Path;

use tokio::sync::mpsc;

use super::{
    again,
    args::Global,
    error::{Error, Outcome, status},
    load, out,
    reload::{self, Files, Place},
};
use crate::{
    runtime::client::Client,
    tui::{
        app::{self, Options},
        feed::{Request, Update},
    },
};

/// News that may wait for the deck before the socket is left to wait.
const WAITING: usize = 256;

/// Opens the dashboard of the run in a folder; returns when a person leaves it.
pub fn open(dir: &Path, run: &str, global: &Global) -> Outcome {
    let client = connect(dir)?;
    let outcome = show(global, true, |news, asked| client.bridge(news, asked))?;
    let short = run.rsplit('-').next().unwrap_or(run);
    Ok(match outcome {
        app::Outcome::Left => {
            say(&format!("run {short} goes on; to come back to it:"));
            say_command(&["attach", short]);
            status::OK
        }
        app::Outcome::StoppedRun => {
            say(&format!("run {short} is being stopped"));
            status::STOPPED
        }
        app::Outcome::Ended { status } => {
            say(&format!(
                "run {short} ended with status {status}; to see how:"
            ));
            say_command(&["runs", "show", short]);
            status
        }
        app::Outcome::Lost(reason) => {
            say(&format!("run {short}: {reason}; to try again:"));
            say_command(&["attach", short]);
            status::INTERNAL
        }
    })
}

/// A command to copy, on a line of its own.
fn say_command(words: &[&str]) {
    let command = crate::display::escape(&again::command(words));
    out::complain(&format!("  {command}\n"));
}

fn say(text: &str) {
    out::complain(&format!(
        "wavedeck: {}\n",
        crate::display::clean_line(text, 500)
    ));
}

/// Opens the dashboard on whatever feeds it; returns why a person left.
///
/// # Errors
/// When keys or theme are wrong, or the terminal cannot be had.
pub fn show(
    global: &Global,
    can_act: bool,
    bridge: impl FnOnce(mpsc::Sender<Update>, mpsc::Receiver<Request>) -> std::io::Result<()>,
) -> Result<app::Outcome, Error> {
    let mut options = options(global)?;
    options.can_act = can_act;
    let (news, feed) = mpsc::channel(WAITING);
    let (requests, asked) = mpsc::channel(WAITING);
    bridge(news, asked).map_err(|e| Error::internal("the dashboard cannot be opened", e))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Error::internal("the dashboard cannot be opened", e))?;
    let _ = color_eyre::install();
    let outcome = runtime
        .block_on(app::run(feed, requests, options))
        .map_err(|e| Error::internal("the dashboard failed", e.to_string()))?;
    // Threads that wait for the terminal must not keep us.
    runtime.shutdown_background();
    Ok(outcome)
}

/// The runner opens its socket a moment after the run begins.
fn connect(dir: &Path) -> Result<Client, Error> {
    Client::connect(dir, true)
        .map_err(|e| Error::usage(e.to_string()).help("`wavedeck runs` lists what there is"))
}

fn options(global: &Global) -> Result<Options, Error> {
    let here = std::env::current_dir().ok();
    let files = Files::read(Place {
        root: here.as_deref().and_then(load::repository),
        color: global.color,
        env: |name| std::env::var(name).ok(),
    })?;
    let preferences = files.now.clone();
    let line =
        reload::watch(files).map_err(|e| Error::internal("the dashboard cannot be opened", e))?;
    Ok(Options {
        preferences,
        line: Some(line),
        can_act: true,
        zone: jiff::tz::TimeZone::system(),
    })
}
