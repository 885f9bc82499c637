//! What follows for work that comes together: built-in checks, the merge queue, conflicts.
//!
//! One merge at a time, the best-ranked of those in line first. A failure never moves the head.
//! Must not use anything but the state.

use crate::{
    engine::{
        AgentState, Cause, Clash, Event, Figures, HoldBy, Merge, MergeStage, State, Status,
        Strategy, WorkEvent, admission::whole_run,
    },
    plan::AgentIx,
};

use super::{
    conflict::{conflict, critical, detected, go_again},
    verdict::completed,
};

/// In line for its merge, where there is something to merge; else what comes after it.
pub(super) fn merge_or(
    state: &State,
    ix: AgentIx,
    after: impl Fn(&State, AgentIx) -> Event,
) -> Vec<Event> {
    let agent = state.agent(ix);
    let open = agent
        .work
        .as_ref()
        .is_some_and(|w| w.commit.is_some() && w.stage < crate::engine::WorkStage::Queued);
    if open {
        let merging = WorkEvent::Merging {
            agent: state.id(ix),
            attempt: agent.attempt,
        };
        vec![merging.into()]
    } else {
        vec![after(state, ix)]
    }
}

/// All checks of an agent are green.
pub(super) fn after_green(state: &State, ix: AgentIx) -> Vec<Event> {
    if let Some(merge) = state.merges.now.as_ref().filter(|now| now.agent == ix) {
        return advance(state, merge);
    }
    merge_or(state, ix, completed)
}

/// A check on the result of a merge is not green: the head stays, and the next one has its turn.
pub(super) fn give_up(state: &State, ix: AgentIx, reason: &str) -> Option<Event> {
    let merge = state.merges.now.as_ref().filter(|now| now.agent == ix)?;
    Some(failed(state, merge, reason))
}

pub(super) fn failed(state: &State, merge: &Merge, reason: &str) -> Event {
    WorkEvent::MergeFailed {
        number: merge.number,
        agent: state.id(merge.agent),
        attempt: merge.attempt,
        reason: reason.to_owned(),
    }
    .into()
}

/// The result of a merge is good: the head goes forward.
fn advance(state: &State, merge: &Merge) -> Vec<Event> {
    let Some(commit) = &merge.commit else {
        return not_merged(state, merge, "the merge has no commit");
    };
    let advancing = WorkEvent::MergeAdvancing {
        number: merge.number,
        agent: state.id(merge.agent),
        attempt: merge.attempt,
        commit: commit.clone(),
    };
    vec![advancing.into()]
}

/// What a merge settles when the head has it. It comes before the merge's own end, which a crash may
/// cut off: then that is told again.
pub(in crate::engine::decide) fn settled(state: &State, merge: &Merge) -> Option<Event> {
    let id = merge.conflict?;
    let conflict = state.merges.conflicts.get(&id)?;
    if conflict.resolved.is_some() {
        return None;
    }
    let (strategy, by) = match (&conflict.settled_by, &merge.clash) {
        (Some(by), _) => (conflict.strategy, by.clone()),
        (None, Some(_)) => (Strategy::AutomaticMerge, "rules".to_owned()),
        (None, None) => (Strategy::AutomaticMerge, "git".to_owned()),
    };
    let checks = if judged_here(state, merge) {
        "checks on the result are green"
    } else {
        "no checks on the result"
    };
    let resolved = WorkEvent::ConflictResolved {
        id,
        agent: state.id(merge.agent),
        strategy,
        reason: format!("merged by {by}; {checks}"),
        by,
        given_up: false,
    };
    Some(resolved.into())
}

/// A merge came to nothing, and nothing but a person helps.
pub(in crate::engine::decide) fn not_merged(
    state: &State,
    merge: &Merge,
    error: &str,
) -> Vec<Event> {
    let blocked = Event::AgentBlocked {
        agent: state.id(merge.agent),
        reason: format!("its work could not be merged: {error}"),
        gate: None,
    };
    vec![failed(state, merge, error), blocked]
}

/// Whether commands judge the result of a merge. Those of an agent with parts come when its parts
/// are done.
fn judged_here(state: &State, merge: &Merge) -> bool {
    let ix = merge.agent;
    let settled = merge.conflict.is_some() || merge.clash.is_some();
    let judged = merge.checked && !settled;
    !judged && state.setup.children[ix.ix()].is_empty() && steps(state, ix) > 0
}

/// Commands that judge the result of a merge: approvals judged the work itself.
fn steps(state: &State, ix: AgentIx) -> usize {
    let steps = state.setup.checks(ix);
    steps.iter().filter(|step| step.approve.is_none()).count()
}

/// Its work is in the head.
pub(super) fn after_merge(state: &State, ix: AgentIx) -> Event {
    let agent = state.agent(ix);
    if state.setup.children[ix.ix()].is_empty() || agent.own_done {
        completed(state, ix)
    } else {
        Event::AgentJoining {
            agent: state.id(ix),
        }
    }
}

