//! The memory pane: a table of who holds what, its sums, and who goes next.
//!
//! What an agent is only attributed is drawn lighter than what it holds itself. Estimates and upper bounds carry `~`.

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use crate::engine::Zone;
use crate::tui::{
    action::UiAction,
    theme::Theme,
    ui_state::{Pane, UiState},
    view::{
        View,
        ram::{Figure, RamPane, RamRow, Who},
        words,
    },
};

use super::{Look, glyph, pen::Pen, rule, tone};

/// Columns of a figure.
const FIGURE: u16 = 6;
/// Columns of a rate: `+1023M/min`.
const RATE: u16 = 10;
/// Columns of the last half minute.
const SPARK: u16 = 16;
/// What the words of a row need before a column gives way to them.
const TEXT: u16 = 20;

/// First column and columns of each; 0 wide: it has no place.
#[derive(Debug, Clone, Copy, Default)]
struct Columns {
    name: (u16, u16),
    own: (u16, u16),
    attributed: (u16, u16),
    reserved: (u16, u16),
    peak: (u16, u16),
    rate: (u16, u16),
    spark: (u16, u16),
    text: (u16, u16),
}

impl Columns {
    /// What matters less has no place in a narrow pane.
    fn new(width: u16, pane: &RamPane) -> Self {
        let rows = pane.rows.iter().chain(&pane.sums);
        let widest = rows.map(|row| crate::display::width(&row.name)).max();
        let most = if width >= 100 { 24 } else { 16 };
        let name = u16::try_from(widest.unwrap_or(0))
            .unwrap_or(most)
            .clamp(8, most);
        let mut out = Self {
            name: (4, name),
            ..Self::default()
        };
        let mut x = 4 + name;
        let mut take = |columns: u16, from: u16| {
            if width < from {
                return (0, 0);
            }
            let at = x + 2;
            x = at + columns;
            (at, columns)
        };
        out.own = take(FIGURE, 0);
        if pane.servers {
            out.attributed = take(FIGURE, 40);
        }
        out.reserved = take(FIGURE, 54);
        out.peak = take(FIGURE, 90);
        out.rate = take(RATE, 48);
        out.spark = take(SPARK, 120);
        let rest = width.saturating_sub(x + 3);
        if rest >= TEXT {
            out.text = (x + 2, rest);
        }
        out
    }
}

/// Draws the pane.
pub fn draw(view: &View, ui: &UiState, look: Look<'_>, buf: &mut Buffer) {
    let area = view.regions.ram;
    let Some(pane) = view.ram.as_ref().filter(|_| area.height > 1) else {
        return;
    };
    let base = &look.theme.base;
    head(pane, ui, look, buf, area);
    let columns = Columns::new(area.width, pane);
    let mut y = 2;
    let fixed = pane.sums.len() + pane.lines.len();
    let room = usize::from(area.height - 2).saturating_sub(fixed);
    for (n, row) in pane.rows.iter().take(room).enumerate() {
        draw_row(row, &columns, look.theme, buf, area, y);
        if pane.selected == Some(n) {
            let mut pen = Pen::new(buf, area, y);
            if ui.focus == Pane::Output {
                pen.put(glyph::pointer(look.theme), base.text);
            }
            pen.shade(base.selected);
        }
        y += 1;
    }
    if pane.rows.is_empty() && room > 0 {
        Pen::new(buf, area, y).to(1).put(
            "nobody holds memory: no process runs, none is parked",
            base.dim,
        );
        y += 1;
    }
    for row in &pane.sums {
        draw_row(row, &columns, look.theme, buf, area, y);
        y += 1;
    }
    for (text, t) in &pane.lines {
        let room = area.width.saturating_sub(2);
        Pen::new(buf, area, y)
            .to(1)
            .put_max(text, room, tone(look.theme, *t));
        y += 1;
    }
}

