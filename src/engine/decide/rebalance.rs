//! The synchronisation point around each decision that takes something back for memory: parks, moves to another worker,
//! fewer at once (REQUIREMENTS H2, `resource_rebalancing`).
//!
//! Must not change what is decided.

use super::sync::{begin_with, end, ended};
use crate::engine::{
    Adapted, Event, MemoryEvent, State, SyncKind, SyncPoint, WorkEvent, size_asked, size_free,
};

/// A point begins with the decision, and ends when its effect is measured.
pub(super) fn of_memory(state: &State, event: &MemoryEvent) -> Vec<Event> {
    match event {
        MemoryEvent::Adapted {
            number,
            what: what @ (Adapted::Park | Adapted::Swap | Adapted::Lower | Adapted::Nothing),
            agents,
            reason,
            ..
        } => {
            // Those that have come to it are told so by the judgement itself.
            let mut all: Vec<Event> = lowering(state)
                .filter(|point| point.decision != Some(*number) && !lowered(state))
                .filter_map(|point| {
                    let running = state.usage.agents;
                    let why = format!("still {running} at once when decision {number} followed");
                    end(state, point, Some(why))
                })
                .collect();
            let point = of_decision(*number);
            all.extend(begin_with(state, point.clone(), agents.clone()));
            if *what == Adapted::Nothing {
                // It began now, or before a crash.
                let on = state.syncs.number(&point).unwrap_or(state.syncs.last + 1);
                all.push(ended(on, point, Some(reason.clone())));
            }
            all
        }
        MemoryEvent::Measured {
            number,
            told_bytes,
            freed_bytes,
            ..
        } => effect(state, *number, (*told_bytes, *freed_bytes))
            .into_iter()
            .collect(),
        _ => Vec::new(),
    }
}

/// What is measured of a decision completes it, where that is at least half of what was told.
fn effect(state: &State, decision: u32, (told, freed): (u64, u64)) -> Option<Event> {
    let point = of_decision(decision);
    let number = state.syncs.number(&point)?;
    if freed < told / 2 {
        let reason = format!(
            "it freed {} of the {} that were told",
            size_free(freed),
            size_asked(told)
        );
        return Some(ended(number, point, Some(reason)));
    }
    let completed = WorkEvent::SyncCompleted {
        number,
        point,
        reserved_bytes: Some(state.usage.ram_bytes),
        left_us: None,
        released_bytes: Some(freed),
    };
    Some(completed.into())
}

/// Decisions that let fewer run at once, and that have not come to that: nothing of theirs is measured.
fn lowering(state: &State) -> impl Iterator<Item = &SyncPoint> {
    let open = state.syncs.open.iter().map(|(_, point)| point);
    open.filter(|point| {
        let mut effects = state.memory.open.iter();
        point
            .decision
            .is_some_and(|n| effects.all(|effect| effect.number != n))
    })
}

/// Whether no more run at once than memory allows.
fn lowered(state: &State) -> bool {
    state.memory.cap == 0 || state.usage.agents <= state.memory.cap
}

/// Those decisions to let fewer run at once that have come to it.
pub(super) fn came_to_it(state: &State) -> Vec<Event> {
    if state.syncs.open.is_empty() || !lowered(state) {
        return Vec::new();
    }
    lowering(state)
        .filter_map(|point| end(state, point, None))
        .collect()
}

/// The run is over: what became of a point that is on.
pub(super) fn at_the_end(state: &State, point: &SyncPoint) -> Option<Event> {
    if let Some(decision) = point.decision {
        let mut effects = state.memory.open.iter();
        match effects.find(|effect| effect.number == decision) {
            Some(e) if e.ends.is_empty() => {
                return effect(state, decision, (e.told_bytes, e.freed_bytes));
            }
            None if lowered(state) => return end(state, point, None),
            _ => {}
        }
    }
    end(state, point, Some("the run has ended".to_owned()))
}

fn of_decision(number: u32) -> SyncPoint {
    SyncPoint {
        sync: SyncKind::ResourceRebalancing,
        wave: None,
        phase: None,
        cohort: None,
        agent: None,
        decision: Some(number),
    }
}
