//! Conflicts of finished work: how they are to be settled, who is sent back, and their end.
//!
//! Must not use anything but the state.

use std::collections::BTreeSet;

use crate::{
    engine::{
        AgentState, Cause, Clash, Event, FailureKind, HoldBy, Merge, MergeStage, State, Status,
        Strategy, Work, WorkEvent,
    },
    plan::{AgentId, AgentIx, Join},
};

use super::{super::failure, collect::list, merge::failed, preempt};

/// Complexity in permille from which a person decides what becomes of a conflict at all
/// (REQUIREMENTS E3: guided merge below 0.7).
const REVIEW: u32 = 700;
/// Times that one agent is sent back on top of others' work before a person is asked.
const MOST_SENT_BACK: u32 = 3;

/// Agents whose work came into the head since this one began, in a critical domain of both.
pub(super) fn critical(state: &State, ix: AgentIx, work: &Work) -> Option<Vec<AgentId>> {
    let plan = &state.setup.plan;
    let domains = |ix: AgentIx| {
        let names = plan.agent(ix).domains.iter();
        names.filter(|name| plan.domains.get(*name).is_some_and(|d| d.critical))
    };
    domains(ix).next()?;
    let since = state.merges.done.get(work.base_at as usize..)?;
    let met = since.iter().filter(|merged| {
        merged.agent != ix && domains(merged.agent).any(|name| domains(ix).any(|own| own == name))
    });
    let with: Vec<AgentId> = met.map(|merged| state.id(merged.agent)).collect();
    (!with.is_empty()).then_some(with)
}

/// The second in a critical domain goes again on top of the first.
pub(super) fn go_again(
    state: &State,
    ix: AgentIx,
    agent: &AgentState,
    with: Vec<AgentId>,
) -> Vec<Event> {
    let id = number(state, ix);
    let names: Vec<&str> = with.iter().map(AgentId::as_str).collect();
    let reason = format!("in a critical domain with {}", names.join(", "));
    let strategy = if agent.sent_back < MOST_SENT_BACK {
        Strategy::SequentialFallback
    } else {
        Strategy::HumanReview
    };
    let clash = Clash {
        files: Vec::new(),
        file_count: 0,
        hunks: 0,
        lines: 0,
        kinds: vec!["domain".to_owned()],
        complexity: 1000,
    };
    let mut events = vec![detected(state, ix, with, clash, true, strategy)];
    if strategy == Strategy::HumanReview {
        events.push(Event::AgentBlocked {
            agent: state.id(ix),
            reason: format!("{reason}, and was sent back {MOST_SENT_BACK} times"),
            gate: None,
        });
    } else {
        events.extend(sent_back(state, ix, id, "engine", &reason));
    }
    events
}

/// Makes the event that finds a conflict in an agent's work.
pub(super) fn detected(
    state: &State,
    ix: AgentIx,
    with: Vec<AgentId>,
    clash: Clash,
    critical: bool,
    strategy: Strategy,
) -> Event {
    let detected = WorkEvent::ConflictDetected {
        id: number(state, ix),
        agent: state.id(ix),
        attempt: state.agent(ix).attempt,
        with,
        clash,
        critical,
        strategy,
    };
    detected.into()
}

/// Closes a conflict by sending the agent back on top of what is integrated.
pub(in crate::engine::decide) fn sent_back(
    state: &State,
    ix: AgentIx,
    id: u32,
    by: &str,
    reason: &str,
) -> [Event; 2] {
    let resolved = WorkEvent::ConflictResolved {
        id,
        agent: state.id(ix),
        strategy: Strategy::SequentialFallback,
        by: by.to_owned(),
        reason: format!("goes again on top of what is merged: {reason}"),
        given_up: false,
    };
    let again = Event::AgentRetrying {
        agent: state.id(ix),
        attempt: state.agent(ix).attempt,
        cause: Cause::Conflict,
        delay_us: 0,
        reason: reason.to_owned(),
    };
    [resolved.into(), again]
}

/// The number of a conflict: the agent's open one, else a new one.
pub(super) fn number(state: &State, ix: AgentIx) -> u32 {
    let open = state.agent(ix).conflict;
    open.unwrap_or_else(|| next_number(state))
}

/// The number of the next conflict.
pub(super) fn next_number(state: &State) -> u32 {
    let last = state.merges.conflicts.last_key_value();
    last.map_or(1, |(id, _)| id + 1)
}

