//! One conflict's picture: places at the left, three sides, what comes of it.

use ratatui::{buffer::Buffer, layout::Rect, style::Modifier};

use crate::tui::view::{
    View,
    clash::{ClashView, Side, panes},
};

use super::{
    Look, glyph,
    pen::{Pen, wrap},
    rule, tone,
};

/// Draws the screen.
pub fn draw(view: &View, clash: &ClashView, look: Look<'_>, buf: &mut Buffer) {
    let theme = look.theme;
    let base = &theme.base;
    let area = view.regions.work;
    let panes = panes(area, clash.total);
    let head = Rect { height: 1, ..area };
    let open = match clash.open {
        0 => String::new(),
        n => format!("{n} open"),
    };
    rule(
        buf,
        head,
        theme,
        &clash.title,
        base.strong,
        &[],
        &[(&open, base.warn)],
    );
    let room = area.width.saturating_sub(2);
    Pen::new(buf, area, 1)
        .to(1)
        .put_max(&clash.facts, room, base.dim);
    if let Some(why) = &clash.missing {
        Pen::new(buf, area, 3).to(1).put_max(why, room, base.warn);
        return;
    }
    places(clash, look, buf, panes.list);
    let guide = panes.guide;
    let lines = wrap(&clash.guidance, usize::from(guide.width.saturating_sub(2)));
    for (y, line) in (0..guide.height).zip(lines) {
        Pen::new(buf, guide, y)
            .to(1)
            .put(line, base.accent.remove_modifier(Modifier::BOLD));
    }
    for (side, area) in clash.sides.iter().zip(panes.sides) {
        one(side, look, buf, area);
    }
    result(clash, look, buf, panes.result);
    if panes.result.is_empty() {
        // Where there is no room for it, how it stands is worth the facts' line.
        let (text, t) = &clash.verdict;
        Pen::new(buf, area, 1).fill(" ", area.width, base.text);
        Pen::new(buf, area, 1)
            .to(1)
            .put_max(text, room, tone(theme, *t));
    }
}

/// How far a list is shown, where not all of it has room.
fn how_far(first: usize, shown: usize, total: usize) -> String {
    if total > shown {
        format!("{} of {total}", first + shown)
    } else {
        String::new()
    }
}

fn places(clash: &ClashView, look: Look<'_>, buf: &mut Buffer, area: Rect) {
    let theme = look.theme;
    let base = &theme.base;
    if area.is_empty() {
        return;
    }
    let place = how_far(clash.first, clash.places.len(), clash.total);
    rule(
        buf,
        Rect { height: 1, ..area },
        theme,
        "PLACES",
        base.strong,
        &[],
        &[(&place, base.dim)],
    );
    for (n, row) in clash.places.iter().enumerate() {
        let y = n as u16 + 1;
        let mut pen = Pen::new(buf, area, y);
        if clash.at == Some(n) {
            pen.put(glyph::pointer(theme), base.accent);
        }
        let answer = if row.open { base.warn } else { base.good };
        let wide = crate::display::width(&row.answer) as u16;
        let end = area.width.saturating_sub(1);
        let x = if row.file { 2 } else { 4 };
        let style = if row.file { base.strong } else { base.text };
        pen.to(x)
            .put_max(&row.text, end.saturating_sub(x + wide + 1), style);
        pen.put_right(&row.answer, end, answer);
        if clash.at == Some(n) {
            pen.shade(base.selected);
        }
    }
}

fn one(side: &Side, look: Look<'_>, buf: &mut Buffer, area: Rect) {
    let theme = look.theme;
    let base = &theme.base;
    if area.height < 2 {
        return;
    }
    let (title, style) = if side.taken {
        (format!("{} {}", glyph::done(theme), side.title), base.good)
    } else {
        (side.title.to_owned(), base.strong)
    };
    let place = how_far(side.first, side.lines.len(), side.total);
    rule(
        buf,
        Rect { height: 1, ..area },
        theme,
        &title,
        style,
        &[],
        &[(&place, base.dim)],
    );
    for (n, line) in side.lines.iter().enumerate() {
        let mut pen = Pen::new(buf, area, n as u16 + 1);
        pen.to(1);
        for (text, changed) in line {
            let style = if *changed {
                // Where colours cannot tell, the line below does.
                base.warn.add_modifier(Modifier::UNDERLINED)
            } else {
                base.text
            };
            let room = area.width.saturating_sub(pen.x);
            pen.put_max(text, room, style);
        }
    }
}

fn result(clash: &ClashView, look: Look<'_>, buf: &mut Buffer, area: Rect) {
    let theme = look.theme;
    let base = &theme.base;
    if area.height < 2 {
        return;
    }
    let (verdict, t) = &clash.verdict;
    let verdict = format!(" {verdict}");
    rule(
        buf,
        Rect { height: 1, ..area },
        theme,
        "RESULT",
        base.strong,
        &[(&verdict, tone(theme, *t))],
        &[],
    );
    for (n, (text, t)) in clash.result.iter().enumerate() {
        let room = area.width.saturating_sub(2);
        Pen::new(buf, area, n as u16 + 1)
            .to(1)
            .put_max(text, room, tone(theme, *t));
    }
}
