//! What model servers say: their answers as figures, and the request that takes a model out of memory.
//!
//! Bytes of an answer in, figures out; asking is the caller's. Servers are foreign: an answer has a limit, a value of
//! another kind or beyond belief reads as none, one that is no answer at all is an error. What a server says of its
//! memory is its own estimate and can be far off, so it is shown with `~`; what its process really takes is measured
//! elsewhere. Must not open a connection.

pub mod llama;
pub mod lm_studio;
pub mod ollama;
pub mod openai;

use std::borrow::Cow;

use serde_json::{Value, json};
use thiserror::Error;

/// Most bytes of an answer that are read. Details of a model with its licence and template have less than 300 KiB.
pub const MOST_BYTES: usize = 2 << 20;
/// Most models of an answer that are kept.
pub const MOST_MODELS: usize = 1024;
/// Most bytes of a name.
const NAME: usize = 512;
/// Largest number of bytes or weights that is believed: a peta-something.
const MOST: u64 = 1 << 50;
/// Largest context that is believed, in tokens.
const MOST_TOKENS: u64 = 1 << 30;
/// Most slots that are believed.
const MOST_SLOTS: u64 = 1 << 16;

/// Why an answer is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AnswerError {
    /// It is longer than any that is believed.
    #[error("the answer has more than {MOST_BYTES} bytes")]
    TooLong,
    /// It is no JSON.
    #[error("the answer is no JSON")]
    NotJson,
    /// It is JSON, and not what was asked for.
    #[error("the answer is not what was asked for")]
    Other,
}

/// Which protocol a server speaks beside that of OpenAI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Api {
    /// Ollama.
    Ollama,
    /// llama-server with one model.
    Llama,
    /// llama-server that loads models by name (`--models-dir`).
    LlamaRouter,
    /// LM Studio.
    LmStudio,
    /// Any other that lists its models as OpenAI does.
    OpenAi,
}

/// Whether a model is in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It can be, and is not.
    Unloaded,
    /// It is on its way.
    Loading,
    /// It is.
    Loaded,
    /// Its server gave its memory back, and loads it again when it is asked.
    Sleeping,
    /// It could not be loaded.
    Failed,
    /// The server does not say.
    Unknown,
}

/// A model as a server tells of it. Names are as they came: not clean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// What requests call it.
    pub name: String,
    /// Whether it is in memory.
    pub presence: Presence,
    /// Bytes that it takes in all memories, for one that is loaded; an estimate of the server.
    pub bytes: Option<u64>,
    /// The part of [`Self::bytes`] in the memory of graphics cards; never more than all of it.
    pub vram_bytes: Option<u64>,
    /// Bytes of its file.
    pub file_bytes: Option<u64>,
    /// Weights, where the server says a whole number.
    pub parameters: Option<u64>,
    /// How it was made smaller: `Q4_K_M`, `4bit`.
    pub quantisation: Option<String>,
    /// Tokens of context it is loaded with.
    pub context: Option<u64>,
    /// Requests it answers at the same time.
    pub slots: Option<u64>,
    /// When its server unloads it if nobody asks, in seconds since 1970.
    pub until: Option<i64>,
}

impl Model {
    fn new(name: String, presence: Presence) -> Self {
        Self {
            name,
            presence,
            bytes: None,
            vram_bytes: None,
            file_bytes: None,
            parameters: None,
            quantisation: None,
            context: None,
            slots: None,
            until: None,
        }
    }

    /// Returns the bytes in the machine's own memory: all but those of graphics cards.
    #[must_use]
    pub fn host_bytes(&self) -> Option<u64> {
        let all = self.bytes?;
        Some(all.saturating_sub(self.vram_bytes.unwrap_or(0)))
    }

    /// Whether it takes memory now.
    #[must_use]
    pub const fn is_loaded(&self) -> bool {
        matches!(self.presence, Presence::Loaded | Presence::Loading)
    }
}

/// A request to a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// Path and query.
    pub path: Cow<'static, str>,
    /// Body, JSON; empty with `GET`.
    pub body: String,
}

impl Api {
    /// Returns the request whose answer says which models are in memory, for [`Self::models`].
    ///
    /// None of them loads a model.
    #[must_use]
    pub const fn list(self) -> Request {
        let path = match self {
            Self::Ollama => "/api/ps",
            Self::LlamaRouter => "/models",
            Self::LmStudio => "/api/v0/models",
            Self::Llama | Self::OpenAi => "/v1/models",
        };
        Request {
            method: "GET",
            path: Cow::Borrowed(path),
            body: String::new(),
        }
    }

    /// Reads the answer to [`Self::list`].
    pub fn models(self, answer: &[u8]) -> Result<Vec<Model>, AnswerError> {
        match self {
            Self::Ollama => ollama::running(answer),
            Self::LlamaRouter => llama::models(answer),
            Self::LmStudio => lm_studio::models(answer),
            Self::Llama => openai::models(answer, Presence::Loaded),
            Self::OpenAi => openai::models(answer, Presence::Unknown),
        }
    }

    /// Returns the request that takes a model out of memory; none where the server knows none: then its process
    /// must end, or sleep by itself (`--sleep-idle-seconds`).
    ///
    /// An answer without an error does not mean that the memory is free: that is measured.
    #[must_use]
    pub fn unload(self, model: &str) -> Option<Request> {
        let (path, body) = match self {
            // Without a prompt nothing is generated; one answer instead of a stream.
            Self::Ollama => (
                "/api/generate",
                json!({"model": model, "keep_alive": 0, "stream": false}),
            ),
            Self::LlamaRouter => ("/models/unload", json!({"model": model})),
            // The first instance of a model has its name.
            Self::LmStudio => ("/api/v1/models/unload", json!({"instance_id": model})),
            Self::Llama | Self::OpenAi => return None,
        };
        Some(Request {
            method: "POST",
            path: Cow::Borrowed(path),
            body: body.to_string(),
        })
    }
}

/// An answer as JSON.
fn parse(answer: &[u8]) -> Result<Value, AnswerError> {
    if answer.len() > MOST_BYTES {
        return Err(AnswerError::TooLong);
    }
    serde_json::from_slice(answer).map_err(|_| AnswerError::NotJson)
}

/// The models of a list under a key; items that are none are left out.
fn each(
    answer: &Value,
    key: &str,
    read: impl FnMut(&Value) -> Option<Model>,
) -> Result<Vec<Model>, AnswerError> {
    let list = answer.get(key).and_then(Value::as_array);
    let list = list.ok_or(AnswerError::Other)?;
    Ok(list.iter().filter_map(read).take(MOST_MODELS).collect())
}

/// A member that is a text which can be a name.
fn name(value: &Value, key: &str) -> Option<String> {
    let name = value.get(key)?.as_str()?;
    (!name.is_empty() && name.len() <= NAME).then(|| name.to_owned())
}

/// A member that is a whole number from 1 to `most`.
fn number(value: &Value, key: &str, most: u64) -> Option<u64> {
    let number = value.get(key)?.as_u64()?;
    (1..=most).contains(&number).then_some(number)
}

fn bytes(value: &Value, key: &str) -> Option<u64> {
    number(value, key, MOST)
}

fn tokens(value: &Value, key: &str) -> Option<u64> {
    number(value, key, MOST_TOKENS)
}
