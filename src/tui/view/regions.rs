//! Which part of the screen each panel gets.
//!
//! Pure integers. When space is short, the legend goes first, then the strip, then the lower panes;
//! table and footer never.

mod agent;

use ratatui::layout::Rect;

pub use agent::{AgentNeeds, agent, beside};

use crate::tui::ui_state::{Held, MIN_SIZE, Screen, Sizes};

/// Width from which the side column has a place of its own.
pub const WIDE: u16 = 180;
/// Width below which an agent is one line and nothing else.
pub const NARROW: u16 = 80;
/// Width from which something stands beside the output.
pub const BESIDE: u16 = 100;
/// Width of the side column.
const SIDE: u16 = 50;

/// Where the panels are; what has no place is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Regions {
    /// Everything.
    pub all: Rect,
    /// The first line.
    pub header: Rect,
    /// The memory bar: of the machine, or of what has less left where there is one bar only.
    pub memory: Rect,
    /// The memory bar of the plan's limit, where there are two.
    pub limit: Rect,
    /// Zone marks below the bar.
    pub ruler: Rect,
    /// What the bar's parts are.
    pub legend: Rect,
    /// What waits for a person: with a rule from 2 rows on.
    pub attention: Rect,
    /// The wave graph with its rule.
    pub graph: Rect,
    /// Words and figures of one agent, with their rule.
    pub agent: Rect,
    /// What of it can be shown, where not all has a place.
    pub tabs: Rect,
    /// Its attempts with their rule.
    pub attempts: Rect,
    /// Its checks with their rule.
    pub checks: Rect,
    /// What the plan says of it, with its rule.
    pub plan: Rect,
    /// The report.
    pub report: Rect,
    /// What comes together, a conflict, a review.
    pub work: Rect,
    /// The log with its rule and the selected event.
    pub log: Rect,
    /// The timeline with its rule, axis and memory.
    pub timeline: Rect,
    /// The table with its rule and heads.
    pub table: Rect,
    /// Cards of phases, with their rule.
    pub side: Rect,
    /// Status cards of tracks, with their rule.
    pub status: Rect,
    /// Output of the selected agent with its rule.
    pub output: Rect,
    /// The memory pane with its rule and heads, in place of the output.
    pub ram: Rect,
    /// Last events with their rule.
    pub lately: Rect,
    /// The line of a replay, above the last one.
    pub scrubber: Rect,
    /// The last line.
    pub footer: Rect,
}

impl Regions {
    /// The column at the right: status cards and what happened lately, or what stands beside the
    /// output.
    #[must_use]
    pub fn right(&self) -> Rect {
        [self.side, self.status, self.lately]
            .into_iter()
            .filter(|pane| !pane.is_empty())
            .reduce(Rect::union)
            .unwrap_or_default()
    }

    /// The pane below the table: the output, or what stands in its place.
    #[must_use]
    pub const fn lower(&self) -> Rect {
        if self.ram.is_empty() {
            self.output
        } else {
            self.ram
        }
    }

    /// Borders that the mouse can move: what they are, and where.
    #[must_use]
    pub fn borders(&self) -> Vec<(Held, Rect)> {
        let mut out = Vec::new();
        if !self.table.is_empty() && !self.graph.is_empty() {
            out.push((
                Held::Graph,
                Rect {
                    height: 1,
                    ..self.table
                },
            ));
        }
        let lower = self.lower();
        if !self.table.is_empty() && !lower.is_empty() {
            out.push((Held::Lower, Rect { height: 1, ..lower }));
        }
        let left_of = |pane: Rect| Rect {
            x: pane.x.saturating_sub(1),
            width: 1,
            ..pane
        };
        let right = self.right();
        if !right.is_empty() {
            let wide = self.all.width >= WIDE;
            let held = if wide { Held::Side } else { Held::Lately };
            out.push((held, left_of(right)));
        }
        out
    }

