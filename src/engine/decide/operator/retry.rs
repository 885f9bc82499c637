//! Whom a retry means, and whether it is possible now.

use super::{
    Refusal,
    resolve::{find, is_run, members, nonempty, red_gates},
};
use crate::{
    engine::{State, Status, Target},
    plan::AgentIx,
};

const fn can_retry(status: Status) -> bool {
    matches!(
        status,
        Status::Failed | Status::Stopped | Status::Blocked | Status::BackingOff
    )
}

/// The parent that has closed without (or with) a sub-agent, which so cannot be tried again alone.
fn closed_parent(state: &State, ix: AgentIx) -> Option<AgentIx> {
    let parent = state.setup.plan.agent(ix).parent?;
    let status = state.agent(parent).status;
    let failed = state.agent(parent).lost_parts();
    // Before it joins, its own work is collected and merged: it has not closed by that.
    let joined = state.agent(parent).own_done;
    (matches!(
        status,
        Status::Skipped | Status::Succeeded | Status::Stopped | Status::Blocked
    ) || (status == Status::Checking && joined)
        || (status == Status::Failed && !failed))
        .then_some(parent)
}

pub(super) fn resolve_retry(state: &State, target: &Target) -> Result<Vec<AgentIx>, Refusal> {
    if red_gates(state, target).is_some() {
        return Ok(Vec::new());
    }
    let target = if is_run(state, target) {
        &Target::Run
    } else {
        target
    };
    if let Target::Agent(id) = target {
        let ix = find(state, id)?;
        let agent = state.agent(ix);
        if agent.lost_parts() && agent.status == Status::Failed {
            let mut again: Vec<AgentIx> = members(state, target)?
                .into_iter()
                .filter(|&m| can_retry(state.agent(m).status))
                .collect();
            again.dedup();
            return Ok(again);
        }
        if let Some(parent) = closed_parent(state, ix) {
            let parent_id = &state.setup.plan.agent(parent).id;
            return Err(Refusal::NotNow(format!(
                "{id} is a part of {parent_id}, which is {} already",
                state.agent(parent).status.name()
            )));
        }
        if !can_retry(agent.status) {
            return Err(Refusal::NotNow(format!(
                "{id} is {}: only a failed, stopped, blocked or backing-off agent can be tried again",
                agent.status.name()
            )));
        }
        return Ok(with_failed_parents(state, vec![ix]));
    }
    let again: Vec<AgentIx> = members(state, target)?
        .into_iter()
        // A part whose parent goes on without it stays as it is, as where it is named alone.
        .filter(|&ix| can_retry(state.agent(ix).status) && closed_parent(state, ix).is_none())
        .collect();
    nonempty(with_failed_parents(state, again), || {
        format!("{target}: nothing failed, stopped or blocked")
    })
}

/// Adds the parents that failed because of these sub-agents: they join again.
fn with_failed_parents(state: &State, mut agents: Vec<AgentIx>) -> Vec<AgentIx> {
    let mut next = 0;
    while next < agents.len() {
        if let Some(parent) = state.setup.plan.agent(agents[next]).parent
            && state.agent(parent).status == Status::Failed
            && !agents.contains(&parent)
        {
            agents.push(parent);
        }
        next += 1;
    }
    agents.sort_unstable();
    agents
}
