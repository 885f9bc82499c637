//! Gemini CLI: `gemini -o stream-json`.
//!
//! Each line of its standard output is an object with a `type`: `init`, `message`, `tool_use`, `tool_result`,
//! `error` or `result`. It speaks of a provider that takes no more, and of a login that is missing, on its
//! standard error alone. The forms are those of recorded streams of version 0.61.0.

use serde_json::Value;

use super::count::Count;
use super::driver::{Driver, End, Verdict};
use super::json::{
    NAME, count, cut, line, list, member, message, name, object, session, text, words, yes,
};
use super::said::{Said, Used, Why};
use super::{plan, tools, trouble};

/// Reads the stream of one attempt.
pub(super) struct Gemini {
    end: End,
    count: Count,
    /// Its last piece of a message ended none.
    in_message: bool,
}

impl Gemini {
    pub(super) fn new(end: End) -> Self {
        Self {
            end,
            count: Count::default(),
            in_message: false,
        }
    }

    /// A message that came in pieces is over.
    fn whole(&mut self, said: &mut Vec<Said>) {
        if std::mem::take(&mut self.in_message) {
            said.push(Said::Message {
                text: String::new(),
                part: false,
            });
        }
    }

    fn result(&mut self, v: &Value, said: &mut Vec<Said>) {
        let stats = member(v, "stats");
        let cached = count(stats, "cached");
        // `total_tokens` holds thoughts too, which are in neither of the other two.
        let (input, output) = (count(stats, "input_tokens"), count(stats, "output_tokens"));
        let thoughts = count(stats, "total_tokens").saturating_sub(input.saturating_add(output));
        let used = Used {
            input: input.saturating_sub(cached),
            cache_read: cached,
            cache_write: 0,
            output: output.saturating_add(thoughts),
            cost_microusd: None,
        };
        self.count.total(used, said);
        let done = if text(v, "status") == "success" {
            Ok(())
        } else {
            let error = member(v, "error");
            let what = line(text(error, "message"));
            let why = match text(error, "type") {
                "FatalAuthenticationError" => Why::Login,
                "FatalTurnLimitedError" => Why::Exhausted,
                _ => trouble::of(&what),
            };
            Err((why, what))
        };
        self.end.turn_ended(done, said);
    }

    /// A line of its standard error.
    fn plain(&mut self, what: String, said: &mut Vec<Said>) {
        if let Some(rest) = what.strip_prefix("Attempt ")
            && what.contains(" failed")
        {
            let why = trouble::of(&what);
            let number = rest.split(' ').next().and_then(|n| n.parse().ok());
            // The rest of the line is a stack of calls.
            let what = what.split(" _ApiError").next().unwrap_or(&what).to_owned();
            self.end.trouble(why, &what);
            said.push(trouble::again(why, None, number.unwrap_or(1), what));
            return;
        }
        let known = what.starts_with("Error resuming session")
            || what.contains("must specify the GEMINI_API_KEY")
            || what.starts_with("Please set an Auth method");
        let why = trouble::of_line(&what);
        // Lines of a dumped error.
        let dumped = what.starts_with("at ") || what.starts_with("status: ");
        if known || (why.is_some() && !dumped) {
            self.end.trouble(why.unwrap_or(Why::Error), &what);
            said.push(Said::Warning(what));
        }
    }
}

impl Driver for Gemini {
    fn line(&mut self, line: &[u8], said: &mut Vec<Said>) {
        let Some(v) = object(line) else {
            if let Some(what) = words(line) {
                self.plain(what, said);
            }
            return;
        };
        let kind = text(&v, "type");
        if ["tool_use", "tool_result", "error", "result", "init"].contains(&kind) {
            self.whole(said);
        }
        match kind {
            "init" => {
                self.end.turn_goes_on();
                if let Some(id) = session(&v, "session_id") {
                    let model = name(&v, "model");
                    said.push(Said::Session { id, model });
                }
            }
            "message" if text(&v, "role") == "assistant" => {
                self.end.no_trouble();
                let part = yes(&v, "delta");
                if !part {
                    self.whole(said);
                }
                self.in_message = part;
                let words = text(&v, "content");
                let text = if part {
                    cut(words, super::json::MESSAGE)
                } else {
                    message(words)
                };
                said.push(Said::Message { text, part });
            }
            "tool_use" => {
                self.end.no_trouble();
                tool(&v, said);
            }
            "tool_result" => {
                let error = member(&v, "error");
                let words = [text(&v, "output"), text(error, "message")];
                let words = words.iter().find(|w| !w.is_empty());
                said.push(Said::Called {
                    id: cut(text(&v, "tool_id"), NAME),
                    ok: match text(&v, "status") {
                        "success" => Some(true),
                        "error" => Some(false),
                        _ => None,
                    },
                    what: super::json::line(words.unwrap_or(&"")),
                });
            }
            "error" => {
                let what = super::json::line(text(&v, "message"));
                self.end.trouble(trouble::of(&what), &what);
                said.push(Said::Warning(what));
            }
            "result" => self.result(&v, said),
            _ => {}
        }
    }

    fn end(&mut self, code: Option<i32>) -> Verdict {
        self.end.of_stream(code)
    }
}

/// A call of a tool.
fn tool(v: &Value, said: &mut Vec<Said>) {
    let (id, tool) = (text(v, "tool_id"), text(v, "tool_name"));
    let input = member(v, "parameters");
    if tool == "write_todos" {
        let entries = list(input, "todos").iter();
        plan::say(
            entries.map(|e| (text(e, "status"), text(e, "description"))),
            said,
        );
    } else {
        said.push(Said::Call(tools::call(id, tool, input)));
    }
}
