//! Where a job works, and what it is told of that place.

use std::{
    fs::File,
    io::Read,
    path::{Component, Path, PathBuf},
};

use crate::{
    engine::{JobKey, Owner, Purpose, State},
    plan::AgentIx,
    runtime::work::note_file,
    sys::lock::private_dir,
};

/// Names the workspace of an agent.
const WORKSPACE: &str = "WAVEDECK_WORKSPACE";
/// Names the file that tells an agent why it goes again.
pub(super) const NOTE: &str = "WAVEDECK_NOTE";
/// Bytes of such a note that are read.
const LONGEST_NOTE: u64 = 64 << 10;
/// Names the commit that a workspace was made at.
const BASE: &str = "WAVEDECK_BASE";

/// `${agent}` of what is compared on the base; no agent is named so.
const COMPARED: &str = "_base";

/// What a run keeps in its folder (DESIGN 7): no agent gets these.
const KEPT: [&str; 18] = [
    "plan.toml",
    "config.toml",
    "journal.jsonl",
    "samples.jsonl",
    "index",
    "snapshots",
    "output",
    "status",
    "context",
    "handoff",
    "gates",
    "conflicts",
    "report.md",
    "report.json",
    "lock",
    "notify",
    "reports",
    "tmp",
];

/// The folder that a job works in: a check where the state says, an agent in its workspace, whatever
/// has none in the repository itself.
pub(super) fn folder(state: &State, key: JobKey, shared: &Path) -> PathBuf {
    let found = match key.owner {
        owner if key.check.is_some() => state.check_dir(owner),
        Owner::Agent(ix) => (state.agent(ix).work.as_ref())
            .map(|work| work.path.as_str())
            .filter(|path| !path.is_empty()),
        Owner::Phase(_) | Owner::Cohort(_) => None,
    };
    found.map_or_else(|| shared.to_owned(), PathBuf::from)
}

/// What a job in a workspace is told: of the workspace, and what the plan's `[workspace]` says.
pub(super) fn env(
    state: &State,
    key: JobKey,
    folder: &Path,
    run_dir: &Path,
) -> Vec<(String, String)> {
    let Owner::Agent(ix) = key.owner else {
        return Vec::new();
    };
    let Some(work) = &state.agent(ix).work else {
        return Vec::new();
    };
    let (workspace, run_dir) = (folder.display().to_string(), run_dir.display().to_string());
    let agent = whose(state, ix);
    let base = match &state.base_commit {
        Some(base) if agent == COMPARED => base,
        _ => &work.base,
    };
    let mut all = vec![
        (WORKSPACE.to_owned(), workspace.clone()),
        (BASE.to_owned(), base.clone()),
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

/// The note for an attempt that goes again: its path, and its text for a prompt.
pub(super) fn note(
    state: &State,
    ix: AgentIx,
    attempt: u32,
    run_dir: &Path,
) -> Option<(String, Vec<u8>)> {
    if attempt < 2 || !state.setup.own(ix) {
        return None;
    }
    let path = note_file(run_dir, state.setup.plan.agent(ix).id.as_str(), attempt);
    let mut text = Vec::new();
    let file = File::open(&path).ok()?;
    file.take(LONGEST_NOTE).read_to_end(&mut text).ok()?;
    Some((path.to_str()?.to_owned(), text))
}

/// In whose name a job of an agent works: what is compared on the base must not touch what the agent
/// has built.
fn whose(state: &State, ix: AgentIx) -> &str {
    let check = state.agent(ix).check.as_ref();
    match check.is_some_and(|check| check.purpose == Purpose::Base) {
        true => COMPARED,
        false => state.setup.plan.agent(ix).id.as_str(),
    }
}

/// Folders of the run that the plan's `[workspace] env` gives to an agent, such as
/// `${run_dir}/target/${agent}`: made, and open to it. What the run itself keeps there stays closed.
pub(super) fn opened(state: &State, key: JobKey, run_dir: &Path) -> Vec<PathBuf> {
    let Owner::Agent(ix) = key.owner else {
        return Vec::new();
    };
    let agent = whose(state, ix);
    let values = state.setup.plan.workspace.env.values();
    let below = values.filter_map(|value| value.strip_prefix("${run_dir}/"));
    let mut open = Vec::new();
    for rest in below {
        let rest = rest.replace("${agent}", agent);
        let path = Path::new(&rest);
        let plain = path.components().all(|c| matches!(c, Component::Normal(_)));
        let first = path.components().next().map(Component::as_os_str);
        if !plain || first.is_none_or(|name| KEPT.iter().any(|kept| name == *kept)) {
            continue;
        }
        let path = run_dir.join(path);
        // Where it cannot be made the agent will say so.
        if private_dir(&path).is_ok() {
            open.push(path);
        }
    }
    open
}
