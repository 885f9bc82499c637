//! A merge of one commit onto another, on objects alone.

use std::collections::BTreeSet;

use crate::conflict::{ConflictDoc, RepoPath};

use super::{
    super::git::Git,
    MergeError,
    gather::gather,
    read,
    store::{Scratch, Store, object, printed},
};

/// Bytes of a `.gitattributes` that are read.
const ATTRIBUTES: usize = 1 << 20;

/// Whose work comes; named in the document of a conflict.
#[derive(Debug, Clone, Copy)]
pub struct Whose<'a> {
    /// Name of the conflict, should there be one.
    pub conflict: &'a str,
    /// The agent.
    pub agent: &'a str,
    /// Its attempt.
    pub attempt: u32,
}

/// Paths that both sides changed since they parted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Overlap {
    /// Which, by path.
    pub paths: Vec<RepoPath>,
    /// Paths that the integrated side changed.
    pub ours: usize,
    /// Paths that the coming work changed.
    pub theirs: usize,
}

impl Overlap {
    /// The share of the coming work's paths, in permille.
    pub fn permille(&self) -> u32 {
        let share = self.paths.len().saturating_mul(1_000) / self.theirs.max(1);
        u32::try_from(share.min(1_000)).unwrap_or(1_000)
    }
}

/// What a merge comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tried {
    /// All of it is integrated already.
    Contained,
    /// Nothing else was integrated since it began.
    FastForward {
        /// Its tree.
        tree: String,
    },
    /// Git merges it.
    Clean {
        /// The merged tree.
        tree: String,
        /// What both touched.
        overlap: Overlap,
    },
    /// The sides disagree.
    Conflict {
        /// Over what; `doc.tree` is the tree with git's markers.
        doc: Box<ConflictDoc>,
        /// What both touched.
        overlap: Overlap,
    },
}

/// Merges a commit onto another; refs, working trees and indexes stay as they are.
///
/// With several common ancestors git merges these first, as `git merge` does.
///
/// # Errors
/// What git refuses; commits that share no history.
pub fn try_merge(
    store: &Store,
    onto: &str,
    theirs: &str,
    whose: &Whose<'_>,
) -> Result<Tried, MergeError> {
    let (onto, theirs) = (object(onto)?, object(theirs)?);
    let scratch = store.scratch()?;
    let git = store.git(&scratch)?;
    let bases = bases(&git, onto, theirs)?;
    if bases.iter().any(|base| base == theirs) {
        return Ok(Tried::Contained);
    }
    if bases.iter().any(|base| base == onto) {
        let tree = git.line(&["rev-parse", "--verify", &format!("{theirs}^{{tree}}")])?;
        let tree = printed(&tree, "rev-parse")?;
        return Ok(Tried::FastForward { tree });
    }
    let Some(base) = bases.first() else {
        return Err(MergeError::Unrelated);
    };
    let alone = store.alone(&scratch, onto.len() == 64)?;
    let merging = attributes(&alone, &scratch, onto)?;
    let args = [
        "merge-tree",
        "--write-tree",
        "-z",
        "--messages",
        onto,
        theirs,
    ];
    let output = merging.output(&args, &[])?;
    if output.cut || !matches!(output.code, Some(0 | 1)) {
        // Run again only for its words: this fails for the same reason.
        merging.run(&args)?;
        return Err(MergeError::Unexpected("merge-tree"));
    }
    let merged = read::merge_tree(&output.out)?;
    let overlap = between(&git, base, onto, theirs)?;
    if output.code == Some(0) {
        let tree = merged.tree;
        return Ok(Tried::Clean { tree, overlap });
    }
    let mut doc = gather(&git, &scratch, merged)?;
    whose.conflict.clone_into(&mut doc.id);
    whose.agent.clone_into(&mut doc.agent);
    doc.attempt = whose.attempt;
    onto.clone_into(&mut doc.onto);
    theirs.clone_into(&mut doc.theirs);
    doc.base = Some(base.clone());
    let doc = Box::new(doc);
    Ok(Tried::Conflict { doc, overlap })
}

/// What both sides changed since they parted.
///
/// # Errors
/// What git refuses; commits that share no history.
pub fn overlap(store: &Store, onto: &str, theirs: &str) -> Result<Overlap, MergeError> {
    let (onto, theirs) = (object(onto)?, object(theirs)?);
    let scratch = store.scratch()?;
    let git = store.git(&scratch)?;
    let bases = bases(&git, onto, theirs)?;
    let base = bases.first().ok_or(MergeError::Unrelated)?;
    between(&git, base, onto, theirs)
}

/// The best common ancestors, in order of their names.
fn bases(git: &Git, onto: &str, theirs: &str) -> Result<Vec<String>, MergeError> {
    let args = ["merge-base", "--all", onto, theirs];
    let output = git.output(&args, &[])?;
    match output.code {
        Some(0) => {}
        // There is none.
        Some(1) => return Ok(Vec::new()),
        _ => {
            git.run(&args)?;
            return Err(MergeError::Unexpected("merge-base"));
        }
    }
    let lines = output.out.split(|&b| b == b'\n').filter(|l| !l.is_empty());
    let mut all = lines
        .map(|line| printed(line, "merge-base"))
        .collect::<Result<Vec<_>, _>>()?;
    all.sort_unstable();
    Ok(all)
}

fn between(git: &Git, base: &str, onto: &str, theirs: &str) -> Result<Overlap, MergeError> {
    let ours = changed(git, base, onto)?;
    let theirs = changed(git, base, theirs)?;
    Ok(Overlap {
        paths: ours.intersection(&theirs).cloned().collect(),
        ours: ours.len(),
        theirs: theirs.len(),
    })
}

fn changed(git: &Git, from: &str, to: &str) -> Result<BTreeSet<RepoPath>, MergeError> {
    let args = [
        "diff-tree",
        "-r",
        "-z",
        "--name-only",
        "--no-renames",
        from,
        to,
    ];
    let out = git.run(&args)?;
    let names = out.split(|&b| b == 0).filter(|n| !n.is_empty());
    Ok(names.map(RepoPath::new).collect())
}

/// Git with the attributes that the integrated commit has: `union`, `binary`, sizes of markers.
///
/// From 2.41 on git reads them from a commit. Before, it looks in the working tree alone, so the one
/// at the root is put there.
fn attributes(git: &Git, scratch: &Scratch, onto: &str) -> Result<Git, MergeError> {
    let args = ["cat-file", "blob", &format!("{onto}:.gitattributes")];
    match git.clone().most(ATTRIBUTES).output(&args, &[]) {
        Ok(found) if found.code == Some(0) && !found.cut => {
            scratch.beside_git(".gitattributes", &found.out)?;
        }
        // There is none, or it is no file.
        Ok(_) => {}
        Err(error) => return Err(error.into()),
    }
    Ok(git.clone().env("GIT_ATTR_SOURCE", onto))
}
