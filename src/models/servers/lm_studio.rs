//! Answers of LM Studio: its models, as its REST interface tells of them in both versions.
//!
//! `GET /api/v0/models` and `GET /api/v1/models` (lmstudio.ai/docs). Neither says how much memory a model takes.

use serde_json::Value;

use super::{AnswerError, MOST_SLOTS, Model, Presence, bytes, each, name, number, parse, tokens};

/// Reads `/api/v0/models`.
pub fn models(answer: &[u8]) -> Result<Vec<Model>, AnswerError> {
    each(&parse(answer)?, "data", |item| {
        let presence = match item.get("state").and_then(Value::as_str) {
            Some("loaded") => Presence::Loaded,
            Some("loading") => Presence::Loading,
            Some("not-loaded") => Presence::Unloaded,
            _ => Presence::Unknown,
        };
        let mut model = Model::new(name(item, "id")?, presence);
        model.quantisation = name(item, "quantization");
        // Only of one that is loaded; the largest it could have is another key.
        model.context = tokens(item, "loaded_context_length");
        Some(model)
    })
}

/// Reads `/api/v1/models`: one entry for each loaded instance, under the name that unloads it; one for a model
/// without any.
pub fn instances(answer: &[u8]) -> Result<Vec<Model>, AnswerError> {
    let answer = parse(answer)?;
    let list = answer.get("models").and_then(Value::as_array);
    let mut all = Vec::new();
    for item in list.ok_or(AnswerError::Other)? {
        let loaded = item.get("loaded_instances").and_then(Value::as_array);
        let loaded = loaded.map_or(&[][..], Vec::as_slice);
        let made = |called: String, presence| {
            let mut model = Model::new(called, presence);
            model.file_bytes = bytes(item, "size_bytes");
            let quantisation = item.get("quantization");
            model.quantisation = quantisation.and_then(|q| name(q, "name"));
            model
        };
        for instance in loaded {
            let Some(id) = name(instance, "id") else {
                continue;
            };
            let mut model = made(id, Presence::Loaded);
            let config = instance.get("config").unwrap_or(&Value::Null);
            model.context = tokens(config, "context_length");
            model.slots = number(config, "parallel", MOST_SLOTS);
            all.push(model);
        }
        if loaded.is_empty() {
            all.extend(name(item, "key").map(|key| made(key, Presence::Unloaded)));
        }
        if all.len() >= super::MOST_MODELS {
            all.truncate(super::MOST_MODELS);
            break;
        }
    }
    Ok(all)
}
