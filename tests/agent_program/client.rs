//! Requests to a model server over the three protocols, in pieces or whole.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
};

use serde_json::{Value, json};

use super::Call;

/// An answer.
#[derive(Debug, Default)]
pub struct Reply {
    /// The server's name for it.
    pub id: String,
    pub text: String,
    pub call: Option<Call>,
    pub input: u64,
    pub output: u64,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Trouble {
    /// The server says no.
    Status {
        status: u16,
        after_s: Option<u64>,
        words: String,
    },
    /// There is none, or it went away in the middle.
    Network(String),
    /// What came is no answer.
    Garbage(String),
}

impl Trouble {
    /// Whether another try may help.
    pub fn passes(&self) -> bool {
        match self {
            Self::Status { status, .. } => *status == 429 || *status >= 500,
            Self::Network(_) => true,
            Self::Garbage(_) => false,
        }
    }

    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Status { status, .. } => Some(*status),
            _ => None,
        }
    }

    pub fn words(&self) -> String {
        match self {
            Self::Status { words, .. } | Self::Network(words) | Self::Garbage(words) => {
                words.clone()
            }
        }
    }
}

fn lost(error: &std::io::Error) -> Trouble {
    Trouble::Network(format!("connection error: {error}"))
}

/// Sends a request and returns the whole answer.
fn post(server: &str, path: &str, body: &Value) -> Result<String, Trouble> {
    let address = server.trim_start_matches("http://");
    let body = body.to_string();
    let mut stream = TcpStream::connect(address).map_err(|e| lost(&e))?;
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).map_err(|e| lost(&e))?;
    stream.write_all(body.as_bytes()).map_err(|e| lost(&e))?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).map_err(|e| lost(&e))?;
    let status = line.split(' ').nth(1).and_then(|s| s.parse::<u16>().ok());
    let status = status.ok_or_else(|| Trouble::Network("connection reset".to_owned()))?;
    let (mut length, mut after_s, mut kind) = (None, None, String::new());
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).map_err(|e| lost(&e))?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        match name {
            "content-length" => length = value.parse::<usize>().ok(),
            "retry-after" => after_s = value.parse().ok(),
            "content-type" => value.clone_into(&mut kind),
            _ => {}
        }
    }
    let text = match length {
        Some(length) => {
            let mut bytes = vec![0; length];
            reader
                .read_exact(&mut bytes)
                .map(|()| bytes)
                .map_err(|e| lost(&e))
        }
        None => chunks(&mut reader),
    };
    let text = String::from_utf8_lossy(&text?).into_owned();
    if status != 200 {
        let said: Value = serde_json::from_str(&text).unwrap_or_default();
        let words = said["error"]["message"].as_str().unwrap_or("no words");
        return Err(Trouble::Status {
            status,
            after_s,
            words: words.to_owned(),
        });
    }
    if kind.starts_with("text/html") {
        return Err(Trouble::Garbage(format!("unexpected content type {kind}")));
    }
    Ok(text)
}

/// A body in chunks.
fn chunks(reader: &mut BufReader<TcpStream>) -> Result<Vec<u8>, Trouble> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).map_err(|e| lost(&e))?;
        let size = usize::from_str_radix(line.trim_end(), 16);
        let Ok(size) = size else {
            return Err(Trouble::Network("the stream was cut".to_owned()));
        };
        let mut chunk = vec![0; size + 2];
        let read = reader.read_exact(&mut chunk);
        read.map_err(|_| Trouble::Network("the stream was cut".to_owned()))?;
        if size == 0 {
            return Ok(body);
        }
        body.extend_from_slice(&chunk[..size]);
    }
}

fn json_of(text: &str) -> Result<Value, Trouble> {
    serde_json::from_str(text).map_err(|e| Trouble::Garbage(format!("invalid JSON: {e}")))
}

/// The objects of a stream of events.
fn events(text: &str) -> Result<Vec<Value>, Trouble> {
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    data.filter(|data| *data != "[DONE]").map(json_of).collect()
}

