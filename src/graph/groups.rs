//! Parallel groups: agents that may run side by side because they wait for the same things.

use std::collections::BTreeMap;

use crate::plan::{AgentIx, PhaseIx, Plan};

use super::{critical::is_barrier, dag::Graph};

/// Agents with the same predecessors and no dependency on each other (requirement A5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParallelGroup {
    /// `parallel-1`, `parallel-2`, … in the order of their first members.
    pub id: String,
    /// Its members in plan order; at least two.
    pub members: Vec<AgentIx>,
    /// What all of them wait for, in plan order.
    pub shared: Vec<AgentIx>,
    /// How conflicts between members are handled.
    pub conflict_strategy: &'static str,
    /// How their results come together.
    pub merge_strategy: &'static str,
    /// Duration of its longest member.
    pub duration_us: u64,
}

/// Predecessors, parent and number of barriers before.
type Key<'a> = (&'a [AgentIx], Option<AgentIx>, Option<u32>);

/// Finds the parallel groups in a plan.
///
/// Members have the same direct predecessors and the same parent; then none can depend on another,
/// near or far. They also lie between the same barriers. Exclusive agents and parents without work
/// belong to no group.
#[must_use]
pub fn parallel_groups(plan: &Plan, graph: &Graph, durations: &[u64]) -> Vec<ParallelGroup> {
    // Number of barriers before each phase.
    let mut before = Vec::with_capacity(plan.phases.len());
    let mut barriers = 0_u32;
    for phase in 0..plan.phases.len() {
        before.push(barriers);
        barriers += u32::from(is_barrier(plan, plan.mode, phase));
    }
    let part = |stage: Option<PhaseIx>| stage.and_then(|p| before.get(p.ix()).copied());
    let mut by_needs: BTreeMap<Key<'_>, Vec<AgentIx>> = BTreeMap::new();
    for ix in graph.indices() {
        if !graph.is_group(ix) && !plan.agent(ix).exclusive {
            by_needs
                .entry((graph.preds(ix), graph.parent(ix), part(graph.stage(ix))))
                .or_default()
                .push(ix);
        }
    }
    let mut groups: Vec<(&[AgentIx], Vec<AgentIx>)> = by_needs
        .into_iter()
        .filter(|(_, members)| members.len() > 1)
        .map(|((shared, ..), members)| (shared, members))
        .collect();
    groups.sort_by_key(|(_, members)| members[0]);
    groups
        .into_iter()
        .enumerate()
        .map(|(i, (shared, members))| ParallelGroup {
            id: format!("parallel-{}", i + 1),
            duration_us: members.iter().map(|m| durations[m.ix()]).max().unwrap_or(0),
            shared: shared.to_vec(),
            members,
            conflict_strategy: "none",
            merge_strategy: "none",
        })
        .collect()
}
