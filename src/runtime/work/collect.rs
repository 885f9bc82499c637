//! What an attempt left: its commit, its paths against its scope, its promised files, its hand-off.

use std::{fmt::Write as _, fs, io};

use crate::{
    display::clean_line,
    engine::{Found, InputKind},
    plan::AgentIx,
    workspace::{Attempt as Left, CollectError, Collected, collect::LARGEST, merge::entries_in},
};

use super::{
    handoff::plain,
    order::Attempt,
    place::{Driver, Ground, named, said},
};

impl Driver {
    /// Collects what an attempt left and looks at it.
    pub fn collect(&self, ground: &Ground, of: &Attempt) -> Result<Found, String> {
        let name = self.name(of.agent, of.number);
        let message = self.message(of.agent, of.number);
        let collected = self.keep(
            ground,
            &Left {
                name: &name,
                folder: &self.name(of.agent, of.home),
                base: &of.base,
                message: &message,
                largest: LARGEST,
            },
        )?;
        let scope = self.scope(of.agent)?;
        let changed = collected.changed.list.iter().map(|c| c.path.as_slice());
        let outside = scope.outside(changed);
        let (handoff, facts) = self.handed_off(ground, of, &collected);
        Ok(Found {
            missing: self.missing(ground, of.agent, &collected.commit)?,
            outside: named(outside.into_iter()),
            changed: u32::try_from(collected.changed.total).unwrap_or(u32::MAX),
            added: collected.changed.added,
            removed: collected.changed.removed,
            committed_for: collected.committed_by_us,
            tree: Some(collected.tree),
            commit: (collected.commit != collected.base).then_some(collected.commit),
            handoff,
            facts,
        })
    }

    /// Keeps what an attempt left by a ref, and writes down what it could not. Until that is known, and
    /// where it cannot be, it says so in the same place: its workspace, which may be all there is, stays.
    pub fn keep(&self, ground: &Ground, left: &Left<'_>) -> Result<Collected, String> {
        let name = left.name;
        self.tell_left(name, "- all of it: it was not collected to the end\n")?;
        match ground.spaces().collect(left) {
            Ok(collected) => {
                self.tell_left(name, &left_out(&collected))?;
                Ok(collected)
            }
            Err(error) => {
                if matches!(error, CollectError::Gone { .. }) {
                    self.tell_left(name, "")?;
                }
                Err(said(error))
            }
        }
    }

    /// The message of the commit that is made for an attempt.
    pub fn message(&self, agent: AgentIx, attempt: u32) -> String {
        let setup = self.settings.now();
        let plan = setup.plan.agent(agent);
        let title = clean_line(plan.title.replace(['\n', '\r'], " "), 72);
        let (id, run) = (&plan.id, &self.run);
        format!(
            "{title}\n\nWavedeck-Run: {run}\nWavedeck-Agent: {id}\nWavedeck-Attempt: {attempt}\n"
        )
    }

    /// Tells what an attempt left.
    pub(super) fn collected(&self, of: &Attempt, found: Result<Found, String>) {
        self.say(Some(InputKind::Collected {
            agent: of.agent,
            attempt: of.number,
            found: found.map(Box::new),
        }));
    }

    /// Promised files that the result does not have: what git ignores reaches nobody.
    fn missing(
        &self,
        ground: &Ground,
        agent: AgentIx,
        commit: &str,
    ) -> Result<Vec<String>, String> {
        let setup = self.settings.now();
        let promised = &setup.plan.agent(agent).outputs;
        let paths: Vec<&str> = promised.iter().map(String::as_str).collect();
        let found = entries_in(&ground.store, commit, &plain(&paths)).map_err(said)?;
        let missing = promised.iter().zip(found).filter(|(_, there)| !there);
        Ok(missing.map(|(path, _)| clean_line(path, 300)).collect())
    }

    /// Writes down what is not part of the result and why, in lines; the workspace stays then. Without
    /// any it is whole.
    fn tell_left(&self, name: &str, lines: &str) -> Result<(), String> {
        let file = self.left_file(name);
        if lines.is_empty() {
            return match fs::remove_file(&file) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(said(error)),
                _ => Ok(()),
            };
        }
        let folder = file.parent().unwrap_or(&file);
        crate::sys::lock::private_dir(folder)
            .and_then(|()| fs::write(&file, format!("# Not collected of {name}\n\n{lines}")))
            .map_err(said)
    }
}

/// What is no part of a result, and why, as lines. A note says that commits may be there which nothing
/// names any more.
fn left_out(collected: &Collected) -> String {
    let mut text = String::new();
    for left in collected.left_out.iter().take(1000) {
        let _ = writeln!(text, "- `{}` {}", clean_line(&left.path, 300), left.why);
    }
    for note in &collected.notes {
        let _ = writeln!(text, "- {note}");
    }
    text
}
