//! The wave graph: nodes by wave, edges between, the critical path in double lines.

use ratatui::{buffer::Buffer, style::Style};

use crate::{
    display::{prefix, truncate, width},
    tui::{
        action::UiAction,
        ui_state::{Pane, Screen, UiState},
        view::{
            View,
            graph::{DOUBLE, GraphView, Node, NodeTime},
            regions, words,
        },
    },
};

use super::{Look, glyph, pen::Pen, rule, tone};

/// Draws the graph's panel.
pub fn draw(view: &View, graph: &GraphView, ui: &UiState, look: Look<'_>, buf: &mut Buffer) {
    let theme = look.theme;
    let base = &theme.base;
    let area = view.regions.graph;
    if area.is_empty() {
        return;
    }
    let (first, last, waves) = graph.range;
    let range = if waves == 0 || (first == 1 && last == waves) {
        String::new()
    } else {
        format!(" {first}-{last} of {waves}")
    };
    let key = look
        .keys
        .key_for(UiAction::Graph)
        .map_or_else(String::new, |k| k.to_string());
    let full = ui.screen == Screen::Graph;
    let focused = full || ui.focus == Pane::Graph;
    let double = glyph::double(theme).repeat(2);
    let phase = view.phase.as_ref().filter(|_| view.cards.is_empty());
    let phase_text = phase.map_or("", |(t, _)| t.as_str());
    let phase_style = phase.map_or(base.dim, |(_, t)| match t {
        crate::tui::view::Tone::Plain => base.dim,
        other => tone(theme, *other),
    });
    let gap = if phase_text.is_empty() { "" } else { "   " };
    let phase_text = crate::display::truncate(phase_text.to_owned(), usize::from(area.width) / 3);
    let title_style = if focused { base.accent } else { base.strong };
    rule(
        buf,
        area,
        theme,
        "WAVES",
        title_style,
        &if let Some(name) = &graph.named {
            [
                (range.as_str(), base.dim),
                ("  ", base.dim),
                (name, base.accent),
            ]
        } else {
            [
                (range.as_str(), base.dim),
                ("  critical path ", base.dim),
                (double.as_str(), base.critical),
            ]
        },
        &[
            (&phase_text, phase_style),
            (gap, base.dim),
            (&key, base.accent),
            (if full { " back" } else { " full" }, base.dim),
        ],
    );
    if graph.placing {
        Pen::new(buf, area, 1)
            .to(2)
            .put("the graph is being placed", base.dim);
        return;
    }
    let mut top = 1;
    if regions::wave_row(area) {
        let mut free = 0;
        for (i, head) in graph.waves.iter().enumerate() {
            let room = graph
                .waves
                .get(i + 1)
                .map_or(u16::MAX, |next| next.x - head.x);
            let long = format!("wave {}", head.wave);
            let text = if (full || head.x == 0) && width(&long) < usize::from(room) {
                long
            } else {
                head.wave.to_string()
            };
            // Of narrow waves only some have room for a number.
            if head.x < free {
                continue;
            }
            free = head.x + width(&text) as u16 + 1;
            let style = if head.done { base.dim } else { base.text };
            Pen::new(buf, area, 1).to(head.x + 1).put(&text, style);
        }
        top = 2;
    }
    let inner = ratatui::layout::Rect {
        x: area.x + 1,
        y: area.y + top,
        width: graph.size.0.min(area.width.saturating_sub(1)),
        height: graph.size.1.min(area.height.saturating_sub(top)),
    }
    .intersection(buf.area);
    for (i, &arms) in graph.cells.iter().enumerate() {
        if arms == 0 {
            continue;
        }
        let (x, y) = (
            (i % usize::from(graph.size.0)) as u16,
            (i / usize::from(graph.size.0)) as u16,
        );
        if x >= inner.width || y >= inner.height {
            continue;
        }
        let critical = [0, 2, 4, 6].iter().any(|s| arms >> s & 3 == DOUBLE);
        let style = if critical { base.critical } else { base.faint };
        buf[(inner.x + x, inner.y + y)]
            .set_symbol(glyph::edge(theme, arms))
            .set_style(style);
    }
    for head in &graph.heads {
        if head.x < inner.width && head.y < inner.height {
            let symbol = if head.back {
                glyph::back(theme)
            } else {
                glyph::head(theme)
            };
            let style = if head.critical {
                base.critical
            } else {
                base.dim
            };
            buf[(inner.x + head.x, inner.y + head.y)]
                .set_symbol(symbol)
                .set_style(style);
        }
    }
    for node in &graph.nodes {
        if node.y >= inner.height {
            continue;
        }
        let mut spans = node_spans(node, look);
        // What begins before the window loses its head.
        let mut cut = usize::try_from(-node.x).unwrap_or(0);
        let start = node.x.max(0) as u16;
        let mut pen = Pen::new(buf, inner, node.y);
        pen.to(start);
        for (text, style) in &mut spans {
            let from = prefix(text, cut);
            cut -= width(&text[..from]).min(cut);
            pen.put(&text[from..], *style);
        }
        let end = pen.x;
        // The line goes on from behind the words to where the box ends.
        let edge = node.x + i32::from(node.width);
        if node.leaves > 0 && edge > 0 && cut == 0 {
            let arms = node.leaves << 2 | node.leaves << 6;
            let style = if node.leaves == DOUBLE {
                base.critical
            } else {
                base.faint
            };
            pen.to(end + 1).fill(
                glyph::edge(theme, arms),
                (edge as u16).min(inner.width),
                style,
            );
        }
        if node.selected {
            let spot = ratatui::layout::Rect {
                x: inner.x + start,
                y: inner.y + node.y,
                width: end.saturating_sub(start),
                height: 1,
            };
            buf.set_style(spot.intersection(inner), base.selected);
        }
    }
    arrows(graph, look, inner, buf);
}

