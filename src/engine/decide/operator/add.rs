//! More agents for a run that goes on: may they come, and what follows.
//!
//! What has passed stays passed: a gate of waves is not asked again for an agent that came later, and a
//! phase or track whose gates have passed takes none. What is red or being judged is judged anew, and
//! so are the gates of the run. Must not read plans: what comes in is checked already.

use std::sync::Arc;

use super::Refusal;
use crate::{
    engine::{
        Action, Added, CohortKind, Event, Extension, Owner, PhaseStatus, Setup, State, WorkEvent,
    },
    plan::AgentIx,
};

/// Returns why agents cannot be added now, as a sentence; none: they can.
#[must_use]
pub fn refuses_extension(state: &State, by: &Extension) -> Option<String> {
    extended(state, &now(state, by)).err()
}

/// An addition as it would come now: the gates that have passed do not judge it.
fn now(state: &State, by: &Extension) -> Extension {
    Extension {
        passed: state.passed_waves(),
        ..by.clone()
    }
}

/// The setup with them, or why not.
fn extended(state: &State, by: &Extension) -> Result<Setup, String> {
    running(state)?;
    if let Some(why) = state.setup.misfit(by) {
        return Err(why);
    }
    let setup = state.setup.extended(std::slice::from_ref(by));
    if let Some(why) = state.setup.disturbed(&setup) {
        return Err(why);
    }
    for ix in by.indices() {
        if let Some(why) = closed(state, &setup, ix) {
            return Err(why);
        }
        for edge in &setup.edges_in[ix.ix()] {
            let begun = state
                .agents
                .get(edge.from.ix())
                .is_some_and(|a| a.attempt > 0);
            if let Some(path) = edge.unwatched(&state.setup).filter(|_| begun) {
                return Err(format!(
                    "`{}` has started without anybody waiting for its file {path}: need it without the file",
                    state.id(edge.from)
                ));
            }
        }
    }
    Ok(setup)
}

/// Whom it means: nobody who is there. Refused where the run takes no agents any more.
pub(super) fn possible(state: &State) -> Result<Vec<AgentIx>, Refusal> {
    running(state).map_err(Refusal::NotNow).map(|()| Vec::new())
}

/// Whether the run still takes agents.
fn running(state: &State) -> Result<(), String> {
    if state.finished.is_some() {
        return Err("the run has ended: start another with `wavedeck run`".to_owned());
    }
    if state.stopping.is_some() {
        return Err("the run is stopping: `wavedeck run` starts another".to_owned());
    }
    Ok(())
}

/// Why the phase or track of a new agent takes none any more.
fn closed(state: &State, setup: &Setup, ix: AgentIx) -> Option<String> {
    let plan = &setup.plan;
    let agent = plan.agent(ix);
    if let Some(phase) = agent.phase.map(|p| &plan.phases[p.ix()])
        && !phase.gates.is_empty()
        && passed(state, agent.phase.map(Owner::Phase)?)
    {
        return Some(format!(
            "phase `{}` has passed its gates: leave the phase out, or name a later one",
            phase.id
        ));
    }
    let of_track = |&cohort: &crate::engine::CohortIx| {
        matches!(setup.cohorts[cohort.ix()].kind, CohortKind::Track(_))
    };
    let cohorts = setup.cohorts_of[ix.ix()].iter().filter(|&c| of_track(c));
    let mut passed = cohorts.filter(|&&cohort| passed(state, Owner::Cohort(cohort)));
    passed.next().map(|cohort| {
        format!(
            "{} has passed its gates: leave the track out",
            setup.cohorts[cohort.ix()]
        )
    })
}

fn passed(state: &State, owner: Owner) -> bool {
    (state.gates_of(owner)).is_some_and(|gates| gates.status == PhaseStatus::Completed)
}

/// Decides what follows from an addition; nothing if it is refused.
pub(in crate::engine::decide) fn add(state: &State, by: &str, wanted: &Extension) -> Vec<Event> {
    let extension = now(state, wanted);
    let Ok(setup) = extended(state, &extension) else {
        return Vec::new();
    };
    let setup = Arc::new(setup);
    let ids = extension.agents.iter().map(|agent| agent.id.clone());
    let mut events = vec![Event::OperatorAction {
        by: by.to_owned(),
        action: Action::Add { wanted: None },
        agents: ids.collect(),
        phases: Vec::new(),
        cohorts: Vec::new(),
    }];
    let indices: Vec<AgentIx> = extension.indices().collect();
    events.push(WorkEvent::Extended(extension).into());
    events.extend(indices.into_iter().map(|ix| {
        let agent = setup.plan.agent(ix);
        Event::from(WorkEvent::Added(Added {
            agent: agent.id.clone(),
            title: agent.title.clone(),
            wave: setup.wave(ix),
            by: by.to_owned(),
        }))
    }));
    events
}
