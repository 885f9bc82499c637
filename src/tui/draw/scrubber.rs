//! The line of a replay.

use ratatui::{buffer::Buffer, style::Style};

use crate::{
    report::history::MarkKind,
    tui::{
        theme::Theme,
        view::{
            View,
            scrubber::{LEFT, Scrubber},
        },
    },
};

use super::{glyph, pen::Pen};

/// Draws it.
pub fn draw(view: &View, scrubber: &Scrubber, theme: &Theme, buf: &mut Buffer) {
    let area = view.regions.scrubber;
    if area.is_empty() {
        return;
    }
    let mut pen = Pen::new(buf, area, 0);
    let (sign, style) = if scrubber.playing {
        (glyph::play(theme), theme.base.good)
    } else {
        (glyph::pause(theme), theme.base.warn)
    };
    pen.to(1).put(sign, style);
    pen.to(LEFT).put(&scrubber.left, theme.base.strong);
    let from = scrubber.from;
    pen.put_right(
        &scrubber.right,
        area.width.saturating_sub(1),
        theme.base.dim,
    );
    pen.to(from)
        .fill(glyph::heavy(theme), from + scrubber.at, theme.base.accent);
    pen.fill(
        glyph::rule(theme),
        from + scrubber.columns,
        theme.base.faint,
    );
    if scrubber.columns > 0 {
        for &(at, kind) in &scrubber.marks {
            pen.to(from + at)
                .put(glyph::notch(theme), style_of(theme, kind));
        }
        pen.to(from + scrubber.at)
            .put(glyph::knob(theme), theme.base.strong);
    }
}

const fn style_of(theme: &Theme, kind: MarkKind) -> Style {
    match kind {
        MarkKind::Failure => theme.base.bad,
        MarkKind::Attention => theme.base.alert,
        MarkKind::Zone | MarkKind::Swap => theme.base.warn,
        MarkKind::Gate => theme.base.good,
        MarkKind::Operator | MarkKind::Run => theme.base.dim,
    }
}
