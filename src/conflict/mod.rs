//! Conflicts between two pieces of work: what they are, how they are answered, how hard they are.
//!
//! Pure: documents and choices in, results out. The files and git are read by `workspace::merge`; the
//! engine decides and the screens show with the same functions. Must not do I/O and must not know
//! agents, runs or screens.

mod complexity;
mod compose;
mod doc;
mod guidance;
mod lcs;
mod path;
mod pieces;
mod rules;
pub mod scope;
mod strategy;
#[cfg(test)]
mod tests;
mod words;

pub use complexity::{Facts, complexity, facts, generated};
pub use compose::{
    Choice, Choices, Content, FileChoice, Open, Unresolved, Whole, carried, compose, render, union,
};
pub use doc::{
    ConflictDoc, ConflictFile, Entry, Hunk, Kind, MOST_BYTES, MOST_FILE_BYTES, MOST_FILES, Part,
    Piece, VERSION,
};
pub use guidance::{Guidance, guidance};
pub use path::RepoPath;
pub use pieces::{Tails, marker_size, pieces, whole_hunk};
pub use rules::{Answers, Command, RuleError, Rules};
pub use strategy::{Case, Strategy, confidence, strategy};
pub use words::{Span, differences};
