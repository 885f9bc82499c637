//! One admission: who starts next.

use crate::{
    engine::{
        Cause, Event, Figures, MemoryEvent, Owner, PhaseStatus, Rank, State,
        admission::{
            Grant, admit, admit_any, admit_check, admit_check_thaw, admit_first, admit_thaw,
            chosen as chosen_worker, reserves,
        },
        state::unpack,
    },
    plan::AgentIx,
};

use super::{
    super::{budget, process::here},
    begin,
};

/// One admission: checks first, then what a rule froze, then what is ready.
pub(super) fn admit_next(state: &State, figures: &Figures) -> Vec<Event> {
    if admit_any(state, figures).is_err() {
        return Vec::new();
    }
    if let Some(check) = next_check(state, figures) {
        return vec![check];
    }
    for rank in &state.resting {
        let ix = rank.agent;
        let ending = state
            .agent(ix)
            .live
            .as_ref()
            .is_some_and(|live| live.ending.is_some());
        if !ending && admit_thaw(state, figures, ix).is_ok() {
            return vec![Event::AgentThawed {
                agent: state.id(ix),
                attempt: state.agent(ix).attempt,
                cause: Cause::Room,
                pressure_permille: figures.pressure_permille,
            }];
        }
    }
    let ready = next_ready(state, figures);
    // It is ready again, and starts as whoever is ready does: what it begins with may have gone since.
    if let Some(rank) = next_parked(state, figures)
        && ready.is_none_or(|(other, _)| rank <= other)
    {
        return vec![
            MemoryEvent::Resumed {
                agent: state.id(rank.agent),
                attempt: state.agent(rank.agent).attempt,
                pressure_permille: figures.pressure_permille,
            }
            .into(),
        ];
    }
    match ready {
        Some((rank, grant)) => match budget::too_fast(state, figures) {
            Some(told) => told.into(),
            None => match begin::asked(state, rank.agent) {
                Some(first) => vec![first],
                None => scheduled(state, figures, rank.agent, grant.mode),
            },
        },
        None => Vec::new(),
    }
}

/// The first parked agent in order that may go on.
fn next_parked(state: &State, figures: &Figures) -> Option<Rank> {
    let mut parked = state.parked.iter().copied();
    parked.find(|rank| admit(state, figures, rank.agent).is_ok())
}

/// The first ready agent in order that may start; asks once a kind, not once an agent.
fn next_ready(state: &State, figures: &Figures) -> Option<(Rank, Grant)> {
    let mut best: Option<(Rank, Grant)> = None;
    let better = |best: &Option<(Rank, Grant)>, rank| best.is_none_or(|(b, _)| rank < b);
    for shelf in state.ready.shelves() {
        if shelf.first().is_some_and(|first| better(&best, first))
            && let Some(found) = admit_first(state, figures, shelf)
            && better(&best, found.0)
        {
            best = Some(found);
        }
    }
    let mut chosen = state.ready.chosen().take_while(|rank| better(&best, *rank));
    let found = chosen.find_map(|rank| {
        let grant = admit(state, figures, rank.agent).ok()?;
        Some((rank, grant))
    });
    found.or(best)
}

/// Checks go first: what they judge is done but for them. Frozen ones before new ones, for they
/// hold memory.
fn next_check(state: &State, figures: &Figures) -> Option<Event> {
    let pressure_permille = figures.pressure_permille;
    for &packed in &state.checks_resting {
        let owner = unpack(packed);
        let ending = state.check_of(owner).is_none_or(|c| c.ending.is_some());
        if !ending && admit_check_thaw(state, figures, owner).is_ok() {
            return here(state, owner).map(|place| Event::CheckThawed {
                place,
                pressure_permille,
            });
        }
    }
    for &packed in &state.checks_pending {
        let owner = unpack(packed);
        let ram_bytes = check_ram(state, owner);
        if admit_check(state, figures, owner, ram_bytes).is_ok() {
            return here(state, owner).map(|place| Event::CheckScheduled {
                place,
                ram_bytes,
                pressure_permille,
            });
        }
    }
    None
}

/// Memory that the check command which an owner is at reserves, in bytes.
pub(in crate::engine::decide) fn check_ram(state: &State, owner: Owner) -> u64 {
    let step = state.check_of(owner).map_or(0, |check| check.step);
    let steps = state.checks_of(owner);
    steps.get(step as usize).map_or(0, |step| step.ram_bytes)
}

fn scheduled(state: &State, figures: &Figures, ix: AgentIx, mode: u32) -> Vec<Event> {
    let plan = &state.setup.plan;
    let agent = plan.agent(ix);
    let chosen = &agent.modes[mode as usize];
    let mut events = Vec::with_capacity(3);
    if let Some(phase) = agent.phase
        && state.phases[phase.ix()].status == PhaseStatus::Waiting
    {
        events.push(Event::PhaseStarted {
            phase: plan.phases[phase.ix()].id.clone(),
        });
    }
    events.extend(chosen_worker(state, figures, ix, mode).map(Event::from));
    events.push(Event::AgentScheduled {
        agent: agent.id.clone(),
        attempt: state.agent(ix).attempt + 1,
        mode,
        worker: chosen.worker.map(|w| plan.workers[w.ix()].name.clone()),
        ram_bytes: reserves(state, figures, ix, mode),
        pressure_permille: figures.pressure_permille,
        running: state.usage.agents + 1,
    });
    events
}
