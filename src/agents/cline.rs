//! cline: `cline --json`.
//!
//! Each line is an object with a `type`: `hook_event`, `agent_event` with what happened in `event`, or `run_result`.
//! The forms are those of a recorded stream of version 3.0.65.

use serde_json::Value;

use super::count::Count;
use super::driver::{Driver, End, Verdict};
use super::json::{
    NAME, count, cut, line, member, message, microusd, object, session, text, words,
};
use super::said::{Said, Used, Why};
use super::{tools, trouble};

/// Reads the stream of one attempt.
pub(super) struct Cline {
    end: End,
    count: Count,
    session: String,
    /// Pieces of the message that comes have been said.
    in_message: bool,
}

impl Cline {
    pub(super) fn new(end: End) -> Self {
        Self {
            end,
            count: Count::default(),
            session: String::new(),
            in_message: false,
        }
    }

    fn event(&mut self, event: &Value, said: &mut Vec<Said>) {
        let id = cut(text(event, "toolCallId"), NAME);
        match (text(event, "type"), text(event, "contentType")) {
            ("iteration_start", _) => self.end.turn_goes_on(),
            ("usage", _) => {
                let used = Used {
                    input: count(event, "totalInputTokens"),
                    output: count(event, "totalOutputTokens"),
                    cache_read: count(event, "totalCacheReadTokens"),
                    cache_write: count(event, "totalCacheWriteTokens"),
                    cost_microusd: microusd(event, "totalCost"),
                };
                self.count.total(used, said);
            }
            ("content_start", "tool") => {
                let tool = text(event, "toolName");
                said.push(Said::Call(tools::call(&id, tool, member(event, "input"))));
            }
            ("content_end", "tool") => {
                let output = member(event, "output");
                let words = [
                    text(output, "error"),
                    text(output, "result"),
                    text(event, "error"),
                ];
                let words = words.into_iter().find(|w| !w.is_empty());
                let failed = !text(event, "error").is_empty() || !text(output, "error").is_empty();
                said.push(Said::Called {
                    id,
                    ok: member(output, "success")
                        .as_bool()
                        .or(failed.then_some(false)),
                    what: line(words.unwrap_or_default()),
                });
            }
            ("content_start" | "content_update", "text") => {
                self.in_message = true;
                said.push(Said::Message {
                    text: cut(text(event, "text"), super::json::MESSAGE),
                    part: true,
                });
            }
            ("content_end", "text") => {
                // The whole text again, which was said in pieces.
                let pieces = std::mem::take(&mut self.in_message);
                let text = if pieces {
                    String::new()
                } else {
                    message(text(event, "text"))
                };
                said.push(Said::Message { text, part: false });
            }
            ("content_end", "reasoning" | "thinking") => {
                said.push(Said::Thought(message(text(event, "text"))));
            }
            ("error", _) => {
                let error = member(event, "error");
                let words = [text(error, "message"), text(event, "message")];
                let words = words.into_iter().find(|w| !w.is_empty());
                let words = words.or(error.as_str()).unwrap_or_default();
                self.trouble(words, said);
            }
            _ => {}
        }
    }

    fn trouble(&mut self, words: &str, said: &mut Vec<Said>) {
        let what = line(words);
        self.end.trouble(trouble::of(&what), &what);
        said.push(Said::Warning(what));
    }

    fn result(&mut self, v: &Value, said: &mut Vec<Said>) {
        // With what its sub-agents used.
        let usage = match member(v, "aggregateUsage") {
            Value::Null => member(v, "usage"),
            all => all,
        };
        let used = Used {
            input: count(usage, "inputTokens"),
            cache_read: count(usage, "cacheReadTokens"),
            cache_write: count(usage, "cacheWriteTokens"),
            output: count(usage, "outputTokens"),
            cost_microusd: microusd(usage, "totalCost"),
        };
        self.count.total(used, said);
        let done = match text(v, "finishReason") {
            "completed" => Ok(()),
            "max_iterations" | "max_turns" => {
                Err((Why::Exhausted, "it has used all of its turns".to_owned()))
            }
            reason => Err(self.end.last_trouble().cloned().unwrap_or_else(|| {
                let words = [text(v, "error"), text(v, "text")];
                let words = words.into_iter().find(|w| !w.is_empty());
                let what = line(words.unwrap_or(reason));
                (trouble::of(&what), what)
            })),
        };
        self.end.turn_ended(done, said);
    }
}

impl Driver for Cline {
    fn line(&mut self, line: &[u8], said: &mut Vec<Said>) {
        let Some(v) = object(line) else {
            if let Some(what) = words(line)
                && trouble::of_line(&what).is_some()
            {
                self.trouble(&what, said);
            }
            return;
        };
        match text(&v, "type") {
            "hook_event" => {
                let id = session(&v, "taskId");
                let own = member(&v, "parentAgentId").is_null();
                if let Some(id) = id.filter(|id| own && *id != self.session) {
                    self.session.clone_from(&id);
                    said.push(Said::Session { id, model: None });
                }
            }
            "agent_event" => self.event(member(&v, "event"), said),
            "run_result" => self.result(&v, said),
            "error" => self.trouble(text(&v, "message"), said),
            _ => {}
        }
    }

    fn end(&mut self, code: Option<i32>) -> Verdict {
        self.end.of_stream(code)
    }
}
