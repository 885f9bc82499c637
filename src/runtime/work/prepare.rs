//! A workspace for an attempt: at the head, for agents with a prompt with what was done before.

use crate::{
    engine::{self, Prepared, Unready},
    executor::{Boundary, Level},
    plan::{AgentIx, Work},
    sys::landlock,
    workspace::{
        Attempt as Left, MakeError,
        collect::LARGEST,
        merge::{MergeNote, Tried, Whose, commit_merge, try_merge},
    },
};

use super::{
    order::Attempt,
    place::{Driver, Ground, path_text, resolved, said},
};

impl Driver {
    /// Makes the workspace of an attempt; `more` others are waited for.
    pub fn prepare(&self, ground: &Ground, of: &Attempt, more: usize) -> Result<Prepared, Unready> {
        self.rescue(ground, of);
        if of.home != of.number {
            return self.go_on(ground, of);
        }
        let start = self.start(ground, of).unwrap_or_else(|| of.base.clone());
        let name = self.name(of.agent, of.number);
        if let Some(before) = &of.before {
            let noted = self.note(ground, of.agent, of.number, before);
            noted.map_err(|error| {
                Unready::Failed(said(format!("its note cannot be written: {error}")))
            })?;
        }
        let made = ground.pool.take(&name, &start, more);
        let made = made.map_err(|error| match error {
            MakeError::NoRoom(full) => Unready::NoRoom(said(full)),
            error => Unready::Failed(said(error)),
        })?;
        self.watch(ground, of, made.path.clone(), (start == of.base, more > 0));
        Ok(Prepared {
            // What was done before counts as this attempt's work: it is compared with the head.
            base: of.base.clone(),
            path: path_text(&made.path).map_err(Unready::Failed)?,
            level: level(self.settings.enforce),
        })
    }

    /// The workspace of the attempt that this one goes on from, as that left it.
    fn go_on(&self, ground: &Ground, of: &Attempt) -> Result<Prepared, Unready> {
        let path = ground.spaces().path(&self.name(of.agent, of.home));
        if !path.is_dir() {
            let gone = "its workspace, which it was to go on in, is gone";
            return Err(Unready::Failed(gone.to_owned()));
        }
        self.watch(ground, of, path.clone(), (false, false));
        Ok(Prepared {
            base: of.base.clone(),
            path: path_text(&path).map_err(Unready::Failed)?,
            level: level(self.settings.enforce),
        })
    }

    /// What attempts left that did not end well is kept by a ref, as far as it can be; their workspaces
    /// stay where it cannot.
    fn rescue(&self, ground: &Ground, of: &Attempt) {
        for attempt in (1..of.number).filter(|attempt| *attempt != of.home) {
            let name = self.name(of.agent, attempt);
            if ground.spaces().path(&name).is_dir()
                && self.rescue_one(ground, of.agent, attempt, Some(&of.base))
            {
                let _ = ground.spaces().discard(&name);
            }
        }
    }

    /// Keeps what an attempt left by a ref, if none does; whether all of it is kept.
    pub fn rescue_one(
        &self,
        ground: &Ground,
        agent: AgentIx,
        attempt: u32,
        base: Option<&str>,
    ) -> bool {
        let name = self.name(agent, attempt);
        if self.commit_of(ground, &name).is_some() {
            return !self.left_file(&name).exists();
        }
        let message = self.message(agent, attempt);
        let found = self.keep(
            ground,
            &Left {
                name: &name,
                folder: &name,
                base: base.unwrap_or(&ground.repo().head),
                message: &message,
                largest: LARGEST,
            },
        );
        found.is_ok() && !self.left_file(&name).exists()
    }

    /// The commit that keeps what an attempt left.
    pub fn commit_of(&self, ground: &Ground, name: &str) -> Option<String> {
        resolved(ground, &format!("refs/wavedeck/{}/{name}", self.run))
    }

    /// The head with the work of the attempt before merged onto it, where an agent can go on with that
    /// and git can merge it.
    fn start(&self, ground: &Ground, of: &Attempt) -> Option<String> {
        let setup = self.settings.now();
        let agent = setup.plan.agent(of.agent);
        if !of.take_over || !matches!(agent.work, Work::Prompt(_)) {
            return None;
        }
        let before = (1..of.number).rev().find_map(|attempt| {
            let name = self.name(of.agent, attempt);
            Some((attempt, self.commit_of(ground, &name)?))
        });
        let (attempt, before) = before?;
        let whose = Whose {
            conflict: "0",
            agent: agent.id.as_str(),
            attempt,
        };
        let tree = match try_merge(&ground.store, &of.base, &before, &whose).ok()? {
            Tried::FastForward { tree } | Tried::Clean { tree, .. } => tree,
            Tried::Contained | Tried::Conflict { .. } => return None,
        };
        let note = MergeNote {
            run: &self.run,
            agent: agent.id.as_str(),
            attempt,
            title: &agent.title,
            conflict: None,
            at_s: 0,
        };
        commit_merge(&ground.store, &of.base, &before, &tree, &note).ok()
    }
}

/// How this kernel holds an agent to its workspace.
fn level(enforce: bool) -> engine::Boundary {
    let boundary = Boundary {
        enforce,
        ..Boundary::around(std::path::Path::new("/"), None, Vec::new())
    };
    match boundary.level(&landlock::probe()) {
        Level::Enforced(_) => engine::Boundary::Enforced,
        // Its changes are looked at, whatever the kernel does.
        Level::Watched(_) | Level::Off => engine::Boundary::Watched,
    }
}
