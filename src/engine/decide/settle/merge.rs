//! What follows for work that comes together: built-in checks, the merge queue, conflicts.
//!
//! One merge at a time, the best-ranked of those in line first. A failure never moves the head.
//! Must not use anything but the state.

use crate::{
    engine::{
        AgentState, Cause, CheckPlace, Clash, Event, FailureKind, HoldBy, Merge, MergeStage, State,
        Status, Strategy, Work, WorkEvent,
    },
    plan::{AgentId, AgentIx, Join},
};

use super::{
    super::{failure, retry},
    verdict::{after_join, completed},
};

/// Complexity in permille from which a person decides what becomes of a conflict at all
/// (REQUIREMENTS E3: guided merge below 0.7).
const REVIEW: u32 = 700;
/// Times that one agent is sent back on top of others' work before a person is asked.
const MOST_SENT_BACK: u32 = 3;

/// What an attempt left is known: what a machine sees from that alone comes first.
pub(super) fn after_collect(state: &State, ix: AgentIx, work: &Work) -> Vec<Event> {
    if state.stopping.is_some() {
        return vec![stopped(state, ix)];
    }
    if let Some(error) = &work.error {
        let reason = format!("its work could not be collected: {error}");
        return vec![failure(state, ix, FailureKind::Error, reason)];
    }
    let red = if !work.outside.is_empty() {
        let what = format!("wrote outside of its scope: {}", list(&work.outside));
        Some(("scope", what))
    } else if !work.missing.is_empty() {
        let what = format!("promised files are not there: {}", list(&work.missing));
        Some(("outputs", what))
    } else {
        (work.handoff.as_ref()).map(|wrong| ("handoff", format!("its hand-off: {wrong}")))
    };
    if let Some((gate, reason)) = red {
        return built_in_red(state, ix, gate, &reason);
    }
    if state.setup.children[ix.ix()].is_empty() {
        after_join(state, ix)
    } else {
        // Its parts begin on top of what it made.
        merge_or(state, ix, |state, ix| Event::AgentJoining {
            agent: state.id(ix),
        })
    }
}

fn stopped(state: &State, ix: AgentIx) -> Event {
    Event::AgentStopped {
        agent: state.id(ix),
        attempt: state.agent(ix).attempt,
    }
}

fn list(paths: &[String]) -> String {
    const NAMED: usize = 3;
    let named = paths.iter().take(NAMED).map(String::as_str);
    let mut text = named.collect::<Vec<_>>().join(", ");
    if paths.len() > NAMED {
        text.push_str(&format!(" and {} more", paths.len() - NAMED));
    }
    text
}

/// A check that needs no command is red.
fn built_in_red(state: &State, ix: AgentIx, gate: &str, reason: &str) -> Vec<Event> {
    let agent = state.agent(ix);
    let place = CheckPlace {
        agent: Some(state.id(ix)),
        phase: None,
        cohort: None,
        attempt: agent.attempt,
        gate: gate.to_owned(),
        step: 0,
        round: agent.check_rounds + 1,
    };
    let next = retry(state, ix, reason).unwrap_or_else(|| Event::AgentBlocked {
        agent: state.id(ix),
        reason: reason.to_owned(),
        gate: Some(gate.to_owned()),
    });
    let reason = reason.to_owned();
    vec![Event::GateFailed { place, reason }, next]
}

