//! What lies in front of the screen: pages, questions, the queue, the palette.
//!
//! Plain data; must not know how it is drawn or answered.

use std::collections::BTreeSet;

use crate::engine::{Action, Settle};

/// One answer of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The key that gives it at once.
    pub key: char,
    /// In words.
    pub label: String,
    /// What is asked for; none: nothing.
    pub actions: Vec<Action>,
}

/// The attention queue in front of the screen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Queue {
    /// Number of the item that is looked at.
    pub chosen: u32,
    /// Lines scrolled in its evidence or diff, from where that begins.
    pub scroll: isize,
    /// Numbers of those that are answered together.
    pub marks: BTreeSet<u32>,
    /// The reason of a no that is being typed.
    pub reason: Option<String>,
    /// Numbers of those that it is for.
    pub refused: Vec<u32>,
    /// The words that are typed are themselves the answer.
    pub says: bool,
}

/// What a note is typed for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// Says what becomes of a conflict.
    Settle {
        /// Its number.
        conflict: u32,
        /// How.
        how: Settle,
    },
    /// Says something about a line of finished work.
    Comment {
        /// Whose work.
        agent: String,
        /// The file.
        file: String,
        /// The line of the new text, from 1; 0: the file as a whole.
        line: u32,
    },
    /// Adds an agent.
    Add,
    /// Tells an agent something.
    Tell {
        /// Whom.
        agent: String,
        /// Its present turn is broken off for it; else it waits for the next one.
        now: bool,
    },
}

/// Something in front of the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Popup {
    /// The keys; scrolled by so many lines.
    Help {
        /// Lines scrolled.
        scroll: u16,
    },
    /// Lines to read; scrolled like the keys.
    Lines {
        /// In one line.
        title: String,
        /// Lines scrolled.
        scroll: u16,
        /// Clean lines.
        lines: Vec<String>,
    },
    /// What waits for a person.
    Queue(Queue),
    /// A status card as a page.
    Card {
        /// Lines scrolled.
        scroll: usize,
    },
    /// Every action by its words.
    Palette {
        /// What was typed.
        typed: String,
        /// The chosen entry.
        chosen: usize,
    },
    /// The themes; the screen behind shows the chosen one.
    Themes {
        /// Number of the chosen one.
        chosen: usize,
    },
    /// A note that is being typed.
    Note {
        /// In one line.
        title: String,
        /// What was typed.
        typed: String,
        /// What it is for.
        to: Note,
    },
    /// A question; the first choice is the harmless one.
    Ask {
        /// In one line.
        title: String,
        /// What follows from it.
        lines: Vec<String>,
        /// The answers.
        choices: Vec<Choice>,
        /// The chosen one.
        chosen: usize,
    },
}
