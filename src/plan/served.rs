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

/// What stands before a model's name where its slots are counted as a resource.
pub const MODEL_RESOURCE: &str = "model:";
/// Slots where nobody states them: one request at a time.
const SLOTS: u32 = 1;
/// Most slots that can be stated.
const MOST_SLOTS: u32 = 10_000;

/// Which protocol a model's server speaks.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum ModelApi {
    /// Ollama.
    Ollama,
    /// llama-server of llama.cpp, with one model or as a router.
    LlamaServer,
    /// LM Studio.
    #[serde(rename = "lmstudio")]
    LmStudio,
    /// Any other that lists its models as OpenAI does.
    #[default]
    #[serde(rename = "openai")]
    OpenAi,
}

/// Their words in a plan.
pub(super) const APIS: &[(&str, ModelApi)] = &[
    ("ollama", ModelApi::Ollama),
    ("llama-server", ModelApi::LlamaServer),
    ("lmstudio", ModelApi::LmStudio),
    ("openai", ModelApi::OpenAi),
];

impl ModelApi {
    /// Returns where such a server listens if nobody says otherwise (their own documentation).
    #[must_use]
    pub const fn usual_url(self) -> Option<&'static str> {
        match self {
            Self::Ollama => Some("http://127.0.0.1:11434"),
            Self::LlamaServer => Some("http://127.0.0.1:8080"),
            Self::LmStudio => Some("http://127.0.0.1:1234"),
            Self::OpenAi => None,
        }
    }
}

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

/// A place that is asked over HTTP.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    /// Whether the connection would be encrypted.
    pub tls: bool,
    /// Name or number, an IPv6 one without its brackets.
    pub host: String,
    /// Port.
    pub port: u16,
    /// What stands before every path; empty, or `/…` without a slash at its end.
    pub path: String,
}

impl Address {
    /// Reads a URL; none where it is no `http` or `https` one with a host, or holds what no such URL may.
    #[must_use]
    pub fn parse(url: &str) -> Option<Self> {
        let (tls, rest) = match url.strip_prefix("http://") {
            Some(rest) => (false, rest),
            None => (true, url.strip_prefix("https://")?),
        };
        let bad = |c: char| !c.is_ascii_graphic() || "\"'\\`<>@?#{}|^".contains(c);
        if rest.contains(bad) || url.len() > 512 {
            return None;
        }
        let (place, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = match place.strip_prefix('[') {
            Some(six) => {
                let (host, port) = six.split_once(']')?;
                host.parse::<std::net::Ipv6Addr>().ok()?;
                (
                    host,
                    (!port.is_empty()).then(|| port.strip_prefix(':')).flatten(),
                )
            }
            None => match place.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (place, None),
            },
        };
        let port = match port {
            Some(port) => port.parse().ok().filter(|port| *port > 0)?,
            None if tls => 443,
            None => 80,
        };
        let path = path.trim_end_matches('/');
        let path = path.strip_suffix("/v1").unwrap_or(path);
        (!host.is_empty()).then(|| Self {
            tls,
            host: host.to_ascii_lowercase(),
            port,
            path: path.trim_end_matches('/').to_owned(),
        })
    }

    /// Whether it is this machine by its loopback address; another name for it is not known to be this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost"
            || (self.host.parse::<std::net::IpAddr>()).is_ok_and(|ip| ip.is_loopback())
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn at(url: &str) -> Option<(bool, String, u16, String)> {
        Address::parse(url).map(|a| (a.tls, a.host, a.port, a.path))
    }

    #[test]
    fn urls_say_host_port_and_path() {
        let is =
            |tls, host: &str, port, path: &str| Some((tls, host.to_owned(), port, path.to_owned()));
        assert_eq!(
            at("http://127.0.0.1:11434"),
            is(false, "127.0.0.1", 11434, "")
        );
        assert_eq!(at("http://LocalHost/"), is(false, "localhost", 80, ""));
        assert_eq!(
            at("https://big.example/x/v1/"),
            is(true, "big.example", 443, "/x")
        );
        assert_eq!(at("http://[::1]:8080/v1"), is(false, "::1", 8080, ""));
        for bad in [
            "",
            "http://",
            "http://:80",
            "ftp://x",
            "http://a b",
            "http://a:0",
            "http://a:70000",
            "http://u@h",
            "http://[::1",
            "http://[x]:1",
            "http://a\"b",
            "http://a?x",
            "http://a\nb",
        ] {
            assert_eq!(at(bad), None, "{bad}");
        }
    }

    #[test]
    fn only_the_loopback_address_is_this_machine() {
        let local = |url: &str| Address::parse(url).unwrap().is_loopback();
        assert!(local("http://127.0.0.1:1") && local("http://127.8.8.8:1"));
        assert!(local("http://localhost:1") && local("http://[::1]:1"));
        assert!(!local("http://10.0.0.2:1") && !local("http://localhost.evil:1"));
    }
}
