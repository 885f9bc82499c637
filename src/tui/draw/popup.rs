//! What lies in front: questions, lines to read, the palette.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use crate::{
    display::{clean_text, width},
    tui::{
        action::UiAction,
        ui_state::{Choice, Popup, UiState},
        view::View,
    },
};

use super::{Look, glyph, help, pen::Pen, queue, status};

/// Draws the popups, the last one on top.
pub fn draw(view: &View, ui: &UiState, look: Look<'_>, buf: &mut Buffer) {
    for popup in &ui.popups {
        match popup {
            Popup::Help { scroll } => help::draw(view, *scroll, look, buf),
            Popup::Lines {
                title,
                scroll,
                lines,
            } => read(view, title, *scroll, lines, look, buf),
            Popup::Queue(state) => {
                if let Some(shown) = &view.queue {
                    queue::draw(view, shown, state, look, buf);
                }
            }
            Popup::Palette { typed, chosen } => palette(view, typed, *chosen, look, buf),
            Popup::Themes { chosen } => super::themes::draw(view, *chosen, look, buf),
            Popup::Card { .. } => card(view, look, buf),
            Popup::Ask {
                title,
                lines,
                choices,
                chosen,
            } => {
                let base = &look.theme.base;
                let labels = labels(choices);
                let size = ask_size(title, lines, &labels);
                let Some(area) = panel(view.regions.all, size, look, buf) else {
                    continue;
                };
                Pen::new(buf, area, 0).put(title, base.strong);
                let mut y = 1;
                for line in lines {
                    Pen::new(buf, area, y).put(line, base.dim);
                    y += 1;
                }
                y += 1;
                for (i, label) in labels.iter().enumerate() {
                    let mut pen = Pen::new(buf, area, y);
                    let pointer = if i == *chosen {
                        glyph::pointer(look.theme)
                    } else {
                        " "
                    };
                    pen.put(pointer, base.accent).put(" ", base.text);
                    let (key, rest) =
                        label.split_at(label.chars().next().map_or(0, char::len_utf8));
                    pen.put(key, base.accent).put(rest, base.text);
                    if i == *chosen {
                        pen.shade(base.selected);
                    }
                    y += 1;
                }
            }
        }
    }
}

/// The answers of a question, as they are shown.
fn labels(choices: &[Choice]) -> Vec<String> {
    choices
        .iter()
        .map(|c| format!("{}  {}", c.key, c.label))
        .collect()
}

/// Columns and rows of a question, with its frame.
fn ask_size(title: &str, lines: &[String], labels: &[String]) -> (u16, u16) {
    let wide = lines
        .iter()
        .chain(labels)
        .map(|t| width(t) + 2)
        .chain([width(title)])
        .max()
        .unwrap_or(0);
    (wide as u16 + 6, (lines.len() + labels.len()) as u16 + 5)
}

/// Columns and rows of the palette, with its frame.
fn palette_size(all: Rect) -> (u16, u16) {
    (
        all.width.saturating_sub(4).min(90),
        all.height.saturating_sub(4).min(20),
    )
}

/// The first entry of the palette that is shown in so many rows.
fn palette_first(chosen: usize, rows: usize) -> usize {
    (chosen + 1).saturating_sub(rows)
}

/// Number of the answer or entry at a place of the screen, in the popup on top; none: beside them.
#[must_use]
pub fn popup_hit(view: &View, ui: &UiState, at: Position) -> Option<usize> {
    let all = view.regions.all;
    match ui.popups.last()? {
        Popup::Ask {
            title,
            lines,
            choices,
            ..
        } => {
            let inner = inside(place(all, ask_size(title, lines, &labels(choices)))?);
            let first = inner.y + lines.len() as u16 + 2;
            let n = usize::from(at.y.checked_sub(first)?);
            (inner.contains(at) && n < choices.len()).then_some(n)
        }
        Popup::Palette { chosen, .. } => {
            let inner = inside(place(all, palette_size(all))?);
            let rows = usize::from(inner.height.saturating_sub(2));
            let row = usize::from(at.y.checked_sub(inner.y + 2)?);
            let n = palette_first(*chosen, rows) + row;
            (inner.contains(at) && n < view.palette.len()).then_some(n)
        }
        Popup::Help { .. }
        | Popup::Lines { .. }
        | Popup::Themes { .. }
        | Popup::Queue(_)
        | Popup::Card { .. } => None,
    }
}

/// Rows that a panel needs beside its lines: frame, title and the one below it.
const AROUND: u16 = 4;

/// How far so many lines can be scrolled on a screen of so many rows.
#[must_use]
pub fn most_scroll(lines: usize, rows: u16) -> u16 {
    let lines = u16::try_from(lines).unwrap_or(u16::MAX);
    lines.saturating_sub(rows.saturating_sub(AROUND))
}

/// Lines of a page that a screen of so many rows has room for.
#[must_use]
pub const fn page_rows(rows: u16) -> u16 {
    rows.saturating_sub(AROUND)
}

