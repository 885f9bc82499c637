//! The agent's screen but for its output: words and figures, tabs, lists, what the plan says.

mod memory;

use std::slice;

use ratatui::{buffer::Buffer, layout::Rect, style::Style};

use crate::{
    display::width,
    tui::{
        action::UiAction,
        theme::Theme,
        ui_state::{Tab, UiState},
        view::{
            Left, View,
            agent::{AgentView, Listed, Neighbour},
            words,
        },
    },
};

use super::{Look, glyph, pen::Pen, rule, tone};
use memory::memory;

/// Draws it.
pub fn draw(view: &View, agent: &AgentView, ui: &UiState, look: Look<'_>, buf: &mut Buffer) {
    let theme = look.theme;
    let r = &view.regions;
    facts(agent, look, buf, r.agent);
    tabs(agent, ui, look, buf, r.tabs);
    let tab = ui.on_agent.tab;
    let titles = [
        (Tab::Attempts, "ATTEMPTS", r.attempts, &agent.attempts),
        (Tab::Checks, "CHECKS", r.checks, &agent.checks),
    ];
    for (own, title, area, list) in titles {
        listed(title, list, own == tab, theme, buf, area);
    }
    plan(agent, tab == Tab::Plan, theme, buf, r.plan);
}

/// Its state, what it does, its figures, memory and neighbours.
fn facts(agent: &AgentView, look: Look<'_>, buf: &mut Buffer, area: Rect) {
    let theme = look.theme;
    let base = &theme.base;
    let row = &agent.row;
    if area.is_empty() {
        return;
    }
    let style = theme.mark(row.mark);
    let title = if agent.title.is_empty() {
        String::new()
    } else {
        format!("  {}", agent.title)
    };
    let since = format!(" for {}", words::span(agent.since_us));
    let key = |action| {
        look.keys
            .key_for(action)
            .map_or_else(String::new, |k| k.to_string())
    };
    let back = key(UiAction::Back);
    let critical = if row.critical { "critical path   " } else { "" };
    rule(
        buf,
        Rect { height: 1, ..area },
        theme,
        &row.name,
        base.accent,
        &[
            ("  ", base.dim),
            (glyph::mark(theme, row.mark), style),
            (" ", style),
            (row.mark.word(), style),
            (&since, base.dim),
            (&title, base.dim),
        ],
        &[
            (critical, base.critical),
            (back.as_str(), base.accent),
            (" back", base.dim),
        ],
    );
    let quiet = if row.quiet { "quiet! " } else { "" };
    let mut pen = Pen::new(buf, area, 1);
    pen.to(1).put(quiet, base.alert);
    let room = area.width.saturating_sub(pen.x + 1);
    pen.put_max(&row.now, room, tone(theme, row.tone));
    figures(agent, theme, buf, area);
    memory(agent, theme, buf, area);
    if area.height > 4 {
        let mut pen = Pen::new(buf, area, 4);
        pen.to(1);
        let half = area.width / 2;
        if let Some(parent) = &agent.parent {
            neighbours(
                &mut pen,
                "part of",
                "",
                slice::from_ref(parent),
                half,
                theme,
            );
            let x = pen.x + 2;
            pen.to(x);
        }
        neighbours(&mut pen, "needs", "nobody", &agent.needs, half, theme);
        let x = pen.x + 3;
        pen.to(x);
        let end = area.width.saturating_sub(1);
        let by = &agent.needed_by;
        neighbours(&mut pen, "needed by", "nobody", by, end, theme);
    }
}

/// Puts name and value pairs into a row, as far as they fit.
fn pairs(pen: &mut Pen<'_>, end: u16, theme: &Theme, all: &[(&str, String, Style)]) {
    let begin = pen.x;
    for (name, value, style) in all {
        let wide = (width(name) + width(value)) as u16 + u16::from(!name.is_empty());
        let gap = if pen.x > begin { 3 } else { 0 };
        if pen.x + gap + wide > end {
            continue;
        }
        pen.x += gap;
        if !name.is_empty() {
            pen.put(name, theme.base.dim).put(" ", theme.base.dim);
        }
        pen.put(value, *style);
    }
}

