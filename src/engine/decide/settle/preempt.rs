//! What is frozen behind a barrier, when nothing else moves: ended, to go again when the barrier opens.
//!
//! Must not end what a person holds, nor what may go on; nor open the barrier.

use crate::engine::{
    AgentPreempted, Event, Figures, Owner, State,
    admission::{Why, admit_check_thaw, admit_thaw},
    state::unpack,
};

use super::{super::finish, merge};

/// A frozen process that comes back when admission lets it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Resting {
    /// Whose.
    owner: Owner,
    /// Whether it is a check command.
    check: bool,
}

/// All frozen processes that come back when admission lets them, but for those that are being ended.
pub(super) fn resting(state: &State) -> Vec<Resting> {
    let agents = state.resting.iter().filter_map(|rank| {
        let live = state.agent(rank.agent).live.as_ref()?;
        let owner = Owner::Agent(rank.agent);
        live.ending.is_none().then_some(Resting {
            owner,
            check: false,
        })
    });
    let checks = state.checks_resting.iter().filter_map(|&packed| {
        let owner = unpack(packed);
        let check = state.check_of(owner)?;
        check
            .ending
            .is_none()
            .then_some(Resting { owner, check: true })
    });
    agents.chain(checks).collect()
}

/// All that has a process is frozen by a rule, and barriers alone keep it from going on: a phase was
/// opened again after it had begun, or the mode made a barrier of one. It can only wait for that phase,
/// and the phase may wait for the memory that it holds. A person who watches is asked about the phase
/// and finds everything as it is; else it is ended, and gets the same end as all others behind it.
pub(in crate::engine::decide) fn barred(state: &State, figures: &Figures) -> Vec<Event> {
    let resting = resting(state);
    if resting.len() != state.processes as usize
        || state.merges.busy()
        || state.agents.iter().any(merge::waits)
        || finish::held(state)
        || (state.setup.attended && finish::stuck(state, figures).is_none())
    {
        return Vec::new();
    }
    let events = resting.iter().map(|rests| {
        let Owner::Agent(ix) = rests.owner else {
            // No barrier is before the gates of a phase or a cohort.
            return None;
        };
        let may = if rests.check {
            admit_check_thaw(state, figures, rests.owner)
        } else {
            admit_thaw(state, figures, ix)
        };
        let why = may.err().filter(|why| matches!(why, Why::Barrier { .. }))?;
        Some(Event::AgentPreempted(AgentPreempted {
            agent: state.id(ix),
            attempt: state.agent(ix).attempt,
            reason: why.to_string(),
        }))
    });
    events.collect::<Option<Vec<Event>>>().unwrap_or_default()
}
