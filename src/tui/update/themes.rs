//! The picker of themes, and what a person's files change while the dashboard runs.
//!
//! Pure. What is chosen is handed on by name; must not know where it is remembered.

use crossterm::event::KeyCode;
use ratatui::layout::Position;

use super::App;
use crate::tui::{
    action::UiAction,
    draw,
    keymap::Key,
    preferences::{Change, Preferences, ThemeChoice},
    theme::Theme,
    ui_state::{Popup, Voice},
    view::View,
};

/// The themes there are, and what was set last.
#[derive(Debug, Default)]
pub(super) struct Wardrobe {
    /// Empty: the built-in ones.
    themes: Vec<ThemeChoice>,
    /// Name of the theme in use; empty: the default.
    name: String,
    /// The theme before the picker was opened.
    before: Option<Box<Theme>>,
    /// Whether the files take the mouse; a key may have changed it since.
    mouse: Option<bool>,
    /// Chosen, and not handed on yet.
    chosen: Option<String>,
}

impl App {
    /// Takes over what a person has set.
    pub fn wear(&mut self, now: &Preferences) {
        let replay = self.settings.keys.is_replaying();
        self.settings.keys = now.keymap.clone();
        if replay {
            self.settings.keys.replaying();
        }
        self.settings.theme = now.theme.clone();
        self.wardrobe.themes.clone_from(&now.themes);
        self.wardrobe.name.clone_from(&now.name);
        if self.wardrobe.mouse.replace(now.mouse) != Some(now.mouse) {
            self.ui.mouse = now.mouse;
        }
        if let Some(Popup::Themes { chosen }) = self.ui.popups.last_mut() {
            *chosen = (*chosen).min(now.themes.len().saturating_sub(1));
            self.wardrobe.before = Some(Box::new(now.theme.clone()));
            preview(self);
        }
        self.now();
    }

    /// A theme that was chosen since this was asked last.
    pub fn take_chosen_theme(&mut self) -> Option<String> {
        self.wardrobe.chosen.take()
    }

    pub(super) fn changed(&mut self, change: Change) {
        if let Some(now) = &change.now {
            self.wear(now);
        }
        if let Some((voice, text)) = change.told {
            self.say(voice, text);
            if voice == Voice::Bad {
                // Whoever edits a file looks at the editor first: it stays until a key is pressed.
                self.message_ticks = 0;
            }
        }
    }

    /// Puts the themes into the view while the picker is open.
    pub(super) fn offer_themes(&self, view: &mut View) {
        if matches!(self.ui.popups.last(), Some(Popup::Themes { .. })) {
            view.themes.clone_from(&self.wardrobe.themes);
        }
    }
}

/// Opens the picker at the theme in use.
pub(super) fn open(app: &mut App) {
    if app.wardrobe.themes.is_empty() {
        app.wardrobe.themes = ThemeChoice::built_in(&app.settings.theme);
    }
    let themes = &app.wardrobe.themes;
    let chosen = themes.iter().position(|t| t.name == app.wardrobe.name);
    app.wardrobe.before = Some(Box::new(app.settings.theme.clone()));
    app.ui.popups.push(Popup::Themes {
        chosen: chosen.unwrap_or(0),
    });
}

/// A key while the picker is open.
pub(super) fn press(app: &mut App, key: Key, run: Option<UiAction>) {
    match (key.code, run) {
        (_, Some(UiAction::Leave)) if key.ctrl => app.quit = true,
        (KeyCode::Enter, _) => keep(app),
        (KeyCode::Esc, _) | (_, Some(UiAction::Leave | UiAction::Back | UiAction::Themes)) => {
            take_back(app);
        }
        (KeyCode::Down, _) | (_, Some(UiAction::Down)) => go(app, 1),
        (KeyCode::Up, _) | (_, Some(UiAction::Up)) => go(app, -1),
        (_, Some(UiAction::First | UiAction::PageUp | UiAction::HalfUp)) => go(app, isize::MIN),
        (_, Some(UiAction::Last | UiAction::PageDown | UiAction::HalfDown)) => go(app, isize::MAX),
        _ => app.say(
            Voice::Plain,
            format!("{key} chooses nothing: arrows show, Enter keeps, Esc takes back"),
        ),
    }
}

/// A click or the wheel while the picker is open.
pub(super) fn click(app: &mut App, at: Position, wheel: Option<i16>) {
    if let Some(by) = wheel {
        return go(app, isize::from(by.signum()));
    }
    let view = app.view();
    let Some(Popup::Themes { chosen }) = app.ui.popups.last() else {
        return;
    };
    let chosen_now = *chosen;
    match draw::theme_hit(&view, chosen_now, at) {
        draw::ThemeHit::Row(row) => {
            let Some(Popup::Themes { chosen }) = app.ui.popups.last_mut() else {
                return;
            };
            // A second click on the same one keeps it.
            if *chosen == row {
                keep(app);
            } else {
                *chosen = row;
                preview(app);
            }
        }
        draw::ThemeHit::Inside => {}
        draw::ThemeHit::Outside => take_back(app),
    }
}

/// Chooses another one, and shows it.
fn go(app: &mut App, by: isize) {
    let last = app.wardrobe.themes.len().saturating_sub(1);
    if let Some(Popup::Themes { chosen }) = app.ui.popups.last_mut() {
        *chosen = chosen.saturating_add_signed(by).min(last);
    }
    preview(app);
}

/// Shows the chosen theme; one that is wrong leaves the look as it is.
fn preview(app: &mut App) {
    let Some(Popup::Themes { chosen }) = app.ui.popups.last() else {
        return;
    };
    if let Some(Ok(theme)) = app.wardrobe.themes.get(*chosen).map(|t| &t.theme) {
        app.settings.theme = (**theme).clone();
    }
    app.now();
}

/// Keeps the chosen theme for this and for later dashboards.
fn keep(app: &mut App) {
    let Some(Popup::Themes { chosen }) = app.ui.popups.last() else {
        return;
    };
    let Some(choice) = app.wardrobe.themes.get(*chosen).cloned() else {
        return;
    };
    match choice.theme {
        Err(why) => app.say(Voice::Bad, why),
        Ok(theme) => {
            app.ui.popups.pop();
            app.settings.theme = *theme;
            app.say(
                Voice::Good,
                format!("theme {}, here and in later dashboards", choice.name),
            );
            app.wardrobe.name.clone_from(&choice.name);
            app.wardrobe.chosen = Some(choice.name);
        }
    }
}

/// Shows the theme again that was there before the picker was opened.
fn take_back(app: &mut App) {
    app.ui.popups.pop();
    if let Some(theme) = app.wardrobe.before.take() {
        app.settings.theme = *theme;
    }
    app.now();
}
