//! One look at a model server: which of the models that are asked for it holds, and how busy it is.
//!
//! Asks as little as tells it, and nothing that loads a model or keeps one awake. Blocks for as long as the limits of
//! the client allow, a few questions long. Must not measure memory: what a server says of it is an estimate.

use super::{
    address::{Address, ModelApi},
    client::{AskError, Limits, ask, ask_well},
    servers::{Api, Model, Presence, Request, llama, lm_studio},
};

/// How a model can be taken out of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Unload {
    /// Its server does it when it is asked, in the words of this protocol.
    Asked(Api),
    /// Not by a request: its process must end, or sleep by itself.
    #[default]
    Never,
}

/// What a server says of one model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// It takes memory now.
    pub loaded: bool,
    /// Its server gave the memory back, and loads it again when it is asked.
    pub sleeping: bool,
    /// Bytes in the machine's own memory, as its server reckons.
    pub told_bytes: Option<u64>,
    /// Bytes of its file, where the server says it.
    pub file_bytes: Option<u64>,
    /// Requests at the same time.
    pub slots: Option<u64>,
    /// Requests that are answered now.
    pub busy: Option<u64>,
    /// Tokens of context of a slot.
    pub context: Option<u64>,
    /// Its file, as the server sees it; not clean.
    pub path: Option<String>,
    /// What a request that unloads it has to call it.
    pub called: String,
}

/// What a server says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Look {
    /// The models that were asked for, in that order.
    pub seen: Vec<Seen>,
    /// Models beside them that take memory in the same server, and what it says that they take.
    pub others: u64,
    /// Bytes of those, as far as they are said.
    pub others_bytes: u64,
    /// How its models can be unloaded.
    pub unload: Unload,
}

/// Whom to look at.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// Where.
    pub at: &'a Address,
    /// What it speaks.
    pub api: ModelApi,
    /// Its names of the models.
    pub names: &'a [String],
    /// Somebody works with it: only then are slots asked for, since llama-server counts that question as use.
    pub in_use: bool,
    /// Limits of each question.
    pub limits: &'a Limits,
}

/// Looks at a server.
///
/// # Errors
/// Why nothing is known, in words.
pub fn look(question: &Question<'_>) -> Result<Look, String> {
    match question.api {
        ModelApi::Ollama => listed(question, Api::Ollama),
        ModelApi::LlamaServer => llama(question),
        ModelApi::LmStudio => studio(question),
        ModelApi::OpenAi => listed(question, Api::OpenAi),
    }
}

impl Question<'_> {
    fn get(&self, path: &str) -> Result<Vec<u8>, AskError> {
        let request = Request {
            method: "GET",
            path: path.to_owned().into(),
            body: String::new(),
        };
        ask_well(self.at, &request, self.limits)
    }
}

/// Asks that a model is unloaded.
///
/// # Errors
/// Why it is not, in words.
pub fn unload(at: &Address, api: Api, called: &str, limits: &Limits) -> Result<(), String> {
    let request = api.unload(called);
    let request = request.ok_or_else(|| "its server takes no such request".to_owned())?;
    let answer = ask(at, &request, limits).map_err(|why| why.to_string())?;
    match answer.status {
        200..=299 => Ok(()),
        status => Err(AskError::Status(status).to_string()),
    }
}

/// A server whose list says all that it has to say.
fn listed(question: &Question<'_>, api: Api) -> Result<Look, String> {
    let request = api.list();
    let answer = ask_well(question.at, &request, question.limits).map_err(|e| e.to_string())?;
    let models = api.models(&answer).map_err(|e| e.to_string())?;
    let mut look = of_list(question, &models);
    if api.unload("x").is_some() {
        look.unload = Unload::Asked(api);
    }
    Ok(look)
}

