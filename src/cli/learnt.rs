//! What earlier runs have taught, for the commands that look at a plan: `check`, `plan` and the page before a run.
//!
//! Must not change the file: a run does.

use std::path::{Path, PathBuf};

use super::{launch, load::Input};
use crate::{
    plan::Plan,
    report::off::sentences,
    runtime::learnt,
    schedule::learnt::{Applied, Need, apply, needs, off},
};

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