/// What a roll-back leaves to be done again, one by one.
pub(super) fn rolled_back(state: &State) -> Option<Event> {
    let rollback = state.merges.rollback.as_ref().filter(|r| r.done)?;
    let again = rollback.agents.first().map(|&ix| Event::AgentRetrying {
        agent: state.id(ix),
        attempt: state.agent(ix).attempt,
        cause: Cause::Rollback,
        delay_us: 0,
        reason: "the run went back to a checkpoint".to_owned(),
    });
    again.or_else(|| {
        // From the inside: one that joins before a part of it is open would not wait for that.
        let plan = &state.setup.plan;
        let within = |part: AgentIx, ix: AgentIx| {
            let up = |at: &AgentIx| plan.agent(*at).parent;
            std::iter::successors(up(&part), up).any(|above| above == ix)
        };
        let parents = &rollback.parents;
        let inner = |ix: &&AgentIx| !parents.iter().any(|&part| within(part, **ix));
        let &ix = parents.iter().find(inner)?;
        let agent = state.id(ix);
        Some(Event::AgentJoining { agent })
    })
}

/// The next thing that follows for the merge that is on, or for those in line.
pub(super) fn next(state: &State, figures: &Figures) -> Vec<Event> {
    if state.merges.rollback.is_some() {
        return rolled_back(state).into_iter().collect();
    }
    match &state.merges.now {
        Some(merge) => follows(state, merge),
        None => first(state, figures),
    }
}

/// Begins the merge of the best-ranked in line that nobody holds.
fn first(state: &State, figures: &Figures) -> Vec<Event> {
    if whole_run(state, figures).is_err() {
        return Vec::new();
    }
    let free = |ix: AgentIx| state.agent(ix).hold != Some(HoldBy::Operator);
    let Some(&(_, ix)) = state.merges.queue.iter().find(|(_, ix)| free(*ix)) else {
        return Vec::new();
    };
    let agent = state.agent(ix);
    let commit = agent
        .work
        .as_ref()
        .and_then(|w| Some((w, w.commit.as_ref()?)));
    let (Some((work, commit)), Some(onto)) = (commit, state.head()) else {
        return vec![Event::AgentBlocked {
            agent: state.id(ix),
            reason: "its work could not be merged: the run has no commit".to_owned(),
            gate: None,
        }];
    };
    if let Some(with) = critical(state, ix, work) {
        return go_again(state, ix, agent, with);
    }
    let started = WorkEvent::MergeStarted {
        number: state.merges.last_number + 1,
        agent: state.id(ix),
        attempt: agent.attempt,
        commit: commit.clone(),
        onto: onto.to_owned(),
        conflict: agent.conflict,
    };
    vec![started.into()]
}

/// What follows from where the merge stands.
fn follows(state: &State, merge: &Merge) -> Vec<Event> {
    let ix = merge.agent;
    match &merge.stage {
        MergeStage::Trying
        | MergeStage::Commanding
        | MergeStage::Checking
        | MergeStage::Advancing => Vec::new(),
        // What was made once is not made again and again.
        MergeStage::Commands if merge.commanded => {
            not_merged(state, merge, "its rules' commands made nothing")
        }
        MergeStage::Commands => vec![Event::AgentChecking {
            agent: state.id(ix),
            attempt: merge.attempt,
        }],
        MergeStage::Contained => {
            let done = WorkEvent::MergeDone {
                number: merge.number,
                agent: state.id(ix),
                attempt: merge.attempt,
                commit: merge.onto.clone(),
            };
            let settled = settled(state, merge).into_iter();
            settled.chain([done.into()]).collect()
        }
        MergeStage::Clean => clean(state, merge),
        MergeStage::Conflict(clash) => conflict(state, merge, clash, merge.why.as_deref()),
        MergeStage::Failed(error) => not_merged(state, merge, error),
    }
}

/// Git, rules or a person merged it: noted where both sides changed the same files, then checked.
fn clean(state: &State, merge: &Merge) -> Vec<Event> {
    let ix = merge.agent;
    if merge.conflict.is_none() && (!merge.overlap.is_empty() || merge.clash.is_some()) {
        let clash = merge.clash.clone().unwrap_or_else(|| Clash {
            files: merge.overlap.clone(),
            file_count: u32::try_from(merge.overlap.len()).unwrap_or(u32::MAX),
            hunks: 0,
            lines: 0,
            kinds: Vec::new(),
            complexity: 0,
        });
        let with = merge.with.iter().map(|&ix| state.id(ix)).collect();
        let how = Strategy::AutomaticMerge;
        return vec![detected(state, ix, with, clash, false, how)];
    }
    if judged_here(state, merge) {
        return vec![Event::AgentChecking {
            agent: state.id(ix),
            attempt: merge.attempt,
        }];
    }
    advance(state, merge)
}

/// Whether the merge that is on keeps a run that stops from ending.
pub(super) fn must_end(state: &State) -> bool {
    let merge = state.merges.now.as_ref();
    merge.is_some_and(|now| now.stage == MergeStage::Advancing)
        || state.merges.rollback.as_ref().is_some_and(|r| !r.done)
        || state.merges.delivery.as_ref().is_some_and(|d| !d.done)
}

/// Whether an agent waits for what the driver of workspaces does.
pub(in crate::engine::decide) fn waits(agent: &AgentState) -> bool {
    match agent.status {
        Status::Preparing => true,
        Status::Checking => agent.check.is_none(),
        _ => false,
    }
}
