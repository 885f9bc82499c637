//! What lies in front: questions, lines to read, the palette.

use ratatui::{
    buffer::Buffer,
    layout::{Position, Rect},
};

use crate::{
    display::{clean_text, width},
    tui::{
        action::UiAction,
        palette::Does,
        ui_state::{Choice, Note, Popup, UiState},
        view::{View, regions::Regions},
    },
};

use super::{
    Look, glyph, help,
    pen::{Pen, wrap},
    queue, status,
};

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
            Popup::Note { title, typed, to } => note(view, (title, typed, to), look, buf),
            Popup::Ask {
                title,
                lines,
                choices,
                chosen,
            } => {
                let base = &look.theme.base;
                let labels = labels(choices);
                let all = ground(&view.regions);
                let lines = wrapped(lines, all);
                let size = ask_size(title, &lines, &labels);
                let Some(area) = panel(all, size, look, buf) else {
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

/// A note that is being typed.
fn note(view: &View, (title, typed, to): (&str, &str, &Note), look: Look<'_>, buf: &mut Buffer) {
    let base = &look.theme.base;
    let all = ground(&view.regions);
    let wide = all.width.saturating_sub(4).min(80);
    let text = format!("{}_", clean_text(typed, 2000));
    let lines = wrap(&text, usize::from(wide.saturating_sub(6)).max(8));
    let most = usize::from(all.height.saturating_sub(6)).max(1);
    let shown = &lines[lines.len().saturating_sub(most)..];
    let high = (shown.len() as u16 + 5).max(6);
    let Some(area) = panel(all, (wide, high), look, buf) else {
        return;
    };
    Pen::new(buf, area, 0).put(&clean_text(title, 100), base.strong);
    for (y, line) in (2..).zip(shown) {
        Pen::new(buf, area, y).put(line, base.text);
    }
    if *to == Note::Add {
        let hint = "claude: what to do · $ command · track/claude: … · --after AGENT first";
        Pen::new(buf, area, area.height.saturating_sub(1)).put(hint, base.dim);
    }
    if let Note::Tell { now, .. } = to {
        let when = if *now {
            "at once: its turn is broken off for it"
        } else {
            "at its next turn"
        };
        let style = if *now { base.warn } else { base.dim };
        Pen::new(buf, area, area.height.saturating_sub(1)).put(when, style);
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
fn ask_size(title: &str, lines: &[&str], labels: &[String]) -> (u16, u16) {
    let wide = lines
        .iter()
        .copied()
        .chain(labels.iter().map(String::as_str))
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
        all.height.saturating_sub(2).min(20),
    )
}

/// The first entry of the palette that is shown in so many rows.
fn palette_first(chosen: usize, rows: usize) -> usize {
    (chosen + 1).saturating_sub(rows)
}

/// Number of the answer or entry at a place of the screen, in the popup on top; none: beside them.
#[must_use]
pub fn popup_hit(view: &View, ui: &UiState, at: Position) -> Option<usize> {
    let all = ground(&view.regions);
    match ui.popups.last()? {
        Popup::Ask {
            title,
            lines,
            choices,
            ..
        } => {
            let lines = wrapped(lines, all);
            let inner = inside(place(all, ask_size(title, &lines, &labels(choices)))?);
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
        | Popup::Note { .. }
        | Popup::Card { .. } => None,
    }
}

/// Rows that a panel needs beside its lines: frame, title and the one below it.
pub(super) const AROUND: u16 = 4;

/// Lines as they are broken where panels may lie.
fn wrapped(lines: &[String], ground: Rect) -> Vec<&str> {
    let columns = usize::from(ground.width.saturating_sub(6));
    let mut out = Vec::new();
    for line in lines {
        // A line that fits keeps its indentation.
        if width(line) <= columns {
            out.push(line.as_str());
        } else {
            out.extend(wrap(line, columns));
        }
    }
    out
}

/// How far lines can be scrolled where panels may lie.
#[must_use]
pub fn most_scroll(lines: &[String], ground: Rect) -> u16 {
    let lines = u16::try_from(wrapped(lines, ground).len()).unwrap_or(u16::MAX);
    lines.saturating_sub(page_rows(ground.height))
}

/// Lines of a page that so many rows have room for.
#[must_use]
pub const fn page_rows(rows: u16) -> u16 {
    rows.saturating_sub(AROUND)
}

/// A status card.
fn card(view: &View, look: Look<'_>, buf: &mut Buffer) {
    let Some(page) = &view.page else { return };
    let (wide, high) = status::page_size(page);
    let all = ground(&view.regions);
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
    let all = ground(&view.regions);
    let most = most_scroll(lines, all);
    let lines = wrapped(lines, all);
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
    let all = ground(&view.regions);
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
        let style = match entry.does {
            Does::Nothing => base.warn,
            Does::Barred => base.dim,
            _ => base.text,
        };
        let hint = if entry.does == Does::Barred {
            base.dim
        } else {
            base.accent
        };
        let mut pen = Pen::new(buf, area, y);
        pen.put_right(&entry.hint, area.width, hint);
        let room = pen.x.saturating_sub(width(&entry.hint) as u16 + 2).max(10);
        pen.to(0).put_max(&entry.text, room, style);
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

/// Where panels may lie: the line of a replay and the footer, with the keys that hold, stay in sight.
#[must_use]
pub fn ground(regions: &Regions) -> Rect {
    let below = regions.scrubber.height + regions.footer.height;
    Rect {
        height: regions.all.height.saturating_sub(below),
        ..regions.all
    }
}

/// The place of a panel, with its frame; none where there is no room.
pub(super) fn place(all: Rect, size: (u16, u16)) -> Option<Rect> {
    let (w, h) = (size.0.min(all.width), size.1.min(all.height));
    (w >= 5 && h >= 3).then(|| Rect {
        x: all.x + (all.width - w) / 2,
        y: all.y + (all.height - h) / 3,
        width: w,
        height: h,
    })
}

/// The inside of a frame.
pub(super) const fn inside(frame: Rect) -> Rect {
    Rect {
        x: frame.x + 2,
        y: frame.y + 1,
        width: frame.width - 4,
        height: frame.height - 2,
    }
}
