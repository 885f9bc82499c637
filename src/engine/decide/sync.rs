//! Synchronisation points around what is decided: the merges of a wave, its end, gates over more than
//! one agent, hand-offs, what is taken back for memory.
//!
//! Told in runs whose work comes together, those of hand-offs and memory wherever there is one. Each is told before the event that it is about, so that a
//! crash in between tells none twice. Must not change what is decided.

use super::rebalance;
use crate::{
    engine::{Event, Owner, State, Status, SyncKind, SyncPoint, WorkEvent, WorkStage},
    plan::{AgentId, AgentIx},
};

/// Adds the begins and ends of synchronisation points to what was decided.
pub(super) fn around(state: &State, events: Vec<Event>) -> Vec<Event> {
    let integrates = state.setup.integrates;
    let hands = |event: &Event| matches!(event, Event::Work(_) | Event::Memory(_));
    // A plan whose agents neither merge nor hand off has none.
    if !integrates && state.syncs.open.is_empty() && !events.iter().any(hands) {
        return events;
    }
    let mut all = Vec::with_capacity(events.len());
    for event in events {
        all.extend(of_handoff(state, &event));
        if let Event::Memory(memory) = &event {
            all.extend(rebalance::of_memory(state, memory));
        }
        if integrates {
            all.extend(of_waves(state, &event));
        }
        if matches!(event, Event::RunFinished { .. }) {
            let open = state.syncs.open.iter();
            all.extend(open.filter_map(|(_, point)| rebalance::at_the_end(state, point)));
        }
        all.push(event);
    }
    all
}

/// Why the judging of gates ended without a verdict.
const REOPENED: &str = "an agent of it is tried again";

/// Points of waves and phases.
fn of_waves(state: &State, event: &Event) -> Vec<Event> {
    let found = match event {
        Event::Work(work) => {
            if let WorkEvent::MergeStarted { agent, .. } = &**work
                && let Some(ix) = state.find(agent)
            {
                let wave = state.setup.wave(ix);
                begin(state, of_wave(SyncKind::ContextMerge, wave))
            } else {
                None
            }
        }
        Event::WaveCompleted { wave } => {
            let merged = merged(state, *wave);
            let next = begin(state, of_wave(SyncKind::ProgressCheckpoint, *wave));
            return merged.into_iter().chain(next).collect();
        }
        // The beginning closes no wave.
        Event::CheckpointMade { wave: 0, .. } => None,
        Event::CheckpointMade { wave, .. } => Some(passed(state, *wave)),
        Event::PhaseChecking { phase, .. } => begin(state, of_phase(phase)),
        Event::PhaseCompleted { phase } => end(state, &of_phase(phase), None),
        Event::PhaseReopened { phase } => end(state, &of_phase(phase), Some(REOPENED.to_owned())),
        Event::CohortChecking { cohort, .. } => begin(state, of_cohort(cohort)),
        Event::CohortCompleted { cohort } => end(state, &of_cohort(cohort), None),
        Event::CohortReopened { cohort } => {
            end(state, &of_cohort(cohort), Some(REOPENED.to_owned()))
        }
        Event::CohortFailed { cohort, reason } => {
            end(state, &of_cohort(cohort), Some(reason.clone()))
        }
        Event::PhaseFailed { phase, reason } => end(state, &of_phase(phase), Some(reason.clone())),
        _ => None,
    };
    found.into_iter().collect()
}

/// A hand-off (REQUIREMENTS F5): it begins when the document is complete and others wait for it, and
/// ends with its agent: done, or not.
fn of_handoff(state: &State, event: &Event) -> Option<Event> {
    match event {
        Event::Work(work) => {
            let WorkEvent::HandoffReady { agent, .. } = &**work else {
                return None;
            };
            let ix = state.find(agent)?;
            let waited_for = !state.setup.receivers(ix).is_empty();
            waited_for.then(|| begin(state, of_agent(agent)))?
        }
        _ if state.syncs.open.is_empty() => None,
        Event::AgentCompleted { agent, .. } => {
            let point = of_agent(agent);
            let number = state.syncs.number(&point)?;
            let ix = state.find(agent)?;
            let completed = WorkEvent::SyncCompleted {
                number,
                point,
                reserved_bytes: Some(state.usage.ram_bytes),
                left_us: Some(left_us(state, Some(ix))),
                released_bytes: held(state, ix),
            };
            Some(completed.into())
        }
        Event::AgentRetrying { agent, reason, .. } | Event::AgentFailed { agent, reason, .. } => {
            end(state, &of_agent(agent), Some(reason.clone()))
        }
        Event::AgentStopped { agent, .. } => {
            end(state, &of_agent(agent), Some("stopped".to_owned()))
        }
        _ => None,
    }
}

/// What an agent's process held at most, in bytes; none: it was too small, or too short, to be measured.
fn held(state: &State, ix: AgentIx) -> Option<u64> {
    let last = state.agent(ix).last.as_ref()?;
    (last.peak_bytes > 0).then_some(last.peak_bytes)
}

fn of_agent(agent: &AgentId) -> SyncPoint {
    SyncPoint {
        sync: SyncKind::ProgressCheckpoint,
        wave: None,
        phase: None,
        cohort: None,
        agent: Some(agent.clone()),
        decision: None,
    }
}

