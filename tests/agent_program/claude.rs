//! Plays Claude Code: messages and answers come as lines of JSON on its standard input.

use std::{
    collections::VecDeque,
    io::{self, BufRead},
    sync::mpsc::{self, Receiver},
    thread,
};

use serde_json::{Value, json};

use super::{
    Call, Program, client,
    client::{Reply, Trouble},
    say,
    session::Session,
    unique, with_tries,
};

/// Tries after the first, as the real one makes.
const TRIES: u32 = 10;
const TOOLS: &[&str] = &["Write", "Bash"];

/// The program while it runs.
struct Claude<'a> {
    program: &'a Program,
    session: Session,
    model: String,
    asks: bool,
    input: Receiver<Value>,
    /// What it was told while it was at something else.
    told: VecDeque<String>,
    /// Tokens of this process.
    used: (u64, u64),
    requests: u32,
}

pub fn run(program: &Program) -> i32 {
    let folder = program
        .home
        .join(".claude/projects")
        .join(program.folder_name());
    let session = if let Some(id) = program.option("--resume") {
        let Some(session) = Session::open(&folder, id) else {
            let what = format!("No conversation found with session ID: {id}");
            super::line(&what);
            say(
                &json!({"type": "result", "subtype": "error_during_execution", "is_error": true,
                "num_turns": 0, "session_id": id, "total_cost_usd": 0, "usage": {},
                "modelUsage": {}, "permission_denials": [], "errors": [what]}),
            );
            return 1;
        };
        session
    } else {
        Session::named(&folder, program)
    };
    let (send, input) = mpsc::channel();
    thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            let value = serde_json::from_str(&line).unwrap_or_default();
            if send.send(value).is_err() {
                break;
            }
        }
    });
    let mut claude = Claude {
        program,
        session,
        model: program.option("--model").unwrap_or("its-own").to_owned(),
        asks: program.has("--permission-prompt-tool"),
        input,
        told: VecDeque::new(),
        used: (0, 0),
        requests: 0,
    };
    let mut well = true;
    while let Some(text) = claude.next_message() {
        well = claude.turn(&text);
    }
    i32::from(!well)
}

