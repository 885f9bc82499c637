//! Parking and pinning: whom it means, and what follows.
//!
//! Must not end what cannot go on later.

use super::{
    Refusal,
    resolve::{find, members, nonempty},
};
use crate::{
    engine::{Cause, Event, Input, MemoryEvent, State, Status, Target},
    plan::AgentIx,
};

/// Whom a parking means: who runs or is frozen, and who is just being started.
pub(super) fn parkable(state: &State, target: &Target) -> Result<Vec<AgentIx>, Refusal> {
    let mut there = members(state, target)?;
    there.retain(|&ix| {
        let agent = state.agent(ix);
        let live = agent.live.as_ref();
        live.is_some_and(|live| live.ending.is_none()) && !agent.opened()
    });
    nonempty(there, || match target {
        Target::Agent(id) => match find(state, id).map(|ix| state.agent(ix)) {
            Ok(agent) if agent.status == Status::Parked => format!("{id} is parked already"),
            Ok(agent) if agent.opened() => {
                format!("somebody works in the session of {id}: `close` it first")
            }
            Ok(agent) => format!(
                "{id} has no process that could be parked: it is {}; `pause` holds it back",
                agent.status.name()
            ),
            Err(refusal) => refusal.to_string(),
        },
        _ => format!("{target}: nothing there that could be parked"),
    })
}

/// The parkings of a person, as one decision.
pub(super) fn follows(state: &State, agents: &[AgentIx], input: &Input) -> Vec<Event> {
    let number = state.memory.decisions + 1;
    let parking = agents.iter().map(|&ix| {
        Event::from(MemoryEvent::Parking {
            agent: state.id(ix),
            attempt: state.agent(ix).attempt,
            cause: Cause::Operator,
            held_bytes: input.uses.of(ix, state.agent(ix).attempt),
            number,
            figures: input.figures,
        })
    });
    parking.collect()
}

/// Whom a pin means.
pub(super) fn pinnable(state: &State, id: &str, pinned: bool) -> Result<AgentIx, Refusal> {
    let ix = find(state, id)?;
    let agent = state.agent(ix);
    if agent.status.is_final() {
        return Err(Refusal::NotNow(format!("{id} has ended")));
    }
    if agent.pinned == pinned {
        let is = if pinned {
            "is pinned already"
        } else {
            "is not pinned"
        };
        return Err(Refusal::NotNow(format!("{id} {is}")));
    }
    Ok(ix)
}
