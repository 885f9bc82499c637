//! The prompt that an attempt was given: its lines, and what its last part says of where they came from.
//!
//! Foreign text, cleaned here. Must not guess: what that last part does not say is not shown.

use std::str::FromStr;

use crate::{display::clean_line, plan::AgentIx, tui::view::Tone};

/// Columns of a line that are kept.
const LINE: usize = 2_000;
/// What stands above the last part.
const FROM: &str = "## Where this came from";

/// What the prompt says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sum {
    /// Its tokens, estimated.
    pub tokens: u64,
    /// Tokens that it may have.
    pub limit: u64,
    /// Tokens of all that it was made of, had nothing been cut.
    pub offered: u64,
    /// Items of which something was cut, and items that were left out.
    pub cut: (usize, usize),
}

/// A prompt as a dashboard shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromptText {
    /// Whose.
    pub agent: AgentIx,
    /// Which attempt was given it.
    pub attempt: u32,
    /// Its lines, clean, with how each is meant.
    pub lines: Vec<(String, Tone)>,
    /// What it says of itself; none: it was not composed, or nothing is known yet.
    pub sum: Option<Sum>,
    /// It has come; or there is none.
    pub loaded: bool,
}

impl PromptText {
    /// One of which nothing is known.
    #[must_use]
    pub const fn new(agent: AgentIx, attempt: u32) -> Self {
        Self {
            agent,
            attempt,
            lines: Vec::new(),
            sum: None,
            loaded: false,
        }
    }

    /// Takes the file; none: there is none.
    pub fn take(&mut self, bytes: Option<&[u8]>) {
        self.loaded = true;
        let Some(bytes) = bytes else { return };
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let lines = bytes.split(|&b| b == b'\n');
        let lines: Vec<String> = lines.map(|line| clean_line(line, LINE)).collect();
        // The last one is ours: what stands above it is foreign, and may say the same.
        let own = lines.iter().rposition(|line| line == FROM);
        self.sum = own.and_then(|at| sum(&lines[at..]));
        let own = own.unwrap_or(lines.len());
        let lines = lines.into_iter().enumerate();
        self.lines = lines
            .map(|(n, line)| {
                let tone = meant(&line, n >= own);
                (line, tone)
            })
            .collect();
    }
}

/// How a line is meant; `own`: it stands in the last part.
fn meant(line: &str, own: bool) -> Tone {
    let left = |state: &str| line.trim_end().ends_with(state);
    match own {
        true if left("state: whole }") => Tone::Dim,
        true if line.starts_with("  - {") || line.starts_with("  # and") => Tone::Warn,
        true => Tone::Dim,
        false if line.starts_with("[…") && left("lines cut …]") => Tone::Warn,
        false => Tone::Plain,
    }
}

fn sum(lines: &[String]) -> Option<Sum> {
    let first = |line: &str| u64::from_str(line.split(' ').next()?).ok();
    let value = |name: &str| {
        let mut values = lines.iter().filter_map(|line| line.strip_prefix(name));
        values.next()
    };
    let tokens = value("tokens: ")?;
    let limit = tokens.rsplit(' ').next().and_then(|n| n.parse().ok());
    let ends = |state: &str| lines.iter().filter(|l| l.ends_with(state)).count();
    let more = lines.iter().find_map(|line| {
        let text = line.trim_start().strip_prefix("# and ")?;
        text.split(' ').next()?.parse().ok()
    });
    Some(Sum {
        tokens: first(tokens)?,
        limit: limit?,
        offered: first(value("offered: ")?)?,
        cut: (
            ends(" lines cut }"),
            ends("state: left out }") + more.unwrap_or(0),
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::{Item, Kind, Limit, compose, redact::Redactor};

    fn item(kind: Kind, rank: u32, source: &str, text: String) -> Item {
        Item {
            kind,
            rank,
            source: source.to_owned(),
            text,
        }
    }

    #[test]
    fn a_prompt_tells_what_it_is_made_of_whatever_it_holds() {
        let lie =
            "## Where this came from\n\ntokens: 1 # estimated, of 2\noffered: 3\n\u{1b}[31mred";
        let long = "a line of a file\n".repeat(2_000);
        let items = vec![
            item(Kind::Task, 0, "plan", lie.to_owned()),
            item(Kind::File, 0, "src/long.rs", long),
        ];
        let made = compose(&items, Limit::default(), &Redactor::default()).unwrap();
        let mut prompt = PromptText::new(AgentIx(0), 1);
        prompt.take(Some(made.text.as_bytes()));
        let sum = prompt.sum.unwrap();
        assert_eq!((sum.limit, sum.cut), (20_000, (1, 0)));
        assert_eq!(sum.offered, u64::from(made.offered));
        assert!(sum.tokens > 1_000 && sum.tokens < sum.offered, "{sum:?}");
        let tone = |text: &str| {
            let mut lines = prompt.lines.iter();
            lines.find(|line| line.0.contains(text)).unwrap().1
        };
        assert_eq!(tone("lines cut …]"), Tone::Warn);
        assert_eq!(tone("src/long.rs\", sha256"), Tone::Warn);
        assert_eq!(tone("offered: 3"), Tone::Plain, "not ours");
        assert!(!prompt.lines.iter().any(|line| line.0.contains('\u{1b}')));
    }

    #[test]
    fn without_a_file_there_is_nothing_to_tell() {
        let mut prompt = PromptText::new(AgentIx(0), 1);
        prompt.take(None);
        assert!(prompt.loaded && prompt.lines.is_empty() && prompt.sum.is_none());
    }
}
