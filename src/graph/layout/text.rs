//! A placed graph as text, and whom a cell belongs to.

use std::collections::BTreeMap;

use crate::plan::AgentIx;

use super::Layout;

const UP: u8 = 1;
const RIGHT: u8 = 2;
const DOWN: u8 = 4;
const LEFT: u8 = 8;
/// Lines by the arms of a cell.
const GLYPHS: [char; 16] = [
    ' ', '╵', '╶', '╰', '╷', '│', '╭', '├', '╴', '╯', '─', '┴', '╮', '┤', '┬', '┼',
];

impl Layout {
    /// The agent whose box covers a cell.
    pub fn node_at(&self, x: u32, y: u32) -> Option<AgentIx> {
        let (_, &ix) = self.by_place.range((y, 0)..=(y, x)).next_back()?;
        let rect = self.nodes[ix.ix()];
        (x < rect.x + rect.width).then_some(ix)
    }

    /// Draws the graph as text; labels are cut or filled to their box.
    #[must_use]
    pub fn to_text(&self, label: impl Fn(AgentIx) -> String) -> String {
        let mut arms: BTreeMap<(u32, u32), u8> = BTreeMap::new();
        let mut add = |x: u32, y: u32, arm: u8| *arms.entry((y, x)).or_default() |= arm;
        for route in &self.routes {
            for pair in route.points.windows(2) {
                let (a, b) = (pair[0].min(pair[1]), pair[0].max(pair[1]));
                for x in a.x..b.x {
                    add(x, a.y, RIGHT);
                    add(x + 1, a.y, LEFT);
                }
                for y in a.y..b.y {
                    add(a.x, y, DOWN);
                    add(a.x, y + 1, UP);
                }
            }
            if let Some(&start) = route.points.first() {
                let beside = self.nodes[route.from.ix()].x > start.x;
                add(start.x, start.y, if beside { RIGHT } else { LEFT });
            }
        }
        let mut cells: BTreeMap<(u32, u32), char> = arms
            .into_iter()
            .map(|(at, mask)| (at, GLYPHS[usize::from(mask)]))
            .collect();
        for route in &self.routes {
            if let Some(end) = route.points.last() {
                let head = if self.nodes[route.to.ix()].x > end.x {
                    '▶'
                } else {
                    '◀'
                };
                cells.insert((end.y, end.x), head);
            }
        }
        for (i, rect) in self.nodes.iter().enumerate() {
            let text = label(AgentIx::of(i));
            let mut letters = text.chars();
            for x in rect.x..rect.x + rect.width {
                cells.insert((rect.y, x), letters.next().unwrap_or(' '));
            }
        }
        let mut text = String::new();
        for y in 0..self.height {
            let mut at = 0;
            for (&(_, x), &glyph) in cells.range((y, 0)..=(y, u32::MAX)) {
                text.extend((at..x).map(|_| ' '));
                text.push(glyph);
                at = x + 1;
            }
            text.truncate(text.trim_end_matches(' ').len());
            text.push('\n');
        }
        text
    }
}
