//! The output of an agent program in words: what its driver reads in it, as clean lines.
//!
//! Raw bytes in, in order and as they come. Must not keep more lines than the bytes that are kept
//! gave, and must not decide anything: these lines are for people alone.

use std::sync::Arc;

use crate::{
    agents::{Adapter, Driver, Lines, Question, Said, ToolCall, Used},
    display::{
        clean_line,
        figures::{dollars, tokens},
        width,
    },
};

/// A line is cut after so many columns.
const LINE: usize = 2_000;
/// Lines of one message, or of a thought, at most.
const MESSAGE: usize = 400;
/// Lines of a change that are shown.
const DIFF: usize = 8;

/// How a line is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    /// Words for a person.
    #[default]
    Message,
    /// A call, or what is printed beside the stream.
    Aside,
    /// A line that comes in.
    Added,
    /// A line that goes away, or what has failed.
    Bad,
    /// Worth a look.
    Warning,
    /// A question.
    Asks,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spoken {
    /// Its place: where the line of the file begins that it was read from, and for each further line
    /// of the same one more. No two lines have the same.
    pub at: u64,
    /// Clean text.
    pub text: String,
    /// How it is meant.
    pub kind: Kind,
    /// The question that it is, by the program's name for it.
    pub question: Option<String>,
}

/// Whose stream it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// How its stream is read.
    pub adapter: Arc<Adapter>,
    /// What earlier attempts of its session have used: some programs report the sum over a session.
    /// None: that is not known.
    pub before: Option<Used>,
}

/// A part of an output file in words.
pub struct Words {
    program: Program,
    reader: Reader,
    lines: Lines,
    /// Where the first byte stood whose lines are kept.
    first: u64,
    /// Where the next byte that is read stands in the file.
    next: u64,
    /// Bytes up to the first end of a line are the rest of one.
    torn: bool,
}

impl std::fmt::Debug for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Words")
            .field("adapter", &self.program.adapter.id)
            .field("next", &self.next)
            .field("lines", &self.reader.said.len())
            .finish_non_exhaustive()
    }
}

impl Words {
    /// Begins at a place of the file.
    #[must_use]
    pub fn new(program: Program, at: u64) -> Self {
        let before = program.before.unwrap_or_default();
        Self {
            reader: Reader {
                driver: program.adapter.driver_after(before),
                // Of a stream that is not read from its beginning the sums are not known.
                counts: at == 0 && program.before.is_some(),
                said: Vec::new(),
                open: false,
                used: None,
                told: None,
            },
            program,
            lines: Lines::default(),
            first: at,
            next: at,
            torn: at > 0,
        }
    }

    /// The same program from another place on.
    #[must_use]
    pub fn again(&self, at: u64) -> Self {
        Self::new(self.program.clone(), at)
    }

    /// Where the first byte stood whose lines are kept.
    #[must_use]
    pub const fn first(&self) -> u64 {
        self.first
    }

    /// Where the next byte stands that it wants.
    #[must_use]
    pub const fn next(&self) -> u64 {
        self.next
    }

    /// The lines, in order.
    #[must_use]
    pub fn said(&self) -> &[Spoken] {
        &self.reader.said
    }

    /// Forgets the lines before a place.
    pub fn forget(&mut self, before: u64) {
        let said = &mut self.reader.said;
        let from = said.partition_point(|line| line.at < before);
        said.drain(..from);
        self.first = self.first.max(before);
    }

    /// Takes the next bytes of the file.
    pub fn feed(&mut self, mut bytes: &[u8]) {
        if self.torn {
            let Some(end) = bytes.iter().position(|&b| b == b'\n') else {
                self.next += bytes.len() as u64;
                return;
            };
            self.torn = false;
            self.next += end as u64 + 1;
            bytes = &bytes[end + 1..];
        }
        // Line by line, so that the place of each is known.
        for piece in bytes.split_inclusive(|&b| b == b'\n') {
            let reader = &mut self.reader;
            let begins = self.lines.open();
            let at = self.next - begins as u64;
            self.lines.feed(piece, &mut |line| reader.line(at, line));
            self.next += piece.len() as u64;
        }
    }
}

/// From lines of the file to lines for people.
struct Reader {
    driver: Box<dyn Driver>,
    said: Vec<Spoken>,
    /// The last line is a part of a message that goes on.
    open: bool,
    /// What it has used is told.
    counts: bool,
    /// What the program says that it has used, until it is shown.
    used: Option<Used>,
    /// What was shown last of that.
    told: Option<Used>,
}

