//! Answers of Ollama: what runs, what is there, what a model is.
//!
//! `GET /api/ps`, `GET /api/tags`, `POST /api/show {"model": M}` (docs/api.md of Ollama). Its sizes are what it
//! reckons: mapped weights of mixtures of experts were counted twice, others too low.

use serde_json::Value;

use super::{AnswerError, Model, Presence, bytes, each, name, number, parse, tokens};
use crate::models::shape::{Number, Shape, Unfit};

/// Reads `/api/ps`: models that are loaded.
pub fn running(answer: &[u8]) -> Result<Vec<Model>, AnswerError> {
    each(&parse(answer)?, "models", |item| {
        let mut model = model(item, Presence::Loaded)?;
        model.bytes = bytes(item, "size");
        let vram = item.get("size_vram").and_then(Value::as_u64);
        // More than all of it is a lie, and it is not known which of the two lies.
        model.vram_bytes = vram.filter(|part| model.bytes.is_some_and(|all| *part <= all));
        model.context = tokens(item, "context_length");
        let until = item.get("expires_at").and_then(Value::as_str);
        let until = until.and_then(|text| text.parse::<jiff::Timestamp>().ok());
        model.until = until.map(jiff::Timestamp::as_second);
        Some(model)
    })
}

/// Reads `/api/tags`: models on the disk. Which of them are loaded it does not say.
pub fn stored(answer: &[u8]) -> Result<Vec<Model>, AnswerError> {
    each(&parse(answer)?, "models", |item| {
        let mut model = model(item, Presence::Unknown)?;
        model.file_bytes = bytes(item, "size");
        Some(model)
    })
}

/// What of an entry both lists have.
fn model(item: &Value, presence: Presence) -> Option<Model> {
    let called = name(item, "name").or_else(|| name(item, "model"))?;
    let mut model = Model::new(called, presence);
    let details = item.get("details").unwrap_or(&Value::Null);
    model.quantisation = name(details, "quantization_level");
    Some(model)
}

/// A model as `/api/show` tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Weights.
    pub parameters: Option<u64>,
    /// How it was made smaller.
    pub quantisation: Option<String>,
    /// Its numbers, under the same keys as in its file; why not, where they are of no use.
    pub shape: Result<Shape, Unfit>,
}

/// Reads `/api/show`.
pub fn shown(answer: &[u8]) -> Result<Shown, AnswerError> {
    let answer = parse(answer)?;
    let info = answer.get("model_info").filter(|info| info.is_object());
    let info = info.ok_or(AnswerError::Other)?;
    let architecture = name(info, "general.architecture").ok_or(AnswerError::Other)?;
    // The vocabulary itself is left out unless it is asked for.
    let tokens = info.get("tokenizer.ggml.tokens").and_then(Value::as_array);
    let vocabulary = tokens.map(|all| all.len() as u64).filter(|n| *n > 0);
    let get = |key: &str| whole(info.get(key)?);
    let details = answer.get("details").unwrap_or(&Value::Null);
    Ok(Shown {
        parameters: number(info, "general.parameter_count", super::MOST),
        quantisation: name(details, "quantization_level"),
        shape: Shape::new(&architecture, vocabulary, &get),
    })
}

/// A number, or a list of them; none where one is negative or no whole number.
fn whole(value: &Value) -> Option<Number> {
    let one = |value: &Value| match value {
        Value::Bool(yes) => Some(u64::from(*yes)),
        other => other.as_u64(),
    };
    match value {
        Value::Array(list) => list
            .iter()
            .map(one)
            .collect::<Option<_>>()
            .map(Number::Each),
        other => one(other).map(Number::One),
    }
}
