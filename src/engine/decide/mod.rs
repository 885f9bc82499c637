//! `decide`: from the state and one input to events. Pure; one file a topic.
//!
//! Must not change the state, look at a clock, or start anything. A turn is `decide`, `apply`,
//! then [`InputKind::Settle`] until nothing comes; one admission a call, so that each sees what the
//! one before it took.

mod activate;
mod attention;
mod budget;
mod deliver;
mod effects;
mod finish;
mod lease;
mod measure;
mod memory;
mod model;
mod operator;
mod process;
mod progress;
mod rebalance;
pub(super) mod relief;
mod settle;
mod shortage;
mod starved;
mod sync;
mod talk;
mod victims;
mod work;

pub use attention::waiting;
pub(super) use finish::broken;
pub use operator::{Refusal, Resolved, refuses_extension, resolve};
pub use sync::participants;
pub use victims::next_victim;

use crate::plan::AgentIx;

use super::{Cause, Event, Figures, Input, InputKind, MemoryEvent, Owner, State, Status};

/// Decides what follows from an input; an empty list when nothing does.
#[must_use]
pub fn decide(state: &State, input: &Input) -> Vec<Event> {
    if state.finished.is_some() {
        return Vec::new();
    }
    let mut events = sync::around(
        state,
        settle::conflict::closed(state, follows(state, input)),
    );
    if let (Some(mean), Some(Event::RunFinished { metrics, .. })) =
        (input.uses.mean_bytes(), events.last_mut())
    {
        metrics.measured(mean);
    }
    events
}

fn follows(state: &State, input: &Input) -> Vec<Event> {
    match &input.kind {
        InputKind::Begin {
            run,
            boot_id,
            plan_hash,
            base_commit,
        } => {
            let setup = &state.setup;
            vec![Event::RunStarted {
                run: run.clone(),
                plan: setup.plan.name.clone(),
                plan_hash: plan_hash.clone(),
                wavedeck: env!("CARGO_PKG_VERSION").to_owned(),
                boot_id: boot_id.clone(),
                mode: state.mode,
                base_commit: base_commit.clone(),
                agents: count(setup.plan.agents.len()),
                wave_count: count(setup.wave_sizes.len()),
                agents_cap: state.cap(),
                ram_limit_bytes: setup.ram_limit_bytes,
                figures: input.figures,
            }]
            .into_iter()
            .chain(learnt(state))
            .collect()
        }
        InputKind::Settle => settle::settle(state, input),
        InputKind::Deadline => deadlines(state, &input.figures, input.elapsed_us),
        InputKind::Spawned { key, handle } => process::spawned(state, *key, handle),
        InputKind::SpawnFailed { key, error } => process::spawn_failed(state, *key, error),
        InputKind::Refused { key, why } => process::refused(state, *key, why),
        InputKind::Ended { key, .. } => process::ended(state, *key, &input.kind),
        InputKind::FrozenTree {
            key,
            stopped,
            total,
            held_bytes,
        } => process::frozen(state, *key, *stopped, *total, *held_bytes),
        InputKind::Trouble { key, trouble } => vec![process::trouble(state, *key, trouble)],
        InputKind::NotTold { error } => vec![Event::ProcessTrouble(super::ProcessTrouble {
            agent: None,
            phase: None,
            cohort: None,
            attempt: 0,
            trouble: super::Trouble::NotTold(error.clone()),
        })],
        InputKind::Quiet {
            agent,
            attempt,
            quiet,
        } => {
            let a = state.agent(*agent);
            let concerns =
                a.status == Status::Running && a.attempt == *attempt && a.quiet != *quiet;
            if concerns {
                vec![Event::AgentQuiet {
                    agent: state.id(*agent),
                    attempt: *attempt,
                    quiet: *quiet,
                }]
            } else {
                Vec::new()
            }
        }
        InputKind::Leaking {
            agent,
            attempt,
            bytes,
            growth_bytes_per_min,
        } => measure::leaking(state, *agent, *attempt, (*bytes, *growth_bytes_per_min)),
        InputKind::OverLimit {
            agent,
            attempt,
            bytes,
        } => measure::over_limit(state, *agent, *attempt, *bytes),
        InputKind::Progress {
            agent,
            attempt,
            via,
            said,
        } => progress::progress(state, *agent, *attempt, *via, said, input.elapsed_us),
        InputKind::Heard {
            agent,
            attempt,
            heard,
        } => talk::heard(state, *agent, *attempt, heard, input.elapsed_us),
        InputKind::LeaseAsked {
            agent,
            attempt,
            number,
            name,
            below,
        } => lease::asked(state, (*agent, *attempt), *number, (name, below), input),
        InputKind::LeaseEnded { number } => lease::ended(state, *number, input.elapsed_us),
        InputKind::Judged { number, failed } => {
            attention::judged(state, *number, failed, input.elapsed_us)
        }
        InputKind::Prepared {
            agent,
            attempt,
            done,
        } => work::prepared(state, *agent, *attempt, done),
        InputKind::Collected {
            agent,
            attempt,
            found,
        } => work::collected(state, *agent, *attempt, found),
        InputKind::Inspected {
            agent,
            number,
            missing,
        } => settle::begin::inspected(state, *agent, *number, missing),
        InputKind::Outside {
            agent,
            attempt,
            paths,
        } => work::outside(state, *agent, *attempt, paths),
        InputKind::Foreseen { agent, with, clash } => {
            work::foreseen(state, *agent, *with, clash.as_ref())
        }
        InputKind::Merged { number, outcome } => work::merged(state, *number, outcome),
        InputKind::Advanced { number, done } => work::advanced(state, *number, done),
        InputKind::CheckedOut { commit, base, done } => {
            work::checked_out(state, commit, *base, done)
        }
        InputKind::RolledBack { number, done } => work::rolled_back(state, *number, done),
        InputKind::Delivered {
            commit,
            branch,
            forwarded,
            error,
            offer,
        } => {
            let done = (forwarded.as_ref(), error.as_ref());
            work::delivered(state, commit, branch, done, offer.as_ref())
        }
        InputKind::Served { model, now } => model::served(state, *model, now),
        InputKind::Unloaded { model, done } => model::unloaded(state, *model, done),
        InputKind::Zone {
            zone,
            halted,
            band,
            step,
        } => memory::pressed(state, input.figures, (*zone, *halted), (*band, *step)),
        InputKind::Judge => memory::judge(state, input),
        InputKind::Operator { by, action } => operator::operator(state, by, action, input),
        InputKind::Extend { by, extension } => operator::add(state, by, extension),
        InputKind::Signal { by } => match state.stopping {
            Some(_) => Vec::new(),
            None => vec![Event::RunStopped { by: by.clone() }],
        },
        InputKind::Journal { error } => {
            if state.degraded.is_some() == error.is_some() {
                return Vec::new();
            }
            vec![Event::RunDegraded {
                error: error.clone(),
            }]
        }
        InputKind::Recovered {
            boot_id,
            survivors,
            seen_attempts,
        } => process::recovered(state, boot_id, *survivors, seen_attempts),
    }
}

