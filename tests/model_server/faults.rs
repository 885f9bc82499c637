//! What the server does wrong, and to whom.
//!
//! Must not do it: that is the server's.

use std::time::Duration;

use super::Asked;

/// What is wrong with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// No byte of it comes before the test lets it go; never let go, the server hangs.
    Held,
    /// After so many pieces it comes no further before the test lets it go.
    HeldAfter(usize),
    /// So long before each piece.
    Slow(Duration),
    /// After so many pieces the connection is closed.
    Cut(usize),
    /// A status that says no, and after how many seconds the program may come again.
    Status(u16, Option<u64>),
    /// What should be JSON is not.
    NoJson,
    /// A page for people in place of an answer.
    WrongType,
}

/// A fault, and the requests that it is for.
#[derive(Debug, Clone)]
pub struct Rule {
    fault: Fault,
    model: Option<String>,
    words: Option<String>,
    first: usize,
    left: usize,
    held: bool,
}

impl Rule {
    /// For all requests.
    pub fn all(fault: Fault) -> Self {
        Self {
            fault,
            model: None,
            words: None,
            first: 0,
            left: usize::MAX,
            held: false,
        }
    }

    /// Only for a model.
    pub fn of_model(mut self, model: &str) -> Self {
        self.model = Some(model.to_owned());
        self
    }

    /// Only where something stands in the messages.
    pub fn with_words(mut self, words: &str) -> Self {
        self.words = Some(words.to_owned());
        self
    }

    /// Not for the first so many of those requests.
    pub fn after(mut self, first: usize) -> Self {
        self.first = first;
        self
    }

    /// Only so many times.
    pub fn times(mut self, times: usize) -> Self {
        self.left = times;
        self
    }

    /// Only when the test lets it go.
    pub fn held(mut self) -> Self {
        self.held = true;
        self
    }

    /// Whether it does nothing but hold answers back.
    pub(super) fn holds(&self) -> bool {
        matches!(self.fault, Fault::Held | Fault::HeldAfter(_))
    }
}

/// The fault for a request, and whether it waits to be let go: those of the first rule that is for it and not used up.
pub(super) fn take(rules: &mut [Rule], asked: &Asked) -> Option<(Fault, bool)> {
    for rule in rules {
        let model = rule
            .model
            .as_ref()
            .is_none_or(|model| *model == asked.model);
        let words = rule.words.as_ref().is_none_or(|words| asked.says(words));
        if !model || !words || rule.left == 0 {
            continue;
        }
        if rule.first > 0 {
            rule.first -= 1;
            continue;
        }
        rule.left = rule.left.saturating_sub(1);
        return Some((rule.fault, rule.held || rule.fault == Fault::Held));
    }
    None
}
