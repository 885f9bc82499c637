//! The memory bars: what agents and others use of the machine, what agents use of their limit, what
//! is reserved, what is free, and the zones.
//!
//! Bar, figures and percentage of a row have one base, and the row names it. The zone's word stands
//! at the row that is nearer to its end; where there is place for one row only, it is that one.

use ratatui::{buffer::Buffer, layout::Rect, style::Modifier};

use crate::{
    display::{prefix, width},
    engine::Zone,
    tui::{
        theme::Theme,
        view::{Base, Memory, Share, View, regions::NARROW, words},
    },
};

use super::{glyph, pen::Pen};

/// Columns left of a bar: its base.
const LABEL: u16 = 10;
/// Width from which figures are written out.
const ROOMY: u16 = 120;

/// Draws the bars with their ruler and legend, as far as they have a place.
pub fn draw(view: &View, memory: &Memory, theme: &Theme, buf: &mut Buffer) {
    let area = view.regions.memory;
    if area.is_empty() {
        return;
    }
    let both = !view.regions.limit.is_empty();
    let rows: &[(Base, Rect)] = if both {
        &[(Base::Machine, area), (Base::Limit, view.regions.limit)]
    } else {
        &[(memory.base, area)]
    };
    let texts: Vec<[String; 3]> = rows
        .iter()
        .map(|(base, _)| right_of(memory, *base, area.width))
        .collect();
    // All bars end in one column, so that the ruler is right for each; and always in the same, so
    // that nothing moves but the memory.
    let figures: u16 = if area.width >= ROOMY { 14 } else { 11 };
    let percent = 4;
    let word = texts.iter().map(|t| width(&t[2])).max().unwrap_or(0).max(6) as u16;
    let next = if both || area.width < 70 {
        String::new()
    } else {
        match (forecast(memory), &view.victim) {
            (Some((text, _)), _) => format!("  {text}"),
            (None, Some(victim)) if !victim.name.is_empty() => {
                let most = prefix(&victim.name, 16);
                format!("  parks {}", &victim.name[..most])
            }
            _ => String::new(),
        }
    };
    let right = figures + percent + word + width(&next) as u16 + 4;
    let cells = area.width.saturating_sub(LABEL + right + 1);
    for ((base, row), text) in rows.iter().zip(&texts) {
        bar(memory, *base, theme, buf, *row, cells);
        let style = if *base == memory.base {
            theme.zone(memory.zone).add_modifier(Modifier::BOLD)
        } else {
            theme.base.dim
        };
        let from = LABEL + cells + 2;
        let mut pen = Pen::new(buf, *row, 0);
        pen.put_right(&text[0], from + figures, theme.base.text);
        pen.put_right(&text[1], from + figures + percent + 1, style);
        pen.to(from + figures + percent + 2).put(&text[2], style);
        let zone = forecast(memory).map_or(memory.zone, |(_, zone)| zone);
        pen.to(from + figures + percent + 2 + word)
            .put(&next, theme.zone(zone));
    }
    ruler(view, memory, theme, buf, cells);
    legend(view, memory, theme, buf);
}

/// What stands right of a bar: used of how much, percentage, zone.
fn right_of(memory: &Memory, base: Base, columns: u16) -> [String; 3] {
    let share = memory.share(base);
    let (used, whole) = (words::size(share.used()), words::size(share.whole));
    let figures = if columns >= ROOMY {
        format!("{used} of {whole}")
    } else {
        format!("{used}/{whole}")
    };
    let mut word = String::new();
    if base == memory.base {
        word = memory.zone.name().to_uppercase();
        if memory.halted {
            word.push_str(" HALT");
        }
    }
    [figures, format!("{}%", share.permille / 10), word]
}

/// The next zone and when it comes, in words.
fn forecast(memory: &Memory) -> Option<(String, Zone)> {
    let (zone, us) = memory.next?;
    Some((format!("{} in ~{}", zone.name(), words::span(us)), zone))
}

/// A base and its bar.
fn bar(memory: &Memory, base: Base, theme: &Theme, buf: &mut Buffer, row: Rect, cells: u16) {
    let share = memory.share(base);
    let mut pen = Pen::new(buf, row, 0);
    pen.to(1)
        .put(base.name(), theme.base.strong)
        .to(LABEL - 1)
        .put(glyph::left(theme), theme.base.faint);
    let bounds = [
        share.agents,
        share.used(),
        share.used() + share.reserved,
        share.whole,
    ]
    .map(|b| scale(b, share.whole, cells));
    let parts = [
        (glyph::agents(theme), agents(memory, base, theme)),
        (glyph::others(theme), theme.bar.others),
        (glyph::reserved(theme), theme.bar.reserved),
        (glyph::free(theme), theme.bar.free),
    ];
    for ((symbol, style), end) in parts.into_iter().zip(bounds) {
        pen.fill(symbol, LABEL + end, style);
    }
    pen.fill(glyph::free(theme), LABEL + cells, theme.bar.free);
    pen.put(glyph::right(theme), theme.base.faint);
}

