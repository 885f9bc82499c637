//! Drawing: a view and a person's choices into a bare buffer, one file a panel.
//!
//! Pure. Must not look at the run itself: what is not in the view is not shown.

pub mod glyph;
pub mod pen;

pub mod agent;
mod attention;
mod clash;
mod columns;
mod footer;
mod graph;
mod header;
mod help;
pub mod log;
mod memory;
mod output;
mod popup;
mod queue;
mod ram;
mod report;
mod review;
mod row;
mod scrubber;
mod side;
mod status;
mod table;
mod terminal;
mod themes;
pub mod timeline;

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use super::{
    keymap::{Keymap, Whence},
    theme::Theme,
    ui_state::{MIN_SIZE, UiState},
    view::{Tone, View},
};
pub use footer::hits as footer_hits;
pub use help::help_scroll;
use pen::Pen;
pub(in crate::tui) use popup::draw as popups;
pub use popup::{ground, most_scroll, page_rows, popup_hit};
pub use queue::{QueueHit, hit as queue_hit, scrolls as queue_scrolls};
pub use status::height as status_height;
pub use themes::{ThemeHit, hit as theme_hit};

/// What is drawn with.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    /// Styles.
    pub theme: &'a Theme,
    /// Keys, for what names them.
    pub keys: &'a Keymap,
    /// What is shown, and whether it can be changed from here.
    pub whence: Whence,
}

/// Draws everything.
pub fn draw(view: &View, ui: &UiState, look: Look<'_>, buf: &mut Buffer) {
    let theme = look.theme;
    buf.set_style(buf.area, theme.base.background.patch(theme.base.text));
    if ui.too_small() {
        too_small(ui, theme, buf);
        return;
    }
    header::draw(view, look, buf);
    if let Some(memory) = &view.memory {
        memory::draw(view, memory, theme, buf);
    }
    attention::draw(view, ui, look, buf);
    if let Some(agent) = &view.agent {
        agent::draw(view, agent, ui, look, buf);
    }
    if let Some(graph) = &view.graph {
        graph::draw(view, graph, ui, look, buf);
    }
    if let Some(report) = &view.report {
        report::draw(view.regions.report, report, look, buf);
    }
    if let Some(merge) = &view.merge {
        report::draw(view.regions.work, merge, look, buf);
    }
    if let Some(clash) = &view.clash {
        clash::draw(view, clash, look, buf);
    }
    if let Some(review) = &view.review {
        review::draw(view, review, look, buf);
    }
    if let Some(log) = &view.log {
        log::draw(view, log, ui, look, buf);
    }
    if let Some(timeline) = &view.timeline {
        timeline::draw(view, timeline, look, buf);
    }
    table::draw(view, ui, look, buf);
    side::cards(view, theme, buf);
    status::pane(view, view.regions.status, look, buf);
    match &view.terminal {
        Some(term) => terminal::draw(view, term, ui, look, buf),
        None => output::draw(view, ui, look, buf),
    }
    side::lately(view, theme, buf);
    ram::draw(view, ui, look, buf);
    if let Some(scrubber) = &view.scrubber {
        scrubber::draw(view, scrubber, theme, buf);
    }
    footer::draw(view, ui, look, buf);
    popup::draw(view, ui, look, buf);
    plain(theme, buf);
}

/// Puts ASCII in the place of all other symbols, where the theme says so.
pub(in crate::tui) fn plain(theme: &Theme, buf: &mut Buffer) {
    if theme.ascii {
        for cell in &mut buf.content {
            if !cell.symbol().is_ascii() {
                let plain = glyph::plain(cell.symbol());
                cell.set_symbol(plain);
            }
        }
    }
}

/// A terminal that is too small says so, and how large it has to be.
pub(in crate::tui) fn too_small(ui: &UiState, theme: &Theme, buf: &mut Buffer) {
    let (w, h) = ui.size;
    let lines = [
        ("too small".to_owned(), theme.base.strong),
        (format!("has {w}x{h}"), theme.base.text),
        (
            format!("needs {}x{}", MIN_SIZE.0, MIN_SIZE.1),
            theme.base.text,
        ),
        ("q leaves".to_owned(), theme.base.dim),
    ];
    let area = buf.area;
    let top = area.height.saturating_sub(lines.len() as u16) / 2;
    for (y, (text, style)) in (top..).zip(lines) {
        let x = area.width.saturating_sub(text.len() as u16) / 2;
        Pen::new(buf, area, y).to(x).put(&text, style);
    }
}

/// The style of a tone.
pub(in crate::tui) const fn tone(theme: &Theme, tone: Tone) -> Style {
    match tone {
        Tone::Plain => theme.base.text,
        Tone::Dim => theme.base.dim,
        Tone::Good => theme.base.good,
        Tone::Warn => theme.base.warn,
        Tone::Alert => theme.base.alert,
        Tone::Bad => theme.base.bad,
        Tone::Critical => theme.base.critical,
    }
}

/// A section's rule: `── TITLE more ─────── right ──`. Returns where its words end and where the
/// right ones begin.
pub(in crate::tui) fn rule(
    buf: &mut Buffer,
    area: Rect,
    theme: &Theme,
    title: &str,
    title_style: Style,
    left: &[(&str, Style)],
    right: &[(&str, Style)],
) -> (u16, u16) {
    let faint = theme.base.faint;
    let line = glyph::rule(theme);
    let mut pen = Pen::new(buf, area, 0);
    pen.fill(line, area.width, faint);
    pen.to(2).put(" ", faint).put(title, title_style);
    let right_width: usize = right.iter().map(|(t, _)| crate::display::width(t)).sum();
    let mut end = area.width;
    for (text, style) in left {
        pen.put(text, *style);
    }
    pen.put(" ", faint);
    let words_end = pen.x;
    let from = usize::from(area.width).saturating_sub(right_width + 4);
    if right_width > 0 && from > usize::from(words_end) {
        end = from as u16;
        pen.to(end).put(" ", faint);
        for (text, style) in right {
            pen.put(text, *style);
        }
        pen.put(" ", faint);
    }
    (words_end, end)
}
