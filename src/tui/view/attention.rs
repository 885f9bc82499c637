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
    engine::{AttentionKind, CohortIx, CohortKind, EdgeKind, Item, Owner, State},
    plan::AgentIx,
    tui::{
        chart::Chart,
        ui_state::{Group, RowId},
    },
};

/// Names that are told of those who are held up.
const HELD_NAMES: usize = 3;

/// Everything that waits for a person, the oldest first; nothing once the run has ended.
#[must_use]
pub fn waiting(state: &State) -> Vec<Item> {
    if state.finished.is_some() || state.stopping.is_some() {
        return Vec::new();
    }
    crate::engine::waiting(state)
}

/// The agents that have not ended and cannot go on before this is settled, nearest first.
#[must_use]
pub fn held_up(state: &State, what: Option<Owner>) -> Vec<AgentIx> {
    let Some(what) = what else {
        return Vec::new();
    };
    let mut held = Vec::new();
    let mut seen: BTreeSet<AgentIx> = BTreeSet::new();
    let mut take = |ix: AgentIx, held: &mut Vec<AgentIx>| {
        if !state.agent(ix).status.is_final() && seen.insert(ix) {
            held.push(ix);
        }
    };
    let phase = match what {
        Owner::Phase(phase) => Some(phase),
        Owner::Cohort(cohort) => {
            for &ix in &state.setup.cohorts[cohort.ix()].closes {
                take(ix, &mut held);
            }
            None
        }
        Owner::Agent(ix) => {
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
    if let Owner::Agent(ix) = what {
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

/// The row that something is about; none: it is about the run.
#[must_use]
pub fn row(state: &State, what: Option<Owner>) -> Option<RowId> {
    Some(match what? {
        Owner::Agent(ix) => RowId::Agent(state.id(ix)),
        Owner::Phase(phase) => RowId::Group(Group::Phase(Some(phase))),
        Owner::Cohort(cohort) => match state.setup.cohorts[cohort.ix()].kind {
            CohortKind::Track(track) => RowId::Group(Group::Track(Some(track))),
            CohortKind::Wave(wave) => RowId::Group(Group::Wave(wave)),
            CohortKind::Run => return None,
        },
    })
}

/// How an item looks.
pub(super) const fn mark(item: &Item) -> (Mark, &'static str) {
    match item.kind {
        AttentionKind::Approval | AttentionKind::Deliver => (Mark::Ask, "ask"),
        AttentionKind::FailedGate if !matches!(item.owner, Some(Owner::Agent(_))) => {
            (Mark::Fail, "red")
        }
        // As its row says it.
        AttentionKind::FailedGate | AttentionKind::Blocked => (Mark::Block, "block"),
        AttentionKind::Failed | AttentionKind::FailedPhase => (Mark::Fail, "fail"),
        AttentionKind::Conflict => (Mark::Block, "clash"),
        AttentionKind::Predicted => (Mark::Ask, "clash~"),
        AttentionKind::DayGate => (Mark::Fail, "day"),
        AttentionKind::Budget => (Mark::Ask, "spent"),
        AttentionKind::Permission | AttentionKind::Question => (Mark::Ask, "asks"),
    }
}

/// Whose an item is.
pub(super) fn item_name(state: &State, chart: &Chart, item: &Item) -> String {
    item.owner.map_or_else(
        || item.of_run().to_owned(),
        |owner| name(state, chart, owner),
    )
}

/// The name of an owner.
pub(super) fn name(state: &State, chart: &Chart, owner: Owner) -> String {
    match owner {
        Owner::Agent(ix) => chart.names[ix.ix()].clone(),
        Owner::Phase(phase) => format!("phase {}", chart.phases[phase.ix()]),
        Owner::Cohort(cohort) => {
            clean_text(&state.setup.cohorts[cohort.ix()].to_string(), SENTENCE)
        }
    }
}

/// Whom an item holds up, the first of them by name; empty: nobody.
pub(super) fn holds(state: &State, chart: &Chart, owner: Option<Owner>) -> String {
    let held = held_up(state, owner);
    if held.is_empty() {
        let of_run = |ix: CohortIx| state.setup.cohorts[ix.ix()].kind == CohortKind::Run;
        return match owner {
            Some(Owner::Cohort(ix)) if of_run(ix) => "holds up the end of the run".to_owned(),
            _ => String::new(),
        };
    }
    let first = held.iter().take(HELD_NAMES);
    let list = names(first.map(|ix| chart.names[ix.ix()].as_str()), HELD_NAMES);
    match held.len() {
        ..=HELD_NAMES => format!("holds up {list}"),
        n => format!("holds up {n}: {list} …"),
    }
}

/// The block: so many items in words.
pub fn attention(source: Source<'_>, all: &[Item], most: usize, now_us: u64) -> Attention {
    let Source { state, chart, .. } = source;
    let shown = all
        .iter()
        .take(most)
        .map(|item| {
            let (mark, word) = mark(item);
            Demand {
                row: row(state, item.owner),
                id: item.id,
                mark,
                word,
                name: item_name(state, chart, item),
                since_us: now_us.saturating_sub(item.since_us),
                text: clean_text(&item.title, SENTENCE),
                holds: holds(state, chart, item.owner),
            }
        })
        .collect();
    Attention {
        shown,
        total: all.len(),
    }
}
