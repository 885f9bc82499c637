//! The page of keys, generated from the keymap.

use ratatui::buffer::Buffer;

use super::{Look, pen::Pen, popup::panel};
use crate::{
    display::width,
    tui::{
        action::UiAction,
        keymap::{Keymap, Topic},
        view::View,
    },
};

/// Lines of the help page: keys and what they do, or a heading.
fn help_lines(keys: &Keymap) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    for topic in Topic::ALL {
        let mut any = false;
        for binding in keys.topic(topic) {
            if !any {
                if !lines.is_empty() {
                    lines.push((String::new(), String::new()));
                }
                lines.push((topic.title().to_owned(), String::new()));
                any = true;
            }
            let keys: Vec<String> = binding.keys.iter().map(ToString::to_string).collect();
            lines.push((
                keys.join(" "),
                crate::display::clean_text(&binding.desc, 120),
            ));
        }
    }
    lines
}

/// Lines that the help page has, so that scrolling knows where to stop.
#[must_use]
pub fn help_height(keys: &Keymap) -> u16 {
    help_lines(keys).len() as u16
}

/// Draws it, scrolled by so many lines.
pub(super) fn draw(view: &View, scroll: u16, look: Look<'_>, buf: &mut Buffer) {
    let base = &look.theme.base;
    let lines = help_lines(look.keys);
    let keys = lines
        .iter()
        .filter(|l| !l.1.is_empty())
        .map(|l| width(&l.0))
        .max()
        .unwrap_or(0);
    let wide = lines
        .iter()
        .map(|l| keys + 3 + width(&l.1))
        .max()
        .unwrap_or(0);
    let all = view.regions.all;
    let two = usize::from(all.width) >= 2 * wide + 12 && lines.len() + 4 > usize::from(all.height);
    let half = if two {
        lines.len().div_ceil(2)
    } else {
        lines.len()
    };
    let columns = if two { 2 } else { 1 };
    let size = ((wide * columns + 4 * columns + 2) as u16, half as u16 + 4);
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
    for (i, (key, desc)) in lines.iter().enumerate() {
        let (column, row) = (i / half, i % half);
        let Some(y) = (row as u16).checked_sub(scroll).filter(|y| *y < rows) else {
            continue;
        };
        let mut pen = Pen::new(buf, area, y + 2);
        let left = (column * (wide + 4)) as u16;
        pen.to(left);
        if desc.is_empty() {
            pen.put(key, base.strong);
        } else {
            pen.put_right(key, left + keys as u16, base.accent);
            pen.to(left + keys as u16 + 2).put(desc, base.text);
        }
    }
}
