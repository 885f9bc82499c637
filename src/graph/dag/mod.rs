//! The graph itself: edges between agents, and the finer graph of points behind it.
//!
//! An agent with sub-agents has two points: its *own work*, and its *close*, reached when it and
//! all of its sub-agents have ended. Successors hang on the close, sub-agents on the own work. That
//! keeps the number of edges linear where a flat graph would need sub-agents × successors of them.

mod family;
mod points;

use std::collections::VecDeque;

use crate::plan::{AgentIx, NeedKind, PhaseIx, Plan, SubAgents, When, Work};

use super::waves::Waves;
use family::Family;
use points::acyclic;
pub(crate) use points::{Csr, Points};

/// What an edge stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EdgeKind {
    /// A hard need on success.
    Hard,
    /// A hard need on another outcome.
    Conditional,
    /// From a parent to its sub-agent, or from one sub-agent to the next of a sequential parent.
    Parent,
    /// A preference; never part of the order.
    Soft,
}

/// One edge between two agents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Edge {
    /// The earlier agent.
    pub from: AgentIx,
    /// The later agent.
    pub to: AgentIx,
    /// What it stands for.
    pub kind: EdgeKind,
}

/// The dependency graph of a plan.
///
/// Ordering edges are the hard needs (whatever their `when`), the edges from parents to their
/// sub-agents and the chains of sequential sub-agents. They are *direct*: an edge from a parent
/// that is not to its own sub-agent means "after it and all its sub-agents".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Graph {
    edges: Vec<Edge>,
    preds: Csr<AgentIx>,
    pred_kinds: Csr<EdgeKind>,
    succs: Csr<AgentIx>,
    soft_preds: Csr<AgentIx>,
    soft_succs: Csr<AgentIx>,
    parent: Vec<Option<AgentIx>>,
    subs: Csr<AgentIx>,
    group: Vec<bool>,
    stage: Vec<Option<PhaseIx>>,
    close: Vec<u32>,
    point_edges: Vec<(u32, u32)>,
    points: Points,
    waves: Waves,
    cycle: Vec<AgentIx>,
}

impl Graph {
    /// Builds the graph of a checked plan.
    ///
    /// A plan with a cycle (a checked one has none) still gives a graph: the edges of the knot that
    /// lead against plan order are left out of the order, and [`Graph::cycle`] names its members.
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        let n = plan.agents.len();
        let family = Family::new(plan);
        let subs = Csr::new(
            n,
            family
                .parent
                .iter()
                .enumerate()
                .filter_map(|(i, p)| p.map(|p| (p.ix(), AgentIx::of(i)))),
        );
        let mut close: Vec<u32> = (0..n as u32).collect();
        let mut count = n as u32;
        for (i, at) in close.iter_mut().enumerate() {
            if !subs.row(i).is_empty() {
                *at = count;
                count += 1;
            }
        }

        let mut edges = Vec::new();
        for to in plan.indices() {
            let first = edges.len();
            for need in &plan.agent(to).needs {
                let from = need.agent;
                let kind = match (need.kind, &need.when) {
                    (NeedKind::Soft, _) => EdgeKind::Soft,
                    _ if family.is_ancestor(from, to) => EdgeKind::Parent,
                    (NeedKind::Hard, When::Succeeded) => EdgeKind::Hard,
                    (NeedKind::Hard, _) => EdgeKind::Conditional,
                };
                if from.ix() < n && !(kind == EdgeKind::Soft && from == to) {
                    edges.push(Edge { from, to, kind });
                }
            }
            if let Some(from) = family.parent[to.ix()] {
                edges.push(Edge {
                    from,
                    to,
                    kind: EdgeKind::Parent,
                });
            }
            // One edge for each pair, the strongest kind of it.
            edges[first..].sort_unstable();
            let mut keep = first;
            for at in first..edges.len() {
                let edge = edges[at];
                let twin = keep > first && edges[keep - 1].from == edge.from;
                if !twin {
                    edges[keep] = edge;
                    keep += 1;
                }
            }
            edges.truncate(keep);
        }
        for parent in plan.indices() {
            if plan.agent(parent).sub_agents == SubAgents::Sequential {
                for pair in subs.row(parent.ix()).windows(2) {
                    edges.push(Edge {
                        from: pair[0],
                        to: pair[1],
                        kind: EdgeKind::Parent,
                    });
                }
            }
        }
        edges.sort_unstable_by_key(|e| (e.to, e.from, e.kind));
        edges.dedup_by_key(|e| (e.to, e.from));

        let mut point_edges: Vec<(u32, u32)> = Vec::with_capacity(edges.len() + n);
        for edge in edges.iter().filter(|e| e.kind != EdgeKind::Soft) {
            let from = if family.is_ancestor(edge.from, edge.to) {
                edge.from.0
            } else {
                close[edge.from.ix()]
            };
            point_edges.push((from, edge.to.0));
        }
        for (i, parent) in family.parent.iter().enumerate() {
            if let Some(parent) = parent {
                point_edges.push((close[i], close[parent.ix()]));
            }
        }
        for (i, &at) in close.iter().enumerate() {
            if at as usize != i {
                point_edges.push((i as u32, at));
            }
        }
        let (points, cycle) = acyclic(count as usize, &mut point_edges);
        let mut cycle: Vec<AgentIx> = cycle
            .into_iter()
            .map(|p| close.iter().position(|&c| c == p).unwrap_or(p as usize))
            .map(AgentIx::of)
            .collect();
        cycle.sort_unstable();
        cycle.dedup();

