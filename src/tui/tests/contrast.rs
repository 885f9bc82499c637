//! Every pair of text and ground that is really drawn can be read, in every theme with colours of
//! its own.

use std::collections::BTreeMap;

use crossterm::event::{Event as TerminalEvent, KeyCode, KeyEvent, KeyModifiers};
use jiff::tz::TimeZone;
use ratatui::{
    buffer::{Buffer, Cell},
    layout::Rect,
    style::Modifier,
};

use super::fixture;
use crate::{
    report::history::History,
    resources::{Point, Sample},
    runtime::past,
    tui::{
        feed::{Clock, Request, Update},
        keymap::Keymap,
        theme::{
            Depth, Theme,
            tests::{contrast, rgb},
        },
        update::{App, AppInput, Settings, update},
    },
};

/// Symbols that draw and say nothing alone: rules, edges, gauges, the ground of a bar.
fn draws(symbol: &str) -> bool {
    symbol
        .chars()
        .all(|c| matches!(c, '\u{2500}'..='\u{259f}' | ' ' | '·' | '◂' | '▸'))
}

/// A pair of colours as they come out of the terminal: reversal swaps them.
fn pair(cell: &Cell, theme: &Theme) -> Option<([u8; 3], [u8; 3])> {
    let base = &theme.base;
    let fg = rgb(cell.fg).or_else(|| rgb(base.text.fg?))?;
    let bg = rgb(cell.bg).or_else(|| rgb(base.background.bg?))?;
    Some(if cell.modifier.contains(Modifier::REVERSED) {
        (bg, fg)
    } else {
        (fg, bg)
    })
}

fn key(app: &mut App, run: &fixture::Run, code: KeyCode) {
    let event = KeyEvent::new(code, KeyModifiers::NONE);
    for request in update(app, AppInput::Terminal(TerminalEvent::Key(event))) {
        let answer = match request {
            Request::Log(ask) => Update::Log {
                id: ask.id,
                records: run.records.clone(),
                from: 1,
            },
            Request::Output { agent, attempt, .. } => {
                let bytes = b"reads src/api.rs\n$ cargo test\nok\n".to_vec();
                Update::Output {
                    agent,
                    attempt,
                    offset: 0,
                    total: bytes.len() as u64,
                    bytes,
                }
            }
            _ => continue,
        };
        let _ = update(app, AppInput::Feed(answer));
    }
}

/// Shows one screen after the other, each with the first rows selected, with and without popups.
fn every_screen(theme: &Theme, size: (u16, u16), mut seen: impl FnMut(&str, &Buffer)) {
    let mut run = fixture::full();
    let settings = Settings {
        theme: theme.clone(),
        keys: Keymap::default(),
        can_act: true,
        zone: TimeZone::UTC,
    };
    let mut app = App::new(settings, size, true);
    let sample = |run: &fixture::Run| Update::Sample(Box::<Sample>::new(run.sample()));
    for news in [
        Update::Snapshot(Box::new(run.first.clone())),
        Update::History {
            seq: 0,
            history: Box::new(History::new(&run.first)),
            planned: Box::new(past::planned(&run.first.setup)),
        },
        Update::Trend(vec![Point::of(&run.sample())]),
        Update::Records(run.records.clone()),
        sample(&run),
    ] {
        let _ = update(&mut app, AppInput::Feed(news));
    }
    let mut look = |app: &mut App, name: &str| {
        let mut buf = Buffer::empty(Rect::new(0, 0, size.0, size.1));
        app.draw(&mut buf);
        seen(name, &buf);
    };
    work_screens(theme, size, &mut look);
    for round in ["live", "red", "ended", "replay"] {
        match round {
            "red" => {
                run.pressure = 960;
                let before = run.records.len();
                run.input(crate::engine::InputKind::Zone {
                    zone: crate::engine::Zone::Red,
                    halted: true,
                    band: crate::engine::InBand::Below,
                    step: 0,
                });
                let new = run.records[before..].to_vec();
                let _ = update(&mut app, AppInput::Feed(Update::Records(new)));
                let _ = update(&mut app, AppInput::Feed(sample(&run)));
            }
            "ended" => {
                let before = run.records.len();
                run.act(crate::engine::Action::Stop { target: None });
                let new = run.records[before..].to_vec();
                let _ = update(&mut app, AppInput::Feed(Update::Records(new)));
            }
            "replay" => {
                let clock = Clock {
                    at_us: 60_000_000,
                    end_us: 120_000_000,
                    seq: run.state.seq,
                    last_seq: run.state.seq,
                    playing: true,
                    speed_permille: 1000,
                };
                let _ = update(&mut app, AppInput::Feed(Update::Clock(clock)));
            }
            _ => {}
        }
        for screen in ['1', '3', '5', '6', 'w'] {
            key(&mut app, &run, KeyCode::Char('1'));
            key(&mut app, &run, KeyCode::Char(screen));
            for row in 0..24 {
                if row % 4 == 0 {
                    look(&mut app, &format!("{round}, screen {screen}, row {row}"));
                }
                key(&mut app, &run, KeyCode::Char('j'));
            }
        }
        key(&mut app, &run, KeyCode::Char('1'));
        key(&mut app, &run, KeyCode::Char('%'));
        for row in 0..8 {
            look(&mut app, &format!("{round}, memory pane, row {row}"));
            key(&mut app, &run, KeyCode::Char('j'));
        }
        key(&mut app, &run, KeyCode::Char('%'));
        for popup in ['?', ':', 'T', '\'', 'x', 'Q', '/'] {
            key(&mut app, &run, KeyCode::Char(popup));
            look(&mut app, &format!("{round}, {popup}"));
            key(&mut app, &run, KeyCode::Esc);
        }
        // A message, a mark, the output.
        key(&mut app, &run, KeyCode::Char('g'));
        key(&mut app, &run, KeyCode::Char('Z'));
        look(&mut app, &format!("{round}, message"));
        key(&mut app, &run, KeyCode::Char(' '));
        key(&mut app, &run, KeyCode::Char('z'));
        look(&mut app, &format!("{round}, output"));
        key(&mut app, &run, KeyCode::Char('o'));
        look(&mut app, &format!("{round}, prompt"));
        key(&mut app, &run, KeyCode::Char('o'));
        key(&mut app, &run, KeyCode::Char('1'));
    }
}