/// What a list of models says of those that are asked for. A server that does not say what is loaded is one that
/// serves what it lists.
fn of_list(question: &Question<'_>, models: &[Model]) -> Look {
    let takes = |m: &Model| m.is_loaded() || m.presence == Presence::Unknown;
    let mut look = Look::default();
    for name in question.names {
        let mut of = models.iter().filter(|m| same(question.api, name, &m.name));
        // Of several instances one that is in memory.
        let found = of.clone().find(|m| takes(m)).or_else(|| of.next());
        look.seen
            .push(found.map_or_else(Seen::default, |model| Seen {
                loaded: takes(model),
                sleeping: model.presence == Presence::Sleeping,
                told_bytes: model.host_bytes(),
                file_bytes: model.file_bytes,
                slots: model.slots,
                context: model.context,
                called: model.name.clone(),
                ..Seen::default()
            }));
    }
    let asked = |m: &&Model| {
        question
            .names
            .iter()
            .any(|n| same(question.api, n, &m.name))
    };
    let others = models.iter().filter(|m| m.is_loaded() && !asked(m));
    for other in others {
        look.others += 1;
        let bytes = other.host_bytes().unwrap_or(0);
        look.others_bytes = look.others_bytes.saturating_add(bytes);
    }
    look
}

/// Whether a server's name of a model is the one that is asked for: Ollama puts `:latest` behind one without a tag,
/// LM Studio a number behind each instance but the first.
fn same(api: ModelApi, asked: &str, called: &str) -> bool {
    if asked == called {
        return true;
    }
    match api {
        ModelApi::Ollama => called.strip_suffix(":latest") == Some(asked),
        ModelApi::LmStudio => (called.rsplit_once(':'))
            .is_some_and(|(name, number)| name == asked && number.parse::<u32>().is_ok()),
        ModelApi::LlamaServer | ModelApi::OpenAi => false,
    }
}

/// LM Studio: its newer interface says more, the older one is there longer.
fn studio(question: &Question<'_>) -> Result<Look, String> {
    let newer = question.get("/api/v1/models").ok();
    if let Some(models) = newer.and_then(|answer| lm_studio::instances(&answer).ok()) {
        let mut look = of_list(question, &models);
        look.unload = Unload::Asked(Api::LmStudio);
        return Ok(look);
    }
    listed(question, Api::LmStudio)
}

/// llama-server: with one model, or a router.
fn llama(question: &Question<'_>) -> Result<Look, String> {
    let answer = match question.get("/props") {
        Ok(answer) => answer,
        // While it loads it answers 503.
        Err(why @ AskError::Status(503)) => return Err(why.to_string() + ": it loads"),
        Err(why) => return Err(why.to_string()),
    };
    let props = llama::props(&answer).map_err(|e| e.to_string())?;
    if props.router {
        let mut look = listed(question, Api::LlamaRouter)?;
        for (name, seen) in question.names.iter().zip(&mut look.seen) {
            if seen.loaded && question.in_use {
                slots(
                    question,
                    seen,
                    &format!("?model={}&autoload=false", escaped(name)),
                );
            }
        }
        return Ok(look);
    }
    let mut look = Look::default();
    for _ in question.names {
        // It has one model, whatever requests call it.
        let mut seen = Seen {
            loaded: !props.sleeping,
            sleeping: props.sleeping,
            slots: props.slots,
            context: props.context,
            path: props.model_path.clone(),
            ..Seen::default()
        };
        if question.in_use && !props.sleeping {
            slots(question, &mut seen, "");
        }
        look.seen.push(seen);
    }
    Ok(look)
}

/// What `/slots` says, where it is switched on.
fn slots(question: &Question<'_>, seen: &mut Seen, query: &str) {
    let answer = question.get(&format!("/slots{query}")).ok();
    if let Some(slots) = answer.and_then(|answer| llama::slots(&answer).ok()) {
        seen.slots = Some(slots.total);
        seen.busy = Some(slots.busy);
        seen.context = slots.context.or(seen.context);
    }
}

/// A name in a query.
fn escaped(name: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing into memory cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
