//! What an attempt left: its commit, its paths against its scope, its promised files.

use std::{fmt::Write as _, fs};

use crate::{
    display::clean_line,
    engine::Found,
    plan::AgentIx,
    workspace::{Attempt as Left, Collected, collect::LARGEST, merge::entry_in},
};

use super::{
    order::Attempt,
    place::{Driver, Ground, named, said},
};

impl Driver {
    /// Collects what an attempt left and looks at it.
    pub fn collect(&self, ground: &Ground, of: &Attempt) -> Result<Found, String> {
        let name = self.name(of.agent, of.number);
        let message = self.message(of.agent, of.number);
        let collected = ground.spaces().collect(&Left {
            name: &name,
            base: &of.base,
            message: &message,
            largest: LARGEST,
        });
        let collected = collected.map_err(said)?;
        self.tell_left(&name, &collected)?;
        let scope = self.scope(of.agent)?;
        let changed = collected.changed.list.iter().map(|c| c.path.as_slice());
        let outside = scope.outside(changed);
        Ok(Found {
            missing: self.missing(ground, of.agent, &collected.commit)?,
            outside: named(outside.into_iter()),
            changed: u32::try_from(collected.changed.total).unwrap_or(u32::MAX),
            added: collected.changed.added,
            removed: collected.changed.removed,
            committed_for: collected.committed_by_us,
            tree: Some(collected.tree),
            commit: (collected.commit != collected.base).then_some(collected.commit),
            handoff: None,
            facts: std::collections::BTreeMap::new(),
        })
    }

    /// The message of the commit that is made for an attempt.
    pub fn message(&self, agent: AgentIx, attempt: u32) -> String {
        let plan = self.settings.setup.plan.agent(agent);
        let title = clean_line(plan.title.replace(['\n', '\r'], " "), 72);
        let (id, run) = (&plan.id, &self.run);
        format!(
            "{title}\n\nWavedeck-Run: {run}\nWavedeck-Agent: {id}\nWavedeck-Attempt: {attempt}\n"
        )
    }

    /// Promised files that the result does not have: what git ignores reaches nobody.
    fn missing(
        &self,
        ground: &Ground,
        agent: AgentIx,
        commit: &str,
    ) -> Result<Vec<String>, String> {
        let mut missing = Vec::new();
        for path in &self.settings.setup.plan.agent(agent).outputs {
            let plain = path.trim_start_matches("./").trim_end_matches('/');
            let found = entry_in(&ground.store, commit, &plain.into()).map_err(said)?;
            if found.is_none() {
                missing.push(clean_line(path, 300));
            }
        }
        Ok(missing)
    }

    /// Writes down what is not part of the result and why; the workspace stays then.
    fn tell_left(&self, name: &str, collected: &Collected) -> Result<(), String> {
        let file = self.left_file(name);
        // A note says that commits may be there which nothing names any more.
        if collected.left_out.is_empty() && collected.notes.is_empty() {
            return Ok(());
        }
        let mut text = format!("# Not collected of {name}\n\n");
        for left in collected.left_out.iter().take(1000) {
            let _ = writeln!(text, "- `{}` {}", clean_line(&left.path, 300), left.why);
        }
        for note in &collected.notes {
            let _ = writeln!(text, "- {note}");
        }
        let folder = file.parent().unwrap_or(&file);
        crate::sys::lock::private_dir(folder)
            .and_then(|()| fs::write(&file, text))
            .map_err(said)
    }
}
