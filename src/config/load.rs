//! Reads the layers of the configuration, one over the other.
//!
//! Must not touch files or the environment: both come through closures.

use std::fmt;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

use super::keys::{SECTIONS, set};
use super::model::{Color, Config};
use crate::plan::decode::{self, Decoder, Key};
use crate::plan::diag::{At, Diagnostic, render};
use crate::plan::{Mode, RamLimit, served};

/// Tables `[model.x]`: as in a plan, for workers of all plans.
pub(super) const MODELS: &str = "model";

/// Name of the project's file at the repository's root.
pub const PROJECT_FILE: &str = "wavedeck.config.toml";

/// What flags of the command line set; the strongest layer.
///
/// Where a plan states a value too, the caller must ask the flag itself first: a flag beats the
/// plan, and the plan beats the other layers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FlagLayer {
    /// `--mode`.
    pub mode: Option<Mode>,
    /// `--agents`.
    pub agents: Option<u32>,
    /// `--ram`.
    pub ram: Option<RamLimit>,
    /// `--theme`.
    pub theme: Option<String>,
    /// `--color`.
    pub color: Option<Color>,
    /// `--no-mouse` and the like.
    pub mouse: Option<bool>,
}

/// Problems of one layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The file, or the variable's name.
    pub file: String,
    /// What was read.
    pub source: String,
    /// What is wrong with it.
    pub found: Vec<Diagnostic>,
}

/// All problems of all layers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for error in &self.0 {
            f.write_str(&render(&error.found, &error.file, &error.source))?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

