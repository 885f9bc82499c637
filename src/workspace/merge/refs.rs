//! The refs of a run: its integration head, the sides of resolved conflicts.
//!
//! All lie below `refs/wavedeck/<run>/`. Every step compares before it sets, and can be made again
//! after a crash: what is there already is left. Must not touch branches.

use std::fmt::Write as _;

use crate::display;

use super::{
    super::git::Git,
    MergeError,
    store::{Store, object, printed},
};
use crate::conflict::ConflictDoc;

/// Bytes of a title in a commit message.
const TITLE: usize = 200;

/// The ref of a run's integration head.
///
/// # Errors
/// A run name that cannot be a part of a ref.
pub fn integration(run: &str) -> Result<String, MergeError> {
    below(run, &["integration"])
}

/// A ref below a run's.
pub(super) fn below(run: &str, parts: &[&str]) -> Result<String, MergeError> {
    let mut name = format!("refs/wavedeck/{}", component(run)?);
    for part in parts {
        name.push('/');
        name.push_str(component(part)?);
    }
    Ok(name)
}

/// A word that can be a part of a ref's name by itself.
pub(super) fn component(word: &str) -> Result<&str, MergeError> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    let fine = !word.is_empty()
        && word.len() <= 200
        && word.bytes().all(plain)
        && !word.starts_with(['.', '-'])
        && !word.ends_with('.')
        && !word.contains("..")
        && !word.to_ascii_lowercase().ends_with(".lock");
    if fine {
        Ok(word)
    } else {
        Err(MergeError::NoName(display::clean_line(word, 80)))
    }
}

/// A change of a ref.
#[derive(Debug)]
pub(super) enum Edit<'a> {
    /// From a value to another.
    Move(&'a str, &'a str, &'a str),
    /// To a value from nothing.
    Create(&'a str, &'a str),
    /// From a value to nothing.
    Delete(&'a str, &'a str),
}

/// Makes changes, all or none as far as git can.
pub(super) fn edit(git: &Git, edits: &[Edit<'_>]) -> Result<(), MergeError> {
    let mut input = Vec::new();
    for edit in edits {
        let line = match edit {
            Edit::Move(name, from, to) => format!("update {name}\0{to}\0{from}\0"),
            Edit::Create(name, to) => format!("create {name}\0{to}\0"),
            Edit::Delete(name, from) => format!("delete {name}\0{from}\0"),
        };
        input.extend_from_slice(line.as_bytes());
    }
    if !input.is_empty() {
        // A reflog, where the repository keeps one, wants a name.
        let git = identified(git.clone(), 0);
        git.feed(&["update-ref", "--no-deref", "--stdin", "-z"], &input)?;
    }
    Ok(())
}

/// Where a ref is; none: it is not there.
pub(super) fn at(git: &Git, name: &str) -> Result<Option<String>, MergeError> {
    let args = ["for-each-ref", "--format=%(objectname) %(refname)", name];
    let out = git.run(&args)?;
    // A name matches what lies below it too.
    for line in out.split(|&b| b == b'\n') {
        let Some(space) = line.iter().position(|&b| b == b' ') else {
            continue;
        };
        if &line[space + 1..] == name.as_bytes() {
            return printed(&line[..space], "for-each-ref").map(Some);
        }
    }
    Ok(None)
}

/// Git with the fixed name that wavedeck commits under, at seconds since 1970.
fn identified(git: Git, at_s: i64) -> Git {
    let date = format!("@{} +0000", at_s.max(0));
    let mut git = git;
    for who in ["AUTHOR", "COMMITTER"] {
        git = git
            .env(format!("GIT_{who}_NAME"), "wavedeck")
            .env(format!("GIT_{who}_EMAIL"), "wavedeck@localhost")
            .env(format!("GIT_{who}_DATE"), &date);
    }
    git
}

/// A run's integration head; none before the first [`advance`].
///
/// # Errors
/// What git refuses.
pub fn head(store: &Store, run: &str) -> Result<Option<String>, MergeError> {
    let scratch = store.scratch()?;
    at(&store.git(&scratch)?, &integration(run)?)
}

/// What a merge's commit says.
#[derive(Debug, Clone, Copy)]
pub struct MergeNote<'a> {
    /// The run.
    pub run: &'a str,
    /// The agent.
    pub agent: &'a str,
    /// Its attempt.
    pub attempt: u32,
    /// The agent's title; foreign text.
    pub title: &'a str,
    /// The conflict that was resolved, if there was one.
    pub conflict: Option<&'a str>,
    /// Its time, in seconds since 1970; of the recorded event, so that the same record gives the
    /// same commit.
    pub at_s: i64,
}