    /// Puts the line of a replay where the last line would be, and that below it; made for a screen
    /// that is one row less high.
    #[must_use]
    pub fn with_scrubber(mut self, size: (u16, u16)) -> Self {
        if self.all.height < size.1 {
            self.all = Rect::new(0, 0, size.0, size.1);
            self.scrubber = Rect::new(0, size.1 - 1, size.0, 1);
            if !self.footer.is_empty() {
                self.scrubber.y -= 1;
                self.footer.y += 1;
            }
        }
        self
    }
}

/// How much there is to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Needs {
    /// Rows of the table.
    pub rows: usize,
    /// Rows of the wave graph.
    pub graph: usize,
    /// Rows of the phases' cards.
    pub cards: usize,
    /// Rows of the status cards with their rule; 0: not shown.
    pub status: usize,
    /// Status cards stand beside the output, where there is one place only.
    pub beside: bool,
    /// Rows of the memory pane with its rule and heads; 0: it is not shown.
    pub ram: usize,
    /// Memory was measured.
    pub memory: bool,
    /// Things that wait for a person.
    pub attention: usize,
    /// Sizes that a person has chosen.
    pub sizes: Sizes,
}

/// Cuts `wish` rows off `left`.
const fn take(left: &mut u16, wish: u16) -> u16 {
    let got = if *left < wish { *left } else { wish };
    *left -= got;
    got
}

/// All of it, or nothing.
const fn all_or_none(left: &mut u16, wish: u16) -> u16 {
    if *left < wish {
        return 0;
    }
    *left -= wish;
    wish
}

