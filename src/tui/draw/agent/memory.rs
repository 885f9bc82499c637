//! An agent's memory: a gauge and its figures.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    super::{glyph, pen::Pen},
    pairs,
};
use crate::tui::{
    theme::Theme,
    view::{agent::AgentView, words},
};

/// What it uses now, its highest use as a mark, against what is reserved for it.
pub(super) fn memory(agent: &AgentView, theme: &Theme, buf: &mut Buffer, area: Rect) {
    if area.height < 4 {
        return;
    }
    let base = &theme.base;
    let mut pen = Pen::new(buf, area, 3);
    pen.to(1).put("memory ", base.dim);
    let Some(ram) = agent.row.ram else {
        pen.put("it has no process", base.dim);
        return;
    };
    if let Some(own) = ram.own {
        let cells = (area.width / 5).clamp(8, 40);
        let whole = ram.reserved.max(ram.peak).max(own).max(1);
        let share =
            |bytes: u64, of: u64| (u128::from(bytes) * u128::from(of) / u128::from(whole)) as u64;
        let eighths = share(own, u64::from(cells) * 8);
        let style = theme.zone(ram.zone);
        pen.put(glyph::left(theme), base.dim);
        let x = pen.x;
        for i in 0..cells {
            let n = eighths.saturating_sub(u64::from(i) * 8).min(8);
            if n > 0 {
                pen.put(glyph::eighths(theme, n), style);
            } else {
                pen.put(glyph::free(theme), theme.bar.free);
            }
        }
        let end = pen.x;
        let peak = share(ram.peak, u64::from(cells)) as u16;
        if ram.peak > own && u64::from(peak) * 8 > eighths {
            pen.to(x + peak.min(cells - 1))
                .put(glyph::peak(theme), base.text);
        }
        pen.to(end)
            .put(glyph::right(theme), base.dim)
            .put("  ", base.dim);
    }
    let about = if ram.guessed { "~" } else { "" };
    let mut all = Vec::new();
    if let Some(own) = ram.own {
        let at_most = if ram.at_most { "at most " } else { "" };
        let own = format!("{at_most}{}", words::size(own));
        all.push(("own", own, theme.zone(ram.zone)));
    }
    if ram.peak > 0 {
        all.push(("peak", words::size(ram.peak), base.text));
    }
    let reserved = if ram.own.is_some() {
        "reserved"
    } else {
        "planned"
    };
    all.push((
        reserved,
        format!("{about}{}", words::size(ram.reserved)),
        base.text,
    ));
    for (name, text) in &agent.memory {
        all.push((name, text.clone(), base.dim));
    }
    pairs(&mut pen, area.width.saturating_sub(1), theme, &all);
}
