//! What processes report: started, could not start, ended, frozen; and what recovery found.
//!
//! Only states what happened. What follows for the agent is decided by the next
//! [`super::InputKind::Settle`] from the state alone, so that a crash in between loses nothing.

use crate::{
    engine::{
        AgentFreezeVerified, Cause, CheckPlace, Event, Exit, Handle, HoldBy, InputKind,
        Interruption, JobKey, JobState, Owner, ProcessTrouble, Purpose, State, Status, Trouble,
    },
    plan::AgentId,
};

/// Names whom an owner is, for an event: an agent, a phase, a cohort; none of them: the run as a
/// whole.
pub(super) fn names(
    state: &State,
    owner: Option<Owner>,
) -> (Option<AgentId>, Option<String>, Option<String>) {
    let setup = &state.setup;
    match owner {
        Some(Owner::Agent(ix)) => (Some(state.id(ix)), None, None),
        Some(Owner::Phase(ix)) => (None, Some(setup.plan.phases[ix.ix()].id.clone()), None),
        Some(Owner::Cohort(ix)) => (None, None, Some(setup.cohorts[ix.ix()].name.clone())),
        None => (None, None, None),
    }
}

/// Names the check command that an owner is at.
pub(super) fn place(
    state: &State,
    owner: Owner,
    (attempt, round): (u32, u32),
    step: u32,
) -> CheckPlace {
    let gate = state
        .checks_of(owner)
        .get(step as usize)
        .map_or("check", |s| s.gate)
        .to_owned();
    let (agent, phase, cohort) = names(state, Some(owner));
    CheckPlace {
        agent,
        phase,
        cohort,
        attempt,
        gate,
        step,
        round,
        purpose: Purpose::Judge,
    }
}

/// Names the check command that an owner is at, where it has checks.
pub(super) fn here(state: &State, owner: Owner) -> Option<CheckPlace> {
    let check = state.check_of(owner)?;
    let number = (check.attempt, check.round);
    Some(CheckPlace {
        purpose: check.purpose,
        ..place(state, owner, number, check.step)
    })
}

/// Returns whether a report about a check command is about the one that is on.
fn current_check(state: &State, key: JobKey) -> bool {
    state.check_of(key.owner).is_some_and(|check| {
        (check.attempt, check.round) == (key.attempt, key.round)
            && Some(check.step) == key.check
            && check.is_live()
    })
}

pub(super) fn spawned(state: &State, key: JobKey, handle: &Handle) -> Vec<Event> {
    if key.check.is_some() {
        return check_spawned(state, key, handle);
    }
    let Owner::Agent(ix) = key.owner else {
        return Vec::new();
    };
    let agent = state.agent(ix);
    if agent.status != Status::Scheduled || agent.attempt != key.attempt {
        return Vec::new();
    }
    let mut events = vec![Event::AgentStarted {
        agent: state.id(ix),
        attempt: key.attempt,
        handle: handle.clone(),
    }];
    events.extend(super::talk::told_by_turn(state, ix));
    let ending = agent
        .live
        .as_ref()
        .is_some_and(|live| live.ending.is_some());
    if let (Some(by), false) = (agent.hold, ending) {
        events.push(Event::AgentFrozen {
            agent: state.id(ix),
            attempt: key.attempt,
            cause: held(by),
        });
    }
    events
}

/// Why what was held back while it was being started is frozen as soon as it runs.
const fn held(by: HoldBy) -> Cause {
    match by {
        HoldBy::Operator => Cause::Hold,
        HoldBy::Rule => Cause::KillSwitch,
    }
}

fn check_spawned(state: &State, key: JobKey, handle: &Handle) -> Vec<Event> {
    let (Some(place), Some(check), true) = (
        here(state, key.owner),
        state.check_of(key.owner),
        current_check(state, key),
    ) else {
        return Vec::new();
    };
    // Told twice, it began once.
    if check.job != JobState::Scheduled {
        return Vec::new();
    }
    let mut events = vec![Event::CheckStarted {
        place: place.clone(),
        handle: handle.clone(),
    }];
    if let (Some(by), None) = (state.hold_of(key.owner), check.ending) {
        let cause = held(by);
        events.push(Event::CheckFrozen { place, cause });
    }
    events
}

pub(super) fn spawn_failed(state: &State, key: JobKey, error: &str) -> Vec<Event> {
    end(
        state,
        key,
        Exit::SpawnError(error.to_owned()),
        (0, 0, 0, 0),
        (&[], false),
    )
}

