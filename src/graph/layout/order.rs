//! Columns of nodes and pass-throughs, ordered so that few edges cross; and their rows.

use super::super::dag::Csr;
use super::net::Net;

/// Above so many slots there is one sweep only.
const SWEEP_SLOTS: usize = 5_000;
/// Above so many slots the longest edges are left out.
const MAX_SLOTS: usize = 100_000;

/// How an edge goes through the slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
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
pub(super) struct Slots {
    /// Column of each slot; the first ones are the agents.
    pub column: Vec<u32>,
    /// Pass-throughs of each agent, from the column after its own.
    pub passes: Vec<Vec<u32>>,
    pub ways: Vec<Way>,
    pub columns: Vec<Vec<u32>>,
    rank: Vec<u32>,
    pub right: Csr<u32>,
    left: Csr<u32>,
    pub nodes: usize,
}
impl Slots {
    pub(super) fn new(net: &Net) -> Self {
        let n = net.waves.len();
        let mut column: Vec<u32> = net.waves.iter().map(|wave| wave - 1).collect();
        let mut passes: Vec<Vec<u32>> = vec![Vec::new(); n];
        let mut ways = vec![Way::Loop; net.edges.len()];
        let mut links: Vec<(u32, u32)> = Vec::new();
        let mut by_span: Vec<(u32, usize)> = net
            .edges
            .iter()
            .enumerate()
            .map(|(i, e)| (column[e.from.ix()].abs_diff(column[e.to.ix()]), i))
            .collect();
        by_span.sort_unstable();
        for (span, i) in by_span {
            let edge = net.edges[i];
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
        let mut columns = vec![Vec::new(); net.depth];
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
    pub(super) fn sweep(&mut self, sweeps: u32) {
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
    pub(super) fn rows(&self, row_gap: u32) -> Vec<u32> {
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
