//! Models that a server holds: `[model.x]`, and what follows from where that server is.
//!
//! What a plan or the user's configuration says of them, no more. Must not ask a server: what it says is figures of
//! a run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::decode::{Decoder, Val};
use super::diag::Sp;
use super::keys;
use super::raw::{RawPlan, members, named};
use crate::agents::is_name;
pub use crate::models::address::{Address, ModelApi};

/// What stands before a model's name where its slots are counted as a resource.
pub const MODEL_RESOURCE: &str = "model:";
/// Slots where nobody states them: one request at a time.
const SLOTS: u32 = 1;
/// Most slots that can be stated.
const MOST_SLOTS: u32 = 10_000;

/// Their words in a plan.
pub(super) const APIS: &[(&str, ModelApi)] = &[
    ("ollama", ModelApi::Ollama),
    ("llama-server", ModelApi::LlamaServer),
    ("lmstudio", ModelApi::LmStudio),
    ("openai", ModelApi::OpenAi),
];

/// A model that a server holds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Model {
    /// Its name in the plan.
    pub id: String,
    /// What its server speaks.
    pub api: ModelApi,
    /// Where its server is: `http://HOST:PORT`, without a slash or `/v1` at the end.
    pub url: String,
    /// What its server calls it.
    pub name: String,
    /// Bytes of its weights, where stated.
    pub ram_bytes: Option<u64>,
    /// Bytes of the cache of one request, where stated.
    pub slot_bytes: Option<u64>,
    /// Requests that it answers at the same time.
    pub slots: u32,
}

impl Model {
    /// Returns the resource of which each agent with it uses 1: `model:qwen`.
    #[must_use]
    pub fn resource(&self) -> String {
        format!("{MODEL_RESOURCE}{}", self.id)
    }

    /// Returns where its server is.
    #[must_use]
    pub fn address(&self) -> Option<Address> {
        Address::parse(&self.url)
    }

    /// Whether its memory is this machine's: its server listens on the loopback address.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.address().is_some_and(|at| at.is_loopback())
    }
}

/// `[model.x]` as it stands there.
#[derive(Debug, Default, Clone)]
pub(crate) struct RawModel {
    pub api: Option<ModelApi>,
    pub url: Option<Sp<String>>,
    pub name: Option<Sp<String>>,
    pub ram: Option<u64>,
    pub ram_per_slot: Option<u64>,
    pub slots: Option<u32>,
}

/// Reads the table of a model.
pub(super) fn read(d: &mut Decoder, id: &Sp<String>, value: &Val<'_>) -> RawModel {
    let before = d.sink.errors();
    let mut raw = RawModel::default();
    for (key, value) in members(d, value) {
        match key.get_ref().as_ref() {
            "api" => raw.api = d.one_of(value, APIS).map(|api| api.v),
            "url" => raw.url = d.name(value, "a URL such as \"http://127.0.0.1:11434\""),
            "name" => raw.name = d.name(value, "a text"),
            "ram" => raw.ram = d.size(value).map(|s| s.v),
            "ram_per_slot" => raw.ram_per_slot = d.size(value).map(|s| s.v),
            "slots" => raw.slots = d.whole32(value, 1, MOST_SLOTS).map(|n| n.v),
            _ => d.unknown_key(key, keys::MODEL),
        }
    }
    if let Some(url) = raw.url.as_ref().filter(|u| Address::parse(&u.v).is_none()) {
        d.sink
            .error(url.at, format!("`{}` is no http(s) URL", url.v))
            .help("url = \"http://127.0.0.1:11434\"");
    }
    if let Some(name) = raw.name.as_ref().filter(|n| !is_plain(&n.v)) {
        let what = format!("`{}` is no name of a model", name.v);
        d.sink.error(name.at, what);
    }
    if d.sink.errors() > before {
        return raw;
    }
    if raw.api.is_none() {
        let words: Vec<String> = APIS.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        d.sink
            .error(id.at, format!("model `{}` has no `api`", id.v))
            .help(format!("api = {}", words.join(" or ")));
    } else if raw.url.is_none() && raw.api == Some(ModelApi::OpenAi) {
        d.sink
            .error(id.at, format!("model `{}` has no `url`", id.v))
            .help("url = \"http://127.0.0.1:8000\"");
    }
    raw
}

/// Whether a text can be a model's name at its server: it stands in settings of programs, between quotes.
fn is_plain(name: &str) -> bool {
    is_name(name) && !name.contains(['"', '\\', '\'', '$', '{', '}'])
}

impl RawModel {
    /// The model; of one that is not well what there is, for the messages that follow.
    fn made(&self, id: &str) -> Model {
        let api = self.api.unwrap_or_default();
        let url = self.url.as_ref().map(|url| url.v.as_str());
        let url = url.or(api.usual_url()).unwrap_or_default();
        let url = url.trim_end_matches('/');
        let url = url.strip_suffix("/v1").unwrap_or(url);
        Model {
            id: id.to_owned(),
            api,
            url: url.trim_end_matches('/').to_owned(),
            name: self
                .name
                .as_ref()
                .map_or_else(|| id.to_owned(), |n| n.v.clone()),
            ram_bytes: self.ram,
            slot_bytes: self.ram_per_slot,
            slots: self.slots.unwrap_or(SLOTS),
        }
    }
}

/// The models of a plan: its own, then those of the user's configuration that it does not declare, each by its name.
pub(super) fn models(raw: &RawPlan, of_user: &[Model]) -> Vec<Model> {
    let mut all: BTreeMap<String, Model> = of_user
        .iter()
        .map(|model| (model.id.clone(), model.clone()))
        .collect();
    all.extend((raw.models.iter()).map(|(id, raw)| (id.clone(), raw.made(id))));
    all.into_values().collect()
}

/// Reads the tables `[model.x]` of a configuration file.
pub(crate) fn each(d: &mut Decoder, value: &Val<'_>, each: &mut dyn FnMut(Model)) {
    named(d, value, "[model.…]", |d, id, value| {
        let model = read(d, &id, value);
        each(model.made(&id.v));
    });
}
