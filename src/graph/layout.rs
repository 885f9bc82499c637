//! Placement of the graph for drawing: columns are waves, edges run in right angles.
//!
//! Plain integer data in cells, for the wave graph of the dashboard and for text. Long edges pass
//! through the columns between in slots of their own (all long edges of one agent share them), a
//! few barycentre sweeps keep crossings low, and each source has one vertical line in a gutter, so
//! that its edges join. One plan always gives one picture. Must not know states, themes or widgets.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
};

use crate::plan::AgentIx;

use super::dag::{Csr, EdgeKind, Graph};

/// Above so many slots there is one sweep only.
const SWEEP_SLOTS: usize = 5_000;
/// Above so many slots the longest edges are left out.
const MAX_SLOTS: usize = 100_000;
/// Above so many sources in one gutter each simply gets a line of its own.
const SHARED_TRACKS: usize = 1_000;

/// How to place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayoutOptions {
    /// Empty rows between two nodes of a column.
    pub row_gap: u32,
    /// Sweeps against crossings.
    pub sweeps: u32,
}

impl Default for LayoutOptions {
    fn default() -> Self {
        Self {
            row_gap: 1,
            sweeps: 8,
        }
    }
}

/// One cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cell {
    /// Column, from 0.
    pub x: u32,
    /// Row, from 0.
    pub y: u32,
}

/// Where a node stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NodeRect {
    /// Leftmost column.
    pub x: u32,
    /// Row.
    pub y: u32,
    /// Columns; at least 1.
    pub width: u32,
    /// Rows; 1.
    pub height: u32,
}

/// How an edge runs: from beside its first node to beside its second, in right angles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The earlier agent.
    pub from: AgentIx,
    /// The later agent.
    pub to: AgentIx,
    /// What the edge stands for.
    pub kind: EdgeKind,
    /// Corners, both ends included.
    pub points: Vec<Cell>,
}

/// A placed graph.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Layout {
    /// Rectangles by agent.
    pub nodes: Vec<NodeRect>,
    /// Edges, in the order of [`Graph::edges`].
    pub routes: Vec<Route>,
    /// Columns in all.
    pub width: u32,
    /// Rows in all.
    pub height: u32,
    /// Edges left out because they are too long for a graph of this size.
    pub omitted: usize,
    /// Agents by row and column, for [`Layout::node_at`].
    by_place: BTreeMap<(u32, u32), AgentIx>,
}

/// Places the graph; `node_width` gives the width of an agent's box in cells.
#[must_use]
pub fn layout(
    graph: &Graph,
    options: LayoutOptions,
    node_width: impl Fn(AgentIx) -> u32,
) -> Layout {
    let n = graph.len();
    if n == 0 {
        return Layout::default();
    }
    let widths: Vec<u32> = graph.indices().map(|ix| node_width(ix).max(1)).collect();
    let mut slots = Slots::new(graph);
    slots.sweep(options.sweeps);
    let rows = slots.rows(options.row_gap);
    slots.place(graph, &widths, &rows)
}

/// How an edge goes through the slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// From the left node to the right one.
    Forward,
    /// A preference against the order of waves: drawn from the right node back to the left one.
    Back,
    /// Within one column, through the gutter on its left.
    Loop,
    /// Left out.
    Omitted,
}

/// Nodes and pass-throughs in columns.
struct Slots {
    /// Column of each slot; the first ones are the agents.
    column: Vec<u32>,
    /// Pass-throughs of each agent, from the column after its own.
    passes: Vec<Vec<u32>>,
    ways: Vec<Way>,
    columns: Vec<Vec<u32>>,
    rank: Vec<u32>,
    right: Csr<u32>,
    left: Csr<u32>,
    nodes: usize,
}