        let group: Vec<bool> = plan
            .agents
            .iter()
            .enumerate()
            .map(|(i, a)| a.work == Work::Group && !subs.row(i).is_empty())
            .collect();
        let stage = plan
            .indices()
            .map(|ix| plan.agent(family.root(ix)).phase.or(plan.agent(ix).phase))
            .collect();
        let hard = || edges.iter().filter(|e| e.kind != EdgeKind::Soft);
        let soft = || edges.iter().filter(|e| e.kind == EdgeKind::Soft);
        let mut graph = Self {
            preds: Csr::new(n, hard().map(|e| (e.to.ix(), e.from))),
            pred_kinds: Csr::new(n, hard().map(|e| (e.to.ix(), e.kind))),
            succs: Csr::new(n, hard().map(|e| (e.from.ix(), e.to))),
            soft_preds: Csr::new(n, soft().map(|e| (e.to.ix(), e.from))),
            soft_succs: Csr::new(n, soft().map(|e| (e.from.ix(), e.to))),
            edges,
            parent: family.parent,
            subs,
            group,
            stage,
            close,
            point_edges,
            points,
            waves: Waves::default(),
            cycle,
        };
        graph.waves = Waves::new(&graph);
        graph
    }

    /// Number of agents.
    pub fn len(&self) -> usize {
        self.parent.len()
    }

    /// Whether there is no agent at all.
    pub fn is_empty(&self) -> bool {
        self.parent.is_empty()
    }

    /// All agents in plan order.
    pub fn indices(&self) -> impl Iterator<Item = AgentIx> + use<> {
        (0..self.len()).map(AgentIx::of)
    }

    /// All edges, soft ones too, by successor and then predecessor; one for each pair.
    pub fn edges(&self) -> &[Edge] {
        &self.edges
    }

    /// Direct predecessors in plan order: needs, parent, the sub-agent before in a sequence.
    pub fn preds(&self, ix: AgentIx) -> &[AgentIx] {
        self.preds.row(ix.ix())
    }

    /// Kinds of the edges from [`Graph::preds`], in the same order.
    pub fn pred_kinds(&self, ix: AgentIx) -> &[EdgeKind] {
        self.pred_kinds.row(ix.ix())
    }

    /// Direct successors in plan order.
    pub fn succs(&self, ix: AgentIx) -> &[AgentIx] {
        self.succs.row(ix.ix())
    }

    /// Predecessors by preference only.
    pub fn soft_preds(&self, ix: AgentIx) -> &[AgentIx] {
        self.soft_preds.row(ix.ix())
    }

    /// Successors by preference only.
    pub fn soft_succs(&self, ix: AgentIx) -> &[AgentIx] {
        self.soft_succs.row(ix.ix())
    }

    /// The agent that this one is a part of.
    pub fn parent(&self, ix: AgentIx) -> Option<AgentIx> {
        self.parent[ix.ix()]
    }

    /// Its direct sub-agents in plan order.
    pub fn subs(&self, ix: AgentIx) -> &[AgentIx] {
        self.subs.row(ix.ix())
    }

    /// Whether it is a parent without work of its own.
    pub fn is_group(&self, ix: AgentIx) -> bool {
        self.group[ix.ix()]
    }

    /// The phase whose place in the order counts for it: its outermost parent's, else its own.
    ///
    /// A sub-agent that named a later phase than its parent could otherwise wait for a barrier that
    /// waits for itself.
    pub fn stage(&self, ix: AgentIx) -> Option<PhaseIx> {
        self.stage[ix.ix()]
    }

    /// Its wave, from 1.
    pub fn wave(&self, ix: AgentIx) -> u32 {
        self.waves.of[ix.ix()]
    }

    /// The waves, each in plan order.
    pub fn waves(&self) -> &[Vec<AgentIx>] {
        &self.waves.waves
    }

    /// Members of a cycle that the plan should not have; empty for a checked plan.
    pub fn cycle(&self) -> &[AgentIx] {
        &self.cycle
    }

    /// Everything that cannot start before `ix` is done, near or far, in plan order.
    pub fn downstream(&self, ix: AgentIx) -> Vec<AgentIx> {
        let mut seen = vec![false; self.point_count()];
        let mut found = Vec::new();
        let mut queue = VecDeque::from([ix.0, self.close[ix.ix()]]);
        while let Some(point) = queue.pop_front() {
            for &next in self.points.succs.row(point as usize) {
                if !seen[next as usize] {
                    seen[next as usize] = true;
                    queue.push_back(next);
                    if (next as usize) < self.len() && next != ix.0 {
                        found.push(AgentIx(next));
                    }
                }
            }
        }
        found.sort_unstable();
        found
    }

    /// Whether `earlier` must have ended (at least its own work, for its own sub-agents) before
    /// `later` can start.
    pub fn comes_before(&self, earlier: AgentIx, later: AgentIx) -> bool {
        earlier != later && self.downstream(earlier).binary_search(&later).is_ok()
    }

    /// The point at which an agent and its sub-agents have ended.
    pub(crate) fn close(&self, ix: AgentIx) -> u32 {
        self.close[ix.ix()]
    }

    pub(crate) fn points(&self) -> &Points {
        &self.points
    }

    pub(crate) fn point_edges(&self) -> &[(u32, u32)] {
        &self.point_edges
    }

    pub(crate) fn point_count(&self) -> usize {
        self.points.order.len()
    }
}
