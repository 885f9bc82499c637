//! What follows from the state alone: verdicts, readiness, phases, waves, one admission, the end.
//!
//! Must not use anything but the state and the memory figures it is handed.

use crate::{
    engine::{
        AgentState, Cause, Ending, Event, Exit, FailureKind, Figures, JobState, Owner, PhaseStatus,
        State, Status,
        admission::{admit, admit_any, admit_check, admit_thaw},
        state::unpack,
    },
    plan::{AgentIx, PhaseIx, When},
};

use super::{failure, finish, process::place, retry};

/// Linux's number of SIGKILL.
const SIGKILL: i32 = 9;

/// Decides the next thing that follows; empty when the state is at rest.
pub(super) fn settle(state: &State, figures: &Figures) -> Vec<Event> {
    if let Some(&first) = state.settling.first() {
        return match unpack(first) {
            Owner::Agent(ix) => verdict(state, ix),
            Owner::Phase(ix) => phase_verdict(state, ix),
        };
    }
    if state.stopping.is_some() {
        return if state.processes == 0 {
            vec![finish::finished(state)]
        } else {
            Vec::new()
        };
    }
    if !state.movable.is_empty() {
        return state
            .movable
            .iter()
            .map(|&ix| leave_waiting(state, ix))
            .collect();
    }
    // A gate command that was made stale must be gone first.
    if let Some(&phase) = state
        .phases_due
        .iter()
        .find(|p| state.phases[p.ix()].check.is_none())
    {
        return vec![phase_ended(state, phase)];
    }
    if let Some(&wave) = state.waves_due.first() {
        return vec![
            Event::WaveCompleted { wave },
            Event::CheckpointMade { wave },
        ];
    }
    let start = admit_next(state, figures);
    if start.is_empty() {
        finish::at_rest(state, figures)
    } else {
        start
    }
}

/// An agent whose needs are all met, or one of them never will be.
fn leave_waiting(state: &State, ix: AgentIx) -> Event {
    let agent = state.agent(ix);
    if agent.needs_lost > 0 {
        return skip(state, ix);
    }
    if state.setup.has_process(ix) {
        Event::AgentReady {
            agent: state.id(ix),
        }
    } else {
        Event::AgentJoining {
            agent: state.id(ix),
        }
    }
}

/// Names the first need that cannot be met, and whether a failure stands behind it.
fn skip(state: &State, ix: AgentIx) -> Event {
    use crate::engine::EdgeKind;
    let mut reason = String::from("a need cannot be met");
    let mut by_condition = true;
    let mut found = false;
    for edge in &state.setup.edges_in[ix.ix()] {
        let from = state.agent(edge.from);
        if !from.status.is_final() {
            continue;
        }
        let failed = match from.status {
            Status::Failed | Status::Stopped => true,
            Status::Skipped => !from.by_condition,
            _ => false,
        };
        let id = state.id(edge.from);
        let (lost, text, condition) = match &edge.kind {
            EdgeKind::Need(When::Succeeded) => (
                from.status != Status::Succeeded,
                format!("{id} {}", from.status.name()),
                !failed,
            ),
            EdgeKind::Need(When::Failed) => (
                !matches!(from.status, Status::Failed | Status::Stopped),
                format!("only if {id} fails, and it {}", from.status.name()),
                from.status == Status::Succeeded || !failed,
            ),
            EdgeKind::Need(When::Skipped) => (
                from.status != Status::Skipped,
                format!("only if {id} is skipped, and it {}", from.status.name()),
                !failed,
            ),
            EdgeKind::Need(When::Output(path)) => (
                !from
                    .last
                    .as_ref()
                    .is_some_and(|l| from.status == Status::Succeeded && l.present.contains(path)),
                format!("only if {id} leaves {path}, and it did not"),
                !failed,
            ),
            EdgeKind::SubAgent => (
                !from.own_done,
                format!("its parent {id} {}", from.status.name()),
                !failed,
            ),
            EdgeKind::Need(When::Ended) | EdgeKind::Soft | EdgeKind::Sibling => {
                (false, String::new(), true)
            }
        };
        if lost {
            if !found {
                reason = text;
                found = true;
            }
            by_condition &= condition;
        }
    }
    Event::AgentSkipped {
        agent: state.id(ix),
        reason,
        by_condition: by_condition && found,
    }
}

/// What an ended attempt, join or check command means for its agent.
fn verdict(state: &State, ix: AgentIx) -> Vec<Event> {
    let agent = state.agent(ix);
    match agent.status {
        Status::Settling => after_attempt(state, ix, agent),
        Status::Joining => after_join(state, ix),
        _ => after_check(state, ix, agent),
    }
}

