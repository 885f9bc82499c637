//! Where a job works, and what it is told of that place.

use std::{
    fs::{self, File},
    io::Read,
    path::{Component, Path, PathBuf},
};

use crate::{
    engine::{JobKey, Owner, State},
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

/// Folders of the run that the plan's `[workspace] env` gives to an agent, such as
/// `${run_dir}/target/${agent}`: made, and open to it. What the run itself keeps there stays closed.
pub(super) fn opened(state: &State, key: JobKey, run_dir: &Path) -> Vec<PathBuf> {
    let Owner::Agent(ix) = key.owner else {
        return Vec::new();
    };
    let agent = state.setup.plan.agent(ix).id.as_str();
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
        // Where it cannot be made the agent will say so.
        open.extend(made(run_dir, path));
    }
    open
}

/// Makes a folder below the run's. None where a link is on the way: an agent that may write in the
/// folder above could have put it there, and it would open another place.
fn made(run_dir: &Path, below: &Path) -> Option<PathBuf> {
    let mut path = run_dir.to_owned();
    for part in below {
        path.push(part);
        if !fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_dir()) {
            private_dir(&path).ok()?;
        }
        fs::symlink_metadata(&path).ok().filter(|meta| meta.is_dir())?;
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_opens_no_other_place() {
        let folder = tempfile::tempdir().unwrap();
        let run_dir = folder.path().join("run");
        let below = Path::new("target/a");
        assert_eq!(made(&run_dir, below), Some(run_dir.join(below)));
        std::os::unix::fs::symlink(folder.path(), run_dir.join("target/b")).unwrap();
        assert_eq!(made(&run_dir, Path::new("target/b")), None);
        assert_eq!(made(&run_dir, Path::new("target/b/c")), None);
        assert!(!folder.path().join("c").exists());
    }
}