/// The style of agents' memory: the zone's where this base has led to it.
const fn agents(memory: &Memory, base: Base, theme: &Theme) -> ratatui::style::Style {
    match (memory.zone, memory.base, base) {
        (Zone::Green, ..) | (_, Base::Machine, Base::Limit) | (_, Base::Limit, Base::Machine) => {
            theme.bar.agents
        }
        (zone, ..) => theme.zone(zone),
    }
}

/// Cells that a part of the whole takes.
fn scale(part: u64, whole: u64, cells: u16) -> u16 {
    let whole = u128::from(whole.max(1));
    let exact = u128::from(part) * u128::from(cells);
    ((exact + whole / 2) / whole).min(u128::from(cells)) as u16
}

fn ruler(view: &View, memory: &Memory, theme: &Theme, buf: &mut Buffer, cells: u16) {
    let area = view.regions.ruler;
    if area.is_empty() || cells < 30 {
        return;
    }
    // The nearest marks are a tenth of the bar apart; all are written alike.
    let letters = match cells / 10 {
        11.. => 6,
        8.. => 3,
        _ => 0,
    };
    // Left of all marks there is always room.
    if let Some((text, zone)) = forecast(memory) {
        Pen::new(buf, area, 0)
            .to(LABEL)
            .put(&text, theme.zone(zone).remove_modifier(Modifier::REVERSED));
    }
    let mut end = 0;
    for (permille, zone) in memory
        .marks
        .into_iter()
        .zip([Zone::Yellow, Zone::Orange, Zone::Red])
    {
        let x = LABEL + (u32::from(cells) * permille / 1000) as u16;
        let name: String = zone.name().chars().take(letters).collect();
        let text = format!("{}{} {name}", glyph::tick(theme), permille / 10);
        let text = text.trim_end();
        if x >= end {
            let style = if memory.zone == zone {
                theme.zone(zone).add_modifier(Modifier::BOLD)
            } else {
                // Where colours cannot tell, only the zone that is reached stands out.
                theme.zone(zone).remove_modifier(Modifier::REVERSED)
            };
            Pen::new(buf, area, 0).to(x).put(text, style);
            end = x + width(text) as u16 + 1;
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
    let Share {
        agents: resident,
        others,
        reserved,
        ..
    } = memory.machine;
    let items = [
        (
            glyph::agents(theme),
            agents(memory, memory.base, theme),
            format!("agents {}", words::size(resident)),
        ),
        (
            glyph::others(theme),
            theme.bar.others,
            format!("others {}", words::size(others)),
        ),
        (
            glyph::reserved(theme),
            theme.bar.reserved,
            format!("reserved, not used yet {}", words::size(reserved)),
        ),
        (
            glyph::free(theme),
            base.dim,
            format!("free {}", words::size(memory.machine.free())),
        ),
    ];
    // Who goes next is worth more than what the parts are.
    let victim = view.victim.as_ref().map_or("", |victim| &victim.text);
    let kept = match width(victim) as u16 {
        0 => 0,
        wide => wide + 3,
    };
    let mut pen = Pen::new(buf, area, 0);
    pen.to(LABEL);
    for (symbol, style, text) in items {
        if pen.x + width(&text) as u16 + 2 + kept > area.width {
            break;
        }
        pen.put(symbol, style)
            .put(" ", base.text)
            .put(&text, base.dim)
            .put("   ", base.text);
    }
    if kept > 0 {
        let style = theme.zone(memory.zone).remove_modifier(Modifier::REVERSED);
        pen.put_right(victim, area.width.saturating_sub(1), style);
        return;
    }
    // What is left out first comes last.
    let room = usize::from(area.width.saturating_sub(pen.x + 1));
    let mut text = String::new();
    for part in [
        format!("{} of the limit to give", words::size(memory.to_give)),
        format!("  wavedeck {}", words::size(memory.own)),
    ] {
        if width(&text) + width(&part) <= room {
            text.push_str(&part);
        }
    }
    pen.put_right(&text, area.width.saturating_sub(1), base.dim);
}