fn figures(agent: &AgentView, theme: &Theme, buf: &mut Buffer, area: Rect) {
    if area.height < 3 {
        return;
    }
    let base = &theme.base;
    let row = &agent.row;
    let mut all: Vec<(&str, String, Style)> = Vec::new();
    if !row.worker.is_empty() {
        let style = if row.swapping { base.warn } else { base.worker };
        all.push(("worker", row.worker.clone(), style));
    }
    let (attempt, most) = row.attempt;
    if attempt > 0 {
        let style = if attempt > 1 { base.warn } else { base.text };
        let of = format!("{attempt} of {}", most.max(attempt));
        all.push(("attempt", of, style));
    }
    if let Some(age) = row.age_us {
        let live = row.ram.is_some_and(|r| r.own.is_some());
        let age = if live {
            words::span(age)
        } else {
            words::took(age)
        };
        all.push(("ran", age, base.text));
    }
    match row.left {
        Some(Left::About(us)) => all.push(("left", format!("~{}", words::span(us)), base.text)),
        Some(Left::Over(us)) => all.push(("over by", words::span(us), base.alert)),
        None => {}
    }
    if let Some(us) = row.quiet_us {
        let style = if row.quiet { base.alert } else { base.text };
        all.push(("quiet", words::span(us), style));
    }
    if let Some(used) = row.used {
        if used.tokens() > 0 {
            all.push(("tokens", words::tokens(used.tokens()), base.text));
        }
        if let Some(cost) = used.cost_microusd {
            all.push(("cost", words::dollars(cost), base.text));
        }
    }
    if let Some(count) = row.processes {
        all.push(("processes", count.to_string(), base.text));
    }
    if let Some(bytes) = row.output {
        all.push(("printed", words::size(bytes), base.text));
    }
    all.push(("wave", row.wave.to_string(), base.text));
    if !row.priority.is_empty() {
        all.push(("priority", row.priority.to_owned(), base.text));
    }
    let mut pen = Pen::new(buf, area, 2);
    pattern(&mut pen, area, theme, &all);
}

fn pattern(pen: &mut Pen<'_>, area: Rect, theme: &Theme, all: &[(&str, String, Style)]) {
    pen.to(1);
    pairs(pen, area.width.saturating_sub(1), theme, all);
}

/// Names with their states, as far as they fit before column `end`.
fn neighbours(
    pen: &mut Pen<'_>,
    label: &str,
    none: &str,
    all: &[Neighbour],
    end: u16,
    theme: &Theme,
) {
    let base = &theme.base;
    pen.put(label, base.dim).put(" ", base.dim);
    if all.is_empty() {
        pen.put(none, base.dim);
    }
    for (i, one) in all.iter().enumerate() {
        let how = if one.how.is_empty() {
            String::new()
        } else {
            format!(" ({})", one.how)
        };
        let rest = format!("+{}", all.len() - i);
        let wide = (width(&one.name) + width(&how)) as u16 + 3;
        let last = i + 1 == all.len();
        if pen.x + wide + if last { 0 } else { rest.len() as u16 } > end {
            pen.put(&rest, base.dim);
            return;
        }
        let mark = one.mark;
        pen.put(glyph::mark(theme, mark), theme.mark(mark))
            .put(" ", base.dim)
            .put(&one.name, base.text)
            .put(&how, base.dim)
            .put(" ", base.dim);
    }
}

/// The words of the tabs: first column, columns, which.
#[must_use]
pub fn tab_hits(agent: &AgentView) -> Vec<(u16, u16, Tab, String)> {
    let mut x = 1;
    let mut out = Vec::new();
    for tab in Tab::ALL {
        let count = match tab {
            Tab::Attempts => agent.counts.0,
            Tab::Checks => agent.counts.1,
            Tab::Output | Tab::Plan | Tab::Prompt => 0,
        };
        let word = if count > 0 {
            format!(" {} {count} ", tab.name())
        } else {
            format!(" {} ", tab.name())
        };
        let wide = width(&word) as u16;
        out.push((x, wide, tab, word));
        x += wide + 1;
    }
    out
}

