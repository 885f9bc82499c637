//! Sizes of the deck's panes, by key and by their borders; and what of the deck is remembered.

use ratatui::layout::Position;

use super::App;
use crate::tui::{
    ui_state::{Held, Layout, Pane, Screen, Sizes, Voice},
    view::regions::{Regions, WIDE},
};

/// The mouse has moved a border to a place.
pub(super) fn drag(app: &mut App, border: Held, at: Position) {
    let r = app.view().regions;
    let sizes = &mut app.ui.sizes;
    match border {
        Held::Graph => sizes.graph = Some(at.y.saturating_sub(r.graph.y)),
        Held::Lower => sizes.lower = Some(r.lower().bottom().saturating_sub(at.y)),
        Held::Side => sizes.side = Some(r.all.width.saturating_sub(at.x + 1)),
        Held::Lately => sizes.lately = Some(r.right().right().saturating_sub(at.x + 1)),
        Held::Scrubber => {}
    }
    kept(app);
}

/// The focused pane by so many rows.
pub(super) fn rows(app: &mut App, by: i16) {
    let r = app.view().regions;
    let (pane, name) = match app.ui.focus {
        Pane::Graph => (r.graph, "wave graph"),
        Pane::Output => (r.lower(), "lower panes"),
        _ => (r.lower(), "table"),
    };
    if pane.is_empty() || app.ui.screen != Screen::Deck {
        app.say(
            Voice::Plain,
            "this pane has nobody to give rows or take them",
        );
        return;
    }
    let wish = |now: u16, by: i16| Some(now.saturating_add_signed(by));
    match app.ui.focus {
        Pane::Graph => app.ui.sizes.graph = wish(r.graph.height, by),
        Pane::Output => app.ui.sizes.lower = wish(r.lower().height, by),
        _ => app.ui.sizes.lower = wish(r.lower().height, -by),
    }
    kept(app);
    let after = app.view().regions;
    let rows = match app.ui.focus {
        Pane::Graph => after.graph.height,
        Pane::Output => after.lower().height,
        _ => after.table.height,
    };
    let as_before = if after == r {
        ": as far as it goes"
    } else {
        ""
    };
    app.say(
        Voice::Plain,
        format!("the {name} has {rows} rows{as_before}"),
    );
}

/// The column at the right by so many columns.
pub(super) fn columns(app: &mut App, by: i16) {
    let r = app.view().regions;
    let borders = r.borders();
    let Some((border, _)) = borders
        .iter()
        .find(|(border, _)| matches!(border, Held::Side | Held::Lately))
    else {
        app.say(Voice::Plain, "there is no column at the right");
        return;
    };
    let now = r.right().width;
    let wish = Some(now.saturating_add_signed(by));
    match border {
        Held::Side => app.ui.sizes.side = wish,
        _ => app.ui.sizes.lately = wish,
    }
    kept(app);
    let after = app.view().regions;
    let columns = after.right().width;
    app.say(Voice::Plain, format!("the right column is {columns} wide"));
}

/// Gives all panes the sizes that what they show asks for.
pub(super) fn own(app: &mut App) {
    app.ui.sizes = Sizes::default();
    app.say(Voice::Plain, "all panes have their own sizes again");
}

/// A wish beyond what fits is taken back to it, so that the next step is seen.
fn kept(app: &mut App) {
    let regions = app.view().regions;
    let right = regions.right().width;
    let Regions { graph, .. } = regions;
    let wide = regions.all.width >= WIDE;
    let sizes = &mut app.ui.sizes;
    for (wish, now) in [
        (&mut sizes.graph, graph.height),
        (&mut sizes.lower, regions.lower().height),
        (&mut sizes.side, if wide { right } else { 0 }),
        (&mut sizes.lately, if wide { 0 } else { right }),
    ] {
        // What is folded away now keeps its wish.
        if wish.is_some() && now > 0 {
            *wish = Some(now);
        }
    }
}

impl App {
    /// What a person finds again the next time.
    #[must_use]
    pub const fn layout(&self) -> Layout {
        Layout::of(&self.ui, self.mouse_chosen)
    }

    /// Takes up what was remembered.
    pub const fn take_up(&mut self, layout: Layout) {
        self.ui.sizes = layout.sizes;
        self.ui.grouping = layout.grouping;
        self.ui.sort = layout.sort;
        if let Some(mouse) = layout.mouse {
            self.ui.mouse = mouse;
            self.mouse_chosen = true;
        }
    }
}
