//! Opens the dashboard on a live run: connects the runner's socket with the deck's channels.
//!
//! Must not draw, and knows nothing of plans.

use std::path::Path;

use tokio::sync::mpsc;

use super::{
    again,
    args::Global,
    error::{Error, Outcome, status},
    layout, load, out,
    reload::{self, Files, Place},
};
use crate::{
    engine::Delivery,
    runtime::{client::Client, past},
    tui::{
        app::{self, Options},
        feed::{Replay, Request, Update},
        front,
        ui_state::Screen,
    },
};

/// News that may wait for the deck before the socket is left to wait.
const WAITING: usize = 256;

/// Opens the dashboard of the run in a folder; returns when a person leaves it.
pub fn open(dir: &Path, run: &str, global: &Global) -> Outcome {
    open_as(dir, run, global, false)
}

/// The same; with `read_only` nothing of the run can be changed from it.
pub fn open_as(dir: &Path, run: &str, global: &Global, read_only: bool) -> Outcome {
    let client = match connect(dir, read_only) {
        // It may have ended while we came.
        Err(_) if past::ended(dir).is_some() => Client::of_ended(dir, run)
            .map_err(|e| Error::internal("the dashboard cannot be opened", e))?,
        other => other?,
    };
    let outcome = show(global, !read_only, |news, asked| client.bridge(news, asked))?;
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
        app::Outcome::Ended { status, work } => {
            say(&format!(
                "run {short} ended with status {status}; to read how, and to see it again:"
            ));
            say_command(&["report", short]);
            say_command(&["replay", short]);
            if let Some(work) = work {
                say_work(&work);
            }
            status
        }
        app::Outcome::Lost(reason) => {
            say(&format!("run {short}: {reason}; to try again:"));
            say_command(&["attach", short]);
            status::INTERNAL
        }
    })
}

/// Where a run's work is, and how to take it.
fn say_work(work: &Delivery) {
    let error = work.error.as_ref().map(|error| format!("; {error}"));
    let error = error.unwrap_or_default();
    match (&*work.branch, &work.forwarded) {
        ("", _) => say(&format!("its work is on no branch{error}")),
        (branch, Some(own)) => say(&format!(
            "its work is on {branch}, and {own} went forward to it{error}"
        )),
        (branch, None) => {
            say(&format!("its work is on {branch}{error}; to take it:"));
            let command = again::another(&["git", "merge", branch]);
            out::complain(&format!("  {}\n", crate::display::escape(&command)));
        }
    }
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
    show_at(global, can_act, false, bridge)
}

/// The same; with `report` it opens at the report.
///
/// # Errors
/// See [`show`].
pub fn show_at(
    global: &Global,
    can_act: bool,
    report: bool,
    bridge: impl FnOnce(mpsc::Sender<Update>, mpsc::Receiver<Request>) -> std::io::Result<()>,
) -> Result<app::Outcome, Error> {
    // Dropped after the options, whose end tells it to come to its own.
    let (keeper, remember) = layout::keep();
    let mut options = options(global)?;
    options.can_act = can_act;
    options.remember = remember;
    if report {
        options.screen = Screen::Report;
    }
    let (news, feed) = mpsc::channel(WAITING);
    let (requests, asked) = mpsc::channel(WAITING);
    if report {
        // A recording opens at its beginning, a report is about its end.
        let _ = requests.try_send(Request::Replay(Replay::Seq(u64::MAX)));
    }
    bridge(news, asked).map_err(|e| Error::internal("the dashboard cannot be opened", e))?;
    let runtime = runtime()?;
    let _ = color_eyre::install();
    let outcome = runtime
        .block_on(app::run(feed, requests, options))
        .map_err(|e| Error::internal("the dashboard failed", e.to_string()))?;
    // Threads that wait for the terminal must not keep us.
    runtime.shutdown_background();
    drop(keeper);
    Ok(outcome)
}

/// Opens a page of the front; returns what a person chose, none where they left.
///
/// # Errors
/// When keys or theme are wrong, or the terminal cannot be had.
pub fn front<P: front::Page>(
    global: &Global,
    page: P,
    news: mpsc::Receiver<P::News>,
) -> Result<Option<P::Choice>, Error> {
    let preferences = files(global)?.now;
    let options = front::Options {
        theme: preferences.theme,
        keymap: preferences.keymap,
        mouse: preferences.mouse,
        fps: preferences.fps,
    };
    let runtime = runtime()?;
    let _ = color_eyre::install();
    let choice = runtime
        .block_on(front::run(page, news, options))
        .map_err(|e| Error::internal("the screen failed", e.to_string()))?;
    runtime.shutdown_background();
    Ok(choice)
}

fn runtime() -> Result<tokio::runtime::Runtime, Error> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Error::internal("the dashboard cannot be opened", e))
}

/// The runner opens its socket a moment after the run begins.
fn connect(dir: &Path, read_only: bool) -> Result<Client, Error> {
    Client::connect_as(dir, true, read_only)
        .map_err(|e| Error::usage(e.to_string()).help("`wavedeck runs` lists what there is"))
}

/// Reads a person's own files.
fn files(global: &Global) -> Result<Files, Error> {
    let here = std::env::current_dir().ok();
    Files::read(Place {
        root: here.as_deref().and_then(load::repository),
        color: global.color,
        env: |name| std::env::var(name).ok(),
    })
}

fn options(global: &Global) -> Result<Options, Error> {
    let files = files(global)?;
    let preferences = files.now.clone();
    let line =
        reload::watch(files).map_err(|e| Error::internal("the dashboard cannot be opened", e))?;
    Ok(Options {
        preferences,
        line: Some(line),
        can_act: true,
        screen: Screen::default(),
        layout: layout::remembered(),
        remember: None,
        zone: crate::sys::zone::local_zone(),
        editor: Some(super::editor::edit),
        lend: None,
    })
}
