//! Codex: `codex exec --json`.
//!
//! Each line is an object with a `type`: `thread.started`, `turn.…`, `item.…` or `error`. The forms are those of
//! recorded streams of version 0.169.0; kinds of items that were not recorded are those of its source
//! (`exec_events.rs`). The tokens that it reports are those of the whole thread, earlier attempts included.

use serde_json::Value;

use super::count::{Count, since};
use super::driver::{Driver, End, Verdict};
use super::json::{
    NAME, count, cut, line, list, member, message, object, session, text, words, yes,
};
use super::said::{Said, ToolCall, ToolKind, Used};
use super::{plan, tools, trouble};

/// Its words for a connection that it makes again.
const AGAIN: &str = "Reconnecting... ";

/// Reads the stream of one attempt.
pub(super) struct Codex {
    end: End,
    count: Count,
    /// What the thread had used before this attempt.
    before: Used,
    /// Tries to reach the provider in a row.
    tries: u32,
    /// The error that was said last; `turn.failed` repeats it.
    last_error: String,
}

impl Codex {
    pub(super) fn new(end: End, before: Used) -> Self {
        Self {
            end,
            count: Count::default(),
            before,
            tries: 0,
            last_error: String::new(),
        }
    }

    fn item(&mut self, v: &Value, ended: bool, said: &mut Vec<Said>) {
        self.tries = 0;
        let item = member(v, "item");
        let id = text(item, "id");
        match text(item, "type") {
            "agent_message" if ended => {
                self.end.no_trouble();
                said.push(Said::Message {
                    text: message(text(item, "text")),
                    part: false,
                });
            }
            "reasoning" if ended => {
                self.end.no_trouble();
                said.push(Said::Thought(message(text(item, "text"))));
            }
            "todo_list" => {
                let entries = list(item, "items").iter().map(|entry| {
                    let status = if yes(entry, "completed") {
                        "completed"
                    } else {
                        ""
                    };
                    (status, text(entry, "text"))
                });
                plan::say(entries, said);
            }
            "error" if ended => said.push(Said::Warning(line(text(item, "message")))),
            kind @ ("command_execution" | "file_change" | "mcp_tool_call" | "web_search"
            | "collab_tool_call" | "image_generation") => {
                if ended {
                    self.end.no_trouble();
                    said.push(called(id, kind, item));
                } else {
                    said.push(Said::Call(call(id, kind, item)));
                }
            }
            _ => {}
        }
    }

    fn error(&mut self, words: &str, said: &mut Vec<Said>) {
        let what = line(words);
        let why = trouble::of(&what);
        self.end.trouble(why, &what);
        self.last_error.clone_from(&what);
        if let Some(rest) = words.strip_prefix(AGAIN) {
            self.tries = self.tries.saturating_add(1);
            let number = rest.split_once('/').and_then(|(n, _)| n.parse().ok());
            said.push(trouble::again(
                why,
                None,
                number.unwrap_or(self.tries),
                what,
            ));
        } else {
            said.push(Said::Warning(what));
        }
    }
}

impl Driver for Codex {
    fn line(&mut self, line: &[u8], said: &mut Vec<Said>) {
        let Some(v) = object(line) else {
            if let Some(what) = words(line)
                && let Some(why) = trouble::of_line(&what)
            {
                self.end.trouble(why, &what);
                said.push(Said::Warning(what));
            }
            return;
        };
        match text(&v, "type") {
            "thread.started" => {
                if let Some(id) = session(&v, "thread_id") {
                    said.push(Said::Session { id, model: None });
                }
            }
            "turn.started" => self.end.turn_goes_on(),
            "item.started" | "item.updated" => self.item(&v, false, said),
            "item.completed" => self.item(&v, true, said),
            "turn.completed" => {
                let usage = member(&v, "usage");
                let (cached, written) = (
                    count(usage, "cached_input_tokens"),
                    count(usage, "cache_write_input_tokens"),
                );
                let all = Used {
                    // Its input tokens hold the cached ones.
                    input: count(usage, "input_tokens")
                        .saturating_sub(cached.saturating_add(written)),
                    cache_read: cached,
                    cache_write: written,
                    output: count(usage, "output_tokens"),
                    cost_microusd: None,
                };
                self.count.total(since(all, self.before), said);
                self.end.turn_ended(Ok(()), said);
            }
            "turn.failed" => {
                let mut what = super::json::line(text(member(&v, "error"), "message"));
                if what.is_empty() {
                    what.clone_from(&self.last_error);
                }
                self.end.turn_ended(Err((trouble::of(&what), what)), said);
            }
            "error" => self.error(text(&v, "message"), said),
            _ => {}
        }
    }

    fn end(&mut self, code: Option<i32>) -> Verdict {
        self.end.of_stream(code)
    }
}

/// The beginning of an item that is a call.
fn call(id: &str, kind: &str, item: &Value) -> ToolCall {
    let (class, what) = match kind {
        "command_execution" => (ToolKind::Run, line(inner(text(item, "command")))),
        "file_change" => (ToolKind::Edit, changes(item)),
        "web_search" => (ToolKind::Fetch, line(text(item, "query"))),
        "collab_tool_call" => (ToolKind::Delegate, line(text(item, "prompt"))),
        "mcp_tool_call" => (
            ToolKind::Other,
            line(&format!("{} {}", text(item, "server"), text(item, "tool"))),
        ),
        _ => (ToolKind::Other, String::new()),
    };
    let mut paths = Vec::new();
    for change in list(item, "changes") {
        tools::add_path(&mut paths, text(change, "path"));
    }
    ToolCall {
        id: cut(id, NAME),
        kind: class,
        tool: match kind {
            "command_execution" => "shell",
            "file_change" => "edit",
            other => other,
        }
        .to_owned(),
        what,
        paths,
        diff: None,
    }
}

/// The command that a login shell is given: its name before it is the same in all of them. As it is quoted.
fn inner(command: &str) -> &str {
    let Some((shell, given)) = command.split_once(" -lc ") else {
        return command;
    };
    if shell.contains(' ') || !shell.ends_with("sh") {
        return command;
    }
    let given = given.trim();
    for quote in ['\'', '"'] {
        let bare = (given.strip_prefix(quote)).and_then(|rest| rest.strip_suffix(quote));
        if let Some(bare) = bare.filter(|bare| !bare.is_empty()) {
            return bare;
        }
    }
    given
}

/// The files of a change with what is done to each.
fn changes(item: &Value) -> String {
    let changes = list(item, "changes").iter().take(16);
    let words = changes.map(|c| format!("{} {}", text(c, "kind"), text(c, "path")));
    line(&words.collect::<Vec<_>>().join(", "))
}

/// The end of an item that is a call.
fn called(id: &str, kind: &str, item: &Value) -> Said {
    let ok = match text(item, "status") {
        "completed" => Some(true),
        "failed" | "declined" => Some(false),
        _ => None,
    };
    let what = match kind {
        "command_execution" => {
            let code = member(item, "exit_code").as_i64();
            let output = text(item, "aggregated_output").trim();
            let last = output.lines().next_back().unwrap_or_default();
            match code {
                Some(0) | None => line(last),
                Some(code) => line(&format!("status {code} {last}")),
            }
        }
        "file_change" => changes(item),
        _ => line(text(member(item, "error"), "message")),
    };
    Said::Called {
        id: cut(id, NAME),
        ok,
        what,
    }
}
