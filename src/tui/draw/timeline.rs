//! The timeline's picture: rows of bars, a line for now, memory with zone bands below.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use crate::{
    engine::Zone,
    tui::{
        theme::Theme,
        view::{
            View,
            timeline::{Bar, TimeRow, Timeline},
        },
    },
};

use super::{Look, glyph, pen::Pen, rule};

/// Rows of the memory chart at most, with its rule: more would say nothing more.
const MEMORY: u16 = 21;

/// Rows of the memory chart, with its rule: what so many agents leave is its own too.
#[must_use]
fn memory_rows(height: u16, agents: usize) -> u16 {
    let own: u16 = match height {
        0..=13 => return 0,
        14..=23 => 4,
        24..=39 => 6,
        _ => 9,
    };
    // The rule, the legend and the axis.
    let taken = u16::try_from(agents).unwrap_or(u16::MAX).saturating_add(3);
    own.max(height.saturating_sub(taken).min(MEMORY))
}

/// Rows of agents in a panel that shows so many.
#[must_use]
pub fn agent_rows(height: u16, agents: usize) -> u16 {
    // Its rule and the axis.
    height.saturating_sub(2 + memory_rows(height, agents))
}

/// Draws the screen.
pub fn draw(view: &View, timeline: &Timeline, look: Look<'_>, buf: &mut Buffer) {
    let theme = look.theme;
    let area = view.regions.timeline;
    if area.height < 3 {
        return;
    }
    let more = match (timeline.total, timeline.rows.len()) {
        (1, _) => " 1 agent".to_owned(),
        (total, rows) if rows < total => {
            let first = timeline.first + 1;
            let sign = if timeline.first + rows < total {
                glyph::down(theme)
            } else {
                glyph::up(theme)
            };
            format!(" {sign} {first}-{} of {total}", timeline.first + rows)
        }
        (total, _) => format!(" {total} agents"),
    };
    rule(
        buf,
        Rect { height: 1, ..area },
        theme,
        "TIMELINE",
        theme.base.strong,
        &[(more.as_str(), theme.base.dim)],
        &[(timeline.ends.as_str(), theme.base.dim)],
    );
    let agents = agent_rows(area.height, timeline.total);
    for (n, row) in (0..agents).zip(&timeline.rows) {
        let line = Rect {
            y: area.y + 1 + n,
            height: 1,
            ..area
        };
        agent(row, timeline, theme, buf, line);
        if timeline.selected == Some(usize::from(n)) {
            Pen::new(buf, line, 0).shade(theme.base.selected);
        }
    }
    if timeline.rows.len() < usize::from(agents) {
        let line = Rect {
            y: area.y + agents,
            height: 1,
            ..area
        };
        legend(timeline, theme, buf, line);
    }
    let axis = Rect {
        y: area.y + 1 + agents,
        height: 1,
        ..area
    };
    draw_axis(timeline, theme, buf, axis);
    let rows = memory_rows(area.height, timeline.total);
    if rows > 0 {
        let below = Rect {
            y: axis.y + 1,
            height: rows,
            ..area
        };
        memory(timeline, theme, buf, below);
    }
}

/// What the stretches of the visible rows are, as far as it fits.
fn legend(timeline: &Timeline, theme: &Theme, buf: &mut Buffer, line: Rect) {
    const BARS: [(Bar, &str); 10] = [
        (Bar::Planned, "planned"),
        (Bar::Run, "runs"),
        (Bar::Forecast, "left ~"),
        (Bar::Ready, "ready, not let in"),
        (Bar::Check, "checked"),
        (Bar::Merge, "merging"),
        (Bar::Frozen, "frozen"),
        (Bar::Parked, "parked"),
        (Bar::Blocked, "waits for you"),
        (Bar::Backoff, "before a retry"),
    ];
    let mut pen = Pen::new(buf, line, 0);
    pen.to(2);
    for (bar, words) in BARS {
        let mut shown = timeline.rows.iter().flat_map(|row| &row.bars);
        if !shown.any(|&(from, to, is)| is == bar && from < to) {
            continue;
        }
        let (symbol, style) = look_of(theme, bar);
        let wide = crate::display::width(words) as u16 + 3;
        if pen.x + wide > line.width {
            break;
        }
        pen.put(symbol, style)
            .put(symbol, style)
            .put(" ", theme.base.dim)
            .put(words, theme.base.dim);
        pen.x += 2;
    }
}

fn chart(timeline: &Timeline) -> u16 {
    timeline.names + 1
}

fn agent(row: &TimeRow, timeline: &Timeline, theme: &Theme, buf: &mut Buffer, line: Rect) {
    let left = chart(timeline);
    let mut pen = Pen::new(buf, line, 0);
    pen.put(glyph::mark(theme, row.mark), theme.mark(row.mark))
        .to(2)
        .put_max(
            &row.name,
            timeline.names.saturating_sub(3),
            if row.critical {
                theme.base.critical
            } else {
                theme.base.text
            },
        );
    for &(from, to, bar) in &row.bars {
        let (symbol, style) = look_of(theme, bar);
        let to = to.min(timeline.columns);
        if from < to {
            Pen::new(buf, line, 0)
                .to(left + from)
                .fill(symbol, left + to, style);
        }
    }
    for &(at, swap) in &row.retries {
        let symbol = if swap {
            glyph::swap(theme)
        } else {
            glyph::mark(theme, crate::tui::view::Mark::Retry)
        };
        Pen::new(buf, line, 0)
            .to(left + at.min(timeline.columns.saturating_sub(1)))
            .put(symbol, theme.base.warn);
    }
    if timeline.now < timeline.columns {
        let x = line.x + left + timeline.now;
        if let Some(cell) = buf.cell_mut((x, line.y))
            && (cell.symbol() == " " || cell.symbol() == glyph::ghost(theme))
        {
            cell.set_symbol(glyph::bar(theme))
                .set_style(theme.base.faint);
        }
    }
    Pen::new(buf, line, 0).put_right(&row.time, line.width.saturating_sub(1), theme.base.dim);
}

