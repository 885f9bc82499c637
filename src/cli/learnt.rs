//! `wavedeck learnt`: what earlier runs have taught; and the same for the commands that look at a plan: `check`, `plan`
//! and the page before a run.
//!
//! Must not add to the file: a run does.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::{
    args::Global,
    error::{Error, Outcome, status},
    find, launch,
    load::Input,
    out,
};
use crate::{
    display::{escape, safe_json, spoken},
    plan::Plan,
    report::{learnt as render, off::sentences},
    runtime::learnt,
    schedule::learnt::{Applied, Need, apply, needs, off},
};

/// Flags of `learnt`.
#[derive(Debug, Clone, Args)]
pub struct LearntArgs {
    /// What to do; none: show.
    #[command(subcommand)]
    pub what: Option<LearntCommand>,
    /// JSON in place of text
    #[arg(long)]
    pub json: bool,
}

/// What to do with what is known.
#[derive(Debug, Clone, Subcommand)]
pub enum LearntCommand {
    /// Forget what is known of an agent, or all
    Forget {
        /// The agent, whatever its plan and its worker
        #[arg(required_unless_present = "all")]
        agent: Option<String>,
        /// All agents and classes
        #[arg(long, conflicts_with = "agent")]
        all: bool,
    },
}

/// Shows or forgets what runs have taught.
pub fn learnt(args: &LearntArgs, global: &Global) -> Outcome {
    let text = match &args.what {
        None => show(args.json)?,
        Some(LearntCommand::Forget { agent, .. }) => {
            let gone = learnt::forget(&find::store()?, agent.as_deref())
                .map_err(|e| Error::usage(format!("learnt.json cannot be changed: {e}")))?;
            if let (0, Some(agent)) = (gone, agent) {
                return Err(Error::usage(format!("nothing is known of agent `{agent}`"))
                    .help("`wavedeck learnt` lists what is known"));
            }
            let keys = if gone == 1 { "key" } else { "keys" };
            format!("forgot {gone} {keys}\n")
        }
    };
    let text = if global.plain && !args.json {
        spoken(&text)
    } else {
        text
    };
    out::print(&text).map_err(|e| Error::internal("cannot write to stdout", e))?;
    Ok(status::OK)
}

/// What is known; where nothing was ever recorded, nothing is.
fn show(json: bool) -> Result<String, Error> {
    let found = find::store().map_or_else(|_| learnt::Found::default(), |store| learnt::of(&store));
    if let Some(problem) = found.problem {
        out::complain(&format!("note: {}\n", escape(&problem)));
    }
    if !json {
        return Ok(render::table(&found.known));
    }
    let keys = serde_json::to_string(&found.known)
        .map_err(|e| Error::internal("what is known cannot be written", e))?;
    let text = format!("{{\"version\":1,\"keys\":{keys}}}");
    Ok(format!("{}\n", safe_json(&text)))
}

/// `WAVEDECK_HOME`, where it is set.
#[must_use]
pub fn home() -> Option<PathBuf> {
    std::env::var_os("WAVEDECK_HOME")
        .filter(|home| !home.is_empty())
        .map(PathBuf::from)
}

/// Where runs of a plan are kept: the repository, or the folder that they work in.
fn root(input: &Input) -> PathBuf {
    let root = input.root.clone();
    root.unwrap_or_else(|| launch::workdir(None, &input.path))
}

/// Returns what is known of the agents of a plan, and why a file is not used, as a sentence.
#[must_use]
pub fn found(input: &Input) -> (Vec<Need>, Option<String>) {
    let found = learnt::find(&root(input), home().as_deref());
    (needs(&input.plan, &found.known), found.problem)
}

/// The same for a run that is about to begin: a file that makes no sense is kept aside.
#[must_use]
pub fn for_run(plan: &Plan, root: &Path) -> (Vec<Need>, Option<String>) {
    let found = learnt::find_for_run(root, home().as_deref());
    (needs(plan, &found.known), found.problem)
}

/// Returns what a plan states and earlier runs did not keep, in sentences.
#[must_use]
pub fn notes(plan: &Plan, applied: &[Applied]) -> Vec<String> {
    off(plan, applied).iter().flat_map(sentences).collect()
}

/// The same of a plan that needs were not put into yet.
#[must_use]
pub fn notes_of(input: &Input) -> Vec<String> {
    let (needs, problem) = found(input);
    let mut plan = input.plan.clone();
    let applied = apply(&mut plan, &needs, u64::MAX);
    notes(&plan, &applied).into_iter().chain(problem).collect()
}
