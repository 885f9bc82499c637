//! Placement of the graph for drawing: columns are waves, edges run in right angles.
//!
//! Plain integer data in cells, for the wave graph of the dashboard and for text. Long edges pass
//! through the columns between in slots of their own (all long edges of one agent share them), a
//! few barycentre sweeps keep crossings low, and each source has one vertical line in a gutter, so
//! that its edges join. One plan always gives one picture. Must not know states, themes or widgets.

mod order;
mod route;
mod text;

use std::collections::BTreeMap;

use crate::plan::AgentIx;

use super::dag::{EdgeKind, Graph};
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