fn look_of(theme: &Theme, bar: Bar) -> (&'static str, Style) {
    match bar {
        Bar::Planned => (glyph::ghost(theme), theme.base.faint),
        Bar::Forecast => (glyph::forecast(theme), theme.base.dim),
        Bar::Ready => (glyph::queued(theme), theme.base.dim),
        Bar::Backoff => (
            glyph::mark(theme, crate::tui::view::Mark::Retry),
            theme.base.warn,
        ),
        Bar::Frozen => (
            glyph::mark(theme, crate::tui::view::Mark::Froze),
            theme.base.warn,
        ),
        Bar::Parked => (
            glyph::mark(theme, crate::tui::view::Mark::Park),
            theme.mark(crate::tui::view::Mark::Park),
        ),
        Bar::Blocked => (
            glyph::mark(theme, crate::tui::view::Mark::Block),
            theme.base.alert,
        ),
        Bar::Check => (glyph::others(theme), theme.base.good),
        Bar::Merge => (
            glyph::mark(theme, crate::tui::view::Mark::Merge),
            theme.state.merge,
        ),
        Bar::Run => (glyph::agents(theme), theme.base.good),
    }
}

fn draw_axis(timeline: &Timeline, theme: &Theme, buf: &mut Buffer, line: Rect) {
    let left = chart(timeline);
    for (at, text) in &timeline.ticks {
        Pen::new(buf, line, 0)
            .to(left + at)
            .put(text, theme.base.dim);
    }
    if timeline.now < timeline.columns {
        let mut pen = Pen::new(buf, line, 0);
        pen.to(left + timeline.now)
            .put(glyph::now(theme), theme.base.strong);
    }
}

/// Eight levels in a cell; ASCII has one.
const EIGHTHS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

fn memory(timeline: &Timeline, theme: &Theme, buf: &mut Buffer, area: Rect) {
    let band = timeline.band.map_or_else(String::new, |(low, high)| {
        let sign = glyph::forecast(theme);
        format!("{sign} band {}-{}%", low / 10, high / 10)
    });
    rule(
        buf,
        Rect { height: 1, ..area },
        theme,
        "MEMORY",
        theme.base.strong,
        &[(" pressure, the highest of each column", theme.base.dim)],
        &[(&band, theme.base.dim)],
    );
    let rows = area.height.saturating_sub(1);
    if rows == 0 {
        return;
    }
    let left = chart(timeline);
    let [yellow, orange, red] = timeline.thresholds;
    // Which row a pressure reaches, from the bottom.
    let row_of = |permille: u32| (permille.min(999) * u32::from(rows) / 1000) as u16;
    if let Some((low, high)) = timeline.band {
        // The rows that the band reaches into.
        for row in row_of(low)..=row_of(high) {
            Pen::new(buf, area, rows - row).to(left).fill(
                glyph::forecast(theme),
                left + timeline.columns,
                theme.base.faint,
            );
        }
    }
    let zones = [
        (yellow, Zone::Yellow),
        (orange, Zone::Orange),
        (red, Zone::Red),
    ];
    for (threshold, _) in zones {
        let row = row_of(threshold);
        let mut pen = Pen::new(buf, area, rows - row);
        // In a low chart several thresholds share a row: its words name them all.
        let here = || zones.iter().filter(|(t, _)| row_of(*t) == row);
        let alone = here().count() == 1;
        let words = here().map(|(t, zone)| {
            let text = if alone {
                format!("{} {}%", zone.name(), t / 10)
            } else {
                format!("{}%", t / 10)
            };
            (text, theme.zone(*zone))
        });
        let words: Vec<_> = words.collect();
        let wide: usize = words.iter().map(|(text, _)| text.len() + 1).sum();
        pen.to(left.saturating_sub(wide as u16));
        for (text, style) in words {
            pen.put(&text, style);
            pen.x += 1;
        }
        pen.to(left).fill(
            glyph::ghost(theme),
            left + timeline.columns,
            theme.base.faint,
        );
    }
    for (n, level) in (0_u16..).zip(&timeline.levels) {
        let Some(level) = level else { continue };
        // In eighths of a row.
        let eighths = level.permille.min(1000) * u32::from(rows) * 8 / 1000;
        for up in 0..u32::from(rows) {
            let fill = eighths.saturating_sub(up * 8).min(8);
            if fill == 0 && up > 0 {
                break;
            }
            let symbol = if theme.ascii {
                "#"
            } else {
                EIGHTHS[(fill.max(1) - 1) as usize]
            };
            Pen::new(buf, area, rows - up as u16)
                .to(left + n)
                .put(symbol, theme.zone(level.zone));
        }
    }
}
