//! The attention queue: the list and, beside or below it, the chosen item with its answers.

mod place;

use ratatui::{buffer::Buffer, layout::Rect};

use crate::{
    display::width,
    tui::{
        action::UiAction,
        ui_state::Queue,
        view::{QueueView, View},
    },
};

use super::{
    Look, glyph,
    pen::{Pen, wrap},
    popup::framed,
    tone,
};
use place::{GAP, Places, places};
pub use place::{QueueHit, hit, scrolls};

/// Draws the queue.
pub fn draw(view: &View, queue: &QueueView, ui: &Queue, look: Look<'_>, buf: &mut Buffer) {
    let base = &look.theme.base;
    let Some(parts) = places(view, queue) else {
        return;
    };
    let Some(area) = framed(parts.frame, look, buf) else {
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
    // Else the footer has them.
    if view.regions.footer.is_empty()
        && width(&title) + width(&hints) + 3 <= usize::from(area.width)
    {
        pen.put_right(&hints, area.width, base.dim);
    }
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
    detail(queue, ui, &parts, look, buf);
}

fn list(queue: &QueueView, parts: &Places, look: Look<'_>, buf: &mut Buffer) {
    let theme = look.theme;
    let base = &theme.base;
    let rows = usize::from(parts.list.height);
    let first = parts.first;
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

fn detail(queue: &QueueView, ui: &Queue, parts: &Places, look: Look<'_>, buf: &mut Buffer) {
    let area = parts.detail;
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
    let question = wrap(&queue.title, columns);
    let most = parts.question;
    let mut y = 0;
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
    answers(queue, parts, last, look, buf);
    if let Some((top, rows)) = parts.body {
        y = top - 1;
        let mut pen = Pen::new(buf, area, y);
        pen.fill(glyph::rule(theme), 2, base.faint)
            .put(" ", base.faint)
            .put(queue.body_of, base.strong)
            .put(" ", base.faint);
        pen.fill(glyph::rule(theme), area.width, base.faint);
        body(queue, ui, (area, top, rows), look, buf);
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

fn answers(queue: &QueueView, parts: &Places, y: u16, look: Look<'_>, buf: &mut Buffer) {
    let base = &look.theme.base;
    let (area, recorded) = (parts.detail, parts.recorded);
    if let Some(typed) = &queue.typed {
        let mut pen = Pen::new(buf, area, y);
        let says = if queue.says {
            "your answer: "
        } else {
            "no, because: "
        };
        pen.put(says, base.accent);
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
        let text = if recorded {
            "recording: nothing can be answered"
        } else {
            "read-only: nothing can be answered"
        };
        Pen::new(buf, area, y).put(text, base.dim);
        return;
    }
    let mut pen = Pen::new(buf, area, y);
    for (key, label) in &queue.answers {
        pen.put(key, base.accent)
            .put(" ", base.text)
            .put(label, base.text)
            .put(GAP, base.text);
    }
}
