//! Problems in a TOML file, each with its place, and their text for a terminal.
//!
//! Used for plans and for config files. Must not know what is being checked, print or open files.

use std::fmt::Write as _;

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The file is refused.
    Error,
    /// The file is taken; this is worth a look.
    Warning,
    /// Nothing is wrong; this is how it will go.
    Note,
}

/// One problem at one place of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// Line from 1; 0 where the problem has no place in the file (a flag, say).
    pub line: u32,
    /// Column in characters from 1; 0 where `line` is 0.
    pub column: u32,
    /// What is wrong; control characters of the file stand in it escaped.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Another place that belongs to it: line, column, what is there.
    pub related: Option<(u32, u32, String)>,
}

/// A stretch of the source in bytes; what positions are made from when one is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct At {
    /// First byte.
    pub start: u32,
    /// The byte after the last one.
    pub end: u32,
}

impl At {
    /// No place in the file: for flags and for the file as a whole.
    pub const NOWHERE: Self = Self {
        start: u32::MAX,
        end: u32::MAX,
    };

    /// Makes one from a parser's span.
    #[must_use]
    pub fn of(span: &std::ops::Range<usize>) -> Self {
        let narrow = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self {
            start: narrow(span.start),
            end: narrow(span.end),
        }
    }
}

/// A value and where it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sp<T> {
    /// Where.
    pub at: At,
    /// What.
    pub v: T,
}

impl<T> Sp<T> {
    /// Puts a value at a place.
    pub fn new(at: At, v: T) -> Self {
        Self { at, v }
    }
}

/// A problem before its place is turned into line and column.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    severity: Severity,
    at: At,
    message: String,
    help: Option<String>,
    related: Option<(At, String)>,
}

impl Found {
    /// Adds what to do about it.
    pub fn help(&mut self, text: impl Into<String>) -> &mut Self {
        self.help = Some(escape(&text.into()));
        self
    }

    /// Adds a "did you mean" where there is a suggestion.
    pub fn meant(&mut self, suggestion: Option<&str>) -> &mut Self {
        if let Some(name) = suggestion {
            let _ = write!(self.message, ", did you mean `{}`?", escape(name));
        }
        self
    }

    /// Adds another place.
    pub fn related(&mut self, at: At, text: impl Into<String>) -> &mut Self {
        self.related = Some((at, escape(&text.into())));
        self
    }
}

/// Collects problems while a file is read.
#[derive(Debug, Default)]
pub(crate) struct Sink {
    found: Vec<Found>,
    errors: usize,
}

impl Sink {
    /// Adds an error.
    pub fn error(&mut self, at: At, message: impl Into<String>) -> &mut Found {
        self.errors += 1;
        self.push(Severity::Error, at, &message.into())
    }

    /// Adds a warning.
    pub fn warning(&mut self, at: At, message: impl Into<String>) -> &mut Found {
        self.push(Severity::Warning, at, &message.into())
    }

    fn push(&mut self, severity: Severity, at: At, message: &str) -> &mut Found {
        let found = Found {
            severity,
            at,
            message: escape(message),
            help: None,
            related: None,
        };
        self.found.push(found);
        let last = self.found.len() - 1;
        &mut self.found[last]
    }

    /// Whether there is an error.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.errors > 0
    }

    /// How many errors there are so far.
    #[must_use]
    pub const fn errors(&self) -> usize {
        self.errors
    }

    /// Turns everything into diagnostics: by place, each only once.
    #[must_use]
    pub fn finish(self, source: &str) -> Vec<Diagnostic> {
        if self.found.is_empty() {
            return Vec::new();
        }
        let lines = Lines::new(source);
        let mut found = self.found;
        found.sort_by(|a, b| {
            // What has no place comes first: it is about all the rest.
            let key = |f: &Found| (f.at.start.wrapping_add(1), f.severity);
            key(a).cmp(&key(b)).then_with(|| a.message.cmp(&b.message))
        });
        found.dedup_by(|a, b| a.at.start == b.at.start && a.message == b.message);
        found
            .into_iter()
            .map(|f| {
                let (line, column) = lines.place(f.at);
                let related = f.related.map(|(at, text)| {
                    let (line, column) = lines.place(at);
                    (line, column, text)
                });
                Diagnostic {
                    severity: f.severity,
                    line,
                    column,
                    message: f.message,
                    help: f.help,
                    related,
                }
            })
            .collect()
    }
}

/// Where the lines of a text begin, to turn bytes into lines and columns.
pub(crate) struct Lines<'s> {
    source: &'s str,
    starts: Vec<u32>,
}

impl<'s> Lines<'s> {
    /// Looks through the text once.
    pub fn new(source: &'s str) -> Self {
        let ends = source.bytes().enumerate().filter(|(_, b)| *b == b'\n');
        let starts = std::iter::once(0)
            .chain(ends.map(|(i, _)| u32::try_from(i + 1).unwrap_or(u32::MAX)))
            .collect();
        Self { source, starts }
    }

    /// Returns line and column from 1, or 0, 0 for [`At::NOWHERE`].
    pub fn place(&self, at: At) -> (u32, u32) {
        if at == At::NOWHERE {
            return (0, 0);
        }
        let line = self.starts.partition_point(|s| *s <= at.start);
        let start = self.starts[line - 1] as usize;
        let end = (at.start as usize).min(self.source.len());
        let column = self.source.get(start..end).map_or(0, |s| s.chars().count());
        (
            u32::try_from(line).unwrap_or(u32::MAX),
            u32::try_from(column + 1).unwrap_or(u32::MAX),
        )
    }

