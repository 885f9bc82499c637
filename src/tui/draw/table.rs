//! The table of groups and agents.

use ratatui::{buffer::Buffer, layout::Rect, style::Modifier};

use crate::{
    display::width,
    tui::{
        action::UiAction,
        theme::{Depth, Theme},
        ui_state::{Grouping, Pane, UiState},
        view::{AgentRow, Left, Mark, Ram, Row, View, regions, words},
    },
};

use super::{Look, glyph, pen::Pen, rule, tone};

/// Where the columns are, relative to the panel; 0 columns wide: not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Columns {
    state: (u16, u16),
    name: (u16, u16),
    now: (u16, u16),
    worker: (u16, u16),
    attempt: (u16, u16),
    age: (u16, u16),
    quiet: (u16, u16),
    gauge: (u16, u16),
    own: (u16, u16),
    peak: (u16, u16),
    reserved: (u16, u16),
    output: (u16, u16),
    left: (u16, u16),
}

impl Columns {
    fn new(view: &View, ui: &UiState) -> Self {
        let w = view.regions.table.width;
        let table = &view.table;
        let mut out = Self::default();
        let name = (table.name_width as u16).clamp(6, if w >= 160 { 28 } else { 18 });
        let worker = (table.worker_width as u16).min(if w >= 140 { 18 } else { 14 });
        // From the right: what is wished for, from which width on.
        let mut right = w.saturating_sub(1);
        let mut take = |columns: u16, from: u16| {
            if w < from || columns == 0 {
                return (0, 0);
            }
            right = right.saturating_sub(columns);
            let at = right;
            right = right.saturating_sub(2);
            (at, columns)
        };
        out.left = take(6, 70);
        out.output = take(6, 150);
        out.reserved = take(5, 100);
        out.peak = take(5, 110);
        out.own = take(5, 60);
        out.gauge = take(if w >= 150 { 12 } else { 8 }, 96);
        out.quiet = take(5, 90);
        out.age = take(5, 72);
        out.attempt = if table.retries { take(3, 130) } else { (0, 0) };
        out.worker = if ui.grouping == Grouping::Flat || w >= 110 {
            take(worker, 100)
        } else {
            take(worker, 110)
        };
        out.state = (1, 7);
        let name = name.min(w.saturating_sub(20).max(8));
        out.name = (if w >= 60 { 10 } else { 9 }, name);
        let now = out.name.0 + name + 2;
        out.now = (now, right.saturating_sub(now));
        out
    }
}

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

fn head(view: &View, ui: &UiState, look: Look<'_>, buf: &mut Buffer, area: Rect) {
    let theme = look.theme;
    let base = &theme.base;
    let table = &view.table;
    let by = match ui.grouping {
        Grouping::Flat => String::new(),
        g => format!(" by {}", g.name()),
    };
    let mut filter = String::new();
    if ui.typing || !ui.filter.is_empty() {
        filter = format!(
            "  /{}{}",
            crate::display::clean_text(&ui.filter, 40),
            if ui.typing { "_" } else { "" }
        );
    }
    let matched = table
        .matched
        .map_or_else(String::new, |n| format!(" {n} of {}", view.header.total));
    let marked = match table.marked {
        0 => String::new(),
        n => format!("  {n} marked"),
    };
    let rows = usize::from(regions::table_rows(area.height));
    let narrow = area.width < regions::NARROW;
    let place = if table.total > rows && rows > 0 {
        let last = (table.first + rows).min(table.total);
        let more = match (table.first > 0, last < table.total) {
            (true, true) => format!("{}{} ", glyph::up(theme), glyph::down(theme)),
            (true, false) => format!("{} ", glyph::up(theme)),
            (false, true) => format!("{} ", glyph::down(theme)),
            (false, false) => String::new(),
        };
        let gap = if narrow { "" } else { "   " };
        format!("{more}{}-{last} of {}{gap}", table.first + 1, table.total)
    } else {
        String::new()
    };
    let key = |action| {
        look.keys
            .key_for(action)
            .map_or_else(String::new, |k| k.to_string())
    };
    let (slash, sort) = (key(UiAction::Filter), key(UiAction::Sort));
    let sorted = format!(" sort: {}", ui.sort.name());
    let title_style = if ui.focus == Pane::Table {
        base.accent
    } else {
        base.strong
    };
    rule(
        buf,
        area,
        theme,
        "AGENTS",
        title_style,
        &[
            (&by, base.dim),
            (&filter, base.warn),
            (&matched, base.dim),
            (&marked, base.marked),
        ],
        &[
            (&place, base.dim),
            (if narrow { "" } else { &slash }, base.accent),
            (if narrow { "" } else { " filter   " }, base.dim),
            (if narrow { "" } else { &sort }, base.accent),
            (if narrow { "" } else { &sorted }, base.dim),
        ],
    );
    let columns = Columns::new(view, ui);
    let heads = Rect {
        y: area.y + 1,
        height: 1,
        ..area
    };
    let mut left = |column: (u16, u16), text: &str| {
        if column.1 > 0 {
            Pen::new(buf, heads, 0)
                .to(column.0)
                .put_max(text, column.1, base.dim);
        }
    };
    left(columns.state, "state");
    left(columns.name, "agent");
    left(columns.now, "now, or why it waits");
    left(columns.worker, "worker");
    let gauge = if columns.gauge.1 >= 12 {
        "memory used"
    } else {
        "memory"
    };
    left(columns.gauge, gauge);
    let mut right = |column: (u16, u16), text: &str| {
        if column.1 > 0 {
            Pen::new(buf, heads, 0).put_right(text, column.0 + column.1, base.dim);
        }
    };
    right(columns.attempt, "try");
    right(columns.age, "age");
    right(columns.quiet, "quiet");
    right(columns.own, if columns.gauge.1 > 0 { "now" } else { "RAM" });
    right(columns.peak, "peak");
    right(columns.reserved, "resv");
    right(columns.output, "output");
    right(columns.left, "~left");
}

fn agent(row: &AgentRow, columns: &Columns, theme: &Theme, buf: &mut Buffer, body: Rect, y: u16) {
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
        Mark::Fail | Mark::Block => style,
        Mark::Wait | Mark::Skip | Mark::Stop | Mark::Done => base.dim,
        _ => base.text,
    };
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
        (Mark::Run, crate::tui::view::Tone::Plain) => base.text,
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
        pen.put_right(&words::span(age), end(columns.age), figure);
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
fn gauge(ram: &Ram, columns: &Columns, theme: &Theme, buf: &mut Buffer, body: Rect, y: u16) {
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
        pen.put_right(&words::size(own), end(columns.own), style);
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
