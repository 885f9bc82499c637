//! What is on the screen, as text and as colours.

use jiff::tz::TimeZone;
use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Color, Modifier},
};

use super::fixture::{self, Run};
use crate::tui::{
    chart::Chart,
    draw::{self, Look},
    keymap::Keymap,
    output::OutputBuffer,
    theme::{Depth, Theme},
    ui_state::{RowId, Screen, UiState},
    view::{Source, View, project},
};

pub fn view(run: &Run, ui: &UiState, output: Option<&OutputBuffer>) -> View {
    let sample = run.sample();
    let figures = sample.figures(&run.state);
    let chart = Chart::new(&run.state.setup);
    let notes = run.notes();
    project(
        Source {
            state: &run.state,
            sample: Some(&sample),
            figures: &figures,
            forecast: None,
            chart: &chart,
            notes: &notes,
            output,
            evidence: None,
            beside: crate::tui::view::Beside::default(),
            lost: None,
            history: None,
            planned: None,
            slopes: None,
            trend: &crate::resources::Trend::default(),
            log: None,
            report: None,
            status: None,
            clock: None,
            zone: &TimeZone::UTC,
        },
        ui,
    )
}

pub fn paint(view: &View, ui: &UiState, theme: &Theme) -> Buffer {
    let mut buf = Buffer::empty(Rect::new(0, 0, ui.size.0, ui.size.1));
    let keys = Keymap::default();
    let look = Look {
        theme,
        keys: &keys,
        whence: crate::tui::keymap::Whence::Live,
    };
    draw::draw(view, ui, look, &mut buf);
    buf
}

