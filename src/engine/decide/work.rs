//! What is told of workspaces and merges: only states it, as [`super::process`] does for processes.
//!
//! What follows is decided by the next [`super::InputKind::Settle`], so that a crash in between loses
//! nothing. What is told of something that is over is dropped.

use crate::{
    engine::{
        Cause, Event, Exit, Foreseen, Found, JobKey, MergeOutcome, MergeStage, Offer, Prepared,
        State, Status, Unready, WorkEvent, WorkStage,
    },
    plan::AgentIx,
};

use super::{process::end, settle::merge};

/// A workspace is there, or could not be made.
pub(super) fn prepared(
    state: &State,
    ix: AgentIx,
    attempt: u32,
    done: &Result<Prepared, Unready>,
) -> Vec<Event> {
    let agent = state.agent(ix);
    if agent.status != Status::Preparing || agent.attempt != attempt {
        return Vec::new();
    }
    let ending = agent.live.as_ref().is_none_or(|live| live.ending.is_some());
    let exit = match done {
        Ok(_) if ending => Exit::SpawnError("ended before it started".to_owned()),
        Ok(ready) => {
            let ready = WorkEvent::Ready {
                agent: state.id(ix),
                attempt,
                base: ready.base.clone(),
                path: ready.path.clone(),
                level: ready.level,
                home: Some(agent.home()).filter(|home| *home != attempt),
            };
            return vec![ready.into()];
        }
        Err(Unready::Failed(error)) => Exit::SpawnError(format!("no workspace: {error}")),
        Err(Unready::NoRoom(error)) => Exit::NoRoom(error.clone()),
    };
    let key = JobKey::main(ix, attempt);
    end(state, key, exit, (0, 0, 0, 0), (&[], false))
}

/// What an attempt left is known, or cannot be.
pub(super) fn collected(
    state: &State,
    ix: AgentIx,
    attempt: u32,
    found: &Result<Box<Found>, String>,
) -> Vec<Event> {
    let agent = state.agent(ix);
    let waits = agent.attempt == attempt
        && agent.status == Status::Checking
        && !state.begins(ix)
        && (agent.work.as_ref()).is_some_and(|work| work.stage == WorkStage::Collecting);
    if !waits {
        return Vec::new();
    }
    let nothing = Found::default();
    let (found, error) = match found {
        Ok(found) => (&**found, None),
        Err(error) => (&nothing, Some(error.clone())),
    };
    let mut events = Vec::new();
    // Told first: cut off between the two by a crash, both are told again.
    if let Some(Ok((from_facts, artefacts))) = &found.handoff {
        let ready = WorkEvent::HandoffReady {
            agent: state.id(ix),
            attempt,
            from_facts: *from_facts,
            artefacts: *artefacts,
        };
        events.push(ready.into());
    }
    events.push(
        WorkEvent::Collected {
            agent: state.id(ix),
            attempt,
            commit: found.commit.clone(),
            tree: found.tree.clone(),
            changed: found.changed,
            added: found.added,
            removed: found.removed,
            committed_for: found.committed_for,
            outside: found.outside.clone(),
            missing: found.missing.clone(),
            handoff: found.handoff.as_ref().and_then(|h| h.clone().err()),
            facts: found.facts.clone(),
            error,
        }
        .into(),
    );
    events
}

/// An agent that runs has changed files outside of its scope.
pub(super) fn outside(state: &State, ix: AgentIx, attempt: u32, paths: &[String]) -> Vec<Event> {
    let agent = state.agent(ix);
    let Some(work) = agent.work.as_ref().filter(|_| agent.attempt == attempt) else {
        return Vec::new();
    };
    let new: Vec<String> = paths
        .iter()
        .filter(|path| !work.outside.contains(path))
        .cloned()
        .collect();
    if agent.live.is_none() || work.stage != WorkStage::Open || new.is_empty() {
        return Vec::new();
    }
    let violated = WorkEvent::ScopeViolated {
        agent: state.id(ix),
        attempt,
        paths: new,
    };
    vec![violated.into()]
}

