//! The one watcher of a person's files, on a thread of its own.
//!
//! It tells that something may have changed; what has is found by reading. Must not interpret files.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use notify::{
    EventKind, RecommendedWatcher, RecursiveMode, Watcher,
    event::{AccessKind, AccessMode, ModifyKind},
};

use super::{Files, Place};
use crate::{
    config::PROJECT_FILE,
    display::clean_line,
    tui::{
        preferences::{Change, Line, Wake},
        ui_state::Voice,
    },
};

/// An editor writes a file in several steps: it is read when nothing has come for so long …
const QUIET: Duration = Duration::from_millis(100);
/// … or so long after the first step.
const LONGEST: Duration = Duration::from_secs(1);

/// Starts to watch; returns the dashboard's line to the thread that does.
///
/// # Errors
/// When no thread can be had.
pub fn watch(files: Files) -> std::io::Result<Line> {
    let (news, told) = tokio::sync::mpsc::channel(8);
    let (wake, woken) = mpsc::channel();
    let ring = wake.clone();
    thread::Builder::new()
        .name("files".into())
        .stack_size(512 << 10)
        .spawn(move || follow(files, &ring, &woken, &news))?;
    Ok(Line {
        news: told,
        chosen: wake,
    })
}

fn follow(
    mut files: Files,
    ring: &mpsc::Sender<Wake>,
    woken: &mpsc::Receiver<Wake>,
    news: &tokio::sync::mpsc::Sender<Change>,
) {
    let root = files.place.root.clone();
    let ring = ring.clone();
    let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // What went wrong may have been a change.
        if event.map_or(true, |event| concerns(&event, root.as_deref())) {
            let _ = ring.send(Wake::Files);
        }
    });
    let mut watcher = match watcher {
        Ok(watcher) => Some(watcher),
        Err(error) => {
            let _ = news.blocking_send(unwatched(&error));
            None
        }
    };
    let mut watched = BTreeSet::new();
    if let Some(error) = arm(watcher.as_mut(), &files.place, &mut watched) {
        let _ = news.blocking_send(unwatched(&error));
    }
    // What was saved between the first reading and the watching.
    let mut change = files.again();
    loop {
        if let Some(change) = change.take()
            && news.blocking_send(change).is_err()
        {
            return;
        }
        let Ok(first) = woken.recv() else { return };
        let began = Instant::now();
        let mut next = Some(first);
        let mut saved = false;
        while let Some(wake) = next {
            match wake {
                Wake::Files => saved = true,
                Wake::Chosen(name) => change = files.remember(&name),
            }
            let left = LONGEST.saturating_sub(began.elapsed());
            next = if saved {
                woken.recv_timeout(QUIET.min(left)).ok()
            } else {
                None
            };
        }
        if saved {
            // A folder that was made or put in another's place is watched from now on.
            arm(watcher.as_mut(), &files.place, &mut watched);
            change = files.again().or(change);
        }
    }
}

fn unwatched(error: &notify::Error) -> Change {
    let why = clean_line(error.to_string(), 120);
    Change {
        now: None,
        told: Some((
            Voice::Plain,
            format!("your files are not watched ({why}): changes show at the next start"),
        )),
    }
}

/// Whether an event may have changed one of the files. Reading them makes events too.
fn concerns(event: &notify::Event, root: Option<&Path>) -> bool {
    let written = match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write))
        | EventKind::Modify(ModifyKind::Data(_) | ModifyKind::Any) => true,
        EventKind::Access(_) | EventKind::Modify(ModifyKind::Metadata(_)) => return false,
        _ => false,
    };
    event.paths.iter().any(|path| {
        let project = path.parent().is_some_and(|folder| Some(folder) == root);
        let name = path
            .file_name()
            .and_then(|n| n.to_str())
            .unwrap_or_default();
        match (project, written) {
            // Agents work there: only the one file is of interest.
            (true, _) => name == PROJECT_FILE,
            (false, true) => Path::new(name).extension().is_some_and(|e| e == "toml"),
            // Made, moved, removed: it may be a folder above ours.
            (false, false) => true,
        }
    })
}

/// Watches every folder that there is; returns the first that could not be.
fn arm(
    watcher: Option<&mut RecommendedWatcher>,
    place: &Place,
    watched: &mut BTreeSet<PathBuf>,
) -> Option<notify::Error> {
    let watcher = watcher?;
    loop {
        let wanted = place.folders();
        let mut failed = None;
        for gone in watched.difference(&wanted) {
            // One that was removed is not watched any more as it is.
            let _ = watcher.unwatch(gone);
        }
        for folder in &wanted {
            // Again also where it is watched: another folder may have come in its place.
            if let Err(error) = watcher.watch(folder, RecursiveMode::NonRecursive) {
                failed.get_or_insert(error);
            }
        }
        let same = place.folders() == wanted;
        *watched = wanted;
        // A folder may have been made before the one above it was watched.
        if same || failed.is_some() {
            return failed;
        }
    }
}
