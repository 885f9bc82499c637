//! The home screen and the page before a run, without a terminal.

use std::fmt::Write as _;

use crossterm::event::{
    Event, KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};
use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    Options, Page,
    home::{Choice, Found, Group, Home, Item, Target},
    preflight::{Line, Preflight, Section, Trust},
    shell::Shell,
};
use crate::tui::{keymap::Keymap, tests::screens, theme::Theme, view::Tone};

fn shell<P: Page>(page: P, size: (u16, u16)) -> Shell<P> {
    let options = Options {
        theme: Theme::default(),
        keymap: Keymap::default(),
        mouse: true,
        fps: 30,
    };
    Shell::new(page, options, size)
}

fn screen<P: Page>(shell: &mut Shell<P>) -> String {
    let (w, h) = shell.ui.size;
    let mut buf = Buffer::empty(Rect::new(0, 0, w, h));
    shell.draw(&mut buf);
    screens::text(&buf)
}

fn press<P: Page>(shell: &mut Shell<P>, code: KeyCode) {
    shell.event(&Event::Key(KeyEvent::new(code, KeyModifiers::NONE)));
}

fn click<P: Page>(shell: &mut Shell<P>, column: u16, row: u16) {
    shell.event(&Event::Mouse(MouseEvent {
        kind: MouseEventKind::Down(MouseButton::Left),
        column,
        row,
        modifiers: KeyModifiers::NONE,
    }));
}

fn item(target: Target, name: &str) -> Item {
    Item {
        target,
        name: name.to_owned(),
        tone: Tone::Plain,
        text: "demo-shop  16 agents".to_owned(),
        right: "2 h ago".to_owned(),
        about: vec![("goal".to_owned(), format!("what {name} is for"))],
    }
}

fn found(runs: usize) -> Found {
    let run = |n: usize| {
        let run = format!("r{n}");
        item(Target::Replay { run: run.clone() }, &run)
    };
    let plan = "wavedeck.toml".to_owned();
    let group = |title: &str, items| Group {
        title: title.to_owned(),
        note: String::new(),
        items,
        empty: "none yet".to_owned(),
    };
    Found {
        place: "/srv/shop".to_owned(),
        head: "main at 0123456789ab".to_owned(),
        groups: vec![
            group("PLANS", vec![item(Target::Run { plan }, "wavedeck.toml")]),
            group("RECENT RUNS", (0..runs).map(run).collect()),
        ],
    }
}

#[test]
fn home_opens_what_is_selected_and_keeps_it_when_rows_move() {
    let mut home = shell(Home::new(found(3)), (100, 30));
    let first = screen(&mut home);
    assert!(first.contains("what wavedeck.toml is for"), "{first}");
    press(&mut home, KeyCode::Char('j'));
    press(&mut home, KeyCode::Down);
    assert!(screen(&mut home).contains("what r1 is for"));
    // A run begins, and all below it moves down.
    let mut more = found(3);
    let run = item(Target::Attach { run: "new".into() }, "new");
    more.groups[0].items.push(run);
    home.news(more);
    assert!(screen(&mut home).contains("what r1 is for"));
    press(&mut home, KeyCode::Char('6'));
    assert_eq!(home.choice.take(), Some(Choice::Report("r1".into())));
    // By the mouse: one click selects, another one opens.
    let mut home = shell(Home::new(found(3)), (100, 30));
    let text = screen(&mut home);
    let row = text.lines().position(|l| l.contains(" r2 ")).unwrap() as u16;
    click(&mut home, 20, row);
    assert!(!home.done);
    click(&mut home, 20, row);
    assert_eq!(
        home.choice.take(),
        Some(Choice::Open(Target::Replay { run: "r2".into() }))
    );
    // Words of the footer are buttons.
    let mut home = shell(Home::new(found(1)), (100, 30));
    let text = screen(&mut home);
    let leave = text.lines().last().unwrap().find("leave").unwrap();
    click(&mut home, leave as u16, 29);
    assert!(home.done && home.choice.is_none());
}

