//! A person's files while the dashboard is open: read at the start, watched, read again on save.
//!
//! An error keeps what was there before and is told with file and line; what concerns runs is
//! named, since a run keeps what it began with. Must not draw, and never writes a person's files.

mod watch;

use std::{collections::BTreeSet, path::PathBuf};

use super::{
    args::When,
    chosen,
    error::Error,
    load,
    personal::{self, Problem, THEMES},
};
use crate::{
    config::{self, Color, Config, FlagLayer, Glyphs},
    tui::{
        alert::{Call, Desktop},
        preferences::{Change, Preferences},
        theme::{Depth, needs_ascii},
        ui_state::Voice,
    },
};

pub use watch::watch;

/// Where files and settings come from.
#[derive(Debug, Clone)]
pub struct Place {
    /// Root of the repository, for the project's file.
    pub root: Option<PathBuf>,
    /// `--color`.
    pub color: Option<When>,
    /// The environment.
    pub env: fn(&str) -> Option<String>,
}

/// What was read last.
#[derive(Debug, Clone)]
pub struct Files {
    place: Place,
    config: Config,
    /// What holds now.
    pub now: Preferences,
    /// What is wrong, as it was told.
    wrong: Vec<Problem>,
}

/// How the dashboard calls a person who does not look.
const fn call(config: &Config) -> Call {
    Call {
        bell: config.notify.bell,
        desktop: match config.notify.desktop {
            config::Desktop::Off => Desktop::Off,
            config::Desktop::Osc9 => Desktop::Osc9,
            config::Desktop::Osc777 => Desktop::Osc777,
        },
    }
}

impl Place {
    fn config(&self) -> Result<Config, Vec<Problem>> {
        config::load(
            &self.env,
            &load::read_layer,
            self.root.as_deref(),
            &FlagLayer::default(),
        )
        .map_err(personal::of_config)
    }

    /// What the terminal can show, as settings and environment say.
    fn terminal(&self, config: &Config) -> (Depth, bool) {
        let depth = match (self.color, config.ui.color) {
            (Some(When::Never), _) | (None, Color::Never) => Depth::None,
            (Some(When::Always), _) | (None, Color::Always) => Depth::detect(&self.env, true),
            _ => Depth::detect(&self.env, false),
        };
        let ascii = match config.ui.glyphs {
            Glyphs::Auto => needs_ascii(&self.env),
            Glyphs::Unicode => false,
            Glyphs::Ascii => true,
        };
        (depth, ascii)
    }

    /// Folders that are watched, and whether the repository's root is one of them.
    fn folders(&self) -> BTreeSet<PathBuf> {
        let own = personal::folder(&self.env);
        let themes = own.as_ref().map(|f| f.join(THEMES));
        let mut all = BTreeSet::new();
        for folder in [own, themes].into_iter().flatten() {
            // One that is not there yet is seen when it is made.
            if let Some(there) = folder.ancestors().find(|f| f.is_dir()) {
                all.insert(there.to_owned());
            }
            // A file may be a link to somewhere else, as people keep them with their dotfiles.
            for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
                if entry.file_type().is_ok_and(|t| t.is_symlink())
                    && let Ok(target) = entry.path().canonicalize()
                    && let Some(folder) = target.parent()
                {
                    all.insert(folder.to_owned());
                }
            }
        }
        all.extend(self.root.clone());
        all
    }
}

impl Files {
    /// Reads everything for the first time.
    ///
    /// # Errors
    /// What is wrong with the person's files, in all of them.
    pub fn read(place: Place) -> Result<Self, Error> {
        let config = place
            .config()
            .map_err(|wrong| Error::Problems(wrong.iter().map(Problem::whole).collect()))?;
        let (depth, ascii) = place.terminal(&config);
        let env = &place.env;
        let keymap = personal::keymap(env);
        let remembered = chosen::read(env, &config.ui.theme);
        // One that is gone or broken since is no reason to refuse: the configuration says another.
        let remembered = remembered
            .and_then(|name| Some((personal::theme(env, &name, depth, ascii).ok()?, name)));
        let theme = match remembered {
            Some((theme, name)) => Ok((theme, name)),
            None => personal::theme(env, &config.ui.theme, depth, ascii)
                .map(|theme| (theme, config.ui.theme.clone())),
        };
        let ((theme, name), keymap) = match (theme, keymap) {
            (Ok(theme), Ok(keymap)) => (theme, keymap),
            (theme, keymap) => {
                let wrong = [theme.err(), keymap.err()];
                let text = wrong.iter().flatten().map(Problem::whole);
                return Err(Error::Problems(text.collect()));
            }
        };
        let now = Preferences {
            name: crate::tui::theme::called(&name, depth).to_owned(),
            theme,
            themes: personal::themes(env, depth, ascii),
            keymap,
            fps: config.ui.fps,
            mouse: config.ui.mouse,
            call: call(&config),
        };
        Ok(Self {
            place,
            config,
            now,
            wrong: Vec::new(),
        })
    }

