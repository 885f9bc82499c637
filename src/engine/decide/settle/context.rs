//! Contradictions between hand-offs: two that state different values for the same fact
//! (REQUIREMENTS H3: `context.corruption`).
//!
//! Found before anybody gets the second one: its agent is not done meanwhile. Must not judge who is
//! right; a person says so, unless the plan wants the attempt to fail.

use std::collections::BTreeMap;

use crate::{
    engine::{
        AgentState, Clash, Conflict, Event, FailureKind, State, Status, Strategy, Work, WorkEvent,
        WorkStage,
    },
    plan::{AgentId, AgentIx, Join},
};

use super::{
    super::failure,
    conflict::{fails_fast, next_number, number},
};

/// Its kind among those of conflicts.
pub(in crate::engine) const CONTEXT: &str = "context";

/// Whether the facts of an agent stand: it left them, and was not tried again or given up since. They
/// do while its merge waits for a person, and where it failed for its parts alone: both can go on
/// without leaving them anew. Those that are in question themselves do not.
fn stand(state: &State, ix: AgentIx, agent: &AgentState) -> bool {
    match agent.status {
        Status::Succeeded | Status::Merging | Status::Joining => true,
        Status::Checking => !state.begins(ix),
        Status::Failed => agent.lost_parts(),
        Status::Blocked => {
            let open = agent
                .conflict
                .and_then(|id| state.merges.conflicts.get(&id));
            agent.own_done || open.is_some_and(|conflict| !conflict.about_facts())
        }
        _ => false,
    }
}

/// Agents whose facts stand.
fn stated(state: &State) -> impl Iterator<Item = (AgentIx, &Work)> {
    state.setup.plan.indices().filter_map(|ix| {
        let agent = state.agent(ix);
        let work = agent.work.as_ref().filter(|_| stand(state, ix, agent))?;
        (work.stage >= WorkStage::Collected && !work.facts.is_empty()).then_some((ix, &**work))
    })
}

/// The facts of an agent's hand-off against those of all others.
pub(super) fn contradicts(state: &State, ix: AgentIx, work: &Work) -> Option<Vec<Event>> {
    against(state, ix, number(state, ix), &work.facts, &BTreeMap::new())
}

/// The same once a person has said which of them holds: others may have come meanwhile that were
/// compared with those who lose by it alone.
pub(in crate::engine::decide) fn contradicts_still(
    state: &State,
    ix: AgentIx,
    settled: &Conflict,
) -> Option<Vec<Event>> {
    let overruled = state.overruled(settled);
    let work = state.agent(ix).work.as_ref()?;
    let own = overruled.get(&ix).unwrap_or(&work.facts);
    against(state, ix, next_number(state), own, &overruled)
}

/// `changed`: the facts of those that do not stand as they were stated.
fn against(
    state: &State,
    ix: AgentIx,
    id: u32,
    facts: &BTreeMap<String, String>,
    changed: &BTreeMap<AgentIx, BTreeMap<String, String>>,
) -> Option<Vec<Event>> {
    if facts.is_empty() {
        return None;
    }
    let mut with: Vec<AgentId> = Vec::new();
    let mut said: Option<String> = None;
    let mut count = 0;
    for (other, work) in stated(state).filter(|(other, _)| *other != ix) {
        for (key, value) in changed.get(&other).unwrap_or(&work.facts) {
            let Some(own) = facts.get(key).filter(|own| *own != value) else {
                continue;
            };
            count += 1;
            let other = state.id(other);
            said.get_or_insert_with(|| {
                format!("its hand-off says {key} = {own}, that of {other} says {value}")
            });
            if !with.contains(&other) {
                with.push(other);
            }
        }
    }
    let reason = said?;
    let detected = WorkEvent::ConflictDetected {
        id,
        agent: state.id(ix),
        attempt: state.agent(ix).attempt,
        with,
        clash: Clash {
            files: Vec::new(),
            file_count: 0,
            hunks: count,
            lines: 0,
            kinds: vec![CONTEXT.to_owned()],
            complexity: 1000,
        },
        critical: false,
        strategy: Strategy::HumanReview,
    };
    if state.setup.plan.agent(ix).join == Join::FailFast {
        let given_up = fails_fast(state, ix, id, Strategy::HumanReview);
        let failed = failure(state, ix, FailureKind::Corruption, reason);
        return Some(vec![detected.into(), given_up, failed]);
    }
    let blocked = Event::AgentBlocked {
        agent: state.id(ix),
        reason,
        gate: None,
    };
    Some(vec![detected.into(), blocked])
}
