//! Trying merges: git first, then the plan's rules, then the choices of a person; and letting the
//! head go forward.

use std::{collections::BTreeSet, path::Path};

use crate::{
    conflict::{Answers, Choices, Command, ConflictDoc, Entry, RepoPath, Whole, facts},
    display::clean_line,
    engine::{Clash, MergeOutcome, RuleCommand},
    plan::{AgentId, AgentIx, Join},
    workspace::merge::{
        Left, MergeNote, Overlap, Store, Tried, Whose, advance, commands_tree, commit_merge,
        entry_at, head, hold, keep_sides, resolve, try_merge,
    },
};

use super::{
    choices, conflicts,
    order::{Step, Trial},
    place::{Driver, Ground, Hindered, NAMED, named, result_name, said},
};

/// What a merge settled beside git, and where both sides had changed something.
#[derive(Default)]
struct Settled {
    overlap: Overlap,
    clash: Option<Clash>,
    /// Nothing came between: its tree is the one that was checked in the workspace.
    checked: bool,
}

impl Driver {
    /// Tries a merge.
    pub fn merge(&self, ground: &Ground, of: &Trial) -> MergeOutcome {
        let tried = self.try_it(ground, of);
        tried.unwrap_or_else(|error| match error {
            Hindered::NoRoom(error) => MergeOutcome::NoRoom { error },
            Hindered::Failed(error) => MergeOutcome::Failed { error },
        })
    }

    fn try_it(&self, ground: &Ground, of: &Trial) -> Result<MergeOutcome, Hindered> {
        let conflict = of.conflict.to_string();
        let setup = self.settings.now();
        let whose = Whose {
            conflict: &conflict,
            agent: setup.plan.agent(of.agent).id.as_str(),
            attempt: of.attempt,
        };
        let tried = try_merge(&ground.store, &of.onto, &of.theirs, &whose).map_err(said)?;
        match tried {
            Tried::Contained => Ok(MergeOutcome::Contained),
            Tried::FastForward { tree } => {
                let settled = Settled {
                    checked: true,
                    ..Settled::default()
                };
                self.clean(ground, of, &tree, settled)
            }
            Tried::Clean { tree, overlap } => {
                let settled = Settled {
                    overlap,
                    ..Settled::default()
                };
                self.clean(ground, of, &tree, settled)
            }
            Tried::Conflict { doc, overlap } => self.clash(ground, of, *doc, overlap),
        }
    }

    /// Makes the commit of a merge that has a tree, and a checkout where checks follow.
    fn clean(
        &self,
        ground: &Ground,
        of: &Trial,
        tree: &str,
        settled: Settled,
    ) -> Result<MergeOutcome, Hindered> {
        let commit = self.commit(ground, of, tree, settled.clash.is_some())?;
        let setup = self.settings.now();
        let checks = setup.checks(of.agent);
        let due = !settled.checked && checks.iter().any(|step| step.approve.is_none());
        let path = if due {
            ground.check_out(&result_name(of.number), &commit)?
        } else {
            String::new()
        };
        let paths = &settled.overlap.paths;
        Ok(MergeOutcome::Clean {
            commit,
            path,
            checked: settled.checked,
            tree: Some(tree.to_owned()),
            overlap: named(paths.iter().map(RepoPath::as_bytes)),
            with: self.with(ground, of, paths),
            clash: settled.clash,
        })
    }

    /// The commit of a merge; no ref is moved.
    fn commit(
        &self,
        ground: &Ground,
        of: &Trial,
        tree: &str,
        conflict: bool,
    ) -> Result<String, String> {
        let setup = self.settings.now();
        let agent = setup.plan.agent(of.agent);
        let id = of.conflict.to_string();
        let note = MergeNote {
            run: &self.run,
            agent: agent.id.as_str(),
            attempt: of.attempt,
            title: &agent.title,
            conflict: conflict.then_some(id.as_str()),
            at_s: of.at_s,
        };
        let commit =
            commit_merge(&ground.store, &of.onto, &of.theirs, tree, &note).map_err(said)?;
        hold(&ground.store, &self.run, &commit).map_err(said)?;
        Ok(commit)
    }

