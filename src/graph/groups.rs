//! Parallel groups: agents that may run side by side because they wait for the same things.

use std::collections::BTreeMap;

use crate::plan::{Agent, AgentIx, Join, PhaseIx, Plan, Workspace};

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
/// near or far. They also lie between the same barriers, and no two are in the same critical domain.
/// Exclusive agents and parents without work belong to no group.
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
        .flat_map(|((shared, ..), members)| {
            let groups = compatible(plan, members).into_iter();
            groups.map(move |members| (shared, members))
        })
        .filter(|(_, members)| members.len() > 1)
        .collect();
    groups.sort_by_key(|(_, members)| members[0]);
    groups
        .into_iter()
        .enumerate()
        .map(|(i, (shared, members))| ParallelGroup {
            id: format!("parallel-{}", i + 1),
            duration_us: members.iter().map(|m| durations[m.ix()]).max().unwrap_or(0),
            shared: shared.to_vec(),
            conflict_strategy: conflict_strategy(plan, &members),
            merge_strategy: merge_strategy(plan, &members),
            members,
        })
        .collect()
}

/// Parts agents so that no two of one part are in the same critical domain, in one walk.
fn compatible(plan: &Plan, members: Vec<AgentIx>) -> Vec<Vec<AgentIx>> {
    let mut parts: Vec<Vec<AgentIx>> = Vec::new();
    // The first part that has nobody of a domain.
    let mut free: BTreeMap<&str, usize> = BTreeMap::new();
    for ix in members {
        let domains = plan.agent(ix).domains.iter();
        let critical = domains.filter(|d| plan.domains.get(*d).is_some_and(|d| d.critical));
        let part = critical.clone().filter_map(|d| free.get(d.as_str()));
        let part = part.copied().max().unwrap_or(0);
        free.extend(critical.map(|d| (d.as_str(), part + 1)));
        // Parts are taken one after the other, so that at most one is missing.
        if part == parts.len() {
            parts.push(Vec::new());
        }
        parts[part].push(ix);
    }
    parts
}

/// Members whose work is merged.
fn merged<'p>(plan: &'p Plan, members: &'p [AgentIx]) -> impl Iterator<Item = &'p Agent> {
    let agents = members.iter().map(|ix| plan.agent(*ix));
    agents.filter(|agent| agent.workspace == Workspace::Own)
}

/// The name of what is tried first (requirement E3): work is merged where two members have some.
fn conflict_strategy(plan: &Plan, members: &[AgentIx]) -> &'static str {
    if merged(plan, members).count() > 1 {
        "automatic_merge"
    } else {
        "none"
    }
}

/// The strictest policy of the members' joins (requirement E5).
fn merge_strategy(plan: &Plan, members: &[AgentIx]) -> &'static str {
    let joins = || merged(plan, members).map(|agent| agent.join);
    if joins().count() < 2 {
        "none"
    } else if joins().any(|join| join == Join::ManualEscalation) {
        "manual-escalation"
    } else if joins().any(|join| join == Join::FailFast) {
        "fail-fast"
    } else {
        "merge-with-rules"
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::plan::{LoadOptions, load};

    #[test]
    fn a_group_holds_one_agent_of_each_critical_domain() {
        let mut source =
            "[domain.db]\ncritical = true\n[domain.ui]\ncritical = true\n[domain.x]\n".to_owned();
        let agents = [
            ("a", "domains = [\"db\", \"x\"]\nscope = [\"a\"]"),
            ("b", "domains = [\"db\", \"ui\"]\nscope = [\"b\"]"),
            (
                "c",
                "domains = [\"x\"]\nscope = [\"c\"]\njoin = \"fail-fast\"",
            ),
            ("d", "domains = [\"db\"]"),
            ("e", "domains = [\"ui\"]"),
        ];
        for (id, keys) in agents {
            let _ = writeln!(source, "[[agent]]\nid = \"{id}\"\nrun = \"x\"\n{keys}");
        }
        let options = LoadOptions::default();
        let plan = load(&source, &options, &mut |_| unreachable!())
            .unwrap()
            .plan;
        let groups = parallel_groups(&plan, &Graph::new(&plan), &[1; 5]);
        let groups: Vec<String> = groups
            .iter()
            .map(|g| {
                let ids = g.members.iter().map(|m| plan.agent(*m).id.as_str());
                let ids: Vec<&str> = ids.collect();
                format!(
                    "{} {} {}",
                    ids.join(""),
                    g.conflict_strategy,
                    g.merge_strategy
                )
            })
            .collect();
        // `b` and `e` share a domain, and `d` shares another with both `a` and `b`.
        assert_eq!(groups, ["ac automatic_merge fail-fast", "de none none"]);
    }
}
