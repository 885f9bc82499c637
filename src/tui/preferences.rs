//! What a person has set for the dashboard, and how it changes while the dashboard runs.
//!
//! Plain data. Whoever opens the dashboard reads files, watches them and sends [`Change`]s; the
//! dashboard itself reaches no file. Nothing here concerns the run.

use tokio::sync::mpsc;

use super::{alert::Call, keymap::Keymap, theme::Theme, ui_state::Voice};

/// A theme that can be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThemeChoice {
    /// Its name.
    pub name: String,
    /// What it is for, or where it comes from, in a few clean words.
    pub about: String,
    /// The theme for this terminal; or what is wrong with its file, in one clean line.
    pub theme: Result<Box<Theme>, String>,
}

/// What a dashboard looks like and which keys it has.
#[derive(Debug, Clone)]
pub struct Preferences {
    /// Name of the theme.
    pub name: String,
    /// Styles, made for this terminal's colours and glyphs.
    pub theme: Theme,
    /// All themes there are, for the picker.
    pub themes: Vec<ThemeChoice>,
    /// Keys.
    pub keymap: Keymap,
    /// Frames a second at most.
    pub fps: u32,
    /// Take the mouse.
    pub mouse: bool,
    /// How it calls a person who does not look.
    pub call: Call,
}

impl Default for Preferences {
    fn default() -> Self {
        let theme = Theme::default();
        Self {
            name: "dark".to_owned(),
            themes: ThemeChoice::built_in(&theme),
            theme,
            keymap: Keymap::default(),
            fps: 30,
            mouse: true,
            call: Call::default(),
        }
    }
}

impl ThemeChoice {
    /// The built-in themes, for a terminal like that of `like`.
    #[must_use]
    pub fn built_in(like: &Theme) -> Vec<Self> {
        super::theme::BUILT_IN
            .iter()
            .map(|name| Self {
                name: (*name).to_owned(),
                about: super::theme::about(name).unwrap_or_default().to_owned(),
                theme: Theme::new(name, None, like.depth, like.ascii)
                    .map(Box::new)
                    .map_err(|error| error.to_string()),
            })
            .collect()
    }
}

/// News of a person's files.
#[derive(Debug, Clone)]
pub struct Change {
    /// Everything as it is now; none: the old stays.
    pub now: Option<Preferences>,
    /// What to tell, and how serious it is.
    pub told: Option<(Voice, String)>,
}

/// What wakes whoever reads a person's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wake {
    /// One of them may have changed.
    Files,
    /// A person chose the theme of this name, to be remembered.
    Chosen(String),
}

/// The dashboard's line to whoever reads a person's files.
#[derive(Debug)]
pub struct Line {
    /// What has changed.
    pub news: mpsc::Receiver<Change>,
    /// Takes what a person chose. Never waits.
    pub chosen: std::sync::mpsc::Sender<Wake>,
}
