//! The end of a run's workspaces: what nobody needs goes, and it is said what stays.

use std::fs;

use crate::{engine::State, runtime::turns::complain, sys::locked};

use super::{
    place::{Driver, Ground},
    succeeded,
};

impl Driver {
    /// Ends with the spare workspaces gone; after a run that is over, those of agents that succeeded go
    /// too.
    pub fn leave(mut self, over: Option<&State>) {
        drop(locked(&self.watch).take());
        let ground = match self.ground.take() {
            // A runner that resumed what was as good as over had no need of any.
            None if over.is_some_and(|state| state.setup.integrates) => self.look(),
            found => found.unwrap_or_else(|| Err(String::new())),
        };
        let Ok(ground) = ground else { return };
        if let Some(state) = over {
            self.tidy(&ground, state);
        }
        let folder = ground.spaces().folder().to_owned();
        drop(ground);
        // Only an empty one goes.
        let _ = fs::remove_dir(folder);
    }

    fn tidy(&self, ground: &Ground, state: &State) {
        let mut kept = Vec::new();
        for ix in state.setup.plan.indices().filter(|&ix| state.setup.own(ix)) {
            for attempt in 1..=state.agent(ix).attempt {
                let name = self.name(ix, attempt);
                if !ground.spaces().path(&name).exists() {
                    continue;
                }
                // What it committed shall not go with the folder.
                let base = state.base_commit.as_deref();
                let whole = self.rescue_one(ground, ix, attempt, base);
                if succeeded(state, ix) && whole {
                    let _ = ground.spaces().discard(&name);
                } else {
                    kept.push(name);
                }
            }
        }
        // Checkouts of ours, and scratch.
        for entry in fs::read_dir(ground.spaces().folder())
            .into_iter()
            .flatten()
            .flatten()
        {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if name.starts_with('_') || name == ".merge" || name == ".watch" {
                let _ = crate::sys::remove::tree(&entry.path());
            }
        }
        if !kept.is_empty() {
            let folder = ground.spaces().folder().display().to_string();
            let more = kept.len().saturating_sub(3);
            kept.truncate(3);
            let more = if more > 0 {
                format!(" and {more} more")
            } else {
                String::new()
            };
            complain(&format!(
                "kept: the workspaces {}{more} in {folder}; `wavedeck runs prune` removes them",
                kept.join(", ")
            ));
        }
    }
}
