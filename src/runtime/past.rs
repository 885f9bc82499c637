//! What a dashboard that comes later should know of the past: history, readings, and the plan's
//! own schedule.
//!
//! Reads the run's folder on a thread of its own, so that neither the socket nor the screen waits
//! for it. The report at a run's end is all that
//! it writes.

use std::{
    fs,
    io::{self, Read, Write},
    path::Path,
    sync::{Arc, mpsc as std_mpsc},
};

use tokio::sync::mpsc;

use crate::{
    engine::{Setup, State},
    journal::{JOURNAL, ReadError, Reader, Readings, fold, fold_each},
    report::{history::History, lessons::lessons, run::RunReport},
    resources::{Point, Rises, Trend},
    schedule::{Planned, capacity_from_plan},
    sys::lock::private_append,
    tui::{
        chart::{self, Chart},
        feed::Update,
    },
};

use super::{
    cards, learnt,
    prepare::{FolderError, read_folder},
    turns::complain,
};

/// Folds state and history of a run up to record `seq`.
///
/// # Errors
/// When the journal cannot be read that far.
pub fn history(dir: &Path, setup: Arc<Setup>, seq: u64) -> Result<(State, History), ReadError> {
    let first = State::new(setup);
    let mut history = History::new(&first);
    let state = fold_each(first, &mut Reader::open(dir)?, seq, |state, record| {
        history.push(state, record);
    })?;
    Ok((state, history))
}

/// The last state of a run that has ended; none where it has not, or cannot be read.
#[must_use]
pub fn ended(dir: &Path) -> Option<State> {
    let (setup, _) = read_folder(dir).ok()?;
    let state = fold(Arc::new(setup), &mut Reader::open(dir).ok()?).ok()?;
    state.finished.is_some().then_some(state)
}

/// What a run is made of with what was added since it began. The journal is read as a whole only where
/// it says that something was.
///
/// # Errors
/// When the folder, or the journal where it is needed, cannot be read.
pub fn setup(dir: &Path) -> Result<Arc<Setup>, FolderError> {
    let (setup, _) = read_folder(dir)?;
    let setup = Arc::new(setup);
    let journal = |error| FolderError::Read {
        file: JOURNAL,
        error,
    };
    if !was_extended(dir).map_err(journal)? {
        return Ok(setup);
    }
    let folded = Reader::open(dir).and_then(|mut reader| fold(setup, &mut reader));
    folded
        .map(|state| state.setup)
        .map_err(|error| journal(io::Error::other(error)))
}

/// Whether the journal has an addition. No text of another record looks like one: its quotes are escaped.
fn was_extended(dir: &Path) -> io::Result<bool> {
    const KIND: &[u8] = b"\"kind\":\"plan.extended\"";
    let mut file = match fs::File::open(dir.join(JOURNAL)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        file => file?,
    };
    let mut bytes = vec![0; 256 << 10];
    let mut kept = 0;
    loop {
        let read = file.read(&mut bytes[kept..])?;
        if read == 0 {
            return Ok(false);
        }
        let filled = kept + read;
        if bytes[..filled]
            .windows(KIND.len())
            .any(|window| window == KIND)
        {
            return Ok(true);
        }
        // It may stand over the border of two pieces.
        kept = filled.min(KIND.len() - 1);
        bytes.copy_within(filled - kept..filled, 0);
    }
}

/// What a dashboard is told when the connection to its runner is lost: that it is, or, where nothing
/// was told before, how a run that has ended stands in its folder.
pub(super) fn instead(dir: &Path, nothing_yet: bool, lost: &impl ToString) -> Update {
    let ended = nothing_yet.then(|| ended(dir)).flatten();
    ended.map_or_else(
        || Update::Gone {
            reason: lost.to_string(),
        },
        |state| Update::Snapshot(Box::new(state)),
    )
}

/// The report of a run as far as it is recorded; of a live one at the wall clock `now_ms`
/// (milliseconds since the epoch).
///
/// # Errors
/// When the journal cannot be read.
pub fn report(dir: &Path, setup: Arc<Setup>, now_ms: Option<i64>) -> Result<RunReport, ReadError> {
    let planned = planned(&setup);
    let (state, mut history) = history(dir, setup, u64::MAX)?;
    if let Some(now_ms) = now_ms.filter(|_| state.finished.is_none()) {
        history.reach(now_ms);
    }
    Ok(RunReport::new(
        &state,
        history.whole(),
        &trend(dir),
        Some(planned.end_us),
    ))
}

/// The schedule that the run began with.
#[must_use]
pub fn planned(setup: &Setup) -> Planned {
    let setup = setup.began.as_deref().unwrap_or(setup);
    let capacity = capacity_from_plan(
        &setup.plan,
        setup.ram_limit_bytes,
        setup.cpus_milli,
        setup.agents_cap,
    );
    Planned::new(&setup.plan, &capacity)
}