pub fn text(buf: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buf.area.height {
        let mut line = String::new();
        let mut skip = 0;
        for x in 0..buf.area.width {
            if skip > 0 {
                skip -= 1;
                continue;
            }
            let symbol = buf[(x, y)].symbol();
            line.push_str(symbol);
            skip = crate::display::width(symbol).saturating_sub(1);
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// The buffer as a terminal would get it, to look at with one's own eyes.
pub fn ansi(buf: &Buffer) -> String {
    use std::fmt::Write;
    let mut out = String::from("\x1b[2J\x1b[H");
    let color = |c: Color, base: u8| match c {
        Color::Rgb(r, g, b) => format!("\x1b[{};2;{r};{g};{b}m", base + 8),
        Color::Indexed(i) => format!("\x1b[{};5;{i}m", base + 8),
        Color::Reset => format!("\x1b[{}m", base + 9),
        named => {
            let n = [
                Color::Black,
                Color::Red,
                Color::Green,
                Color::Yellow,
                Color::Blue,
                Color::Magenta,
                Color::Cyan,
                Color::Gray,
                Color::DarkGray,
                Color::LightRed,
                Color::LightGreen,
                Color::LightYellow,
                Color::LightBlue,
                Color::LightMagenta,
                Color::LightCyan,
                Color::White,
            ]
            .iter()
            .position(|c| *c == named)
            .unwrap_or(7) as u8;
            format!("\x1b[{}m", if n < 8 { base + n } else { base + 52 + n })
        }
    };
    for y in 0..buf.area.height {
        let _ = write!(out, "\x1b[{};1H", y + 1);
        let mut skip = 0;
        for x in 0..buf.area.width {
            if skip > 0 {
                skip -= 1;
                continue;
            }
            let cell = &buf[(x, y)];
            out.push_str("\x1b[0m");
            for (m, code) in [
                (Modifier::BOLD, 1),
                (Modifier::DIM, 2),
                (Modifier::UNDERLINED, 4),
                (Modifier::REVERSED, 7),
            ] {
                if cell.modifier.contains(m) {
                    let _ = write!(out, "\x1b[{code}m");
                }
            }
            out.push_str(&color(cell.fg, 30));
            out.push_str(&color(cell.bg, 40));
            out.push_str(cell.symbol());
            skip = crate::display::width(cell.symbol()).saturating_sub(1);
        }
    }
    out.push_str("\x1b[0m");
    out
}

pub fn output() -> OutputBuffer {
    let mut buffer = OutputBuffer::new(crate::plan::AgentIx(3), 1);
    let text = "reading src/api/mod.rs\nreading src/api/invoice.rs\n\x1b[1mplan\x1b[0m: 1. routes 2. handlers 3. tests\nedit src/api/invoice.rs +48 -3\n$ cargo check\n   Compiling billing v0.1.0\n    Finished in 3.41s\nedit src/api/routes.rs +12\n$ cargo test -p api\nrunning 31 tests\n\x1b]52;c;c3RlYWw=\x07test invoice::rounds ... \x1b[32mok\x1b[0m\ntest invoice::tax_of_mixed_rates ... ok\ntest invoice::credit_note ... FAILED\n";
    buffer.take(
        0,
        text.as_bytes(),
        text.len() as u64,
        crate::tui::ui_state::Look::Tail,
    );
    buffer
}

pub fn ui(w: u16, h: u16) -> UiState {
    UiState {
        size: (w, h),
        selected: Some(RowId::Agent("api".into())),
        ..UiState::default()
    }
}

fn screen(w: u16, h: u16, theme: &Theme) -> String {
    let run = fixture::full();
    let ui = ui(w, h);
    text(&paint(&view(&run, &ui, Some(&output())), &ui, theme))
}

#[test]
fn deck_at_every_size() {
    let theme = Theme::default();
    for (w, h) in [
        (250, 60),
        (200, 55),
        (160, 45),
        (120, 35),
        (100, 30),
        (80, 24),
        (60, 20),
        (45, 20),
        (39, 9),
    ] {
        insta::assert_snapshot!(format!("deck_{w}x{h}"), screen(w, h, &theme));
    }
}

#[test]
fn deck_in_ascii_without_colours() {
    let theme = Theme::new("dark", None, Depth::None, true).unwrap();
    let text = screen(120, 35, &theme);
    // Only what agents themselves said may be beyond ASCII.
    for line in text.lines() {
        let odd: String = line.chars().filter(|c| !c.is_ascii()).collect();
        assert!(
            odd.chars().all(|c| c == '·' || c == '…' || c == '›'),
            "{line}"
        );
    }
    insta::assert_snapshot!("deck_ascii_120x35", text);
}

#[test]
fn colours_mean_what_they_should() {
    let theme = Theme::default();
    let run = fixture::full();
    let ui = ui(120, 35);
    let view = view(&run, &ui, None);
    let buf = paint(&view, &ui, &theme);
    let find = |word: &str, from: u16| {
        let rows = text(&buf);
        let (y, line) = rows
            .lines()
            .enumerate()
            .skip(usize::from(from))
            .find(|(_, l)| l.contains(word))
            .unwrap();
        let x = crate::display::width(&line[..line.find(word).unwrap()]);
        (x as u16, y as u16)
    };
    let table = view.regions.table.y;
    for (word, style) in [
        ("● run    importer", theme.state.run),
        ("◎ check", theme.state.check),
        ("‖ froze", theme.state.froze),
        ("· wait", theme.state.wait),
    ] {
        assert_eq!(buf[find(word, table)].fg, style.fg.unwrap(), "{word}");
    }
    // The selected row, the zone, the critical path, what takes more than it reserved.
    let selected = find("● run    api", table);
    assert_eq!(buf[selected].bg, theme.base.selected.bg.unwrap());
    assert_eq!(buf[find("YELLOW", 0)].fg, theme.zone.yellow.fg.unwrap());
    assert_eq!(
        buf[find("═══", view.regions.graph.y)].fg,
        theme.base.critical.fg.unwrap()
    );
    let (x, y) = find("872M", table);
    assert_eq!(buf[(x - 4, y)].symbol(), "▏");
    assert_eq!(buf[(x - 10, y)].fg, theme.zone.orange.fg.unwrap());
    // Without colours nothing has one, and the selected row is told by reversal.
    let none = Theme::new("dark", None, Depth::None, false).unwrap();
    let buf = paint(&view, &ui, &none);
    assert!(
        buf.content
            .iter()
            .all(|c| c.fg == Color::Reset && c.bg == Color::Reset)
    );
    assert!(buf[selected].modifier.contains(Modifier::REVERSED));
}

#[test]
fn an_ended_run_says_so() {
    let mut run = fixture::full();
    run.act(crate::engine::Action::Stop { target: None });
    let ui = ui(120, 35);
    insta::assert_snapshot!(
        "ended_120x35",
        text(&paint(&view(&run, &ui, None), &ui, &Theme::default()))
    );
}

#[test]
fn graph_and_output_take_the_whole_screen() {
    let run = fixture::full();
    for (name, screen) in [("graph", Screen::Graph), ("output", Screen::Agent)] {
        let ui = UiState {
            screen,
            ..ui(140, 30)
        };
        let view = view(&run, &ui, Some(&output()));
        insta::assert_snapshot!(
            format!("{name}_140x30"),
            text(&paint(&view, &ui, &Theme::default()))
        );
    }
}

/// Writes screens as terminal output into the folder of `DECK_DUMP`, to be looked at.
#[test]
#[ignore = "for eyes"]
fn dump() {
    let Ok(folder) = std::env::var("DECK_DUMP") else {
        return;
    };
    let mut run = fixture::full();
    let ended = {
        let mut run = run.clone();
        run.act(crate::engine::Action::Stop { target: None });
        run
    };
    let ui = ui(120, 35);
    let buf = paint(&view(&ended, &ui, None), &ui, &Theme::default());
    std::fs::write(format!("{folder}/ended.ans"), ansi(&buf)).unwrap();
    run.pressure = 960;
    run.input(crate::engine::InputKind::Zone {
        zone: crate::engine::Zone::Red,
        halted: true,
        band: crate::engine::InBand::Below,
        step: 0,
    });
    let buf = paint(&view(&run, &ui, None), &ui, &Theme::default());
    std::fs::write(format!("{folder}/red.ans"), ansi(&buf)).unwrap();
    let run = fixture::full();
    for name in crate::tui::theme::BUILT_IN {
        for (depth, tag) in [
            (Depth::True, ""),
            (Depth::Ansi16, "-16"),
            (Depth::None, "-none"),
        ] {
            let theme = Theme::new(name, None, depth, tag == "-none").unwrap();
            for (w, h) in [
                (200, 55),
                (160, 45),
                (120, 35),
                (80, 24),
                (60, 20),
                (45, 20),
            ] {
                for (kind, screen) in [
                    ("deck", Screen::Deck),
                    ("graph", Screen::Graph),
                    ("output", Screen::Agent),
                ] {
                    let ui = UiState {
                        screen,
                        ..self::ui(w, h)
                    };
                    let buf = paint(&view(&run, &ui, Some(&output())), &ui, &theme);
                    std::fs::write(
                        format!("{folder}/{kind}-{name}{tag}-{w}x{h}.ans"),
                        ansi(&buf),
                    )
                    .unwrap();
                }
            }
        }
    }
}
