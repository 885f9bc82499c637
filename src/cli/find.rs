//! Finds recorded runs for commands that take RUN.
//!
//! Must not create anything: a command that only looks leaves no trace.

use std::path::PathBuf;

use super::{Error, load};
use crate::journal::{RunDir, Store};

/// Finds the store of runs around the current directory.
///
/// # Errors
/// When nothing was ever recorded here.
pub fn store() -> Result<Store, Error> {
    let here = std::env::current_dir()
        .map_err(|e| Error::usage(format!("the current directory cannot be found: {e}")))?;
    let root = load::repository(&here).unwrap_or_else(|| here.clone());
    let home = std::env::var_os("WAVEDECK_HOME")
        .filter(|h| !h.is_empty())
        .map(PathBuf::from);
    Store::find(&root, home.as_deref())
        .or_else(|| Store::find(&here, home.as_deref()))
        .ok_or_else(|| {
            Error::usage("nothing was recorded here yet").help("`wavedeck run` records a run")
        })
}

/// Finds a run: by a unique prefix, or the live or latest one.
///
/// # Errors
/// When there is none, or several that fit.
pub fn run(name: Option<&str>) -> Result<RunDir, Error> {
    store()?
        .pick(name)
        .map_err(|e| Error::usage(e.to_string()).help("`wavedeck runs` lists them"))
}
