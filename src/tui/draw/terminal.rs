//! An agent's terminal in its pane: cells in the theme's depth of colours, the cursor, a frame while
//! its keyboard is ours.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Color, Modifier, Style},
};
use tui_term::vt100;

use crate::tui::{
    action::UiAction,
    keymap::Whence,
    theme::Theme,
    ui_state::{Pane, Screen, Tab, UiState},
    view::{
        View,
        terminal::{Ink, TerminalView},
    },
};

use super::{Look, glyph, pen::Pen, rule};

/// Draws the pane.
pub fn draw(view: &View, term: &TerminalView, ui: &UiState, look: Look<'_>, buf: &mut Buffer) {
    let theme = look.theme;
    let base = &theme.base;
    let area = view.regions.output;
    if area.is_empty() {
        return;
    }
    let output = &view.output;
    let zoomed = ui.screen == Screen::Agent && ui.on_agent.zoom.is_some();
    let focused = zoomed
        || match ui.screen {
            Screen::Agent => ui.on_agent.tab == Tab::Output,
            _ => ui.focus == Pane::Output,
        };
    let (cols, rows) = term.size;
    let size = format!("  {cols}x{rows}");
    let state = output.mark.map_or_else(String::new, |m| {
        format!("  {} {}", glyph::mark(theme, m), m.word())
    });
    let state_style = output.mark.map_or(base.dim, |m| theme.mark(m));
    let attempt = match (output.attempt, output.newest) {
        (0 | 1, 0 | 1) => String::new(),
        (shown, newest) if shown < newest => format!("  attempt {shown} of {newest}"),
        (shown, _) => format!("  attempt {shown}"),
    };
    let faulty = if term.faulty {
        "  some of its bytes could not be followed"
    } else {
        ""
    };
    let key = |action| {
        look.keys
            .key_for(action)
            .map_or_else(String::new, |k| k.to_string())
    };
    let (up, history) = term.up;
    let back = match up {
        0 => String::new(),
        _ => format!("{up} of {history} rows back   "),
    };
    let search = match term.search.as_str() {
        "" => String::new(),
        words => {
            let what = crate::display::clean_text(&ui.on_agent.search, 24);
            format!("/{what} {words}   ")
        }
    };
    let (end, zoom, take) = (
        key(UiAction::Last),
        key(UiAction::Zoom),
        key(UiAction::Keyboard),
    );
    let mut right: Vec<(&str, Style)> = vec![(&search, base.accent), (&back, base.warn)];
    if term.held {
        right.push(("keyboard is the agent's", base.alert));
    } else {
        if up > 0 {
            right.extend([(end.as_str(), base.accent), (" end   ", base.dim)]);
        }
        if look.whence == Whence::Live && ui.screen == Screen::Agent {
            right.extend([(take.as_str(), base.accent), (" keyboard   ", base.dim)]);
        }
        right.extend([
            (zoom.as_str(), base.accent),
            (if zoomed { " back" } else { " zoom" }, base.dim),
        ]);
    }
    let name = if output.name == "OUTPUT" {
        "TERMINAL"
    } else {
        &output.name
    };
    rule(
        buf,
        area,
        theme,
        name,
        if focused { base.accent } else { base.strong },
        &[
            (&state, state_style),
            (&size, base.dim),
            (&attempt, base.dim),
            (faulty, base.warn),
        ],
        &right,
    );
    if term.held && !zoomed {
        frame(theme, buf, area);
    }
    let margin = u16::from(!zoomed);
    for (y, runs) in (1..area.height).zip(&term.rows) {
        let mut pen = Pen::new(buf, area, y);
        pen.to(margin);
        for run in runs {
            pen.put(&run.text, ink(theme, run.ink));
        }
    }
    for &(row, x, columns, here) in &term.hits {
        let hit = Rect::new(area.x + margin + x, area.y + 1 + row, columns, 1);
        let style = if here { base.warn } else { base.accent };
        let cells = hit.intersection(area).intersection(buf.area);
        buf.set_style(cells, style.add_modifier(Modifier::REVERSED));
    }
    if let Some((x, y)) = term.cursor {
        let (x, y) = (area.x + margin + x, area.y + 1 + y);
        let cell = Rect::new(x, y, 1, 1).intersection(area);
        let style = if term.held { base.alert } else { base.text };
        buf.set_style(
            cell.intersection(buf.area),
            style.add_modifier(Modifier::REVERSED),
        );
    }
}

/// The pane's frame while what is typed goes to the agent.
fn frame(theme: &Theme, buf: &mut Buffer, area: Rect) {
    let style = theme.base.alert;
    let top = Rect { height: 1, ..area };
    buf.set_style(top.intersection(buf.area), style);
    for y in 1..area.height {
        let mut pen = Pen::new(buf, area, y);
        pen.put(glyph::side(theme), style);
        pen.to(area.width.saturating_sub(1))
            .put(glyph::side(theme), style);
    }
}

/// How a cell looks on a terminal of this depth; without colours, weight and reversal stay.
fn ink(theme: &Theme, ink: Ink) -> Style {
    let color = |color| match color {
        vt100::Color::Default => None,
        vt100::Color::Idx(i) => theme.foreign(Color::Indexed(i)),
        vt100::Color::Rgb(r, g, b) => theme.foreign(Color::Rgb(r, g, b)),
    };
    let mut style = theme.base.text;
    if let Some(fg) = color(ink.fg) {
        style = style.fg(fg);
    }
    if let Some(bg) = color(ink.bg) {
        style = style.bg(bg);
    }
    for (on, modifier) in [
        (ink.bold, Modifier::BOLD),
        (ink.dim, Modifier::DIM),
        (ink.italic, Modifier::ITALIC),
        (ink.underline, Modifier::UNDERLINED),
        (ink.inverse, Modifier::REVERSED),
    ] {
        if on {
            style = style.add_modifier(modifier);
        }
    }
    style
}