/// Divides the screen.
#[must_use]
pub fn regions(size: (u16, u16), screen: Screen, needs: Needs) -> Regions {
    let all = Rect::new(0, 0, size.0, size.1);
    let mut out = Regions {
        all,
        ..Regions::default()
    };
    if size.0 < MIN_SIZE.0 || size.1 < MIN_SIZE.1 {
        return out;
    }
    let (w, h) = size;
    let line = |y| Rect::new(0, y, w, 1);
    match screen {
        Screen::Agent => return agent(size, AgentNeeds::default()),
        Screen::Graph => {
            out.header = line(0);
            out.graph = Rect::new(0, 1, w, h - 2);
            out.footer = line(h - 1);
            return out;
        }
        Screen::Report => {
            out.header = line(0);
            out.report = Rect::new(0, 1, w, h - 2);
            out.footer = line(h - 1);
            return out;
        }
        Screen::Merge | Screen::Clash | Screen::Review => {
            out.header = line(0);
            out.work = Rect::new(0, 1, w, h - 2);
            out.footer = line(h - 1);
            return out;
        }
        Screen::Log => {
            out.header = line(0);
            out.log = Rect::new(0, 1, w, h - 2);
            out.footer = line(h - 1);
            return out;
        }
        Screen::Timeline => {
            out.header = line(0);
            out.timeline = Rect::new(0, 1, w, h - 2);
            out.footer = line(h - 1);
            return out;
        }
        Screen::Deck => {}
    }
    let mut left = h - 2;
    let bar = u16::from(needs.memory && left >= 9);
    left -= bar;
    let demands = u16::try_from(needs.attention).unwrap_or(u16::MAX);
    // Never off the screen when there is something: one line at least.
    let mut asks = u16::from(demands > 0);
    left -= asks;
    let rows = u16::try_from(needs.rows)
        .unwrap_or(u16::MAX)
        .saturating_add(2);
    let ram = u16::try_from(needs.ram).unwrap_or(u16::MAX);
    let least = match (ram, h) {
        // Who opens the memory pane wants to see it.
        (1.., _) => h / 3,
        (0, 0..24) => 11,
        (0, _) => 14,
    };
    let mut table = take(&mut left, rows.clamp(4, least.max(4)));
    if asks > 0 && left >= 6 {
        asks += take(&mut left, demands.min(1));
    }
    // What is dropped first is given last.
    let mut lower = all_or_none(&mut left, if w < NARROW { 5 } else { 4 });
    let graph_rows = u16::try_from(needs.graph).unwrap_or(u16::MAX);
    let strip_min = (graph_rows + 1).min(6);
    if ram > 0 && lower > 0 {
        lower += take(&mut left, ram.min(h / 3).saturating_sub(lower));
    }
    let mut strip = if w < NARROW || needs.graph == 0 {
        0
    } else {
        all_or_none(&mut left, strip_min)
    };
    if asks > 1 {
        asks += take(&mut left, (demands - 1).min(3));
    }
    let details = bar > 0 && w >= NARROW && left >= 4 && (strip > 0 || needs.graph == 0);
    let limit = if details { take(&mut left, 1) } else { 0 };
    let ruler = if details { take(&mut left, 1) } else { 0 };
    let legend = if details { take(&mut left, 1) } else { 0 };
    // The wave numbers have a row of their own as soon as there is one; then a dozen agents are
    // worth more than more of the graph.
    if strip > 0 {
        strip += take(&mut left, (graph_rows + 2).min(7) - strip);
    }
    if lower > 0 && ram == 0 {
        lower += take(&mut left, 2);
    }
    table += take(&mut left, rows.min(16).saturating_sub(table));
    if strip > 0 {
        strip += take(&mut left, (graph_rows + 2).min(9) - strip);
    }
    table += take(&mut left, rows.saturating_sub(table));
    if ram > 0 && lower > 0 {
        lower += take(&mut left, ram.saturating_sub(lower));
    }
    if lower > 0 && ram == 0 {
        lower += take(&mut left, 6);
    }
    if strip > 0 {
        strip += take(&mut left, (graph_rows + 2).min(14).saturating_sub(strip));
    }
    if lower > 0 && ram == 0 {
        lower += take(&mut left, 8);
    }
    table += left;
    // A person's own sizes: what one pane gets the table gives, and the other way round.
    let mut resize = |pane: &mut u16, wish: Option<u16>, least: u16, most: u16| {
        if let Some(wish) = wish.filter(|_| *pane > 0) {
            let both = *pane + table;
            *pane = wish.min(most).min(both.saturating_sub(4)).max(least);
            table = both - *pane;
        }
    };
    resize(
        &mut strip,
        needs.sizes.graph,
        strip_min.min(3),
        graph_rows + 2,
    );
    resize(&mut lower, needs.sizes.lower, 3, u16::MAX);

    let mut y = 0;
    let mut place = |height: u16| {
        let at = Rect::new(0, y, w, height);
        y += height;
        at
    };
    out.header = place(1);
    out.memory = place(bar);
    out.limit = place(limit);
    out.ruler = place(ruler);
    out.legend = place(legend);
    out.attention = place(asks);
    out.graph = place(strip);
    out.table = place(table);
    out.output = place(lower);
    out.footer = line(h - 1);
    if w >= WIDE {
        let side = needs.sizes.side.unwrap_or(SIDE).clamp(30, w / 2);
        let rest = w - side - 1;
        let top = out.table.y;
        let height = out.table.height + out.output.height;
        out.table.width = rest;
        out.output.width = rest;
        let fit = |rows: usize| u16::try_from(rows).unwrap_or(u16::MAX);
        let mut room = height.saturating_sub(4);
        let cards = take(&mut room, fit(needs.cards));
        let status = take(&mut room, fit(needs.status));
        let column = |y, height| Rect::new(rest + 1, y, side, height);
        out.side = column(top, cards);
        out.status = column(top + cards, status);
        out.lately = column(top + cards + status, height - cards - status);
    } else if w >= BESIDE && lower > 0 && ram == 0 {
        let own = (w * 2 / 5).clamp(40, 64);
        let wide = needs.sizes.lately.unwrap_or(own).clamp(24, w - 40);
        out.output.width = w - wide - 1;
        let place = Rect::new(w - wide, out.output.y, wide, lower);
        if needs.beside {
            out.status = place;
        } else {
            out.lately = place;
        }
    }
    if ram > 0 {
        out.ram = std::mem::take(&mut out.output);
    }
    out
}

