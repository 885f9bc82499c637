//! Plays Gemini CLI: what it has to say of its provider stands beside its stream. It asks for whole answers.

use serde_json::json;

use super::{Program, client, line, say, session::Session, with_tries};

/// Tries after the first; the real one makes nine.
const TRIES: u32 = 3;
const TOOLS: &[&str] = &["write_file", "run_shell_command"];

pub fn run(program: &Program) -> i32 {
    let folder = program.home.join(".gemini/tmp").join(program.folder_name());
    let mut session = if let Some(id) = program.option("--resume") {
        let Some(session) = Session::open(&folder, id) else {
            line(&format!(
                "Error resuming session: Invalid session identifier \"{id}\"."
            ));
            return 42;
        };
        session
    } else {
        Session::named(&folder, program)
    };
    let (server, model) = (
        program.server(),
        program.option("--model").unwrap_or("its-own"),
    );
    let prompt = Program::prompt();
    say(&json!({"type": "init", "session_id": session.id, "model": model}));
    say(&json!({"type": "message", "role": "user", "content": prompt}));
    session.user(&prompt);
    let (mut used, mut calls) = ((0, 0), 0);
    let result = |used: (u64, u64), calls: u32| {
        let stats = json!({"total_tokens": used.0 + used.1, "input_tokens": used.0,
            "output_tokens": used.1, "cached": 0, "input": used.0, "tool_calls": calls});
        json!({"type": "result", "status": "success", "stats": stats})
    };
    loop {
        let reply = with_tries(
            TRIES,
            || client::chat((&server, model), &session.messages, TOOLS, false),
            |number, trouble, _| {
                let what = match trouble.status() {
                    Some(status) => format!("status {status}"),
                    None => format!("fetch failed: {}", trouble.words()),
                };
                line(&format!(
                    "Attempt {number} failed with {what}. Retrying with backoff... _ApiError: {{}}"
                ));
            },
        );
        let reply = match reply {
            Ok(reply) => reply,
            Err(trouble) => {
                let status = trouble.status().unwrap_or(0);
                let error = json!({"error": {"code": status, "message": trouble.words()}});
                line(&format!(
                    "Error when talking to Gemini API _ApiError: {error}"
                ));
                let mut result = result(used, calls);
                result["status"] = json!("error");
                let message = format!("[API Error: {error}]");
                result["error"] = json!({"type": "unknown", "message": message});
                say(&result);
                return 1;
            }
        };
        session.reply(&reply);
        used = (used.0 + reply.input, used.1 + reply.output);
        let Some(call) = &reply.call else {
            for piece in reply.text.split_inclusive(' ') {
                say(
                    &json!({"type": "message", "role": "assistant", "content": piece,
                    "delta": true}),
                );
            }
            say(&result(used, calls));
            return 0;
        };
        calls += 1;
        let mut parameters = call.arguments.clone();
        if let Some(path) = parameters["file_path"].as_str() {
            parameters["file_path"] = json!(program.absolute(path));
        }
        say(
            &json!({"type": "tool_use", "tool_name": call.tool, "tool_id": call.id,
            "parameters": parameters}),
        );
        let (text, status) = match program.uses(call) {
            Ok(text) => (text, "success"),
            Err(error) => (error, "error"),
        };
        say(&json!({"type": "tool_result", "tool_id": call.id, "status": status}));
        session.result(call, &text);
    }
}
