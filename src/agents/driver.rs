//! What reads an agent program's stream: from bytes to [`Said`].
//!
//! Pure: bytes in, words out. Must not wait, write or look at a clock; whoever owns the stream carries
//! bytes both ways.

use std::collections::BTreeMap;

use super::said::{Question, Reply, Said, Used, Why};
use super::{aider, claude, cline, codex, gemini, opencode};

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
/// Lines come without their end, and whole but for those that are too long ([`Lines`](super::Lines) makes them);
/// they were redacted before. A line that is not understood is none of the driver's business: it is kept in the output all the same.
pub trait Driver: Send {
    /// Reads a line of its standard output (or error: programs mix them) and adds what it says.
    fn line(&mut self, line: &[u8], said: &mut Vec<Said>);

    /// Reads a line as it was written, before its secrets are taken out and [`line`](Self::line) gets it: only to
    /// remember what an answer gives back unchanged. Must say nothing of it.
    fn raw(&mut self, line: &[u8]) {
        let _ = line;
    }

    /// What is written to its standard input to answer a question; none where it takes no answer, or no
    /// longer waits for one.
    fn answer(&mut self, question: &Question, reply: &Reply) -> Option<Vec<u8>> {
        let _ = (question, reply);
        None
    }

    /// What is written to its standard input to tell it something while it runs; it gets there at its next
    /// turn, which [`Said::Taken`] tells. None: it has to be told in a new turn of the same session.
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

/// Formats of streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Stream {
    /// Nothing is read: its output is text for people.
    #[default]
    None,
    /// Claude Code's `stream-json`.
    Claude,
    /// `codex exec --json`.
    Codex,
    /// Gemini CLI's `stream-json`.
    Gemini,
    /// `opencode run --format json`.
    Opencode,
    /// `cline --json`.
    Cline,
    /// aider's text.
    Aider,
}

/// Every format by its name in an adapter.
pub const STREAMS: &[(&str, Stream)] = &[
    ("none", Stream::None),
    ("claude", Stream::Claude),
    ("codex", Stream::Codex),
    ("gemini", Stream::Gemini),
    ("opencode", Stream::Opencode),
    ("cline", Stream::Cline),
    ("aider", Stream::Aider),
];

/// What a program's exit statuses mean, where they say more than that it failed.
pub type Exits = BTreeMap<i32, (Why, String)>;

impl Stream {
    /// A driver for one attempt. `before` is what earlier attempts of the same session have reported: some
    /// programs report the sum over a session.
    #[must_use]
    pub fn driver(self, exits: &Exits, before: Used) -> Box<dyn Driver> {
        let end = End::new(exits.clone());
        match self {
            Self::None => Box::new(Silent { end }),
            Self::Claude => Box::new(claude::Claude::new(end)),
            Self::Codex => Box::new(codex::Codex::new(end, before)),
            Self::Gemini => Box::new(gemini::Gemini::new(end)),
            Self::Opencode => Box::new(opencode::Opencode::new(end)),
            Self::Cline => Box::new(cline::Cline::new(end)),
            Self::Aider => Box::new(aider::Aider::new(end)),
        }
    }
}

/// What is known of an attempt's end before it has ended.
#[derive(Debug, Default)]
pub(super) struct End {
    exits: Exits,
    /// How the last turn ended.
    turn: Option<Result<(), (Why, String)>>,
    /// The last trouble that the program met, whether or not it tries again.
    trouble: Option<(Why, String)>,
}

impl End {
    pub(super) fn new(exits: Exits) -> Self {
        Self {
            exits,
            ..Self::default()
        }
    }

    /// A turn has begun, or goes on.
    pub(super) fn turn_goes_on(&mut self) {
        self.turn = None;
    }

    /// A turn has ended.
    pub(super) fn turn_ended(&mut self, done: Result<(), (Why, String)>, said: &mut Vec<Said>) {
        said.push(Said::TurnEnded { done: done.clone() });
        if done.is_ok() {
            self.trouble = None;
        }
        self.turn = Some(done);
    }

    /// The program has met trouble.
    pub(super) fn trouble(&mut self, why: Why, what: &str) {
        self.trouble = Some((why, what.to_owned()));
    }

    /// What it had trouble with is over.
    pub(super) fn no_trouble(&mut self) {
        self.trouble = None;
    }

    /// What the program last had trouble with.
    pub(super) fn last_trouble(&self) -> Option<&(Why, String)> {
        self.trouble.as_ref()
    }

    /// Whether a turn has ended and none has begun since.
    pub(super) fn at_rest(&self) -> bool {
        self.turn.is_some()
    }

    /// Whether the last turn has ended, and not well.
    pub(super) fn failed(&self) -> bool {
        matches!(self.turn, Some(Err(_)))
    }

    /// The verdict of a program whose stream says whether it did its work: without that word it did not.
    pub(super) fn of_stream(&self, code: Option<i32>) -> Verdict {
        let failed = |(why, reason): (Why, String)| Verdict::Failed { why, reason };
        let trouble = || self.trouble.clone();
        match (&self.turn, code) {
            (Some(Err(end)), _) => failed(end.clone()),
            (Some(Ok(())), None | Some(0)) => Verdict::Done,
            (Some(Ok(())), Some(code)) => failed(self.exit(code).unwrap_or_else(|| {
                (
                    Why::Error,
                    format!("it ended with status {code} after its last turn"),
                )
            })),
            (None, Some(0)) => {
                failed(trouble().unwrap_or_else(|| {
                    (Why::Error, "it ended without saying that it is done".into())
                }))
            }
            (None, Some(code)) => failed(
                self.exit(code)
                    .or_else(trouble)
                    .unwrap_or_else(|| (Why::Error, format!("it ended with status {code}"))),
            ),
            (None, None) => {
                failed(trouble().unwrap_or_else(|| {
                    (Why::Error, "it was ended before its turn was over".into())
                }))
            }
        }
    }

    /// The verdict of a program that does not say whether it did its work.
    pub(super) fn of_status(&self, code: Option<i32>) -> Verdict {
        let known = match code.filter(|code| *code != 0) {
            Some(code) => self.exit(code).or_else(|| self.trouble.clone()),
            None => self.trouble.clone(),
        };
        known.map_or(Verdict::Unsure, |(why, reason)| Verdict::Failed {
            why,
            reason,
        })
    }

    /// What an exit status means; with the program's own words where it had trouble of that kind.
    fn exit(&self, code: i32) -> Option<(Why, String)> {
        let (why, says) = self.exits.get(&code)?;
        match &self.trouble {
            Some((kind, words)) if kind == why => Some((*why, format!("{says}: {words}"))),
            _ => Some((*why, says.clone())),
        }
    }
}

/// Reads nothing.
struct Silent {
    end: End,
}

impl Driver for Silent {
    fn line(&mut self, _line: &[u8], _said: &mut Vec<Said>) {}

    fn end(&mut self, code: Option<i32>) -> Verdict {
        self.end.of_status(code)
    }
}
