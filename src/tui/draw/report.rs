//! The report's picture.

use ratatui::{buffer::Buffer, layout::Rect};

use crate::tui::view::report::Report;

use super::{Look, pen::Pen, rule, tone};

/// Draws the screen; what comes together is drawn in the same way.
pub fn draw(area: Rect, report: &Report, look: Look<'_>, buf: &mut Buffer) {
    let theme = look.theme;
    let base = &theme.base;
    let rows = usize::from(area.height);
    let last = report.first + report.rows.len();
    for (y, row) in (0..area.height).zip(&report.rows) {
        let line = Rect {
            y: area.y + y,
            height: 1,
            ..area
        };
        if row.heading {
            let title = row.cells.first().map_or("", |cell| cell.1.as_str());
            let place = if y == 0 && report.total > rows {
                format!("{last} of {}", report.total)
            } else {
                String::new()
            };
            rule(
                buf,
                line,
                theme,
                title,
                base.strong,
                &[],
                &[(place.as_str(), base.dim)],
            );
        } else {
            for (n, (x, text, t)) in row.cells.iter().enumerate() {
                let end = row
                    .cells
                    .get(n + 1)
                    .map_or(area.width.saturating_sub(1), |next| {
                        next.0.saturating_sub(1)
                    });
                Pen::new(buf, line, 0).to(*x).put_max(
                    text,
                    end.saturating_sub(*x),
                    tone(theme, *t),
                );
            }
        }
        if report.selected == Some(usize::from(y)) {
            Pen::new(buf, line, 0).shade(base.selected);
        }
    }
}
