//! What agent programs say, as far as decisions need it.
//!
//! Plain data, clean and bounded by who reports it. Must not hold what was guessed.

use crate::agents::{Question, Used, Why};

/// What an agent program says, as far as decisions need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// A conversation has begun, or gone on.
    Session {
        /// The program, by the name of its adapter.
        program: String,
        /// Its name for the session.
        id: String,
        /// The model that answers in it.
        model: Option<String>,
    },
    /// What the attempt has used so far.
    Used(Used),
    /// What it was told at its start, in estimated tokens.
    Prompted {
        /// The prompt.
        tokens: u64,
        /// All that it was made of, uncut.
        offered: u64,
    },
    /// So many secrets were taken out of its prompt, or of what it printed.
    Redacted(u64),
    /// It waits for an answer; `within`: what it wants to do lies within its scope and boundary.
    Asked {
        /// What it asks, clean and bounded.
        question: Question,
        /// Nothing outside of its scope is concerned.
        within: bool,
    },
    /// It waits for that no more.
    AskedNoMore(String),
    /// Its program took a message, by its number.
    Told(u32),
    /// Its provider takes no more for now.
    Limited {
        /// For so many microseconds, where that is said.
        after_us: Option<u64>,
        /// In its words, clean and bounded.
        reason: String,
    },
    /// It has said nothing for longer than it may.
    Silent {
        /// For how long, in words.
        reason: String,
    },
    /// How the attempt ended: why it did not do its work, and in its words.
    Verdict {
        /// None: it did.
        why: Option<Why>,
        /// Clean and bounded.
        reason: String,
    },
}
