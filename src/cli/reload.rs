//! A person's files while the dashboard is open: read at the start, watched, read again on save.
//!
//! One thread and one watcher for all of them, off the drawing thread. An error keeps what was
//! there before and is told with file and line; what concerns runs is named, since a run keeps what
//! it began with. Must not draw, and never writes a person's files.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use notify::{
    EventKind, RecommendedWatcher, RecursiveMode, Watcher,
    event::{AccessKind, AccessMode, ModifyKind},
};

use super::{
    args::When,
    chosen,
    error::Error,
    load,
    personal::{self, Problem, THEMES},
};
use crate::{
    config::{self, Color, Config, FlagLayer, Glyphs, PROJECT_FILE},
    display::clean_line,
    tui::{
        preferences::{Change, Line, Preferences, Wake},
        theme::{Depth, needs_ascii},
        ui_state::Voice,
    },
};

/// An editor writes a file in several steps: it is read when nothing has come for so long …
const QUIET: Duration = Duration::from_millis(100);
/// … or so long after the first step.
const LONGEST: Duration = Duration::from_secs(1);

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

/// Starts to watch; returns the dashboard's line to the thread that does.
///
/// # Errors
/// When no thread can be had.
pub fn watch(files: Files) -> std::io::Result<Line> {
    let (news, told) = tokio::sync::mpsc::channel(8);
    let (wake, woken) = mpsc::channel();
    let ring = wake.clone();
    thread::Builder::new()
        .name("files".into())
        .stack_size(512 << 10)
        .spawn(move || follow(files, &ring, &woken, &news))?;
    Ok(Line {
        news: told,
        chosen: wake,
    })
}

fn follow(
    mut files: Files,
    ring: &mpsc::Sender<Wake>,
    woken: &mpsc::Receiver<Wake>,
    news: &tokio::sync::mpsc::Sender<Change>,
) {
    let root = files.place.root.clone();
    let ring = ring.clone();
    let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // What went wrong may have been a change.
        if event.map_or(true, |event| concerns(&event, root.as_deref())) {
            let _ = ring.send(Wake::Files);
        }
    });
    let mut watcher = match watcher {
        Ok(watcher) => Some(watcher),
        Err(error) => {
            let _ = news.blocking_send(unwatched(&error));
            None
        }
    };
    let mut watched = BTreeSet::new();
    if let Some(error) = arm(watcher.as_mut(), &files.place, &mut watched) {
        let _ = news.blocking_send(unwatched(&error));
    }
    // What was saved between the first reading and the watching.
    let mut change = files.again();
    loop {
        if let Some(change) = change.take()
            && news.blocking_send(change).is_err()
        {
            return;
        }
        let Ok(first) = woken.recv() else { return };
        let began = Instant::now();
        let mut next = Some(first);
        let mut saved = false;
        while let Some(wake) = next {
            match wake {
                Wake::Files => saved = true,
                Wake::Chosen(name) => change = files.remember(&name),
            }
            let left = LONGEST.saturating_sub(began.elapsed());
            next = if saved {
                woken.recv_timeout(QUIET.min(left)).ok()
            } else {
                None
            };
        }
        if saved {
            // A folder that was made or put in another's place is watched from now on.
            arm(watcher.as_mut(), &files.place, &mut watched);
            change = files.again().or(change);
        }
    }
}

fn unwatched(error: &notify::Error) -> Change {
    let why = clean_line(error.to_string(), 120);
    Change {
        now: None,
        told: Some((
            Voice::Plain,
            format!("your files are not watched ({why}): changes show at the next start"),
        )),
    }
}

/// Whether an event may have changed one of the files. Reading them makes events too.
fn concerns(event: &notify::Event, root: Option<&Path>) -> bool {
    let written = match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write))
        | EventKind::Modify(ModifyKind::Data(_) | ModifyKind::Any) => true,
        EventKind::Access(_) | EventKind::Modify(ModifyKind::Metadata(_)) => return false,
        _ => false,
    };
    event.paths.iter().any(|path| {
        let project = path.parent().is_some_and(|folder| Some(folder) == root);
        let name = path
            .file_name()
            .and_then(|n| n.to_str())
            .unwrap_or_default();
        match (project, written) {
            // Agents work there: only the one file is of interest.
            (true, _) => name == PROJECT_FILE,
            (false, true) => Path::new(name).extension().is_some_and(|e| e == "toml"),
            // Made, moved, removed: it may be a folder above ours.
            (false, false) => true,
        }
    })
}

/// Watches every folder that there is; returns the first that could not be.
fn arm(
    watcher: Option<&mut RecommendedWatcher>,
    place: &Place,
    watched: &mut BTreeSet<PathBuf>,
) -> Option<notify::Error> {
    let watcher = watcher?;
    loop {
        let wanted = place.folders();
        let mut failed = None;
        for gone in watched.difference(&wanted) {
            // One that was removed is not watched any more as it is.
            let _ = watcher.unwatch(gone);
        }
        for folder in &wanted {
            // Again also where it is watched: another folder may have come in its place.
            if let Err(error) = watcher.watch(folder, RecursiveMode::NonRecursive) {
                failed.get_or_insert(error);
            }
        }
        let same = place.folders() == wanted;
        *watched = wanted;
        // A folder may have been made before the one above it was watched.
        if same || failed.is_some() {
            return failed;
        }
    }
}

#[cfg(test)]
mod tests;
