//! Finished work's picture: files at the left, the diff with what was said about it.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
};

use crate::{
    display::width,
    tui::{
        patch::Kind,
        theme::Theme,
        view::{
            View,
            review::{DiffRow, ReviewView, panes},
        },
    },
};

use super::{Look, glyph, pen::Pen, rule, tone};

/// Draws the screen.
pub fn draw(view: &View, review: &ReviewView, look: Look<'_>, buf: &mut Buffer) {
    let theme = look.theme;
    let base = &theme.base;
    let area = view.regions.work;
    let panes = panes(area);
    rule(
        buf,
        Rect { height: 1, ..area },
        theme,
        &review.title,
        base.strong,
        &[],
        &[(&review.nth, base.dim)],
    );
    let room = area.width.saturating_sub(2);
    Pen::new(buf, area, 1)
        .to(1)
        .put_max(&review.facts, room, tone(theme, review.tone));
    if let Some(why) = &review.missing {
        Pen::new(buf, area, 3).to(1).put_max(why, room, base.warn);
        return;
    }
    files(review, theme, buf, panes.files);
    diff(review, !panes.files.is_empty(), theme, buf, panes.diff);
}

fn files(review: &ReviewView, theme: &Theme, buf: &mut Buffer, area: Rect) {
    let base = &theme.base;
    if area.height < 2 {
        return;
    }
    let count = match review.files_total {
        1 => "1 file".to_owned(),
        n => format!("{n} files"),
    };
    rule(
        buf,
        Rect { height: 1, ..area },
        theme,
        "FILES",
        base.strong,
        &[],
        &[(&count, base.dim)],
    );
    for (n, file) in review.files.iter().enumerate() {
        let mut pen = Pen::new(buf, area, n as u16 + 1);
        if review.file == Some(n) {
            pen.put(glyph::pointer(theme), base.accent);
        }
        let added = format!("+{}", file.counts.0);
        let removed = format!(" -{}", file.counts.1);
        let said = match file.comments {
            0 => String::new(),
            n => format!(" c{n}"),
        };
        let outside = if file.outside { " scope!" } else { "" };
        let figures = (width(&added) + width(&removed) + width(&said) + outside.len()) as u16;
        let end = area.width.saturating_sub(1);
        let from = end.saturating_sub(figures);
        pen.to(2)
            .put_max(&file.path, from.saturating_sub(3), base.text);
        pen.to(from)
            .put(&added, base.good)
            .put(&removed, base.bad)
            .put(&said, base.accent)
            .put(outside, base.alert);
        if review.file == Some(n) {
            pen.shade(base.selected);
        }
    }
}

fn diff(review: &ReviewView, listed: bool, theme: &Theme, buf: &mut Buffer, area: Rect) {
    let base = &theme.base;
    if area.height < 2 {
        return;
    }
    let place = format!("{} of {}", review.at + 1, review.total);
    // The list beside it says the same.
    let name = if listed {
        String::new()
    } else {
        format!(" {}", review.file_name)
    };
    rule(
        buf,
        Rect { height: 1, ..area },
        theme,
        "DIFF",
        base.strong,
        &[(&name, base.text)],
        &[(&place, base.dim)],
    );
    for (n, row) in review.rows.iter().enumerate() {
        let y = n as u16 + 1;
        let room = area.width.saturating_sub(8);
        let mut pen = Pen::new(buf, area, y);
        match row {
            DiffRow::Comment(text, begins) => {
                let sign = if *begins { glyph::back(theme) } else { " " };
                pen.to(6)
                    .put(sign, base.accent)
                    .put(" ", base.accent)
                    .put_max(text, room, base.accent);
            }
            DiffRow::Line {
                at,
                kind,
                number,
                begins,
                parts,
            } => {
                let (sign, style) = look_of(*kind, theme);
                if let Some(number) = number {
                    pen.put_right(&number.to_string(), 5, base.dim);
                }
                if *kind == Kind::File {
                    pen.to(0);
                } else {
                    pen.to(6).put(if *begins { sign } else { " " }, style);
                }
                for (text, changed) in parts {
                    let style = if *changed {
                        style.add_modifier(Modifier::BOLD | Modifier::UNDERLINED)
                    } else {
                        style
                    };
                    pen.put(text, style);
                }
                if *at == review.at {
                    pen.shade(base.selected);
                }
            }
        }
    }
}

const fn look_of(kind: Kind, theme: &Theme) -> (&'static str, Style) {
    let base = &theme.base;
    match kind {
        Kind::File => ("", base.strong),
        Kind::About => ("", base.dim),
        Kind::Hunk => ("", base.warn),
        Kind::Same => (" ", base.text),
        Kind::Added => ("+", base.good),
        Kind::Removed => ("-", base.bad),
    }
}
