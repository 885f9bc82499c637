//! The picker of themes, and changes of a person's files.

use crossterm::event::{
    Event as TerminalEvent, KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent,
    MouseEventKind,
};
use jiff::tz::TimeZone;
use ratatui::{buffer::Buffer, layout::Rect};

use super::{fixture, screens::text};
use crate::tui::{
    feed::Update,
    keymap::Keymap,
    preferences::{Change, Preferences, ThemeChoice},
    theme::{Depth, Theme},
    ui_state::Voice,
    update::{App, AppInput, Settings, update},
};

fn app() -> App {
    let run = fixture::full();
    let settings = Settings {
        theme: Theme::default(),
        keys: Keymap::default(),
        can_act: true,
        zone: TimeZone::UTC,
    };
    let mut app = App::new(settings, (120, 35), true);
    let mut now = Preferences::default();
    now.themes.push(ThemeChoice {
        name: "mine".to_owned(),
        about: "yours".to_owned(),
        theme: Err("mine.toml:2:7: unknown colour `x`".to_owned()),
    });
    app.wear(&now);
    let _ = update(
        &mut app,
        AppInput::Feed(Update::Snapshot(Box::new(run.state))),
    );
    app
}

fn press(app: &mut App, codes: &[KeyCode]) {
    for code in codes {
        let event = KeyEvent::new(*code, KeyModifiers::NONE);
        let _ = update(app, AppInput::Terminal(TerminalEvent::Key(event)));
    }
}

fn screen(app: &mut App) -> String {
    let mut buf = Buffer::empty(Rect::new(0, 0, app.ui.size.0, app.ui.size.1));
    app.draw(&mut buf);
    text(&buf)
}

fn built_in(name: &str) -> Theme {
    Theme::new(name, None, Depth::True, false).unwrap()
}

const T: KeyCode = KeyCode::Char('T');

#[test]
fn moving_shows_enter_keeps_and_esc_takes_back() {
    let mut app = app();
    press(&mut app, &[T, KeyCode::Down]);
    assert_eq!(app.settings.theme, built_in("light"));
    insta::assert_snapshot!("themes_120x35", screen(&mut app));
    press(&mut app, &[KeyCode::Esc]);
    assert_eq!(app.settings.theme, Theme::default());
    assert_eq!(app.take_chosen_theme(), None);
    press(
        &mut app,
        &[T, KeyCode::Char('j'), KeyCode::Down, KeyCode::Enter],
    );
    assert_eq!(app.settings.theme, built_in("high-contrast"));
    assert_eq!(app.take_chosen_theme().as_deref(), Some("high-contrast"));
    // A file that is wrong is told, changes nothing and is not kept.
    press(&mut app, &[T, KeyCode::Char('G')]);
    assert_eq!(app.settings.theme, built_in("high-contrast"));
    assert!(screen(&mut app).contains("mine.toml:2:7"));
    press(&mut app, &[KeyCode::Enter]);
    assert!(!app.ui.popups.is_empty());
    assert_eq!(app.take_chosen_theme(), None);
    assert_eq!(app.ui.message.as_ref().unwrap().0, Voice::Bad);
}

#[test]
fn the_mouse_chooses_too() {
    let mut app = app();
    press(&mut app, &[T]);
    let rows = screen(&mut app);
    let (y, line) = rows
        .lines()
        .enumerate()
        .find(|(_, l)| l.contains(" mono "))
        .unwrap();
    let at = line.find(" mono ").unwrap();
    let x = crate::display::width(&line[..at]) as u16 + 2;
    let click = |app: &mut App, column, row| {
        let event = MouseEvent {
            kind: MouseEventKind::Down(MouseButton::Left),
            column,
            row,
            modifiers: KeyModifiers::NONE,
        };
        let _ = update(app, AppInput::Terminal(TerminalEvent::Mouse(event)));
    };
    click(&mut app, x, y as u16);
    assert_eq!(app.settings.theme, built_in("mono"));
    // Outside: taken back.
    click(&mut app, 1, 1);
    assert!(app.ui.popups.is_empty());
    assert_eq!(app.settings.theme, Theme::default());
    press(&mut app, &[T]);
    click(&mut app, x, y as u16);
    click(&mut app, x, y as u16);
    assert_eq!(app.take_chosen_theme().as_deref(), Some("mono"));
}

#[test]
fn a_change_of_files_is_worn_and_told() {
    let mut app = app();
    press(&mut app, &[KeyCode::Char('M')]);
    assert!(!app.ui.mouse);
    let change = |theme: &str, mouse| {
        AppInput::Preferences(Box::new(Change {
            now: Some(Preferences {
                name: theme.to_owned(),
                theme: built_in(theme),
                mouse,
                ..Preferences::default()
            }),
            told: Some((Voice::Bad, "keymap.toml:2:7: no".to_owned())),
        }))
    };
    let _ = update(&mut app, change("light", true));
    assert_eq!(app.settings.theme, built_in("light"));
    // What a key has done since stays, unless the file says something new.
    assert!(!app.ui.mouse);
    // A problem is shown until a key is pressed.
    for _ in 0..100 {
        let _ = update(&mut app, AppInput::Tick);
    }
    assert!(screen(&mut app).contains("keymap.toml:2:7: no"));
    press(&mut app, &[KeyCode::Char('j')]);
    assert!(!screen(&mut app).contains("keymap.toml"));
    // While the picker is open it goes on showing what is chosen.
    press(&mut app, &[T, KeyCode::Down]);
    let _ = update(&mut app, change("mono", false));
    assert_eq!(app.settings.theme, built_in("high-contrast"));
    press(&mut app, &[KeyCode::Esc]);
    assert_eq!(app.settings.theme, built_in("mono"));
    let _ = update(&mut app, change("mono", true));
    assert!(app.ui.mouse);
}