fn head(pane: &RamPane, ui: &UiState, look: Look<'_>, buf: &mut Buffer, area: Rect) {
    let theme = look.theme;
    let base = &theme.base;
    let key = |action| {
        look.keys
            .key_for(action)
            .map_or_else(String::new, |key| key.to_string())
    };
    let focused = ui.focus == Pane::Output;
    let shown = pane.rows.len();
    let place = if shown < pane.total {
        let more = if pane.first + shown < pane.total {
            glyph::down(theme)
        } else {
            glyph::up(theme)
        };
        format!(
            "{more} {}-{} of {}   ",
            pane.first + 1,
            pane.first + shown,
            pane.total
        )
    } else {
        String::new()
    };
    // The key sorts the table while the arrow keys are there.
    let sort = if focused {
        key(UiAction::Sort)
    } else {
        String::new()
    };
    let sorted = format!(
        "{}sort: {}",
        if focused { " " } else { "" },
        pane.sort.name()
    );
    let close = key(UiAction::Memory);
    let closes = if area.width < 70 { "" } else { " closes" };
    rule(
        buf,
        Rect { height: 1, ..area },
        theme,
        "MEMORY",
        if focused { base.accent } else { base.strong },
        &[],
        &[
            (&place, base.dim),
            (&sort, base.accent),
            (&sorted, base.dim),
            ("   ", base.dim),
            (&close, base.accent),
            (closes, base.dim),
        ],
    );
    let columns = Columns::new(area.width, pane);
    let mut heads = Pen::new(buf, area, 1);
    heads.to(4).put("who", base.dim);
    for (column, text) in [
        (columns.own, "own"),
        (columns.attributed, "attrib"),
        (columns.reserved, "resv"),
        (columns.peak, "peak"),
        (columns.rate, "trend"),
    ] {
        if column.1 > 0 {
            heads.put_right(text, column.0 + column.1, base.dim);
        }
    }
    for (column, text) in [
        (columns.spark, "last half minute"),
        (columns.text, "what would free it"),
    ] {
        if column.1 > 0 {
            heads.to(column.0).put_max(text, column.1, base.dim);
        }
    }
}

fn draw_row(row: &RamRow, columns: &Columns, theme: &Theme, buf: &mut Buffer, area: Rect, y: u16) {
    let base = &theme.base;
    let sum = row.who == Who::Sum;
    let plain = match row.who {
        Who::Agent(_) => base.text,
        Who::Sum => base.strong,
        Who::Server | Who::Other => base.dim,
    };
    let mut pen = Pen::new(buf, area, y);
    if let Some(mark) = row.mark {
        pen.to(2).put(glyph::mark(theme, mark), theme.mark(mark));
    } else if row.who == Who::Server {
        pen.to(2).put(glyph::others(theme), theme.bar.others);
    }
    if row.pinned {
        pen.to(3).put(glyph::pin(theme), base.accent);
    }
    pen.to(columns.name.0)
        .put_max(&row.name, columns.name.1, plain);
    let zoned = match row.who {
        Who::Agent(_) => theme.zone(row.zone),
        Who::Sum if row.zone > Zone::Green => theme.zone(row.zone),
        _ => plain,
    };
    let lighter = if sum { base.text } else { base.dim };
    for (column, figure, style) in [
        (columns.own, row.own, zoned),
        (columns.attributed, row.attributed, lighter),
        (columns.reserved, row.reserved, lighter),
        (columns.peak, row.peak, base.dim),
    ] {
        put(&mut pen, column, figure, style);
    }
    if columns.rate.1 > 0
        && let Some(rate) = row.rate
    {
        let style = if rate > 0 { base.text } else { base.dim };
        pen.put_right(&words::rate(rate), columns.rate.0 + columns.rate.1, style);
    }
    if columns.spark.1 > 0 {
        let from = row.spark.len().saturating_sub(usize::from(columns.spark.1));
        pen.to(columns.spark.0);
        for &eighth in &row.spark[from..] {
            pen.put(glyph::height(theme, eighth), zoned);
        }
    }
    if columns.text.1 > 0 {
        pen.to(columns.text.0)
            .put_max(&row.text, columns.text.1, tone(theme, row.tone));
    }
}

fn put(pen: &mut Pen<'_>, column: (u16, u16), figure: Option<Figure>, style: Style) {
    if let Some(figure) = figure.filter(|_| column.1 > 0) {
        let about = if figure.about { "~" } else { "" };
        let text = format!("{about}{}", words::size(figure.bytes));
        pen.put_right(&text, column.0 + column.1, style);
    }
}
