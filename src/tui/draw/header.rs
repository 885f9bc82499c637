//! The first line: which run, how far, what it is doing.

use ratatui::buffer::Buffer;

use crate::{
    display::width,
    tui::{
        keymap::Whence,
        view::{Mark, View, words},
    },
};

use super::{Look, glyph, pen::Pen, tone};

/// Draws the header; what matters less goes first when it does not fit.
pub fn draw(view: &View, look: Look<'_>, buf: &mut Buffer) {
    let theme = look.theme;
    let area = view.regions.header;
    let header = &view.header;
    let base = &theme.base;
    Pen::new(buf, area, 0).shade(base.header);
    let w = usize::from(area.width);

    // The right end: what is left, recording, time of day.
    let mut right: Vec<(String, ratatui::style::Style)> = Vec::new();
    if let Some(fault) = &header.fault {
        right.push((format!("NOT RECORDED: {fault}"), base.bad));
    } else if look.whence != Whence::Live {
        let what = match view.scrubber {
            Some(_) => "recording",
            None => "read-only",
        };
        right.push((what.to_owned(), base.warn));
    } else if w >= 100 && view.header.banner.is_none() {
        right.push((format!("{} rec", glyph::rec(theme)), base.bad));
    }
    if w >= 60 {
        right.push((header.clock.clone(), base.dim));
    }
    if let (true, Some((permille, of, zone))) = (view.regions.memory.is_empty(), header.pressure) {
        let of = if w < 60 { "mem" } else { of.name() };
        let text = format!("{of} {}%", permille / 10);
        right.insert(0, (text, theme.zone(zone)));
    }
    let right_width: usize = right.iter().map(|(t, _)| width(t) + 2).sum();
    let room = w.saturating_sub(right_width + 1);

    // The left end, by importance: 0 stays always.
    let mut parts: Vec<(u8, Vec<(String, ratatui::style::Style)>)> = Vec::new();
    parts.push((0, vec![(header.plan.clone(), base.accent)]));
    if !header.run.is_empty() {
        parts.push((5, vec![(header.run.clone(), base.dim)]));
    }
    if let Some((text, t)) = &header.banner {
        let style = tone(theme, *t).add_modifier(ratatui::style::Modifier::BOLD);
        parts.push((0, vec![(text.clone(), style)]));
    }
    if header.banner.is_none() {
        parts.push((4, vec![(header.mode.clone(), base.text)]));
    }
    parts.push((3, vec![(words::span(header.elapsed_us), base.text)]));
    if let Some(left) = header.left_us {
        parts.push((
            2,
            vec![(format!("~{} left", words::span(left)), base.accent)],
        ));
    }
    parts.push((
        0,
        vec![(format!("{}/{} done", header.done, header.total), base.good)],
    ));
    if header.waits > 0 {
        let text = match (header.waits, w >= 100) {
            (1, true) => "1 waits for you".to_owned(),
            (n, true) => format!("{n} wait for you"),
            // As short as what it is told apart from: agents that wait.
            (1, false) => "! 1 waits".to_owned(),
            (n, false) => format!("! {n} wait"),
        };
        let style = base.alert.add_modifier(ratatui::style::Modifier::BOLD);
        parts.push((0, vec![(text, style)]));
    }
    if header.red > 0 {
        let text = match header.red {
            1 => "1 red gate".to_owned(),
            n => format!("{n} red gates"),
        };
        parts.push((0, vec![(text, base.bad)]));
    }
    for (mark, n) in &header.counts {
        let (rank, style) = match mark {
            Mark::Done => continue,
            // Told already.
            Mark::Ask | Mark::Block if header.waits > 0 => (2, theme.mark(*mark)),
            Mark::Fail | Mark::Ask | Mark::Block => (0, theme.mark(*mark)),
            Mark::Run => (1, theme.mark(*mark)),
            Mark::Wait | Mark::Skip | Mark::Stop => (3, theme.mark(*mark)),
            _ => (2, theme.mark(*mark)),
        };
        parts.push((rank, vec![(format!("{n} {}", mark.word()), style)]));
    }
    let long = |parts: &[(u8, Vec<(String, ratatui::style::Style)>)]| -> usize {
        parts
            .iter()
            .flat_map(|(_, p)| p)
            .map(|(t, _)| width(t) + 2)
            .sum()
    };
    while long(&parts) > room {
        let Some(worst) = parts.iter().map(|p| p.0).max().filter(|r| *r > 0) else {
            break;
        };
        let at = parts.iter().rposition(|p| p.0 == worst).unwrap_or(0);
        parts.remove(at);
    }
    let mut pen = Pen::new(buf, area, 0);
    pen.to(1);
    for (_, part) in &parts {
        for (text, style) in part {
            let max = (room as u16 + 1).saturating_sub(pen.x);
            pen.put_max(text, max, *style);
        }
        pen.x += 2;
    }
    let mut x = w
        .saturating_sub(right_width + 1)
        .max(usize::from(pen.x.min(area.width))) as u16;
    if usize::from(x) + right_width > w {
        x = (w.saturating_sub(right_width)) as u16;
    }
    for (text, style) in &right {
        Pen::new(buf, area, 0).to(x + 2).put(text, *style);
        x += width(text) as u16 + 2;
    }
}