fn after_attempt(state: &State, ix: AgentIx, agent: &AgentState) -> Vec<Event> {
    let id = state.id(ix);
    let attempt = agent.attempt;
    let Some(last) = &agent.last else {
        return vec![Event::AgentStopped { agent: id, attempt }];
    };
    let event = match (last.ending, &last.exit) {
        (Some(Ending::Stop | Ending::RunStop | Ending::Reopened), _) => {
            Event::AgentStopped { agent: id, attempt }
        }
        _ if state.stopping.is_some() && !last.exit.ok() => {
            Event::AgentStopped { agent: id, attempt }
        }
        (Some(Ending::Swap), _) => Event::AgentRetrying {
            agent: id,
            attempt,
            cause: Cause::Swap,
            delay_us: 0,
            reason: "another worker takes over".to_owned(),
        },
        (Some(Ending::Timeout), _) => {
            let limit = state.setup.plan.agent(ix).timeout_us.unwrap_or(0);
            failure(
                state,
                ix,
                FailureKind::Timeout,
                format!("took longer than {} s", limit / 1_000_000),
            )
        }
        (None, Exit::Interrupted) => Event::AgentRetrying {
            agent: id,
            attempt,
            cause: Cause::Interrupted,
            delay_us: 0,
            reason: "the runner died during the attempt".to_owned(),
        },
        (None, exit) if exit.ok() => {
            return if state.setup.children[ix.ix()].is_empty() {
                after_join(state, ix)
            } else {
                vec![Event::AgentJoining { agent: id }]
            };
        }
        // We sent no SIGKILL, so on Linux it is most likely the kernel's for want of memory.
        (
            None,
            Exit::Signal {
                number: SIGKILL, ..
            },
        ) => failure(
            state,
            ix,
            FailureKind::Exhaustion,
            "killed by SIGKILL, not by wavedeck: most likely out of memory".to_owned(),
        ),
        (None, exit) => failure(state, ix, FailureKind::Error, exit.to_string()),
    };
    vec![event]
}

/// Its own process and its sub-agents have ended well, or one of them has not.
fn after_join(state: &State, ix: AgentIx) -> Vec<Event> {
    let agent = state.agent(ix);
    let lost: Vec<&str> = state.setup.children[ix.ix()]
        .iter()
        .filter(|&&child| match state.agent(child).status {
            Status::Failed | Status::Stopped => !state.handled(child),
            Status::Skipped => !state.agent(child).by_condition,
            _ => false,
        })
        .map(|&child| state.setup.plan.agent(child).id.as_str())
        .collect();
    if state.stopping.is_some() && !(lost.is_empty() && state.setup.checks(ix).is_empty()) {
        return vec![Event::AgentStopped {
            agent: state.id(ix),
            attempt: agent.attempt,
        }];
    }
    if !lost.is_empty() {
        return vec![Event::AgentFailed {
            agent: state.id(ix),
            attempt: agent.attempt,
            failure: FailureKind::Coordination,
            reason: format!("sub-agents not done: {}", lost.join(", ")),
        }];
    }
    if state.setup.checks(ix).is_empty() {
        vec![completed(state, ix)]
    } else {
        vec![Event::AgentChecking {
            agent: state.id(ix),
            attempt: agent.attempt,
        }]
    }
}

fn completed(state: &State, ix: AgentIx) -> Event {
    let agent = state.agent(ix);
    Event::AgentCompleted {
        agent: state.id(ix),
        attempt: agent.attempt,
        ran_us: agent.last.as_ref().map_or(0, |last| last.ran_us),
    }
}

/// A check command of an agent has ended.
fn after_check(state: &State, ix: AgentIx, agent: &AgentState) -> Vec<Event> {
    let Some(check) = &agent.check else {
        return Vec::new();
    };
    let JobState::Ended(exit) = &check.job else {
        return Vec::new();
    };
    let owner = Owner::Agent(ix);
    let here = place(state, owner, check.attempt, check.step);
    if check.ending.is_some() || state.stopping.is_some() {
        return vec![Event::AgentStopped {
            agent: state.id(ix),
            attempt: agent.attempt,
        }];
    }
    if *exit == Exit::Interrupted {
        return vec![Event::CheckQueued { place: here }];
    }
    if exit.ok() {
        return green(state, owner, check.attempt, check.step).unwrap_or_else(|mut events| {
            events.push(completed(state, ix));
            events
        });
    }
    let reason = format!("{} red: {exit}", here.gate);
    let gate = here.gate.clone();
    let next = retry(state, ix, &reason)
        .filter(|_| state.setup.has_process(ix))
        .unwrap_or_else(|| Event::AgentBlocked {
            agent: state.id(ix),
            reason: reason.clone(),
            gate: Some(gate),
        });
    vec![
        Event::GateFailed {
            place: here,
            reason,
        },
        next,
    ]
}

/// A green command: passes its gate if it is the gate's last, and queues the next one (`Ok`), or
/// says that it was the last of all (`Err` with the events so far).
fn green(state: &State, owner: Owner, attempt: u32, step: u32) -> Result<Vec<Event>, Vec<Event>> {
    let steps = state.checks_of(owner);
    let here = place(state, owner, attempt, step);
    let next = steps.get(step as usize + 1);
    let mut events = Vec::new();
    if next.is_none_or(|next| next.gate != here.gate) {
        events.push(Event::GatePassed { place: here });
    }
    if next.is_none() {
        return Err(events);
    }
    events.push(Event::CheckQueued {
        place: place(state, owner, attempt, step + 1),
    });
    Ok(events)
}

