//! Finds cycles of needs and parents and shows the shortest of each as a path.
//!
//! Works on positions alone. Must not report: the caller knows names and places.

use std::collections::VecDeque;

use petgraph::graph::{DiGraph, NodeIndex};

use super::id::AgentIx;
use super::model::{Agent, NeedKind};

/// Edges that looking for the shortest cycle may walk along.
const STEPS: usize = 4_000_000;

/// Which needs count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Count {
    /// Hard needs only.
    Hard,
    /// All needs.
    All,
}

/// What waits for what: a node for each agent's command, one more for the end of each parent.
struct Waits {
    /// The agent of each node.
    agent: Vec<u32>,
    /// Start of each node's successors in `to`; one more at the end.
    first: Vec<u32>,
    to: Vec<u32>,
}

impl Waits {
    fn new(agents: &[Agent], count: Count) -> Self {
        let mut agent: Vec<u32> = (0..u32::try_from(agents.len()).unwrap_or(u32::MAX)).collect();
        // The node at which an agent is done: its own, but for parents.
        let mut done = agent.clone();
        for a in agents {
            if let Some(parent) = a.parent.map(AgentIx::ix)
                && done[parent] as usize == parent
            {
                done[parent] = u32::try_from(agent.len()).unwrap_or(u32::MAX);
                agent.push(agent[parent]);
            }
        }
        let edges = |each: &mut dyn FnMut(u32, u32)| {
            for (i, a) in agents.iter().enumerate() {
                let own = agent[i];
                if done[i] != own {
                    each(own, done[i]);
                }
                if let Some(parent) = a.parent {
                    each(parent.0, own);
                    each(done[i], done[parent.ix()]);
                }
                for need in &a.needs {
                    if need.kind == NeedKind::Hard || count == Count::All {
                        each(done[need.agent.ix()], own);
                    }
                }
            }
        };
        let mut first = vec![0u32; agent.len() + 1];
        edges(&mut |from, _| first[from as usize + 1] += 1);
        for i in 1..first.len() {
            first[i] += first[i - 1];
        }
        let mut next = first.clone();
        let mut to = vec![0u32; first.last().map_or(0, |n| *n as usize)];
        edges(&mut |from, into| {
            to[next[from as usize] as usize] = into;
            next[from as usize] += 1;
        });
        Self { agent, first, to }
    }

    fn after(&self, node: u32) -> &[u32] {
        &self.to[self.first[node as usize] as usize..self.first[node as usize + 1] as usize]
    }

    /// Returns the nodes that are left when everything that can be done is done.
    fn stuck(&self) -> Vec<u32> {
        let mut open = vec![0u32; self.agent.len()];
        for into in &self.to {
            open[*into as usize] += 1;
        }
        let count = u32::try_from(self.agent.len()).unwrap_or(u32::MAX);
        let mut ready: Vec<u32> = (0..count).filter(|n| open[*n as usize] == 0).collect();
        while let Some(node) = ready.pop() {
            for into in self.after(node) {
                open[*into as usize] -= 1;
                if open[*into as usize] == 0 {
                    ready.push(*into);
                }
            }
        }
        (0..count).filter(|n| open[*n as usize] > 0).collect()
    }

    /// Returns the shortest way from a node back to itself inside its component, in order of time.
    fn round(
        &self,
        start: u32,
        part: &[u32],
        own: u32,
        limit: usize,
        steps: &mut usize,
    ) -> Option<Vec<u32>> {
        let mut from: Vec<u32> = vec![u32::MAX; self.agent.len()];
        let mut queue = VecDeque::from([(start, 1usize)]);
        while let Some((node, length)) = queue.pop_front() {
            if length >= limit {
                return None;
            }
            for into in self.after(node) {
                *steps = steps.checked_sub(1)?;
                if *into == start {
                    let mut path = vec![node];
                    while path[path.len() - 1] != start {
                        path.push(from[path[path.len() - 1] as usize]);
                    }
                    return Some(path);
                }
                if part[*into as usize] == own && from[*into as usize] == u32::MAX {
                    from[*into as usize] = node;
                    queue.push_back((*into, length + 1));
                }
            }
        }
        None
    }
}

