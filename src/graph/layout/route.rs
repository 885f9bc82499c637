//! Gutters between the columns and the way of each edge through them.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
};

use crate::plan::AgentIx;

use super::{
    Cell, Layout, NodeRect, Route,
    net::Net,
    order::{Slots, Way},
};

/// Above so many sources in one gutter each simply gets a line of its own.
const SHARED_TRACKS: usize = 1_000;

impl Slots {
    /// Lays the gutters out and draws the routes.
    pub(super) fn place(&self, net: &Net, widths: &[u32], rows: &[u32]) -> Layout {
        let depth = self.columns.len();
        // Loops by the agent that they leave.
        let mut loops: Vec<Vec<u32>> = vec![Vec::new(); self.nodes];
        for (edge, way) in net.edges.iter().zip(&self.ways) {
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
        for (edge, way) in net.edges.iter().zip(&self.ways) {
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
