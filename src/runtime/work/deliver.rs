//! The way back to a checkpoint, and handing the work over at the end.

use std::collections::BTreeMap;

use crate::{
    engine::{InputKind, Offer},
    plan::MergeEnd,
    workspace::merge::{
        MergeError, checkpoint,
        deliver::{Agreed, Forward, branch, checked_out_at, distance, fast_forward},
        rollback,
    },
};

use super::{
    order::Handing,
    place::{Driver, Ground, resolved, said},
};

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
        let mut before = BTreeMap::new();
        for (wave, at) in checkpoints {
            let before = before.insert(*wave, at).map(String::as_str);
            match checkpoint(&ground.store, &self.run, *wave, at, before) {
                Ok(_) => {}
                // It is where that wave was complete a later time already; the target must be right.
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

    /// Makes the branch, and lets the person's branch go forward where the plan or the person says so
    /// and nothing is undone: no agent, no gate. Where nobody has said so yet, it is offered.
    pub fn deliver(&self, ground: &Ground, of: Handing) -> InputKind {
        let into = self.into();
        let made = self.settings.sync.wait().and_then(|()| {
            branch(&ground.store, &into, &of.commit, of.before.as_deref()).map_err(said)
        });
        let mut told = Told::default();
        match made {
            Ok(made) => {
                short(&made.branch).clone_into(&mut told.branch);
                self.forward(ground, &of, &mut told);
            }
            Err(error) => {
                // What was made before is told even so.
                let name = format!("refs/heads/{into}");
                if resolved(ground, &name).is_some_and(|at| at == of.commit) {
                    told.branch = into;
                }
                told.error = Some(error);
            }
        }
        InputKind::Delivered {
            commit: of.commit,
            branch: told.branch,
            forwarded: told.forwarded,
            error: told.error,
            offer: told.offer,
        }
    }

    /// The branch that the plan wants the work on.
    fn into(&self) -> String {
        let setup = self.settings.now();
        let spec = &setup.plan.merge;
        spec.into.replace("${run}", &self.run)
    }

    fn forward(&self, ground: &Ground, of: &Handing, told: &mut Told) {
        let root = &ground.repo().root;
        let end = self.settings.now().plan.merge.end;
        let agreed = match (&of.forward, end) {
            (_, MergeEnd::Branch) => return,
            (Some(branch), _) => Agreed::To(branch),
            (None, MergeEnd::Ff) => Agreed::Any,
            (None, MergeEnd::Ask) => Agreed::No,
        };
        if !of.undone.is_empty() {
            if agreed != Agreed::No {
                let undone = of.undone.join(", ");
                told.error = Some(format!(
                    "your branch stays where it is: not all is done: {undone}"
                ));
            }
            return;
        }
        let gone = fast_forward(&ground.store, root, &of.commit, agreed);
        let hindered = match gone {
            Ok(Forward::Done { branch, .. } | Forward::Already { branch }) => {
                told.forwarded = Some(branch);
                return;
            }
            Ok(Forward::Asks { branch, from }) => {
                told.offer = Some(offer(ground, Some(branch), &from, of, None));
                return;
            }
            Err(error) => said(error),
        };
        if end == MergeEnd::Ff {
            told.error = Some(hindered);
        } else {
            let to = checked_out_at(root).ok().flatten();
            told.offer = Some(offer(ground, to, &of.base, of, Some(hindered)));
        }
    }
}

/// What there is to tell of a delivery.
#[derive(Default)]
struct Told {
    branch: String,
    forwarded: Option<String>,
    error: Option<String>,
    offer: Option<Offer>,
}

/// What a person is asked; figures that cannot be had are not there.
fn offer(
    ground: &Ground,
    to: Option<String>,
    from: &str,
    of: &Handing,
    hindered: Option<String>,
) -> Offer {
    let far = distance(&ground.store, from, &of.commit).ok();
    Offer {
        to,
        commits: far.map(|(commits, _)| commits),
        files: far.map(|(_, files)| files),
        hindered,
    }
}

fn short(branch: &str) -> &str {
    branch.strip_prefix("refs/heads/").unwrap_or(branch)
}