/// Needs that the event of what was learnt names, at most.
const NEEDS: usize = 100;

/// What earlier runs have taught, where that counts in this one.
fn learnt(state: &State) -> Option<Event> {
    let all = &state.setup.learnt;
    let agents = all.iter().take(NEEDS).map(|one| one.need.clone());
    (!all.is_empty()).then(|| {
        Event::Memory(Box::new(MemoryEvent::Learnt {
            agents: agents.collect(),
            more: count(all.len().saturating_sub(NEEDS)),
        }))
    })
}

/// What is due by now: time limits and ends of back-offs.
fn deadlines(state: &State, figures: &Figures, now_us: u64) -> Vec<Event> {
    state
        .due
        .iter()
        .take_while(|due| due.at_us <= now_us)
        .filter_map(|due| match due.owner {
            Owner::Agent(ix) if state.agent(ix).status == Status::BackingOff => {
                Some(Event::AgentReady {
                    agent: state.id(ix),
                })
            }
            Owner::Agent(ix) if state.agent(ix).live.is_some() => Some(Event::AgentTimeout {
                agent: state.id(ix),
                attempt: state.agent(ix).attempt,
                limit_us: state.setup.plan.agent(ix).timeout_us.unwrap_or(0),
            }),
            owner => process::here(state, owner).map(|place| Event::CheckTimeout {
                place,
                limit_us: state.setup.check_limit_us(owner),
            }),
        })
        .chain(talk::over(state, now_us))
        .chain(budget::slow_again(state, figures, now_us))
        .chain(lease::late(state, figures, now_us))
        .collect()
}

/// The end of an attempt that did not do it: another attempt if any is left, else failed.
fn failure(state: &State, ix: AgentIx, kind: super::FailureKind, reason: String) -> Event {
    match retry(state, ix, &reason) {
        Some(event) => event,
        None => Event::AgentFailed {
            agent: state.id(ix),
            attempt: state.agent(ix).attempt,
            failure: kind,
            reason,
        },
    }
}

/// The retry of a failed attempt, if the plan allows one more; delay = base × 2^retries (C4).
fn retry(state: &State, ix: AgentIx, reason: &str) -> Option<Event> {
    let agent = state.agent(ix);
    let policy = state.setup.plan.agent(ix).retry;
    (agent.failures + 1 < policy.attempts).then(|| Event::AgentRetrying {
        agent: state.id(ix),
        attempt: agent.attempt,
        cause: Cause::Failure,
        delay_us: policy
            .base_us
            .saturating_mul(1_u64.checked_shl(agent.failures).unwrap_or(u64::MAX)),
        reason: reason.to_owned(),
    })
}

/// A mode change, where it is one.
fn mode_change(state: &State, to: crate::plan::Mode, cap: u32, cause: Cause) -> Option<Event> {
    (to != state.mode || cap != state.agents_cap).then_some(Event::ModeChanged {
        from: state.mode,
        to,
        agents_cap: cap,
        cause,
    })
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