/// Returns where the user's file is: below `$XDG_CONFIG_HOME`, or `$HOME/.config`.
pub fn user_file(read_env: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let base = read_env("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .filter(|p| p.is_absolute());
    let base = base.or_else(|| {
        let home = PathBuf::from(read_env("HOME")?);
        home.is_absolute().then(|| home.join(".config"))
    })?;
    Some(base.join("wavedeck").join("config.toml"))
}

/// Reads all layers.
///
/// `read_env` returns a variable, `read_file` a file's text or none where there is no such file;
/// `project` is the repository's root, if there is one.
///
/// # Errors
///
/// Every problem of every layer.
pub fn load(
    read_env: &dyn Fn(&str) -> Option<String>,
    read_file: &dyn Fn(&Path) -> Result<Option<String>, String>,
    project: Option<&Path>,
    flags: &FlagLayer,
) -> Result<Config, ConfigErrors> {
    let mut config = Config::default();
    let mut errors = Vec::new();
    let files = [
        (user_file(read_env), false),
        (project.map(|root| root.join(PROJECT_FILE)), true),
    ];
    for (path, of_project) in files {
        let Some(path) = path else { continue };
        let own = (config.notify.command.clone(), config.sandbox.clone());
        let models = config.models.clone();
        let file = path.display().to_string();
        match read_file(&path) {
            Ok(None) => {}
            Ok(Some(source)) => {
                layer(&mut config, &mut errors, file.clone(), source);
                let foreign = [
                    (config.notify.command != own.0, "notify.command"),
                    (config.sandbox != own.1, "sandbox"),
                    (config.models != models, MODELS),
                ];
                for (_, key) in foreign.iter().filter(|(set, _)| of_project && *set) {
                    errors.push(ConfigError {
                        file: file.clone(),
                        source: String::new(),
                        found: only_own(key),
                    });
                }
            }
            Err(why) => {
                let mut d = Decoder::default();
                d.sink.error(At::NOWHERE, format!("cannot be read: {why}"));
                errors.push(ConfigError {
                    file,
                    source: String::new(),
                    found: d.sink.finish(""),
                });
            }
        }
    }
    environment(&mut config, &mut errors, read_env);
    config.mode = flags.mode.or(config.mode);
    config.limits.agents = flags.agents.or(config.limits.agents);
    config.limits.ram = flags.ram.unwrap_or(config.limits.ram);
    config.ui.color = flags.color.unwrap_or(config.ui.color);
    config.ui.mouse = flags.mouse.unwrap_or(config.ui.mouse);
    if let Some(theme) = &flags.theme {
        config.ui.theme.clone_from(theme);
    }
    if errors.is_empty() {
        zones(&config, &mut errors);
    }
    if errors.is_empty() {
        Ok(config)
    } else {
        Err(ConfigErrors(errors))
    }
}

/// A repository's file names no program and no server that a person has not chosen and opens no folder: an agent
/// may have written it.
fn only_own(key: &str) -> Vec<Diagnostic> {
    let mut d = Decoder::default();
    let text = format!("`{key}` counts only in your own configuration, not in a project's");
    d.sink.error(At::NOWHERE, text);
    d.sink.finish("")
}

fn layer(config: &mut Config, errors: &mut Vec<ConfigError>, file: String, source: String) {
    let mut d = Decoder::default();
    if let Some(document) = decode::document(&source, &mut d.sink) {
        for (key, value) in document.get_ref() {
            let name = key.get_ref().as_ref();
            if SECTIONS[0].1.contains(&name) {
                set(&mut d, config, "", name, value);
            } else if let Some((section, known)) = SECTIONS[1..].iter().find(|(s, _)| *s == name) {
                if let Some(table) = d.table(value, &format!("a table, [{section}]")) {
                    members(&mut d, config, section, known, table);
                }
            } else if name == MODELS {
                served::each(&mut d, value, &mut |model| {
                    config.models.retain(|known| known.id != model.id);
                    config.models.push(model);
                });
            } else {
                let all: Vec<&str> = SECTIONS[0]
                    .1
                    .iter()
                    .copied()
                    .chain(SECTIONS[1..].iter().map(|(s, _)| *s))
                    .chain([MODELS])
                    .collect();
                d.unknown_key(key, &all);
            }
        }
    }
    if d.sink.failed() {
        let found = d.sink.finish(&source);
        errors.push(ConfigError {
            file,
            source,
            found,
        });
    }
}

fn members(
    d: &mut Decoder,
    config: &mut Config,
    section: &str,
    known: &[&str],
    table: &DeTable<'_>,
) {
    for (key, value) in table {
        let name: &Key<'_> = key;
        if known.contains(&name.get_ref().as_ref()) {
            set(d, config, section, name.get_ref(), value);
        } else {
            d.unknown_key(name, known);
        }
    }
}

fn environment(
    config: &mut Config,
    errors: &mut Vec<ConfigError>,
    read_env: &dyn Fn(&str) -> Option<String>,
) {
    for (section, keys) in SECTIONS {
        for key in *keys {
            let name: Vec<String> = ["wavedeck", section, key]
                .iter()
                .filter(|p| !p.is_empty())
                .map(|p| p.to_uppercase())
                .collect();
            let name = name.join("_");
            let Some(source) = read_env(&name) else {
                continue;
            };
            let mut d = Decoder::default();
            // As in a file where that can be read; everything else is a text: 75%, 10s, dark.
            let list = source.split(',').map(|s| DeValue::String(s.trim().into()));
            let value = match DeValue::parse(&source) {
                Ok(value) if !value.get_ref().is_datetime() => value,
                _ if [("processes", "env"), ("sandbox", "write")].contains(&(*section, *key)) => {
                    let list = list
                        .map(|v| toml::Spanned::new(0..source.len(), v))
                        .collect();
                    toml::Spanned::new(0..source.len(), DeValue::Array(list))
                }
                _ => toml::Spanned::new(0..source.len(), DeValue::String(source.as_str().into())),
            };
            set(&mut d, config, section, key, &value);
            if d.sink.failed() {
                let found = d.sink.finish(&source);
                errors.push(ConfigError {
                    file: name,
                    source,
                    found,
                });
            }
        }
    }
}

fn zones(config: &Config, errors: &mut Vec<ConfigError>) {
    let z = &config.zones;
    let mut d = Decoder::default();
    let steps = [
        ("yellow", z.yellow),
        ("orange", z.orange),
        ("red", z.red),
        ("halt", z.halt),
    ];
    for pair in steps.windows(2) {
        let ((low, a), (high, b)) = (pair[0], pair[1]);
        if a >= b {
            d.sink.error(
                At::NOWHERE,
                format!("zones.{low} ({a}) must be below zones.{high} ({b})"),
            );
        } else if z.hysteresis >= b - a {
            d.sink.error(
                At::NOWHERE,
                format!(
                    "zones.hysteresis ({}) must be less than from zones.{low} to zones.{high} ({})",
                    z.hysteresis,
                    b - a
                ),
            );
        }
    }
    if d.sink.failed() {
        errors.push(ConfigError {
            file: "config".to_owned(),
            source: String::new(),
            found: d.sink.finish(""),
        });
    }
}
