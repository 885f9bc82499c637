//! Conflicts: what a person may ask for, and what follows.
//!
//! Must not know the texts in conflict: a choice names its place, and the driver of merges says
//! whether all places are chosen.

use super::Refusal;
use crate::{
    engine::{
        Cause, Conflict, Event, Pick, Settle, State, Status, Strategy, WorkEvent,
        decide::settle::{collect::go_on, conflict::sent_back, context::contradicts_still},
    },
    plan::AgentIx,
};

/// Longest note, in bytes.
const LONGEST: usize = 4000;
/// Longest key of a place, in bytes.
const KEY: usize = 128;

fn not_now(why: impl Into<String>) -> Refusal {
    Refusal::NotNow(why.into())
}

/// A conflict that a person can settle now.
fn conflict(state: &State, id: u32) -> Result<&Conflict, Refusal> {
    let conflict = state
        .merges
        .conflicts
        .get(&id)
        .ok_or_else(|| not_now(format!("no conflict {id} in this run")))?;
    if let Some(how) = &conflict.resolved {
        return Err(not_now(format!("conflict {id} is settled: {how}")));
    }
    let agent = state.agent(conflict.agent);
    if agent.status != Status::Blocked || agent.conflict != Some(id) {
        return Err(not_now(format!(
            "conflict {id} is being merged: {} is {}",
            state.id(conflict.agent),
            agent.status.name()
        )));
    }
    Ok(conflict)
}

/// Whose conflict it is, if a person can settle it now.
pub(super) fn open(state: &State, id: u32) -> Result<AgentIx, Refusal> {
    if state.stopping.is_some() {
        return Err(not_now("the run is stopping"));
    }
    conflict(state, id).map(|conflict| conflict.agent)
}

/// Whether a side can be taken.
pub(super) fn choose(
    state: &State,
    id: u32,
    file: Option<&str>,
    hunk: Option<&str>,
    pick: &Pick,
) -> Result<AgentIx, Refusal> {
    let ix = open(state, id)?;
    let conflict = conflict(state, id)?;
    let clash = &conflict.clash;
    let all_named = clash.files.len() == clash.file_count as usize;
    if let Some(file) = file
        && all_named
        && !clash.files.iter().any(|known| known == file)
    {
        return Err(not_now(format!(
            "conflict {id} is not about {file}: it is in {}",
            clash.files.join(", ")
        )));
    }
    if hunk.is_some_and(|hunk| hunk.len() > KEY) || (hunk.is_some() && file.is_none()) {
        return Err(not_now("a place is named by its file and its key"));
    }
    if let Pick::Edited(hash) = pick {
        let hex = hash.len() == 64 && hash.bytes().all(|b| b.is_ascii_hexdigit());
        if !hex || file.is_none() {
            return Err(not_now(
                "an edited text is named by its SHA-256, for one file",
            ));
        }
    }
    Ok(ix)
}

/// Whether there is a choice to take back.
pub(super) fn undo(state: &State, id: u32) -> Result<AgentIx, Refusal> {
    let ix = open(state, id)?;
    if conflict(state, id)?.chosen.is_empty() {
        return Err(not_now(format!("nothing is chosen in conflict {id}")));
    }
    Ok(ix)
}

/// Whether a conflict of an agent can be settled in this way.
pub(super) fn possible(state: &State, ix: AgentIx, how: Settle) -> Result<(), Refusal> {
    let Some(id) = state.agent(ix).conflict else {
        return Err(not_now(format!("{} has no conflict", state.id(ix))));
    };
    let conflict = conflict(state, id)?;
    let review = conflict.clash.files.is_empty() && !conflict.about_facts();
    if how == Settle::Chosen && (conflict.chosen.is_empty() || review) {
        return Err(not_now(format!(
            "nothing is chosen in conflict {id} yet: `choose {id} FILE ours|theirs|both|base` first"
        )));
    }
    Ok(())
}

/// Whether a note can be kept.
pub(super) fn noted(note: Option<&str>) -> Result<(), Refusal> {
    if note.is_some_and(|note| note.len() > LONGEST) {
        return Err(not_now(format!("the note is longer than {LONGEST} bytes")));
    }
    Ok(())
}

/// What follows from a person's word on a conflict.
pub(super) fn follows(
    state: &State,
    ix: AgentIx,
    how: Settle,
    by: &str,
    note: Option<&str>,
) -> Vec<Event> {
    let agent = state.agent(ix);
    let Some(id) = agent.conflict else {
        return Vec::new();
    };
    let said = note.map_or_else(String::new, |note| format!(": {note}"));
    let conflict = state.merges.conflicts.get(&id);
    let facts = conflict.filter(|conflict| conflict.about_facts());
    match (how, facts) {
        (Settle::Chosen, Some(conflict)) => {
            let resolved = WorkEvent::ConflictResolved {
                id,
                agent: state.id(ix),
                strategy: Strategy::HumanReview,
                by: by.to_owned(),
                reason: format!("{by} said which of them holds{said}"),
                given_up: false,
            };
            let on = contradicts_still(state, ix, conflict).unwrap_or_else(|| go_on(state, ix));
            [Event::from(resolved)].into_iter().chain(on).collect()
        }
        (Settle::Chosen, None) => vec![
            WorkEvent::Merging {
                agent: state.id(ix),
                attempt: agent.attempt,
            }
            .into(),
        ],
        (Settle::Sequential, _) => {
            let reason = format!("as {by} said{said}");
            sent_back(state, ix, id, by, &reason).into()
        }
        (Settle::HandBack, _) => vec![
            WorkEvent::ConflictResolved {
                id,
                agent: state.id(ix),
                strategy: Strategy::HumanReview,
                by: by.to_owned(),
                reason: format!("handed back to the agent{said}"),
                given_up: false,
            }
            .into(),
            Event::AgentRetrying {
                agent: state.id(ix),
                attempt: agent.attempt,
                cause: Cause::Operator,
                delay_us: 0,
                reason: format!("its work clashed and was handed back{said}"),
            },
        ],
        (Settle::Escalate, _) => Vec::new(),
    }
}