    /// Git could not: rules and choices are asked, and what is left is written down.
    fn clash(
        &self,
        ground: &Ground,
        of: &Trial,
        mut doc: ConflictDoc,
        overlap: Overlap,
    ) -> Result<MergeOutcome, Hindered> {
        let setup = self.settings.now();
        let agent = setup.plan.agent(of.agent);
        let mut answers = if agent.join == Join::MergeWithRules {
            ground.rules.answer(&mut doc)
        } else {
            Answers::default()
        };
        let folder = self.settings.run_dir.join("conflicts");
        let person = choices::of(&doc, &of.chosen, &folder)?;
        // A person's answer goes before a rule's.
        answers.commands.retain(|c| !person.0.contains_key(&c.path));
        let mut all = person.over(&answers.choices);
        // Both sides are kept by refs before anything is told.
        keep_sides(&ground.store, &self.run, &doc).map_err(said)?;
        conflicts::write(&folder, &doc).map_err(said)?;
        let mut why = None;
        if let Some(root) = &of.made {
            match made(&ground.store, root, &answers.commands) {
                Ok(files) => {
                    for (path, entry) in files {
                        all.whole(path, Whole::Result(Some(entry)));
                    }
                    answers.commands.clear();
                }
                Err(error) => why = Some(error),
            }
        }
        let paths: Vec<RepoPath> = doc.files.iter().map(|file| file.path.clone()).collect();
        let counted = facts(&doc, &all, overlap.permille());
        let clash = conflicts::clash(&doc, &counted);
        if !answers.commands.is_empty() && why.is_none() {
            let mut rest = all.clone();
            for command in &answers.commands {
                rest.whole(command.path.clone(), Whole::Ours);
            }
            if facts(&doc, &rest, 0).settled() {
                let path = self.for_commands(ground, of, &doc, &all, &answers.commands)?;
                return Ok(MergeOutcome::Command {
                    path,
                    commands: grouped(&answers.commands),
                    clash,
                    with: self.with(ground, of, &paths),
                });
            }
        }
        if counted.settled() {
            let tree = resolve(&ground.store, &doc, &all).map_err(said)?;
            let settled = Settled {
                overlap,
                clash: Some(clash),
                checked: false,
            };
            return self.clean(ground, of, &tree, settled);
        }
        Ok(MergeOutcome::Conflict {
            clash,
            with: self.with(ground, of, &paths),
            why,
        })
    }

    /// A checkout in which all is answered but the files that rules' commands make.
    fn for_commands(
        &self,
        ground: &Ground,
        of: &Trial,
        doc: &ConflictDoc,
        answers: &Choices,
        commands: &[Command],
    ) -> Result<String, Hindered> {
        let tree = commands_tree(&ground.store, doc, answers, commands).map_err(said)?;
        let commit = self.commit(ground, of, &tree, true)?;
        ground.check_out(&result_name(of.number), &commit)
    }

    /// Whose merged work touched these paths since the attempt began; who cannot be looked at is left
    /// out, since it is for people to read alone.
    fn with(&self, ground: &Ground, of: &Trial, paths: &[RepoPath]) -> Vec<AgentId> {
        let mut with = BTreeSet::new();
        for (ix, commit) in &of.met {
            let touched = self.touched(ground, commit).unwrap_or_default();
            if paths.iter().any(|path| touched.contains(path)) {
                with.insert(*ix);
            }
        }
        let setup = self.settings.now();
        let plan = &setup.plan;
        with.into_iter()
            .map(|ix| plan.agent(ix).id.clone())
            .collect()
    }

    /// Moves the head forward once the journal says so on the disk; tells whom it concerns.
    pub fn advance(
        &self,
        ground: &Ground,
        of: &Step,
    ) -> Result<Vec<(AgentIx, Vec<String>)>, String> {
        let commit = of.commit.as_ref().ok_or("the merge has no commit")?;
        self.settings.sync.wait()?;
        let store = &ground.store;
        let from = head(store, &self.run).map_err(said)?;
        // The first one makes the head.
        let from = from.map(|_| of.onto.as_str());
        advance(store, &self.run, from, commit).map_err(said)?;
        let Ok(touched) = self.touched(ground, commit) else {
            return Ok(Vec::new());
        };
        let mut concerned = Vec::new();
        for &other in &of.others {
            let Ok(scope) = self.scope(other) else {
                continue;
            };
            let files = touched.iter().filter(|path| scope.reads(path.as_bytes()));
            let files = named(files.take(NAMED).map(RepoPath::as_bytes));
            if !files.is_empty() {
                concerned.push((other, files));
            }
        }
        Ok(concerned)
    }
}

/// Commands that are the same run once, for all of their files.
fn grouped(commands: &[Command]) -> Vec<RuleCommand> {
    let mut all: Vec<(&[String], Vec<&[u8]>)> = Vec::new();
    for command in commands {
        let path = command.path.as_bytes();
        match all.iter_mut().find(|(argv, _)| *argv == command.argv) {
            Some((_, files)) => files.push(path),
            None => all.push((&command.argv, vec![path])),
        }
    }
    let ready = all.into_iter().map(|(argv, files)| RuleCommand {
        argv: argv.to_vec(),
        files: named(files.into_iter()),
    });
    ready.collect()
}

/// The files that rules' commands left.
///
/// # Errors
/// The first that is not there, is no plain file, or is still in conflict.
fn made(
    store: &Store,
    root: &Path,
    commands: &[Command],
) -> Result<Vec<(RepoPath, Entry)>, String> {
    let mut files = Vec::new();
    for command in commands {
        let path = &command.path;
        let argv = clean_line(command.argv.join(" "), 200);
        let left = |what: &str| format!("the rule's command `{argv}` left {what}");
        match entry_at(store, root, path) {
            Ok(Some(Left { marked: true, .. })) => return Err(left("conflict markers in it")),
            Ok(Some(Left { entry, .. })) => files.push((path.clone(), entry)),
            Ok(None) => return Err(left("no file there")),
            Err(error) => return Err(left(&format!("what cannot be taken: {}", said(error)))),
        }
    }
    Ok(files)
}
