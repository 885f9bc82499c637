//! Plays Codex: the figures that it reports are those of the whole session.

use serde_json::{Value, json};

use super::{Program, client, client::Trouble, say, session::Session, unique, with_tries};

/// Tries after the first, as the real one makes.
const TRIES: u32 = 5;
const TOOLS: &[&str] = &["exec_command"];

pub fn run(program: &Program) -> i32 {
    let folder = program.home.join(".codex/sessions");
    let session = if program.has("resume") {
        // The last but one: its prompt is `-`.
        let id = program.arguments.iter().rev().nth(1).unwrap();
        let Some(session) = Session::open(&folder, id) else {
            super::line(&format!(
                "Error: thread/resume failed: no rollout found for thread id {id}"
            ));
            return 1;
        };
        session
    } else {
        Session::begin(&folder, &unique())
    };
    say(&json!({"type": "thread.started", "thread_id": session.id}));
    let mut session = session;
    session.user(&Program::prompt());
    say(&json!({"type": "turn.started"}));
    let (server, model) = (program.server(), program.option("-m").unwrap_or("its-own"));
    for number in 0.. {
        let id = format!("item_{number}");
        let reply = with_tries(
            TRIES,
            || client::responses((&server, model), &session.messages, TOOLS),
            |number, trouble, _| {
                let message = format!("Reconnecting... {number}/{TRIES} ({})", words(trouble));
                say(&json!({"type": "error", "message": message}));
            },
        );
        let reply = match reply {
            Ok(reply) => reply,
            Err(trouble) => {
                let message = words(&trouble);
                say(&json!({"type": "error", "message": message}));
                say(&json!({"type": "turn.failed", "error": {"message": message}}));
                return 1;
            }
        };
        session.reply(&reply);
        let Some(call) = &reply.call else {
            say(
                &json!({"type": "item.completed", "item": {"id": id, "type": "agent_message",
                "text": reply.text}}),
            );
            break;
        };
        let item = |code: Option<i32>, status: &str, output: &str| -> Value {
            json!({"id": id, "type": "command_execution", "command": call.arguments["cmd"],
                "aggregated_output": output, "exit_code": code, "status": status})
        };
        say(&json!({"type": "item.started", "item": item(None, "in_progress", "")}));
        let (item, output) = match program.uses(call) {
            Ok(output) => (item(Some(0), "completed", &output), output),
            Err(error) => (item(Some(1), "failed", &error), error),
        };
        say(&json!({"type": "item.completed", "item": item}));
        session.result(call, &output);
    }
    say(
        &json!({"type": "turn.completed", "usage": {"input_tokens": session.used.0,
        "cached_input_tokens": 0, "cache_write_input_tokens": 0,
        "output_tokens": session.used.1, "reasoning_output_tokens": 0}}),
    );
    0
}

/// Its words for what went wrong.
fn words(trouble: &Trouble) -> String {
    match trouble {
        Trouble::Status { status: 429, .. } => {
            "exceeded retry limit, last status: 429 Too Many Requests".to_owned()
        }
        Trouble::Status { status, words, .. } => format!("unexpected status {status}: {words}"),
        Trouble::Network(words) | Trouble::Garbage(words) => {
            format!("stream disconnected before completion: {words}")
        }
    }
}
