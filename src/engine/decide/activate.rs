//! The activation report (REQUIREMENTS B2): once all that could start at first has started, who is active, whether
//! what they use is within the limits, whether it is measured, the baseline, and the point to go back to.
//!
//! Told once a run; must not judge what comes later.

use crate::{
    engine::{Event, Input, MemoryEvent, State, Status},
    plan::AgentIx,
};

use super::count;

/// The report and the initial checkpoint, where all that could start has.
pub(super) fn activated(state: &State, input: &Input) -> Vec<Event> {
    let starting = |ix: AgentIx| state.agent(ix).status.is_starting();
    let mut agents = state.setup.plan.indices();
    if state.memory.activated || state.processes == 0 || agents.any(starting) {
        return Vec::new();
    }
    let began = || {
        let agents = state.setup.plan.indices();
        agents.filter(|&ix| state.agent(ix).started_us.is_some())
    };
    let runs = |ix: &AgentIx| state.agent(*ix).status == Status::Running;
    let over = |ix: &AgentIx| state.agent(*ix).status.is_final() || runs(ix);
    let monitored = |ix: &AgentIx| input.uses.of(*ix, state.agent(*ix).attempt).is_some();
    let (figures, setup) = (input.figures, &state.setup);
    let used = figures.agents_bytes.saturating_add(figures.servers_bytes);
    let within = state.usage.ram_bytes <= setup.ram_limit_bytes
        && used <= setup.ram_limit_bytes
        && state.usage.agents <= state.cap();
    let report = MemoryEvent::Activated {
        active: began().filter(runs).map(|ix| state.id(ix)).collect(),
        inactive: began()
            .filter(|ix| !over(ix))
            .map(|ix| state.id(ix))
            .collect(),
        reserved_bytes: state.usage.ram_bytes,
        limit_bytes: setup.ram_limit_bytes,
        agents_cap: state.cap(),
        within_limits: Some(within),
        monitored: Some(count(began().filter(runs).filter(monitored).count())),
        scope_conflicts: Some(clashes(state, runs)),
        figures,
    };
    let mut events = vec![report.into()];
    // `rollback 0` takes the run back to it.
    if setup.integrates {
        events.push(Event::CheckpointMade {
            wave: 0,
            commit: state.base_commit.clone(),
        });
    }
    events
}

/// How many pairs of agents that run change the same files, as far as that was seen.
fn clashes(state: &State, runs: impl Fn(&AgentIx) -> bool) -> u32 {
    let predicted = state.merges.predicted.keys();
    let found = state.merges.conflicts.values();
    let found = found.filter(|conflict| conflict.resolved.is_none() && runs(&conflict.agent));
    let predicted = predicted.filter(|(one, other)| runs(one) && runs(other));
    count(predicted.count() + found.count())
}
