//! Claude Code: `claude -p --input-format stream-json --output-format stream-json --verbose`.
//!
//! Each line is an object with a `type`: `system`, `assistant`, `user`, `result`, `control_request` and more.
//! The forms are those of recorded streams of version 2.1.197. Questions and answers go over the same streams
//! (`--permission-prompt-tool stdio`), and so does what it is told (`--replay-user-messages` says when it arrived).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::claude_ask::Asking;
use super::claude_tasks::Tasks;
use super::count::{Count, sum};
use super::driver::{Driver, End, Verdict};
use super::json::{
    LINE, count, cut, line, list, member, message, microusd, name, object, session, text, words,
    yes,
};
use super::said::{Question, Reply, Said, Used, Why};
use super::{tools, trouble};

/// Requests whose figures are kept apart.
const REQUESTS: usize = 4096;

/// Reads the stream of one attempt.
pub(super) struct Claude {
    end: End,
    /// The session and its model; it says them again in each turn.
    session: (String, Option<String>),
    count: Count,
    /// What each request to the model has used, by the name of its message: a message comes in several lines.
    requests: BTreeMap<String, Used>,
    /// What requests have used that are no longer in the list.
    older: Used,
    /// What it was told and has not taken yet; at first the prompt.
    untaken: u32,
    asking: Asking,
    tasks: Tasks,
}

impl Claude {
    pub(super) fn new(end: End) -> Self {
        Self {
            end,
            session: (String::new(), None),
            count: Count::default(),
            requests: BTreeMap::new(),
            older: Used::default(),
            untaken: 1,
            asking: Asking::default(),
            tasks: Tasks::default(),
        }
    }

    fn system(&mut self, v: &Value, said: &mut Vec<Said>) {
        match text(v, "subtype") {
            "init" => {
                self.end.turn_goes_on();
                let (id, model) = (session(v, "session_id"), name(v, "model"));
                if let Some(id) = id.filter(|id| (id, &model) != (&self.session.0, &self.session.1))
                {
                    self.session = (id.clone(), model.clone());
                    said.push(Said::Session { id, model });
                }
            }
            "api_retry" => {
                let status = member(v, "error_status").as_u64();
                let error = text(v, "error");
                let what = match status {
                    Some(status) => format!("{} (status {status})", line(error)),
                    None => line(error),
                };
                let number = u32::try_from(count(v, "attempt")).unwrap_or(u32::MAX);
                let why = status.and_then(trouble::of_status);
                let why = why.unwrap_or_else(|| match trouble::of(error) {
                    // No status: no answer came.
                    Why::Error if status.is_none() => Why::Network,
                    why => why,
                });
                self.end.trouble(why, &what);
                said.push(trouble::again(
                    why,
                    Some(count(v, "retry_delay_ms").saturating_mul(1000)),
                    number,
                    what,
                ));
            }
            "permission_denied" => {
                said.push(Said::Warning(format!(
                    "not allowed: {}",
                    line(text(v, "tool_name"))
                )));
            }
            _ => {}
        }
    }

    fn assistant(&mut self, v: &Value, said: &mut Vec<Said>) {
        self.end.turn_goes_on();
        let body = member(v, "message");
        let error = text(v, "error");
        for part in list(body, "content") {
            match text(part, "type") {
                "text" if !error.is_empty() => {
                    let what = line(text(part, "text"));
                    self.end.trouble(error_kind(error, &what), &what);
                    said.push(Said::Warning(what));
                }
                // What a sub-agent says is meant for the agent, not for a person.
                "text" if text(v, "parent_tool_use_id").is_empty() => {
                    let text = message(text(part, "text"));
                    if !text.is_empty() {
                        said.push(Said::Message { text, part: false });
                    }
                }
                "thinking" => {
                    let text = message(text(part, "thinking"));
                    if !text.is_empty() {
                        said.push(Said::Thought(text));
                    }
                }
                "tool_use" | "server_tool_use" | "mcp_tool_use" => {
                    let (id, tool) = (text(part, "id"), text(part, "name"));
                    let input = member(part, "input");
                    if !self.tasks.call(id, tool, input, said) {
                        said.push(Said::Call(tools::call(id, tool, input)));
                    }
                }
                _ => {}
            }
        }
        if error.is_empty() {
            self.end.no_trouble();
            self.used_by(body, said);
        }
    }