/// Writes what stays of a run that has ended into its folder: `report.md`, `report.json` and its
/// last status cards; `past` spares reading it from the journal. What it `teaches` those after it is kept beside.
///
/// # Errors
/// When the journal cannot be read or the files cannot be written.
pub fn finish(
    dir: &Path,
    setup: Arc<Setup>,
    past: Option<(State, History)>,
    teaches: bool,
) -> io::Result<()> {
    let planned = planned(&setup);
    let (state, history) = match past {
        Some(past) => past,
        None => history(dir, setup, u64::MAX).map_err(io::Error::other)?,
    };
    let mut rises = Rises::default();
    // Without readings the report says so.
    let readings = Readings::look(dir, &mut |sample| rises.take(sample));
    let trend = thinned(readings.unwrap_or_default().1);
    if teaches {
        let lessons = lessons(&state, &history, &rises);
        let now_ms = u64::try_from(state.at_ms).unwrap_or(0);
        if let Err(why) = learnt::keep(dir, &state.setup.plan.name, now_ms, lessons) {
            complain(&why);
        }
    }
    let report = RunReport::new(&state, history.whole(), &trend, Some(planned.end_us));
    let json = report.to_json().map_err(io::Error::other)?;
    for (name, text) in [("report.json", json), ("report.md", report.to_markdown())] {
        // A reader sees the old one or the new one.
        let fresh = dir.join(format!(".{name}.new"));
        let _ = fs::remove_file(&fresh);
        private_append(&fresh)?.write_all(text.as_bytes())?;
        fs::rename(&fresh, dir.join(name))?;
    }
    cards::write_last(dir, &state, &planned)
}

/// Readings of the whole run, thinned out.
#[must_use]
pub fn trend(dir: &Path) -> Vec<Point> {
    // Without readings the chart says so.
    let (_, points) = Readings::open(dir).unwrap_or_default();
    thinned(points)
}

fn thinned(points: Vec<Point>) -> Vec<Point> {
    let mut trend = Trend::default();
    trend.before(points);
    trend.until(u64::MAX).to_vec()
}

/// Reads the past of a recording on a thread of its own: first the readings, which are returned
/// through the channel, then all that happened.
///
/// # Errors
/// When no thread can be had.
pub(super) fn read(
    dir: &Path,
    setup: Arc<Setup>,
    to: mpsc::Sender<Update>,
) -> io::Result<std_mpsc::Receiver<Readings>> {
    let (found, readings) = std_mpsc::sync_channel(1);
    let dir = dir.to_owned();
    let thread = std::thread::Builder::new().name("past".into());
    thread.spawn(move || {
        place(&setup, &to);
        // Without readings the charts say so.
        let (places, points) = Readings::open(&dir).unwrap_or_default();
        let _ = found.send(places);
        let _ = to.blocking_send(Update::Trend(thinned(points)));
        let planned = Box::new(planned(&setup));
        let update = match history(&dir, setup, u64::MAX) {
            Ok((_, mut history)) => {
                history.settle();
                Update::History {
                    seq: u64::MAX,
                    history: Box::new(history),
                    planned,
                }
            }
            Err(error) => Update::Gone {
                reason: format!("the recording cannot be read: {error}"),
            },
        };
        let _ = to.blocking_send(update);
    })?;
    Ok(readings)
}

/// Places the graph of a large plan that agents were added to, on a thread of its own.
pub(super) fn place_again(setup: Arc<Setup>, to: mpsc::Sender<Update>) {
    if setup.plan.agents.len() > chart::LARGE {
        let thread = std::thread::Builder::new().name("past".into());
        let _ = thread.spawn(move || place(&setup, &to));
    }
}

/// Places the graph of a large plan: the drawing thread shall not wait for it.
fn place(setup: &Setup, to: &mpsc::Sender<Update>) {
    if setup.plan.agents.len() > chart::LARGE {
        let chart = Arc::new(Chart::placed(setup));
        let _ = to.blocking_send(Update::Chart(chart));
    }
}

/// Sends the past of a run up to a snapshot, on a thread of its own; without one the dashboard
/// shows what it sees itself.
pub(super) fn send(dir: &Path, setup: Arc<Setup>, seq: u64, to: mpsc::Sender<Update>) {
    let dir = dir.to_owned();
    let thread = std::thread::Builder::new().name("past".into());
    let _ = thread.spawn(move || {
        place(&setup, &to);
        let planned = planned(&setup);
        if let Ok((_, history)) = history(&dir, setup, seq) {
            let update = Update::History {
                seq,
                history: Box::new(history),
                planned: Box::new(planned),
            };
            let _ = to.blocking_send(update);
        }
        let _ = to.blocking_send(Update::Trend(trend(&dir)));
    });
}
