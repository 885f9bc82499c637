//! What a plan says of work that comes together: workspaces, scopes, domains, merging.
//!
//! Plain data; must not parse, read files or decide anything.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::model::{Argv, Plan, Unbuilt, Workspace};

/// Globs of paths below the repository's root that an agent may touch.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Scope {
    /// What it may write; a folder's name means all below it. Empty: anything.
    pub write: Vec<String>,
    /// What it builds on without changing it: merged work in here is told to it.
    pub read: Vec<String>,
}

impl Plan {
    /// The keys that stop this plan from being run, since their feature is not built.
    #[must_use]
    pub fn refused(&self) -> Vec<Unbuilt> {
        let mut all = self.unbuilt.clone();
        all.extend(not_built(self));
        all
    }
}

/// Keys that the plan carries and that a run of this version would not obey; without places.
/// `docs/plan-format.md` says the same in its second paragraph.
fn not_built(plan: &Plan) -> Vec<Unbuilt> {
    let mut all = Vec::new();
    let mut add = |path: &[&str], help: &str| {
        all.push(Unbuilt {
            key: path.join("."),
            path: path.iter().map(|p| (*p).to_owned()).collect(),
            value: String::new(),
            line: 0,
            column: 0,
            help: help.to_owned(),
        });
    };
    for agent in &plan.agents {
        let id = agent.id.as_str();
        let mut add = |key: &str, help: &str| add(&["agent", id, key], help);
        let own = agent.workspace == Workspace::Own;
        if agent.scope.is_some() && !own {
            add(
                "scope",
                "only the writes of agents with workspaces of their own are looked at: \
                 leave `workspace = \"shared\"` out",
            );
        }
        if !agent.domains.is_empty() && !own {
            add(
                "domains",
                "order the agents by `needs`, or make them `exclusive`",
            );
        }
        if !agent.outputs.is_empty() && !own {
            add(
                "outputs",
                "check for the files in `check`: [\"test -f PATH\"]",
            );
        }
    }
    all
}

/// What becomes of a merge of an agent's work that git cannot do by itself (REQUIREMENTS E5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Join {
    /// The attempt counts as failed.
    FailFast,
    /// The rules of `[merge]` first, then by the size of what is left.
    #[default]
    MergeWithRules,
    /// A person, whatever the rules say.
    ManualEscalation,
}

/// `[workspace]`: what a workspace holds beside the commit.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct WorkspaceSpec {
    /// Paths copied from the repository's folder.
    pub copy: Vec<String>,
    /// Paths that are symbolic links into the repository's folder.
    pub link: Vec<String>,
    /// Commands before the agent's own, in its process tree.
    pub setup: Vec<Argv>,
    /// Variables; `${run_dir}`, `${agent}` and `${workspace}` are filled in when it starts.
    pub env: BTreeMap<String, String>,
}

/// What is done with the integrated work at a run's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MergeEnd {
    /// The branch is made, and that is all.
    Branch,
    /// A person is asked whether their branch goes forward to it.
    #[default]
    Ask,
    /// Their branch goes forward, where that is safe.
    Ff,
}

/// How conflicts in a file are settled without a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MergeRule {
    /// What is integrated already stays.
    Ours,
    /// What the agent made counts.
    Theirs,
    /// Lines of both, ours first.
    Union,
    /// A command that writes the file anew, in the merged tree; it passes admission.
    Run(Argv),
}

/// `[merge]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergeSpec {
    /// Branch that the work ends on; `${run}` is filled in.
    pub into: String,
    /// What happens at the end.
    pub end: MergeEnd,
    /// Rules by glob, in plan order: the first that matches counts.
    pub rules: Vec<(String, MergeRule)>,
}

impl Default for MergeSpec {
    fn default() -> Self {
        Self {
            into: "wavedeck/${run}".to_owned(),
            end: MergeEnd::default(),
            rules: Vec::new(),
        }
    }
}

/// `[domain.x]`: a part of the product that conflicts are judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Domain {
    /// Two agents in it never merge by chance: the second goes again on top of the first.
    pub critical: bool,
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_a_run_would_not_obey_is_named() {
        let source = "verify = [\"x\"]\ngates = [\"g\"]\n[gate.g]\nrun = [\"x\"]\n[wave.1]\ngates = [\"g\"]\n\
            [[track]]\nid = \"t\"\ngates = [\"g\"]\n[merge]\nend = \"ff\"\n[workspace]\ncopy = [\"x\"]\n\
            [[agent]]\nid = \"a\"\nrun = \"x\"\nscope = [\"x\"]\ndomains = [\"d\"]\n\
            inputs = [\"x\"]\noutputs = [\"x\"]\n[[agent]]\nid = \"b\"\nrun = \"x\"\n\
            needs = [{ agent = \"a\", files = [\"x\"], check = [\"x\"] }]\n\
            [[agent]]\nid = \"c\"\nrun = \"x\"\noutputs = [\"x\"]\n";
        let options = crate::plan::LoadOptions::default();
        let loaded = crate::plan::load(source, &options, &mut |_| unreachable!()).unwrap();
        let refused = loaded.plan.refused();
        let keys: Vec<&str> = refused.iter().map(|u| u.key.as_str()).collect();
        assert_eq!(keys.join(" "), "agent.c.outputs");
        assert!(loaded.warnings.is_empty());
    }
}
