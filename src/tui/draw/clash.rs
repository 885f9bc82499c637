//! One conflict's picture: places at the left, three sides, what comes of it.

use ratatui::{buffer::Buffer, layout::Rect, style::Modifier};

use crate::tui::{
    action::UiAction,
    keymap::Whence,
    view::{
        View,
        clash::{ClashView, SIDES, Side},
    },
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
    let panes = clash.panes;
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
    guide(clash, look, buf, panes.guide);
    for (n, side) in clash.sides.iter().enumerate() {
        let key = look.keys.key_for(SIDES[n]);
        let key = key.filter(|_| look.whence == Whence::Live && !clash.settled);
        one(
            side,
            key.map(|key| key.to_string()),
            look,
            buf,
            panes.sides[n],
        );
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

/// What can be said of the place; what suggests itself stands last, with the key that takes it.
fn guide(clash: &ClashView, look: Look<'_>, buf: &mut Buffer, area: Rect) {
    let base = &look.theme.base;
    let mut text = clash.guidance.clone();
    let mut key = String::new();
    if let Some(suggested) = &clash.suggested {
        text.push_str(" Suggests: ");
        text.push_str(suggested);
        if look.whence == Whence::Live
            && !clash.settled
            && let Some(found) = look.keys.key_for(UiAction::TakeSuggested)
        {
            key = format!(" ({found} takes it)");
        }
    }
    text.push_str(&key);
    let room = usize::from(area.width.saturating_sub(2));
    let style = base.accent.remove_modifier(Modifier::BOLD);
    let lines = wrap(&text, room);
    for (y, line) in (0..area.height).zip(&lines) {
        let mut pen = Pen::new(buf, area, y);
        pen.to(1).put(line, style);
        if y + 1 == area.height && lines.len() > usize::from(area.height) {
            pen.put("…", style);
        }
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

fn one(side: &Side, key: Option<String>, look: Look<'_>, buf: &mut Buffer, area: Rect) {
    let theme = look.theme;
    let base = &theme.base;
    if area.height < 2 {
        return;
    }
    let mut title = side.title.clone();
    let mut style = base.strong;
    if side.taken {
        title = format!("{} {title}", glyph::done(theme));
        style = base.good;
    }
    let place = how_far(side.first, side.lines.len(), side.total);
    let line = Rect { height: 1, ..area };
    let right = [(place.as_str(), base.dim)];
    match key {
        Some(key) => {
            let title = format!(" {title}");
            rule(
                buf,
                line,
                theme,
                &key,
                base.accent,
                &[(&title, style)],
                &right,
            );
        }
        None => {
            rule(buf, line, theme, &title, style, &[], &right);
        }
    }
    for (n, line) in side.lines.iter().enumerate() {
        let mut pen = Pen::new(buf, area, n as u16 + 1);
        if line.own {
            pen.put(glyph::side(theme), base.accent);
        }
        pen.to(2);
        for (text, changed) in &line.parts {
            let style = match (changed, line.own) {
                // Where colours cannot tell, the line below does.
                (true, _) => base.warn.add_modifier(Modifier::UNDERLINED),
                (false, true) => base.text,
                (false, false) => base.dim,
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
    let key = look.keys.key_for(UiAction::SettleConflict);
    let key = key.filter(|_| clash.ready && look.whence == Whence::Live);
    let key = key.map(|key| key.to_string());
    let merges = [
        (key.as_deref().unwrap_or_default(), base.accent),
        (" merges it", base.text),
    ];
    rule(
        buf,
        Rect { height: 1, ..area },
        theme,
        "RESULT",
        base.strong,
        &[(&verdict, tone(theme, *t))],
        if key.is_some() { &merges } else { &[] },
    );
    for (n, (text, t)) in clash.result.iter().enumerate() {
        let room = area.width.saturating_sub(2);
        Pen::new(buf, area, n as u16 + 1)
            .to(2)
            .put_max(text, room, tone(theme, *t));
    }
}
