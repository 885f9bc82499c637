//! How the home screen is drawn: the list, and what is known of the selected row.
//!
//! Must not decide what a key does.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use super::Home;
use crate::{
    display::width,
    tui::draw::{self, Look, pen::Pen},
};

/// Columns of a row's name at most.
const NAME: usize = 34;
/// Rows of the pane about the selected row.
const ABOUT: u16 = 9;

/// A line of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Blank,
    Title(usize),
    Empty(usize),
    /// Number of the row, over all groups.
    Item(usize),
}

impl Home {
    fn lines(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        let mut row = 0;
        for (i, group) in self.found.groups.iter().enumerate() {
            if i > 0 {
                lines.push(Line::Blank);
            }
            lines.push(Line::Title(i));
            if group.items.is_empty() {
                lines.push(Line::Empty(i));
            }
            for _ in &group.items {
                lines.push(Line::Item(row));
                row += 1;
            }
        }
        lines
    }

    /// The list, and the pane about the selected row where there is room for one.
    fn places(area: Rect) -> (Rect, Rect) {
        if area.height < 18 {
            return (area, Rect::default());
        }
        let list = Rect {
            height: area.height - ABOUT,
            ..area
        };
        let about = Rect {
            y: list.bottom(),
            height: ABOUT,
            ..area
        };
        (list, about)
    }

    /// The row at a place of the screen.
    pub(super) fn row_at(&self, at: Position, area: Rect) -> Option<usize> {
        let (list, _) = Self::places(area);
        if !list.contains(at) {
            return None;
        }
        let line = self.first.get() + usize::from(at.y - list.y);
        match self.lines().get(line) {
            Some(Line::Item(row)) => Some(*row),
            _ => None,
        }
    }

    pub(super) fn paint(&self, area: Rect, look: Look<'_>, buf: &mut Buffer) {
        let theme = look.theme;
        let base = &theme.base;
        let (list, about) = Self::places(area);
        let lines = self.lines();
        let rows = usize::from(list.height);
        let here = lines
            .iter()
            .position(|line| *line == Line::Item(self.at))
            .unwrap_or(0);
        // The heading above the first row stays in sight with it.
        let top = if self.at == 0 { 0 } else { here };
        let most = lines.len().saturating_sub(rows);
        let first = self
            .first
            .get()
            .min(top)
            .max((here + 1).saturating_sub(rows))
            .min(most);
        self.first.set(first);
        let names = self
            .items()
            .map(|item| width(&item.name))
            .max()
            .unwrap_or(0)
            .min(NAME)
            .min(usize::from(list.width) / 2) as u16;
        for (y, line) in (0..list.height).zip(lines.iter().skip(first)) {
            let at = Rect {
                y: list.y + y,
                height: 1,
                ..list
            };
            match line {
                Line::Blank => {}
                Line::Title(i) => {
                    let group = &self.found.groups[*i];
                    let note = [(group.note.as_str(), base.dim)];
                    let note: &[_] = if group.note.is_empty() { &[] } else { &note };
                    draw::rule(buf, at, theme, &group.title, base.strong, &[], note);
                }
                Line::Empty(i) => {
                    let text = &self.found.groups[*i].empty;
                    Pen::new(buf, at, 0).to(3).put(text, base.dim);
                }
                Line::Item(row) => {
                    let Some(item) = self.items().nth(*row) else {
                        continue;
                    };
                    let mut pen = Pen::new(buf, at, 0);
                    let chosen = *row == self.at;
                    if chosen {
                        pen.to(1).put(draw::glyph::pointer(theme), base.accent);
                    }
                    let right = width(&item.right) as u16;
                    let end = at.width.saturating_sub(right + 2);
                    pen.to(3)
                        .put_max(&item.name, names, draw::tone(theme, item.tone));
                    pen.to(3 + names + 2);
                    let room = end.saturating_sub(pen.x + 1);
                    pen.put_max(&item.text, room, base.text);
                    pen.to(end).put(&item.right, base.dim);
                    if chosen {
                        pen.shade(base.selected);
                    }
                }
            }
        }
        if about.is_empty() {
            return;
        }
        let Some(item) = self.selected() else { return };
        let at = Rect { height: 1, ..about };
        draw::rule(buf, at, theme, &item.name, base.strong, &[], &[]);
        for (y, (name, text)) in (1..about.height).zip(&item.about) {
            let mut pen = Pen::new(buf, about, y);
            pen.to(3).put(name, base.dim);
            pen.to(17).put(text, base.text);
        }
    }
}