impl Claude<'_> {
    /// The next message of the user; none: there will be no more.
    fn next_message(&mut self) -> Option<String> {
        loop {
            if let Some(text) = self.told.pop_front() {
                return Some(text);
            }
            let line = self.input.recv().ok()?;
            self.take(&line);
        }
    }

    fn take(&mut self, line: &Value) {
        if line["type"] == "user" {
            let text = line["message"]["content"].as_str().unwrap_or_default();
            self.told.push_back(text.to_owned());
        }
    }

    fn say(&self, mut value: Value) {
        value["session_id"] = json!(self.session.id);
        value["uuid"] = json!(unique());
        say(&value);
    }

    /// One turn; whether it ended well.
    fn turn(&mut self, text: &str) -> bool {
        let mode = if self.asks { "default" } else { "acceptEdits" };
        self.say(
            json!({"type": "system", "subtype": "init", "cwd": self.program.folder,
            "tools": TOOLS, "mcp_servers": [], "model": self.model, "permissionMode": mode}),
        );
        self.say(
            json!({"type": "user", "isReplay": true, "parent_tool_use_id": null,
            "message": {"role": "user", "content": text}}),
        );
        self.session.user(text);
        loop {
            let reply = match self.ask() {
                Ok(reply) => reply,
                Err(trouble) => {
                    self.failed(&trouble);
                    return false;
                }
            };
            self.session.reply(&reply);
            self.used = (self.used.0 + reply.input, self.used.1 + reply.output);
            let Some(call) = &reply.call else {
                self.assistant(&reply, &json!({"type": "text", "text": reply.text}));
                self.result(false, None, &reply.text);
                return true;
            };
            let mut input = call.arguments.clone();
            if let Some(path) = input["file_path"].as_str() {
                input["file_path"] = json!(self.program.absolute(path));
            }
            self.assistant(
                &reply,
                &json!({"type": "tool_use", "id": call.id, "name": call.tool, "input": input}),
            );
            let done = match self.may(call, &input) {
                Ok(()) => self.program.uses(call),
                Err(words) => Err(words),
            };
            let (text, bad) = done.map_or_else(|e| (e, true), |text| (text, false));
            self.say(
                json!({"type": "user", "parent_tool_use_id": null, "tool_use_result": text,
                "message": {"role": "user", "content": [{"type": "tool_result",
                "tool_use_id": call.id, "content": text, "is_error": bad}]}}),
            );
            self.session.result(call, &text);
        }
    }

    fn ask(&mut self) -> Result<Reply, Trouble> {
        self.requests += 1;
        let server = self.program.server();
        with_tries(
            TRIES,
            || client::messages((&server, &self.model), &self.session.messages, TOOLS),
            |number, trouble, wait| {
                let kind = match trouble.status() {
                    Some(429) => "rate_limit",
                    Some(529) => "overloaded",
                    Some(_) => "server_error",
                    None => "unknown",
                };
                self.say(
                    json!({"type": "system", "subtype": "api_retry", "attempt": number,
                    "max_retries": TRIES, "retry_delay_ms": wait.as_millis(),
                    "error_status": trouble.status(), "error": kind}),
                );
            },
        )
    }

    /// Asks whether it may use a tool, where it has to; else why not.
    fn may(&mut self, call: &Call, input: &Value) -> Result<(), String> {
        if !self.asks {
            return Ok(());
        }
        let id = unique();
        say(
            &json!({"type": "control_request", "request_id": id, "request": {
            "subtype": "can_use_tool", "tool_name": call.tool, "display_name": call.tool,
            "input": input, "description": "", "permission_suggestions": [],
            "tool_use_id": call.id}}),
        );
        loop {
            let Ok(line) = self.input.recv() else {
                return Err("nobody is there to answer".to_owned());
            };
            let response = &line["response"];
            if line["type"] != "control_response" || response["request_id"] != json!(id) {
                self.take(&line);
                continue;
            }
            say(&line);
            let answer = &response["response"];
            return if answer["behavior"] == "allow" {
                Ok(())
            } else {
                Err(answer["message"].as_str().unwrap_or("no").to_owned())
            };
        }
    }

    fn assistant(&self, reply: &Reply, part: &Value) {
        self.say(
            json!({"type": "assistant", "parent_tool_use_id": null, "message": {
            "id": reply.id, "type": "message", "role": "assistant", "model": self.model,
            "content": [part], "stop_reason": null, "stop_sequence": null,
            "usage": {"input_tokens": reply.input, "output_tokens": reply.output}}}),
        );
    }

    fn failed(&self, trouble: &Trouble) {
        let (kind, words) = match trouble.status() {
            Some(429) => ("rate_limit", "Request rejected (429)".to_owned()),
            Some(401) => ("authentication_failed", trouble.words()),
            Some(529) => ("overloaded", "529 Overloaded".to_owned()),
            Some(status) => ("server_error", format!("{status} {}", trouble.words())),
            None => ("unknown", trouble.words()),
        };
        let text = format!("API Error: {words}");
        self.say(
            json!({"type": "assistant", "parent_tool_use_id": null, "error": kind,
            "message": {"id": unique(), "model": "<synthetic>", "role": "assistant",
            "content": [{"type": "text", "text": text}],
            "usage": {"input_tokens": 0, "output_tokens": 0}}}),
        );
        self.result(true, trouble.status(), &text);
    }

    fn result(&self, bad: bool, status: Option<u16>, text: &str) {
        // Five dollars for a million tokens in, five times that out.
        let cost = (self.used.0 * 5 + self.used.1 * 25) as f64 / 1e6;
        let usage = json!({"input_tokens": self.used.0, "output_tokens": self.used.1});
        let mut models = json!({});
        if self.used != (0, 0) {
            models[&self.model] = json!({"inputTokens": self.used.0, "outputTokens": self.used.1,
                "cacheReadInputTokens": 0, "cacheCreationInputTokens": 0, "costUSD": cost});
        }
        self.say(
            json!({"type": "result", "subtype": "success", "is_error": bad,
            "api_error_status": status, "num_turns": self.requests, "result": text,
            "stop_reason": "end_turn", "total_cost_usd": cost, "usage": usage,
            "modelUsage": models, "permission_denials": []}),
        );
    }
}
