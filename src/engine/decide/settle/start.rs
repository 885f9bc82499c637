//! One admission: who starts next.

use crate::{
    engine::{
        Cause, Event, Figures, PhaseStatus, State,
        admission::{admit, admit_any, admit_check, admit_thaw},
        state::unpack,
    },
    plan::AgentIx,
};

use super::super::process::place;

/// One admission: checks first (they free slots), then what a rule froze, then what is ready.
pub(super) fn admit_next(state: &State, figures: &Figures) -> Vec<Event> {
    for &packed in &state.checks_pending {
        let owner = unpack(packed);
        let Some(check) = state.check_of(owner) else {
            continue;
        };
        let ram = state
            .checks_of(owner)
            .get(check.step as usize)
            .map_or(0, |step| step.ram_bytes);
        if admit_check(state, figures, owner, ram).is_ok() {
            return vec![Event::CheckScheduled {
                place: place(state, owner, check.attempt, check.step),
                ram_bytes: ram,
                pressure_permille: figures.pressure_permille,
            }];
        }
    }
    if admit_any(state, figures).is_err() {
        return Vec::new();
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
    for rank in &state.ready {
        let Ok(grant) = admit(state, figures, rank.agent) else {
            continue;
        };
        return scheduled(state, figures, rank.agent, grant.mode);
    }
    Vec::new()
}

fn scheduled(state: &State, figures: &Figures, ix: AgentIx, mode: u32) -> Vec<Event> {
    let plan = &state.setup.plan;
    let agent = plan.agent(ix);
    let chosen = &agent.modes[mode as usize];
    let mut events = Vec::with_capacity(2);
    if let Some(phase) = agent.phase
        && state.phases[phase.ix()].status == PhaseStatus::Waiting
    {
        events.push(Event::PhaseStarted {
            phase: plan.phases[phase.ix()].id.clone(),
        });
    }
    events.push(Event::AgentScheduled {
        agent: agent.id.clone(),
        attempt: state.agent(ix).attempt + 1,
        mode,
        worker: chosen.worker.map(|w| plan.workers[w.ix()].name.clone()),
        ram_bytes: chosen.ram_bytes,
        pressure_permille: figures.pressure_permille,
        running: state.usage.agents + 1,
    });
    events
}
