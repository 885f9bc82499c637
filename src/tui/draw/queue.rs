//! The attention queue: the list and, beside or below it, the chosen item with its answers.

use ratatui::{buffer::Buffer, layout::Rect};

use crate::{
    display::{prefix, width},
    tui::{
        action::UiAction,
        ui_state::Queue,
        view::{QueueView, View},
    },
};

use super::{Look, glyph, pen::Pen, popup::panel, tone};

/// From so many columns on the list stands beside the chosen item.
const WIDE: u16 = 84;
/// Lines of the question at most.
const QUESTION: usize = 5;

/// Where the parts of the queue are.
struct Parts {
    list: Rect,
    detail: Rect,
    /// The list stands beside the detail.
    beside: bool,
}

fn parts(area: Rect, rows: usize) -> Parts {
    let rows = u16::try_from(rows).unwrap_or(u16::MAX);
    if area.width >= WIDE {
        let list = (area.width * 2 / 5).clamp(30, 64);
        return Parts {
            list: Rect {
                y: area.y + 2,
                width: list,
                height: area.height.saturating_sub(2),
                ..area
            },
            detail: Rect {
                x: area.x + list + 3,
                y: area.y + 2,
                width: area.width - list - 3,
                height: area.height.saturating_sub(2),
            },
            beside: true,
        };
    }
    let list = rows.clamp(1, (area.height / 4).max(1));
    Parts {
        list: Rect {
            y: area.y + 1,
            height: list,
            ..area
        },
        detail: Rect {
            y: area.y + 2 + list,
            height: area.height.saturating_sub(2 + list),
            ..area
        },
        beside: false,
    }
}

