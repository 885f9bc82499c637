//! The output of the selected agent: its tail, or a place in it.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
};

use crate::{
    display::width,
    tui::{
        action::UiAction,
        theme::Theme,
        ui_state::{Pane, Screen, Tab, UiState},
        view::{View, output::OutputRow, words},
    },
};

use super::{Look, glyph, pen::Pen, rule, tone};

/// Draws the pane; over the whole screen it has neither margins nor footer, to be copied from.
pub fn draw(view: &View, ui: &UiState, look: Look<'_>, buf: &mut Buffer) {
    let theme = look.theme;
    let base = &theme.base;
    let area = view.regions.output;
    if area.is_empty() {
        return;
    }
    let output = &view.output;
    let on_agent = ui.screen == Screen::Agent;
    let zoomed = on_agent && ui.on_agent.zoom.is_some();
    let title = if output.name.is_empty() {
        "OUTPUT"
    } else {
        &output.name
    };
    let (state, style) = output.mark.map_or((String::new(), base.dim), |m| {
        let state = format!("  {} {}", glyph::mark(theme, m), m.word());
        (state, theme.mark(m))
    });
    let said = |text: &str| {
        if text.is_empty() {
            String::new()
        } else {
            format!("  {text}")
        }
    };
    let (worker, of) = (said(&output.worker), said(output.of));
    let attempt = match (output.attempt, output.newest) {
        (0 | 1, 0 | 1) => String::new(),
        (shown, newest) if shown < newest => format!("  attempt {shown} of {newest}"),
        (shown, _) => format!("  attempt {shown}"),
    };
    let old = if output.attempt < output.newest {
        base.warn
    } else {
        base.dim
    };
    let (to, total) = output.place;
    let place = if output.follows || total == 0 {
        if total > 0 {
            words::size(total)
        } else {
            String::new()
        }
    } else {
        format!("{}% of {}", to.min(total) * 100 / total, words::size(total))
    };
    let key = |action| {
        look.keys
            .key_for(action)
            .map_or_else(String::new, |k| k.to_string())
    };
    let (zoom, tail, back) = (
        key(UiAction::Zoom),
        key(UiAction::Last),
        key(UiAction::Back),
    );
    let focused = zoomed
        || match ui.screen {
            Screen::Agent => matches!(ui.on_agent.tab, Tab::Output | Tab::Prompt),
            _ => ui.focus == Pane::Output,
        };
    let column = match output.column {
        0 => String::new(),
        n => format!("from column {}   ", n + 1),
    };
    let found = match output.search.as_str() {
        "" => String::new(),
        words => {
            let what = crate::display::clean_text(&ui.on_agent.search, 24);
            format!("/{what} {words}   ")
        }
    };
    let marking = if ui.on_agent.mark.is_some() && on_agent {
        "marking   "
    } else {
        ""
    };
    let mut right: Vec<(&str, Style)> = vec![
        (marking, base.marked),
        (&found, base.accent),
        (&column, base.dim),
        (&place, base.dim),
    ];
    if !output.follows {
        right.extend([
            ("   ", base.dim),
            (tail.as_str(), base.accent),
            (" end", base.dim),
        ]);
    }
    if zoomed {
        right.extend([
            ("   ", base.dim),
            (back.as_str(), base.accent),
            (" back", base.dim),
        ]);
    } else {
        right.extend([
            ("   ", base.dim),
            (zoom.as_str(), base.accent),
            (" zoom", base.dim),
        ]);
    }
    rule(
        buf,
        area,
        theme,
        title,
        if focused { base.accent } else { base.strong },
        &[
            (&state, style),
            (&worker, base.worker),
            (&attempt, old),
            (&of, base.warn),
        ],
        &right,
    );
    let margin = u16::from(!zoomed);
    let room = area.width.saturating_sub(margin);
    let rows = area.height.saturating_sub(1);
    if output.rows.is_empty() {
        let mut y = 1;
        if !output.empty.is_empty() {
            Pen::new(buf, area, y)
                .to(margin)
                .put(output.empty, base.dim);
            y += 1;
        }
        for (text, t) in &output.about {
            if y <= rows {
                Pen::new(buf, area, y)
                    .to(margin)
                    .put_max(text, room, tone(theme, *t));
                y += 1;
            }
        }
        return;
    }
    for (y, row) in (1..=rows).zip(&output.rows) {
        line(row, theme, buf, area, (margin, y));
    }
}

/// One row, with what is found in it.
fn line(row: &OutputRow, theme: &Theme, buf: &mut Buffer, area: Rect, at: (u16, u16)) {
    let base = &theme.base;
    let (margin, y) = at;
    let room = area.width.saturating_sub(margin);
    let mut pen = Pen::new(buf, area, y);
    pen.to(margin)
        .put_max(&row.text, room, tone(theme, row.tone));
    if row.marked {
        pen.shade(base.selected);
    }
    let hit_style = if row.current { base.warn } else { base.accent };
    for hit in &row.hits {
        let before = width(&row.text[..hit.start]) as u16;
        let wide = width(&row.text[hit.clone()]) as u16;
        let x = area.x + margin + before.min(room);
        let end = (x + wide).min(area.right());
        let cells = Rect::new(x, area.y + y, end.saturating_sub(x), 1);
        buf.set_style(
            cells.intersection(buf.area),
            hit_style.add_modifier(Modifier::REVERSED),
        );
    }
}
