//! opencode: `opencode run --format json`.
//!
//! Each line is an object with a `type`: `step_start`, `tool_use`, `text`, `reasoning`, `step_finish` or `error`, and
//! what it is about in `part`. The forms are those of recorded streams of version 1.18.33. A tool is named when it
//! has ended. When a permission is refused, the program stops and ends with status 0.

use serde_json::Value;

use super::count::Count;
use super::driver::{Driver, End, Verdict};
use super::json::{
    NAME, count, cut, line, list, member, message, microusd, object, session, text, words,
};
use super::said::{Said, Used, Why};
use super::{plan, tools, trouble};

/// Reads the stream of one attempt.
pub(super) struct Opencode {
    end: End,
    count: Count,
    session: String,
    /// A permission that was refused and after which no step has begun.
    refused: Option<String>,
}

impl Opencode {
    pub(super) fn new(end: End) -> Self {
        Self {
            end,
            count: Count::default(),
            session: String::new(),
            refused: None,
        }
    }

    fn tool(&mut self, part: &Value, said: &mut Vec<Said>) {
        let (id, tool) = (text(part, "callID"), text(part, "tool"));
        let state = member(part, "state");
        let input = member(state, "input");
        if tool == "todowrite" {
            let entries = list(input, "todos").iter();
            plan::say(
                entries.map(|e| (text(e, "status"), text(e, "content"))),
                said,
            );
            return;
        }
        said.push(Said::Call(tools::call(id, tool, input)));
        let error = text(state, "error");
        if error.contains("rejected permission") {
            self.refused.get_or_insert_with(|| line(error));
        }
        let (ok, words) = match text(state, "status") {
            "completed" => (Some(true), text(state, "title")),
            "error" => (Some(false), error),
            _ => (None, ""),
        };
        said.push(Said::Called {
            id: cut(id, NAME),
            ok,
            what: line(words),
        });
    }

    fn step(&mut self, part: &Value, said: &mut Vec<Said>) {
        let tokens = member(part, "tokens");
        let cache = member(tokens, "cache");
        let used = Used {
            input: count(tokens, "input"),
            cache_read: count(cache, "read"),
            cache_write: count(cache, "write"),
            // Reasoning stands beside the output here.
            output: count(tokens, "output").saturating_add(count(tokens, "reasoning")),
            cost_microusd: microusd(part, "cost"),
        };
        self.count.add(used, said);
        match text(part, "reason") {
            "tool-calls" | "tool_use" | "unknown" => {}
            "length" => {
                let what = "the model's output was cut at its limit".to_owned();
                self.end.turn_ended(Err((Why::Exhausted, what)), said);
            }
            "content-filter" => {
                let what = "the provider refused the answer".to_owned();
                self.end.turn_ended(Err((Why::Refused, what)), said);
            }
            "error" => {
                let (why, what) = self
                    .end
                    .last_trouble()
                    .cloned()
                    .unwrap_or_else(|| (Why::Error, "the step ended with an error".to_owned()));
                self.end.turn_ended(Err((why, what)), said);
            }
            _ => self.end.turn_ended(Ok(()), said),
        }
    }

    fn error(&mut self, v: &Value, said: &mut Vec<Said>) {
        let error = member(v, "error");
        let data = member(error, "data");
        let mut what = line(text(data, "message"));
        if what.is_empty() {
            what = line(text(error, "name"));
        }
        let status = member(data, "statusCode").as_u64();
        let why = match text(error, "name") {
            "ProviderAuthError" => Why::Login,
            "MessageOutputLengthError" | "ContextOverflowError" => Why::Exhausted,
            _ => status
                .and_then(trouble::of_status)
                .filter(|why| *why != Why::Error)
                .unwrap_or_else(|| trouble::of(&what)),
        };
        if let Some(status) = status {
            what = format!("{what} (status {status})");
        }
        if why == Why::Limited {
            let after = text(member(data, "responseHeaders"), "retry-after");
            let after_us = after
                .parse::<u64>()
                .ok()
                .map(|s| s.saturating_mul(1_000_000));
            said.push(Said::Limited {
                after_us,
                until_s: None,
                what: what.clone(),
            });
        }
        self.end.turn_ended(Err((why, what)), said);
    }

    /// A line of its standard error.
    fn plain(&mut self, what: &str, said: &mut Vec<Said>) {
        let what = line(&uncoloured(what));
        if let Some((_, asked)) = what.split_once("permission requested: ") {
            let asked = asked.split("; auto-reject").next().unwrap_or(asked);
            let what = format!("not allowed: {asked}");
            said.push(Said::Warning(what.clone()));
            self.refused = Some(what);
        } else if let Some(why) = trouble::of_line(&what) {
            self.end.trouble(why, &what);
            said.push(Said::Warning(what));
        } else if let Some(error) = what.strip_prefix("Error: ") {
            self.end.trouble(Why::Error, error);
            said.push(Said::Warning(error.to_owned()));
        }
    }
}

impl Driver for Opencode {
    fn line(&mut self, line: &[u8], said: &mut Vec<Said>) {
        let Some(v) = object(line) else {
            if let Some(what) = words(line) {
                self.plain(&what, said);
            }
            return;
        };
        if let Some(id) = session(&v, "sessionID")
            && id != self.session
        {
            self.session.clone_from(&id);
            said.push(Said::Session { id, model: None });
        }
        let part = member(&v, "part");
        match text(&v, "type") {
            "step_start" => {
                self.refused = None;
                self.end.turn_goes_on();
                self.end.no_trouble();
            }
            "tool_use" => self.tool(part, said),
            "text" => said.push(Said::Message {
                text: message(text(part, "text")),
                part: false,
            }),
            "reasoning" => said.push(Said::Thought(message(text(part, "text")))),
            "step_finish" => self.step(part, said),
            "error" => self.error(&v, said),
            _ => {}
        }
    }

    fn end(&mut self, code: Option<i32>) -> Verdict {
        match (&self.refused, self.end.of_stream(code)) {
            (_, Verdict::Done) => Verdict::Done,
            (Some(reason), Verdict::Failed { .. }) if !self.end.at_rest() && code.is_some() => {
                Verdict::Failed {
                    why: Why::Refused,
                    reason: reason.clone(),
                }
            }
            (_, verdict) => verdict,
        }
    }
}

/// A text without the sequences that colour it.
fn uncoloured(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        out.push_str(before);
        let end = after.find(|c: char| c.is_ascii_alphabetic());
        rest = end.map_or("", |end| &after[end + 1..]);
    }
    out.push_str(rest);
    out
}
