//! Where a job works, and what it is told of that place.

use std::path::{Path, PathBuf};

use crate::{
    engine::{JobKey, Owner, State},
    plan::AgentIx,
};

/// Names the workspace of an agent.
const WORKSPACE: &str = "WAVEDECK_WORKSPACE";
/// Names the commit that a workspace was made at.
const BASE: &str = "WAVEDECK_BASE";

/// The folder that a job works in. Shared agents, and checks of what has no workspace, work in the
/// repository itself; checks of more than one agent's work in a checkout of the integrated head.
pub(super) fn folder(state: &State, key: JobKey, shared: &Path) -> PathBuf {
    let integrated = || state.merges.checked_out().map(PathBuf::from);
    let found = match key.owner {
        Owner::Agent(ix) => of_agent(state, ix, key).or_else(|| {
            // A group has no work of its own, but that of its parts.
            let group = !state.setup.children[ix.ix()].is_empty();
            (group && key.check.is_some()).then(integrated).flatten()
        }),
        _ => integrated(),
    };
    found.unwrap_or_else(|| shared.to_owned())
}

fn of_agent(state: &State, ix: AgentIx, key: JobKey) -> Option<PathBuf> {
    let agent = state.agent(ix);
    let work = agent.work.as_ref()?;
    let judged = agent.check.as_ref().is_some_and(|check| check.merged);
    let merge = state.merges.now.as_ref();
    if key.check.is_some() && judged {
        let result = merge.filter(|now| now.agent == ix && !now.path.is_empty());
        return result.map(|now| PathBuf::from(&now.path));
    }
    // Its parts are in the head by then, and its own work too.
    let joined = key.check.is_some() && agent.own_done && !state.setup.children[ix.ix()].is_empty();
    if joined && let Some(path) = state.merges.checked_out() {
        return Some(path.into());
    }
    (!work.path.is_empty()).then(|| PathBuf::from(&work.path))
}

/// What a job in a workspace is told: of the workspace, and what the plan's `[workspace]` says.
pub(super) fn env(state: &State, key: JobKey, folder: &Path, run_dir: &Path) -> Vec<(String, String)> {
    let Owner::Agent(ix) = key.owner else {
        return Vec::new();
    };
    let Some(work) = &state.agent(ix).work else {
        return Vec::new();
    };
    let (workspace, run_dir) = (folder.display().to_string(), run_dir.display().to_string());
    let agent = state.setup.plan.agent(ix).id.as_str();
    let mut all = vec![
        (WORKSPACE.to_owned(), workspace.clone()),
        (BASE.to_owned(), work.base.clone()),
    ];
    for (name, value) in &state.setup.plan.workspace.env {
        let value = value
            .replace("${run_dir}", &run_dir)
            .replace("${agent}", agent)
            .replace("${workspace}", &workspace);
        all.push((name.clone(), value));
    }
    all
}