impl Slots {
    fn new(graph: &Graph) -> Self {
        let n = graph.len();
        let mut column: Vec<u32> = graph.indices().map(|ix| graph.wave(ix) - 1).collect();
        let mut passes: Vec<Vec<u32>> = vec![Vec::new(); n];
        let mut ways = vec![Way::Loop; graph.edges().len()];
        let mut links: Vec<(u32, u32)> = Vec::new();
        let mut by_span: Vec<(u32, usize)> = graph
            .edges()
            .iter()
            .enumerate()
            .map(|(i, e)| (column[e.from.ix()].abs_diff(column[e.to.ix()]), i))
            .collect();
        by_span.sort_unstable();
        for (span, i) in by_span {
            let edge = graph.edges()[i];
            if span == 0 {
                continue;
            }
            let forward = column[edge.from.ix()] < column[edge.to.ix()];
            let (a, b) = if forward {
                (edge.from, edge.to)
            } else {
                (edge.to, edge.from)
            };
            let between = span as usize - 1;
            let missing = between.saturating_sub(passes[a.ix()].len());
            if column.len() + missing > MAX_SLOTS.max(2 * n) {
                ways[i] = Way::Omitted;
                continue;
            }
            ways[i] = if forward { Way::Forward } else { Way::Back };
            for _ in 0..missing {
                let slot = column.len() as u32;
                let before = passes[a.ix()].last().copied().unwrap_or(a.0);
                column.push(column[before as usize] + 1);
                links.push((before, slot));
                passes[a.ix()].push(slot);
            }
            let last = if between == 0 {
                a.0
            } else {
                passes[a.ix()][between - 1]
            };
            links.push((last, b.0));
        }
        links.sort_unstable();
        links.dedup();
        let mut columns = vec![Vec::new(); graph.waves().len()];
        for (slot, &at) in column.iter().enumerate() {
            columns[at as usize].push(slot as u32);
        }
        let count = column.len();
        let mut slots = Self {
            rank: vec![0; count],
            right: Csr::new(count, links.iter().map(|&(a, b)| (a as usize, b))),
            left: Csr::new(count, links.iter().map(|&(a, b)| (b as usize, a))),
            column,
            passes,
            ways,
            columns,
            nodes: n,
        };
        for c in 0..slots.columns.len() {
            slots.renumber(c);
        }
        slots
    }

    fn renumber(&mut self, column: usize) {
        for (i, &slot) in self.columns[column].iter().enumerate() {
            self.rank[slot as usize] = i as u32;
        }
    }

    /// Orders the columns by barycentres, forth and back, and keeps the order with fewest crossings.
    fn sweep(&mut self, sweeps: u32) {
        let small = self.column.len() <= SWEEP_SLOTS;
        let sweeps = if small { sweeps } else { sweeps.min(1) };
        let mut best: Option<(u64, Vec<Vec<u32>>)> = None;
        for sweep in 0..sweeps {
            let forth = sweep % 2 == 0;
            let depth = self.columns.len();
            for step in 1..depth {
                let c = if forth { step } else { depth - 1 - step };
                let mut keyed: Vec<(u64, u32)> = self.columns[c]
                    .iter()
                    .map(|&slot| {
                        let near = if forth {
                            self.left.row(slot as usize)
                        } else {
                            self.right.row(slot as usize)
                        };
                        let sum: u64 = near.iter().map(|&s| u64::from(self.rank[s as usize])).sum();
                        // Fixed point; a slot without neighbours on that side keeps its place.
                        let key = (sum * 1024)
                            .checked_div(near.len() as u64)
                            .unwrap_or(u64::from(self.rank[slot as usize]) * 1024);
                        (key, slot)
                    })
                    .collect();
                // Stable: equal keys keep the order that they had.
                keyed.sort_by_key(|&(key, _)| key);
                self.columns[c] = keyed.into_iter().map(|(_, slot)| slot).collect();
                self.renumber(c);
            }
            if small {
                let crossings = self.crossings();
                if best.as_ref().is_none_or(|(least, _)| crossings < *least) {
                    best = Some((crossings, self.columns.clone()));
                }
                if crossings == 0 {
                    break;
                }
            }
        }
        if let Some((_, columns)) = best {
            self.columns = columns;
            for c in 0..self.columns.len() {
                self.renumber(c);
            }
        }
    }

    /// Number of crossings between neighbouring columns: inversions, counted with a Fenwick tree.
    fn crossings(&self) -> u64 {
        let mut total = 0_u64;
        for c in 1..self.columns.len() {
            let mut tree = vec![0_u64; self.columns[c].len() + 1];
            let mut seen = 0_u64;
            for &slot in &self.columns[c - 1] {
                let mut ends: Vec<usize> = self
                    .right
                    .row(slot as usize)
                    .iter()
                    .map(|&s| self.rank[s as usize] as usize)
                    .collect();
                ends.sort_unstable();
                for &end in &ends {
                    let (mut at, mut below) = (end + 1, 0);
                    while at > 0 {
                        below += tree[at];
                        at &= at - 1;
                    }
                    total += seen - below;
                }
                for end in ends {
                    seen += 1;
                    let mut at = end + 1;
                    while at < tree.len() {
                        tree[at] += 1;
                        at += at & at.wrapping_neg();
                    }
                }
            }
        }
        total
    }