/// Returns one shortest cycle for each knot of agents that wait for each other.
///
/// Each path lists agents so that every one waits for the next and the last for the first; it
/// begins with the agent that comes first in the plan.
pub(crate) fn find(agents: &[Agent], count: Count) -> Vec<Vec<AgentIx>> {
    let waits = Waits::new(agents, count);
    let stuck = waits.stuck();
    if stuck.is_empty() {
        return Vec::new();
    }
    let mut graph: DiGraph<u32, ()> = DiGraph::new();
    let mut place = vec![NodeIndex::end(); waits.agent.len()];
    for node in &stuck {
        place[*node as usize] = graph.add_node(*node);
    }
    for node in &stuck {
        for into in waits.after(*node) {
            if place[*into as usize] != NodeIndex::end() {
                graph.add_edge(place[*node as usize], place[*into as usize], ());
            }
        }
    }
    let mut part = vec![u32::MAX; waits.agent.len()];
    let mut cycles = Vec::new();
    let mut steps = STEPS;
    for (i, knot) in petgraph::algo::kosaraju_scc(&graph).into_iter().enumerate() {
        let mut nodes: Vec<u32> = knot.iter().map(|n| graph[*n]).collect();
        nodes.sort_unstable();
        if let [node] = nodes[..]
            && !waits.after(node).contains(&node)
        {
            continue;
        }
        let own = u32::try_from(i).unwrap_or(u32::MAX);
        for node in &nodes {
            part[*node as usize] = own;
        }
        let mut best: Option<Vec<u32>> = None;
        for start in &nodes {
            let limit = best.as_ref().map_or(usize::MAX, Vec::len);
            // The first search may always end, so that every knot shows a cycle.
            let mut free = usize::MAX;
            let left = if best.is_none() {
                &mut free
            } else {
                &mut steps
            };
            if let Some(path) = waits.round(*start, &part, own, limit, left) {
                best = Some(path);
            }
            steps = steps.saturating_sub(waits.agent.len());
            if steps == 0 {
                break;
            }
        }
        if let Some(path) = best {
            let mut path: Vec<AgentIx> = path
                .iter()
                .map(|n| AgentIx(waits.agent[*n as usize]))
                .collect();
            path.dedup();
            if path.len() > 1 && path.first() == path.last() {
                path.pop();
            }
            let first = path
                .iter()
                .enumerate()
                .min_by_key(|(_, a)| **a)
                .map_or(0, |(i, _)| i);
            path.rotate_left(first);
            cycles.push(path);
        }
    }
    cycles.sort();
    cycles
}

/// Returns every cycle of parents; each agent in a path is a part of the next.
pub(crate) fn of_parents(parents: &[Option<AgentIx>]) -> Vec<Vec<AgentIx>> {
    let mut seen = vec![0u32; parents.len()];
    let mut cycles = Vec::new();
    for start in 0..parents.len() {
        let round = u32::try_from(start + 1).unwrap_or(u32::MAX);
        let mut at = start;
        while seen[at] == 0 {
            seen[at] = round;
            match parents[at] {
                Some(parent) => at = parent.ix(),
                None => break,
            }
        }
        // Back at a node of this very walk: from there on it is a cycle.
        if seen[at] == round && parents[at].is_some() {
            let mut path = vec![AgentIx::of(at)];
            let mut next = parents[at];
            while let Some(ix) = next.filter(|ix| ix.ix() != at) {
                path.push(ix);
                next = parents[ix.ix()];
            }
            if next.is_some() {
                let first = path
                    .iter()
                    .enumerate()
                    .min_by_key(|(_, a)| **a)
                    .map_or(0, |(i, _)| i);
                path.rotate_left(first);
                cycles.push(path);
            }
        }
    }
    cycles
}
