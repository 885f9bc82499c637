//! The list of models that all servers have which speak as OpenAI does: `GET /v1/models`.
//!
//! Some put figures beside the names: llama-server in `meta`, vLLM its context.

use serde_json::Value;

use super::{AnswerError, MOST, Model, Presence, bytes, each, name, number, parse, tokens};

/// Reads `/v1/models`; whether what is listed is loaded is the kind of server's to say.
pub fn models(answer: &[u8], presence: Presence) -> Result<Vec<Model>, AnswerError> {
    each(&parse(answer)?, "data", |item| {
        let mut model = Model::new(name(item, "id")?, presence);
        let meta = item.get("meta").unwrap_or(&Value::Null);
        model.file_bytes = bytes(meta, "size");
        model.parameters = number(meta, "n_params", MOST);
        model.context = tokens(meta, "n_ctx").or_else(|| tokens(item, "max_model_len"));
        Some(model)
    })
}
