//! The side column: cards of phases, and the last events.

use ratatui::buffer::Buffer;

use crate::tui::{
    theme::Theme,
    view::{Tone, View},
};

use super::{glyph, pen::Pen, rule, tone};

/// Columns right of a card's progress bar: how many of how many, and a word.
const FIGURES: u16 = 19;

/// Draws the cards.
pub fn cards(view: &View, theme: &Theme, buf: &mut Buffer) {
    let area = view.regions.side;
    if area.is_empty() {
        return;
    }
    let base = &theme.base;
    let mut y = 0;
    for card in &view.cards {
        if y >= area.height {
            break;
        }
        if let Some(heading) = card.heading {
            let line = ratatui::layout::Rect {
                y: area.y + y,
                height: 1,
                ..area
            };
            rule(buf, line, theme, heading, base.strong, &[], &[]);
            y += 1;
        }
        let mut pen = Pen::new(buf, area, y);
        pen.to(1).put_max(
            &card.name,
            13,
            if card.done == card.total {
                base.dim
            } else {
                base.text
            },
        );
        pen.to(15);
        let total = card.total.max(1);
        let bar = area.width.saturating_sub(15 + FIGURES);
        let cells = usize::from(bar);
        let done = card.done * cells / total;
        let active = ((card.active * cells).div_ceil(total)).min(cells - done);
        let bad = ((card.bad * cells).div_ceil(total)).min(cells - done - active);
        let line = glyph::agents(theme);
        let empty = glyph::free(theme);
        let start = pen.x;
        pen.fill(line, start + done as u16, theme.state.done);
        pen.fill(line, start + (done + active) as u16, theme.state.run);
        pen.fill(line, start + (done + active + bad) as u16, theme.state.fail);
        pen.fill(empty, start + bar, theme.bar.free);
        pen.put_right(
            &format!("{}/{}", card.done, card.total),
            area.width.saturating_sub(11),
            base.dim,
        );
        pen.put_right(
            &card.word,
            area.width.saturating_sub(1),
            tone(theme, card.tone),
        );
        y += 1;
        if !card.text.is_empty() && y < area.height {
            let style = if card.tone == Tone::Plain {
                base.dim
            } else {
                tone(theme, card.tone)
            };
            let room = area.width.saturating_sub(4);
            Pen::new(buf, area, y)
                .to(3)
                .put_max(&card.text, room, style);
            y += 1;
        }
    }
}

/// Draws the last events, newest first.
pub fn lately(view: &View, theme: &Theme, buf: &mut Buffer) {
    let area = view.regions.lately;
    if area.is_empty() {
        return;
    }
    let base = &theme.base;
    if let Some(line) = &view.line {
        rule(buf, area, theme, "MERGE QUEUE", base.strong, &[], &[]);
        for (y, (text, t)) in (1_u16..).zip(line) {
            let room = area.width.saturating_sub(2);
            Pen::new(buf, area, y)
                .to(1)
                .put_max(text, room, tone(theme, *t));
        }
        return;
    }
    rule(buf, area, theme, "LATELY", base.strong, &[], &[]);
    for (y, (clock, note)) in (1_u16..).zip(&view.lately) {
        let mut pen = Pen::new(buf, area, y);
        let room = area.width.saturating_sub(11);
        pen.to(1)
            .put(clock, base.faint.patch(base.dim))
            .put(" ", base.text);
        pen.put_max(&note.text, room, tone(theme, note.tone));
    }
    if view.lately.is_empty() {
        Pen::new(buf, area, 1).to(1).put("nothing yet", base.dim);
    }
}
