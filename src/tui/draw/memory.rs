//! The memory bar: what agents and others use, what is reserved, what is free, and the zones.

use ratatui::{buffer::Buffer, style::Modifier};

use crate::{
    display::width,
    engine::Zone,
    tui::{
        theme::Theme,
        view::{Memory, View, regions::NARROW, words},
    },
};

use super::{glyph, pen::Pen};

/// Draws the bar with its ruler and legend, as far as they have a place.
pub fn draw(view: &View, memory: &Memory, theme: &Theme, buf: &mut Buffer) {
    let area = view.regions.memory;
    if area.is_empty() {
        return;
    }
    let base = &theme.base;
    let w = area.width;
    let zone_style = theme.zone(memory.zone).add_modifier(Modifier::BOLD);
    let percent = memory.pressure / 10;
    let used = memory.agents + memory.others;
    let mut word = memory.zone.name().to_uppercase();
    if memory.halted {
        word.push_str(" HALT");
    }
    let figures = if w >= 120 {
        format!("{} of {} GiB", words::gib(used), words::gib(memory.total))
    } else {
        format!("{}/{}", words::gib(used), words::gib(memory.total))
    };
    let right = width(&figures) + width(&word) + format!("{percent}%").len() + 6;
    let left = 6_u16;
    let cells = w.saturating_sub(left + right as u16 + 2);
    let mut pen = Pen::new(buf, area, 0);
    pen.put(" RAM ", base.strong)
        .put(glyph::left(theme), base.faint);
    if cells > 0 {
        let bounds = [
            memory.agents,
            memory.agents + memory.others,
            used + memory.reserved,
            memory.total,
        ]
        .map(|b| scale(b, memory.total, cells));
        let agents = match memory.zone {
            Zone::Green => theme.bar.agents,
            zone => theme.zone(zone),
        };
        let parts = [
            (glyph::agents(theme), agents),
            (glyph::others(theme), theme.bar.others),
            (glyph::reserved(theme), theme.bar.reserved),
            (glyph::free(theme), theme.bar.free),
        ];
        for ((symbol, style), end) in parts.into_iter().zip(bounds) {
            pen.fill(symbol, left + end, style);
        }
        pen.fill(glyph::free(theme), left + cells, theme.bar.free);
    }
    pen.put(glyph::right(theme), base.faint)
        .put(" ", base.text)
        .put(&figures, base.text)
        .put("  ", base.text)
        .put(&format!("{percent}% "), zone_style)
        .put(&word, zone_style);

    ruler(view, memory, theme, buf, left, cells);
    legend(view, memory, theme, buf);
}

/// Cells that a part of the whole takes; a part that exists shows.
fn scale(part: u64, whole: u64, cells: u16) -> u16 {
    let whole = u128::from(whole.max(1));
    let exact = u128::from(part) * u128::from(cells);
    ((exact + whole / 2) / whole).min(u128::from(cells)) as u16
}

fn ruler(view: &View, memory: &Memory, theme: &Theme, buf: &mut Buffer, left: u16, cells: u16) {
    let area = view.regions.ruler;
    if area.is_empty() || cells < 30 {
        return;
    }
    let mut end = 0;
    for (permille, zone) in memory
        .marks
        .into_iter()
        .zip([Zone::Yellow, Zone::Orange, Zone::Red])
    {
        let x = left + (u32::from(cells) * permille / 1000) as u16;
        let percent = permille / 10;
        let text = if cells >= 80 {
            format!("{}{percent} {}", glyph::tick(theme), zone.name())
        } else {
            format!("{}{percent}", glyph::tick(theme))
        };
        if x >= end {
            let style = if memory.zone == zone {
                theme.zone(zone).add_modifier(Modifier::BOLD)
            } else {
                theme.zone(zone)
            };
            Pen::new(buf, area, 0).to(x).put(&text, style);
            end = x + width(&text) as u16 + 1;
        }
    }
    let pressure = format!(
        "swap {}  stall {}.{}%",
        words::size(memory.swap),
        memory.stall / 10,
        memory.stall % 10
    );
    if width(&pressure) + usize::from(end) + 2 < usize::from(area.width) {
        Pen::new(buf, area, 0).put_right(&pressure, area.width.saturating_sub(1), theme.base.dim);
    }
}

fn legend(view: &View, memory: &Memory, theme: &Theme, buf: &mut Buffer) {
    let area = view.regions.legend;
    if area.is_empty() || area.width < NARROW {
        return;
    }
    let base = &theme.base;
    let agents = match memory.zone {
        Zone::Green => theme.bar.agents,
        zone => theme.zone(zone),
    };
    let items = [
        (
            glyph::agents(theme),
            agents,
            format!("agents {}", words::gib(memory.agents)),
        ),
        (
            glyph::others(theme),
            theme.bar.others,
            format!("others {}", words::gib(memory.others)),
        ),
        (
            glyph::reserved(theme),
            theme.bar.reserved,
            format!("reserved, not used yet {}", words::gib(memory.reserved)),
        ),
        (
            glyph::free(theme),
            base.dim,
            format!("free {}", words::gib(memory.free)),
        ),
    ];
    let mut pen = Pen::new(buf, area, 0);
    pen.to(6);
    for (symbol, style, text) in items {
        pen.put(symbol, style)
            .put(" ", base.text)
            .put(&text, base.dim)
            .put("   ", base.text);
    }
    let booked = format!(
        "{} of {} GiB booked by agents",
        words::gib(memory.booked.0),
        words::gib(memory.booked.1)
    );
    let own = format!("  wavedeck {}", words::size(memory.own));
    let room = usize::from(area.width.saturating_sub(pen.x + 1));
    let text = if width(&booked) + width(&own) <= room {
        booked + &own
    } else {
        booked
    };
    if width(&text) <= room {
        pen.put_right(&text, area.width.saturating_sub(1), base.dim);
    }
}
