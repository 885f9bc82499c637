//! Points in an order in which every edge leads forwards, and lists by position.

use petgraph::{
    algo::{kosaraju_scc, toposort},
    graph::{DiGraph, NodeIndex},
};

/// Lists by position in two flat arrays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Csr<T> {
    starts: Vec<u32>,
    items: Vec<T>,
}

impl<T: Copy> Csr<T> {
    /// Sorts `(row, item)` pairs into rows; the order within a row is that of the input.
    pub(crate) fn new(rows: usize, pairs: impl Iterator<Item = (usize, T)> + Clone) -> Self {
        let mut starts = vec![0_u32; rows + 1];
        for (row, _) in pairs.clone() {
            starts[row + 1] += 1;
        }
        for row in 0..rows {
            starts[row + 1] += starts[row];
        }
        let mut next = starts.clone();
        let mut items: Vec<Option<T>> = vec![None; starts[rows] as usize];
        for (row, item) in pairs {
            items[next[row] as usize] = Some(item);
            next[row] += 1;
        }
        // Every place was counted before it was filled, so nothing is lost here.
        Self {
            starts,
            items: items.into_iter().flatten().collect(),
        }
    }

    pub(crate) fn row(&self, row: usize) -> &[T] {
        &self.items[self.starts[row] as usize..self.starts[row + 1] as usize]
    }
}

/// The points of a graph in an order in which every edge leads forwards.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Points {
    /// Every point once, predecessors first.
    pub order: Vec<u32>,
    /// Successors of each point.
    pub succs: Csr<u32>,
}

impl Points {
    /// Orders the points; on a cycle returns the members of the first knot, in index order.
    pub(crate) fn new(count: usize, edges: &[(u32, u32)]) -> Result<Self, Vec<u32>> {
        let mut graph = DiGraph::<(), (), u32>::with_capacity(count, edges.len());
        for _ in 0..count {
            graph.add_node(());
        }
        for &(a, b) in edges {
            graph.add_edge(NodeIndex::new(a as usize), NodeIndex::new(b as usize), ());
        }
        match toposort(&graph, None) {
            Ok(order) => Ok(Self {
                order: order.into_iter().map(|p| p.index() as u32).collect(),
                succs: Csr::new(count, edges.iter().map(|&(a, b)| (a as usize, b))),
            }),
            Err(at) => {
                let on = at.node_id();
                let mut knot: Vec<u32> = kosaraju_scc(&graph)
                    .into_iter()
                    .find(|c| c.contains(&on) && (c.len() > 1 || graph.contains_edge(on, on)))
                    .unwrap_or_else(|| vec![on])
                    .into_iter()
                    .map(|p| p.index() as u32)
                    .collect();
                knot.sort_unstable();
                Err(knot)
            }
        }
    }
}

/// Orders the points; edges of knots that lead against the numbering are taken out until it works.
pub(super) fn acyclic(count: usize, edges: &mut Vec<(u32, u32)>) -> (Points, Vec<u32>) {
    let mut cycle = Vec::new();
    loop {
        match Points::new(count, edges) {
            Ok(points) => return (points, cycle),
            Err(knot) => {
                let within = |p: &u32| knot.binary_search(p).is_ok();
                edges.retain(|(a, b)| !(a >= b && within(a) && within(b)));
                if cycle.is_empty() {
                    cycle = knot;
                }
            }
        }
    }
}
