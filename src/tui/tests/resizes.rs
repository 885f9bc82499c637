//! A terminal that changes its size all the time shows just what a fresh picture would be.

use crossterm::event::{Event, KeyCode};
use ratatui::{buffer::Buffer, layout::Rect};
use tui_term::vt100::Parser;

use super::{
    fixture,
    keys::{app, key},
};
use crate::{
    graph::random::Rng,
    tui::{
        feed::Clock,
        feed::Update,
        terminal::Frames,
        ui_state::{GraphZoom, Screen},
        update::{App, AppInput, update},
    },
};

/// Fails where a cell of the terminal is not that of the picture.
fn same(parser: &Parser, fresh: &Buffer, what: &str) {
    let (w, h) = (fresh.area.width, fresh.area.height);
    for y in 0..h {
        let mut skip = 0;
        for x in 0..w {
            if skip > 0 {
                skip -= 1;
                continue;
            }
            let wanted = fresh[(x, y)].symbol();
            skip = crate::display::width(wanted).saturating_sub(1);
            let cell = parser.screen().cell(y, x).unwrap();
            let shown = cell.contents();
            let shown = if shown.is_empty() { " " } else { shown };
            assert_eq!(shown, wanted, "{what}, column {x}, row {y}");
        }
    }
}

fn draw(app: &mut App, frames: &mut Frames, parser: &mut Parser) {
    let bytes = frames.frame(app.ui.size, |buf| app.draw(buf)).unwrap();
    parser.process(&bytes.unwrap_or_default());
}

/// So many resizes of each screen; `WAVEDECK_RESIZES=1000` for the long version.
#[test]
fn no_cell_is_stale_after_any_resize() {
    let long = std::env::var("WAVEDECK_RESIZES").ok();
    let count: u64 = long.and_then(|n| n.parse().ok()).unwrap_or(60);
    let run = fixture::full();
    for (n, screen) in [
        Screen::Deck,
        Screen::Agent,
        Screen::Graph,
        Screen::Timeline,
        Screen::Log,
        Screen::Report,
    ]
    .into_iter()
    .enumerate()
    {
        let mut rng = Rng(n as u64 + 1);
        let mut app = app(&run, (80, 24));
        app.ui.screen = screen;
        let mut frames = Frames::new(app.ui.size);
        let mut parser = Parser::new(24, 80, 0);
        for i in 0..count {
            // Mostly such as there are, now and then up to the largest.
            let (w, h) = if rng.chance(6) {
                (1 + rng.below(500) as u16, 1 + rng.below(200) as u16)
            } else {
                (1 + rng.below(130) as u16, 1 + rng.below(45) as u16)
            };
            update(&mut app, AppInput::Terminal(Event::Resize(w, h)));
            parser.screen_mut().set_size(h, w);
            match rng.below(12) {
                0 => {
                    update(&mut app, key(KeyCode::Char('?')));
                }
                1 => {
                    update(&mut app, key(KeyCode::Char(':')));
                }
                2 | 3 => app.ui.popups.clear(),
                4 => app.ui.graph_zoom = app.ui.graph_zoom.next(),
                5 => {
                    let clock = Clock {
                        at_us: run.now_us / 2,
                        end_us: run.now_us,
                        seq: 5,
                        last_seq: 9,
                        playing: false,
                        speed_permille: 1000,
                    };
                    update(&mut app, AppInput::Feed(Update::Clock(clock)));
                }
                // The queue, a card, the themes, a question: what lies in front at any size.
                n @ 8..=11 => {
                    let c = ['!', 'c', 'T', 'x'][n as usize - 8];
                    update(&mut app, key(KeyCode::Char(c)));
                }
                6 => app.ui.sizes.lower = Some(rng.below(60) as u16),
                _ => {}
            }
            // Twice: what comes after a resize is a difference again.
            draw(&mut app, &mut frames, &mut parser);
            update(&mut app, key(KeyCode::Char('j')));
            draw(&mut app, &mut frames, &mut parser);
            let mut fresh = Buffer::empty(Rect::new(0, 0, w, h));
            app.draw(&mut fresh);
            same(&parser, &fresh, &format!("{screen:?} {i}: {w}x{h}"));
            app.ui.screen = screen;
            if i % 3 == 0 {
                app.ui.graph_zoom = GraphZoom::Cells;
            }
        }
    }
}
