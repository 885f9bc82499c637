//! Answers to a conflict, and the files that come of them.
//!
//! An answer names a hunk by its key, so that it holds on any head where the same hunk appears. Must
//! not write: the result is a list of paths with their contents.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    doc::{ConflictDoc, ConflictFile, Entry, Hunk, Part, Piece},
    lcs::common,
    path::RepoPath,
};

/// The answer to one hunk.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Choice {
    /// What is integrated.
    Ours,
    /// The agent's.
    Theirs,
    /// Both, the integrated lines first.
    Both,
    /// Both, the agent's lines first.
    BothReversed,
    /// Both, lines that are alike once.
    Union,
    /// As it was before both.
    Base,
    /// A person's text.
    Edited(String),
}

/// The answer to a file as a whole; it goes before answers to its hunks.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Whole {
    /// What is integrated, also where that is a deletion.
    Ours,
    /// The agent's, also where that is a deletion.
    Theirs,
    /// As it was before both.
    Base,
    /// Both files: the integrated one under its name, the agent's beside it as `<name>~<agent>`.
    Both,
    /// A person's text, under the file's path.
    Edited(String),
    /// What a rule's command left at the file's path; none: nothing.
    Result(Option<Entry>),
}

/// Answers for one file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct FileChoice {
    /// For all of it.
    #[serde(default)]
    pub whole: Option<Whole>,
    /// By the hunk's key.
    #[serde(default)]
    pub hunks: BTreeMap<String, Choice>,
}

/// All answers to a conflict so far, by the path of the file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Choices(pub BTreeMap<RepoPath, FileChoice>);

impl Choices {
    /// Answers a hunk; an answer to the whole file goes.
    pub fn hunk(&mut self, path: RepoPath, key: impl Into<String>, choice: Choice) {
        let file = self.0.entry(path).or_default();
        file.whole = None;
        file.hunks.insert(key.into(), choice);
    }

    /// Answers a file as a whole; answers to its hunks stay beneath.
    pub fn whole(&mut self, path: RepoPath, choice: Whole) {
        self.0.entry(path).or_default().whole = Some(choice);
    }

    /// The answer to a hunk.
    pub fn of(&self, path: &RepoPath, key: &str) -> Option<&Choice> {
        self.0.get(path)?.hunks.get(key)
    }

    /// These answers, and `beneath` where they have none: a person's go before the rules'.
    #[must_use]
    pub fn over(&self, beneath: &Choices) -> Choices {
        let mut all = beneath.clone();
        for (path, file) in &self.0 {
            let mut hunks = file.hunks.clone();
            let under = all.0.entry(path.clone()).or_default();
            if file.whole.is_some() || !hunks.is_empty() {
                under.whole.clone_from(&file.whole);
            }
            under.hunks.append(&mut hunks);
        }
        all
    }
}

/// What stands at a path of the result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A composed text.
    Text {
        /// Git's mode.
        mode: u32,
        /// All of it.
        text: String,
    },
    /// An object that git has.
    Object(Entry),
    /// Nothing.
    Deleted,
}

/// A file that has no full answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// Which.
    pub path: RepoPath,
    /// Hunks without an answer; 0: the file as a whole.
    pub hunks: usize,
}

/// Why there is no result yet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} files are not answered", self.open.len() as u64 + u64::from(self.omitted))]
pub struct Unresolved {
    /// What waits, by path.
    pub open: Vec<Open>,
    /// Files that the document has no room for.
    pub omitted: u32,
}

/// The result of a conflict: what stands at each of its paths, by path.
///
/// # Errors
/// What is not answered.
pub fn compose(
    doc: &ConflictDoc,
    choices: &Choices,
) -> Result<Vec<(RepoPath, Content)>, Unresolved> {
    let mut out = BTreeMap::new();
    let mut open = Vec::new();
    let none = FileChoice::default();
    for file in &doc.files {
        let choice = choices.0.get(&file.path).unwrap_or(&none);
        if let Some(whole) = &choice.whole {
            for part in &file.parts {
                put_whole(file, part, whole, &doc.agent, &mut out);
            }
            continue;
        }
        let left = file
            .hunks()
            .filter(|h| !choice.hunks.contains_key(&h.key))
            .count();
        if left > 0 || file.pieces.is_empty() {
            open.push(Open {
                path: file.path.clone(),
                hunks: left,
            });
            continue;
        }
        let text = text(file, choice);
        let mode = file.mode;
        out.insert(file.path.clone(), Content::Text { mode, text });
        for part in file.parts.iter().filter(|p| p.path != file.path) {
            out.insert(part.path.clone(), Content::Deleted);
        }
    }
    if !open.is_empty() || doc.omitted > 0 {
        return Err(Unresolved {
            open,
            omitted: doc.omitted,
        });
    }
    Ok(out.into_iter().collect())
}

