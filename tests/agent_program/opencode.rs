//! Plays opencode: a step for each answer, and no word of a tool before it has ended. It does not try again.

use serde_json::{Value, json};

use super::{Program, client, client::Trouble, line, say, session::Session, unique};

const TOOLS: &[&str] = &["write", "bash"];

pub fn run(program: &Program) -> i32 {
    let folder = program.home.join(".local/share/opencode/sessions");
    let mut session = if let Some(id) = program.option("--session") {
        let Some(session) = Session::open(&folder, id) else {
            line("\u{1b}[91m\u{1b}[1mError: \u{1b}[0mSession not found");
            return 1;
        };
        session
    } else {
        Session::begin(&folder, &format!("ses_{}", unique().replace('-', "")))
    };
    let (server, model) = (
        program.server(),
        program.option("--model").unwrap_or("its-own"),
    );
    session.user(&Program::prompt());
    loop {
        let id = session.id.clone();
        let part = |kind: &str, mut part: Value| {
            part["sessionID"] = json!(id);
            say(&json!({"type": kind, "sessionID": id, "part": part}));
        };
        let reply = match client::chat((&server, model), &session.messages, TOOLS, true) {
            Ok(reply) => reply,
            Err(trouble) => {
                let error = error(&trouble);
                say(&json!({"type": "error", "sessionID": session.id, "error": error}));
                return 1;
            }
        };
        session.reply(&reply);
        part("step_start", json!({"type": "step-start"}));
        let reason = if let Some(call) = &reply.call {
            let (output, status) = match program.uses(call) {
                Ok(output) => (output, "completed"),
                Err(error) => (error, "error"),
            };
            let mut input = call.arguments.clone();
            if let Some(path) = input["filePath"].as_str() {
                input["filePath"] = json!(program.absolute(path));
            }
            part(
                "tool_use",
                json!({"type": "tool", "tool": call.tool, "callID": call.id,
                "state": {"status": status, "input": input, "output": output, "error": output}}),
            );
            session.result(call, &output);
            "tool-calls"
        } else {
            part("text", json!({"type": "text", "text": reply.text}));
            "stop"
        };
        part(
            "step_finish",
            json!({"type": "step-finish", "reason": reason, "cost": 0,
            "tokens": {"total": reply.input + reply.output, "input": reply.input,
            "output": reply.output, "reasoning": 0, "cache": {"write": 0, "read": 0}}}),
        );
        if reason == "stop" {
            return 0;
        }
    }
}

fn error(trouble: &Trouble) -> Value {
    match trouble {
        Trouble::Status {
            status,
            after_s,
            words,
        } => {
            let mut headers = json!({"content-type": "application/json"});
            if let Some(s) = after_s {
                headers["retry-after"] = json!(s.to_string());
            }
            json!({"name": "APIError", "data": {"message": words, "statusCode": status,
                "isRetryable": trouble.passes(), "responseHeaders": headers}})
        }
        Trouble::Network(words) => json!({"name": "UnknownError", "data":
            {"message": format!("Cannot connect to API: {words}")}}),
        Trouble::Garbage(words) => json!({"name": "UnknownError", "data": {"message": words}}),
    }
}
