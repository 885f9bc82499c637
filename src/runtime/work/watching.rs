//! The watcher of workspaces: what it finds becomes inputs.
//!
//! Nothing depends on it: what an attempt leaves is judged from its commits.

use std::{path::PathBuf, sync::Arc};

use crate::{
    conflict::scope::Globs,
    engine::{Foreseen, InputKind, State},
    plan::AgentIx,
    runtime::turns::complain,
    sys::locked,
    workspace::watch::{Domain, Key, Kind, Notice, Predicted, Settings, Watch, Workspace},
};

use super::{
    Work,
    order::Attempt,
    place::{Driver, Ground, named},
};

impl Driver {
    /// Begins to watch the workspace of an attempt; called before its agent starts. `fresh`: it stands
    /// at the commit that its work is compared with; `more`: others are waited for.
    pub fn watch(&self, ground: &Ground, of: &Attempt, path: PathBuf, (fresh, more): (bool, bool)) {
        let Ok(scope) = self.scope(of.agent) else {
            return;
        };
        let setup = self.settings.now();
        let plan = &setup.plan;
        let domains = plan.agent(of.agent).domains.iter().map(|name| Domain {
            name: name.as_str().into(),
            critical: plan.domains.get(name).is_some_and(|domain| domain.critical),
        });
        let workspace = Workspace {
            key: Key {
                agent: of.agent.0,
                attempt: of.number,
            },
            path,
            base: of.base.clone(),
            scope: (*scope).clone(),
            domains: domains.collect(),
            fresh: fresh.then(|| ground.repo().settings.clone()),
        };
        let watch = {
            let mut watch = locked(&self.watch);
            if watch.is_none() {
                *watch = self.watcher(ground).map(Arc::new);
            }
            // Not held while git is asked: the loop's thread wants it too.
            watch.clone()
        };
        if let Some(watch) = watch {
            watch.add(workspace, more);
        }
    }

    fn watcher(&self, ground: &Ground) -> Option<Watch> {
        let setup = self.settings.now();
        let rules = setup.plan.merge.rules.iter();
        let ruled: Vec<&str> = rules.map(|(glob, _)| glob.as_str()).collect();
        let settings = Settings {
            private: ground.spaces().folder().join(".watch"),
            ruled: Globs::new(&ruled).unwrap_or_default(),
            most_watches: None,
        };
        let (tell, setup) = (self.tell.clone(), self.settings.setup.clone());
        let started = Watch::start(settings, move |notice| {
            if let Notice::Degraded { key, why } = &notice {
                complain(&match key {
                    Some(Key { agent, attempt }) => {
                        let setup = setup.get();
                        let id = &setup.plan.agent(AgentIx(*agent)).id;
                        format!("the workspace {id}.{attempt} is not watched as it should: {why}")
                    }
                    None => format!("workspaces are not watched as they should: {why}"),
                });
            }
            if let Some(input) = input(notice) {
                tell(input);
            }
        });
        match started {
            Ok(watch) => Some(watch),
            Err(error) => {
                complain(&format!("workspaces are not watched: {error}"));
                None
            }
        }
    }

    /// Ends watching the workspace of an attempt.
    pub fn unwatch(&self, agent: AgentIx, attempt: u32) {
        if let Some(watch) = &*locked(&self.watch) {
            watch.remove(Key {
                agent: agent.0,
                attempt,
            });
        }
    }
}

impl Work {
    /// Lets the watcher forget the workspaces of attempts that are over.
    pub fn forget(&mut self, state: &State) {
        let Some(crew) = &self.crew else { return };
        self.watched.retain(|&(ix, attempt)| {
            let agent = state.agent(ix);
            let lives = agent.attempt == attempt && agent.live.is_some();
            if !lives {
                crew.driver.unwatch(ix, attempt);
            }
            lives
        });
    }
}

/// What a notice is to the engine; none: it is for figures alone.
fn input(notice: Notice) -> Option<InputKind> {
    Some(match notice {
        Notice::Outside { key, paths, .. } => InputKind::Outside {
            agent: AgentIx(key.agent),
            attempt: key.attempt,
            paths: named(paths.iter().map(|path| &**path)),
        },
        Notice::Predicted(found) => InputKind::Foreseen {
            agent: AgentIx(found.a.agent),
            with: AgentIx(found.b.agent),
            clash: Some(foreseen(&found)),
        },
        Notice::Withdrawn { a, b } => InputKind::Foreseen {
            agent: AgentIx(a.agent),
            with: AgentIx(b.agent),
            clash: None,
        },
        Notice::Degraded { .. } | Notice::Dirty { .. } | Notice::Overlap { .. } => return None,
    })
}

fn foreseen(found: &Predicted) -> Foreseen {
    let mut kinds: Vec<String> = found
        .files
        .iter()
        .filter_map(|file| word(file.kind))
        .chain((!found.domains.is_empty()).then_some("domain"))
        .map(str::to_owned)
        .collect();
    kinds.sort();
    kinds.dedup();
    Foreseen {
        files: named(found.files.iter().map(|file| &*file.path)),
        kinds,
        critical: found.critical,
    }
}

/// The kind in events; none for what is only text.
const fn word(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Content => None,
        Kind::AddedBoth => Some("added"),
        Kind::DeletedEdited => Some("deleted"),
        Kind::Renamed => Some("renamed"),
        Kind::Binary => Some("binary"),
        Kind::Submodule => Some("submodule"),
        Kind::Generated => Some("generated"),
        Kind::Large => Some("large"),
        Kind::FileFolder | Kind::Other => Some("other"),
    }
}
