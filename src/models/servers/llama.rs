//! Answers of llama-server: health, properties, slots, and the models of its router.
//!
//! `GET /health`, `/props`, `/slots`, `/models` (tools/server/README.md of llama.cpp). None of them says how much
//! memory it takes: the file of the model does, and the server's process. With a router, `/props` and `/slots` want
//! `?model=NAME&autoload=false`: without the second they load it.

use serde_json::Value;

use super::{AnswerError, MOST_SLOTS, Model, Presence, each, name, number, parse, tokens};

/// How a server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It takes requests.
    Ready,
    /// It loads its model.
    Loading,
    /// It answers, and takes none.
    Failing,
}

/// Reads `/health` by its status; 503 with the words of loading is the only other one that means well.
#[must_use]
pub fn health(status: u16, answer: &[u8]) -> Health {
    match status {
        200..=299 => Health::Ready,
        503 => {
            let answer = parse(answer).unwrap_or(Value::Null);
            let message = answer.pointer("/error/message").and_then(Value::as_str);
            match message {
                Some(text) if text.to_ascii_lowercase().contains("loading") => Health::Loading,
                _ => Health::Failing,
            }
        }
        _ => Health::Failing,
    }
}

/// What `/props` says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Props {
    /// Requests that are answered at the same time.
    pub slots: Option<u64>,
    /// Tokens of context of a slot.
    pub context: Option<u64>,
    /// Where the model's file lies, as the server sees it: perhaps on another machine, and not clean.
    pub model_path: Option<String>,
    /// What requests call the model.
    pub name: Option<String>,
    /// It gave the model's memory back, and loads it when it is asked.
    pub sleeping: bool,
    /// It holds no model itself: its `/models` lists them.
    pub router: bool,
}

/// Reads `/props`.
pub fn props(answer: &[u8]) -> Result<Props, AnswerError> {
    let answer = parse(answer)?;
    let known = [
        "total_slots",
        "model_path",
        "default_generation_settings",
        "role",
    ];
    if !known.iter().any(|key| answer.get(key).is_some()) {
        return Err(AnswerError::Other);
    }
    let settings = answer.get("default_generation_settings");
    let settings = settings.unwrap_or(&Value::Null);
    Ok(Props {
        slots: number(&answer, "total_slots", MOST_SLOTS),
        context: tokens(settings, "n_ctx").or_else(|| tokens(&answer, "n_ctx")),
        model_path: name(&answer, "model_path"),
        name: name(&answer, "model_alias"),
        sleeping: answer.get("is_sleeping").and_then(Value::as_bool) == Some(true),
        router: answer.get("role").and_then(Value::as_str) == Some("router"),
    })
}

/// What `/slots` says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Slots {
    /// All of them.
    pub total: u64,
    /// Those that answer a request now.
    pub busy: u64,
    /// Tokens of context of the largest.
    pub context: Option<u64>,
}

/// Reads `/slots`.
pub fn slots(answer: &[u8]) -> Result<Slots, AnswerError> {
    let answer = parse(answer)?;
    let list = answer.as_array().ok_or(AnswerError::Other)?;
    if list.len() as u64 > MOST_SLOTS || !list.iter().all(Value::is_object) {
        return Err(AnswerError::Other);
    }
    let busy = |slot: &&Value| slot.get("is_processing").and_then(Value::as_bool) == Some(true);
    Ok(Slots {
        total: list.len() as u64,
        busy: list.iter().filter(busy).count() as u64,
        context: list.iter().filter_map(|slot| tokens(slot, "n_ctx")).max(),
    })
}

/// Reads `/models` of a router.
pub fn models(answer: &[u8]) -> Result<Vec<Model>, AnswerError> {
    each(&parse(answer)?, "data", |item| {
        let status = item.get("status").unwrap_or(&Value::Null);
        let failed = status.get("failed").and_then(Value::as_bool) == Some(true);
        let presence = match status.get("value").and_then(Value::as_str) {
            Some("loaded") => Presence::Loaded,
            Some("loading") => Presence::Loading,
            Some("sleeping") => Presence::Sleeping,
            Some("unloaded") if failed => Presence::Failed,
            Some("unloaded") => Presence::Unloaded,
            _ => Presence::Unknown,
        };
        let mut model = Model::new(name(item, "id")?, presence);
        let args = status.get("args").and_then(Value::as_array);
        let args = args.map_or(&[][..], Vec::as_slice);
        let slots = option(args, &["-np", "--parallel"]).filter(|n| *n <= MOST_SLOTS);
        // What is given is the context of all slots together; where they share it, each may have all.
        let shared = ["-kvu", "--kv-unified"];
        let shared = |arg: &Value| arg.as_str().is_some_and(|arg| shared.contains(&arg));
        let parts = slots.filter(|_| !args.iter().any(shared)).unwrap_or(1);
        let context = option(args, &["-c", "--ctx-size"]).filter(|n| *n <= super::MOST_TOKENS);
        model.context = context.map(|all| all / parts);
        model.slots = slots;
        Some(model)
    })
}

/// The value of an option among a command's arguments, a whole number above 0; the last one counts.
fn option(args: &[Value], names: &[&str]) -> Option<u64> {
    let mut pairs = args.windows(2).rev();
    let found = pairs.find(|pair| pair[0].as_str().is_some_and(|name| names.contains(&name)))?;
    found[1].as_str()?.parse().ok().filter(|n| *n > 0)
}
