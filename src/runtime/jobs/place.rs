//! Where a job works, what it is told of that place, and where its output is kept.

use std::path::{Component, Path, PathBuf};

use crate::{
    engine::{JobKey, Owner, Purpose, State, base_evidence_name, evidence_name},
    plan::{AgentIx, Argv},
    runtime::{
        leases::FOLDER,
        work::{kept, note_file},
    },
};

/// Names the workspace of an agent.
const WORKSPACE: &str = "WAVEDECK_WORKSPACE";
/// Names the file that tells an agent why it goes again.
pub(super) const NOTE: &str = "WAVEDECK_NOTE";
/// Names the commit that a workspace was made at.
const BASE: &str = "WAVEDECK_BASE";

/// `${agent}` of what is compared on the base; no agent is named so.
const COMPARED: &str = "_base";
/// `${agent}` of what is checked on the integrated work of several; no agent is named so.
const INTEGRATED: &str = "_head";
/// Says in a checkout of ours that its set-up was carried out.
pub(super) const SET_UP: &str = ".git/wavedeck-set-up";
/// Names the file that an agent may write its hand-off into.
pub(super) const HANDOFF: &str = "WAVEDECK_HANDOFF";
/// Names the hand-offs that an agent gets, one path a line.
pub(super) const HANDOFFS: &str = "WAVEDECK_HANDOFFS";

/// What a run keeps in its folder (DESIGN 7): no agent gets these.
const KEPT: [&str; 19] = [
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
    FOLDER,
];

/// Where the index beside a terminal's output is kept.
#[must_use]
pub fn index_path(output: &Path) -> PathBuf {
    let mut name = output.as_os_str().to_owned();
    name.push(".idx");
    name.into()
}

/// Where the output of an attempt is kept.
#[must_use]
pub fn output_path(run_dir: &Path, agent: &str, attempt: u32) -> PathBuf {
    run_dir.join("output").join(format!("{agent}.{attempt}"))
}

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

/// What a job is told: of the hand-offs that its agent gets; in a workspace of that, and what the
/// plan's `[workspace]` says.
pub(super) fn env(
    state: &State,
    key: JobKey,
    folder: &Path,
    run_dir: &Path,
) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    if let Owner::Agent(ix) = key.owner {
        all.extend(received(state, ix, run_dir));
    }
    let Some((agent, base)) = whose(state, key) else {
        return all;
    };
    let (workspace, run_dir) = (folder.display().to_string(), run_dir.display().to_string());
    all.push((WORKSPACE.to_owned(), workspace.clone()));
    all.push((BASE.to_owned(), base.to_owned()));
    for (name, value) in &state.setup.plan.workspace.env {
        let value = value
            .replace("${run_dir}", &run_dir)
            .replace("${agent}", agent)
            .replace("${workspace}", &workspace);
        all.push((name.clone(), value));
    }
    all
}

/// The note for an attempt that goes again, where there is one.
pub(super) fn note(attempt: u32, agent: &str, run_dir: &Path) -> Option<PathBuf> {
    let path = (attempt > 1).then(|| note_file(run_dir, agent, attempt))?;
    path.is_file().then_some(path)
}

/// Where the prompt of an attempt is kept.
#[must_use]
pub fn context_file(run_dir: &Path, agent: &str, attempt: u32) -> PathBuf {
    run_dir
        .join("context")
        .join(format!("{agent}.{attempt}.md"))
}

/// Name of the evidence file of a check command below `gates/`.
pub(super) fn file_name(state: &State, key: JobKey) -> String {
    let place = (key.attempt, key.round, key.check.unwrap_or(0));
    let owner = state.setup.key_of(key.owner);
    if key.check.is_some() && compares(state, key.owner) {
        base_evidence_name(&owner, place)
    } else {
        evidence_name(&owner, place)
    }
}

/// The commands before a check: one in a checkout of ours, of a merge, the head or the base, begins as an
/// agent does. Those of merge rules do not.
pub(super) fn before_check(state: &State, key: JobKey) -> Vec<Argv> {
    let owner = key.owner;
    let merged = state.check_of(owner).is_some_and(|check| check.merged);
    let ours = compares(state, owner) || state.on_head(owner) || merged;
    if ours && state.commanding(owner).is_none() && state.check_dir(owner).is_some() {
        state.setup.plan.workspace.setup.clone()
    } else {
        Vec::new()
    }
}

/// Whether the command that an owner is at runs on the base to compare.
fn compares(state: &State, owner: Owner) -> bool {
    (state.check_of(owner)).is_some_and(|check| check.purpose == Purpose::Base)
}

/// In whose name a job works in a workspace or checkout, and at which commit that began; none: it works
/// in the repository itself. What is compared on the base, or judges the work of several, must not touch
/// what an agent has built.
fn whose(state: &State, key: JobKey) -> Option<(&str, &str)> {
    let base = state.base_commit.as_deref();
    if key.check.is_some() && compares(state, key.owner) {
        return Some((COMPARED, base?));
    }
    if let Owner::Agent(ix) = key.owner
        && state.setup.own(ix)
        && !state.begins(ix)
        && let Some(work) = &state.agent(ix).work
    {
        return Some((state.setup.plan.agent(ix).id.as_str(), &work.base));
    }
    (key.check.is_some() && state.on_head(key.owner)).then_some((INTEGRATED, base?))
}

/// The hand-offs of those that an agent waited for, as a variable.
fn received(state: &State, ix: AgentIx, run_dir: &Path) -> Option<(String, String)> {
    let paths: Vec<String> = handed(state, ix, run_dir)
        .map(|path| path.display().to_string())
        .collect();
    (!paths.is_empty()).then(|| (HANDOFFS.to_owned(), paths.join("\n")))
}

fn handed(state: &State, ix: AgentIx, run_dir: &Path) -> impl Iterator<Item = PathBuf> {
    let plan = &state.setup.plan;
    let from = state.handed_to(ix).map(|(from, _)| from);
    from.map(|from| kept(run_dir, plan.agent(from).id.as_str()))
}

/// Folders of the run that the plan's `[workspace] env` gives to an agent, such as
/// `${run_dir}/target/${agent}`: the run's folder and the path below it, to be made, and open to it. What the
/// run itself keeps there stays closed.
pub(super) fn opened(state: &State, key: JobKey, run_dir: &Path) -> Vec<(PathBuf, PathBuf)> {
    let Some((agent, _)) = whose(state, key) else {
        return Vec::new();
    };
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
        open.push((run_dir.to_owned(), path.to_owned()));
    }
    open
}