/// Arguments of a call, which come as a text.
fn arguments(text: &str) -> Result<Value, Trouble> {
    json_of(text)
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

fn words(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Asks over OpenAI's chat completions.
pub fn chat(
    (server, model): (&str, &str),
    messages: &[Value],
    tools: &[&str],
    stream: bool,
) -> Result<Reply, Trouble> {
    let sent = messages.iter().map(|m| {
        let mut sent = json!({"role": m["role"], "content": m["text"]});
        if m["role"] == "tool" {
            sent["tool_call_id"] = m["id"].clone();
        }
        if let Some(call) = m.get("call") {
            sent["tool_calls"] = json!([{"id": call["id"], "type": "function", "function":
                {"name": call["tool"], "arguments": call["arguments"].to_string()}}]);
        }
        sent
    });
    let tools = tools.iter();
    let tools = tools.map(|name| json!({"type": "function", "function": {"name": name}}));
    let body = json!({"model": model, "stream": stream, "messages": sent.collect::<Vec<_>>(),
        "tools": tools.collect::<Vec<_>>()});
    let text = post(server, "/v1/chat/completions", &body)?;
    let mut reply = Reply::default();
    let (mut call, mut given) = (None, String::new());
    let pieces = if stream {
        events(&text)?
    } else {
        vec![json_of(&text)?]
    };
    for piece in &pieces {
        reply.id = words(&piece["id"]);
        let choice = &piece["choices"][0];
        let said = if stream {
            &choice["delta"]
        } else {
            &choice["message"]
        };
        reply.text += &words(&said["content"]);
        let function = &said["tool_calls"][0];
        if function["function"]["name"].is_string() {
            call = Some((words(&function["id"]), words(&function["function"]["name"])));
        }
        given += &words(&function["function"]["arguments"]);
        if piece["usage"].is_object() {
            reply.input = number(&piece["usage"]["prompt_tokens"]);
            reply.output = number(&piece["usage"]["completion_tokens"]);
        }
    }
    reply.call = called(call, &given)?;
    Ok(reply)
}

/// Asks over OpenAI's responses, in pieces.
pub fn responses(
    (server, model): (&str, &str),
    messages: &[Value],
    tools: &[&str],
) -> Result<Reply, Trouble> {
    let mut input = Vec::new();
    for m in messages {
        if m["role"] == "tool" {
            input.push(json!({"type": "function_call_output", "call_id": m["id"],
                "output": m["text"]}));
        } else if let Some(call) = m.get("call") {
            input.push(json!({"type": "function_call", "call_id": call["id"],
                "name": call["tool"], "arguments": call["arguments"].to_string()}));
        } else {
            let kind = if m["role"] == "user" {
                "input_text"
            } else {
                "output_text"
            };
            input.push(json!({"type": "message", "role": m["role"],
                "content": [{"type": kind, "text": m["text"]}]}));
        }
    }
    let tools = tools.iter();
    let tools = tools.map(|name| json!({"type": "function", "name": name}));
    let body = json!({"model": model, "stream": true, "input": input,
        "tools": tools.collect::<Vec<_>>()});
    let text = post(server, "/v1/responses", &body)?;
    let events = events(&text)?;
    let last = events.iter().find(|e| e["type"] == "response.completed");
    let last = last.ok_or_else(|| Trouble::Network("the stream was cut".to_owned()))?;
    let usage = &last["response"]["usage"];
    let mut reply = Reply {
        id: words(&last["response"]["id"]),
        input: number(&usage["input_tokens"]),
        output: number(&usage["output_tokens"]),
        ..Reply::default()
    };
    for event in &events {
        match event["type"].as_str() {
            Some("response.output_text.delta") => reply.text += &words(&event["delta"]),
            Some("response.output_item.done") if event["item"]["type"] == "function_call" => {
                reply.call = Some(Call {
                    id: words(&event["item"]["call_id"]),
                    tool: words(&event["item"]["name"]),
                    arguments: arguments(&words(&event["item"]["arguments"]))?,
                });
            }
            _ => {}
        }
    }
    Ok(reply)
}

/// Asks over Anthropic's messages, in pieces.
pub fn messages(
    (server, model): (&str, &str),
    messages: &[Value],
    tools: &[&str],
) -> Result<Reply, Trouble> {
    let sent = messages.iter().map(|m| {
        if m["role"] == "tool" {
            return json!({"role": "user", "content": [{"type": "tool_result",
                "tool_use_id": m["id"], "content": m["text"]}]});
        }
        let mut parts = Vec::new();
        if m["text"] != "" {
            parts.push(json!({"type": "text", "text": m["text"]}));
        }
        if let Some(call) = m.get("call") {
            parts.push(
                json!({"type": "tool_use", "id": call["id"], "name": call["tool"],
                "input": call["arguments"]}),
            );
        }
        json!({"role": m["role"], "content": parts})
    });
    let tools = tools.iter().map(|name| json!({"name": name}));
    let body = json!({"model": model, "stream": true, "max_tokens": 1000,
        "messages": sent.collect::<Vec<_>>(), "tools": tools.collect::<Vec<_>>()});
    let text = post(server, "/v1/messages", &body)?;
    let mut reply = Reply::default();
    let (mut call, mut given, mut whole) = (None, String::new(), false);
    for event in events(&text)? {
        match event["type"].as_str() {
            Some("message_start") => {
                reply.id = words(&event["message"]["id"]);
                reply.input = number(&event["message"]["usage"]["input_tokens"]);
            }
            Some("content_block_start") if event["content_block"]["type"] == "tool_use" => {
                let block = &event["content_block"];
                call = Some((words(&block["id"]), words(&block["name"])));
            }
            Some("content_block_delta") => {
                reply.text += &words(&event["delta"]["text"]);
                given += &words(&event["delta"]["partial_json"]);
            }
            Some("message_delta") => reply.output = number(&event["usage"]["output_tokens"]),
            Some("message_stop") => whole = true,
            _ => {}
        }
    }
    if !whole {
        return Err(Trouble::Network("the stream was cut".to_owned()));
    }
    reply.call = called(call, &given)?;
    Ok(reply)
}

/// The call of a tool that a stream named in pieces.
fn called(call: Option<(String, String)>, given: &str) -> Result<Option<Call>, Trouble> {
    let Some((id, tool)) = call else {
        return Ok(None);
    };
    let arguments = arguments(given)?;
    Ok(Some(Call {
        id,
        tool,
        arguments,
    }))
}