/// Whoever is tried again, ends or waits for a person is not being merged any more; and whoever is
/// tried again or ends leaves its conflict behind. Said before it happens, whatever led to it.
pub(in crate::engine::decide) fn closed(state: &State, events: Vec<Event>) -> Vec<Event> {
    // Hand-offs can contradict each other where nothing is merged.
    if !state.setup.integrates && state.merges.conflicts.is_empty() {
        return events;
    }
    let mut all: Vec<Event> = Vec::with_capacity(events.len());
    for event in events {
        let (agent, why, over) = match &event {
            Event::AgentRetrying { agent, reason, .. }
            | Event::AgentFailed { agent, reason, .. } => (agent, reason.as_str(), true),
            Event::AgentStopped { agent, .. } => (agent, "stopped", true),
            Event::AgentBlocked { agent, reason, .. } => (agent, reason.as_str(), false),
            _ => {
                all.push(event);
                continue;
            }
        };
        let ix = state.find(agent);
        let merge = state.merges.now.as_ref();
        if let Some(merge) = merge.filter(|now| Some(now.agent) == ix)
            && merge.stage != MergeStage::Advancing
            && !all.iter().any(
                |e| matches!(e, Event::Work(w) if matches!(**w, WorkEvent::MergeFailed { .. })),
            )
        {
            all.push(failed(state, merge, why));
        }
        let left = ix.and_then(|ix| state.agent(ix).conflict).filter(|_| over);
        if let Some(id) = left
            && let Some(conflict) = state.merges.conflicts.get(&id)
            && !all.iter().any(|e| matches!(e, Event::Work(w) if matches!(&**w, WorkEvent::ConflictResolved { id: closed, .. } if *closed == id)))
        {
            let resolved = WorkEvent::ConflictResolved {
                id,
                agent: agent.clone(),
                strategy: match conflict.strategy {
                    Strategy::SequentialFallback => Strategy::HumanReview,
                    other => other,
                },
                by: "engine".to_owned(),
                reason: format!("not merged: {why}"),
                given_up: true,
            };
            all.push(resolved.into());
        }
        all.push(event);
    }
    all
}

/// It clashes: by the agent's `join`, and by the size of what is left.
pub(super) fn conflict(
    state: &State,
    merge: &Merge,
    clash: &Clash,
    why: Option<&str>,
) -> Vec<Event> {
    let ix = merge.agent;
    let join = state.setup.plan.agent(ix).join;
    let id = number(state, ix);
    let with: Vec<AgentId> = merge.with.iter().map(|&ix| state.id(ix)).collect();
    let met = if with.is_empty() {
        "what is merged".to_owned()
    } else {
        let names: Vec<&str> = with.iter().map(AgentId::as_str).collect();
        names.join(", ")
    };
    let why = why.map_or_else(String::new, |why| format!(": {why}"));
    let reason = format!("conflict with {met} in {}{why}", list(&clash.files));
    let strategy = if join == Join::ManualEscalation || clash.complexity >= REVIEW {
        Strategy::HumanReview
    } else {
        Strategy::GuidedMerge
    };
    let mut events = vec![
        detected(state, ix, with, clash.clone(), false, strategy),
        failed(state, merge, &reason),
    ];
    if join == Join::FailFast {
        events.push(fails_fast(state, ix, id, strategy));
        events.push(failure(state, ix, FailureKind::Coordination, reason));
    } else {
        events.push(Event::AgentBlocked {
            agent: state.id(ix),
            reason,
            gate: None,
        });
    }
    events
}

/// Closes a conflict of an agent whose attempt counts as failed by it.
pub(super) fn fails_fast(state: &State, ix: AgentIx, id: u32, strategy: Strategy) -> Event {
    let resolved = WorkEvent::ConflictResolved {
        id,
        agent: state.id(ix),
        strategy,
        by: "engine".to_owned(),
        reason: "join = \"fail-fast\": the attempt counts as failed".to_owned(),
        given_up: true,
    };
    resolved.into()
}

/// Agents that are frozen for a clash that would come are all that is left, and those that they wait for
/// wait for a person: they go on, and whoever comes second is sent back then.
pub(in crate::engine::decide) fn waits_in_vain(state: &State) -> Vec<Event> {
    if state.merges.predicted.is_empty()
        || state.merges.busy()
        || state.agents.iter().any(super::merge::waits)
    {
        return Vec::new();
    }
    let frozen = |ix: &AgentIx| {
        let agent = state.agent(*ix);
        agent.status == Status::Frozen
            && agent.hold == Some(HoldBy::Rule)
            && agent
                .live
                .as_ref()
                .is_some_and(|live| live.ending.is_none())
            && !state.resting.contains(&state.rank(*ix))
    };
    let frozen: BTreeSet<AgentIx> = state.setup.plan.indices().filter(frozen).collect();
    // Nothing could be admitted: who rests cannot go on either.
    if frozen.len() + preempt::resting(state).len() != state.processes as usize {
        return Vec::new();
    }
    let critical = state.merges.predicted.iter().filter(|(_, p)| p.critical);
    let pairs = critical.map(|(pair, _)| *pair);
    let pairs = pairs.filter(|(a, b)| frozen.contains(a) || frozen.contains(b));
    let withdrawn = pairs.map(|(a, b)| WorkEvent::Withdrawn {
        agent: state.id(a),
        with: state.id(b),
    });
    withdrawn.map(Event::from).collect()
}
