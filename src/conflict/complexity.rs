//! How hard a conflict is, as a number from 0 to 1000.
//!
//! The formula stands in `docs/conflicts.md` with its sources; `facts` counts, `complexity` judges.
//! Must not use decimals: the number is recorded and must come out the same everywhere.

use serde::{Deserialize, Serialize};

use super::{
    compose::Choices,
    doc::{ConflictDoc, ConflictFile},
    path::RepoPath,
};

/// What is counted of a merge. *Open* is what neither a rule nor a person has answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
pub struct Facts {
    /// Files in conflict.
    pub files: u32,
    /// Files that are not fully answered.
    pub open_files: u32,
    /// Hunks in conflict.
    pub hunks: u32,
    /// Hunks without an answer.
    pub open_hunks: u32,
    /// Lines of the open hunks: the larger side of each.
    pub lines: u32,
    /// Open files that are no text or are deleted, renamed or added against the other side.
    pub beyond_text: u32,
    /// Open files that a program writes: lock files and generated code.
    pub generated: u32,
    /// Paths that both sides changed since they parted, of those that the coming work changed;
    /// permille.
    pub overlap: u32,
}

impl Facts {
    /// Nothing is open: git merged cleanly, or all is answered.
    pub fn settled(&self) -> bool {
        self.open_files == 0
    }
}

/// Counts a document under the answers so far; `overlap` in permille.
pub fn facts(doc: &ConflictDoc, answers: &Choices, overlap: u32) -> Facts {
    let mut out = Facts {
        overlap: overlap.min(1_000),
        files: doc.omitted,
        open_files: doc.omitted,
        ..Facts::default()
    };
    for file in &doc.files {
        let choice = answers.0.get(&file.path);
        let whole = choice.is_some_and(|c| c.whole.is_some());
        let mut open = 0;
        for hunk in file.hunks() {
            out.hunks += 1;
            if whole || choice.is_some_and(|c| c.hunks.contains_key(&hunk.key)) {
                continue;
            }
            open += 1;
            let lines = hunk.ours.lines().count().max(hunk.theirs.lines().count());
            out.lines = out
                .lines
                .saturating_add(u32::try_from(lines).unwrap_or(u32::MAX));
        }
        out.files += 1;
        out.open_hunks += open;
        if open > 0 || (file.pieces.is_empty() && !whole) {
            out.open_files += 1;
            out.beyond_text += u32::from(beyond_text(file));
            out.generated += u32::from(file.parts.iter().any(|p| generated(&p.path)));
        }
    }
    out
}

fn beyond_text(file: &ConflictFile) -> bool {
    file.pieces.is_empty()
}

/// `weight` at infinity, half of it at `half`.
fn rising(weight: u64, count: u64, half: u64) -> u64 {
    weight * count / (count + half)
}

/// The complexity in permille: 0 nothing to do, 1000 hopeless to do at once.
pub fn complexity(facts: &Facts) -> u32 {
    // What is answered has been looked at once, by a rule or a person: a quarter of its weight.
    let quarters = |open: u32, all: u32| {
        let answered = all.saturating_sub(open);
        4 * u64::from(open) + u64::from(answered)
    };
    let sum = rising(350, quarters(facts.open_hunks, facts.hunks), 16)
        + rising(250, u64::from(facts.lines), 40)
        + rising(150, quarters(facts.open_files, facts.files), 12)
        + rising(300, u64::from(facts.beyond_text), 1)
        + rising(100, u64::from(facts.generated), 1)
        + 150 * u64::from(facts.overlap.min(1_000)) / 1_000;
    u32::try_from(sum.min(1_000)).unwrap_or(1_000)
}

/// Whether a program writes this file, so that its lines mean little by themselves.
pub fn generated(path: &RepoPath) -> bool {
    const NAMES: &[&str] = &[
        "Cargo.lock",
        "Gemfile.lock",
        "Package.resolved",
        "Pipfile.lock",
        "bun.lock",
        "composer.lock",
        "flake.lock",
        "go.sum",
        "mix.lock",
        "npm-shrinkwrap.json",
        "package-lock.json",
        "pdm.lock",
        "pnpm-lock.yaml",
        "poetry.lock",
        "pubspec.lock",
        "uv.lock",
        "yarn.lock",
    ];
    const ENDS: &[&str] = &[
        ".g.dart",
        ".generated.cs",
        ".generated.go",
        ".generated.rs",
        ".generated.ts",
        ".min.css",
        ".min.js",
        ".pb.cc",
        ".pb.go",
        ".pb.h",
        ".snap",
        "_pb2.py",
    ];
    let name = path.name();
    NAMES.iter().any(|n| n.as_bytes() == name)
        || ENDS.iter().any(|end| name.ends_with(end.as_bytes()))
}