    /// Rows of all slots: near their neighbours, in their order, within the height of the fullest column.
    fn rows(&self, row_gap: u32) -> Vec<u32> {
        let mut offset = vec![0_i64; self.column.len()];
        let mut room = vec![0_i64; self.columns.len()];
        for (c, column) in self.columns.iter().enumerate() {
            for pair in column.windows(2) {
                let nodes = pair.iter().all(|&s| (s as usize) < self.nodes);
                let step = if nodes { 1 + i64::from(row_gap) } else { 1 };
                offset[pair[1] as usize] = offset[pair[0] as usize] + step;
                room[c] = offset[pair[1] as usize];
            }
        }
        let height = room.iter().copied().max().unwrap_or(0);
        let mut row: Vec<i64> = (0..self.column.len())
            .map(|s| offset[s] + (height - room[self.column[s] as usize]) / 2)
            .collect();
        let depth = self.columns.len();
        for pass in 0..3 {
            let forth = pass % 2 == 0;
            for step in 0..depth {
                let c = if forth { step } else { depth - 1 - step };
                let column = &self.columns[c];
                let wish = column.iter().map(|&slot| {
                    let s = slot as usize;
                    let near = if forth {
                        self.left.row(s)
                    } else {
                        self.right.row(s)
                    };
                    let mut rows: Vec<i64> = near.iter().map(|&s| row[s as usize]).collect();
                    rows.sort_unstable();
                    rows.get(rows.len().saturating_sub(1) / 2)
                        .copied()
                        .unwrap_or(row[s])
                        - offset[s]
                });
                let placed = rising(wish);
                for (&slot, at) in column.iter().zip(placed) {
                    row[slot as usize] = offset[slot as usize] + at.clamp(0, height - room[c]);
                }
            }
        }
        let top = row.iter().copied().min().unwrap_or(0);
        row.into_iter().map(|r| (r - top) as u32).collect()
    }

    /// Lays the gutters out and draws the routes.
    fn place(&self, graph: &Graph, widths: &[u32], rows: &[u32]) -> Layout {
        let depth = self.columns.len();
        // Loops by the agent that they leave.
        let mut loops: Vec<Vec<u32>> = vec![Vec::new(); self.nodes];
        for (edge, way) in graph.edges().iter().zip(&self.ways) {
            if *way == Way::Loop {
                loops[edge.from.ix()].push(edge.to.0);
            }
        }
        let mut column_x = Vec::with_capacity(depth);
        // Line of a slot in the gutter to its right, and of an agent's loops in the one to its left.
        let mut line = vec![0_u32; self.column.len()];
        let mut loop_line = vec![0_u32; self.nodes];
        let mut x = 0;
        for c in 0..=depth {
            let sources: &[u32] = if c == 0 { &[] } else { &self.columns[c - 1] };
            let targets: &[u32] = self.columns.get(c).map_or(&[], Vec::as_slice);
            let mut lines = self.gutter(sources, rows, &mut line);
            for &slot in targets {
                let s = slot as usize;
                if s < self.nodes && !loops[s].is_empty() {
                    loop_line[s] = lines;
                    lines += 1;
                }
            }
            let start = if c == 0 { x } else { x + 1 };
            for &slot in sources {
                line[slot as usize] += start;
            }
            for &slot in targets.iter().filter(|&&s| (s as usize) < self.nodes) {
                loop_line[slot as usize] += start;
            }
            if c < depth {
                if c > 0 {
                    x += lines + 3;
                } else if lines > 0 {
                    x += lines + 2;
                }
                column_x.push(x);
                x += targets
                    .iter()
                    .filter_map(|&s| widths.get(s as usize))
                    .copied()
                    .max()
                    .unwrap_or(0);
            }
        }

        let nodes: Vec<NodeRect> = (0..self.nodes)
            .map(|i| NodeRect {
                x: column_x[self.column[i] as usize],
                y: rows[i],
                width: widths[i],
                height: 1,
            })
            .collect();
        let mut out = Layout {
            width: x,
            height: rows.iter().max().map_or(0, |last| last + 1),
            by_place: nodes
                .iter()
                .enumerate()
                .map(|(i, r)| ((r.y, r.x), AgentIx::of(i)))
                .collect(),
            ..Layout::default()
        };
        for (edge, way) in graph.edges().iter().zip(&self.ways) {
            let mut points = Vec::new();
            match way {
                Way::Omitted => {
                    out.omitted += 1;
                    continue;
                }
                Way::Loop => {
                    let (from, to) = (nodes[edge.from.ix()], nodes[edge.to.ix()]);
                    let at = loop_line[edge.from.ix()];
                    points.push(Cell {
                        x: from.x - 1,
                        y: from.y,
                    });
                    points.push(Cell { x: at, y: from.y });
                    points.push(Cell { x: at, y: to.y });
                    points.push(Cell {
                        x: to.x - 1,
                        y: to.y,
                    });
                    points.dedup();
                }
                Way::Forward | Way::Back => {
                    let (a, b) = if *way == Way::Forward {
                        (edge.from, edge.to)
                    } else {
                        (edge.to, edge.from)
                    };
                    let between = (self.column[b.ix()] - self.column[a.ix()] - 1) as usize;
                    points.push(Cell {
                        x: nodes[a.ix()].x + nodes[a.ix()].width,
                        y: rows[a.ix()],
                    });
                    let mut at = a.0;
                    for &next in self.passes[a.ix()][..between].iter().chain([&b.0]) {
                        let (y, to) = (rows[at as usize], rows[next as usize]);
                        if y != to {
                            points.push(Cell {
                                x: line[at as usize],
                                y,
                            });
                            points.push(Cell {
                                x: line[at as usize],
                                y: to,
                            });
                        }
                        at = next;
                    }
                    points.push(Cell {
                        x: nodes[b.ix()].x - 1,
                        y: rows[b.ix()],
                    });
                    if *way == Way::Back {
                        points.reverse();
                    }
                }
            }
            out.routes.push(Route {
                from: edge.from,
                to: edge.to,
                kind: edge.kind,
                points,
            });
        }
        out.nodes = nodes;
        out
    }

