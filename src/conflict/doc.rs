//! The document of a conflict: every file that two sides left in disagreement, with its texts.
//!
//! Written to `conflicts/<id>.json` of a run and read by the screens. *Ours* is the side that is
//! integrated already, *theirs* the agent's work that comes. Must not read files.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::path::RepoPath;

/// Version of the document's form; fields are added without a new one.
pub const VERSION: u32 = 1;
/// Files that a document lists; what is beyond is counted and cannot be answered by hand.
pub const MOST_FILES: usize = 2_000;
/// Bytes of a file's three sides together; a larger one is answered as a whole.
pub const MOST_FILE_BYTES: usize = 3 << 20;
/// Bytes of all texts; files beyond are answered as a whole.
pub const MOST_BYTES: usize = 12 << 20;

/// A conflict: one agent's work against what is integrated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConflictDoc {
    /// [`VERSION`].
    pub version: u32,
    /// Name of the conflict within its run.
    pub id: String,
    /// Whose work comes.
    pub agent: String,
    /// Its attempt.
    pub attempt: u32,
    /// The integration commit, *ours*; hex.
    pub onto: String,
    /// The commit that comes; hex.
    pub theirs: String,
    /// Where the two parted, the first if there are several; hex.
    pub base: Option<String>,
    /// Git's merged tree: what is not in `files` is final in it; hex.
    pub tree: String,
    /// What is in conflict, by path.
    pub files: Vec<ConflictFile>,
    /// Files beyond [`MOST_FILES`]; with any, only the whole merge can be decided.
    #[serde(default)]
    pub omitted: u32,
}

impl ConflictDoc {
    /// The file at a path, or one that has a part there.
    pub fn file(&self, path: &RepoPath) -> Option<&ConflictFile> {
        let here = |f: &&ConflictFile| f.path == *path;
        let part = |f: &&ConflictFile| f.parts.iter().any(|p| p.path == *path);
        self.files
            .iter()
            .find(here)
            .or(self.files.iter().find(part))
    }
}

/// Why a file is in conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Both sides changed the same lines.
    Content,
    /// Both sides added the file, not alike.
    BothAdded,
    /// Deleted in what is integrated, changed by the agent.
    DeletedHere,
    /// Changed in what is integrated, deleted by the agent.
    DeletedThere,
    /// Renamed in ways that do not fit together.
    Renamed,
    /// No text, or too large to show.
    Binary,
    /// The same content with different modes.
    Mode,
    /// Commits of a submodule.
    Submodule,
    /// Symlinks, a file where the other has a folder, and what else git reports.
    Other,
}

impl Kind {
    /// For a line on a screen.
    pub fn word(self) -> &'static str {
        match self {
            Self::Content => "same lines",
            Self::BothAdded => "both added",
            Self::DeletedHere => "deleted here",
            Self::DeletedThere => "deleted there",
            Self::Renamed => "renamed",
            Self::Binary => "binary",
            Self::Mode => "mode",
            Self::Submodule => "submodule",
            Self::Other => "not text",
        }
    }
}

/// One side of a file: git's mode and object.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Entry {
    /// Git's mode, such as `0o100644`.
    pub mode: u32,
    /// The object; hex.
    pub oid: String,
}

/// A path of a conflict with what each side has there.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Part {
    /// Where.
    pub path: RepoPath,
    /// Before both.
    pub base: Option<Entry>,
    /// Integrated.
    pub ours: Option<Entry>,
    /// The agent's.
    pub theirs: Option<Entry>,
}

/// A file in conflict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConflictFile {
    /// The path that stands for it.
    pub path: RepoPath,
    /// Why.
    pub kind: Kind,
    /// The paths that are decided together: one, but for renames and files in the place of folders.
    pub parts: Vec<Part>,
    /// The text in order; empty: the file is answered as a whole.
    pub pieces: Vec<Piece>,
    /// Mode of the text that is composed.
    pub mode: u32,
    /// The texts are too large for the document.
    #[serde(default)]
    pub cut: bool,
    /// The rule that answers it, as the plan has it.
    #[serde(default)]
    pub rule: Option<String>,
    /// What git says of it, safe to show.
    #[serde(default)]
    pub said: String,
}

impl ConflictFile {
    /// The hunks in order.
    pub fn hunks(&self) -> impl Iterator<Item = &Hunk> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Hunk(hunk) => Some(hunk),
            Piece::Same(_) => None,
        })
    }
}

/// A stretch of a file's text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Piece {
    /// No conflict: the merged lines.
    Same(String),
    /// The sides disagree.
    Hunk(Hunk),
}

/// Lines that the sides disagree on, with their line ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hunk {
    /// Names it by what it holds, so that an answer outlives a merge on another head.
    pub key: String,
    /// Before both.
    pub base: String,
    /// Integrated.
    pub ours: String,
    /// The agent's.
    pub theirs: String,
}

impl Hunk {
    /// Makes a hunk; `nth` counts hunks with the same sides before it in the file.
    pub fn new(base: String, ours: String, theirs: String, nth: u32) -> Self {
        let mut hash = Sha256::new();
        for side in [&base, &ours, &theirs] {
            hash.update((side.len() as u64).to_le_bytes());
            hash.update(side.as_bytes());
        }
        hash.update(nth.to_le_bytes());
        let key = hash.finalize()[..16]
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 15])
            .filter_map(|digit| char::from_digit(u32::from(digit), 16))
            .collect();
        Self {
            key,
            base,
            ours,
            theirs,
        }
    }
}
