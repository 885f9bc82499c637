//! Estimates of the time that is left, from declared or learnt durations.

use super::{Left, attention::waiting};
use crate::{
    engine::{State, Status},
    plan::{AgentIx, units::part},
    tui::chart::Chart,
};

/// Time that is left of an agent's expected time, µs.
pub(super) fn agent_left(state: &State, ix: AgentIx, now_us: u64) -> Left {
    let expected = state.mode_of(ix).duration.expected_us;
    let used = state.clock_us(ix, now_us);
    if used > expected {
        Left::Over(used - expected)
    } else {
        Left::About(expected - used)
    }
}

/// Estimate for the whole run: the longest chain of what is left, the work left over all slots, or what that work is
/// to hold of memory over the memory that there is, whichever is most. From declared or learnt figures, so it is always
/// marked `~`.
pub(super) fn left(state: &State, chart: &Chart, now_us: u64) -> Option<u64> {
    // While nothing moves before a person has acted there is no end to foretell.
    let stands = state.processes == 0 && state.due.is_empty() && !waiting(state).is_empty();
    if state.finished.is_some() || state.stopping.is_some() || stands {
        return None;
    }
    let n = state.agents.len();
    let mut finish = vec![0_u64; n];
    // When an agent and all its sub-agents have ended.
    let mut close = vec![0_u64; n];
    let (mut work, mut longest, mut open) = (0_u64, 0_u64, false);
    let mut held = 0_u128;
    for &ix in &chart.order {
        let i = ix.ix();
        let agent = &state.agents[i];
        let mut start = 0;
        if !agent.status.is_final() {
            for edge in &state.setup.edges_in[i] {
                let from = edge.from.ix();
                start = start.max(match edge.kind {
                    crate::engine::EdgeKind::SubAgent => finish[from],
                    crate::engine::EdgeKind::Soft => 0,
                    _ => close[from],
                });
            }
            open = true;
        }
        let takes = if agent.status.is_final()
            || !chart.expected[i]
            || !state.setup.has_process(ix)
            || (!state.begins(ix)
                && matches!(
                    agent.status,
                    Status::Checking | Status::Merging | Status::Joining | Status::Settling
                )) {
            0
        } else {
            match agent_left(state, ix, now_us) {
                Left::About(us) => us,
                Left::Over(_) => 0,
            }
        };
        work += takes;
        let asks = state.asks(ix, state.mode_of(ix));
        held = held.saturating_add(u128::from(takes) * u128::from(asks));
        finish[i] = start + takes;
        longest = longest.max(finish[i]);
        close[i] = close[i].max(finish[i]);
        let mut up = ix;
        while let Some(parent) = state.setup.plan.agent(up).parent {
            close[parent.ix()] = close[parent.ix()].max(finish[i]);
            up = parent;
        }
    }
    let setup = &state.setup;
    let edge = part(setup.ram_limit_bytes, setup.memory.band.high);
    let by_memory = if setup.memory.admission {
        held.checked_div(edge.into())
    } else {
        None
    };
    let by_memory = by_memory.and_then(|us| u64::try_from(us).ok()).unwrap_or(0);
    let by_slots = work / u64::from(state.cap().max(1));
    open.then(|| longest.max(by_slots).max(by_memory))
}
