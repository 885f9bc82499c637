//! A person's own keys and themes: files beside the user's `config.toml`, over the built-in ones.
//!
//! `keymap.toml` lies over `assets/keymap.toml`; `themes/NAME.toml` over the built-in theme of that
//! name, or over the one that it names with `over`. Only for the dashboard: no other command reads
//! them. Must not touch the terminal.

use std::path::{Path, PathBuf};

use super::{error::Error, load};
use crate::{
    config::{self, ConfigErrors},
    display::clean_line,
    plan::diag::{Diagnostic, Severity, escape, render},
    tui::{
        keymap::Keymap,
        preferences::ThemeChoice,
        theme::{self, BUILT_IN, Depth, Theme, ThemeError},
    },
};

/// Name of a person's keymap beside their `config.toml`.
const KEYMAP: &str = "keymap.toml";
/// Folder of a person's themes beside their `config.toml`.
pub const THEMES: &str = "themes";
/// Bytes that such a file may have.
const LIMIT: u64 = 1 << 20;
/// Themes of a person's own that are offered.
const MOST: usize = 100;

/// The environment.
pub type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: String,
    /// What was read of it.
    source: String,
    /// What is wrong with it.
    found: Vec<Diagnostic>,
}

impl Problem {
    /// One problem, at a line and column (from 1), or of the file in all (0).
    fn one(path: &Path, place: (usize, usize), message: String, help: String) -> Self {
        let narrow = |n| u32::try_from(n).unwrap_or(u32::MAX);
        Self {
            file: path.display().to_string(),
            source: String::new(),
            found: vec![Diagnostic {
                severity: Severity::Error,
                line: narrow(place.0),
                column: narrow(place.1),
                message,
                help: Some(help),
                related: None,
            }],
        }
    }

    /// All of it, with places, lines and help.
    #[must_use]
    pub fn whole(&self) -> String {
        if self.source.is_empty()
            && let [only] = self.found.as_slice()
            && only.line > 0
        {
            // Nothing was read that could be shown.
            let help = only.help.as_deref().unwrap_or_default();
            return format!(
                "{}:{}:{}: error: {}\nhelp: {help}\n",
                escape(&self.file),
                only.line,
                only.column,
                only.message
            );
        }
        render(&self.found, &self.file, &self.source)
    }

    /// The file's own name, clean.
    #[must_use]
    pub fn name(&self) -> String {
        let name = Path::new(&self.file).file_name();
        let name = name.map_or_else(|| self.file.clone(), |n| n.to_string_lossy().into_owned());
        clean_line(name, 60)
    }

    /// The first problem in one clean line: the file's name, line, column, what, and how many more.
    #[must_use]
    pub fn line(&self) -> String {
        let name = self.name();
        let Some(first) = self.found.first() else {
            return name;
        };
        let place = match (first.line, first.column) {
            (0, _) => String::new(),
            (line, column) => format!(":{line}:{column}"),
        };
        let more = match self.found.len() - 1 {
            0 => String::new(),
            n => format!(" (and {n} more)"),
        };
        clean_line(format!("{name}{place}: {}{more}", first.message), 240)
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Problems(problem.whole())
    }
}

/// The problems of the configuration's layers, file by file.
#[must_use]
pub fn of_config(errors: ConfigErrors) -> Vec<Problem> {
    let one = |e: config::ConfigError| Problem {
        file: e.file,
        source: e.source,
        found: e.found,
    };
    errors.0.into_iter().map(one).collect()
}

/// Where a person's files are: the folder of their `config.toml`.
#[must_use]
pub fn folder(env: Env<'_>) -> Option<PathBuf> {
    Some(config::user_file(env)?.parent()?.to_owned())
}

/// Reads a file of the folder; none where it is not there.
fn read(path: &Path) -> Result<Option<String>, Problem> {
    load::read_own(path, LIMIT).map_err(|(line, column, why)| {
        let help = if line > 0 {
            "save the file as UTF-8"
        } else {
            "mend it, or move it away: without it the built-in one is used"
        };
        let message = if line > 0 {
            why
        } else {
            format!("cannot be read: {why}")
        };
        Problem::one(path, (line, column), message, help.to_owned())
    })
}

/// The keys: the built-in ones, and the person's over them.
///
/// # Errors
/// All problems of the person's file, each with its place.
pub fn keymap(env: Env<'_>) -> Result<Keymap, Problem> {
    let path = folder(env).map(|f| f.join(KEYMAP));
    let text = path.as_deref().map(read).transpose()?.flatten();
    Keymap::new(text.as_deref()).map_err(|found| Problem {
        file: path.map_or_else(String::new, |p| p.display().to_string()),
        source: text.unwrap_or_default(),
        found,
    })
}

/// The theme of a name, for a terminal.
///
/// # Errors
/// Nobody knows the name, or all problems of the person's file, each with its place.
pub fn theme(env: Env<'_>, name: &str, depth: Depth, ascii: bool) -> Result<Theme, Problem> {
    let name = theme::called(name, depth);
    // A name is no path: it must not lead to another folder.
    let inside = !name.contains('/') && !name.starts_with('.');
    let path = folder(env).map(|f| f.join(THEMES).join(format!("{name}.toml")));
    let text = match &path {
        Some(path) if inside => read(path)?,
        _ => None,
    };
    let file = path.unwrap_or_default();
    Theme::new(name, text.as_deref(), depth, ascii).map_err(|error| match error {
        ThemeError::Unknown { .. } => Problem::one(
            &file,
            (0, 0),
            error.to_string(),
            format!(
                "there are {}; a theme of your own would be this file",
                BUILT_IN.join(", ")
            ),
        ),
        ThemeError::Invalid(found) => Problem {
            file: file.display().to_string(),
            source: text.unwrap_or_default(),
            found,
        },
    })
}

/// All themes: the built-in ones, then the person's by their names.
#[must_use]
pub fn themes(env: Env<'_>, depth: Depth, ascii: bool) -> Vec<ThemeChoice> {
    let own = own_themes(env);
    let of = |name: &str, about: &str| ThemeChoice {
        name: name.to_owned(),
        about: about.to_owned(),
        theme: theme(env, name, depth, ascii)
            .map(Box::new)
            .map_err(|problem| problem.line()),
    };
    let built_in = BUILT_IN.iter().map(|name| {
        let about = theme::about(name).unwrap_or_default();
        if own.iter().any(|n| n == name) {
            of(name, &format!("{about}; changed by you"))
        } else {
            of(name, about)
        }
    });
    let yours = own.iter().filter(|n| !BUILT_IN.contains(&n.as_str()));
    built_in
        .chain(yours.map(|name| of(name, "yours")))
        .collect()
}

/// Names of a person's theme files, sorted; what could not be shown clean is left out.
fn own_themes(env: Env<'_>) -> Vec<String> {
    let Some(entries) = folder(env).and_then(|f| std::fs::read_dir(f.join(THEMES)).ok()) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let name = name.strip_suffix(".toml")?.to_owned();
            let plain = clean_line(&name, 64) == name && !name.starts_with('.');
            (plain && !name.is_empty()).then_some(name)
        })
        .collect();
    names.sort();
    names.truncate(MOST);
    names
}

#[cfg(test)]
mod tests;