impl Reader {
    fn line(&mut self, at: u64, line: &[u8]) {
        let mut said = Vec::new();
        self.driver.line(line, &mut said);
        let first = self.said.len();
        // As many places as the line has bytes are its own.
        let most = line.len().max(1);
        let printed = said.is_empty() && !line.starts_with(b"{") && !line.trim_ascii().is_empty();
        if printed {
            self.open = false;
            self.put(at, clean_line(line, LINE), Kind::Aside);
        }
        for one in said {
            self.one(at, one);
        }
        self.said.truncate(first + most);
        for (n, line) in (0..).zip(&mut self.said[first..]) {
            line.at = at + n;
        }
    }

    fn put(&mut self, at: u64, text: String, kind: Kind) {
        self.said.push(Spoken {
            at,
            text,
            kind,
            question: None,
        });
    }

    /// Text of several lines; what stands before the first, and before the others.
    fn text(&mut self, at: u64, text: &str, before: &str, most: usize, kind: Kind) {
        let indent = " ".repeat(before.len());
        let mut lines = text.trim_end().lines();
        for (n, line) in lines.by_ref().take(most).enumerate() {
            let lead = if n == 0 { before } else { &indent };
            let text = format!("{lead}{}", clean_line(line, LINE));
            self.put(at, text, kind);
        }
        let more = lines.count();
        if more > 0 {
            let many = if more == 1 { "" } else { "s" };
            let text = format!("{indent}... {more} more line{many}");
            self.put(at, text, Kind::Aside);
        }
    }

    fn one(&mut self, at: u64, said: Said) {
        let goes_on = std::mem::take(&mut self.open);
        match said {
            Said::Message { text, part } => self.message(at, &text, part, goes_on),
            Said::Session { model, .. } => {
                let model = model.map_or_else(String::new, |m| format!(" with {m}"));
                self.text(at, &format!("session{model}"), "", 1, Kind::Aside);
            }
            Said::Thought(text) => self.text(at, &text, "thinks: ", MESSAGE, Kind::Aside),
            Said::Call(call) => self.call(at, &call, "> "),
            Said::Called { ok, what, .. } => {
                let (word, kind) = match ok {
                    Some(false) => ("  failed: ", Kind::Bad),
                    Some(true) => ("  ok: ", Kind::Aside),
                    None => ("  ", Kind::Aside),
                };
                if what.trim().is_empty() {
                    self.put(at, word.trim_end_matches([':', ' ']).to_owned(), kind);
                } else {
                    self.text(at, &what, word, 1, kind);
                }
            }
            Said::Plan { done, all, now } => {
                let now = now.map_or_else(String::new, |now| format!(": {now}"));
                let text = format!("{done} of {all} done{now}");
                self.text(at, &text, "", 1, Kind::Aside);
            }
            Said::Asked(question) => self.question(at, &question),
            // Who answered, and what, is not its program's to say.
            // Nor what it was told.
            Said::AskedNoMore(_) | Said::Taken => {}
            Said::Used(used) => self.used = Some(used),
            Said::Limited { what, .. } => {
                self.text(at, &what, "takes no more for now: ", 1, Kind::Warning);
            }
            Said::Reconnecting { number, what } => {
                let before = format!("no connection, try {number}: ");
                self.text(at, &what, &before, 1, Kind::Warning);
            }
            Said::Warning(what) => self.text(at, &what, "warning: ", 4, Kind::Warning),
            Said::TurnEnded { done } => {
                let (text, kind) = match done {
                    Ok(()) => ("its turn has ended".to_owned(), Kind::Aside),
                    Err((_, words)) => (format!("its turn has failed: {words}"), Kind::Bad),
                };
                let text = text + &self.spent();
                self.text(at, &text, "", 1, kind);
            }
        }
    }

    /// What the program has used, where that was not shown yet.
    fn spent(&mut self) -> String {
        let new = |used: &Used| self.counts && self.told != Some(*used);
        let Some(used) = self.used.filter(new) else {
            return String::new();
        };
        self.told = Some(used);
        let cost = used.cost_microusd.map(dollars);
        let cost = cost.map_or_else(String::new, |cost| format!(", {cost}"));
        format!(" · {} tokens{cost}", tokens(used.tokens()))
    }

    fn message(&mut self, at: u64, text: &str, part: bool, goes_on: bool) {
        // The end of what came in pieces has nothing new in it, or its last piece.
        if !goes_on {
            let text = if part { text } else { text.trim_end() };
            if text.is_empty() {
                self.open = part;
                return;
            }
        }
        self.open = part;
        for (n, line) in text.split('\n').take(MESSAGE).enumerate() {
            let line = clean_line(line, LINE);
            match self.said.last_mut().filter(|_| n == 0 && goes_on) {
                Some(last) => {
                    if width(&last.text) + width(&line) <= LINE {
                        last.text.push_str(&line);
                    }
                }
                None => self.put(at, line, Kind::Message),
            }
        }
    }