#[test]
fn no_key_of_the_front_is_ignored_in_silence() {
    let mut home = shell(Home::new(found(1)), (100, 30));
    for (code, says) in [
        (KeyCode::Char('x'), "does nothing here"),
        (KeyCode::Char('r'), "only an interrupted run"),
        (KeyCode::Char('6'), "only a run that has ended"),
        (KeyCode::Char('M'), "the terminal's"),
        (KeyCode::Char('?'), "KEYS"),
    ] {
        press(&mut home, code);
        let text = screen(&mut home);
        assert!(text.contains(says), "{code:?}: {text}");
    }
    press(&mut home, KeyCode::Esc);
    assert!(!screen(&mut home).contains("KEYS"));
    press(&mut home, KeyCode::Char('q'));
    assert!(home.done && home.choice.is_none());
}

fn preflight(commands: usize) -> Preflight {
    let line = |name: &str, text: String| Line {
        name: name.to_owned(),
        text,
        tone: Tone::Plain,
    };
    let long = format!("sh -c '{} END'", "a-very-long-word-".repeat(40));
    let mut lines: Vec<Line> = (0..commands)
        .map(|n| line(&format!("agent-{n}"), format!("make part-{n}")))
        .collect();
    lines.push(line("last", long));
    Preflight {
        plan: "demo-shop".to_owned(),
        file: "wavedeck.toml".to_owned(),
        trust: Trust::New,
        facts: vec![Section {
            title: "WHAT STARTS".to_owned(),
            lines: vec![line("agents", "4 in 2 waves".to_owned())],
        }],
        commands: vec![Section {
            title: "COMMANDS".to_owned(),
            lines,
        }],
        scroll: 0,
    }
}

#[test]
fn every_word_of_a_command_can_be_read_before_it_runs() {
    for size in [(45, 12), (80, 24), (120, 35), (200, 55)] {
        let mut page = shell(preflight(60), size);
        let mut seen = String::new();
        for _ in 0..200 {
            seen.push_str(&screen(&mut page));
            press(&mut page, KeyCode::Down);
        }
        assert!(seen.contains("NEW") && seen.contains("agent-59"));
        let all: String = seen.split_whitespace().collect();
        assert!(all.contains("END'"), "{size:?}");
        let end = page.page.scroll;
        press(&mut page, KeyCode::End);
        assert_eq!(page.page.scroll, end);
        press(&mut page, KeyCode::Enter);
        assert_eq!(page.choice, Some(()));
    }
}

#[test]
fn leaving_the_page_starts_nothing() {
    for code in [KeyCode::Char('q'), KeyCode::Esc] {
        let mut page = shell(preflight(1), (80, 24));
        press(&mut page, code);
        assert!(page.done && page.choice.is_none());
    }
}

#[test]
fn the_front_is_drawn_at_every_size() {
    let mut home = shell(Home::new(found(40)), (80, 24));
    let mut page = shell(preflight(200), (80, 24));
    for w in (0..=250).step_by(25) {
        for h in (0..=60).step_by(3) {
            home.event(&Event::Resize(w, h));
            page.event(&Event::Resize(w, h));
            press(&mut home, KeyCode::PageDown);
            press(&mut page, KeyCode::PageDown);
            screen(&mut home);
            screen(&mut page);
        }
    }
}

/// A page at eight widths, one picture below the other.
fn widths<P: Page>(mut shell: Shell<P>) -> String {
    let mut out = String::new();
    for (w, h) in [
        (45, 20),
        (60, 20),
        (80, 24),
        (100, 24),
        (120, 24),
        (160, 24),
        (200, 24),
        (240, 24),
    ] {
        shell.event(&Event::Resize(w, h));
        let _ = writeln!(out, "{0:=<1$}", format!("{w}x{h} "), 45);
        out.push_str(&screen(&mut shell));
    }
    out
}

#[test]
fn the_front_at_eight_widths() {
    let mut found = found(3);
    found.groups[1].note = "of 12".to_owned();
    found.groups[0].items[0].tone = Tone::Good;
    found.groups[0].items[0].text = "a name that is longer than most, and a goal".to_owned();
    insta::assert_snapshot!("widths_home", widths(shell(Home::new(found), (80, 24))));
    let none = Found {
        groups: Vec::new(),
        ..self::found(0)
    };
    insta::assert_snapshot!(
        "widths_home_empty",
        widths(shell(Home::new(none), (80, 24)))
    );
    let page = shell(preflight(3), (80, 24));
    insta::assert_snapshot!("widths_preflight", widths(page));
}
