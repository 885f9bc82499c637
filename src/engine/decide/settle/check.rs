//! What an ended check command means, first of all for its agent; and where it runs.

use crate::{
    engine::{
        AgentState, CheckPlace, CheckRun, CheckStep, Checkout, Ending, Event, Exit, JobState,
        OnBase, Owner, Purpose, State, WorkEvent, state::unpack,
    },
    plan::AgentIx,
};

use super::{
    super::{process::place, retry},
    begin, commands,
    compare::{self, compare},
    gates::{gates_red, not_passed},
    merge,
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
    let goes_on = matches!(
        check.ending,
        None | Some(Ending::Timeout | Ending::Preempted)
    );
    if !goes_on || state.stopping.is_some() {
        let mut events: Vec<Event> = merge::give_up(state, ix, "stopped").into_iter().collect();
        events.push(Event::AgentStopped {
            agent: state.id(ix),
            attempt: agent.attempt,
        });
        return events;
    }
    let outcome = outcome(state, owner, check, &over);
    if let Some(merge) = state.commanding(owner) {
        return commands::after(state, merge, check, outcome);
    }
    match outcome {
        Outcome::Again(event) => vec![event],
        Outcome::Green => green(state, owner, check).unwrap_or_else(|mut events| {
            if state.begins(ix) {
                events.push(Event::AgentReady {
                    agent: state.id(ix),
                });
            } else {
                events.extend(merge::after_green(state, ix));
            }
            events
        }),
        Outcome::Red(red) if state.begins(ix) => {
            let next = begin::red(state, ix, &red.place, &red.reason());
            vec![red.event(check), next]
        }
        // A person's no is no accident that another attempt could mend by itself.
        Outcome::Red(red) => agent_red(state, ix, check, red, matches!(over, Over::Said { .. })),
    }
}

/// A command of an agent's checks is red: compared with the base first where that is wanted, then tried
/// again or told to a person.
fn agent_red(state: &State, ix: AgentIx, check: &CheckRun, red: Red, refused: bool) -> Vec<Event> {
    let owner = Owner::Agent(ix);
    let reason = red.reason();
    let next = retry(state, ix, &reason).filter(|_| state.setup.has_process(ix) && !refused);
    if let Some(queued) = compare(state, owner, check, next.is_none()) {
        // The next one's merge does not wait for the comparison.
        let given_up = merge::give_up(state, ix, &red.reason);
        return given_up.into_iter().chain([queued]).collect();
    }
    let next = next.unwrap_or_else(|| Event::AgentBlocked {
        agent: state.id(ix),
        reason: reason.clone(),
        gate: Some(red.place.gate.clone()),
    });
    let given_up = merge::give_up(state, ix, &reason);
    let mut events = vec![red.event(check)];
    events.extend(given_up);
    events.push(next);
    events
}

/// A command that waits to be compared never can be: what is known of it has to do.
pub(in crate::engine::decide) fn not_compared(
    state: &State,
    owner: Owner,
    on_base: OnBase,
) -> Vec<Event> {
    let Some(check) = state.check_of(owner) else {
        return Vec::new();
    };
    let red = was_red(state, owner, check, on_base);
    match owner {
        Owner::Agent(ix) => agent_red(state, ix, check, red, false),
        Owner::Phase(_) | Owner::Cohort(_) => gates_red(state, owner, check, red),
    }
}

