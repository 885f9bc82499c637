//! Going back to a checkpoint: whether it is possible now, and who is done again.
//!
//! Must not move the head: that is the driver's, once the event is on the disk.

use std::collections::BTreeSet;

use super::{super::settle::merge::waits, Refusal};
use crate::{
    engine::{EdgeKind, Event, State, Status, WorkEvent},
    plan::AgentIx,
};

fn not_now(why: impl Into<String>) -> Refusal {
    Refusal::NotNow(why.into())
}

/// Agents that a roll-back to the checkpoint of a wave concerns, in plan order, if it is possible now.
pub(super) fn concerned(state: &State, wave: u32) -> Result<Vec<AgentIx>, Refusal> {
    if state.stopping.is_some() {
        return Err(not_now("the run is stopping"));
    }
    let merges = &state.merges;
    if merges.done.is_empty() {
        return Err(not_now("nothing is merged yet"));
    }
    let kept = kept(state, wave)?;
    if kept == merges.count() {
        return Err(not_now(format!("nothing was merged after wave {wave}")));
    }
    let collecting = state.agents.iter().any(waits);
    let busy = merges.busy() || merges.now.is_some() || merges.rollback.is_some();
    if state.processes > 0 || collecting || busy {
        return Err(not_now(
            "agents run or are being merged: `pause all`, wait until nothing is being merged, then \
             `stop` what is paused",
        ));
    }
    let (again, parents) = split(state, kept);
    Ok(again.union(&parents).copied().collect())
}

/// Merges that stay.
fn kept(state: &State, wave: u32) -> Result<u32, Refusal> {
    if wave == 0 {
        return Ok(0);
    }
    if let Some(checkpoint) = state.merges.checkpoint(wave) {
        return Ok(checkpoint.merged);
    }
    let waves = state.merges.checkpoints.iter().map(|c| c.wave.to_string());
    let waves: Vec<String> = waves.collect();
    let known = if waves.is_empty() {
        "there is none but 0, the beginning".to_owned()
    } else {
        format!("there are 0, {}", waves.join(", "))
    };
    Err(not_now(format!("no checkpoint of wave {wave}: {known}")))
}

/// Whether an agent has done something that can be done again; whoever has not begun begins anew
/// anyway, and what has failed or was stopped stays so until somebody retries it.
fn has_begun(state: &State, ix: AgentIx) -> bool {
    let status = state.agent(ix).status;
    if state.begins(ix) {
        return false;
    }
    matches!(
        status,
        Status::Succeeded | Status::Blocked | Status::Merging | Status::Checking | Status::Joining
    )
}

/// Who is done again: whose work is taken out, who stands on it, whose needs are open again; and
/// whose parts are, while their own work stays: they join again.
fn split(state: &State, kept: u32) -> (BTreeSet<AgentIx>, BTreeSet<AgentIx>) {
    let taken_out = |ix: AgentIx| {
        let out = &state.merges.done[kept as usize..];
        let agent = state.agent(ix);
        let on_top = agent.work.as_ref().is_some_and(|w| w.base_at > kept);
        out.iter().any(|merged| merged.agent == ix) || (on_top && has_begun(state, ix))
    };
    let plan = &state.setup.plan;
    let mut again: BTreeSet<AgentIx> = plan.indices().filter(|&ix| taken_out(ix)).collect();
    let mut parents = BTreeSet::new();
    let mut open: Vec<AgentIx> = again.iter().copied().collect();
    while let Some(ix) = open.pop() {
        let parts_too = again.contains(&ix);
        for edge in &state.setup.edges_out[ix.ix()] {
            let follows = match edge.kind {
                EdgeKind::Need(_) => true,
                EdgeKind::SubAgent => parts_too,
                EdgeKind::Soft | EdgeKind::Sibling => false,
            };
            if follows && has_begun(state, edge.to) && again.insert(edge.to) {
                open.push(edge.to);
            }
        }
        let Some(parent) = plan.agent(ix).parent else {
            continue;
        };
        let agent = state.agent(parent);
        let lost = agent.status == Status::Failed && agent.lost_parts();
        let joined = has_begun(state, parent) && agent.status != Status::Joining;
        if (lost || (joined && agent.own_done)) && parents.insert(parent) {
            open.push(parent);
        }
    }
    let parents = parents.difference(&again).copied().collect();
    (again, parents)
}

/// What follows from an accepted roll-back.
pub(super) fn follows(state: &State, wave: u32) -> Option<Event> {
    let kept = kept(state, wave).ok()?;
    let (again, parents) = split(state, kept);
    let checkpoint = state.merges.checkpoint(wave).filter(|_| wave > 0);
    let base = state.base_commit.clone()?;
    let ids = |of: &BTreeSet<AgentIx>| of.iter().map(|&ix| state.id(ix)).collect();
    let started = WorkEvent::RollbackStarted {
        number: state.merges.rollbacks + 1,
        wave,
        commit: checkpoint.map_or(base, |c| c.commit.clone()),
        agents: ids(&again),
        parents: ids(&parents),
    };
    Some(started.into())
}
