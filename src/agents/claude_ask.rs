//! Questions of Claude Code and the answers to them.
//!
//! It asks with a `control_request` of the kind `can_use_tool` and takes a `control_response`: `allow` with the
//! arguments of the call, or `deny` with words for the model. What it wants to know itself comes as a call of
//! the tool `AskUserQuestion`; the answers are put into that call's arguments.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::json::{NAME, cut, line, list, member, message, object, text};
use super::said::{Question, Reply, Said};
use super::tools;

/// Most questions that are open at once; the oldest is let go.
const OPEN: usize = 64;
/// Most calls that are remembered as asked about.
const ASKED: usize = 1024;
/// What a line that is a request has in its beginning, and how long that is.
const REQUEST: &[u8] = b"\"control_request\"";
const HEAD: usize = 512;
/// Its tool for questions of its own.
const ITS_OWN: &str = "AskUserQuestion";

/// The questions that wait.
#[derive(Debug, Default)]
pub(super) struct Asking {
    /// By the name of the request: the call's name, its tool and its arguments.
    open: BTreeMap<String, (String, String, Value)>,
    /// Arguments as they were written, by the name of the request, until that is read without its secrets: an answer
    /// gives them back, and what it gives back is carried out.
    raw: BTreeMap<String, Value>,
    /// Calls that were asked about; a refusal of one of them is no news.
    asked: Vec<String>,
}

impl Asking {
    /// Takes a request.
    pub(super) fn request(&mut self, v: &Value, said: &mut Vec<Said>) {
        let (id, request) = (text(v, "request_id"), member(v, "request"));
        if text(request, "subtype") != "can_use_tool" || id.is_empty() || id.len() > NAME {
            return;
        }
        let (tool, input) = (text(request, "tool_name"), member(request, "input"));
        let call_id = text(request, "tool_use_id");
        let question = if tool == ITS_OWN {
            own_question(id, input)
        } else {
            let mut call = tools::call(call_id, tool, input);
            let about = text(request, "description");
            if call.what.is_empty() {
                call.what = line(about);
            }
            Question {
                id: id.to_owned(),
                text: match line(text(request, "decision_reason")) {
                    reason if reason.is_empty() => format!("may it use {}?", call.tool),
                    reason => format!("may it use {}? {reason}", call.tool),
                },
                call: Some(call),
                options: Vec::new(),
            }
        };
        if self.open.len() >= OPEN
            && let Some((old, _)) = self.open.pop_first()
        {
            said.push(Said::AskedNoMore(old));
        }
        if self.asked.len() < ASKED {
            self.asked.push(cut(call_id, NAME));
        }
        let input = self.raw.remove(id).unwrap_or_else(|| input.clone());
        let open = (call_id.to_owned(), tool.to_owned(), input);
        self.open.insert(id.to_owned(), open);
        said.push(Said::Asked(question));
    }

    /// Remembers the arguments of a request as they were written.
    pub(super) fn raw(&mut self, line: &[u8]) {
        let head = &line[..line.len().min(HEAD)];
        if !head.windows(REQUEST.len()).any(|part| part == REQUEST) {
            return;
        }
        let Some(v) = object(line) else { return };
        let (id, request) = (text(&v, "request_id"), member(&v, "request"));
        if text(&v, "type") != "control_request" || id.is_empty() || id.len() > NAME {
            return;
        }
        if self.raw.len() >= OPEN {
            self.raw.pop_first();
        }
        self.raw
            .insert(id.to_owned(), member(request, "input").clone());
    }

    /// Takes the beginning of a request that was too long to be kept. What it asks for cannot be allowed, since
    /// that would need all of it; without an answer the program would wait for ever.
    pub(super) fn cut_short(&mut self, line: &[u8], said: &mut Vec<Said>) {
        if !line.starts_with(b"{\"type\":\"control_request\"") {
            return;
        }
        let text = String::from_utf8_lossy(line);
        let field = |name: &str| {
            let (_, rest) = text.split_once(&format!("\"{name}\":\""))?;
            Some(rest.split_once('"')?.0.to_owned()).filter(|f| f.len() <= NAME)
        };
        let (Some(id), Some(tool)) = (field("request_id"), field("tool_name")) else {
            return;
        };
        self.open
            .insert(id.clone(), (String::new(), tool.clone(), Value::Null));
        said.push(Said::Asked(Question {
            id,
            text: format!("it wants to use {tool} with more than can be shown: say no"),
            call: None,
            options: Vec::new(),
        }));
    }

    /// A question is over, whoever ended it.
    pub(super) fn over(&mut self, id: &str, said: &mut Vec<Said>) {
        if self.open.remove(id).is_some() {
            said.push(Said::AskedNoMore(id.to_owned()));
        }
    }

    /// A call has ended: what was asked about it is over.
    pub(super) fn over_for(&mut self, call: &str, said: &mut Vec<Said>) {
        let id = self.open.iter().find(|(_, open)| open.0 == call);
        if let Some(id) = id.map(|(id, _)| id.clone()) {
            self.over(&id, said);
        }
    }

    /// Whether a call was asked about.
    pub(super) fn was_asked(&self, call: &str) -> bool {
        self.asked.iter().any(|c| c == call)
    }

    /// Whether no question waits.
    pub(super) fn nothing_open(&self) -> bool {
        self.open.is_empty()
    }

    /// The line that answers a question; none where it no longer waits.
    pub(super) fn answer(&mut self, question: &Question, reply: &Reply) -> Option<Vec<u8>> {
        let (_, tool, input) = self.open.remove(&question.id)?;
        let response = match reply {
            Reply::Allow | Reply::Text(_) if input.is_null() => {
                json!({"behavior": "deny", "message": "this is too much at once: do it in smaller steps"})
            }
            Reply::Text(words) if tool == ITS_OWN => {
                json!({"behavior": "allow", "updatedInput": answered(input, words)})
            }
            Reply::Allow => json!({"behavior": "allow", "updatedInput": input}),
            // Words in place of yes or no: it is not done, and told why.
            Reply::Text(words) | Reply::Deny(words) => {
                json!({"behavior": "deny", "message": words})
            }
        };
        let line = json!({"type": "control_response", "response": {
            "subtype": "success", "request_id": question.id, "response": response,
        }});
        let mut line = line.to_string().into_bytes();
        line.push(b'\n');
        Some(line)
    }
}

/// A question of its own as one of ours; several at once become one text.
fn own_question(id: &str, input: &Value) -> Question {
    let asked = list(input, "questions");
    let mut words = Vec::new();
    for question in asked.iter().take(8) {
        words.push(message(text(question, "question")));
    }
    let mut options = Vec::new();
    if let [one] = asked {
        for option in list(one, "options").iter().take(16) {
            options.push(line(text(option, "label")));
        }
    }
    Question {
        id: id.to_owned(),
        text: message(&words.join("\n")),
        call: None,
        options,
    }
}

/// The arguments of its question with the answer in them, for each of its questions the same.
fn answered(mut input: Value, words: &str) -> Value {
    let mut answers = serde_json::Map::new();
    for question in list(&input, "questions") {
        answers.insert(text(question, "question").to_owned(), words.into());
    }
    if let Some(fields) = input.as_object_mut() {
        fields.insert("answers".to_owned(), Value::Object(answers));
    }
    input
}
