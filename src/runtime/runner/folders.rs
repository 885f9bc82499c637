//! The folders of a run that its first agent waits for.
//!
//! Must make no other: the time to the first agent counts.

use std::{
    io::{self, Write as _},
    path::Path,
};

use crate::{
    runtime::{prepare::SOURCE, reports::REPORTS, work::drafts},
    sys::lock::{private_append, private_dir},
};

/// Keeps the plan as it was written, where `plan.toml` is another text.
pub(super) fn keep_source(dir: &Path, source: Option<&str>) -> io::Result<()> {
    match source {
        Some(source) => private_append(&dir.join(SOURCE))?.write_all(source.as_bytes()),
        None => Ok(()),
    }
}

/// The first agent waits for these: none is made that nobody will write into.
pub(super) fn private_folders(dir: &Path, notify: bool, hands_off: bool) -> io::Result<()> {
    let notices = notify.then_some("notify");
    for name in ["output", "gates", REPORTS].into_iter().chain(notices) {
        private_dir(&dir.join(name))?;
    }
    if hands_off {
        private_dir(&drafts(dir))?;
    }
    Ok(())
}