/// In line for its merge, where there is something to merge; else what comes after it.
fn merge_or(state: &State, ix: AgentIx, after: impl Fn(&State, AgentIx) -> Event) -> Vec<Event> {
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

fn failed(state: &State, merge: &Merge, reason: &str) -> Event {
    WorkEvent::MergeFailed {
        number: merge.number,
        agent: state.id(merge.agent),
        attempt: merge.attempt,
        reason: reason.to_owned(),
    }
    .into()
}

/// The result of a merge is good: what it settled is settled, and the head goes forward.
fn advance(state: &State, merge: &Merge) -> Vec<Event> {
    let Some(commit) = &merge.commit else {
        return vec![failed(state, merge, "the merge has no commit")];
    };
    let mut events = Vec::with_capacity(2);
    let open = merge.conflict.and_then(|id| {
        let conflict = state.merges.conflicts.get(&id)?;
        conflict.resolved.is_none().then_some((id, conflict))
    });
    if let Some((id, conflict)) = open {
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
        events.push(
            WorkEvent::ConflictResolved {
                id,
                agent: state.id(merge.agent),
                strategy,
                reason: format!("merged by {by}; {checks}"),
                by,
            }
            .into(),
        );
    }
    events.push(
        WorkEvent::MergeAdvancing {
            number: merge.number,
            agent: state.id(merge.agent),
            attempt: merge.attempt,
            commit: commit.clone(),
        }
        .into(),
    );
    events
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

/// The next thing that follows for the merge that is on, or for those in line.
pub(super) fn next(state: &State) -> Vec<Event> {
    if let Some(rollback) = &state.merges.rollback {
        return match (&rollback.done, rollback.agents.first()) {
            (Some(_), Some(&ix)) => vec![Event::AgentRetrying {
                agent: state.id(ix),
                attempt: state.agent(ix).attempt,
                cause: Cause::Rollback,
                delay_us: 0,
                reason: "the run went back to a checkpoint".to_owned(),
            }],
            _ => Vec::new(),
        };
    }
    match &state.merges.now {
        Some(merge) => follows(state, merge),
        None => first(state),
    }
}

/// Begins the merge of the best-ranked in line that nobody holds.
fn first(state: &State) -> Vec<Event> {
    if state.degraded.is_some() {
        return Vec::new();
    }
    let free = |ix: AgentIx| state.agent(ix).hold != Some(HoldBy::Operator);
    let Some(&(_, ix)) = state.merges.queue.iter().find(|(_, ix)| free(*ix)) else {
        return Vec::new();
    };
    let agent = state.agent(ix);
    let (Some(work), Some(base)) = (&agent.work, &state.base_commit) else {
        return Vec::new();
    };
    let Some(commit) = &work.commit else {
        return Vec::new();
    };
    if let Some(with) = critical(state, ix, work) {
        return go_again(state, ix, agent, with);
    }
    let started = WorkEvent::MergeStarted {
        number: state.merges.last_number + 1,
        agent: state.id(ix),
        attempt: agent.attempt,
        commit: commit.clone(),
        onto: state.merges.head.clone().unwrap_or_else(|| base.clone()),
        conflict: agent.conflict,
    };
    vec![started.into()]
}

/// Agents whose work came into the head since this one began, in a critical domain of both.
fn critical(state: &State, ix: AgentIx, work: &Work) -> Option<Vec<AgentId>> {
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
fn go_again(state: &State, ix: AgentIx, agent: &AgentState, with: Vec<AgentId>) -> Vec<Event> {
    let id = number(state, ix);
    let names: Vec<&str> = with.iter().map(AgentId::as_str).collect();
    let reason = format!("in a critical domain with {}", names.join(", "));
    let strategy = if agent.sent_back < MOST_SENT_BACK {
        Strategy::SequentialFallback
    } else {
        Strategy::HumanReview
    };
    let detected = WorkEvent::ConflictDetected {
        id,
        agent: state.id(ix),
        attempt: agent.attempt,
        with,
        clash: Clash {
            files: Vec::new(),
            file_count: 0,
            hunks: 0,
            lines: 0,
            kinds: vec!["domain".to_owned()],
            complexity: 1000,
        },
        critical: true,
        strategy,
    };
    let mut events = vec![detected.into()];
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
fn number(state: &State, ix: AgentIx) -> u32 {
    state.agent(ix).conflict.unwrap_or_else(|| {
        let last = state.merges.conflicts.last_key_value();
        last.map_or(1, |(id, _)| id + 1)
    })
}

/// What follows from where the merge stands.
fn follows(state: &State, merge: &Merge) -> Vec<Event> {
    let ix = merge.agent;
    match &merge.stage {
        MergeStage::Trying | MergeStage::Checking | MergeStage::Advancing => Vec::new(),
        MergeStage::Contained => vec![
            WorkEvent::MergeDone {
                number: merge.number,
                agent: state.id(ix),
                attempt: merge.attempt,
                commit: merge.onto.clone(),
            }
            .into(),
        ],
        MergeStage::Clean => clean(state, merge),
        MergeStage::Conflict(clash) => conflict(state, merge, clash),
        MergeStage::Failed(error) => {
            let reason = format!("its work could not be merged: {error}");
            let agent = state.id(ix);
            vec![
                failed(state, merge, error),
                Event::AgentBlocked {
                    agent,
                    reason,
                    gate: None,
                },
            ]
        }
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
        let detected = WorkEvent::ConflictDetected {
            id: number(state, ix),
            agent: state.id(ix),
            attempt: merge.attempt,
            with: merge.with.iter().map(|&ix| state.id(ix)).collect(),
            clash,
            critical: false,
            strategy: Strategy::AutomaticMerge,
        };
        return vec![detected.into()];
    }
    if judged_here(state, merge) {
        return vec![Event::AgentChecking {
            agent: state.id(ix),
            attempt: merge.attempt,
        }];
    }
    advance(state, merge)
}

/// It clashes: by the agent's `join`, and by the size of what is left.
fn conflict(state: &State, merge: &Merge, clash: &Clash) -> Vec<Event> {
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
    let reason = format!("conflict with {met} in {}", list(&clash.files));
    let strategy = if join == Join::ManualEscalation || clash.complexity >= REVIEW {
        Strategy::HumanReview
    } else {
        Strategy::GuidedMerge
    };
    let detected = WorkEvent::ConflictDetected {
        id,
        agent: state.id(ix),
        attempt: merge.attempt,
        with,
        clash: clash.clone(),
        critical: false,
        strategy,
    };
    let mut events = vec![detected.into(), failed(state, merge, &reason)];
    if join == Join::FailFast {
        let resolved = WorkEvent::ConflictResolved {
            id,
            agent: state.id(ix),
            strategy,
            by: "engine".to_owned(),
            reason: "join = \"fail-fast\": the attempt counts as failed".to_owned(),
        };
        events.push(resolved.into());
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

/// Whether the merge that is on keeps a run that stops from ending.
pub(super) fn must_end(state: &State) -> bool {
    let merge = state.merges.now.as_ref();
    merge.is_some_and(|now| now.stage == MergeStage::Advancing)
        || state
            .merges
            .rollback
            .as_ref()
            .is_some_and(|r| r.done.is_none())
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
