//! All adapters: the built-in ones, and a person's own files over them.
//!
//! Must not open files: their texts come from the caller.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::OnceLock;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::adapter::Adapter;
use super::read;
use crate::plan::decode::{Decoder, document};
use crate::plan::diag::{At, Diagnostic, render};

/// The built-in adapters: name and file.
const BUILT_IN: &[(&str, &str)] = &[
    ("aider", include_str!("../../assets/agents/aider.toml")),
    ("claude", include_str!("../../assets/agents/claude.toml")),
    ("cline", include_str!("../../assets/agents/cline.toml")),
    ("codex", include_str!("../../assets/agents/codex.toml")),
    ("gemini", include_str!("../../assets/agents/gemini.toml")),
    (
        "opencode",
        include_str!("../../assets/agents/opencode.toml"),
    ),
];

/// Agent programs that are known by name and have no adapter yet.
pub const WITHOUT_ADAPTER: &[&str] = &["amp", "copilot", "crush", "cursor-agent", "goose", "qwen"];

/// Problems of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdapterError {
    /// The file.
    pub file: String,
    /// What stands in it.
    pub source: String,
    /// What is wrong with it.
    pub found: Vec<Diagnostic>,
}

impl fmt::Display for AdapterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&render(&self.found, &self.file, &self.source))
    }
}

impl std::error::Error for AdapterError {}

/// Adapters by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Catalog {
    all: BTreeMap<String, Adapter>,
}

impl Catalog {
    /// Returns the built-in ones.
    #[must_use]
    pub fn built_in() -> &'static Self {
        static ALL: OnceLock<Catalog> = OnceLock::new();
        ALL.get_or_init(|| {
            let mut catalog = Self::default();
            for (id, source) in BUILT_IN {
                // That all of them are well is a test's business.
                let _ = catalog.add(&format!("assets/agents/{id}.toml"), source);
            }
            catalog
        })
    }

    /// Returns the names of the built-in ones, in order.
    pub fn built_in_names() -> impl Iterator<Item = &'static str> + Clone + use<> {
        BUILT_IN.iter().map(|(id, _)| *id)
    }

    /// Returns the built-in ones with files over them: name and text. A file for a name that is there changes the
    /// keys that it states; a new one begins empty, or as the adapter that it names with `like`.
    ///
    /// # Errors
    ///
    /// All problems of all files.
    pub fn with(files: &[(String, String)]) -> Result<Self, Vec<AdapterError>> {
        let mut catalog = Self::built_in().clone();
        let mut errors = Vec::new();
        for (file, source) in files {
            errors.extend(catalog.add(file, source).err());
        }
        if errors.is_empty() {
            Ok(catalog)
        } else {
            Err(errors)
        }
    }

    /// Adds a file.
    fn add(&mut self, file: &str, source: &str) -> Result<(), AdapterError> {
        let mut d = Decoder::default();
        if let Some(adapter) = self.read(&mut d, source)
            && !d.sink.failed()
        {
            self.all.insert(adapter.id.clone(), adapter);
            return Ok(());
        }
        Err(AdapterError {
            file: file.to_owned(),
            source: source.to_owned(),
            found: d.sink.finish(source),
        })
    }

    fn read(&self, d: &mut Decoder, source: &str) -> Option<Adapter> {
        let document = document(source, &mut d.sink)?;
        let file = document.get_ref();
        let Some(id) = file.get("id") else {
            d.sink
                .error(At::NOWHERE, "`id` is missing: the adapter's name in a plan");
            return None;
        };
        let id = d.id(id)?;
        let like = match file.get("like") {
            Some(like) => Some(d.name(like, "the name of an adapter")?),
            None => None,
        };
        let mut adapter = match &like {
            Some(like) => {
                let Some(adapter) = self.all.get(&like.v) else {
                    d.unknown("adapter", like, self.all.keys().map(String::as_str));
                    return None;
                };
                adapter.clone()
            }
            None => self.all.get(&id.v).cloned().unwrap_or_else(|| Adapter {
                ram_bytes: RAM,
                ask: [Some(Vec::new()), Some(Vec::new()), None],
                ..Adapter::default()
            }),
        };
        adapter.id = id.v;
        read::over(d, &mut adapter, file);
        if adapter.title.is_empty() {
            adapter.title.clone_from(&adapter.id);
        }
        if !d.sink.failed() {
            read::check(d, &adapter);
        }
        Some(adapter)
    }

    /// Returns an adapter by its name.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Adapter> {
        self.all.get(id)
    }

    /// Returns all, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Adapter> + Clone {
        self.all.values()
    }
}

/// The adapters of a run: a person's own files, read when the first one is asked for.
#[derive(Debug, Clone, Default)]
pub struct Adapters {
    files: Vec<(String, String)>,
    all: OnceLock<Catalog>,
}

impl Adapters {
    /// Takes a person's own files: name and text.
    #[must_use]
    pub const fn new(files: Vec<(String, String)>) -> Self {
        Self {
            files,
            all: OnceLock::new(),
        }
    }

    /// Returns all: the built-in ones, with the person's over them. Where a file is not well, which no run
    /// begins with, the built-in ones alone.
    #[must_use]
    pub fn all(&self) -> &Catalog {
        if self.files.is_empty() {
            return Catalog::built_in();
        }
        self.all.get_or_init(|| {
            Catalog::with(&self.files).unwrap_or_else(|_| Catalog::built_in().clone())
        })
    }

    /// Returns an adapter by its name.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Adapter> {
        self.all().get(id)
    }
}

impl PartialEq for Adapters {
    fn eq(&self, other: &Self) -> bool {
        self.files == other.files
    }
}

impl Serialize for Adapters {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.files.serialize(to)
    }
}

impl<'de> Deserialize<'de> for Adapters {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Vec::deserialize(from).map(Self::new)
    }
}

/// Memory of a program of which nothing was measured, in bytes: more than any that was.
const RAM: u64 = 640 << 20;
