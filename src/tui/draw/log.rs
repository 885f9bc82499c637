//! The log's picture: a line for each event, the selected one's figures below.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use crate::{
    display::width,
    engine::Level,
    tui::{
        theme::Theme,
        ui_state::UiState,
        view::{View, log::Log},
    },
};

use super::{Look, pen::Pen, rule, tone};

/// Rows of the figures, with their rule.
#[must_use]
const fn detail_rows(height: u16) -> u16 {
    match height {
        0..=11 => 0,
        12..=23 => 6,
        24..=39 => 9,
        _ => 14,
    }
}

/// Rows of events in a panel.
#[must_use]
pub const fn event_rows(height: u16) -> u16 {
    height.saturating_sub(1 + detail_rows(height))
}

/// Draws the screen.
pub fn draw(view: &View, log: &Log, ui: &UiState, look: Look<'_>, buf: &mut Buffer) {
    let theme = look.theme;
    let base = &theme.base;
    let area = view.regions.log;
    if area.height < 2 {
        return;
    }
    let count = match (log.whole, log.total) {
        (true, 1) => " 1 event".to_owned(),
        (true, n) => format!(" {n} events"),
        (false, 1) => " the last event".to_owned(),
        (false, n) => format!(" the last {n} events"),
    };
    let typed = if ui.typing || !ui.log_filter.is_empty() {
        format!("  / {}{}", ui.log_filter, if ui.typing { "▏" } else { "" })
    } else {
        String::new()
    };
    let level = if log.filter.is_empty() {
        String::new()
    } else {
        format!("  {}", log.filter)
    };
    let right = match (log.reads, log.follows) {
        (true, _) if log.whole => "reads",
        (true, _) => "looks further back",
        (false, true) => "follows",
        (false, false) => "",
    };
    rule(
        buf,
        Rect { height: 1, ..area },
        theme,
        "LOG",
        base.strong,
        &[
            (count.as_str(), base.dim),
            (typed.as_str(), base.accent),
            (level.as_str(), base.warn),
        ],
        &[(right, base.dim)],
    );
    let rows = event_rows(area.height);
    let kinds = log.rows.iter().map(|r| width(r.kind)).max().unwrap_or(0) as u16;
    for (n, row) in (0..rows).zip(&log.rows) {
        let mut pen = Pen::new(buf, area, 1 + n);
        let mut x = 1;
        pen.to(x).put(&row.clock, base.dim);
        x += 10;
        pen.put_right(&row.elapsed, x + 6, base.dim);
        x += 8;
        if area.width >= 100 {
            pen.put_right(&row.seq.to_string(), x + 7, base.dim);
            x += 9;
            pen.to(x).put(row.kind, base.dim);
            x += kinds + 2;
        }
        pen.to(x).put(mark(row.level), style_of(theme, row.level));
        let room = area.width.saturating_sub(x + 3);
        pen.to(x + 2)
            .put_max(&row.text, room, tone(theme, row.tone));
        if log.selected == Some(usize::from(n)) {
            Pen::new(buf, area, 1 + n).shade(base.selected);
        }
    }
    if log.rows.is_empty() {
        let text = match (log.reads, log.whole) {
            (true, _) => "looks further back",
            (false, false) => "the journal was not read to its begin; the next key tries again",
            (false, true) => "no event is let through",
        };
        Pen::new(buf, area, 1).to(1).put(text, base.dim);
    }
    let below = detail_rows(area.height);
    if below > 0 {
        let area = Rect {
            y: area.y + 1 + rows,
            height: below,
            ..area
        };
        detail(log, theme, buf, area);
    }
}

fn detail(log: &Log, theme: &Theme, buf: &mut Buffer, area: Rect) {
    let base = &theme.base;
    let title = log
        .selected
        .and_then(|at| log.rows.get(at))
        .map_or(String::new(), |row| format!("EVENT {}", row.seq));
    let mut y = 1;
    let rows = usize::from(
        area.height
            .saturating_sub(y + u16::from(log.rule.is_some())),
    )
    .max(1);
    let columns = usize::from(area.width / 60).max(1);
    let more = match log.fields.len().saturating_sub(rows * columns) {
        0 => String::new(),
        n => format!("{n} more in the journal"),
    };
    rule(
        buf,
        Rect { height: 1, ..area },
        theme,
        &title,
        base.strong,
        &[],
        &[(&more, base.dim)],
    );
    if let Some(rule) = log.rule {
        Pen::new(buf, area, y)
            .to(1)
            .put("rule  ", base.dim)
            .put_max(rule, area.width.saturating_sub(8), base.text);
        y += 1;
    }
    // In as many columns as fit, from top to bottom.
    for (n, (name, value)) in log.fields.iter().take(rows * columns).enumerate() {
        let x = (n / rows) as u16 * 60 + 1;
        let row = y + (n % rows) as u16;
        let room = 58.min(area.width.saturating_sub(x + 1));
        let mut pen = Pen::new(buf, area, row);
        pen.to(x).put_max(name, room.min(40), base.dim);
        let at = (x + 25).max(pen.x + 1);
        pen.to(at)
            .put_max(value, (x + room).saturating_sub(at), base.text);
    }
}

const fn mark(level: Level) -> &'static str {
    match level {
        Level::Low => " ",
        Level::Medium => "-",
        Level::High => "!",
        Level::Critical => "‼",
    }
}

const fn style_of(theme: &Theme, level: Level) -> Style {
    match level {
        Level::Low => theme.base.faint,
        Level::Medium => theme.base.dim,
        Level::High => theme.base.alert,
        Level::Critical => theme.base.bad,
    }
}
