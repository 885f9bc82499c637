//! Writing into a buffer without ever leaving its panel.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
};

use crate::display::{prefix, width};

/// Writes into one row of a panel from left to right; what does not fit is cut.
#[derive(Debug)]
pub struct Pen<'a> {
    buf: &'a mut Buffer,
    area: Rect,
    /// Next column, relative to the panel.
    pub x: u16,
    y: u16,
}

impl<'a> Pen<'a> {
    /// A pen at the start of a row of a panel.
    pub fn new(buf: &'a mut Buffer, area: Rect, y: u16) -> Self {
        let area = area.intersection(buf.area);
        Self { buf, area, x: 0, y }
    }

    /// Columns to the right of the pen.
    #[must_use]
    pub const fn room(&self) -> u16 {
        if self.y < self.area.height {
            self.area.width.saturating_sub(self.x)
        } else {
            0
        }
    }

    /// Moves to a column.
    pub const fn to(&mut self, x: u16) -> &mut Self {
        self.x = x;
        self
    }

    /// Writes.
    pub fn put(&mut self, text: &str, style: Style) -> &mut Self {
        let room = self.room();
        self.put_max(text, room, style)
    }

    /// Writes at most so many columns; more ends in `…`.
    pub fn put_max(&mut self, text: &str, max: u16, style: Style) -> &mut Self {
        let room = usize::from(self.room().min(max));
        if room == 0 {
            return self;
        }
        let (x, y) = (self.area.x + self.x, self.area.y + self.y);
        let wide = width(text);
        let style = alone(style);
        if wide <= room {
            self.buf.set_stringn(x, y, text, room, style);
            self.x += wide as u16;
        } else {
            let end = prefix(text, room - 1);
            let (at, _) = self.buf.set_stringn(x, y, &text[..end], room - 1, style);
            self.buf.set_stringn(at, y, "…", 1, style);
            self.x += (at + 1).saturating_sub(x);
        }
        self
    }

    /// Writes so that it ends before column `end`.
    pub fn put_right(&mut self, text: &str, end: u16, style: Style) -> &mut Self {
        let wide = width(text) as u16;
        self.x = end.saturating_sub(wide);
        self.put_max(text, end.min(wide), style)
    }

    /// Repeats a symbol of one column up to column `end`.
    pub fn fill(&mut self, symbol: &str, end: u16, style: Style) -> &mut Self {
        let style = alone(style);
        while self.x < end && self.room() > 0 {
            let (x, y) = (self.area.x + self.x, self.area.y + self.y);
            self.buf.set_stringn(x, y, symbol, 1, style);
            self.x += 1;
        }
        self
    }

    /// Lays a style over the whole row.
    pub fn shade(&mut self, style: Style) -> &mut Self {
        if self.y < self.area.height {
            let row = Rect {
                y: self.area.y + self.y,
                height: 1,
                ..self.area
            };
            self.buf.set_style(row, style);
        }
        self
    }
}

/// A style that takes no weight over from what it is written upon: on a dimmed line a bright word is
/// bright. What a whole row is shaded with stays.
fn alone(style: Style) -> Style {
    let weight = Modifier::DIM.union(Modifier::BOLD);
    Style {
        sub_modifier: style
            .sub_modifier
            .union(weight.difference(style.add_modifier)),
        ..style
    }
}

/// Breaks a text into lines of so many columns, at spaces where there are any.
#[must_use]
pub fn wrap(text: &str, columns: usize) -> Vec<&str> {
    let mut out = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let end = prefix(rest, columns.max(1));
        if end >= rest.len() {
            out.push(rest);
            break;
        }
        let cut = rest[..end]
            .rfind(' ')
            .filter(|_| !rest[end..].starts_with(' '));
        let cut = match cut.unwrap_or(end) {
            // A character wider than the column.
            0 => rest.chars().next().map_or(rest.len(), char::len_utf8),
            cut => cut,
        };
        out.push(rest[..cut].trim_end());
        rest = rest[cut..].trim_start();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::wrap;

    #[test]
    fn text_is_wrapped_at_spaces() {
        assert_eq!(wrap("", 5), Vec::<&str>::new());
        assert_eq!(wrap("read the schema", 8), ["read the", "schema"]);
        assert_eq!(wrap("read the schema", 9), ["read the", "schema"]);
        assert_eq!(wrap("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(wrap("日本語", 4), ["日本", "語"]);
        assert_eq!(wrap("日本", 1), ["日", "本"]);
    }
}
