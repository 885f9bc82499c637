//! Lower bounds: what no schedule within the limits can undercut, and the sequential time.

use std::collections::BTreeSet;

use crate::{
    graph::{Critical, Graph},
    plan::{AgentIx, AgentMode, Mode, Plan},
};

use super::capacity::{Capacity, Choices, fits, token_rate};

/// Returns a time in microseconds that no schedule of this mode undercuts, whichever fitting modes
/// it chooses: the longest path, or the work on a resource over how much of it there is, with the
/// shortest way to the first of that work and from the last of it.
#[must_use]
pub fn lower_bound_us(
    plan: &Plan,
    graph: &Graph,
    capacity: &Capacity,
    choices: &Choices,
    mode: Mode,
) -> u64 {
    // Agents that run, each with its fitting modes.
    let runs: Vec<(AgentIx, Vec<&AgentMode>)> = graph
        .indices()
        .filter(|&ix| choices.expected[ix.ix()] && !graph.is_group(ix))
        .map(|ix| {
            (
                ix,
                plan.agent(ix)
                    .modes
                    .iter()
                    .filter(|m| fits(m, capacity))
                    .collect::<Vec<_>>(),
            )
        })
        .filter(|(_, modes)| !modes.is_empty())
        .collect();
    let mut shortest = vec![0_u64; graph.len()];
    for (ix, modes) in &runs {
        shortest[ix.ix()] = modes
            .iter()
            .map(|m| m.duration.expected_us)
            .min()
            .unwrap_or(0);
    }
    let critical = Critical::with_barriers(plan, graph, mode, &shortest);

    // Work of the agents that `wants` gives a share of the capacity, between its least head and tail.
    let energy = |limit: u64, wants: &dyn Fn(AgentIx, &AgentMode) -> u64| {
        let (mut work, mut head, mut tail) = (0_u128, u64::MAX, u64::MAX);
        for (ix, modes) in &runs {
            let least = modes
                .iter()
                .map(|m| u128::from(m.duration.expected_us) * u128::from(wants(*ix, m)))
                .min()
                .unwrap_or(0);
            if least > 0 {
                work += least;
                head = head.min(critical.earliest_start[ix.ix()]);
                tail = tail.min(critical.tail[ix.ix()]);
            }
        }
        if work == 0 || limit == 0 {
            return 0;
        }
        let busy = u64::try_from(work.div_ceil(u128::from(limit))).unwrap_or(u64::MAX);
        busy.saturating_add(head).saturating_add(tail)
    };
    let one = |take: bool| u64::from(take);
    let slots = if mode == Mode::Sequential {
        1
    } else {
        u64::from(capacity.agents.max(1))
    };
    let mut bounds = vec![
        critical.length_us,
        energy(slots, &|_, _| 1),
        energy(capacity.ram_bytes, &|_, m| m.ram_bytes),
        energy(capacity.cpus_milli, &|_, m| m.cpus_milli),
    ];
    if let Some(limit) = capacity.tokens_per_minute {
        bounds.push(energy(limit, &|_, m| token_rate(m).min(limit)));
    }
    let names: BTreeSet<&String> = capacity.resources.keys().collect();
    for name in names {
        let wants = |_: AgentIx, m: &AgentMode| m.uses.get(name).copied().unwrap_or(0);
        bounds.push(energy(capacity.resources[name], &wants));
    }
    for (&priority, &cap) in &capacity.per_priority {
        bounds.push(energy(cap.into(), &|ix, _| {
            one(plan.agent(ix).priority == priority)
        }));
    }
    for (&phase, &cap) in &capacity.per_phase {
        bounds.push(energy(cap.into(), &|ix, _| {
            one(plan.agent(ix).phase == Some(phase))
        }));
    }
    for (&track, &cap) in &capacity.per_track {
        bounds.push(energy(cap.into(), &|ix, _| {
            one(plan.agent(ix).track == Some(track))
        }));
    }
    for (&wave, &cap) in &capacity.per_wave {
        bounds.push(energy(cap.into(), &|ix, _| one(graph.wave(ix) == wave)));
    }
    // Exclusive agents run by themselves; all others come before or after, at best `slots` at once.
    let alone = |ix: AgentIx| plan.agent(ix).exclusive && plan.agent(ix).phase.is_none();
    if runs.iter().any(|(ix, _)| alone(*ix)) {
        bounds.push(energy(slots, &|ix, _| if alone(ix) { slots } else { 1 }));
        let ram = capacity.ram_bytes;
        bounds.push(energy(ram, &|ix, m| {
            if alone(ix) { ram } else { m.ram_bytes }
        }));
    }
    for phase in 0..plan.phases.len() {
        let here = |ix: AgentIx| plan.agent(ix).phase.is_some_and(|p| p.ix() == phase);
        if runs
            .iter()
            .any(|(ix, _)| here(*ix) && plan.agent(*ix).exclusive)
        {
            bounds.push(energy(
                slots,
                &|ix, _| match (here(ix), plan.agent(ix).exclusive) {
                    (true, true) => slots,
                    (true, false) => 1,
                    (false, _) => 0,
                },
            ));
        }
    }
    bounds.into_iter().max().unwrap_or(0)
}

/// Returns how long everything takes one after the other, in microseconds.
#[must_use]
pub fn sequential_us(choices: &Choices) -> u64 {
    choices
        .durations
        .iter()
        .copied()
        .fold(0, u64::saturating_add)
}