/// All agents of a phase have ended.
fn phase_ended(state: &State, ix: PhaseIx) -> Event {
    let phase = state.setup.plan.phases[ix.ix()].id.clone();
    let lost: Vec<&str> = state.setup.members[ix.ix()]
        .iter()
        .filter(|&&member| match state.agent(member).status {
            Status::Failed | Status::Stopped => !state.handled(member),
            Status::Skipped => !state.agent(member).by_condition,
            _ => false,
        })
        .map(|&member| state.setup.plan.agent(member).id.as_str())
        .collect();
    if !lost.is_empty() {
        return Event::PhaseFailed {
            phase,
            reason: format!("not done: {}", lost.join(", ")),
        };
    }
    if state.setup.phase_checks(ix).is_empty() {
        Event::PhaseCompleted { phase }
    } else {
        Event::PhaseChecking {
            phase,
            attempt: state.phases[ix.ix()].attempt + 1,
        }
    }
}

/// A gate command of a phase has ended.
fn phase_verdict(state: &State, ix: PhaseIx) -> Vec<Event> {
    let phase = state.setup.plan.phases[ix.ix()].id.clone();
    let Some(check) = &state.phases[ix.ix()].check else {
        return Vec::new();
    };
    let JobState::Ended(exit) = &check.job else {
        return Vec::new();
    };
    let owner = Owner::Phase(ix);
    let here = place(state, owner, check.attempt, check.step);
    if check.ending == Some(Ending::Reopened) && state.stopping.is_none() {
        return vec![Event::PhaseReopened { phase }];
    }
    if check.ending.is_some() || state.stopping.is_some() {
        return vec![Event::PhaseFailed {
            phase,
            reason: "the run stops".to_owned(),
        }];
    }
    if *exit == Exit::Interrupted {
        return vec![Event::CheckQueued { place: here }];
    }
    if exit.ok() {
        return green(state, owner, check.attempt, check.step).unwrap_or_else(|mut events| {
            events.push(Event::PhaseCompleted { phase });
            events
        });
    }
    let reason = format!("{} red: {exit}", here.gate);
    vec![
        Event::GateFailed {
            place: here,
            reason: reason.clone(),
        },
        Event::PhaseFailed { phase, reason },
    ]
}

/// One admission: checks first (they free slots), then what a rule froze, then what is ready.
fn admit_next(state: &State, figures: &Figures) -> Vec<Event> {
    for &packed in &state.checks_pending {
        let owner = unpack(packed);
        let Some(check) = state.check_of(owner) else {
            continue;
        };
        let ram = state
            .checks_of(owner)
            .get(check.step as usize)
            .map_or(0, |step| step.ram_bytes);
        if admit_check(state, figures, owner, ram).is_ok() {
            return vec![Event::CheckScheduled {
                place: place(state, owner, check.attempt, check.step),
                ram_bytes: ram,
                pressure_permille: figures.pressure_permille,
            }];
        }
    }
    if admit_any(state, figures).is_err() {
        return Vec::new();
    }
    for rank in &state.resting {
        let ix = rank.agent;
        let ending = state
            .agent(ix)
            .live
            .as_ref()
            .is_some_and(|live| live.ending.is_some());
        if !ending && admit_thaw(state, figures, ix).is_ok() {
            return vec![Event::AgentThawed {
                agent: state.id(ix),
                attempt: state.agent(ix).attempt,
                cause: Cause::Room,
                pressure_permille: figures.pressure_permille,
            }];
        }
    }
    for rank in &state.ready {
        let Ok(grant) = admit(state, figures, rank.agent) else {
            continue;
        };
        return scheduled(state, figures, rank.agent, grant.mode);
    }
    Vec::new()
}

fn scheduled(state: &State, figures: &Figures, ix: AgentIx, mode: u32) -> Vec<Event> {
    let plan = &state.setup.plan;
    let agent = plan.agent(ix);
    let chosen = &agent.modes[mode as usize];
    let mut events = Vec::with_capacity(2);
    if let Some(phase) = agent.phase
        && state.phases[phase.ix()].status == PhaseStatus::Waiting
    {
        events.push(Event::PhaseStarted {
            phase: plan.phases[phase.ix()].id.clone(),
        });
    }
    events.push(Event::AgentScheduled {
        agent: agent.id.clone(),
        attempt: state.agent(ix).attempt + 1,
        mode,
        worker: chosen.worker.map(|w| plan.workers[w.ix()].name.clone()),
        ram_bytes: chosen.ram_bytes,
        pressure_permille: figures.pressure_permille,
        running: state.usage.agents + 1,
    });
    events
}