    /// Takes the figures of one message. Each line of a message repeats them; the last ones hold.
    fn used_by(&mut self, body: &Value, said: &mut Vec<Said>) {
        let (Some(id), usage) = (name(body, "id"), member(body, "usage")) else {
            return;
        };
        if usage.is_null() {
            return;
        }
        if self.requests.len() >= REQUESTS
            && let Some((_, used)) = self.requests.pop_first()
        {
            self.older = sum(self.older, used);
        }
        let used = Used {
            input: count(usage, "input_tokens"),
            cache_read: count(usage, "cache_read_input_tokens"),
            cache_write: count(usage, "cache_creation_input_tokens"),
            output: count(usage, "output_tokens"),
            cost_microusd: None,
        };
        self.requests.insert(id, used);
        let total = self.requests.values().fold(self.older, |a, b| sum(a, *b));
        self.count.total(total, said);
    }

    fn user(&mut self, v: &Value, said: &mut Vec<Said>) {
        if yes(v, "isReplay") {
            self.untaken = self.untaken.saturating_sub(1);
            said.push(Said::Taken);
            return;
        }
        for part in list(member(v, "message"), "content") {
            if text(part, "type") != "tool_result" {
                continue;
            }
            let id = text(part, "tool_use_id");
            self.asking.over_for(id, said);
            let bad = yes(part, "is_error");
            if self
                .tasks
                .called(id, bad, member(v, "tool_use_result"), said)
            {
                continue;
            }
            said.push(Said::Called {
                id: cut(id, super::json::NAME),
                ok: Some(!bad),
                what: line(first_text(member(part, "content"))),
            });
        }
    }

    fn result(&mut self, v: &Value, said: &mut Vec<Said>) {
        // Of the whole process, all models and sub-agents; `usage` is of the last turn alone.
        let mut used = Used::default();
        if let Some(models) = member(v, "modelUsage").as_object() {
            for model in models.values() {
                used = sum(
                    used,
                    Used {
                        input: count(model, "inputTokens"),
                        cache_read: count(model, "cacheReadInputTokens"),
                        cache_write: count(model, "cacheCreationInputTokens"),
                        output: count(model, "outputTokens"),
                        cost_microusd: None,
                    },
                );
            }
        }
        used.cost_microusd = microusd(v, "total_cost_usd");
        self.count.total(used, said);
        for denied in list(v, "permission_denials") {
            let call = tools::call("", text(denied, "tool_name"), member(denied, "tool_input"));
            if !self.asking.was_asked(text(denied, "tool_use_id")) {
                let what = format!("not allowed: {} {}", call.tool, call.what);
                said.push(Said::Warning(cut(&what, LINE)));
            }
        }
        let done = if !yes(v, "is_error") && text(v, "subtype") == "success" {
            Ok(())
        } else {
            Err(self.failure(v))
        };
        self.end.turn_ended(done, said);
    }

    /// Why a turn did not end well.
    fn failure(&self, v: &Value) -> (Why, String) {
        let errors: Vec<&str> = list(v, "errors").iter().filter_map(Value::as_str).collect();
        let mut words = line(text(v, "result"));
        if words.is_empty() {
            words = line(&errors.join("; "));
        }
        let status = member(v, "api_error_status").as_u64();
        let why = match text(v, "subtype") {
            "error_max_turns" | "error_max_budget_usd" => Why::Exhausted,
            _ if text(v, "stop_reason") == "refusal" => Why::Refused,
            _ => match trouble::of(&words) {
                Why::Error => status
                    .and_then(trouble::of_status)
                    .or(self.end.last_trouble().map(|trouble| trouble.0))
                    .unwrap_or(Why::Error),
                why => why,
            },
        };
        if words.is_empty() {
            words = match self.end.last_trouble() {
                Some((_, words)) => words.clone(),
                None => line(text(v, "subtype")),
            };
        }
        (why, words)
    }

