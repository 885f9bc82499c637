//! The way back to a checkpoint, and handing the work over at the end.

use crate::{
    engine::InputKind,
    plan::MergeEnd,
    workspace::merge::{
        MergeError, checkpoint,
        deliver::{Forward, branch, fast_forward},
        rollback,
    },
};

use super::place::{Driver, Ground, resolved, said};

impl Driver {
    /// Moves the head back to a checkpoint; what came later is kept by refs.
    pub fn roll_back(
        &self,
        ground: &Ground,
        number: u32,
        checkpoints: &[(u32, String)],
        commit: &str,
    ) -> Result<(), String> {
        self.settings.sync.wait()?;
        let mut target = None;
        for (wave, at) in checkpoints {
            match checkpoint(&ground.store, &self.run, *wave, at) {
                Ok(_) => {}
                // The same wave was complete before an earlier way back; only the target must be right.
                Err(MergeError::Moved { .. }) if at != commit => {}
                Err(error) => return Err(said(error)),
            }
            if at == commit {
                target = Some(*wave);
            }
        }
        let wave = target.ok_or("there is no such checkpoint")?;
        rollback(&ground.store, &self.run, wave, number).map_err(said)?;
        Ok(())
    }

    /// Makes the branch, and lets the person's branch go forward where the plan says so and nothing is
    /// undone: no agent, no gate.
    pub fn deliver(&self, ground: &Ground, commit: String, undone: &[String]) -> InputKind {
        let spec = &self.settings.setup.plan.merge;
        let into = spec.into.replace("${run}", &self.run);
        let mut forwarded = None;
        let made = self.settings.sync.wait().and_then(|()| {
            let made = branch(&ground.store, &into, &commit).map_err(said)?;
            if spec.end == MergeEnd::Ff {
                if !undone.is_empty() {
                    return Err(format!(
                        "your branch stays where it is: not all is done: {}",
                        undone.join(", ")
                    ));
                }
                match fast_forward(&ground.repo().root, &commit, true).map_err(said)? {
                    Forward::Done { branch, .. } => forwarded = Some(branch),
                    Forward::Already | Forward::Asks { .. } => {}
                }
            }
            Ok(made.branch)
        });
        // What was made is told even where the last step failed.
        let (branch, error) = match made {
            Ok(branch) => (branch, None),
            Err(error) => {
                let name = format!("refs/heads/{into}");
                let there = resolved(ground, &name).is_some_and(|at| at == commit);
                (if there { name } else { String::new() }, Some(error))
            }
        };
        let branch = branch
            .strip_prefix("refs/heads/")
            .unwrap_or(&branch)
            .to_owned();
        InputKind::Delivered {
            commit,
            branch,
            forwarded,
            error,
        }
    }
}