/// Checks of what is integrated wait for a checkout of it: asked for when the first of them is in
/// line, and again when the head has moved since; where it cannot be made, they cannot be green.
pub(super) fn checkout(state: &State) -> Vec<Event> {
    if !state.setup.integrates || state.degraded.is_some() {
        return Vec::new();
    }
    let mut waiting = state.checks_pending.iter().map(|&packed| unpack(packed));
    if let Some((owner, on_base)) = compare::known(state) {
        return not_compared(state, owner, on_base);
    }
    if let Some(asked) = compare::checkout(state) {
        return vec![asked];
    }
    let waits = |&owner: &Owner| {
        let judges = (state.check_of(owner)).is_some_and(|check| check.purpose != Purpose::Base);
        judges && state.on_head(owner) && state.checkout_for(owner).is_none()
    };
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
            vec![WorkEvent::Checkout { commit, base: None }.into()]
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
pub(super) enum Over<'a> {
    /// Its command has ended.
    Exit(&'a Exit),
    /// A person has answered.
    Said { yes: bool, text: Option<&'a str> },
}

/// How a check is over, if a verdict on it is due.
pub(super) fn over(check: &CheckRun) -> Option<Over<'_>> {
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
pub(super) enum Outcome {
    /// Nothing yet: a crash or a barrier cut it short, or it is red and may be repeated: once more,
    /// in a round of its own.
    Again(Event),
    Green,
    Red(Red),
}

/// A red command, or a person's no.
pub(super) struct Red {
    place: CheckPlace,
    reason: String,
    base: Option<OnBase>,
}

impl Red {
    /// Why, with what the base says of it.
    pub(super) fn reason(&self) -> String {
        match &self.base {
            Some(base) => format!("{} ({})", self.reason, base.words()),
            None => self.reason.clone(),
        }
    }

    pub(super) fn event(self, check: &CheckRun) -> Event {
        Event::GateFailed {
            place: self.place,
            reason: self.reason,
            base: self.base,
            flaky: check.flaky,
        }
    }
}

/// How a command was red that has been compared with the base since.
fn was_red(state: &State, owner: Owner, check: &CheckRun, on_base: OnBase) -> Red {
    let red = check.red.as_ref();
    let round = red.map_or(check.round, |red| red.round);
    let place = place(state, owner, (check.attempt, round), check.step);
    let how = red.map_or_else(String::new, |red| red.exit.to_string());
    Red {
        reason: format!("{} red: {how}", place.gate),
        place,
        base: Some(on_base),
    }
}

pub(super) fn outcome(state: &State, owner: Owner, check: &CheckRun, over: &Over<'_>) -> Outcome {
    let place = |round| place(state, owner, (check.attempt, round), check.step);
    let red = |what: String| {
        let place = place(check.round);
        let known = state
            .check_argv(owner)
            .and_then(|argv| state.compared(argv));
        Outcome::Red(Red {
            reason: format!("{} {what}", place.gate),
            place,
            base: known.cloned(),
        })
    };
    let again = |purpose| {
        let place = place(check.round + 1);
        Outcome::Again(Event::CheckQueued {
            place: CheckPlace { purpose, ..place },
        })
    };
    let exit = match over {
        Over::Exit(exit) => *exit,
        Over::Said { yes: true, .. } => return Outcome::Green,
        Over::Said { text, .. } => {
            let said = text.map_or_else(String::new, |text| format!(": {text}"));
            return red(format!("not approved{said}"));
        }
    };
    let late = check.ending == Some(Ending::Timeout);
    if (*exit == Exit::Interrupted && !late) || check.ending == Some(Ending::Preempted) {
        return again(check.purpose);
    }
    // What it comes to on the base is told, and judges nothing.
    if check.purpose == Purpose::Base {
        let on_base = compare::said(state, owner, check, exit);
        return Outcome::Red(was_red(state, owner, check, on_base));
    }
    if late {
        let limit = state.setup.check_limit_us(owner);
        return red(format!("red: took longer than {} s", limit / 1_000_000));
    }
    if exit.ok() {
        return Outcome::Green;
    }
    let steps = state.checks_of(owner);
    let most = steps.get(check.step as usize).map_or(0, |s| s.repeat);
    if check.repeats < most && matches!(exit, Exit::Code(_) | Exit::Signal { .. }) {
        return again(Purpose::Repeat);
    }
    red(format!("red: {exit}"))
}

/// A green command: passes its gate if it is the gate's last, and queues the next one (`Ok`), or
/// says that it was the last of all (`Err` with the events so far).
pub(super) fn green(
    state: &State,
    owner: Owner,
    check: &CheckRun,
) -> Result<Vec<Event>, Vec<Event>> {
    let steps = state.checks_of(owner);
    let number = (check.attempt, check.round);
    let here = place(state, owner, number, check.step);
    let next = next_step(&steps[..steps.len().min(state.steps_now(owner).end)], check);
    let mut events = Vec::new();
    let done = next.is_none_or(|(_, next)| next.gate != here.gate);
    // A gate with an approval has passed already, on the work itself.
    let asked = |step: &CheckStep<'_>| step.gate == here.gate && step.approve.is_some();
    let done = done && !(check.merged && steps.iter().any(asked));
    if done {
        events.push(Event::GatePassed {
            place: here,
            flaky: check.flaky,
        });
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
pub(super) fn next_step<'a>(
    steps: &'a [CheckStep<'a>],
    check: &CheckRun,
) -> Option<(u32, &'a CheckStep<'a>)> {
    (check.step + 1..)
        .zip(steps.get(check.step as usize + 1..)?)
        .find(|(_, step)| !check.merged || step.approve.is_none())
}
