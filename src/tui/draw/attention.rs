//! What waits for a person: a block above the graph while there is anything, one line at least.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{Look, glyph, pen::Pen, rule};
use crate::{
    display::width,
    tui::{
        action::UiAction,
        keymap::Whence,
        ui_state::UiState,
        view::{Demand, View, words},
    },
};

/// Columns for a name.
const NAME: u16 = 16;

/// Draws the block.
pub fn draw(view: &View, ui: &UiState, look: Look<'_>, buf: &mut Buffer) {
    let area = view.regions.attention;
    let theme = look.theme;
    let base = &theme.base;
    let all = view.attention.total;
    if area.is_empty() || all == 0 {
        return;
    }
    let mut top = 0;
    let waits = if all == 1 {
        "1 WAITS FOR YOU".to_owned()
    } else {
        format!("{all} WAIT FOR YOU")
    };
    if area.height > 1 {
        let key = look
            .keys
            .key_for(UiAction::Attention)
            .map_or_else(String::new, |k| k.to_string());
        let more = all.saturating_sub(view.attention.shown.len());
        let more = if more > 0 {
            format!("  +{more} more")
        } else {
            String::new()
        };
        rule(
            buf,
            area,
            theme,
            &waits,
            base.alert,
            &[(&more, base.alert)],
            &[
                (&key, base.accent),
                (
                    if look.whence == Whence::Live {
                        " answer"
                    } else {
                        " opens"
                    },
                    base.dim,
                ),
            ],
        );
        top = 1;
    }
    for (y, demand) in (top..).zip(&view.attention.shown) {
        let line = Rect {
            y: area.y + y,
            height: 1,
            ..area
        };
        let more = all - 1;
        let lead = if top == 0 && more > 0 {
            format!("+{more} ")
        } else {
            String::new()
        };
        one(demand, &lead, look, buf, line);
        if demand.row.is_some() && ui.selected == demand.row {
            Pen::new(buf, line, 0).shade(base.selected);
        }
    }
}

/// One line: state, who, since when, what, whom it holds up.
fn one(demand: &Demand, lead: &str, look: Look<'_>, buf: &mut Buffer, line: Rect) {
    let theme = look.theme;
    let base = &theme.base;
    let style = theme.mark(demand.mark);
    let mut pen = Pen::new(buf, line, 0);
    pen.to(1)
        .put(glyph::mark(theme, demand.mark), style)
        .put(" ", style)
        .put(demand.word, style);
    if line.width >= 60 {
        pen.to(9);
    } else {
        pen.put(" ", base.text);
    }
    pen.put(lead, base.alert)
        .put_max(&demand.name, NAME, base.strong);
    let since = words::span(demand.since_us);
    if line.width >= 60 {
        pen.to(9 + NAME + 1)
            .put_right(&since, 9 + NAME + 7, base.dim);
        pen.to(9 + NAME + 9);
    } else {
        pen.put(" ", base.text);
    }
    // Whom it holds up is never cut away by a long reason.
    let holds = width(&demand.holds) as u16;
    let room = line.width.saturating_sub(pen.x + 1);
    let (reason, held) = if holds == 0 {
        (room, 0)
    } else if room > holds + 22 {
        (room - holds - 2, holds)
    } else {
        (room * 3 / 5, room.saturating_sub(room * 3 / 5 + 2))
    };
    pen.put_max(&demand.text, reason, base.text);
    if held > 8 {
        pen.put("  ", base.text)
            .put_max(&demand.holds, held, base.warn);
    }
}
