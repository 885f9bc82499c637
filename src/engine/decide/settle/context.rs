//! Contradictions between hand-offs: two that state different values for the same fact
//! (REQUIREMENTS H3: `context.corruption`).
//!
//! Found before anybody gets the second one: its agent is not done meanwhile. Must not judge who is
//! right; a person says so.

use crate::{
    engine::{Clash, Event, State, Status, Strategy, Work, WorkEvent, WorkStage},
    plan::{AgentId, AgentIx},
};

use super::conflict::number;

/// Its kind among those of conflicts.
pub(in crate::engine) const CONTEXT: &str = "context";

/// Agents whose facts stand: they left them, and were not tried again or given up since.
pub(in crate::engine) fn stated(state: &State) -> impl Iterator<Item = (AgentIx, &Work)> {
    state.setup.plan.indices().filter_map(|ix| {
        let agent = state.agent(ix);
        let stands = matches!(
            agent.status,
            Status::Succeeded | Status::Checking | Status::Merging | Status::Joining
        );
        let stands = stands && !state.begins(ix);
        let work = agent.work.as_ref().filter(|_| stands)?;
        (work.stage >= WorkStage::Collected && !work.facts.is_empty()).then_some((ix, &**work))
    })
}

/// The facts of an agent's hand-off against those of all others.
pub(super) fn contradicts(state: &State, ix: AgentIx, work: &Work) -> Option<Vec<Event>> {
    if work.facts.is_empty() {
        return None;
    }
    let mut with: Vec<AgentId> = Vec::new();
    let mut said: Option<String> = None;
    let mut count = 0;
    for (other, known) in stated(state).filter(|(other, _)| *other != ix) {
        for (key, value) in &known.facts {
            let Some(own) = work.facts.get(key).filter(|own| *own != value) else {
                continue;
            };
            count += 1;
            let id = state.id(other);
            said.get_or_insert_with(|| {
                format!("its hand-off says {key} = {own}, that of {id} says {value}")
            });
            if !with.contains(&id) {
                with.push(id);
            }
        }
    }
    let reason = said?;
    let detected = WorkEvent::ConflictDetected {
        id: number(state, ix),
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
    let blocked = Event::AgentBlocked {
        agent: state.id(ix),
        reason,
        gate: None,
    };
    Some(vec![detected.into(), blocked])
}
