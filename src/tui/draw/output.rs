//! The output of the selected agent: its tail, or a place in it.

use ratatui::buffer::Buffer;

use crate::{
    display::prefix,
    tui::{
        action::UiAction,
        ui_state::{Pane, Screen, UiState},
        view::{View, words},
    },
};

use super::{Look, glyph, pen::Pen, rule, tone};

/// Draws the pane; over the whole screen it has neither margins nor footer, to be copied from.
pub fn draw(view: &View, ui: &UiState, look: Look<'_>, buf: &mut Buffer) {
    let theme = look.theme;
    let base = &theme.base;
    let area = view.regions.output;
    if area.is_empty() {
        return;
    }
    let output = &view.output;
    let zoomed = ui.screen == Screen::Output;
    let title = if output.name.is_empty() {
        "OUTPUT"
    } else {
        &output.name
    };
    let (glyph, word, style) = output.mark.map_or(("", "", base.dim), |m| {
        (glyph::mark(theme, m), m.word(), theme.mark(m))
    });
    let worker = if output.worker.is_empty() {
        String::new()
    } else {
        format!("  {}", output.worker)
    };
    let of = if output.of.is_empty() {
        String::new()
    } else {
        format!("  {}", output.of)
    };
    let attempt = if output.attempt > 1 {
        format!("  attempt {}", output.attempt)
    } else {
        String::new()
    };
    let (to, total) = output.place;
    let place = if output.follows || total == 0 {
        if total > 0 {
            words::size(total)
        } else {
            String::new()
        }
    } else {
        format!("{}% of {}", to.min(total) * 100 / total, words::size(total))
    };
    let key = |action| {
        look.keys
            .key_for(action)
            .map_or_else(String::new, |k| k.to_string())
    };
    let (zoom, tail, back) = (
        key(UiAction::Zoom),
        key(UiAction::Last),
        key(UiAction::Back),
    );
    let focused = zoomed || ui.focus == Pane::Output;
    let mut right: Vec<(&str, ratatui::style::Style)> = vec![(&place, base.dim)];
    if !output.follows {
        right.extend([
            ("   ", base.dim),
            (tail.as_str(), base.accent),
            (" end", base.dim),
        ]);
    }
    if zoomed {
        right.extend([
            ("   ", base.dim),
            (back.as_str(), base.accent),
            (" back", base.dim),
        ]);
    } else {
        right.extend([
            ("   ", base.dim),
            (zoom.as_str(), base.accent),
            (" zoom", base.dim),
        ]);
    }
    rule(
        buf,
        area,
        theme,
        title,
        if focused { base.accent } else { base.strong },
        &[
            ("  ", base.dim),
            (glyph, style),
            (" ", style),
            (word, style),
            (&worker, base.worker),
            (&attempt, base.dim),
            (&of, base.warn),
        ],
        &right,
    );
    let margin = u16::from(!zoomed);
    let room = area.width.saturating_sub(margin);
    let rows = area.height.saturating_sub(1);
    if output.lines.is_empty() {
        let mut y = 1;
        if !output.empty.is_empty() {
            Pen::new(buf, area, y)
                .to(margin)
                .put(output.empty, base.dim);
            y += 1;
        }
        for (text, t) in &output.about {
            if y <= rows {
                Pen::new(buf, area, y)
                    .to(margin)
                    .put_max(text, room, tone(theme, *t));
                y += 1;
            }
        }
        return;
    }
    // Over the whole screen long lines are broken, not cut: they are there to be read and copied.
    let lines: Vec<&str> = if zoomed {
        output
            .lines
            .iter()
            .flat_map(|line| broken(line, usize::from(room)))
            .collect()
    } else {
        output.lines.iter().map(String::as_str).collect()
    };
    let from = if output.follows {
        lines.len().saturating_sub(usize::from(rows))
    } else {
        0
    };
    for (y, line) in (1..=rows).zip(&lines[from..]) {
        Pen::new(buf, area, y)
            .to(margin)
            .put_max(line, room, base.text);
    }
}

/// A line in pieces of at most so many columns; an empty one is one piece.
fn broken(line: &str, columns: usize) -> Vec<&str> {
    let mut out = Vec::new();
    let mut rest = line;
    loop {
        let end = prefix(rest, columns);
        if end == rest.len() || end == 0 {
            out.push(rest);
            return out;
        }
        out.push(&rest[..end]);
        rest = &rest[end..];
    }
}

#[cfg(test)]
mod tests {
    use super::broken;

    #[test]
    fn lines_are_broken_by_columns() {
        assert_eq!(broken("", 3), [""]);
        assert_eq!(broken("abcdefg", 3), ["abc", "def", "g"]);
        assert_eq!(broken("日本語", 5), ["日本", "語"]);
        assert_eq!(broken("日", 1), ["日"]);
    }
}
