//! What an ended check command means: for its agent, its phase, its cohort; and phases and cohort
//! points whose agents ended.

use crate::{
    engine::{
        AgentState, CheckPlace, CheckRun, CheckStep, Checkout, CohortKind, Ending, Event, Exit,
        JobState, Merge, Owner, PhaseStatus, State, Status, WorkEvent, state::unpack,
    },
    plan::AgentIx,
};

use super::{
    super::{
        process::{names, place},
        retry,
    },
    conflict, merge,
};

/// A check command of an agent has ended.
pub(super) fn after_check(state: &State, ix: AgentIx, agent: &AgentState) -> Vec<Event> {
    let Some(check) = &agent.check else {
        return Vec::new();
    };
    let Some(over) = over(check) else {
        return Vec::new();
    };
    let owner = Owner::Agent(ix);
    let stopped = check.ending.is_some_and(|ending| ending != Ending::Timeout);
    if stopped || state.stopping.is_some() {
        let mut events: Vec<Event> = merge::give_up(state, ix, "stopped").into_iter().collect();
        events.push(Event::AgentStopped {
            agent: state.id(ix),
            attempt: agent.attempt,
        });
        return events;
    }
    let outcome = outcome(state, owner, check, &over);
    if let Some(merge) = state.commanding(owner) {
        return after_command(state, merge, check, outcome);
    }
    match outcome {
        Outcome::Again(event) => vec![event],
        Outcome::Green => green(state, owner, check).unwrap_or_else(|mut events| {
            events.extend(merge::after_green(state, ix));
            events
        }),
        Outcome::Red(place, reason) => {
            let gate = place.gate.clone();
            // A person's no is no accident that another attempt could mend by itself.
            let refused = matches!(over, Over::Said { .. });
            let next = retry(state, ix, &reason)
                .filter(|_| state.setup.has_process(ix) && !refused)
                .unwrap_or_else(|| Event::AgentBlocked {
                    agent: state.id(ix),
                    reason: reason.clone(),
                    gate: Some(gate),
                });
            let given_up = merge::give_up(state, ix, &reason);
            let mut events = vec![Event::GateFailed { place, reason }];
            events.extend(given_up);
            events.push(next);
            events
        }
    }
}

/// A rule's command has ended: the next one runs, or the merge is tried again with their files. What
/// one of them could not make is for a person.
fn after_command(
    state: &State,
    merge: &Merge,
    check: &CheckRun,
    outcome: Outcome,
) -> Vec<Event> {
    let owner = Owner::Agent(merge.agent);
    match outcome {
        // It may have left half a file: all of it is made anew.
        Outcome::Again(_) => {
            let why = "the runner died while a rule's command ran";
            vec![merge::failed(state, merge, why)]
        }
        Outcome::Green => match next_step(&state.checks_of(owner), check) {
            Some((step, _)) => vec![Event::CheckQueued {
                place: place(state, owner, (check.attempt, check.round), step),
            }],
            None => vec![
                WorkEvent::MergeCommanded {
                    number: merge.number,
                    agent: state.id(merge.agent),
                    attempt: merge.attempt,
                }
                .into(),
            ],
        },
        Outcome::Red(_, reason) => {
            let steps = state.checks_of(owner);
            let argv = steps.get(check.step as usize).map_or(&[][..], |step| step.argv);
            let said = reason.strip_prefix("merge red: ").unwrap_or(&reason);
            let why = format!("the rule's command `{}` failed: {said}", argv.join(" "));
            let Some(clash) = &merge.fails else {
                return merge::not_merged(state, merge, &why);
            };
            conflict::conflict(state, merge, clash, Some(&why))
        }
    }
}

/// Checks of what is integrated wait for a checkout of it: asked for when the first of them is in
/// line, and again when the head has moved since; where it cannot be made, they cannot be green.
pub(super) fn checkout(state: &State) -> Vec<Event> {
    if !state.setup.integrates || state.degraded.is_some() {
        return Vec::new();
    }
    let mut waiting = state.checks_pending.iter().map(|&packed| unpack(packed));
    let waits = |&owner: &Owner| state.on_head(owner) && state.checkout_for(owner).is_none();
    let Some(owner) = waiting.find(waits) else {
        return Vec::new();
    };
    let Some(head) = state.head() else {
        return vec![not_checked_out(state, owner, "the run has no commit")];
    };
    match &state.merges.checkout {
        Some(checkout) if checkout.coming() => Vec::new(),
        Some(Checkout {
            error: Some(error),
            commit,
            ..
        }) if commit == head => vec![not_checked_out(state, owner, error)],
        _ => {
            let commit = head.to_owned();
            vec![WorkEvent::Checkout { commit }.into()]
        }
    }
}

