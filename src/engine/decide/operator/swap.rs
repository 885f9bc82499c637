//! Another worker for an agent: which, and whether it is possible now.

use super::{Refusal, Resolved, resolve::find};
use crate::{
    engine::{Action, Cause, Ending, Event, State, Uses, decide::model},
    plan::{AgentIx, AgentMode},
};

/// Tells what a swap frees.
pub(super) fn follows(
    state: &State,
    ix: AgentIx,
    worker: Option<&str>,
    uses: &Uses,
) -> Option<Event> {
    let plan = &state.setup.plan;
    let by = |mode: &AgentMode| {
        let name = mode.worker.map(|w| plan.workers[w.ix()].name.as_str());
        name == worker
    };
    let to = plan.agent(ix).modes.iter().position(by)?;
    let own = uses.of(ix, state.agent(ix).attempt).unwrap_or(0);
    let to = u32::try_from(to).ok()?;
    model::swapped(state, ix, to, own, Cause::Swap)
}

pub(super) fn resolve_swap(
    state: &State,
    id: &str,
    worker: Option<&str>,
) -> Result<Resolved, Refusal> {
    let ix = find(state, id)?;
    let plan = &state.setup.plan;
    let modes = &plan.agent(ix).modes;
    let agent = state.agent(ix);
    if agent.status.is_final() {
        return Err(Refusal::NotNow(format!(
            "{id} has ended; `retry` starts it again"
        )));
    }
    let names: Vec<Option<&str>> = modes
        .iter()
        .map(|m| m.worker.map(|w| plan.workers[w.ix()].name.as_str()))
        .collect();
    if names.len() < 2 {
        return Err(Refusal::NotNow(format!("{id} has only one worker")));
    }
    let being_swapped = agent
        .live
        .as_ref()
        .is_some_and(|live| live.ending == Some(Ending::Swap));
    let now = agent.chosen().unwrap_or(agent.mode) as usize;
    let to = match worker {
        Some(name) => names.iter().position(|n| *n == Some(name)).ok_or_else(|| {
            let known: Vec<&str> = names.iter().flatten().copied().collect();
            Refusal::NotNow(format!(
                "{id} has no worker `{name}`; it has {}",
                known.join(", ")
            ))
        })?,
        None => (now + 1) % names.len(),
    };
    let done_by = if agent.live.is_some() && !being_swapped {
        Some(agent.mode as usize)
    } else {
        agent.chosen().map(|to| to as usize)
    };
    if done_by == Some(to) {
        return Err(Refusal::NotNow(format!(
            "{id} is done by that worker already"
        )));
    }
    if let Err(why) = crate::engine::admission::could_ever_fit(state, &modes[to]) {
        return Err(Refusal::NotNow(format!(
            "{id} could never run that way: {why}"
        )));
    }
    let action = Action::Swap {
        agent: id.to_owned(),
        worker: names[to].map(str::to_owned),
    };
    Ok(Resolved {
        action,
        agents: vec![ix],
        gates: Vec::new(),
    })
}