pub(super) fn refused(state: &State, key: JobKey, why: &str) -> Vec<Event> {
    let exit = Exit::Refused(why.to_owned());
    end(state, key, exit, (0, 0, 0, 0), (&[], false))
}

pub(super) fn ended(state: &State, key: JobKey, input: &InputKind) -> Vec<Event> {
    let InputKind::Ended {
        exit,
        cpu_us,
        peak_bytes,
        output_bytes,
        leaked,
        present,
        handoff,
        ..
    } = input
    else {
        return Vec::new();
    };
    end(
        state,
        key,
        exit.clone(),
        (*cpu_us, *peak_bytes, *output_bytes, *leaked),
        (present, *handoff),
    )
}

pub(super) fn end(
    state: &State,
    key: JobKey,
    exit: Exit,
    figures: (u64, u64, u64, u32),
    (present, handoff): (&[String], bool),
) -> Vec<Event> {
    let (cpu_us, peak_bytes, output_bytes, leaked) = figures;
    if key.check.is_some() {
        let place = here(state, key.owner).filter(|_| current_check(state, key));
        let ended = place.map(|place| Event::CheckEnded {
            place,
            exit,
            output_bytes,
        });
        return ended.into_iter().collect();
    }
    let Owner::Agent(ix) = key.owner else {
        return Vec::new();
    };
    let agent = state.agent(ix);
    if agent.live.is_none() || agent.attempt != key.attempt {
        return Vec::new();
    }
    let ended = Event::AttemptEnded {
        agent: state.id(ix),
        attempt: key.attempt,
        exit,
        cpu_us,
        peak_bytes,
        output_bytes,
        leaked,
        present: present.to_vec(),
        handoff,
    };
    // Its commands have ended with it, whoever is heard of first.
    let leases = super::lease::all_ended(state, ix);
    leases.chain([ended]).collect()
}

pub(super) fn frozen(
    state: &State,
    key: JobKey,
    stopped: u32,
    total: u32,
    held_bytes: u64,
) -> Vec<Event> {
    let Owner::Agent(ix) = key.owner else {
        return Vec::new();
    };
    let agent = state.agent(ix);
    if agent.status != Status::Frozen || agent.attempt != key.attempt || key.check.is_some() {
        return Vec::new();
    }
    vec![Event::AgentFreezeVerified(AgentFreezeVerified {
        agent: state.id(ix),
        attempt: key.attempt,
        stopped,
        total,
        held_bytes,
    })]
}

/// Told whatever the agent's state: the processes may outlive the attempt.
pub(super) fn trouble(state: &State, key: JobKey, trouble: &Trouble) -> Event {
    let (agent, phase, cohort) = names(state, Some(key.owner));
    Event::ProcessTrouble(ProcessTrouble {
        agent,
        phase,
        cohort,
        attempt: key.attempt,
        trouble: trouble.clone(),
    })
}

/// The runner starts again: every process of before is gone, and no attempt number comes back.
pub(super) fn recovered(
    state: &State,
    boot_id: &str,
    survivors: u32,
    seen_attempts: &[(AgentId, u32)],
) -> Vec<Event> {
    let mut events = vec![Event::RunResumed {
        boot_id: boot_id.to_owned(),
        wavedeck: env!("CARGO_PKG_VERSION").to_owned(),
        survivors,
        interrupted: seen_attempts
            .iter()
            .filter(|(id, attempt)| {
                state
                    .find(id)
                    .is_some_and(|ix| state.agent(ix).attempt < *attempt)
            })
            .map(|(agent, attempt)| Interruption {
                agent: agent.clone(),
                attempt: *attempt,
            })
            .collect(),
    }];
    for ix in state.setup.plan.indices() {
        let agent = state.agent(ix);
        if agent.live.is_some() {
            events.extend(end(
                state,
                JobKey::main(ix, agent.attempt),
                Exit::Interrupted,
                (0, 0, 0, 0),
                (&[], false),
            ));
        }
        events.extend(lost_check(state, Owner::Agent(ix)));
    }
    let gated = state.setup.gated();
    events.extend(gated.filter_map(|owner| lost_check(state, owner)));
    events
}

fn lost_check(state: &State, owner: Owner) -> Option<Event> {
    let check = state.check_of(owner)?;
    check.is_live().then_some(Event::CheckEnded {
        place: here(state, owner)?,
        exit: Exit::Interrupted,
        output_bytes: 0,
    })
}