    fn line(&self, line: u32) -> &'s str {
        let Some(start) = (line as usize)
            .checked_sub(1)
            .and_then(|l| self.starts.get(l))
        else {
            return "";
        };
        let end = self
            .starts
            .get(line as usize)
            .map_or(self.source.len(), |e| *e as usize);
        self.source
            .get(*start as usize..end)
            .unwrap_or("")
            .trim_end_matches(['\n', '\r'])
    }
}

pub use crate::display::escape;

/// Characters of a source line that are shown at most.
const WINDOW: usize = 120;
/// Characters before the caret that stay when a line is cut.
const BEFORE: usize = 80;

/// Renders problems as text: `file:line:column: error: message`, the line, a caret, the help.
///
/// `file` is the name to show, `source` the text that was read.
#[must_use]
pub fn render(diagnostics: &[Diagnostic], file: &str, source: &str) -> String {
    let lines = Lines::new(source);
    let file = escape(file);
    let mut out = String::new();
    for d in diagnostics {
        let word = match d.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        };
        if d.line == 0 {
            let _ = writeln!(out, "{file}: {word}: {}", escape(&d.message));
        } else {
            let _ = writeln!(
                out,
                "{file}:{}:{}: {word}: {}",
                d.line,
                d.column,
                escape(&d.message)
            );
            snippet(&mut out, &lines, d.line, d.column);
        }
        if let Some((line, column, text)) = &d.related {
            let _ = writeln!(out, "{file}:{line}:{column}: {}", escape(text));
            snippet(&mut out, &lines, *line, *column);
        }
        if let Some(help) = &d.help {
            let _ = writeln!(out, "help: {}", escape(help));
        }
    }
    out
}

/// Says what [`render`] wrote without drawing, for screen readers: the line of the file in words,
/// nothing below it, since line and column are named before.
#[must_use]
pub fn without_drawing(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        match line.split_once(" | ") {
            Some((number, shown))
                if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) =>
            {
                let _ = writeln!(out, "line {number}: {}", shown.trim());
            }
            Some((lead, _)) if lead.trim().is_empty() => {}
            _ => {
                let _ = writeln!(out, "{line}");
            }
        }
    }
    out
}

fn snippet(out: &mut String, lines: &Lines<'_>, line: u32, column: u32) {
    let text = lines.line(line);
    let column = column.saturating_sub(1) as usize;
    let first = column.saturating_sub(BEFORE);
    let shown: String = text.chars().skip(first).take(WINDOW).collect();
    let lead = if first > 0 { "…" } else { "" };
    let tail = if text.chars().nth(first + WINDOW).is_some() {
        "…"
    } else {
        ""
    };
    let before: String = shown.chars().take(column - first).collect();
    let pad = lead.chars().count() + tabless(&before).chars().count();
    let number = line.to_string();
    let _ = writeln!(out, "{number} | {lead}{}{tail}", tabless(&shown));
    let _ = writeln!(out, "{} | {}^", " ".repeat(number.len()), " ".repeat(pad));
}

fn tabless(text: &str) -> String {
    escape(&text.replace('\t', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_drawing_no_line_is_a_drawing() {
        let drawn =
            "p.toml:12:7: error: `|` | is\n12 | run = \"a | b\"\n   |       ^\nhelp: x | y\n";
        let said = "p.toml:12:7: error: `|` | is\nline 12: run = \"a | b\"\nhelp: x | y\n";
        assert_eq!(without_drawing(drawn), said);
    }

    #[test]
    fn places_count_characters_from_one() {
        let lines = Lines::new("a\nüb = 1\n");
        let at = |start| At { start, end: start };
        assert_eq!(lines.place(at(0)), (1, 1));
        assert_eq!(lines.place(at(2)), (2, 1));
        assert_eq!(lines.place(at(4)), (2, 2));
        assert_eq!(lines.place(at(9)), (2, 7));
        assert_eq!(lines.place(at(500)), (3, 1));
        assert_eq!(lines.place(At::NOWHERE), (0, 0));
    }

    #[test]
    fn hostile_text_is_escaped_and_the_caret_still_points() {
        let source = "x\u{1b}[31m = \"\u{202e}\"";
        let mut sink = Sink::default();
        sink.error(At { start: 8, end: 9 }, "bad \u{1b}[2J\nvalue");
        let text = render(&sink.finish(source), "p\u{7}.toml", source);
        assert!(
            !text.chars().any(|c| c.is_control() && c != '\n'),
            "{text:?}"
        );
        assert_eq!(
            text,
            "p\\u{7}.toml:1:9: error: bad \\u{1b}[2J\\nvalue\n1 | x\\u{1b}[31m = \"\\u{202e}\"\n  |              ^\n"
        );
    }

    #[test]
    fn long_lines_are_cut_around_the_caret() {
        let source = format!("{}X{}", "a".repeat(5000), "b".repeat(5000));
        let mut sink = Sink::default();
        sink.error(
            At {
                start: 5000,
                end: 5001,
            },
            "here",
        );
        let text = render(&sink.finish(&source), "p", &source);
        let mut lines = text.lines().skip(1);
        let shown = lines.next().unwrap();
        let caret = lines.next().unwrap();
        assert!(shown.chars().count() < 140);
        let at = caret.chars().position(|c| c == '^').unwrap();
        assert_eq!(shown.chars().nth(at), Some('X'));
    }

    #[test]
    fn the_same_problem_is_said_once() {
        let mut sink = Sink::default();
        let at = At { start: 3, end: 4 };
        sink.error(at, "one");
        sink.warning(At { start: 0, end: 1 }, "first");
        sink.error(at, "one");
        sink.error(At::NOWHERE, "flag");
        let all = sink.finish("abcdef");
        let messages: Vec<_> = all.iter().map(|d| d.message.as_str()).collect();
        assert_eq!(messages, ["flag", "first", "one"]);
    }
}