fn tabs(agent: &AgentView, ui: &UiState, look: Look<'_>, buf: &mut Buffer, area: Rect) {
    if area.is_empty() {
        return;
    }
    let base = &look.theme.base;
    Pen::new(buf, area, 0).shade(base.header);
    for (x, wide, tab, word) in tab_hits(agent) {
        let chosen = tab == ui.on_agent.tab;
        let style = if chosen { base.accent } else { base.dim };
        let mut pen = Pen::new(buf, area, 0);
        pen.to(x).put(&word, style);
        if chosen {
            let end = (area.x + x + wide).min(area.right());
            let cells = Rect::new(area.x + x, area.y, end.saturating_sub(area.x + x), 1);
            buf.set_style(cells.intersection(buf.area), base.selected);
        }
    }
    if let Some(key) = look.keys.key_for(UiAction::NextPane) {
        let used = tab_hits(agent).last().map_or(0, |(x, wide, ..)| x + wide);
        let key = key.to_string();
        let right = area.width.saturating_sub(1);
        let from = right.saturating_sub(width(&key) as u16 + 5);
        if from > used {
            Pen::new(buf, area, 0)
                .to(from)
                .put(&key, base.accent)
                .put(" next", base.dim);
        }
    }
}

fn listed(title: &str, list: &Listed, focused: bool, theme: &Theme, buf: &mut Buffer, area: Rect) {
    if area.is_empty() {
        return;
    }
    let base = &theme.base;
    let count = match list.total {
        0 => String::new(),
        n => format!(" {n}"),
    };
    let more = match list.more {
        (true, true) => format!("{}{}", glyph::up(theme), glyph::down(theme)),
        (true, false) => glyph::up(theme).to_owned(),
        (false, true) => glyph::down(theme).to_owned(),
        (false, false) => String::new(),
    };
    rule(
        buf,
        Rect { height: 1, ..area },
        theme,
        title,
        if focused { base.accent } else { base.strong },
        &[(&count, base.dim)],
        &[(&more, base.dim)],
    );
    if list.lines.is_empty() {
        Pen::new(buf, area, 1).to(1).put(list.empty, base.dim);
        return;
    }
    for (y, line) in (1..area.height).zip(&list.lines) {
        let mut pen = Pen::new(buf, area, y);
        pen.to(1);
        if let Some(mark) = line.mark {
            pen.put(glyph::mark(theme, mark), theme.mark(mark))
                .put(" ", base.dim);
        }
        for (text, t) in &line.pieces {
            let room = area.width.saturating_sub(pen.x + 1);
            pen.put_max(text, room, tone(theme, *t));
        }
        if list.chosen == Some(line.entry) {
            if focused {
                pen.shade(base.selected);
            } else if line.mark.is_some() {
                // Where the arrow keys are elsewhere, the shown one is only pointed at.
                pen.to(0).put(glyph::pointer(theme), base.accent);
            }
        }
    }
}

fn plan(agent: &AgentView, focused: bool, theme: &Theme, buf: &mut Buffer, area: Rect) {
    if area.is_empty() {
        return;
    }
    let base = &theme.base;
    let (first, total) = agent.plan_place;
    let shown = first + agent.plan.len();
    let place = if shown - first < total {
        format!("{}-{shown} of {total}", first + 1)
    } else {
        String::new()
    };
    rule(
        buf,
        Rect { height: 1, ..area },
        theme,
        "PLAN",
        if focused { base.accent } else { base.strong },
        &[],
        &[(&place, base.dim)],
    );
    let room = area.width.saturating_sub(2);
    for (y, (text, t)) in (1..area.height).zip(&agent.plan) {
        Pen::new(buf, area, y)
            .to(1)
            .put_max(text, room, tone(theme, *t));
    }
}