fn not_checked_out(state: &State, owner: Owner, error: &str) -> Event {
    let reason = format!("its checks need a checkout of what is integrated: {error}");
    match owner {
        Owner::Agent(ix) => Event::AgentBlocked {
            agent: state.id(ix),
            reason,
            gate: None,
        },
        Owner::Phase(_) | Owner::Cohort(_) => not_passed(state, owner, reason),
    }
}

/// How a check is over.
enum Over<'a> {
    /// Its command has ended.
    Exit(&'a Exit),
    /// A person has answered.
    Said { yes: bool, text: Option<&'a str> },
}

/// How a check is over, if a verdict on it is due.
fn over(check: &CheckRun) -> Option<Over<'_>> {
    match &check.job {
        JobState::Ended(exit) => Some(Over::Exit(exit)),
        JobState::Answered { yes, text } => Some(Over::Said {
            yes: *yes,
            text: text.as_deref(),
        }),
        _ => None,
    }
}

/// What the end of a check command, or a person's answer, says.
enum Outcome {
    /// Nothing: a crash cut it short, and it is asked again in a round of its own.
    Again(Event),
    Green,
    Red(CheckPlace, String),
}

fn outcome(state: &State, owner: Owner, check: &CheckRun, over: &Over<'_>) -> Outcome {
    let place = |round| place(state, owner, (check.attempt, round), check.step);
    let exit = match over {
        Over::Exit(exit) => *exit,
        Over::Said { yes: true, .. } => return Outcome::Green,
        Over::Said { text, .. } => {
            let here = place(check.round);
            let said = text.map_or_else(String::new, |text| format!(": {text}"));
            let reason = format!("{} not approved{said}", here.gate);
            return Outcome::Red(here, reason);
        }
    };
    if check.ending == Some(Ending::Timeout) {
        let here = place(check.round);
        let limit = state.setup.check_limit_us(owner);
        let reason = format!(
            "{} red: took longer than {} s",
            here.gate,
            limit / 1_000_000
        );
        return Outcome::Red(here, reason);
    }
    if *exit == Exit::Interrupted {
        return Outcome::Again(Event::CheckQueued {
            place: place(check.round + 1),
        });
    }
    if exit.ok() {
        return Outcome::Green;
    }
    let here = place(check.round);
    let reason = format!("{} red: {exit}", here.gate);
    Outcome::Red(here, reason)
}

/// A green command: passes its gate if it is the gate's last, and queues the next one (`Ok`), or
/// says that it was the last of all (`Err` with the events so far).
fn green(state: &State, owner: Owner, check: &CheckRun) -> Result<Vec<Event>, Vec<Event>> {
    let steps = state.checks_of(owner);
    let number = (check.attempt, check.round);
    let here = place(state, owner, number, check.step);
    let next = next_step(&steps, check);
    let mut events = Vec::new();
    let done = next.is_none_or(|(_, next)| next.gate != here.gate);
    // A gate with an approval has passed already, on the work itself.
    let asked = |step: &CheckStep<'_>| step.gate == here.gate && step.approve.is_some();
    let done = done && !(check.merged && steps.iter().any(asked));
    if done {
        events.push(Event::GatePassed { place: here });
    }
    let Some((step, _)) = next else {
        return Err(events);
    };
    events.push(Event::CheckQueued {
        place: place(state, owner, number, step),
    });
    Ok(events)
}

/// The command after the present one; on the result of a merge, approvals are not asked again.
fn next_step<'a>(steps: &'a [CheckStep<'a>], check: &CheckRun) -> Option<(u32, &'a CheckStep<'a>)> {
    (check.step + 1..)
        .zip(steps.get(check.step as usize + 1..)?)
        .find(|(_, step)| !check.merged || step.approve.is_none())
}

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
    let lost: Vec<&str> = (state.setup.members_of(owner).iter())
        .filter(|&&member| match state.agent(member).status {
            Status::Failed | Status::Stopped => !state.handled_above(member),
            Status::Skipped => !state.agent(member).by_condition,
            _ => false,
        })
        .map(|&member| state.setup.plan.agent(member).id.as_str())
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
        Outcome::Red(place, reason) => vec![
            Event::GateFailed {
                place,
                reason: reason.clone(),
            },
            not_passed(state, owner, reason),
        ],
    }
}