/// Breaks a text into lines of so many columns, at spaces where there are any.
fn wrap(text: &str, columns: usize) -> Vec<&str> {
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

/// Draws the queue.
pub fn draw(view: &View, queue: &QueueView, ui: &Queue, look: Look<'_>, buf: &mut Buffer) {
    // The line of a replay stays in sight, and nothing else is elsewhere for it.
    let all = Rect {
        height: view.regions.all.height - view.regions.scrubber.height,
        ..view.regions.all
    };
    let base = &look.theme.base;
    let small = all.width < WIDE || all.height < 30;
    let size = if small {
        (all.width, all.height.saturating_sub(1))
    } else {
        (
            (all.width - 6).min(170),
            all.height.saturating_sub(6).min(48),
        )
    };
    let Some(area) = panel(all, size, look, buf) else {
        return;
    };
    let key = |action| {
        look.keys
            .key_for(action)
            .map_or_else(String::new, |k| k.to_string())
    };
    let title = match queue.rows.len() {
        1 => "1 WAITS FOR YOU".to_owned(),
        n => format!("{n} WAIT FOR YOU"),
    };
    let next = format!("{} next  ", key(UiAction::Attention));
    let go = format!(
        "{} mark  {} its row  {} closes",
        key(UiAction::Mark),
        key(UiAction::Open),
        key(UiAction::Back)
    );
    let hints = if queue.rows.len() > 1 { next + &go } else { go };
    let mut pen = Pen::new(buf, area, 0);
    pen.put(&title, base.alert);
    if width(&title) + width(&hints) + 3 <= usize::from(area.width) {
        pen.put_right(&hints, area.width, base.dim);
    }
    let parts = parts(area, queue.rows.len());
    list(queue, &parts, look, buf);
    if parts.beside {
        for y in 0..parts.list.height {
            Pen::new(buf, parts.list, y)
                .to(parts.list.width.saturating_sub(1))
                .put("", base.faint);
            let bar = Rect {
                x: parts.list.right() + 1,
                y: parts.list.y + y,
                width: 1,
                height: 1,
            };
            Pen::new(buf, bar, 0).put(glyph::bar(look.theme), base.faint);
        }
    } else {
        let rule = Rect {
            y: parts.list.bottom(),
            height: 1,
            ..area
        };
        Pen::new(buf, rule, 0).fill(glyph::rule(look.theme), area.width, base.faint);
    }
    detail(queue, ui, parts.detail, look, buf);
}

fn list(queue: &QueueView, parts: &Parts, look: Look<'_>, buf: &mut Buffer) {
    let theme = look.theme;
    let base = &theme.base;
    let rows = usize::from(parts.list.height);
    let at = queue.at.unwrap_or(0);
    let first = (at + 1).saturating_sub(rows);
    let wide = parts.list.width;
    for (y, (n, row)) in (0..parts.list.height).zip(queue.rows.iter().enumerate().skip(first)) {
        let mut pen = Pen::new(buf, parts.list, y);
        let chosen = queue.at == Some(n);
        let pointer = if chosen { glyph::pointer(theme) } else { " " };
        let marked = if row.marked {
            glyph::marked(theme)
        } else {
            " "
        };
        pen.put(pointer, base.accent).put(marked, base.accent);
        let style = theme.mark(row.mark);
        pen.put(glyph::mark(theme, row.mark), style)
            .put(" ", style)
            .put(row.word, style)
            .to(10);
        pen.put_right(&row.since, wide, base.dim);
        let name = wide.saturating_sub(10 + width(&row.since) as u16 + 1);
        let long = width(&row.name) as u16;
        pen.to(10).put_max(&row.name, name, base.strong);
        // What it is about, where there is room behind the name.
        if name > long + 8 {
            pen.put("  ", base.dim)
                .put_max(&row.title, name - long - 2, base.dim);
        }
        if chosen {
            pen.shade(base.selected);
        }
    }
    let hidden = queue.rows.len().saturating_sub(first + rows);
    if hidden > 0 && rows > 1 {
        let mut pen = Pen::new(buf, parts.list, parts.list.height - 1);
        pen.fill(" ", wide, base.text);
        pen.to(2).put(&format!("+{} more", hidden + 1), base.dim);
    }
}

fn detail(queue: &QueueView, ui: &Queue, area: Rect, look: Look<'_>, buf: &mut Buffer) {
    let theme = look.theme;
    let base = &theme.base;
    if area.height < 2 || area.width < 10 {
        return;
    }
    let Some(row) = queue.at.and_then(|at| queue.rows.get(at)) else {
        let key = look
            .keys
            .key_for(UiAction::Attention)
            .map_or_else(String::new, |k| k.to_string());
        Pen::new(buf, area, 0).put("that is settled", base.good);
        Pen::new(buf, area, 1)
            .put(&key, base.accent)
            .put(" shows the next one", base.dim);
        return;
    };
    let columns = usize::from(area.width);
    let last = area.height - 1;
    let mut y = 0;
    let question = wrap(&queue.title, columns);
    let most = usize::from(last.saturating_sub(3)).clamp(1, QUESTION);
    Pen::new(buf, area, y)
        .put(glyph::mark(theme, row.mark), theme.mark(row.mark))
        .put(" ", base.text)
        .put(&row.name, base.strong);
    y += 1;
    for (n, line) in question.iter().take(most).enumerate() {
        let mut pen = Pen::new(buf, area, y);
        pen.put(line, base.text);
        if n + 1 == most && question.len() > most {
            pen.put("…", base.dim);
        }
        y += 1;
    }
    let facts = wrap(&queue.facts, columns);
    for line in facts.iter().take(2) {
        if y < last {
            Pen::new(buf, area, y).put(line, base.dim);
            y += 1;
        }
    }
    // The answers never give way to the evidence.
    answers(queue, area, last, look, buf);
    if y + 2 < last && !queue.body_of.is_empty() {
        y += 1;
        let mut pen = Pen::new(buf, area, y);
        pen.fill(glyph::rule(theme), 2, base.faint)
            .put(" ", base.faint)
            .put(queue.body_of, base.strong)
            .put(" ", base.faint);
        pen.fill(glyph::rule(theme), area.width, base.faint);
        y += 1;
        let rows = usize::from(last.saturating_sub(y).saturating_sub(1));
        body(queue, ui, (area, y, rows), look, buf);
    }
}

fn body(
    queue: &QueueView,
    ui: &Queue,
    (area, top, rows): (Rect, u16, usize),
    look: Look<'_>,
    buf: &mut Buffer,
) {
    let base = &look.theme.base;
    let most = queue.body.len().saturating_sub(rows);
    let begin = if queue.from_end { most } else { 0 };
    let first = begin.saturating_add_signed(ui.scroll).min(most);
    let shown = queue.body.iter().skip(first).take(rows);
    for (y, (line, t)) in (top..).zip(shown) {
        Pen::new(buf, area, y).put(line, tone(look.theme, *t));
    }
    if queue.body.is_empty() && rows > 0 {
        Pen::new(buf, area, top).put("nothing", base.dim);
    }
    let below = queue.body.len().saturating_sub(first + rows);
    if below > 0 || first > 0 {
        let place = format!(
            "{first}{} {below}{}",
            glyph::up(look.theme),
            glyph::down(look.theme)
        );
        let mut pen = Pen::new(buf, area, top.saturating_sub(1));
        pen.put_right(&format!(" {place} "), area.width, base.dim);
    }
}

fn answers(queue: &QueueView, area: Rect, y: u16, look: Look<'_>, buf: &mut Buffer) {
    let base = &look.theme.base;
    if let Some(typed) = &queue.typed {
        let mut pen = Pen::new(buf, area, y);
        pen.put("no, because: ", base.accent);
        let hint = "  Enter sends, Esc leaves it";
        let room = usize::from(area.width).saturating_sub(14);
        // The end is what is being typed.
        let mut shown = typed.as_str();
        while width(shown) > room {
            let next = shown.chars().next().map_or(shown.len(), char::len_utf8);
            shown = &shown[next..];
        }
        pen.put(shown, base.text).put("▏", base.accent);
        if width(shown) + hint.len() < room {
            pen.put(hint, base.dim);
        }
        return;
    }
    if queue.answers.is_empty() {
        let text = "this is a recording: nothing can be answered";
        Pen::new(buf, area, y).put(text, base.dim);
        return;
    }
    let mut pen = Pen::new(buf, area, y);
    for (key, label) in &queue.answers {
        pen.put(key, base.accent)
            .put(" ", base.text)
            .put(label, base.text)
            .put("   ", base.text);
    }
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