/// Makes the commit of a merge: the integrated side first, then the work; the same arguments give the
/// same commit. No ref is moved.
///
/// # Errors
/// What git refuses.
pub fn commit_merge(
    store: &Store,
    onto: &str,
    theirs: &str,
    tree: &str,
    note: &MergeNote<'_>,
) -> Result<String, MergeError> {
    let scratch = store.scratch()?;
    let git = identified(store.git(&scratch)?, note.at_s).setting("i18n.commitEncoding=UTF-8");
    let args = [
        "commit-tree",
        object(tree)?,
        "-p",
        object(onto)?,
        "-p",
        object(theirs)?,
        "-F",
        "-",
    ];
    // As it stands in refs: not every agent's id could be one by itself.
    component(&format!("{}.{}", note.agent, note.attempt))?;
    let mut message = format!("Merge {}", note.agent);
    let title = display::clean_line(note.title.replace(['\n', '\r'], " "), TITLE);
    if !title.trim().is_empty() {
        message.push_str(": ");
        message.push_str(title.trim());
    }
    message.push_str("\n\n");
    let attempt = note.attempt.to_string();
    let conflict = note.conflict.map(component).transpose()?;
    for (key, value) in [
        ("Wavedeck-Run", Some(component(note.run)?)),
        ("Wavedeck-Agent", Some(note.agent)),
        ("Wavedeck-Attempt", Some(attempt.as_str())),
        ("Wavedeck-Conflict", conflict),
    ] {
        if let Some(value) = value {
            // Writing to a string cannot fail.
            let _ = writeln!(message, "{key}: {value}");
        }
    }
    printed(&git.feed(&args, message.as_bytes())?, "commit-tree")
}

/// Keeps a merge that no ref names yet: the user may collect garbage before the head goes forward to it.
/// There is one at a time.
///
/// # Errors
/// What git refuses.
pub fn hold(store: &Store, run: &str, commit: &str) -> Result<(), MergeError> {
    let name = below(run, &["merging"])?;
    let scratch = store.scratch()?;
    let git = identified(store.git(&scratch)?, 0);
    git.run(&["update-ref", "--no-deref", &name, object(commit)?])?;
    Ok(())
}

/// What [`advance`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advanced {
    /// The head was moved.
    Now,
    /// It was there: the step was made before a crash.
    Already,
}

/// Moves a run's integration head from `from` (none: it is made) to `to`.
///
/// # Errors
/// It is at neither: [`MergeError::Moved`].
pub fn advance(
    store: &Store,
    run: &str,
    from: Option<&str>,
    to: &str,
) -> Result<Advanced, MergeError> {
    let name = integration(run)?;
    let scratch = store.scratch()?;
    let git = store.git(&scratch)?;
    let done = set(&git, &name, from, object(to)?)?;
    // The head keeps it now.
    let held = below(run, &["merging"])?;
    if at(&git, &held)?.as_deref() == Some(to) {
        edit(&git, &[Edit::Delete(&held, to)])?;
    }
    Ok(done)
}

/// Moves or makes a ref by comparison.
pub(super) fn set(
    git: &Git,
    name: &str,
    from: Option<&str>,
    to: &str,
) -> Result<Advanced, MergeError> {
    let done = match from {
        Some(from) => edit(git, &[Edit::Move(name, object(from)?, to)]),
        None => edit(git, &[Edit::Create(name, to)]),
    };
    let Err(error) = done else {
        // Git takes a move to where a ref is already, whatever it was told about before.
        return Ok(Advanced::Now);
    };
    let found = at(git, name)?;
    if found.as_deref() == Some(to) {
        return Ok(Advanced::Already);
    }
    if found.as_deref() == from {
        // Not moved: git had another reason.
        return Err(error);
    }
    Err(MergeError::Moved {
        name: name.to_owned(),
        expected: from.unwrap_or("nothing").to_owned(),
        found: found.unwrap_or_else(|| "nothing".to_owned()),
    })
}

/// Keeps each side of a conflict reachable: `…/conflict/<id>/{ours,theirs,base}`. A second time the
/// sides may be others (the head has moved): these are kept beside, as `…/conflict/<id>.<n>/…`.
///
/// # Errors
/// What git refuses.
pub fn keep_sides(store: &Store, run: &str, doc: &ConflictDoc) -> Result<(), MergeError> {
    let scratch = store.scratch()?;
    let git = store.git(&scratch)?;
    let base = doc.base.as_deref();
    let sides = [
        ("ours", Some(doc.onto.as_str())),
        ("theirs", Some(doc.theirs.as_str())),
        ("base", base),
    ];
    'next: for n in 1..=u32::from(u16::MAX) {
        let id = match n {
            1 => doc.id.clone(),
            n => format!("{}.{n}", doc.id),
        };
        let mut missing = Vec::new();
        for (side, commit) in sides {
            let Some(commit) = commit else { continue };
            let name = below(run, &["conflict", &id, side])?;
            match at(&git, &name)? {
                None => missing.push((name, object(commit)?)),
                Some(found) if found == commit => {}
                Some(_) => continue 'next,
            }
        }
        let edits: Vec<Edit<'_>> = missing.iter().map(|(n, c)| Edit::Create(n, c)).collect();
        return edit(&git, &edits);
    }
    Err(MergeError::Refused(format!(
        "conflict {} was resolved too often to keep all of its sides",
        display::clean_line(&doc.id, 80)
    )))
}
