//! A terminal's screen as clean runs of text with their colours, cut to its pane.

use ratatui::layout::Rect;
use tui_term::vt100::{Cell, Color};

use crate::{
    display::{clean_line, width},
    tui::{
        emulator::Emulator,
        search::find,
        ui_state::{Screen, UiState},
    },
};

/// How cells look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ink {
    /// Colour of the letters.
    pub fg: Color,
    /// Colour below them.
    pub bg: Color,
    /// Bold.
    pub bold: bool,
    /// Dim.
    pub dim: bool,
    /// Italic.
    pub italic: bool,
    /// Underlined.
    pub underline: bool,
    /// Colours change places.
    pub inverse: bool,
}

/// Cells that look alike.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Run {
    /// Clean text.
    pub text: String,
    /// How it looks.
    pub ink: Ink,
}

/// A terminal in its pane.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TerminalView {
    /// Columns and rows that it has.
    pub size: (u16, u16),
    /// Visible rows, from the top.
    pub rows: Vec<Vec<Run>>,
    /// What is searched for: row, first column and columns; and whether the search stands there.
    pub hits: Vec<(u16, u16, u16, bool)>,
    /// Place of the cursor in the pane, where it is to be seen.
    pub cursor: Option<(u16, u16)>,
    /// Rows that it is scrolled back, and rows that have left the screen.
    pub up: (usize, usize),
    /// Its bytes could not be followed: some of it may be missing.
    pub faulty: bool,
    /// This dashboard has its keyboard.
    pub held: bool,
    /// It is about to be given back, unless the same key comes again.
    pub leaving: bool,
    /// How far a search has come, in words.
    pub search: String,
}

/// Columns and rows for a terminal in an output pane: without its rule and, unless it covers the
/// screen, its margins.
#[must_use]
pub fn pane(area: Rect, ui: &UiState) -> (u16, u16) {
    let zoomed = ui.screen == Screen::Agent && ui.on_agent.zoom.is_some();
    let margins = if zoomed { 0 } else { 2 };
    (
        area.width.saturating_sub(margins),
        area.height.saturating_sub(1),
    )
}

/// The rows of a screen that a pane of so many rows leaves out at the top.
#[must_use]
pub fn hidden(emulator: &Emulator, rows: u16) -> usize {
    usize::from(emulator.size().1.saturating_sub(rows))
}

/// What is searched for in a terminal.
#[derive(Debug, Clone, Copy, Default)]
pub struct Found<'a> {
    /// The words.
    pub needle: &'a str,
    /// The row that the search stands on, from the top of all that is kept.
    pub row: Option<usize>,
    /// Which of how many that is, in words.
    pub words: &'a str,
}

/// Projects a terminal into a pane of so many columns and rows: its lower left part, with the cursor
/// in it.
#[must_use]
pub fn terminal(emulator: &Emulator, pane: (u16, u16), found: Found<'_>) -> TerminalView {
    let screen = emulator.screen();
    let (cols, rows) = emulator.size();
    let hidden = rows.saturating_sub(pane.1);
    let (at_row, at_col) = screen.cursor_position();
    // The bottom, or as much above as a person has scrolled; but the cursor is never lost.
    let mut first = hidden.saturating_sub(u16::try_from(emulator.above()).unwrap_or(u16::MAX));
    if emulator.up() == 0 {
        first = first.min(at_row);
        // A screen that is filled from the top shows its top as long as that has room.
        if last_used(emulator) < pane.1 {
            first = 0;
        }
    }
    let mut out = Vec::new();
    let mut hits = Vec::new();
    let top = emulator.history() - screen.scrollback();
    for row in first..rows.min(first + pane.1) {
        let runs = runs(emulator, row, cols.min(pane.0));
        if !found.needle.is_empty() {
            let text: String = runs.iter().map(|run| run.text.as_str()).collect();
            let here = found.row == Some(top + usize::from(row));
            hits.extend(find(&text, found.needle).into_iter().map(|hit| {
                let x = width(&text[..hit.start]) as u16;
                (row - first, x, width(&text[hit]) as u16, here)
            }));
        }
        out.push(runs);
    }
    let cursor = (emulator.up() == 0 && !screen.hide_cursor())
        .then(|| {
            (
                at_col.min(cols.saturating_sub(1)),
                at_row.saturating_sub(first),
            )
        })
        .filter(|&(x, y)| at_row >= first && x < pane.0 && y < pane.1);
    TerminalView {
        size: (cols, rows),
        rows: out,
        hits,
        cursor,
        up: (emulator.up(), emulator.history()),
        faulty: emulator.faults() > 0,
        held: false,
        leaving: false,
        search: found.words.to_owned(),
    }
}

