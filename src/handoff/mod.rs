//! Hand-offs: what an agent leaves for those that wait for it, as a small document.
//!
//! Front matter in YAML between `---` lines, then free text (`docs/handoff.md`). Reading is strict,
//! bounded, and says all that is wrong at once; what was read is clean for display. Pure: must not
//! open files; whether an artefact exists is asked of the caller.

mod read;
#[cfg(test)]
mod tests;
mod write;

use std::{collections::BTreeMap, fmt};

use crate::plan::diag::Diagnostic;

pub use read::read;
pub use write::{from_facts, render};

/// Longest document that is read, in bytes.
pub const MOST_BYTES: usize = 64 << 10;
/// Most entries of a list.
pub const MOST_ITEMS: usize = 100;
/// Most artefacts.
pub const MOST_ARTEFACTS: usize = 200;
/// Most facts.
pub const MOST_FACTS: usize = 50;
/// Longest entry of a list, path, or value of a fact, in columns.
pub const LONGEST: usize = 400;
/// Longest key of a fact, in bytes.
pub const LONGEST_KEY: usize = 64;
/// Keys of the front matter, in their order.
pub const KEYS: [&str; 5] = ["done", "artefacts", "open", "next", "facts"];

/// The JSON Schema of the front matter.
pub const HANDOFF_SCHEMA: &str = include_str!("../../assets/schema/handoff.json");

/// Tells which of some paths, relative to the repository, are in an agent's result.
pub type Exists<'a> = &'a mut dyn FnMut(&[&str]) -> Vec<bool>;

/// A hand-off, complete, clean and bounded.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Handoff {
    /// What was done; at least one entry.
    pub done: Vec<String>,
    /// Files that were made or changed for others, relative to the repository.
    pub artefacts: Vec<String>,
    /// What is open.
    pub open: Vec<String>,
    /// What comes next.
    pub next: Vec<String>,
    /// What others may rely on, by short keys; two agents must not state different values.
    pub facts: BTreeMap<String, String>,
    /// Free text.
    pub text: String,
}

/// Why a hand-off is not complete; `Display` is the first problem with its place, and how many more
/// there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incomplete {
    /// Name of the file.
    pub file: String,
    /// All that is wrong, in the order of the file; at least one.
    pub problems: Vec<Diagnostic>,
}

impl std::error::Error for Incomplete {}

impl fmt::Display for Incomplete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(first) = self.problems.first() else {
            return f.write_str(&self.file);
        };
        f.write_str(&self.file)?;
        if first.line > 0 {
            write!(f, ":{}", first.line)?;
        }
        write!(f, ": {}", first.message)?;
        if let Some(help) = &first.help {
            write!(f, "; {help}")?;
        }
        match self.problems.len() {
            0 | 1 => Ok(()),
            n => write!(f, " (and {} more)", n - 1),
        }
    }
}
