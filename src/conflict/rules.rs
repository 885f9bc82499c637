//! Rules per path (`[merge] rules`): which conflicts the plan answers by itself.
//!
//! The first rule in the plan's order that matches a path decides. Must not run the commands of
//! rules: they pass admission like all others.

use globset::{GlobBuilder, GlobMatcher};
use serde::{Deserialize, Serialize};
use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _, path::Path};

use crate::plan::MergeRule;

use super::{
    compose::{Choice, Choices, Whole},
    doc::ConflictDoc,
    path::RepoPath,
};

/// A glob that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the merge rule `{glob}` is no glob: {why}")]
pub struct RuleError {
    /// As the plan has it.
    pub glob: String,
    /// What is wrong.
    pub why: String,
}

/// Rules that are ready to match.
#[derive(Debug, Clone, Default)]
pub struct Rules(Vec<(GlobMatcher, String, MergeRule)>);

/// A command that has to make a file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Command {
    /// The file in conflict, which stands as *ours* while the command runs.
    pub path: RepoPath,
    /// What runs, at the root of the merged tree.
    pub argv: Vec<String>,
}

/// What the rules say about a conflict.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answers {
    /// Answers that they give.
    pub choices: Choices,
    /// Commands that are still to run, by path; their result is a [`Whole::Result`].
    pub commands: Vec<Command>,
    /// Files that no rule answers.
    pub left: Vec<RepoPath>,
}

impl Rules {
    /// Makes rules ready, in the plan's order.
    ///
    /// # Errors
    /// The first glob that cannot be read.
    pub fn new(rules: &[(String, MergeRule)]) -> Result<Self, RuleError> {
        let ready = rules.iter().map(|(text, rule)| {
            let glob = GlobBuilder::new(text)
                .literal_separator(true)
                .build()
                .map_err(|error| RuleError {
                    glob: text.clone(),
                    why: error.kind().to_string(),
                })?;
            Ok((glob.compile_matcher(), text.clone(), rule.clone()))
        });
        ready.collect::<Result<_, _>>().map(Self)
    }

    /// The rule for a path, and its glob; `*` stays within a folder, `**` does not.
    pub fn of(&self, path: &RepoPath) -> Option<(&str, &MergeRule)> {
        let path = Path::new(OsStr::from_bytes(path.as_bytes()));
        let found = self.0.iter().find(|(glob, ..)| glob.is_match(path));
        found.map(|(_, glob, rule)| (glob.as_str(), rule))
    }

    /// Answers what can be answered, and marks each file with the rule that does.
    ///
    /// `union` answers hunks alone: where one side has no text there is nothing to join, and the
    /// file is left.
    pub fn answer(&self, doc: &mut ConflictDoc) -> Answers {
        let mut out = Answers::default();
        for file in &mut doc.files {
            file.rule = None;
            let rule = self.of(&file.path);
            let answered = match rule.map(|(_, rule)| rule) {
                Some(MergeRule::Ours) => {
                    out.choices.whole(file.path.clone(), Whole::Ours);
                    true
                }
                Some(MergeRule::Theirs) => {
                    out.choices.whole(file.path.clone(), Whole::Theirs);
                    true
                }
                Some(MergeRule::Union) => {
                    for hunk in file.hunks() {
                        let key = hunk.key.clone();
                        out.choices.hunk(file.path.clone(), key, Choice::Union);
                    }
                    !file.pieces.is_empty()
                }
                Some(MergeRule::Run(argv)) => {
                    out.commands.push(Command {
                        path: file.path.clone(),
                        argv: argv.clone(),
                    });
                    true
                }
                None => false,
            };
            if answered {
                file.rule = rule.map(|(glob, _)| glob.to_owned());
            } else {
                out.left.push(file.path.clone());
            }
        }
        out
    }
}
