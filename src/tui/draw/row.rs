//! One agent's row of the table.

use ratatui::{buffer::Buffer, layout::Rect, style::Modifier};

use super::{columns::Columns, glyph, pen::Pen, tone};
use crate::{
    display::width,
    tui::{
        theme::Theme,
        view::{AgentRow, Left, Mark, Ram, Tone, words},
    },
};

pub(super) fn agent(
    row: &AgentRow,
    columns: &Columns,
    theme: &Theme,
    buf: &mut Buffer,
    body: Rect,
    y: u16,
) {
    let base = &theme.base;
    let style = theme.mark(row.mark);
    let end = |column: (u16, u16)| column.0 + column.1;
    let mut pen = Pen::new(buf, body, y);
    if row.marked {
        pen.put(glyph::marked(theme), base.marked);
    }
    pen.to(columns.state.0)
        .put(glyph::mark(theme, row.mark), style)
        .put(" ", style)
        .put(row.mark.word(), style);
    let indent = u16::from(row.depth).min(6) * 2;
    let name_style = match row.mark {
        Mark::Run | Mark::Check | Mark::Start => base.text.add_modifier(Modifier::BOLD),
        Mark::Fail | Mark::Ask | Mark::Block => style,
        Mark::Wait | Mark::Skip | Mark::Stop | Mark::Done => base.dim,
        _ => base.text,
    };
    if row.pinned {
        pen.to((columns.name.0 + indent).saturating_sub(1))
            .put(glyph::pin(theme), base.accent);
    }
    pen.to(columns.name.0 + indent);
    if row.closed {
        pen.put(glyph::closed(theme), base.dim);
    }
    let room = end(columns.name).saturating_sub(pen.x);
    pen.put_max(&row.name, room, name_style);
    if row.critical && !matches!(row.mark, Mark::Done) && columns.now.0 >= 2 {
        // Right behind the name's column, so that the path reads down as one line.
        pen.to(columns.now.0 - 2)
            .put(glyph::double(theme), base.critical);
    }
    pen.to(columns.now.0);
    let now_style = match (row.mark, row.tone) {
        (Mark::Run, Tone::Plain) => base.text,
        (_, t) => tone(theme, t),
    };
    let quiet = if row.quiet { "quiet! " } else { "" };
    pen.put(quiet, base.alert);
    let room = end(columns.now).saturating_sub(pen.x);
    pen.put_max(&row.now, room, now_style);
    if columns.worker.1 > 0 {
        let style = if row.swapping { base.warn } else { base.worker };
        pen.to(columns.worker.0)
            .put_max(&row.worker, columns.worker.1, style);
    }
    if columns.attempt.1 > 0 && row.attempt.0 > 1 {
        pen.put_right(
            &format!("{}/{}", row.attempt.0, row.attempt.1.max(row.attempt.0)),
            end(columns.attempt),
            base.warn,
        );
    }
    let live = row.ram.is_some_and(|r| r.own.is_some());
    let figure = if live { base.text } else { base.dim };
    if let Some(age) = row.age_us.filter(|_| columns.age.1 > 0) {
        let age = if live {
            words::span(age)
        } else {
            words::took(age)
        };
        pen.put_right(&age, end(columns.age), figure);
    }
    if let Some(quiet) = row.quiet_us.filter(|_| columns.quiet.1 > 0) {
        let style = if row.quiet { base.alert } else { base.dim };
        pen.put_right(&words::span(quiet), end(columns.quiet), style);
    }
    if let Some(ram) = &row.ram {
        gauge(ram, columns, theme, buf, body, y);
    }
    let mut pen = Pen::new(buf, body, y);
    if let Some(output) = row.output.filter(|n| *n > 0 && columns.output.1 > 0) {
        pen.put_right(&words::size(output), end(columns.output), base.dim);
    }
    if let Some(used) = row.used {
        if columns.tokens.1 > 0 && used.tokens() > 0 {
            pen.put_right(&words::tokens(used.tokens()), end(columns.tokens), figure);
        }
        if let Some(cost) = used.cost_microusd.filter(|_| columns.cost.1 > 0) {
            pen.put_right(&words::dollars(cost), end(columns.cost), figure);
        }
    }
    if let Some((added, removed)) = row.diff.filter(|_| columns.diff.1 > 0) {
        let (added, removed) = (format!("+{added}"), format!(" -{removed}"));
        let wide = (width(&added) + width(&removed)) as u16;
        pen.to(end(columns.diff).saturating_sub(wide))
            .put(&added, base.good)
            .put(&removed, base.bad);
    }
    if columns.left.1 > 0 {
        match row.left {
            Some(Left::About(us)) => {
                pen.put_right(
                    &format!("~{}", words::span(us)),
                    end(columns.left),
                    base.accent.remove_modifier(Modifier::BOLD),
                );
            }
            Some(Left::Over(us)) => {
                pen.put_right(
                    &format!("+{}", words::span(us)),
                    end(columns.left),
                    base.alert,
                );
            }
            None => {}
        }
    }
}

/// What it uses now, its peak as a mark, against what is reserved for it.
pub(super) fn gauge(
    ram: &Ram,
    columns: &Columns,
    theme: &Theme,
    buf: &mut Buffer,
    body: Rect,
    y: u16,
) {
    let base = &theme.base;
    let end = |column: (u16, u16)| column.0 + column.1;
    let (x, cells) = columns.gauge;
    if cells > 1
        && let Some(own) = ram.own
    {
        let whole = ram.reserved.max(ram.peak).max(own).max(1);
        let eighths = (u128::from(own) * u128::from(cells) * 8 / u128::from(whole)) as u64;
        let style = theme.zone(ram.zone);
        let mut pen = Pen::new(buf, body, y);
        for i in 0..cells {
            let n = eighths.saturating_sub(u64::from(i) * 8).min(8);
            pen.to(x + i);
            if n > 0 {
                pen.put(glyph::eighths(theme, n), style);
            } else {
                pen.put(glyph::free(theme), theme.bar.free);
            }
        }
        let peak = (u128::from(ram.peak) * u128::from(cells) / u128::from(whole)) as u16;
        if ram.peak > own && u64::from(peak) * 8 > eighths {
            pen.to(x + peak.min(cells - 1))
                .put(glyph::peak(theme), base.text);
        }
    }
    let mut pen = Pen::new(buf, body, y);
    if let Some(own) = ram.own.filter(|_| columns.own.1 > 0) {
        let style = if columns.gauge.1 == 0 {
            theme.zone(ram.zone)
        } else {
            base.text
        };
        let about = if ram.at_most { "~" } else { "" };
        let text = format!("{about}{}", words::size(own));
        pen.put_right(&text, end(columns.own), style);
    }
    if columns.peak.1 > 0 && ram.peak > 0 {
        pen.put_right(&words::size(ram.peak), end(columns.peak), base.dim);
    }
    if columns.reserved.1 > 0 && ram.own.is_some() {
        let about = if ram.guessed { "~" } else { "" };
        let text = format!("{about}{}", words::size(ram.reserved));
        pen.put_right(&text, end(columns.reserved), base.dim);
        debug_assert!(width(&text) < 9);
    }
}