fn put_whole(
    file: &ConflictFile,
    part: &Part,
    whole: &Whole,
    agent: &str,
    out: &mut BTreeMap<RepoPath, Content>,
) {
    let of = |entry: &Option<Entry>| entry.clone().map_or(Content::Deleted, Content::Object);
    let main = part.path == file.path;
    let content = match whole {
        Whole::Ours => of(&part.ours),
        Whole::Theirs => of(&part.theirs),
        Whole::Base => of(&part.base),
        Whole::Both => {
            if let (Some(_), Some(theirs)) = (&part.ours, &part.theirs) {
                let beside = part.path.beside(agent);
                out.insert(beside, Content::Object(theirs.clone()));
            }
            of(if part.ours.is_some() {
                &part.ours
            } else {
                &part.theirs
            })
        }
        Whole::Edited(text) if main => Content::Text {
            mode: file.mode,
            text: text.clone(),
        },
        Whole::Result(entry) if main => of(entry),
        Whole::Edited(_) | Whole::Result(_) => Content::Deleted,
    };
    out.insert(part.path.clone(), content);
}

/// The text of a file whose hunks are all answered.
fn text(file: &ConflictFile, choice: &FileChoice) -> String {
    let mut out = String::new();
    let last = file.pieces.len().saturating_sub(1);
    for (i, piece) in file.pieces.iter().enumerate() {
        match piece {
            Piece::Same(text) => out.push_str(text),
            Piece::Hunk(hunk) => {
                if let Some(choice) = choice.hunks.get(&hunk.key) {
                    put(hunk, choice, &mut out);
                }
            }
        }
        if i < last {
            end_line(&mut out);
        }
    }
    out
}

/// A file as it stands now: what is answered as it will be, what is not between markers.
pub fn render(file: &ConflictFile, choice: &FileChoice) -> String {
    let mut out = String::new();
    for piece in &file.pieces {
        end_line(&mut out);
        match piece {
            Piece::Same(text) => out.push_str(text),
            Piece::Hunk(hunk) => {
                if let Some(choice) = choice.hunks.get(&hunk.key) {
                    put(hunk, choice, &mut out);
                    continue;
                }
                let sides = [
                    ("<<<<<<< integrated\n", &hunk.ours),
                    ("||||||| before both\n", &hunk.base),
                    ("=======\n", &hunk.theirs),
                ];
                for (mark, text) in sides {
                    out.push_str(mark);
                    out.push_str(text);
                    end_line(&mut out);
                }
                out.push_str(">>>>>>> the agent's\n");
            }
        }
    }
    out
}

fn put(hunk: &Hunk, choice: &Choice, out: &mut String) {
    let (first, second) = match choice {
        Choice::Ours => (hunk.ours.as_str(), ""),
        Choice::Theirs => (hunk.theirs.as_str(), ""),
        Choice::Base => (hunk.base.as_str(), ""),
        Choice::Edited(text) => (text.as_str(), ""),
        Choice::Both => (hunk.ours.as_str(), hunk.theirs.as_str()),
        Choice::BothReversed => (hunk.theirs.as_str(), hunk.ours.as_str()),
        Choice::Union => return out.push_str(&union(&hunk.ours, &hunk.theirs)),
    };
    out.push_str(first);
    if !second.is_empty() {
        end_line(out);
        out.push_str(second);
    }
}

/// Ends a line that has begun: two sides must not share one.
fn end_line(out: &mut String) {
    if !out.is_empty() && !out.ends_with('\n') {
        out.push_str(if out.contains("\r\n") { "\r\n" } else { "\n" });
    }
}

/// Both texts, lines that are alike once: what git's `union` does.
pub fn union(ours: &str, theirs: &str) -> String {
    let split = |text| str::split_inclusive(text, '\n').collect::<Vec<_>>();
    let (a, b) = (split(ours), split(theirs));
    let mut out = String::with_capacity(ours.len() + theirs.len());
    let (mut i, mut j) = (0, 0);
    let pairs = common(&a, &b);
    for (to_a, to_b) in pairs.into_iter().chain([(a.len(), b.len())]) {
        for line in a[i..to_a].iter().chain(&b[j..to_b]) {
            end_line(&mut out);
            out.push_str(line);
        }
        if let Some(line) = a.get(to_a) {
            end_line(&mut out);
            out.push_str(line);
        }
        (i, j) = (to_a + 1, to_b + 1);
    }
    out
}

/// The answers that still hold in a new document of the same work on a moved head.
///
/// A hunk keeps its answer where the same hunk is there; a file as a whole, where all of its sides
/// are as they were. What a command left is never kept: it saw another tree.
pub fn carried(choices: &Choices, old: &ConflictDoc, new: &ConflictDoc) -> Choices {
    let mut out = Choices::default();
    for file in &new.files {
        let Some(choice) = choices.0.get(&file.path) else {
            continue;
        };
        let before = old.files.iter().find(|f| f.path == file.path);
        let same = before.is_some_and(|b| b.parts == file.parts);
        let whole = choice
            .whole
            .clone()
            .filter(|w| same && !matches!(w, Whole::Result(_)));
        let hunks: BTreeMap<String, Choice> = file
            .hunks()
            .filter_map(|h| Some((h.key.clone(), choice.hunks.get(&h.key)?.clone())))
            .collect();
        // Hunks beneath a whole answer that no longer holds were not the last word.
        if choice.whole.is_some() && whole.is_none() {
            continue;
        }
        if whole.is_some() || !hunks.is_empty() {
            out.0.insert(file.path.clone(), FileChoice { whole, hunks });
        }
    }
    out
}