    /// Gives each source that bends a vertical line, numbered from 0; returns how many there are.
    ///
    /// A source whose row is another source's way into the next column must bend first, or the two
    /// would lie on each other. Lines whose rows do not meet share one column of cells.
    fn gutter(&self, sources: &[u32], rows: &[u32], line: &mut [u32]) -> u32 {
        struct Net {
            slot: u32,
            low: u32,
            high: u32,
            key: (bool, i64),
        }
        let nets: Vec<Net> = sources
            .iter()
            .filter_map(|&slot| {
                let row = rows[slot as usize];
                let ends = || {
                    self.right
                        .row(slot as usize)
                        .iter()
                        .map(|&s| rows[s as usize])
                };
                let (low, high) = (ends().min()?.min(row), ends().max()?.max(row));
                // Lines that lead up nest from the top, lines that lead down from the bottom.
                let up = row - low > high - row;
                let key = (up, if up { i64::from(row) } else { -i64::from(row) });
                (low < high).then_some(Net {
                    slot,
                    low,
                    high,
                    key,
                })
            })
            .collect();
        let at_row: BTreeMap<u32, usize> = nets
            .iter()
            .enumerate()
            .map(|(i, net)| (rows[net.slot as usize], i))
            .collect();
        let mut after: Vec<Vec<usize>> = vec![Vec::new(); nets.len()];
        let mut open = vec![0_u32; nets.len()];
        for (q, net) in nets.iter().enumerate() {
            for &end in self.right.row(net.slot as usize) {
                if let Some(&s) = at_row.get(&rows[end as usize])
                    && s != q
                {
                    after[s].push(q);
                    open[q] += 1;
                }
            }
        }
        let mut ready: BinaryHeap<Reverse<((bool, i64), usize)>> = (0..nets.len())
            .filter(|&i| open[i] == 0)
            .map(|i| Reverse((nets[i].key, i)))
            .collect();
        // Knots, where each must bend before the other, are cut at the first source left over.
        let mut left_over = 0;
        let mut placed = vec![false; nets.len()];
        let mut least = vec![0_usize; nets.len()];
        let mut lines: Vec<Vec<(u32, u32)>> = Vec::new();
        loop {
            let next = ready.pop().map(|Reverse((_, i))| i).or_else(|| {
                while placed.get(left_over) == Some(&true) {
                    left_over += 1;
                }
                (left_over < nets.len()).then_some(left_over)
            });
            let Some(i) = next else { break };
            if placed[i] {
                continue;
            }
            placed[i] = true;
            let net = &nets[i];
            let meets = |line: &Vec<(u32, u32)>| {
                line.iter()
                    .any(|&(low, high)| low <= net.high && net.low <= high)
            };
            let free = if nets.len() > SHARED_TRACKS {
                lines.len()
            } else {
                lines.iter().rposition(meets).map_or(0, |last| last + 1)
            };
            let at = free.max(least[i]);
            while lines.len() <= at {
                lines.push(Vec::new());
            }
            lines[at].push((net.low, net.high));
            line[net.slot as usize] = at as u32;
            for &q in &after[i] {
                least[q] = least[q].max(at + 1);
                open[q] = open[q].saturating_sub(1);
                if open[q] == 0 && !placed[q] {
                    ready.push(Reverse((nets[q].key, q)));
                }
            }
        }
        lines.len() as u32
    }
}

/// The non-decreasing sequence nearest to the wishes (least squares, pool adjacent violators).
fn rising(wishes: impl Iterator<Item = i64>) -> Vec<i64> {
    let mut blocks: Vec<(i64, i64)> = Vec::new();
    for wish in wishes {
        let mut block = (wish, 1);
        while let Some(&(sum, count)) = blocks.last()
            && sum * block.1 > block.0 * count
        {
            blocks.pop();
            block = (block.0 + sum, block.1 + count);
        }
        blocks.push(block);
    }
    blocks
        .into_iter()
        .flat_map(|(sum, count)| (0..count).map(move |_| sum.div_euclid(count)))
        .collect()
}

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
