//! The protocols: how each carries messages, tools, an answer and its usage.
//!
//! Must not decide what is answered. The forms are those of the providers' references, cut to what clients read.

use serde_json::{Value, json};

use super::{Message, Role, Usage, script::Answer};

/// One protocol.
pub struct Form {
    pub path: &'static str,
    /// The conversation in a request.
    pub messages: fn(&Value) -> Vec<Message>,
    /// The names of the tools that a request offers.
    pub tools: fn(&Value) -> Vec<String>,
    /// An answer as events of a stream: its name, the model, what and the usage.
    pub pieces: fn(&str, &str, &Answer, Usage) -> Vec<String>,
    /// The same as one object.
    pub whole: fn(&str, &str, &Answer, Usage) -> Value,
    /// A refusal.
    pub error: fn(u16, &str) -> Value,
}

pub const FORMS: &[Form] = &[
    Form {
        path: "/v1/chat/completions",
        messages: |body| of_list(&body["messages"]),
        tools: |body| names(body, |tool| &tool["function"]["name"]),
        pieces: chat_pieces,
        whole: chat_whole,
        error: openai_error,
    },
    Form {
        path: "/v1/responses",
        messages: |body| of_list(&body["input"]),
        tools: |body| names(body, |tool| &tool["name"]),
        pieces: responses_pieces,
        whole: responses_whole,
        error: openai_error,
    },
    Form {
        path: "/v1/messages",
        messages: |body| of_list(&body["messages"]),
        tools: |body| names(body, |tool| &tool["name"]),
        pieces: messages_pieces,
        whole: messages_whole,
        error: |status, words| json!({"type": "error", "error": {"type": kind(status), "message": words}}),
    },
];

/// The text of a message: one, or those of its parts.
fn text(content: &Value) -> String {
    if let Some(text) = content.as_str() {
        return text.to_owned();
    }
    let parts = content.as_array().into_iter().flatten();
    let texts = parts.filter_map(|part| part["text"].as_str().or_else(|| part["content"].as_str()));
    texts.collect::<Vec<_>>().join("\n")
}

/// The messages of any of the protocols: what tools gave back has a role, a kind or parts of its own.
fn of_list(list: &Value) -> Vec<Message> {
    let mut messages = Vec::new();
    for entry in list.as_array().into_iter().flatten() {
        let parts = entry["content"].as_array().into_iter().flatten();
        let result = parts.clone().any(|part| part["type"] == "tool_result");
        let role = match (entry["role"].as_str(), entry["type"].as_str()) {
            (Some("tool"), _) | (_, Some("function_call_output")) => Role::Tool,
            (Some("system" | "developer"), _) => Role::System,
            (Some("assistant"), _) | (_, Some("function_call")) => Role::Assistant,
            _ if result => Role::Tool,
            _ => Role::User,
        };
        let content = match entry["type"].as_str() {
            Some("function_call_output") => &entry["output"],
            _ => &entry["content"],
        };
        messages.push(Message {
            role,
            text: text(content),
        });
    }
    messages
}

fn names(body: &Value, name: fn(&Value) -> &Value) -> Vec<String> {
    let tools = body["tools"].as_array().into_iter().flatten();
    tools
        .filter_map(|tool| Some(name(tool).as_str()?.to_owned()))
        .collect()
}

fn kind(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        429 => "rate_limit_error",
        529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    }
}

fn openai_error(status: u16, words: &str) -> Value {
    json!({"error": {"message": words, "type": kind(status), "param": null, "code": null}})
}

/// A text in the pieces that it is sent in: its words.
fn words(text: &str) -> Vec<&str> {
    text.split_inclusive(' ').collect()
}

fn data(value: &Value) -> String {
    format!("data: {value}\n\n")
}

/// An event of a stream that names its events by their kind.
fn event(value: &Value) -> String {
    let kind = value["type"].as_str().unwrap_or_default();
    format!("event: {kind}\ndata: {value}\n\n")
}

