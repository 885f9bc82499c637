//! What reads an agent program's stream: from bytes to [`Said`].
//!
//! Pure: bytes in, words out. Must not wait, write or look at a clock; whoever owns the stream carries
//! bytes both ways.

use super::said::{Question, Reply, Said, Why};

/// How an attempt ended, as far as its program says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It says that it did its work.
    Done,
    /// It says, by its stream or by its exit status, that it did not.
    Failed {
        /// What kind of failure.
        why: Why,
        /// In words, clean and bounded.
        reason: String,
    },
    /// It does not say: its exit status has to do.
    Unsure,
}

/// Reads what one attempt of an agent program prints.
///
/// Lines come whole and without their end; they were redacted before. A line that is not understood is
/// none of the driver's business: it is kept in the output all the same.
pub trait Driver: Send {
    /// Reads a line of its standard output (or error: programs mix them) and adds what it says.
    fn line(&mut self, line: &[u8], said: &mut Vec<Said>);

    /// What is written to its standard input to answer a question; none where it takes no answer.
    fn answer(&mut self, question: &Question, reply: &Reply) -> Option<Vec<u8>> {
        let _ = (question, reply);
        None
    }

    /// What is written to its standard input to tell it something while it runs; it gets there at its next
    /// turn. None: it has to be told in a new turn of the same session.
    fn tell(&mut self, text: &str) -> Option<Vec<u8>> {
        let _ = text;
        None
    }

    /// Whether its standard input is to be closed now: its turn has ended and nothing more is to be told.
    fn finished(&self) -> bool {
        false
    }

    /// What its end means; `code` is its exit status, none where a signal ended it.
    fn end(&mut self, code: Option<i32>) -> Verdict;
}
