//! Workspaces on the disk, without asking git: attempts that have one, and removing those of a run.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::{
    plan::AgentId,
    workspace::{Repository, guard},
};

/// The folders of a run's workspaces, one for each repository that it was run in: one.
fn folders(state_folder: &Path, run: &str) -> Vec<PathBuf> {
    // A run from before it was recorded, or without workspaces.
    if state_folder.as_os_str().is_empty() || run.is_empty() {
        return Vec::new();
    }
    let repositories = fs::read_dir(state_folder.join("work"));
    let folders = repositories.into_iter().flatten().flatten();
    let folders = folders.map(|repository| repository.path().join(run));
    folders.filter(|folder| folder.is_dir()).collect()
}

/// Attempts that a workspace was made for: their numbers are not used again.
#[must_use]
pub fn seen_attempts(state_folder: &Path, run: &str) -> Vec<(AgentId, u32)> {
    let mut seen = Vec::new();
    for folder in folders(state_folder, run) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let attempt = name.to_str().and_then(|name| name.rsplit_once('.'));
            // What is ours alone has no agent's name.
            let attempt = attempt.filter(|(agent, _)| !agent.starts_with(['.', '_']));
            if let Some((agent, number)) = attempt
                && let Ok(number) = number.parse()
                && !agent.is_empty()
            {
                seen.push((agent.into(), number));
            }
        }
    }
    seen
}

/// Removes the workspaces of a run that nobody goes on with.
///
/// # Errors
/// What cannot be removed.
pub fn remove(state_folder: &Path, run: &str) -> io::Result<()> {
    let mut all = folders(state_folder, run).into_iter();
    all.try_for_each(|folder| crate::sys::remove::tree(&folder))
}

/// Removes the refs of runs that were removed from the repository that they were run in; returns what is
/// to be said of each: work that is on no branch stays.
#[must_use]
pub fn forget(state_folder: &Path, workdir: &Path, runs: &[&str]) -> Vec<String> {
    // Where there is no repository any more, there is nothing to remove.
    let Ok(repo) = Repository::open(workdir) else {
        return Vec::new();
    };
    let mut said = Vec::new();
    for run in runs {
        match guard::forget(state_folder, &repo, run) {
            Ok(done) if done.kept == 0 => {}
            Ok(done) => {
                let (refs, are) = match done.kept {
                    1 => ("1 ref".to_owned(), "is"),
                    n => (format!("{n} refs"), "are"),
                };
                said.push(format!(
                    "kept {refs} of {run}: work that {are} on no branch; `git for-each-ref \
                     refs/wavedeck/{run}` lists them, `git update-ref -d REF` removes one"
                ));
            }
            Err(error) => said.push(format!("the refs of {run} stay: {error}")),
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_told_from_what_is_ours_and_a_runs_workspaces_go_together() {
        let state = tempfile::tempdir().unwrap();
        let run = state.path().join("work/repo-1/run-1");
        for name in [
            "api.1",
            "api.x.2",
            "_merge.3",
            ".spare-1-2",
            "_head.abc",
            "none",
        ] {
            fs::create_dir_all(run.join(name)).unwrap();
        }
        let mut seen = seen_attempts(state.path(), "run-1");
        seen.sort();
        assert_eq!(seen, [("api".into(), 1), ("api.x".into(), 2)]);
        assert_eq!(seen_attempts(Path::new(""), "run-1"), []);
        remove(state.path(), "run-2").unwrap();
        assert!(run.is_dir());
        remove(state.path(), "run-1").unwrap();
        assert!(!run.exists() && run.parent().unwrap().is_dir());
    }
}