fn chat_usage(usage: Usage) -> Value {
    json!({"prompt_tokens": usage.input, "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output})
}

fn chat_whole(name: &str, model: &str, answer: &Answer, usage: Usage) -> Value {
    let (message, reason) = match answer {
        Answer::Text(text) => (json!({"role": "assistant", "content": text}), "stop"),
        Answer::Call(tool, arguments) => {
            let call = json!({"id": format!("call_{name}"), "type": "function",
                "function": {"name": tool, "arguments": arguments.to_string()}});
            let message = json!({"role": "assistant", "content": null, "tool_calls": [call]});
            (message, "tool_calls")
        }
    };
    json!({"id": name, "object": "chat.completion", "model": model, "usage": chat_usage(usage),
        "choices": [{"index": 0, "message": message, "finish_reason": reason}]})
}

fn chat_pieces(name: &str, model: &str, answer: &Answer, usage: Usage) -> Vec<String> {
    let chunk = |delta: Value, end: Value| {
        data(
            &json!({"id": name, "object": "chat.completion.chunk", "model": model,
            "choices": [{"index": 0, "delta": delta, "finish_reason": end}]}),
        )
    };
    let mut pieces = vec![chunk(
        json!({"role": "assistant", "content": ""}),
        Value::Null,
    )];
    let reason = match answer {
        Answer::Text(text) => {
            let deltas = words(text).into_iter();
            pieces.extend(deltas.map(|word| chunk(json!({"content": word}), Value::Null)));
            "stop"
        }
        Answer::Call(tool, arguments) => {
            let call = |function: Value| {
                json!({"tool_calls": [{"index": 0, "id": format!("call_{name}"),
                    "type": "function", "function": function}]})
            };
            let begins = json!({"name": tool, "arguments": ""});
            pieces.push(chunk(call(begins), Value::Null));
            let arguments = json!({"arguments": arguments.to_string()});
            pieces.push(chunk(call(arguments), Value::Null));
            "tool_calls"
        }
    };
    pieces.push(chunk(json!({}), json!(reason)));
    pieces.push(data(
        &json!({"id": name, "object": "chat.completion.chunk", "model": model,
        "choices": [], "usage": chat_usage(usage)}),
    ));
    pieces.push("data: [DONE]\n\n".to_owned());
    pieces
}

fn item(name: &str, answer: &Answer) -> Value {
    match answer {
        Answer::Text(text) => json!({"type": "message", "id": format!("msg_{name}"),
            "role": "assistant", "status": "completed",
            "content": [{"type": "output_text", "text": text, "annotations": []}]}),
        Answer::Call(tool, arguments) => json!({"type": "function_call",
            "id": format!("fc_{name}"), "call_id": format!("call_{name}"), "name": tool,
            "arguments": arguments.to_string(), "status": "completed"}),
    }
}

fn responses_whole(name: &str, model: &str, answer: &Answer, usage: Usage) -> Value {
    json!({"id": format!("resp_{name}"), "object": "response", "model": model,
        "status": "completed", "output": [item(name, answer)],
        "usage": {"input_tokens": usage.input, "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": usage.output, "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": usage.input + usage.output}})
}

fn responses_pieces(name: &str, model: &str, answer: &Answer, usage: Usage) -> Vec<String> {
    let whole = responses_whole(name, model, answer, usage);
    let id = &whole["id"];
    let mut pieces = vec![event(&json!({"type": "response.created",
        "response": {"id": id, "object": "response", "status": "in_progress", "model": model}}))];
    let item = item(name, answer);
    pieces.push(event(
        &json!({"type": "response.output_item.added", "output_index": 0,
        "item": {"type": item["type"], "id": item["id"], "status": "in_progress"}}),
    ));
    if let Answer::Text(text) = answer {
        let deltas = words(text).into_iter();
        pieces.extend(deltas.map(|word| {
            event(
                &json!({"type": "response.output_text.delta", "item_id": item["id"],
                "output_index": 0, "content_index": 0, "delta": word}),
            )
        }));
    }
    pieces.push(event(
        &json!({"type": "response.output_item.done", "output_index": 0,
        "item": item}),
    ));
    pieces.push(event(
        &json!({"type": "response.completed", "response": whole}),
    ));
    pieces
}

fn block(name: &str, answer: &Answer) -> (Value, &'static str) {
    match answer {
        Answer::Text(text) => (json!({"type": "text", "text": text}), "end_turn"),
        Answer::Call(tool, arguments) => {
            let id = format!("toolu_{name}");
            let block = json!({"type": "tool_use", "id": id, "name": tool, "input": arguments});
            (block, "tool_use")
        }
    }
}

fn messages_whole(name: &str, model: &str, answer: &Answer, usage: Usage) -> Value {
    let (block, reason) = block(name, answer);
    json!({"id": format!("msg_{name}"), "type": "message", "role": "assistant", "model": model,
        "content": [block], "stop_reason": reason, "stop_sequence": null,
        "usage": {"input_tokens": usage.input, "output_tokens": usage.output}})
}

fn messages_pieces(name: &str, model: &str, answer: &Answer, usage: Usage) -> Vec<String> {
    let mut begins = messages_whole(name, model, answer, usage);
    begins["content"] = json!([]);
    begins["stop_reason"] = Value::Null;
    begins["usage"]["output_tokens"] = json!(1);
    let mut pieces = vec![event(&json!({"type": "message_start", "message": begins}))];
    let (mut block, reason) = block(name, answer);
    let delta =
        |delta: Value| event(&json!({"type": "content_block_delta", "index": 0, "delta": delta}));
    let deltas = match answer {
        Answer::Text(text) => {
            block["text"] = json!("");
            let deltas = words(text).into_iter();
            let deltas = deltas.map(|word| delta(json!({"type": "text_delta", "text": word})));
            deltas.collect()
        }
        Answer::Call(_, arguments) => {
            block["input"] = json!({});
            let json = arguments.to_string();
            vec![delta(
                json!({"type": "input_json_delta", "partial_json": json}),
            )]
        }
    };
    pieces.push(event(&json!({"type": "content_block_start", "index": 0,
        "content_block": block})));
    pieces.extend(deltas);
    pieces.push(event(&json!({"type": "content_block_stop", "index": 0})));
    pieces.push(event(&json!({"type": "message_delta",
        "delta": {"stop_reason": reason, "stop_sequence": null},
        "usage": {"output_tokens": usage.output}})));
    pieces.push(event(&json!({"type": "message_stop"})));
    pieces
}
