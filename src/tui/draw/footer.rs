//! The last line: a message, a filter being typed, or the keys that are of use now.

use ratatui::{buffer::Buffer, layout::Rect};

use crate::{
    display::width,
    tui::{
        action::UiAction,
        keymap::{Key, Need},
        ui_state::{Screen, UiState, Voice},
        view::View,
    },
};

use super::{Look, pen::Pen};

/// A hint with its place: first column, columns, key, word.
type Hint = (u16, u16, Key, String);

/// The hints that fit, with their columns; those that matter least are left out first.
#[must_use]
pub fn hits(view: &View, ui: &UiState, look: Look<'_>) -> Vec<Hint> {
    let area = view.regions.footer;
    let hints = look.keys.hints(|need| match need {
        Need::Agent => ui.agent().is_some(),
        Need::Group => ui.agent().is_none(),
        Need::Replay => view.scrubber.is_some(),
        Need::Attention => view.attention.total > 0,
        Need::Deck => ui.screen == Screen::Deck,
        Need::Away => ui.screen != Screen::Deck,
        Need::Graph => ui.screen == Screen::Graph,
        Need::Rows => matches!(ui.screen, Screen::Deck | Screen::Log),
        Need::Sought => matches!(ui.screen, Screen::Deck | Screen::Log | Screen::Agent),
        Need::Opens => ui.screen != Screen::Agent,
        Need::One => ui.screen == Screen::Agent,
        Need::Found => ui.screen == Screen::Agent && !ui.on_agent.search.is_empty(),
        Need::Live => look.live && view.header.banner.is_none(),
    });
    let texts: Vec<(Key, String, usize)> = hints
        .iter()
        .filter_map(|b| {
            let key = *b.keys.first()?;
            let word = match (b.run, ui.screen) {
                // The log is not sorted but sifted.
                (UiAction::Sort, Screen::Log) => "urgency".to_owned(),
                (UiAction::Filter, Screen::Agent) => "search".to_owned(),
                _ => b.hint.clone().unwrap_or_default(),
            };
            let wide = width(&key.to_string()) + 1 + width(&word);
            Some((key, word, wide))
        })
        .collect();
    let room = usize::from(area.width).saturating_sub(2);
    let mut used = 0;
    let mut fits = Vec::new();
    for (i, (key, word, wide)) in texts.into_iter().enumerate() {
        // The first ones, help and leaving, stay whatever happens.
        if used + wide > room && i >= 2 {
            continue;
        }
        used += wide + 2;
        fits.push((i, key, word, wide));
    }
    // Help and leaving stand at the right end, the others in their order from the left.
    let mut out = Vec::new();
    let mut right = area.width.saturating_sub(1);
    for (_, key, word, wide) in fits.iter().filter(|f| f.0 < 2) {
        right = right.saturating_sub(*wide as u16);
        out.push((right, *wide as u16, *key, word.clone()));
        right = right.saturating_sub(2);
    }
    let mut x = 1;
    for (_, key, word, wide) in fits.into_iter().filter(|f| f.0 >= 2) {
        if x + wide as u16 > right {
            break;
        }
        out.push((x, wide as u16, key, word));
        x += wide as u16 + 2;
    }
    out
}

/// Draws the footer.
pub fn draw(view: &View, ui: &UiState, look: Look<'_>, buf: &mut Buffer) {
    let said = ui.message.is_some() || ui.typing;
    let area = if view.regions.footer.is_empty() && said {
        // A zoomed pane has no footer, but a message is never lost.
        Rect {
            y: view.regions.all.height.saturating_sub(1),
            height: 1,
            ..view.regions.all
        }
    } else {
        view.regions.footer
    };
    if area.is_empty() {
        return;
    }
    let base = &look.theme.base;
    Pen::new(buf, area, 0).shade(base.header);
    if let Some(term) = view.terminal.as_ref().filter(|term| term.held) {
        let name = view.agent.as_ref().map_or("", |agent| &agent.row.name);
        let how = if term.leaving {
            "   again sends it"
        } else {
            " takes it back, twice sends it"
        };
        Pen::new(buf, area, 0)
            .put(" the keyboard is the agent's: ", base.alert)
            .put(name, base.alert)
            .put("   Ctrl-Z", base.accent)
            .put(how, base.text);
        return;
    }
    if ui.typing {
        let title = match ui.screen {
            Screen::Agent => " search: ",
            _ => " filter: ",
        };
        let (filter, how) = if ui.screen == Screen::Log {
            (&ui.log_filter, "   Enter keeps it, Esc drops it")
        } else if ui.screen == Screen::Agent {
            let how = "   Enter goes to it, Esc drops it; capitals are meant as such";
            (&ui.on_agent.search, how)
        } else {
            let how = "   Enter keeps it, Esc drops it, ! before it: all others";
            (&ui.filter, how)
        };
        Pen::new(buf, area, 0)
            .put(title, base.accent)
            .put(&crate::display::clean_text(filter, 60), base.text)
            .put("_", base.accent)
            .put(how, base.dim);
        return;
    }
    if let Some((voice, text)) = &ui.message {
        let style = match voice {
            Voice::Plain => base.text,
            Voice::Good => base.good,
            Voice::Bad => base.warn,
        };
        Pen::new(buf, area, 0).fill(" ", area.width, base.header);
        Pen::new(buf, area, 0)
            .to(1)
            .put(text, style.patch(base.header));
        Pen::new(buf, area, 0).shade(base.header);
        return;
    }
    for (x, _, key, word) in hits(view, ui, look) {
        Pen::new(buf, area, 0)
            .to(x)
            .put(&key.to_string(), base.accent)
            .put(" ", base.dim)
            .put(&word, base.dim);
    }
}
