//! What is placed: the agents of a graph, where those of closed waves count as one.
//!
//! Agents of one wave do not wait for each other, so that taking them together makes no cycle and
//! leaves all waves as they are. Must not know cells.

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::AgentIx;

use super::super::dag::{Edge, Graph};

/// Nodes with their waves, and edges between them.
pub(super) struct Net {
    /// Wave of each node, from 1.
    pub waves: Vec<u32>,
    /// Edges between nodes; at most one of a pair.
    pub edges: Vec<Edge>,
    /// Waves that there are.
    pub depth: usize,
    /// Node of each agent.
    pub node: Vec<u32>,
    /// The agent that a node is named after: its first.
    pub first: Vec<AgentIx>,
}

impl Net {
    /// The graph with the agents of each closed wave as one node.
    pub(super) fn new(graph: &Graph, closed: &BTreeSet<u32>) -> Self {
        let mut of_wave: BTreeMap<u32, u32> = BTreeMap::new();
        let mut net = Self {
            waves: Vec::new(),
            edges: Vec::new(),
            depth: graph.waves().len(),
            node: Vec::with_capacity(graph.len()),
            first: Vec::new(),
        };
        for ix in graph.indices() {
            let wave = graph.wave(ix);
            let known = of_wave.get(&wave).filter(|_| closed.contains(&wave));
            let node = known.copied().unwrap_or(net.waves.len() as u32);
            if known.is_none() {
                of_wave.insert(wave, node);
                net.waves.push(wave);
                net.first.push(ix);
            }
            net.node.push(node);
        }
        net.edges = graph
            .edges()
            .iter()
            .map(|edge| Edge {
                from: AgentIx(net.node[edge.from.ix()]),
                to: AgentIx(net.node[edge.to.ix()]),
                kind: edge.kind,
            })
            .filter(|edge| edge.from != edge.to)
            .collect();
        if !closed.is_empty() {
            // Of several between the same two the strongest kind.
            net.edges.sort_unstable_by_key(|e| (e.to, e.from, e.kind));
            net.edges.dedup_by_key(|e| (e.to, e.from));
        }
        net
    }
}
