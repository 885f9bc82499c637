//! A page of text: lines that break, tables whose columns give way, colours.
//!
//! Must not know what it shows.

use ratatui::text::Span;

/// Whether the text carries colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Colour {
    /// Plain text.
    #[default]
    None,
    /// ANSI colours of the 16.
    Ansi,
}

/// What a piece of text is, for its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Plain,
    Title,
    Dim,
    Critical,
    Bar,
    Warning,
}

impl Colour {
    /// Returns the text in the colour of its role.
    pub(super) fn paint(self, role: Role, text: &str) -> String {
        let code = match role {
            Role::Plain => "",
            Role::Title => "1",
            Role::Dim => "2",
            Role::Critical => "1;31",
            Role::Bar => "36",
            Role::Warning => "33",
        };
        if self == Self::None || code.is_empty() || text.trim().is_empty() {
            text.to_owned()
        } else {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        }
    }
}

/// Cells that a text takes.
pub(super) fn cells(text: &str) -> usize {
    Span::raw(text).width()
}

/// The text in exactly `width` cells: filled, or cut with an ellipsis.
pub(super) fn fit(text: &str, width: usize, right: bool) -> String {
    let taken = cells(text);
    if taken <= width {
        let fill = " ".repeat(width - taken);
        return if right {
            format!("{fill}{text}")
        } else {
            format!("{text}{fill}")
        };
    }
    let mut out = String::new();
    for c in text.chars() {
        out.push(c);
        if cells(&out) >= width {
            out.pop();
            break;
        }
    }
    if width > 0 {
        out.push('…');
    }
    let fill = width.saturating_sub(cells(&out));
    out + &" ".repeat(fill)
}

/// Breaks a text at blanks; a word that is wider than a line is cut.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let taken = cells(&line);
        if taken > 0 && taken + 1 + cells(word) > width {
            lines.push(std::mem::take(&mut line));
        } else if taken > 0 {
            line.push(' ');
        }
        let word = if cells(word) > width {
            fit(word, width, false)
        } else {
            word.to_owned()
        };
        line.push_str(&word);
    }
    lines.push(line);
    lines
}

/// A column of a table.
pub(super) struct Column {
    pub title: &'static str,
    pub right: bool,
    /// Most cells.
    pub most: usize,
}

/// Text that grows line by line.
pub(super) struct Page {
    pub width: usize,
    pub colour: Colour,
    pub text: String,
}

impl Page {
    pub fn title(&mut self, text: &str) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(
            &self
                .colour
                .paint(Role::Title, fit(text, self.width, false).trim_end()),
        );
        self.text.push('\n');
    }

    /// One indented line, broken where it is too long.
    pub fn line(&mut self, text: &str, role: Role) {
        for (i, line) in wrap(text, self.width - 4).iter().enumerate() {
            self.text.push_str(if i == 0 { "  " } else { "    " });
            self.text.push_str(&self.colour.paint(role, line));
            self.text.push('\n');
        }
    }

    /// A name and its value.
    pub fn fact(&mut self, name: &str, value: &str) {
        for (i, line) in wrap(value, self.width - 17).iter().enumerate() {
            let name = if i == 0 { name } else { "" };
            self.text
                .push_str(&self.colour.paint(Role::Dim, &format!("  {name:<15}")));
            self.text.push_str(line);
            self.text.push('\n');
        }
    }

    /// Rows in columns; the widest ones give way when the page is too narrow.
    pub fn table(&mut self, columns: &[Column], rows: &[Vec<String>]) {
        let mut widths: Vec<usize> = columns
            .iter()
            .enumerate()
            .map(|(c, column)| {
                let widest = rows.iter().map(|row| cells(&row[c])).max().unwrap_or(0);
                widest.min(column.most).max(cells(column.title))
            })
            .collect();
        while widths.iter().sum::<usize>() + 2 * widths.len() > self.width {
            let Some(widest) = (0..widths.len()).max_by_key(|&c| (widths[c], c)) else {
                break;
            };
            if widths[widest] <= 4 {
                break;
            }
            widths[widest] -= 1;
        }
        let mut put = |texts: Vec<&str>, role: Role| {
            let mut line = String::new();
            for ((text, column), &width) in texts.iter().zip(columns).zip(&widths) {
                line.push_str("  ");
                line.push_str(&fit(text, width, column.right));
            }
            self.text
                .push_str(&self.colour.paint(role, line.trim_end()));
            self.text.push('\n');
        };
        put(columns.iter().map(|c| c.title).collect(), Role::Dim);
        for row in rows {
            put(row.iter().map(String::as_str).collect(), Role::Plain);
        }
    }
}