/// A status card.
fn card(view: &View, look: Look<'_>, buf: &mut Buffer) {
    let Some(page) = &view.page else { return };
    let (wide, high) = status::page_size(page);
    let all = view.regions.all;
    let Some(area) = panel(
        all,
        (wide.saturating_add(4), high.saturating_add(2)),
        look,
        buf,
    ) else {
        return;
    };
    let theme = look.theme;
    let mut hint = Vec::new();
    if let Some(day) = &page.days.0 {
        hint.push(format!("{} {day}", glyph::west(theme)));
    }
    if let Some(day) = &page.days.1 {
        hint.push(format!("{} {day}", glyph::east(theme)));
    }
    if page.others {
        hint.push("Tab next track".to_owned());
    }
    if page.lines.len() > usize::from(area.height.saturating_sub(2)) {
        let key = |action| {
            look.keys
                .key_for(action)
                .map_or_else(String::new, |k| k.to_string())
        };
        hint.push(format!(
            "{} {} scroll",
            key(UiAction::Down),
            key(UiAction::Up)
        ));
    }
    status::page(page, area, &hint.join("  "), theme, buf);
}

/// Lines to read.
fn read(view: &View, title: &str, scroll: u16, lines: &[String], look: Look<'_>, buf: &mut Buffer) {
    let base = &look.theme.base;
    let all = view.regions.all;
    let most = most_scroll(lines.len(), all.height);
    let title = if most > 0 {
        let key = |action| {
            look.keys
                .key_for(action)
                .map_or_else(String::new, |k| k.to_string())
        };
        let (down, up) = (key(UiAction::Down), key(UiAction::Up));
        format!("{title}   {down} {up} scroll")
    } else {
        title.to_owned()
    };
    let wide = lines.iter().map(|l| width(l)).max().unwrap_or(0);
    let wide = u16::try_from(wide.max(width(&title))).unwrap_or(u16::MAX - 4);
    let high = u16::try_from(lines.len()).unwrap_or(u16::MAX - AROUND);
    let Some(area) = panel(all, (wide + 4, high + AROUND), look, buf) else {
        return;
    };
    Pen::new(buf, area, 0).put(&title, base.strong);
    let shown = lines.iter().skip(usize::from(scroll.min(most)));
    for (y, line) in (2..area.height).zip(shown) {
        Pen::new(buf, area, y).put(line, base.text);
    }
}

/// The line that is typed into, and what it finds.
fn palette(view: &View, typed: &str, chosen: usize, look: Look<'_>, buf: &mut Buffer) {
    let base = &look.theme.base;
    let all = view.regions.all;
    let Some(area) = panel(all, palette_size(all), look, buf) else {
        return;
    };
    let line = clean_text(typed, usize::from(area.width));
    Pen::new(buf, area, 0)
        .put(": ", base.accent)
        .put(&line, base.strong)
        .put("▏", base.accent);
    let rows = usize::from(area.height.saturating_sub(2));
    let first = palette_first(chosen, rows);
    for (y, (n, entry)) in (2..area.height).zip(view.palette.iter().enumerate().skip(first)) {
        let does = !matches!(entry.does, crate::tui::palette::Does::Nothing);
        let mut pen = Pen::new(buf, area, y);
        pen.put_right(&entry.hint, area.width, base.accent);
        let room = pen.x.saturating_sub(width(&entry.hint) as u16 + 2).max(10);
        pen.to(0)
            .put_max(&entry.text, room, if does { base.text } else { base.warn });
        if n == chosen {
            pen.shade(base.selected);
        }
    }
    if view.palette.is_empty() {
        Pen::new(buf, area, 2).put("nothing has these letters", base.dim);
    }
}

/// Clears a place in the middle and frames it; returns the inside.
pub(super) fn panel(all: Rect, size: (u16, u16), look: Look<'_>, buf: &mut Buffer) -> Option<Rect> {
    framed(place(all.intersection(buf.area), size)?, look, buf)
}

/// Clears a place and frames it; returns the inside.
pub(super) fn framed(area: Rect, look: Look<'_>, buf: &mut Buffer) -> Option<Rect> {
    let (w, h) = (area.width, area.height);
    if w < 5 || h < 3 {
        return None;
    }
    let theme = look.theme;
    let base = &theme.base;
    for y in area.top()..area.bottom() {
        for x in area.left()..area.right() {
            buf[(x, y)].reset();
        }
    }
    let mut ground = base.background.patch(base.text);
    // Its ground alone: a page in bold is hard to read.
    ground.bg = base.header.bg.or(ground.bg);
    buf.set_style(area, ground);
    let corners = if theme.ascii {
        ["+", "+", "+", "+"]
    } else {
        ["╭", "╮", "╰", "╯"]
    };
    let (line, bar) = (glyph::rule(theme), glyph::bar(theme));
    for y in 0..h {
        let mut pen = Pen::new(buf, area, y);
        let (left, right) = match y {
            0 => (corners[0], corners[1]),
            _ if y + 1 == h => (corners[2], corners[3]),
            _ => (bar, bar),
        };
        pen.put(left, base.accent);
        if y == 0 || y + 1 == h {
            pen.fill(line, w - 1, base.accent);
        }
        pen.to(w - 1).put(right, base.accent);
    }
    Some(inside(area))
}

/// The place of a panel, with its frame; none where there is no room.
fn place(all: Rect, size: (u16, u16)) -> Option<Rect> {
    let (w, h) = (size.0.min(all.width), size.1.min(all.height));
    (w >= 5 && h >= 3).then(|| Rect {
        x: all.x + (all.width - w) / 2,
        y: all.y + (all.height - h) / 3,
        width: w,
        height: h,
    })
}

/// The inside of a frame.
const fn inside(frame: Rect) -> Rect {
    Rect {
        x: frame.x + 2,
        y: frame.y + 1,
        width: frame.width - 4,
        height: frame.height - 2,
    }
}