/// A node's words: state, name, and time where there is room for it.
fn node_spans(node: &Node, look: Look<'_>) -> Vec<(String, Style)> {
    let theme = look.theme;
    let base = &theme.base;
    let style = theme.mark(node.mark);
    if node.name_width == 0 {
        return vec![(glyph::mark(theme, node.mark).to_owned(), style)];
    }
    let room = usize::from(node.name_width);
    let name = truncate(node.name.clone(), room);
    let gap = if node.time.is_some() {
        " ".repeat(room - width(&name).min(room))
    } else {
        String::new()
    };
    let mut spans = vec![
        (format!("{} {name}", glyph::mark(theme, node.mark)), style),
        (gap, base.text),
    ];
    match node.time {
        Some(NodeTime::Took(us)) => spans.push((format!(" {}", words::took(us)), base.dim)),
        Some(NodeTime::Expected(us)) => spans.push((format!(" ~{}", words::span(us)), base.dim)),
        Some(NodeTime::Running(used, expected)) => {
            let cells = (used.saturating_mul(4) / expected.max(1)).min(4) as usize;
            spans.push((" ".to_owned(), style));
            spans.push((glyph::filled(theme).repeat(cells), style));
            spans.push((glyph::unfilled(theme).repeat(4 - cells), base.faint));
            let (text, style) = if used > expected {
                (format!(" +{}", words::span(used - expected)), base.alert)
            } else {
                (format!(" ~{}", words::span(expected - used)), base.dim)
            };
            spans.push((text, style));
        }
        None => {}
    }
    spans
}

/// Marks where the graph goes on beyond the window.
fn arrows(graph: &GraphView, look: Look<'_>, inner: ratatui::layout::Rect, buf: &mut Buffer) {
    let theme = look.theme;
    let style = theme.base.accent;
    if inner.is_empty() {
        return;
    }
    let (w, h) = (u32::from(graph.size.0), u32::from(graph.size.1));
    let middle = inner.height / 2;
    if graph.at.0 > 0 {
        buf[(inner.x, inner.y + middle)]
            .set_symbol(glyph::west(theme))
            .set_style(style);
    }
    if graph.at.0 + w < graph.whole.0 {
        buf[(inner.right() - 1, inner.y + middle)]
            .set_symbol(glyph::east(theme))
            .set_style(style);
    }
    if graph.at.1 > 0 {
        buf[(inner.right() - 1, inner.y)]
            .set_symbol(glyph::up(theme))
            .set_style(style);
    }
    if graph.at.1 + h < graph.whole.1 {
        buf[(inner.right() - 1, inner.bottom() - 1)]
            .set_symbol(glyph::down(theme))
            .set_style(style);
    }
}
