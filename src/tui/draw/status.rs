//! The status cards, and a card as a page.

use ratatui::{buffer::Buffer, layout::Rect};

use crate::{
    display::width,
    engine::Health,
    tui::{
        action::UiAction,
        theme::Theme,
        view::{
            Tone, View,
            status::{Page, PageLine, StatusCard},
        },
    },
};

use super::{Look, glyph, pen::Pen, rule, tone};

/// Columns of a track's name and of its status.
const NAME: u16 = 11;
/// Width from which the rule names the day.
const DAY: u16 = 56;
const WORD: u16 = 9;
/// Columns right of the progress bar: percent, memory.
const FIGURES: u16 = 14;

/// Draws the cards into a place, with a rule above them.
pub fn pane(view: &View, area: Rect, look: Look<'_>, buf: &mut Buffer) {
    let Some(status) = view.status.as_ref().filter(|_| area.height > 0) else {
        return;
    };
    let theme = look.theme;
    let base = &theme.base;
    let (word, style) = match status.failing {
        0 => ("24 h gate passes".to_owned(), base.good),
        1 => ("24 h gate: 1 fails".to_owned(), base.bad),
        n => (format!("24 h gate: {n} fail"), base.bad),
    };
    let key = look
        .keys
        .key_for(UiAction::Card)
        .map_or_else(String::new, |key| format!("  {key} page"));
    let day = format!(" {}", status.date);
    let left = [(day.as_str(), base.dim)];
    rule(
        buf,
        area,
        theme,
        "STATUS",
        base.strong,
        if area.width < DAY { &[] } else { &left },
        &[(&word, style), (&key, base.dim)],
    );
    let height = usize::from(area.height - 1);
    let mut cards: Vec<&StatusCard> = status.cards.iter().collect();
    if cards.len() > height {
        // What is worst is seen; the order of the plan is for when all are.
        cards.sort_by_key(|card| std::cmp::Reverse(card.health));
    }
    let rows = share(&cards, height);
    let mut y = 1;
    for (card, rows) in cards.iter().zip(&rows).filter(|(_, rows)| **rows > 0) {
        head(card, area, y, theme, buf);
        for (text, how) in card.lines.iter().take(rows - 1) {
            y += 1;
            let room = area.width.saturating_sub(5);
            Pen::new(buf, area, y)
                .to(4)
                .put_max(text, room, tone(theme, *how));
        }
        y += 1;
    }
    if cards.len() > height {
        let more = format!(" {} more ", cards.len() - height);
        let end = area.width.saturating_sub(2);
        Pen::new(buf, area, area.height - 1).put_right(&more, end, base.strong);
    }
}

/// How many rows each card gets: one for each, then what matters most of all of them, row by row.
fn share(cards: &[&StatusCard], height: usize) -> Vec<usize> {
    let mut rows = vec![0; cards.len()];
    let mut left = height;
    // Where room is short, the words of what is worst come first.
    let mut order: Vec<usize> = (0..cards.len()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(cards[i].health));
    let longest = cards.iter().map(|c| c.lines.len() + 1).max().unwrap_or(0);
    for level in 0..longest {
        for &i in &order {
            if left > 0 && level <= cards[i].lines.len() {
                rows[i] += 1;
                left -= 1;
            }
        }
    }
    rows
}

/// Rows that all cards would fill.
#[must_use]
pub fn height(cards: &[StatusCard]) -> usize {
    cards.iter().map(|card| card.lines.len() + 1).sum()
}

fn head(card: &StatusCard, area: Rect, y: u16, theme: &Theme, buf: &mut Buffer) {
    let base = &theme.base;
    let style = match card.health {
        _ if card.dim && card.health == Health::OnTrack => base.dim,
        Health::OnTrack => base.good,
        Health::AtRisk => base.warn,
        Health::Blocked => base.bad,
    };
    let (done, _, all) = card.agents;
    let text = if card.dim { base.dim } else { base.text };
    let mut pen = Pen::new(buf, area, y);
    pen.to(1).put(glyph::rec(theme), style);
    pen.to(3).put_max(&card.name, NAME - 1, text);
    pen.to(3 + NAME).put_max(card.health.name(), WORD, style);
    let from = 3 + NAME + WORD;
    let end = area.width.saturating_sub(FIGURES);
    if end > from + 4 {
        let cells = end - from;
        let at = |percent: u8| from + cells * u16::from(percent) / 100;
        pen.to(from)
            .fill(glyph::agents(theme), at(card.percent), theme.state.done);
        if let Some(says) = card.says {
            // What is said beyond what is done: lighter, since nobody measured it.
            pen.fill(glyph::filled(theme), at(says), theme.state.run);
        }
        pen.fill(glyph::free(theme), end, theme.bar.free);
    }
    let about = if card.about { "~" } else { "" };
    let percent = format!("{about}{}%", card.percent);
    pen.put_right(&percent, area.width.saturating_sub(8), text);
    let right = if card.ram.is_empty() {
        format!("{done}/{all}")
    } else {
        card.ram.clone()
    };
    pen.put_right(&right, area.width.saturating_sub(1), base.dim);
}

/// Columns of line numbers.
const NUMBERS: u16 = 5;

/// Columns and rows that a page would fill.
#[must_use]
pub fn page_size(page: &Page) -> (u16, u16) {
    let wide = page.lines.iter().map(|line| width(&line.text)).max();
    let wide = u16::try_from(wide.unwrap_or(0)).unwrap_or(u16::MAX - NUMBERS);
    let high = u16::try_from(page.lines.len()).unwrap_or(u16::MAX - 2);
    (wide.max(56) + NUMBERS, high + 2)
}

/// Draws a page into its frame.
pub fn page(page: &Page, area: Rect, hint: &str, theme: &Theme, buf: &mut Buffer) {
    let base = &theme.base;
    let mut pen = Pen::new(buf, area, 0);
    pen.put(&page.title, base.strong);
    let end = pen.x;
    if width(hint) + usize::from(end) + 2 <= usize::from(area.width) {
        pen.put_right(hint, area.width, base.dim);
    }
    let lines = page.lines.iter().skip(page.first);
    for (y, line) in (2..area.height).zip(lines) {
        draw_line(line, area, y, theme, buf);
    }
}

fn draw_line(line: &PageLine, area: Rect, y: u16, theme: &Theme, buf: &mut Buffer) {
    let base = &theme.base;
    let mut pen = Pen::new(buf, area, y);
    if let Some(n) = line.number {
        let style = if line.tone == Tone::Bad {
            base.bad
        } else {
            base.faint.patch(base.dim)
        };
        pen.put_right(&n.to_string(), NUMBERS - 2, style);
    }
    pen.to(NUMBERS);
    let key = line
        .text
        .split_once(':')
        .filter(|(key, _)| line.number.is_some() && line.tone == Tone::Plain && !key.contains('"'));
    match key {
        Some((key, rest)) => {
            pen.put(key, base.accent)
                .put(":", base.dim)
                .put(rest, base.text);
        }
        None => {
            pen.put(&line.text, tone(theme, line.tone));
        }
    }
}
