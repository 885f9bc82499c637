//! aider: text for people, of which some lines have a fixed form.
//!
//! The forms are those of a recorded run of version 0.86.2. It rounds its tokens (`1.2k`), so they are as exact as
//! it says them. It does not say whether it did its work.

use super::count::{Count, sum};
use super::driver::{Driver, End, Verdict};
use super::json::{LINE, MOST, line};
use super::said::{Said, ToolCall, ToolKind, Used};
use super::trouble;

/// Reads the text of one attempt.
pub(super) struct Aider {
    end: End,
    count: Count,
    /// The sum of its reports; each is of one message alone.
    tokens: Used,
    /// Edits so far; they have no names.
    edits: u32,
}

impl Aider {
    pub(super) fn new(end: End) -> Self {
        Self {
            end,
            count: Count::default(),
            tokens: Used::default(),
            edits: 0,
        }
    }

    /// Takes `Cost: $0.01 message, $0.02 session.`: what the session has cost so far.
    fn cost(&mut self, text: &str) {
        let session = text.split(", $").nth(1).and_then(|s| s.split(' ').next());
        let cost = session.and_then(|dollars| decimal(dollars, 6));
        self.tokens.cost_microusd = self.tokens.cost_microusd.max(cost);
    }

    fn say(&mut self, said: &mut Vec<Said>) {
        self.count.total(self.tokens, said);
    }
}

impl Driver for Aider {
    fn line(&mut self, bytes: &[u8], said: &mut Vec<Said>) {
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(LINE)]);
        let text = text.trim();
        if let Some(figures) = text.strip_prefix("Tokens: ") {
            // An answer came.
            self.end.no_trouble();
            let (tokens, cost) = figures.split_once(". ").unwrap_or((figures, ""));
            self.tokens = sum(self.tokens, tokens_in(tokens));
            self.cost(cost);
            self.say(said);
        } else if text.starts_with("Cost: ") {
            self.cost(text);
            self.say(said);
        } else if let Some(file) = text.strip_prefix("Applied edit to ") {
            self.edits = self.edits.saturating_add(1);
            let id = format!("edit-{}", self.edits);
            said.push(Said::Call(ToolCall {
                id: id.clone(),
                kind: ToolKind::Edit,
                tool: "edit".to_owned(),
                what: line(file),
                paths: vec![file.to_owned()],
                diff: None,
            }));
            said.push(Said::Called {
                id,
                ok: Some(true),
                what: String::new(),
            });
        } else if text.starts_with("Commit ") {
            said.push(Said::Message {
                text: line(text),
                part: false,
            });
        } else if let Some((name, words)) = text.split_once("Error: ")
            && (name.starts_with("litellm.") || name.is_empty())
        {
            let what = line(text);
            self.end
                .trouble(trouble::of(&format!("{name} {words}")), &what);
            said.push(Said::Warning(what));
        } else if let Some(wait) = text.strip_prefix("Retrying in ") {
            let after = wait.split(' ').next().and_then(|s| decimal(s, 6));
            let (why, what) = self.end.last_trouble().cloned().unwrap_or_default();
            said.push(trouble::again(why, after, 1, what));
        }
    }

    fn end(&mut self, code: Option<i32>) -> Verdict {
        self.end.of_status(code)
    }
}

/// The tokens of `1.2k sent, 2.3k cache write, 5 cache hit, 34 received`.
fn tokens_in(text: &str) -> Used {
    let mut used = Used::default();
    for part in text.trim_end_matches('.').split(", ") {
        let Some((figure, what)) = part.split_once(' ') else {
            continue;
        };
        let Some(figure) = tokens_of(figure) else {
            continue;
        };
        match what {
            "sent" => used.input = figure,
            "cache write" => used.cache_write = figure,
            "cache hit" => used.cache_read = figure,
            "received" => used.output = figure,
            _ => {}
        }
    }
    // What was sent holds what was cached.
    let cached = used.cache_write.saturating_add(used.cache_read);
    used.input = used.input.saturating_sub(cached);
    used
}

/// A number of tokens: `34`, `1.2k`, `12k`.
fn tokens_of(text: &str) -> Option<u64> {
    let tokens = match text.strip_suffix('k') {
        Some(thousands) => decimal(thousands, 3)?,
        None => text.parse().ok()?,
    };
    Some(tokens.min(MOST))
}

/// A decimal with so many places as a whole number, cut there.
fn decimal(text: &str, places: usize) -> Option<u64> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let part = part.get(..part.len().min(places))?;
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(part) {
        return None;
    }
    format!("{whole}{part:0<places$}").parse().ok()
}