const fn of_wave(sync: SyncKind, wave: u32) -> SyncPoint {
    SyncPoint {
        sync,
        wave: Some(wave),
        phase: None,
        cohort: None,
        agent: None,
        decision: None,
    }
}

fn of_phase(phase: &str) -> SyncPoint {
    SyncPoint {
        sync: SyncKind::QualityGate,
        wave: None,
        phase: Some(phase.to_owned()),
        cohort: None,
        agent: None,
        decision: None,
    }
}

fn of_cohort(cohort: &str) -> SyncPoint {
    SyncPoint {
        sync: SyncKind::QualityGate,
        wave: None,
        phase: None,
        cohort: Some(cohort.to_owned()),
        agent: None,
        decision: None,
    }
}

/// Whom a synchronisation point concerns, in plan order; of a decision about memory those who still end for it.
#[must_use]
pub fn participants(state: &State, point: &SyncPoint) -> Vec<AgentId> {
    let setup = &state.setup;
    if let Some(number) = point.decision {
        let effects = state.memory.open.iter().filter(|e| e.number == number);
        let ends = effects.flat_map(|effect| &effect.ends);
        return ends.map(|(ix, _)| state.id(*ix)).collect();
    }
    if let Some(agent) = &point.agent {
        let ix = state.find(agent);
        let with = ix.map(|ix| setup.receivers(ix)).unwrap_or_default();
        let mut all: Vec<AgentIx> = ix.into_iter().chain(with).collect();
        all.sort_unstable();
        return all.into_iter().map(|ix| state.id(ix)).collect();
    }
    let own_alone = point.sync == SyncKind::ContextMerge;
    let owner = match (&point.phase, &point.cohort) {
        (Some(phase), _) => state.phase_ix(phase).map(Owner::Phase),
        (None, Some(cohort)) => setup.cohort_ix(cohort).map(Owner::Cohort),
        (None, None) => None,
    };
    if let Some(owner) = owner {
        let members = setup.members_of(owner).iter();
        return members.map(|&ix| state.id(ix)).collect();
    }
    let concerned =
        |ix: &AgentIx| point.wave == Some(setup.wave(*ix)) && (!own_alone || setup.own(*ix));
    let all = setup.plan.indices().filter(concerned);
    all.map(|ix| state.id(ix)).collect()
}

fn begin(state: &State, point: SyncPoint) -> Option<Event> {
    let with = participants(state, &point);
    begin_with(state, point, with)
}

pub(super) fn begin_with(
    state: &State,
    point: SyncPoint,
    participants: Vec<AgentId>,
) -> Option<Event> {
    if state.syncs.number(&point).is_some() {
        return None;
    }
    let started = WorkEvent::SyncStarted {
        number: state.syncs.last + 1,
        participants,
        point,
    };
    Some(started.into())
}

pub(super) fn end(state: &State, point: &SyncPoint, failed: Option<String>) -> Option<Event> {
    let number = state.syncs.number(point)?;
    Some(ended(number, point.clone(), failed))
}

pub(super) fn ended(number: u32, point: SyncPoint, failed: Option<String>) -> Event {
    let ended = match failed {
        Some(reason) => WorkEvent::SyncFailed {
            number,
            point,
            reason,
        },
        None => WorkEvent::SyncCompleted {
            number,
            point,
            reserved_bytes: None,
            left_us: None,
            released_bytes: None,
        },
    };
    ended.into()
}

/// The merges of a wave are over: all that its agents left is merged, or it is said whose is not.
fn merged(state: &State, wave: u32) -> Option<Event> {
    let setup = &state.setup;
    let lost = |ix: &AgentIx| {
        let work = state.agent(*ix).work.as_ref();
        setup.wave(*ix) == wave
            && work.is_some_and(|w| w.commit.is_some() && w.stage != WorkStage::Merged)
    };
    let lost: Vec<&str> = setup
        .plan
        .indices()
        .filter(lost)
        .map(|ix| setup.plan.agent(ix).id.as_str())
        .collect();
    let why = (!lost.is_empty()).then(|| format!("not merged: {}", lost.join(", ")));
    end(state, &of_wave(SyncKind::ContextMerge, wave), why)
}

/// A wave's end (REQUIREMENTS F5): what is still reserved, and how long the rest takes by the plan.
fn passed(state: &State, wave: u32) -> Event {
    let point = of_wave(SyncKind::ProgressCheckpoint, wave);
    // It began in this very turn, or before a crash.
    let number = state.syncs.number(&point);
    let number = number.unwrap_or(state.syncs.last + 1);
    let completed = WorkEvent::SyncCompleted {
        number,
        point,
        reserved_bytes: Some(state.usage.ram_bytes),
        left_us: Some(left_us(state, None)),
        released_bytes: None,
    };
    completed.into()
}

/// The longest chain of what has not ended, but for one that ends now, by the durations that the plan
/// expects, in microseconds.
fn left_us(state: &State, ends: Option<AgentIx>) -> u64 {
    let setup = &state.setup;
    let open = setup.plan.indices().filter(|&ix| {
        let status = state.agent(ix).status;
        !status.is_final() && status != Status::Blocked && ends != Some(ix)
    });
    let behind = open.map(|ix| {
        let own = setup.mode(ix, state.agent(ix).mode).duration.expected_us;
        let until_end = setup.critical_path_us.saturating_sub(setup.ranks[ix.ix()]);
        until_end.saturating_add(own)
    });
    behind.max().unwrap_or(0)
}
