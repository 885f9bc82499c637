//! The page of keys, generated from the keymap.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    Look,
    pen::{Pen, wrap},
    popup::{AROUND, ground, page_rows, panel},
};
use crate::{
    display::{clean_text, width},
    tui::{
        action::UiAction,
        keymap::{Key, Keymap, Topic, Whence},
        view::View,
    },
};

/// Columns of a description at most.
const DESC: usize = 120;

/// A line of the help page.
struct Line {
    /// Keys, or a heading.
    key: String,
    /// What they do; empty: a heading, or what goes on from the line before.
    desc: String,
    /// It is a heading.
    heading: bool,
    /// It does nothing here.
    barred: bool,
}

/// How the page lies where panels may.
struct Page {
    lines: Vec<Line>,
    /// Columns of the keys.
    keys: usize,
    /// Columns of a line.
    wide: usize,
    columns: usize,
    /// Lines of a column.
    high: usize,
}

impl Page {
    fn of(keymap: &Keymap, ground: Rect, place: Whence, here: Option<Topic>) -> Self {
        let mut bindings: Vec<_> = Topic::ALL
            .into_iter()
            .map(|topic| (topic, keymap.topic(topic).collect::<Vec<_>>()))
            .filter(|(_, all)| !all.is_empty())
            .collect();
        // What does nothing here is not what somebody looks for here; a replay's keys are, and those
        // of this screen.
        bindings.sort_by_key(|(topic, _)| match (place, topic) {
            (Whence::Recording, Topic::Replay) => 0,
            _ if here == Some(*topic) => 0,
            _ if place.bars(*topic).is_none() => 1,
            _ => 2,
        });
        let of_keys = |all: &[Key]| -> String {
            let keys: Vec<String> = all.iter().map(ToString::to_string).collect();
            keys.join(" ")
        };
        let all = || bindings.iter().flat_map(|(_, all)| all);
        let keys = all().map(|b| width(&of_keys(&b.keys))).max().unwrap_or(0);
        let longest = all().map(|b| width(&b.desc).min(DESC)).max().unwrap_or(0);
        // Its frame is two columns at each side.
        let room = usize::from(ground.width)
            .saturating_sub(4 + keys + 2)
            .max(8);
        let words = longest.min(room);
        let mut lines: Vec<Line> = Vec::new();
        let mut put = |key: String, desc: &str, heading, barred| {
            lines.push(Line {
                key,
                desc: desc.to_owned(),
                heading,
                barred,
            });
        };
        for (n, (topic, all)) in bindings.iter().enumerate() {
            let why = place.bars(*topic);
            if n > 0 {
                put(String::new(), "", false, false);
            }
            let title = match why {
                Some(why) => format!("{}: not here ({why})", topic.title()),
                None => topic.title().to_owned(),
            };
            put(title, "", true, why.is_some());
            for binding in all {
                let desc = clean_text(&binding.desc, DESC);
                for (n, part) in wrap(&desc, words).into_iter().enumerate() {
                    let key = if n == 0 {
                        of_keys(&binding.keys)
                    } else {
                        String::new()
                    };
                    put(key, part, false, why.is_some());
                }
            }
        }
        let wide = keys + 2 + words;
        let two = usize::from(ground.width) >= 2 * wide + 12
            && lines.len() + usize::from(AROUND) > usize::from(ground.height);
        let columns = if two { 2 } else { 1 };
        Self {
            high: lines.len().div_ceil(columns),
            lines,
            keys,
            wide,
            columns,
        }
    }
}

/// The section that is about the screen behind the page.
const fn here(view: &View) -> Option<Topic> {
    if view.clash.is_some() {
        Some(Topic::Conflict)
    } else if view.review.is_some() {
        Some(Topic::Review)
    } else if view.agent.is_some() {
        Some(Topic::Agent)
    } else {
        None
    }
}

/// How far the page can be scrolled where panels may lie.
#[must_use]
pub fn help_scroll(keys: &Keymap, ground: Rect) -> u16 {
    let page = Page::of(keys, ground, Whence::Live, None);
    (page.high as u16).saturating_sub(page_rows(ground.height))
}

/// Draws it, scrolled by so many lines.
pub(super) fn draw(view: &View, scroll: u16, look: Look<'_>, buf: &mut Buffer) {
    let base = &look.theme.base;
    let all = ground(&view.regions);
    let Page {
        lines,
        keys,
        wide,
        columns,
        high: half,
    } = Page::of(look.keys, all, look.whence, here(view));
    let size = (
        (wide * columns + 4 * (columns - 1) + 4) as u16,
        half as u16 + AROUND,
    );
    let Some(area) = panel(all, size, look, buf) else {
        return;
    };
    let rows = area.height.saturating_sub(2);
    let scroll = scroll.min((half as u16).saturating_sub(rows));
    let key = |action| {
        look.keys
            .key_for(action)
            .map_or_else(String::new, |k| k.to_string())
    };
    let back = key(UiAction::Back);
    let title = if half as u16 > rows {
        let (down, up) = (key(UiAction::Down), key(UiAction::Up));
        format!("KEYS   {down} {up} scroll, {back} closes")
    } else {
        format!("KEYS   {back} closes")
    };
    Pen::new(buf, area, 0).put(&title, base.accent);
    for (i, line) in lines.iter().enumerate() {
        let (column, row) = (i / half, i % half);
        let Some(y) = (row as u16).checked_sub(scroll).filter(|y| *y < rows) else {
            continue;
        };
        let mut pen = Pen::new(buf, area, y + 2);
        let left = (column * (wide + 4)) as u16;
        pen.to(left);
        let or_dim = |style| if line.barred { base.dim } else { style };
        if line.heading {
            pen.put(&line.key, or_dim(base.strong));
        } else {
            pen.put_right(&line.key, left + keys as u16, or_dim(base.accent));
            pen.to(left + keys as u16 + 2)
                .put(&line.desc, or_dim(base.text));
        }
    }
}
