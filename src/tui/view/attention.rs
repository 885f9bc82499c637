//! What waits for a person: blocked and failed agents, red gates of phases; whom they hold up.
//!
//! The oldest first. Whom something holds up is worked out for those alone that have a place.

use std::collections::BTreeSet;

use super::{
    Attention, Demand, Mark, Source,
    words::{SENTENCE, names},
};
use crate::{
    display::clean_text,
    engine::{EdgeKind, FailureKind, PhaseStatus, State, Status},
    plan::{AgentIx, PhaseIx},
    tui::ui_state::{Group, RowId},
};

/// Names that are told of those who are held up.
const HELD_NAMES: usize = 3;

/// Something that waits for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Waiting {
    /// An agent that is blocked, or has failed and nobody has taken care of it.
    Agent(AgentIx),
    /// A phase with a red gate, or one that failed by agents that were stopped or skipped and holds
    /// up others.
    Phase(PhaseIx),
}

/// Everything that waits for a person, the oldest first; nothing once the run has ended.
#[must_use]
pub fn waiting(state: &State) -> Vec<Waiting> {
    if state.finished.is_some() || state.stopping.is_some() {
        return Vec::new();
    }
    let mut all: Vec<(u64, Waiting)> = Vec::new();
    for ix in state.setup.plan.indices() {
        let agent = state.agent(ix);
        // A parent that failed with its sub-agents: the sub-agents are what has to be looked at.
        let waits = match agent.status {
            Status::Blocked => true,
            Status::Failed => {
                agent.failure != Some(FailureKind::Coordination) && !state.handled(ix)
            }
            _ => false,
        };
        if waits {
            all.push((agent.since_us, Waiting::Agent(ix)));
        }
    }
    let known = all.len();
    for (i, phase) in state.phases.iter().enumerate() {
        if phase.status != PhaseStatus::Failed {
            continue;
        }
        let ix = PhaseIx::of(i);
        let member = |what: &Waiting| match what {
            Waiting::Agent(agent) => state.setup.plan.agent(*agent).phase == Some(ix),
            Waiting::Phase(_) => false,
        };
        // Failed by agents that were stopped or skipped: nothing else tells that others wait.
        let silent = || {
            !all[..known].iter().any(|(_, what)| member(what))
                && state.closed_barrier() == Some(ix)
                && state.setup.plan.indices().any(|later| {
                    state.setup.plan.agent(later).phase.is_some_and(|p| p > ix)
                        && !state.agent(later).status.is_final()
                })
        };
        if phase.gate_red || silent() {
            all.push((ended(state, ix), Waiting::Phase(ix)));
        }
    }
    all.sort_unstable();
    all.into_iter().map(|(_, what)| what).collect()
}

/// When the last agent of a phase ended: its gates were checked after that.
fn ended(state: &State, phase: PhaseIx) -> u64 {
    state.setup.members[phase.ix()]
        .iter()
        .filter_map(|&ix| state.agent(ix).ended_us)
        .max()
        .unwrap_or(0)
}

/// The agents that have not ended and cannot go on before this is settled, nearest first.
#[must_use]
pub fn held_up(state: &State, what: Waiting) -> Vec<AgentIx> {
    let mut held = Vec::new();
    let mut seen: BTreeSet<AgentIx> = BTreeSet::new();
    let mut take = |ix: AgentIx, held: &mut Vec<AgentIx>| {
        if !state.agent(ix).status.is_final() && seen.insert(ix) {
            held.push(ix);
        }
    };
    let phase = match what {
        Waiting::Phase(phase) => Some(phase),
        Waiting::Agent(ix) => {
            take(ix, &mut held);
            for edge in bound(state, ix) {
                take(edge, &mut held);
            }
            state.setup.plan.agent(ix).phase
        }
    };
    let mut at = 0;
    while let Some(&ix) = held.get(at) {
        at += 1;
        for to in bound(state, ix) {
            take(to, &mut held);
        }
        let parent = state.setup.plan.agent(ix).parent;
        if let Some(parent) = parent {
            take(parent, &mut held);
        }
    }
    // A closed barrier holds up all later phases.
    if let Some(phase) = phase.filter(|p| state.closed_barrier() == Some(*p)) {
        for ix in state.setup.plan.indices() {
            if state.setup.plan.agent(ix).phase.is_some_and(|p| p > phase) {
                take(ix, &mut held);
            }
        }
    }
    if let Waiting::Agent(ix) = what {
        held.retain(|h| *h != ix);
    }
    held
}

/// Those that wait for the end of an agent.
fn bound(state: &State, ix: AgentIx) -> impl Iterator<Item = AgentIx> {
    state.setup.edges_out[ix.ix()]
        .iter()
        .filter(|e| e.kind != EdgeKind::Soft)
        .map(|e| e.to)
}

/// The row where something can be answered.
#[must_use]
pub fn row(state: &State, what: Waiting) -> RowId {
    match what {
        Waiting::Agent(ix) => RowId::Agent(state.id(ix)),
        Waiting::Phase(phase) => RowId::Group(Group::Phase(Some(phase))),
    }
}

/// The block: so many items in words.
pub fn attention(source: Source<'_>, all: &[Waiting], most: usize, now_us: u64) -> Attention {
    let Source { state, chart, .. } = source;
    let shown = all
        .iter()
        .take(most)
        .map(|&what| {
            let held = held_up(state, what);
            let holds = if held.is_empty() {
                String::new()
            } else {
                let first = held.iter().take(HELD_NAMES);
                let list = names(first.map(|ix| chart.names[ix.ix()].as_str()), HELD_NAMES);
                match held.len() {
                    ..=HELD_NAMES => format!("holds up {list}"),
                    n => format!("holds up {n}: {list} …"),
                }
            };
            let (mark, word, name, since, reason) = match what {
                Waiting::Agent(ix) => {
                    let agent = state.agent(ix);
                    let mark = Mark::of(agent.status);
                    let name = chart.names[ix.ix()].clone();
                    let reason = agent.reason.as_deref();
                    (mark, mark.word(), name, agent.since_us, reason)
                }
                Waiting::Phase(phase) => {
                    let name = format!("phase {}", chart.phases[phase.ix()]);
                    let reason = state.phases[phase.ix()].reason.as_deref();
                    let red = state.phases[phase.ix()].gate_red;
                    let word = if red { "red" } else { "fail" };
                    (Mark::Fail, word, name, ended(state, phase), reason)
                }
            };
            Demand {
                row: row(state, what),
                mark,
                word,
                name,
                about: matches!(what, Waiting::Phase(_)),
                since_us: now_us.saturating_sub(since),
                text: clean_text(reason.unwrap_or("failed"), SENTENCE),
                holds,
            }
        })
        .collect();
    Attention {
        shown,
        total: all.len(),
    }
}
