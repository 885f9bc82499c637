//! Gates over more than one agent, of phases and of cohorts: when they are judged, and what an ended
//! command of them means.
//!
//! Must not use anything but the state.

use crate::engine::{
    CheckRun, CohortKind, Ending, Event, Owner, PhaseStatus, State, state::unpack,
};

use super::{
    super::process::names,
    check::{Outcome, Red, green, outcome, over},
    compare::compare,
};

/// The first phase or cohort whose agents have all ended. A gate command that was made stale must
/// be gone first; the run is judged when nothing else is left to judge, and nothing else is red.
pub(super) fn due(state: &State) -> Option<Owner> {
    let mut due = state.gates_due.iter().map(|&packed| unpack(packed));
    due.find(|&owner| {
        let free = state.gates_of(owner).is_some_and(|g| g.check.is_none());
        free && (!of_run(state, owner) || others_closed(state, owner))
    })
}

fn of_run(state: &State, owner: Owner) -> bool {
    matches!(owner, Owner::Cohort(ix) if state.setup.cohorts[ix.ix()].kind == CohortKind::Run)
}

fn others_closed(state: &State, run: Owner) -> bool {
    let mut others = state.setup.gated().filter(|&owner| owner != run);
    others.all(|owner| {
        state.gates_of(owner).is_some_and(|gates| {
            gates.status == PhaseStatus::Completed
                || (gates.status == PhaseStatus::Failed && !gates.gate_red)
        })
    })
}

/// All agents of a phase or of a cohort have ended.
pub(super) fn members_ended(state: &State, owner: Owner) -> Event {
    let lost: Vec<&str> = (state.lost_of(owner))
        .map(|member| state.setup.plan.agent(member).id.as_str())
        .collect();
    if !lost.is_empty() {
        return not_passed(state, owner, format!("not done: {}", lost.join(", ")));
    }
    if state.setup.checks_of(owner).is_empty() {
        passed(state, owner)
    } else {
        judging(state, owner)
    }
}

/// The gates over more than one agent are checked, in a round of their own.
pub(in crate::engine::decide) fn judging(state: &State, owner: Owner) -> Event {
    let attempt = state.gates_of(owner).map_or(0, |gates| gates.attempt) + 1;
    match names(state, Some(owner)) {
        (_, Some(phase), _) => Event::PhaseChecking { phase, attempt },
        (_, _, cohort) => Event::CohortChecking {
            cohort: cohort.unwrap_or_default(),
            attempt,
        },
    }
}

fn passed(state: &State, owner: Owner) -> Event {
    match names(state, Some(owner)) {
        (_, Some(phase), _) => Event::PhaseCompleted { phase },
        (_, _, cohort) => Event::CohortCompleted {
            cohort: cohort.unwrap_or_default(),
        },
    }
}

/// The gates over more than one agent have not passed.
pub(in crate::engine::decide) fn not_passed(state: &State, owner: Owner, reason: String) -> Event {
    match names(state, Some(owner)) {
        (_, Some(phase), _) => Event::PhaseFailed { phase, reason },
        (_, _, cohort) => Event::CohortFailed {
            cohort: cohort.unwrap_or_default(),
            reason,
        },
    }
}

/// A gate command of a phase or of a cohort has ended.
pub(super) fn gates_verdict(state: &State, owner: Owner) -> Vec<Event> {
    let Some(check) = state.check_of(owner) else {
        return Vec::new();
    };
    let Some(over) = over(check) else {
        return Vec::new();
    };
    if check.ending == Some(Ending::Reopened) && state.stopping.is_none() {
        return vec![match names(state, Some(owner)) {
            (_, Some(phase), _) => Event::PhaseReopened { phase },
            (_, _, cohort) => Event::CohortReopened {
                cohort: cohort.unwrap_or_default(),
            },
        }];
    }
    let stopped = check.ending.is_some_and(|ending| ending != Ending::Timeout);
    if stopped || state.stopping.is_some() {
        return vec![not_passed(state, owner, "the run stops".to_owned())];
    }
    match outcome(state, owner, check, &over) {
        Outcome::Again(event) => vec![event],
        Outcome::Green => green(state, owner, check).unwrap_or_else(|mut events| {
            events.push(passed(state, owner));
            events
        }),
        Outcome::Red(red) => gates_red(state, owner, check, red),
    }
}

/// A gate over more than one agent is red: compared with the base first, then told to a person.
pub(super) fn gates_red(state: &State, owner: Owner, check: &CheckRun, red: Red) -> Vec<Event> {
    if let Some(queued) = compare(state, owner, check, true) {
        return vec![queued];
    }
    let reason = red.reason();
    vec![red.event(check), not_passed(state, owner, reason)]
}
