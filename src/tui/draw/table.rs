//! The table of groups and agents.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    Look,
    columns::{Columns, head},
    glyph,
    pen::Pen,
    row::agent,
    tone,
};
use crate::tui::{
    theme::Depth,
    ui_state::UiState,
    view::{Mark, Row, View, regions, words},
};

/// Draws the table.
pub fn draw(view: &View, ui: &UiState, look: Look<'_>, buf: &mut Buffer) {
    let theme = look.theme;
    let area = view.regions.table;
    if area.is_empty() {
        return;
    }
    head(view, ui, look, buf, area);
    let columns = Columns::new(view, ui);
    let rows = regions::table_rows(area.height);
    let body = Rect {
        y: area.y + 2,
        height: rows,
        ..area
    };
    for (y, row) in (0_u16..).zip(&view.table.rows) {
        match row {
            Row::Group {
                name,
                title,
                text,
                tone: t,
                done,
                total,
                counts,
                ram,
                critical,
                closed,
            } => {
                let base = &theme.base;
                let fold = if *closed {
                    glyph::closed(theme)
                } else {
                    glyph::open(theme)
                };
                let mut pen = Pen::new(buf, body, y);
                pen.put(fold, base.dim)
                    .put(" ", base.text)
                    .put(name, base.strong);
                if pen.x < columns.name.0 - 2 {
                    pen.to(columns.name.0);
                } else {
                    pen.put("  ", base.text);
                }
                pen.put(title, base.text);
                if pen.x < columns.now.0 {
                    pen.to(columns.now.0);
                } else {
                    pen.put("  ", base.text);
                }
                let style = if done == total { base.good } else { base.text };
                pen.put(&format!("{done}/{total} done"), style);
                for (mark, n) in counts {
                    pen.put("  ", base.text)
                        .put(&format!("{n} {}", mark.word()), theme.mark(*mark));
                }
                if *critical && area.width >= 90 {
                    pen.put("  ", base.text)
                        .put("on the critical path", base.critical);
                }
                if !text.is_empty() {
                    let room = (columns.now.0 + columns.now.1).saturating_sub(pen.x + 2);
                    pen.put("  ", base.text)
                        .put_max(text, room, tone(theme, *t));
                }
                if *ram > 0 && columns.own.1 > 0 {
                    Pen::new(buf, body, y).put_right(
                        &words::size(*ram),
                        columns.own.0 + columns.own.1,
                        base.text,
                    );
                }
            }
            Row::Agent(row) => agent(row, &columns, theme, buf, body, y),
            Row::Done { count, names, open } => {
                let base = &theme.base;
                let fold = if *open {
                    glyph::open(theme)
                } else {
                    glyph::closed(theme)
                };
                let mut pen = Pen::new(buf, body, y);
                pen.put(fold, base.dim)
                    .put(" ", base.text)
                    .put(glyph::mark(theme, Mark::Done), theme.mark(Mark::Done))
                    .put(&format!(" {count} done"), theme.mark(Mark::Done));
                if pen.x < columns.name.0 {
                    pen.to(columns.name.0);
                }
                let room = area.width.saturating_sub(pen.x + 3);
                pen.put("  ", base.text).put_max(names, room, base.dim);
            }
        }
        if view.table.selected == Some(usize::from(y)) {
            Pen::new(buf, body, y).shade(theme.base.selected);
            if theme.depth == Depth::None {
                Pen::new(buf, body, y).put(glyph::pointer(theme), theme.base.strong);
            }
        }
    }
    if view.table.rows.is_empty() {
        let text = if view.table.matched.is_some() {
            "nothing matches the filter; Esc takes it away"
        } else {
            "no agents"
        };
        Pen::new(buf, body, 0)
            .to(columns.name.0)
            .put(text, theme.base.dim);
    }
}
