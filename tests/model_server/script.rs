//! What the server answers: from the messages alone.
//!
//! A user's message may hold orders: `WRITE name <<<text>>>`, `RUN <<<command>>>` and `SAY <<<text>>>`. Each tool
//! result that follows it has carried out one; the next `WRITE` or `RUN` is answered with a call of the tool that the
//! program offers for it, and when none is left the answer is a text. The newest message with an order counts, so that
//! a session that goes on finishes what it was told before.

use serde_json::{Value, json};

use super::{Message, Role};

/// An answer, whatever the protocol.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    Text(String),
    /// The name of a tool and its arguments.
    Call(String, Value),
}

/// What a program is told at last.
pub const DONE: &str = "Done: the file is written.";

/// Tools that write a file: the name and those of the arguments for the path and the text.
const WRITES: &[(&str, &str, &str)] = &[
    ("Write", "file_path", "content"),
    ("write", "filePath", "content"),
    ("write_file", "file_path", "content"),
];

/// Tools that run a command.
const RUNS: &[(&str, &str)] = &[
    ("Bash", "command"),
    ("bash", "command"),
    ("run_shell_command", "command"),
    ("exec_command", "cmd"),
];

/// An order in a message.
#[derive(Debug, PartialEq, Eq)]
enum Order<'a> {
    Write(&'a str, &'a str),
    Run(&'a str),
    Say(&'a str),
}

/// Finds what a message orders.
fn orders(text: &str) -> Vec<Order<'_>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("<<<") {
        let Some((body, next)) = after.split_once(">>>") else {
            break;
        };
        let mut words = before.split_whitespace().rev();
        match (words.next(), words.next()) {
            (Some("RUN"), _) => found.push(Order::Run(body)),
            (Some("SAY"), _) => found.push(Order::Say(body)),
            (Some(name), Some("WRITE")) => found.push(Order::Write(name, body)),
            _ => {}
        }
        rest = next;
    }
    found
}

/// Answers a conversation; `tools` are those that the program offers.
pub fn answer(messages: &[Message], tools: &[String]) -> Answer {
    let offers = |name: &str| tools.iter().any(|tool| tool == name);
    let newest = messages.iter().enumerate().rev();
    let mut newest = newest.filter(|(_, m)| m.role == Role::User);
    let Some((at, message)) = newest.find(|(_, m)| !orders(&m.text).is_empty()) else {
        return Answer::Text(DONE.to_owned());
    };
    let orders = orders(&message.text);
    let done = messages[at..]
        .iter()
        .filter(|m| m.role == Role::Tool)
        .count();
    let calls = orders
        .iter()
        .filter(|order| !matches!(order, Order::Say(_)));
    let call = calls.skip(done).find_map(|order| match order {
        Order::Write(name, text) => {
            let text = format!("{text}\n");
            let tool = WRITES.iter().find(|tool| offers(tool.0));
            let own = tool.map(|tool| (tool.0, json!({tool.1: name, tool.2: text})));
            own.or_else(|| {
                let (tool, argument) = RUNS.iter().find(|tool| offers(tool.0))?;
                let text = text.trim_end();
                let command = format!("printf '%s\\n' '{text}' > {name}");
                Some((*tool, json!({*argument: command})))
            })
        }
        Order::Run(command) => {
            let (tool, argument) = RUNS.iter().find(|tool| offers(tool.0))?;
            Some((*tool, json!({*argument: command})))
        }
        Order::Say(_) => None,
    });
    if let Some((tool, arguments)) = call {
        return Answer::Call(tool.to_owned(), arguments);
    }
    let said = orders.iter().rev().find_map(|order| match order {
        Order::Say(text) => Some((*text).to_owned()),
        _ => None,
    });
    Answer::Text(said.unwrap_or_else(|| DONE.to_owned()))
}
