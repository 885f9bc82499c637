//! What a person asks for: is it possible now, whom does it mean, what follows.
//!
//! Must not know keys or sockets; actions come named. A refusal is for the asker and is not
//! journaled; an accepted action always is.

mod resolve;

pub use resolve::{Refusal, Resolved, resolve};

use crate::{
    engine::{Action, Cause, Event, FailureKind, State, Status, StoppedBy, Target},
    plan::{AgentIx, Mode},
};

use super::mode_change;

/// Decides what follows from an action; nothing if it is refused.
pub(in crate::engine::decide) fn operator(state: &State, by: &str, action: &Action) -> Vec<Event> {
    let Ok(Resolved { action, agents }) = resolve(state, action) else {
        return Vec::new();
    };
    let mut events = vec![Event::OperatorAction {
        by: by.to_owned(),
        action: action.clone(),
        agents: agents.iter().map(|&ix| state.id(ix)).collect(),
    }];
    match &action {
        Action::Pause { .. } => events.extend(freeze(state, &agents, Cause::Operator)),
        Action::Resume { .. } | Action::Swap { .. } => {}
        Action::Stop { target: None } => events.push(Event::RunStopped {
            by: StoppedBy::Operator,
        }),
        Action::Stop { target: Some(_) } => {
            let at_rest = agents.iter().filter(|&&ix| {
                let agent = state.agent(ix);
                let process = agent.live.is_some()
                    || agent.check.as_ref().is_some_and(|check| {
                        matches!(
                            check.job,
                            crate::engine::JobState::Scheduled
                                | crate::engine::JobState::Running(_)
                        )
                    });
                !process
            });
            events.extend(at_rest.map(|&ix| Event::AgentStopped {
                agent: state.id(ix),
                attempt: state.agent(ix).attempt,
            }));
        }
        Action::Retry { target } => events.extend(retries(state, target, &agents)),
        Action::Mode { mode } => {
            events.extend(mode_change(state, *mode, state.agents_cap, Cause::Operator));
        }
        Action::Sequential { now } => {
            let cause = if *now {
                Cause::KillSwitch
            } else {
                Cause::Operator
            };
            events.extend(mode_change(
                state,
                Mode::Sequential,
                state.agents_cap,
                cause,
            ));
            if *now {
                events.extend(freeze(state, &agents, cause));
            }
        }
        Action::Agents { cap } => {
            events.extend(mode_change(state, state.mode, *cap, Cause::Operator));
        }
    }
    events
}

/// Freezes those of the agents that have a process that is not being ended.
fn freeze(state: &State, agents: &[AgentIx], cause: Cause) -> Vec<Event> {
    agents
        .iter()
        .filter(|&&ix| {
            let agent = state.agent(ix);
            agent.status == Status::Running
                && agent
                    .live
                    .as_ref()
                    .is_some_and(|live| live.ending.is_none() && live.handle.is_some())
        })
        .map(|&ix| Event::AgentFrozen {
            agent: state.id(ix),
            attempt: state.agent(ix).attempt,
            cause,
        })
        .collect()
}

fn retries(state: &State, target: &Target, agents: &[AgentIx]) -> Vec<Event> {
    if let (Target::Phase(phase), true) = (target, agents.is_empty()) {
        let attempt = state
            .phase_ix(phase)
            .map_or(0, |ix| state.phases[ix.ix()].attempt);
        return vec![Event::PhaseChecking {
            phase: phase.clone(),
            attempt: attempt + 1,
        }];
    }
    agents
        .iter()
        .map(|&ix| {
            let agent = state.agent(ix);
            // Its own process was well, or it has none: it joins again.
            let joins =
                agent.failure == Some(FailureKind::Coordination) || !state.setup.has_process(ix);
            if joins && agent.status != Status::BackingOff {
                Event::AgentJoining {
                    agent: state.id(ix),
                }
            } else {
                Event::AgentRetrying {
                    agent: state.id(ix),
                    attempt: agent.attempt,
                    cause: Cause::Operator,
                    delay_us: 0,
                    reason: "asked for by you".to_owned(),
                }
            }
        })
        .collect()
}
