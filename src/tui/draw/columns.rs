//! The columns of the table and its heads; what matters less goes first when space is short.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{Look, glyph, pen::Pen, rule};
use crate::tui::{
    action::UiAction,
    ui_state::{Grouping, Pane, UiState},
    view::{View, regions},
};

/// Where the columns are, relative to the panel; 0 columns wide: not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Columns {
    pub state: (u16, u16),
    pub name: (u16, u16),
    pub now: (u16, u16),
    pub worker: (u16, u16),
    pub attempt: (u16, u16),
    pub age: (u16, u16),
    pub quiet: (u16, u16),
    pub gauge: (u16, u16),
    pub own: (u16, u16),
    pub peak: (u16, u16),
    pub reserved: (u16, u16),
    pub output: (u16, u16),
    pub tokens: (u16, u16),
    pub cost: (u16, u16),
    pub diff: (u16, u16),
    pub left: (u16, u16),
}

/// What the column *now* should have: less says nothing of what an agent does.
const NOW: u16 = 18;

impl Columns {
    /// Where what an agent does now would have too little room, other columns go: first those whose figures
    /// are on the agent's screen too.
    pub fn new(view: &View, ui: &UiState) -> Self {
        let mut out = Self::without(view, ui, 0);
        for gone in 1..=3 {
            if out.now.1 >= NOW || out.worker.1 == 0 {
                break;
            }
            out = Self::without(view, ui, gone);
        }
        out
    }

    /// Without so many of: diff, reserved, quiet.
    fn without(view: &View, ui: &UiState, gone: u8) -> Self {
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
        out.diff = if table.diffs && gone < 1 {
            take(11, 120)
        } else {
            (0, 0)
        };
        out.cost = if table.used.1 { take(7, 140) } else { (0, 0) };
        out.tokens = if table.used.0 { take(6, 120) } else { (0, 0) };
        out.output = take(6, if table.used.0 { 180 } else { 150 });
        out.reserved = if gone < 2 { take(5, 100) } else { (0, 0) };
        out.peak = take(5, 130);
        out.own = take(5, 60);
        out.gauge = take(if w >= 150 { 12 } else { 8 }, 96);
        out.quiet = if gone < 3 { take(5, 90) } else { (0, 0) };
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

pub(super) fn head(view: &View, ui: &UiState, look: Look<'_>, buf: &mut Buffer, area: Rect) {
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
    let now = if columns.now.1 < 20 {
        "now, or why not"
    } else {
        "now, or why it waits"
    };
    left(columns.now, now);
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
    right(columns.diff, "diff");
    right(columns.output, "output");
    right(columns.tokens, "tokens");
    right(columns.cost, "cost");
    right(columns.left, "~left");
}