    /// Reads everything again; returns what is to be told, if anything has changed.
    pub fn again(&mut self) -> Option<Change> {
        let mut wrong = Vec::new();
        let mut told = Vec::new();
        let env = &self.place.env;
        let mut next = self.now.clone();
        let mut config = self.config.clone();
        match self.place.config() {
            Ok(read) => config = read,
            Err(problems) => wrong.extend(problems),
        }
        told.extend(differences(&self.config, &config));
        let (depth, ascii) = self.place.terminal(&config);
        (next.fps, next.mouse) = (config.ui.fps, config.ui.mouse);
        let name = chosen::read(env, &config.ui.theme).unwrap_or_else(|| config.ui.theme.clone());
        let name = crate::tui::theme::called(&name, depth).to_owned();
        match personal::theme(env, &name, depth, ascii) {
            Ok(theme) => {
                if theme != next.theme || name != next.name {
                    told.push(format!("theme {name}"));
                }
                (next.theme, next.name) = (theme, name);
            }
            Err(problem) => wrong.push(problem),
        }
        next.themes = personal::themes(env, depth, ascii);
        match personal::keymap(env) {
            Ok(keymap) => {
                if keymap != next.keymap {
                    told.push("keys".to_owned());
                }
                next.keymap = keymap;
            }
            Err(problem) => wrong.push(problem),
        }
        let same = next.themes == self.now.themes && told.is_empty();
        let before = std::mem::replace(&mut self.wrong, wrong);
        self.config = config;
        if same && before == self.wrong {
            return None;
        }
        self.now = next;
        let told = if let Some(first) = self.wrong.first() {
            let more = match self.wrong.len() - 1 {
                0 => String::new(),
                n => format!(" ({n} more file wrong)"),
            };
            Some((
                Voice::Bad,
                format!("{}; what was there stays{more}", first.line()),
            ))
        } else if !told.is_empty() {
            Some((Voice::Good, format!("read again: {}", told.join(", "))))
        } else if before.is_empty() {
            // A theme that is not in use has changed: the picker shows it.
            None
        } else {
            let names: Vec<String> = before.iter().map(Problem::name).collect();
            Some((Voice::Good, format!("{} is well again", names.join(", "))))
        };
        Some(Change {
            now: Some(self.now.clone()),
            told,
        })
    }

    /// Remembers a theme that a person chose.
    fn remember(&mut self, name: &str) -> Option<Change> {
        let written = chosen::write(&self.place.env, &self.config.ui.theme, name);
        if let Some(Ok(theme)) = self
            .now
            .themes
            .iter()
            .find(|t| t.name == name)
            .map(|t| &t.theme)
        {
            self.now.theme = (**theme).clone();
            name.clone_into(&mut self.now.name);
        }
        let error = written.err()?;
        Some(Change {
            now: None,
            told: Some((
                Voice::Bad,
                format!("the theme holds here, but is not remembered: {error}"),
            )),
        })
    }
}

/// What differs between two configurations, in words; what concerns runs counts from the next one.
fn differences(old: &Config, new: &Config) -> Vec<String> {
    let value = |config: &Config| serde_json::to_value(config).unwrap_or_default();
    let (old, new) = (value(old), value(new));
    let changed = |old: &serde_json::Value, new: &serde_json::Value| -> Vec<String> {
        let keys = new.as_object().into_iter().flatten();
        keys.filter(|(key, value)| old.get(key.as_str()) != Some(value))
            .map(|(key, _)| key.clone())
            .collect()
    };
    let mut told = Vec::new();
    let mut later = Vec::new();
    for section in changed(&old, &new) {
        if section == "notify" {
            let keys = changed(&old["notify"], &new["notify"]);
            let (here, runs): (Vec<_>, Vec<_>) = keys
                .into_iter()
                .partition(|key| matches!(key.as_str(), "bell" | "desktop"));
            told.extend(here);
            if !runs.is_empty() {
                later.push(section);
            }
            continue;
        }
        if section != "ui" {
            later.push(section);
            continue;
        }
        // Which theme it is now is told by its name.
        told.extend(
            changed(&old["ui"], &new["ui"])
                .into_iter()
                .filter(|key| key != "theme"),
        );
    }
    if !later.is_empty() {
        told.push(format!("{} from the next run on", later.join(" and ")));
    }
    told
}

#[cfg(test)]
mod tests;
