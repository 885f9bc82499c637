//! The picker of themes: a list at the right edge, so that the screen behind can be judged.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::{Look, glyph, pen::Pen, popup::framed};
use crate::{
    display::width,
    tui::{
        theme::{Depth, Theme},
        view::{Mark, View},
    },
};

/// States of the sample that each theme shows of itself.
const SAMPLE: [Mark; 6] = [
    Mark::Run,
    Mark::Check,
    Mark::Froze,
    Mark::Block,
    Mark::Done,
    Mark::Fail,
];
/// Rows of the frame, the title, and the line below the list with its space.
const AROUND: u16 = 6;
/// Columns of a name; longer ones are cut.
const NAME: u16 = 14;

/// What lies below a click.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThemeHit {
    /// A theme.
    Row(usize),
    /// The picker, but no theme.
    Inside,
    /// Something else.
    Outside,
}

/// Where the picker stands.
fn place(view: &View) -> Rect {
    let all = view.regions.all;
    let about = view
        .themes
        .iter()
        .map(|t| width(&t.about) as u16)
        .max()
        .unwrap_or(0);
    let size = (
        (NAME + SAMPLE.len() as u16 + about + 10).min(all.width),
        (view.themes.len() as u16)
            .saturating_add(AROUND)
            .min(all.height),
    );
    Rect {
        x: all.right() - size.0,
        // The footer stays: it says what is wrong with a theme.
        y: all.bottom().saturating_sub(size.1 + 1).max(all.y),
        width: size.0,
        height: size.1,
    }
}

/// The first theme that is listed, and how many are.
fn window(view: &View, chosen: usize) -> (usize, usize) {
    let rows = usize::from(place(view).height.saturating_sub(AROUND));
    ((chosen + 1).saturating_sub(rows), rows)
}

/// What a click means.
#[must_use]
pub fn hit(view: &View, chosen: usize, at: Position) -> ThemeHit {
    let area = place(view);
    if !area.contains(at) {
        return ThemeHit::Outside;
    }
    let (first, rows) = window(view, chosen);
    let row = usize::from(at.y - area.y).checked_sub(3);
    row.filter(|row| *row < rows && first + row < view.themes.len())
        .map_or(ThemeHit::Inside, |row| ThemeHit::Row(first + row))
}

/// Draws the picker.
pub(super) fn draw(view: &View, chosen: usize, look: Look<'_>, buf: &mut Buffer) {
    let base = &look.theme.base;
    let area = place(view).intersection(buf.area);
    let Some(inside) = framed(area, look, buf) else {
        return;
    };
    Pen::new(buf, inside, 0)
        .put("THEMES", base.strong)
        .put("   Enter keeps, Esc takes back", base.dim);
    let (first, rows) = window(view, chosen);
    let listed = view.themes.iter().enumerate().skip(first).take(rows);
    for (y, (n, choice)) in (2..).zip(listed) {
        let mut pen = Pen::new(buf, inside, y);
        if n == chosen {
            pen.put(glyph::pointer(look.theme), base.accent);
        }
        let (about, style) = match &choice.theme {
            Ok(_) => (choice.about.as_str(), base.dim),
            Err(_) => ("its file is wrong", base.warn),
        };
        pen.to(2).put_max(&choice.name, NAME, base.text);
        let from = NAME + SAMPLE.len() as u16 + 6;
        pen.to(from).put(about, style);
        if n == chosen {
            Pen::new(buf, inside, y).shade(base.selected);
        }
        // After the shade: a theme shows itself on its own ground.
        if let Ok(theme) = &choice.theme {
            sample(theme, inside, y, buf);
        }
    }
    let note = match view.themes.get(chosen).map(|t| &t.theme) {
        Some(Err(why)) => (why.as_str(), base.warn),
        _ if look.theme.depth == Depth::None => (
            "no colours here (NO_COLOR, or the setting): all look as mono",
            base.dim,
        ),
        _ => (look.theme.depth.name(), base.dim),
    };
    Pen::new(buf, inside, inside.height.saturating_sub(1)).put(note.0, note.1);
}

/// The states as a theme shows them.
fn sample(theme: &Theme, inside: Rect, y: u16, buf: &mut Buffer) {
    let ground = theme.base.background.patch(theme.base.text);
    // Also what the selected row has laid over it.
    let from = inside.x + NAME + 3;
    for x in from..(from + SAMPLE.len() as u16 + 2).min(inside.right()) {
        if let Some(cell) = buf.cell_mut((x, inside.y + y)) {
            cell.reset();
        }
    }
    let mut pen = Pen::new(buf, inside, y);
    pen.to(NAME + 3).put(" ", ground);
    for mark in SAMPLE {
        pen.put(glyph::mark(theme, mark), ground.patch(theme.mark(mark)));
    }
    pen.put(" ", ground);
}