/// The last row with something in it, or the cursor's.
fn last_used(emulator: &Emulator) -> u16 {
    let screen = emulator.screen();
    let (cols, rows) = emulator.size();
    let used = |row: &u16| {
        (0..cols).any(|col| {
            screen
                .cell(*row, col)
                .is_some_and(|cell| cell.has_contents() && cell.contents() != " ")
        })
    };
    let cursor = screen.cursor_position().0;
    (cursor..rows).rev().find(used).unwrap_or(cursor)
}

fn runs(emulator: &Emulator, row: u16, cols: u16) -> Vec<Run> {
    let screen = emulator.screen();
    let mut out: Vec<Run> = Vec::new();
    let mut col = 0;
    while col < cols {
        let Some(cell) = screen.cell(row, col) else {
            break;
        };
        let ink = ink(cell);
        let wide = if cell.is_wide() && col + 1 < cols {
            2
        } else {
            1
        };
        match out.last_mut() {
            Some(run) if run.ink == ink => put(&mut run.text, cell, wide),
            _ => {
                let mut text = String::new();
                put(&mut text, cell, wide);
                out.push(Run { text, ink });
            }
        }
        col += wide;
    }
    // Nothing is drawn where nothing is.
    if let Some(last) = out.last_mut()
        && last.ink == Ink::default()
    {
        let used = last.text.trim_end_matches(' ').len();
        last.text.truncate(used);
        if used == 0 {
            out.pop();
        }
    }
    out
}

/// Writes what is in a cell, clean and exactly so many columns wide.
fn put(text: &mut String, cell: &Cell, columns: u16) {
    let inside = cell.contents();
    if let [byte @ b' '..=b'~'] = inside.as_bytes() {
        text.push(char::from(*byte));
        return;
    }
    let clean = clean_line(inside, 2);
    if !clean.is_empty() && width(&clean) == usize::from(columns) {
        text.push_str(&clean);
        return;
    }
    // Half a wide character, or something that shows nothing.
    for _ in 0..columns {
        text.push(' ');
    }
}

fn ink(cell: &Cell) -> Ink {
    Ink {
        fg: cell.fgcolor(),
        bg: cell.bgcolor(),
        bold: cell.bold(),
        dim: cell.dim(),
        italic: cell.italic(),
        underline: cell.underline(),
        inverse: cell.inverse(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::AgentIx;

    fn of(bytes: &[u8], size: (u16, u16)) -> Emulator {
        let mut emulator = Emulator::new(AgentIx(0), 1);
        emulator.open(size, b"", 0, bytes.len() as u64);
        emulator.take(0, bytes, bytes.len() as u64);
        emulator
    }

    fn text(view: &TerminalView) -> Vec<String> {
        let row = |runs: &Vec<Run>| runs.iter().map(|run| run.text.as_str()).collect();
        view.rows.iter().map(row).collect()
    }

    #[test]
    fn cells_are_clean_and_as_wide_as_they_say() {
        let bytes =
            "a\u{202e}b\u{200b}c日\u{fe0f}é\u{301}\u{301}\u{301}\u{301}|\u{1b}[31mred".as_bytes();
        let view = terminal(&of(bytes, (20, 2)), (20, 2), Found::default());
        let first = &text(&view)[0];
        assert!(first.starts_with("abc日é"), "{first:?}");
        assert_eq!(width(first), 10, "{first:?}");
        assert!(!first.chars().any(crate::display::hides));
        assert_eq!(view.rows[0].last().unwrap().ink.fg, Color::Idx(1));
    }

    #[test]
    fn what_is_searched_for_is_where_it_is_drawn() {
        let emulator = of("日本 one\r\ntwo \u{1b}[31mo\u{1b}[0mne".as_bytes(), (20, 3));
        let found = Found {
            needle: "one",
            row: Some(1),
            words: "",
        };
        let view = terminal(&emulator, (20, 3), found);
        assert_eq!(view.hits, [(0, 5, 3, false), (1, 4, 3, true)]);
    }

    #[test]
    fn a_small_pane_shows_the_lower_left_part() {
        let lines = (0..9).fold(String::new(), |all, n| all + &format!("{n}2345日本\r\n"));
        let emulator = of(lines.as_bytes(), (12, 10));
        let view = terminal(&emulator, (6, 3), Found::default());
        // The wide character does not fit any more.
        assert_eq!(text(&view), ["72345 ".trim_end(), "82345", ""]);
        assert_eq!(view.cursor, Some((0, 2)));
        // While there is little, it begins at the top.
        let view = terminal(&of(b"one\r\n", (12, 10)), (6, 3), Found::default());
        assert_eq!(text(&view), ["one", "", ""]);
        // The cursor is followed upwards.
        let up = [lines.as_bytes(), b"\x1b[2;4H"].concat();
        let view = terminal(&of(&up, (12, 10)), (6, 3), Found::default());
        assert_eq!(view.cursor, Some((3, 0)));
        assert_eq!(text(&view)[0], "12345");
    }
}