/// Things that wait for a person in a block of so many rows: without its rule.
#[must_use]
pub const fn demands(height: u16) -> usize {
    if height > 1 {
        height as usize - 1
    } else {
        height as usize
    }
}

/// Rows of agents in a table of this height: without its rule and heads.
#[must_use]
pub const fn table_rows(height: u16) -> u16 {
    height.saturating_sub(2)
}

/// Columns and rows of the graph in its panel: without rule, wave numbers and margins.
#[must_use]
pub const fn graph_window(panel: Rect) -> (u16, u16) {
    let heads = if wave_row(panel) { 2 } else { 1 };
    (
        panel.width.saturating_sub(2),
        panel.height.saturating_sub(heads),
    )
}

/// Whether the wave numbers have a row of their own, or stand in the rule.
#[must_use]
pub const fn wave_row(panel: Rect) -> bool {
    panel.height >= 7
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_never_overlap_and_stay_inside() {
        for w in 0..=250 {
            for h in 0..=70 {
                for rows in [0, 1, 5, 40, 10_000] {
                    for graph in [0, 1, 6, 300] {
                        let needs = Needs {
                            rows,
                            graph,
                            cards: rows % 17,
                            status: rows % 23,
                            beside: rows % 2 == 0,
                            ram: if graph == 6 { rows + 9 } else { 0 },
                            memory: rows != 5,
                            attention: rows % 7,
                            sizes: Sizes {
                                graph: (h % 3 == 0).then_some(h / 2),
                                lower: (w % 3 == 0).then_some(w % 90),
                                side: (h % 2 == 0).then_some(w * 7 % 300),
                                lately: (h % 2 == 1).then_some(w * 5 % 200),
                            },
                        };
                        let r = regions((w, h), Screen::Deck, needs);
                        let parts = [
                            r.header,
                            r.memory,
                            r.limit,
                            r.ruler,
                            r.legend,
                            r.attention,
                            r.graph,
                            r.table,
                            r.side,
                            r.status,
                            r.output,
                            r.ram,
                            r.lately,
                            r.footer,
                        ];
                        for (i, a) in parts.iter().enumerate() {
                            assert_eq!(a.intersection(r.all).area(), a.area());
                            for b in &parts[i + 1..] {
                                assert!(
                                    a.intersection(*b).is_empty(),
                                    "{w}x{h} {rows} {graph}: {a} {b}"
                                );
                            }
                        }
                        if w >= MIN_SIZE.0 && h >= MIN_SIZE.1 {
                            assert!(
                                r.table.height >= 4 && r.footer.height == 1,
                                "{w}x{h}: {r:?}"
                            );
                            assert_eq!(r.attention.height > 0, rows % 7 > 0, "{w}x{h}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn the_legend_goes_first_then_the_strip_then_the_panes() {
        let needs = Needs {
            rows: 30,
            graph: 8,
            cards: 0,
            status: 0,
            beside: true,
            ram: 0,
            memory: true,
            attention: 2,
            sizes: Sizes::default(),
        };
        let mut before = (true, true, true);
        for h in (10..60).rev() {
            let r = regions((100, h), Screen::Deck, needs);
            let now = (r.legend.height > 0, r.graph.height > 0, r.output.height > 0);
            assert!(!now.0 || now.1, "{h}");
            assert!(!now.1 || now.2, "{h}");
            assert!(
                (!now.0 || before.0) && (!now.1 || before.1) && (!now.2 || before.2),
                "{h}"
            );
            before = now;
        }
    }
}