/// The screens of work that comes together, of a run that has some.
fn work_screens(theme: &Theme, size: (u16, u16), look: &mut impl FnMut(&mut App, &str)) {
    let run = super::merging::coming_together();
    let mut app = super::keys::app(&run, size);
    app.settings.theme = theme.clone();
    for keys in [
        "1", "4", "4\n", "4\nt", "4\nhx", "4\ns", "4d", "4dcx", "4dJ",
    ] {
        key(&mut app, &run, KeyCode::Char('1'));
        app.ui.popups.clear();
        for c in keys.chars() {
            let asked = super::keys::press(&mut app, &c.to_string());
            super::merging::answer(&mut app, &asked);
        }
        look(&mut app, &format!("work, {keys:?}"));
        for row in 0..12 {
            let asked = super::keys::press(&mut app, "j");
            super::merging::answer(&mut app, &asked);
            if row % 3 == 0 {
                look(&mut app, &format!("work, {keys:?}, row {row}"));
            }
        }
        app.ui.popups.clear();
    }
}

#[test]
fn every_text_that_is_drawn_can_be_read() {
    // With 256 colours the nearest stand in: a little less is left.
    for (name, depth, least) in [
        ("dark", Depth::True, 4.5),
        ("light", Depth::True, 4.5),
        ("color-blind", Depth::True, 4.5),
        ("high-contrast", Depth::True, 7.0),
        ("dark", Depth::Ansi256, 3.5),
        ("light", Depth::Ansi256, 3.5),
        ("color-blind", Depth::Ansi256, 3.5),
        ("high-contrast", Depth::Ansi256, 6.0),
    ] {
        let theme = Theme::new(name, None, depth, false).unwrap();
        let mut bad: BTreeMap<String, String> = BTreeMap::new();
        let mut looked = 0;
        let sizes: &[(u16, u16)] = match depth {
            Depth::True => &[(200, 55), (80, 24), (45, 20)],
            _ => &[(120, 35)],
        };
        for &size in sizes {
            every_screen(&theme, size, |screen, buf| {
                for (i, cell) in buf.content.iter().enumerate() {
                    // The picker shows other themes on their own ground.
                    if draws(cell.symbol()) || screen.ends_with(", T") && is_sample(cell) {
                        continue;
                    }
                    let (fg, bg) = pair(cell, &theme).unwrap();
                    looked += 1;
                    let got = contrast(fg, bg);
                    if got < least {
                        let row = i / usize::from(size.0);
                        let text: String = buf.content[row * usize::from(size.0)..]
                            [..usize::from(size.0)]
                            .iter()
                            .map(Cell::symbol)
                            .collect();
                        bad.entry(format!("{:?} on {:?}: {got:.2}", cell.fg, cell.bg))
                            .or_insert_with(|| format!("{screen}: {:?} in {text}", cell.symbol()));
                    }
                }
            });
        }
        assert!(looked > 10_000, "{looked}");
        assert!(bad.is_empty(), "{name}, {depth:?}: {bad:#?}");
    }
}

/// Whether a cell is one of those in which a theme shows its states.
fn is_sample(cell: &Cell) -> bool {
    ["●", "◎", "‖", "■", "✓", "✗"].contains(&cell.symbol())
}

/// Every sign has one of its own in ASCII: nothing is left over that only says that it was odd.
#[test]
fn ascii_has_a_sign_for_everything_that_is_drawn() {
    let rich = Theme::new("dark", None, Depth::True, false).unwrap();
    let poor = Theme::new("dark", None, Depth::True, true).unwrap();
    let mut frames: Vec<Buffer> = Vec::new();
    every_screen(&rich, (120, 35), |_, buf| frames.push(buf.clone()));
    let mut frames = frames.into_iter();
    every_screen(&poor, (120, 35), |screen, buf| {
        let rich = frames.next().unwrap();
        for (a, b) in rich.content.iter().zip(&buf.content) {
            assert!(b.symbol().is_ascii(), "{screen}: {:?}", b.symbol());
            // What agents say may have no sign; what the fixture's say has.
            let checks = a.symbol() == "?" || a.symbol() == "◎";
            assert!(
                b.symbol() != "?" || checks,
                "{screen}: {:?} is lost",
                a.symbol()
            );
        }
    });
}
