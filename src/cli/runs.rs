//! `wavedeck runs`: what is recorded.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{
    args::Global,
    error::{Error, Outcome, status},
    find, out, style,
};
use crate::{
    config::Color,
    display::{clean_line, safe_json, spoken},
    journal::{Reader, Store, StoreError, fold, render_runs, render_show, runs_json, show_json},
};

/// Flags of `runs`.
#[derive(Debug, Clone, Args)]
pub struct RunsArgs {
    /// What to do; none: list.
    #[command(subcommand)]
    pub what: Option<RunsCommand>,
    /// JSON in place of text
    #[arg(long, global = true)]
    pub json: bool,
}

/// What to do with recorded runs.
#[derive(Debug, Clone, Subcommand)]
pub enum RunsCommand {
    /// List them, the newest first
    List,
    /// Show one
    Show {
        /// The run, by a unique prefix of its name; default: the live or latest one
        run: Option<String>,
    },
    /// Remove finished runs that are not to be kept
    Prune {
        /// Runs that stay; default: runs.keep of the configuration
        #[arg(long, value_name = "N")]
        keep: Option<u32>,
        /// Days for which runs stay; default: runs.keep_days of the configuration
        #[arg(long, value_name = "DAYS")]
        days: Option<u32>,
        /// Ask nothing
        #[arg(short, long)]
        yes: bool,
    },
}

/// Lists, shows or removes recorded runs.
pub fn runs(args: &RunsArgs, global: &Global) -> Outcome {
    let text = match &args.what {
        None | Some(RunsCommand::List) => {
            // An empty list is an answer; only what is asked for by name must be there.
            let list = match find::store() {
                Ok(store) => store.list().map_err(store_error)?,
                Err(_) => Vec::new(),
            };
            if args.json {
                format!("{}\n", safe_json(&runs_json(&list).to_string()))
            } else {
                render_runs(
                    &list,
                    now_ms(),
                    style::width(),
                    style::colours(global, Color::Auto),
                )
            }
        }
        Some(RunsCommand::Show { run }) => {
            let dir = find::run(run.as_deref())?;
            let setup = find::setup(&dir)?;
            let mut reader = Reader::open(&dir.path).map_err(|e| Error::usage(e.to_string()))?;
            let state = fold(setup.into(), &mut reader).map_err(|e| Error::usage(e.to_string()))?;
            if args.json {
                format!(
                    "{}\n",
                    safe_json(&show_json(&dir.info(), &state).to_string())
                )
            } else {
                render_show(&dir.info(), &state)
            }
        }
        Some(RunsCommand::Prune { keep, days, yes }) => prune(*keep, *days, *yes)?,
    };
    let text = if global.plain && !args.json {
        spoken(&text)
    } else {
        text
    };
    out::print(&text).map_err(|e| Error::internal("cannot write to stdout", e))?;
    Ok(status::OK)
}

fn prune(keep: Option<u32>, days: Option<u32>, yes: bool) -> Result<String, Error> {
    let defaults = crate::config::Runs::default();
    // What is stated replaces both defaults: `--keep 5` alone must not also go by age.
    let (keep, days) = match (keep, days) {
        (None, None) => (Some(defaults.keep), Some(defaults.keep_days)),
        stated => stated,
    };
    let store = find::store()?;
    let keep = keep.map(|n| n as usize);
    let all = store.list().map_err(store_error)?.len();
    // Where each was run: its folder says so, as long as it is there.
    let places = if yes { workdirs(&store)? } else { Vec::new() };
    let done = store
        .prune(keep, days, now_ms(), !yes)
        .map_err(store_error)?;
    let mut left = Vec::new();
    if yes {
        let env = |name: &str| std::env::var(name).ok();
        let folder = super::state_folder::folder(&env).unwrap_or_default();
        for id in &done.removed {
            if let Err(error) = crate::runtime::work::remove(&folder, id) {
                left.push(format!("its workspaces stay: {id}: {error}"));
            }
        }
        for (place, ids) in &places {
            let gone = ids.iter().filter(|id| done.removed.contains(id));
            let gone: Vec<&str> = gone.map(String::as_str).collect();
            left.extend(crate::runtime::work::forget(&folder, place, &gone));
        }
    }
    let (what, how) = if yes {
        ("removed", "")
    } else {
        ("would remove", "; -y removes for good")
    };
    let gone = done.removed.len();
    let mut text = format!(
        "{what} {gone} run{}, {} MiB; {} left{how}\n",
        if gone == 1 { "" } else { "s" },
        done.bytes >> 20,
        all.saturating_sub(gone),
    );
    for (id, why) in &done.kept {
        text.push_str(&clean_line(format!("kept {id}: {why}"), 500));
        text.push('\n');
    }
    for why in left {
        text.push_str(&clean_line(why, 500));
        text.push('\n');
    }
    Ok(text)
}

/// The folders that runs were started in, with the runs of each; those that cannot be read are left out.
fn workdirs(store: &Store) -> Result<Vec<(PathBuf, Vec<String>)>, Error> {
    let mut all: Vec<(PathBuf, Vec<String>)> = Vec::new();
    for run in store.runs().map_err(store_error)? {
        let Ok(place) = crate::runtime::diff::workdir(&run.path) else {
            continue;
        };
        match all.iter_mut().find(|(known, _)| *known == place) {
            Some((_, ids)) => ids.push(run.id),
            None => all.push((place, vec![run.id])),
        }
    }
    Ok(all)
}

fn store_error(error: StoreError) -> Error {
    Error::internal("the recorded runs cannot be read", error)
}

fn now_ms() -> i64 {
    let since = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
