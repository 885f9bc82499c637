//! What a person asks for: is it possible now, whom does it mean, what follows.
//!
//! Must not know keys or sockets; actions come named. A refusal is for the asker and is not
//! journaled; an accepted action always is.

mod add;
mod answer;
pub(in crate::engine::decide) mod open;
mod park;
mod resolve;
mod retry;
mod review;
mod rollback;
mod settle;
mod swap;
mod tell;

pub(in crate::engine::decide) use add::add;
pub use add::refuses_extension;
use answer::target;
pub use resolve::{Refusal, Resolved, resolve};

use crate::{
    engine::{
        Action, Answer, AttentionKind, Cause, CheckRun, Event, Input, JobState, Owner, Settle,
        State, Status, StoppedBy, Target,
    },
    plan::{AgentIx, Mode},
};

use super::{
    attention, mode_change,
    process::{here, names},
    settle::gates::judging,
    talk,
};

/// Decides what follows from an action; nothing if it is refused.
pub(in crate::engine::decide) fn operator(
    state: &State,
    by: &str,
    action: &Action,
    input: &Input,
) -> Vec<Event> {
    let Ok(Resolved {
        action,
        agents,
        gates,
    }) = resolve(state, action)
    else {
        return Vec::new();
    };
    let named = gates.iter().map(|&owner| names(state, Some(owner)));
    let mut events = vec![Event::OperatorAction {
        by: by.to_owned(),
        action: action.clone(),
        agents: agents.iter().map(|&ix| state.id(ix)).collect(),
        phases: named.clone().filter_map(|names| names.1).collect(),
        cohorts: named.filter_map(|names| names.2).collect(),
    }];
    match &action {
        Action::Pause { .. } => events.extend(freeze(state, &agents, &gates, Cause::Operator)),
        Action::Park { .. } => events.extend(park::follows(state, &agents, input)),
        Action::Resume { .. }
        | Action::Pin { .. }
        | Action::Swap { .. }
        | Action::Choose { .. }
        | Action::Undo { .. }
        | Action::Add { .. }
        | Action::Tell { .. }
        | Action::Close { .. }
        | Action::Comment { .. } => {}
        Action::Open { agent, .. } => events.extend(open::follows(state, agent, &agents)),
        Action::Stop { target: None } => events.push(Event::RunStopped {
            by: StoppedBy::Operator,
        }),
        Action::Stop { target: Some(_) } => {
            let at_rest = agents.iter().filter(|&&ix| {
                let agent = state.agent(ix);
                let checked = agent.check.as_ref().is_some_and(CheckRun::is_live);
                agent.live.is_none() && !checked
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
                events.extend(freeze(state, &agents, &gates, cause));
            }
        }
        Action::Answer {
            id,
            answer,
            text,
            url,
        } => {
            events.extend(answered(
                state,
                by,
                *id,
                (*answer, text.as_deref(), url.as_deref()),
                &agents,
            ));
        }
        Action::SendBack { .. } => {
            events.extend(agents.iter().map(|&ix| review::sent_back(state, ix)));
        }
        Action::Settle { how, note, .. } => {
            let note = note.as_deref();
            events.extend(
                agents
                    .iter()
                    .flat_map(|&ix| settle::follows(state, ix, *how, by, note)),
            );
        }
        Action::Rollback { wave } => events.extend(rollback::follows(state, *wave)),
        Action::Agents { cap } => {
            events.extend(mode_change(state, state.mode, *cap, Cause::Operator));
        }
    }
    events
}

/// The end of an item of the attention queue, and what its answer asks for. A yes or a no is judged
/// by the next settling, as the end of a check command is.
fn answered(
    state: &State,
    by: &str,
    id: u32,
    (answer, text, url): (Answer, Option<&str>, Option<&str>),
    agents: &[AgentIx],
) -> Vec<Event> {
    let Some(item) = state.attention.open.values().find(|item| item.id == id) else {
        return Vec::new();
    };
    let said = (text, url);
    let mut events = vec![attention::answered(state, item, Some(answer), by, said)];
    if let (AttentionKind::Permission | AttentionKind::Question, Some(Owner::Agent(ix))) =
        (item.kind, item.owner)
    {
        events.extend(talk::replied(state, ix, (answer, text), by));
        return events;
    }
    match answer {
        Answer::Yes | Answer::No | Answer::Seen | Answer::Always | Answer::Say => {}
        Answer::Settle => {
            let settled = |&ix| settle::follows(state, ix, Settle::Chosen, by, text);
            events.extend(agents.iter().flat_map(settled));
        }
        Answer::Sequential => {
            let settled = |&ix| settle::follows(state, ix, Settle::Sequential, by, text);
            events.extend(agents.iter().flat_map(settled));
        }
        Answer::Retry => events.extend(retries(state, &target(state, item), agents)),
        Answer::Stop => events.extend(agents.iter().map(|&ix| Event::AgentStopped {
            agent: state.id(ix),
            attempt: state.agent(ix).attempt,
        })),
    }
    events
}

/// Freezes what of the agents and gates has a process that moves and is not being ended. What is
/// being started is frozen as soon as it runs.
fn freeze(state: &State, agents: &[AgentIx], gates: &[Owner], cause: Cause) -> Vec<Event> {
    let mut events = Vec::new();
    for &ix in agents {
        let agent = state.agent(ix);
        let moves = agent.status == Status::Running
            && agent
                .live
                .as_ref()
                .is_some_and(|live| live.ending.is_none() && live.handle.is_some());
        if moves {
            events.push(Event::AgentFrozen {
                agent: state.id(ix),
                attempt: agent.attempt,
                cause,
            });
        }
        events.extend(freeze_check(state, Owner::Agent(ix), cause));
    }
    let gates = gates.iter();
    events.extend(gates.filter_map(|&owner| freeze_check(state, owner, cause)));
    events
}

fn freeze_check(state: &State, owner: Owner, cause: Cause) -> Option<Event> {
    let check = state.check_of(owner)?;
    let moves =
        matches!(check.job, JobState::Running(_)) && !check.frozen && check.ending.is_none();
    let place = here(state, owner).filter(|_| moves)?;
    Some(Event::CheckFrozen { place, cause })
}

fn retries(state: &State, target: &Target, agents: &[AgentIx]) -> Vec<Event> {
    if agents.is_empty() {
        let red = resolve::red_gates(state, target);
        return red.map(|owner| judging(state, owner)).into_iter().collect();
    }
    agents
        .iter()
        .map(|&ix| {
            let agent = state.agent(ix);
            // Its own process was well, or it has none: it joins again.
            let joins = agent.lost_parts() || !state.setup.has_process(ix);
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
