//! Finds recorded runs for commands that take RUN.
//!
//! Must not create anything: a command that only looks leaves no trace.

use std::path::PathBuf;

use super::{Error, load};
use crate::{
    engine::Setup,
    journal::{RunDir, Store},
    runtime::prepare::read_folder,
};

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
    let store = store()?;
    let run = pick(&store, name)?;
    if name.is_none()
        && let live = live(&store)
        && live.len() > 1
    {
        // On standard error: what a program reads on standard output stays what it is.
        super::out::complain(&format!(
            "wavedeck: {} runs are live here; this is {}, the newest\n",
            live.len(),
            run.id
        ));
    }
    Ok(run)
}

/// Reads what a run was made of.
///
/// # Errors
/// When its folder cannot be read.
pub fn setup(dir: &RunDir) -> Result<Setup, Error> {
    let (setup, _) = read_folder(&dir.path)?;
    Ok(setup)
}

/// Says that a run's journal cannot be read.
pub fn unreadable(dir: &RunDir, why: impl std::fmt::Display) -> Error {
    Error::usage(format!("run {} cannot be read: {why}", dir.id))
}

/// Finds the run that an action is meant for: among several live ones it must be named.
///
/// # Errors
/// When there is none, or several that fit.
pub fn run_to_steer(name: Option<&str>) -> Result<RunDir, Error> {
    let store = store()?;
    let live = live(&store);
    if name.is_none() && live.len() > 1 {
        let ids: Vec<&str> = live.iter().map(|run| run.id.as_str()).collect();
        return Err(
            Error::usage(format!("several runs are live here: {}", ids.join(", ")))
                .help("say which with --run RUN"),
        );
    }
    pick(&store, name)
}

fn pick(store: &Store, name: Option<&str>) -> Result<RunDir, Error> {
    store
        .pick(name)
        .map_err(|e| Error::usage(e.to_string()).help("`wavedeck runs` lists them"))
}

/// Runs that somebody holds; where that cannot be told, none.
fn live(store: &Store) -> Vec<RunDir> {
    store.live().unwrap_or_default()
}