    fn call(&mut self, at: u64, call: &ToolCall, before: &str) {
        let text = format!("{} {}", call.tool, call.what);
        self.text(at, &text, before, 1, Kind::Aside);
        let Some(diff) = &call.diff else { return };
        let mut lines = diff.trim_end().lines();
        for line in lines.by_ref().take(DIFF) {
            let kind = match line.as_bytes().first() {
                Some(b'+') => Kind::Added,
                Some(b'-') => Kind::Bad,
                _ => Kind::Aside,
            };
            let text = format!("    {}", clean_line(line, LINE));
            self.put(at, text, kind);
        }
        let more = lines.count();
        if more > 0 {
            let many = if more == 1 { "" } else { "s" };
            let text = format!("    ... {more} more line{many}");
            self.put(at, text, Kind::Aside);
        }
    }

    fn question(&mut self, at: u64, question: &Question) {
        let first = self.said.len();
        self.text(at, &question.text, "asks: ", 8, Kind::Asks);
        if let Some(line) = self.said.get_mut(first) {
            line.question = Some(question.id.clone());
        }
        if let Some(call) = &question.call {
            self.call(at, call, "  ");
        }
        for option in &question.options {
            self.text(at, option, "  - ", 1, Kind::Asks);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agents::Catalog;

    fn program(id: &str) -> Program {
        Program {
            adapter: Arc::new(Catalog::built_in().get(id).unwrap().clone()),
            before: Some(Used::default()),
        }
    }

    fn read(id: &str, file: &[u8], pieces: usize) -> Vec<Spoken> {
        let mut words = Words::new(program(id), 0);
        for piece in file.chunks(pieces) {
            words.feed(piece);
        }
        assert_eq!(words.next(), file.len() as u64);
        words.said().to_vec()
    }

    fn texts(said: &[Spoken]) -> String {
        let lines = said.iter().map(|l| format!("{:?} {}\n", l.kind, l.text));
        lines.collect()
    }

    const FILES: &[(&str, &[u8])] = &[
        (
            "claude",
            include_bytes!("../../tests/streams/claude-ask.jsonl"),
        ),
        (
            "claude",
            include_bytes!("../../tests/streams/claude-question.jsonl"),
        ),
        (
            "codex",
            include_bytes!("../../tests/streams/codex-patch.jsonl"),
        ),
        ("gemini", include_bytes!("../../tests/streams/gemini.jsonl")),
        (
            "opencode",
            include_bytes!("../../tests/streams/opencode-todo.jsonl"),
        ),
    ];

    #[test]
    fn streams_are_words_and_the_pieces_they_come_in_do_not_matter() {
        let mut all = String::new();
        for (id, file) in FILES {
            let said = read(id, file, 1 << 20);
            assert_eq!(read(id, file, 7), said, "{id}");
            // Each line has a place of its own, within the file.
            assert!(said.windows(2).all(|two| two[0].at < two[1].at), "{id}");
            assert!(said.last().unwrap().at < file.len() as u64, "{id}");
            all.extend([format!("== {id}\n"), texts(&said)]);
        }
        insta::assert_snapshot!("spoken", all);
    }

    #[test]
    fn a_part_of_a_file_begins_with_its_first_whole_line() {
        let (id, file) = FILES[0];
        let whole = read(id, file, 1 << 20);
        let second = file.iter().position(|b| *b == b'\n').unwrap() as u64 + 1;
        let mut words = Words::new(program(id), second - 20);
        words.feed(&file[second as usize - 20..]);
        // What was used is not known without the beginning.
        let without = |mut line: Spoken| {
            let end = line.text.find(" · ").unwrap_or(line.text.len());
            line.text.truncate(end);
            line
        };
        let whole = whole.into_iter().map(without);
        let rest: Vec<Spoken> = whole.filter(|l| l.at >= second).collect();
        assert_eq!(words.said(), rest);
        let third = rest[1].at;
        words.forget(third);
        assert_eq!(words.said(), &rest[1..]);
    }

    #[test]
    fn hostile_words_are_clean_and_bounded() {
        let many = "x\\n".repeat(5_000);
        let file = format!(
            "{{\"type\":\"assistant\",\"message\":{{\"content\":[{{\"type\":\"text\",\"text\":\"\\u001b[31mred\\u001b[0m \\u202eevil {many}\"}}]}}}}\n\
             \u{1b}]0;owned\u{7}beside the stream\n{{\"type\":\n[1,2]\n"
        );
        let said = read("claude", file.as_bytes(), 4096);
        assert!(said.len() <= MESSAGE + 8, "{}", said.len());
        assert_eq!(said[0].text, "red evil x");
        let beside = said.iter().find(|l| l.text.ends_with("beside the stream"));
        assert_eq!(beside.unwrap().kind, Kind::Aside);
        for line in &said {
            assert!(!line.text.chars().any(crate::display::hides), "{line:?}");
        }
    }
}