/// Two agents that run would clash, or no longer would.
pub(super) fn foreseen(
    state: &State,
    one: AgentIx,
    other: AgentIx,
    clash: Option<&Foreseen>,
) -> Vec<Event> {
    let (a, b) = (one.min(other), one.max(other));
    let known = state.merges.predicted.get(&(a, b));
    let (agent, with) = (state.id(a), state.id(b));
    match (clash, known) {
        (None, Some(_)) => vec![WorkEvent::Withdrawn { agent, with }.into()],
        (Some(new), known) => {
            let open = |ix: AgentIx| {
                let agent = state.agent(ix);
                let work = agent.work.as_ref().filter(|_| agent.live.is_some());
                work.is_some_and(|work| work.stage == WorkStage::Open)
            };
            let same = known.is_some_and(|old| {
                (&old.files, &old.kinds, old.critical) == (&new.files, &new.kinds, new.critical)
            });
            if same || !open(a) || !open(b) {
                return Vec::new();
            }
            let predicted = WorkEvent::Predicted {
                agent,
                with,
                files: new.files.clone(),
                kinds: new.kinds.clone(),
                critical: new.critical,
            };
            let mut events = vec![predicted.into()];
            // The one that is behind waits for the other.
            let later = if state.rank(a) < state.rank(b) { b } else { a };
            let runs = |ix: &AgentIx| {
                let agent = state.agent(*ix);
                let ending = agent.live.as_ref().is_none_or(|live| live.ending.is_some());
                agent.status == Status::Running && !ending
            };
            let both = [a, b].iter().all(runs);
            if new.critical && both {
                events.push(Event::AgentFrozen {
                    agent: state.id(later),
                    attempt: state.agent(later).attempt,
                    cause: Cause::Conflict,
                });
            }
            events
        }
        (None, None) => Vec::new(),
    }
}

/// A merge was tried.
pub(super) fn merged(state: &State, number: u32, outcome: &MergeOutcome) -> Vec<Event> {
    let Some(merge) = &state.merges.now else {
        return Vec::new();
    };
    if merge.number != number || merge.stage != MergeStage::Trying {
        return Vec::new();
    }
    let tried = WorkEvent::MergeTried {
        number,
        agent: state.id(merge.agent),
        attempt: merge.attempt,
        outcome: outcome.clone(),
    };
    vec![tried.into()]
}

/// The head went forward, or could not.
pub(super) fn advanced(
    state: &State,
    number: u32,
    done: &Result<Vec<(AgentIx, Vec<String>)>, String>,
) -> Vec<Event> {
    let Some(merge) = &state.merges.now else {
        return Vec::new();
    };
    if merge.number != number || merge.stage != MergeStage::Advancing {
        return Vec::new();
    }
    let from = state.id(merge.agent);
    match (done, &merge.commit) {
        (Ok(concerned), Some(commit)) => {
            let mut events: Vec<Event> = merge::settled(state, merge).into_iter().collect();
            events.push(
                WorkEvent::MergeDone {
                    number,
                    agent: from.clone(),
                    attempt: merge.attempt,
                    commit: commit.clone(),
                }
                .into(),
            );
            events.extend(concerned.iter().map(|(ix, files)| {
                Event::from(WorkEvent::ContextUpdated {
                    agent: state.id(*ix),
                    from: from.clone(),
                    files: files.clone(),
                })
            }));
            events
        }
        (Err(error), _) => merge::not_merged(state, merge, error),
        (Ok(_), None) => merge::not_merged(state, merge, "the merge has no commit"),
    }
}

/// A checkout of the head is there, or could not be made.
pub(super) fn checked_out(
    state: &State,
    commit: &str,
    base: Option<u32>,
    done: &Result<String, String>,
) -> Vec<Event> {
    let merges = &state.merges;
    let waits = match base {
        Some(number) => (merges.base.as_ref()).is_some_and(|b| b.number == number && b.coming()),
        None => (merges.checkout.as_ref()).is_some_and(|c| c.commit == commit && c.coming()),
    };
    if !waits {
        return Vec::new();
    }
    let there = WorkEvent::CheckedOut {
        commit: commit.to_owned(),
        path: done.clone().unwrap_or_default(),
        base,
        error: done.clone().err(),
    };
    vec![there.into()]
}

/// The head went back to a checkpoint, or could not.
pub(super) fn rolled_back(state: &State, number: u32, done: &Result<(), String>) -> Vec<Event> {
    let waits = (state.merges.rollback.as_ref())
        .is_some_and(|rollback| rollback.number == number && !rollback.done);
    if !waits {
        return Vec::new();
    }
    let error = done.clone().err();
    vec![WorkEvent::RollbackDone { number, error }.into()]
}

/// The work was handed over, or could not be.
pub(super) fn delivered(
    state: &State,
    commit: &str,
    branch: &str,
    (forwarded, error): (Option<&String>, Option<&String>),
    offer: Option<&Offer>,
) -> Vec<Event> {
    let waits = (state.merges.delivery.as_ref()).is_some_and(|d| d.commit == commit && !d.done);
    if !waits {
        return Vec::new();
    }
    let delivered = WorkEvent::Delivered {
        commit: commit.to_owned(),
        branch: branch.to_owned(),
        forwarded: forwarded.cloned(),
        error: error.cloned(),
        offer: offer.cloned(),
    };
    vec![delivered.into()]
}