    fn limited(&mut self, v: &Value, said: &mut Vec<Said>) {
        let info = member(v, "rate_limit_info");
        let what = line(text(info, "rateLimitType"));
        let until_s = member(info, "resetsAt").as_u64();
        match text(info, "status") {
            "rejected" => {
                let what = format!("usage limit {what} is reached");
                self.end.trouble(Why::Limited, &what);
                said.push(Said::Limited {
                    after_us: None,
                    until_s,
                    what,
                });
            }
            "allowed_warning" => {
                said.push(Said::Warning(format!("usage limit {what} is near")));
            }
            _ => {}
        }
    }
}

impl Driver for Claude {
    fn line(&mut self, line: &[u8], said: &mut Vec<Said>) {
        let Some(v) = object(line) else {
            if let Some((why, what)) = words(line).and_then(plain) {
                self.end.trouble(why, &what);
                said.push(Said::Warning(what));
            }
            self.asking.cut_short(line, said);
            return;
        };
        match text(&v, "type") {
            "system" => self.system(&v, said),
            "assistant" => self.assistant(&v, said),
            "user" => self.user(&v, said),
            "result" => self.result(&v, said),
            "control_request" => self.asking.request(&v, said),
            "control_cancel_request" => self.asking.over(text(&v, "request_id"), said),
            // It repeats the answers that it got.
            "control_response" => {
                self.asking
                    .over(text(member(&v, "response"), "request_id"), said);
            }
            "rate_limit_event" => self.limited(&v, said),
            _ => {}
        }
    }

    fn raw(&mut self, line: &[u8]) {
        self.asking.raw(line);
    }

    fn answer(&mut self, question: &Question, reply: &Reply) -> Option<Vec<u8>> {
        self.asking.answer(question, reply)
    }

    fn tell(&mut self, text: &str) -> Option<Vec<u8>> {
        if self.finished() {
            return None;
        }
        self.untaken = self.untaken.saturating_add(1);
        Some(user_message(text))
    }

    fn finished(&self) -> bool {
        // A turn that failed may have taken nothing of what it was told.
        let taken = self.untaken == 0 || self.end.failed();
        self.end.at_rest() && taken && self.asking.nothing_open()
    }

    fn end(&mut self, code: Option<i32>) -> Verdict {
        self.end.of_stream(code)
    }
}

/// A message of the user as a line of its input.
pub(super) fn user_message(text: &str) -> Vec<u8> {
    let message = json!({"type": "user", "message": {"role": "user", "content": text}});
    let mut line = message.to_string().into_bytes();
    line.push(b'\n');
    line
}

/// What kind of trouble its word for an error is.
fn error_kind(error: &str, words: &str) -> Why {
    match error {
        "authentication_failed" | "oauth_org_not_allowed" => Why::Login,
        "billing_error" => Why::Exhausted,
        "rate_limit" | "overloaded" => Why::Limited,
        _ => trouble::of(words),
    }
}

/// The first text of a tool's result: a text, or a list of parts.
fn first_text(content: &Value) -> &str {
    let parts = content.as_array().map_or(&[][..], Vec::as_slice);
    let first = parts
        .iter()
        .map(|p| text(p, "text"))
        .find(|t| !t.is_empty());
    content.as_str().or(first).unwrap_or_default()
}

/// Words that are no JSON, where they tell of a known trouble.
fn plain(what: String) -> Option<(Why, String)> {
    if what.starts_with("No conversation found") {
        return Some((Why::Error, what));
    }
    trouble::of_line(&what).map(|why| (why, what))
}
