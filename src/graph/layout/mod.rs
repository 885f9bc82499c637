//! Placement of the graph for drawing: columns are waves, edges run in right angles.
//!
//! Plain integer data in cells, for the wave graph of the dashboard and for text. Long edges pass
//! through the columns between in slots of their own (all long edges of one agent share them), a
//! few barycentre sweeps keep crossings low, and each source has one vertical line in a gutter, so
//! that its edges join. One plan always gives one picture. Must not know states, themes or widgets.

mod net;
mod order;
mod route;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::AgentIx;

use super::dag::{EdgeKind, Graph};
use net::Net;
use order::Slots;

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
    /// The agent that stands for each one: itself, or the first of its closed wave.
    pub stands: Vec<AgentIx>,
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
    layout_closed(graph, options, &BTreeSet::new(), node_width)
}

/// The same with all agents of each closed wave in one box, which has the width of the first.
#[must_use]
pub fn layout_closed(
    graph: &Graph,
    options: LayoutOptions,
    closed: &BTreeSet<u32>,
    node_width: impl Fn(AgentIx) -> u32,
) -> Layout {
    if graph.is_empty() {
        return Layout::default();
    }
    let net = Net::new(graph, closed);
    let widths: Vec<u32> = net.first.iter().map(|&ix| node_width(ix).max(1)).collect();
    let mut slots = Slots::new(&net);
    slots.sweep(options.sweeps);
    let rows = slots.rows(options.row_gap);
    let mut out = slots.place(&net, &widths, &rows);
    // From nodes back to agents.
    let first = |node: AgentIx| net.first[node.ix()];
    out.nodes = net.node.iter().map(|&n| out.nodes[n as usize]).collect();
    for route in &mut out.routes {
        (route.from, route.to) = (first(route.from), first(route.to));
    }
    for agent in out.by_place.values_mut() {
        *agent = first(*agent);
    }
    out.stands = net.node.iter().map(|&n| net.first[n as usize]).collect();
    out
}
