//! The end of a run: is everything at rest, what is its status, what is said about it.
//!
//! Must not hide a failure: the status is computed from the agents' final states alone.

use crate::engine::{
    Event, Figures, HoldBy, Metrics, PhaseStatus, State, Status, StoppedBy,
    admission::{Why, admit},
    state::unpack,
};

/// Nothing could be admitted: ends the run if nothing will move again, says so if something is stuck.
pub(super) fn at_rest(state: &State, figures: &Figures) -> Vec<Event> {
    if state.processes > 0 || !state.due.is_empty() || state.run.is_empty() {
        return Vec::new();
    }
    let halted = state.memory.halted || figures.pressure_permille >= state.setup.thresholds.halt;
    let held = state
        .agents
        .iter()
        .any(|a| !a.status.is_final() && a.hold == Some(HoldBy::Operator));
    let work_left = !state.ready.is_empty() || !state.checks_pending.is_empty();
    if ((state.degraded.is_some() || halted) && work_left) || held {
        return Vec::new();
    }
    if let Some(stuck) = stuck(state, figures) {
        return vec![stuck];
    }
    let all_final = state.agents.iter().all(|a| a.status.is_final())
        && state
            .phases
            .iter()
            .all(|p| !(p.status == PhaseStatus::Failed && p.gate_red));
    if all_final || !state.setup.attended {
        vec![finished(state)]
    } else {
        Vec::new()
    }
}

/// Something ready that nothing but itself keeps from starting, though nothing runs: it never will.
fn stuck(state: &State, figures: &Figures) -> Option<Event> {
    if let Some(&packed) = state.checks_pending.first() {
        let reason = "its check needs more memory than the run may use".to_owned();
        return Some(match unpack(packed) {
            crate::engine::Owner::Agent(ix) => Event::AgentBlocked {
                agent: state.id(ix),
                reason,
                gate: None,
            },
            crate::engine::Owner::Phase(ix) => Event::PhaseFailed {
                phase: state.setup.plan.phases[ix.ix()].id.clone(),
                reason,
            },
        });
    }
    state
        .ready
        .iter()
        .find_map(|rank| match admit(state, figures, rank.agent) {
            Err(why) if !why.from_outside() => Some(Event::AgentBlocked {
                agent: state.id(rank.agent),
                reason: format!("can never start: {why}"),
                gate: None,
            }),
            Ok(_) | Err(Why::Barrier { .. } | _) => None,
        })
}

/// Exit status as in DESIGN 6.
fn status(state: &State) -> u8 {
    match &state.stopping {
        Some(StoppedBy::Operator) => return 3,
        Some(StoppedBy::Signal(number)) => {
            return 128_u8.saturating_add(u8::try_from(*number).unwrap_or(127));
        }
        Some(StoppedBy::GuardLost) => return 4,
        None => {}
    }
    let mut worst = 0;
    for ix in state.setup.plan.indices() {
        let agent = state.agent(ix);
        let own = match agent.status {
            Status::Failed if !state.handled(ix) => 1,
            Status::Skipped if !agent.by_condition => 1,
            Status::Blocked if state.red_checks > 0 => 1,
            Status::Stopped if !state.handled(ix) => 3,
            Status::Blocked => 5,
            _ => 0,
        };
        worst = match (worst, own) {
            (1, _) | (_, 1) => 1,
            (5, _) | (_, 5) => 5,
            (a, b) => a.max(b),
        };
    }
    if state.phases.iter().any(|p| p.status == PhaseStatus::Failed) && worst != 3 {
        1
    } else {
        worst
    }
}

/// Makes the event that ends the run.
pub(super) fn finished(state: &State) -> Event {
    Event::RunFinished {
        status: status(state),
        summary: summary(state),
        metrics: Box::new(Metrics::of(state)),
    }
}

fn summary(state: &State) -> String {
    let mut behind = 0;
    let mut counts: [(Status, &str, usize); 5] = [
        (Status::Succeeded, "done", 0),
        (Status::Failed, "failed", 0),
        (Status::Skipped, "skipped", 0),
        (Status::Stopped, "stopped", 0),
        (Status::Blocked, "wait for you", 0),
    ];
    for agent in &state.agents {
        if let Some(count) = counts.iter_mut().find(|c| c.0 == agent.status) {
            count.2 += 1;
        } else {
            behind += 1;
        }
    }
    let mut parts: Vec<String> = counts
        .iter()
        .filter(|c| c.2 > 0)
        .map(|c| format!("{} {}", c.2, c.1))
        .collect();
    if behind > 0 {
        parts.push(format!("{behind} not run"));
    }
    if parts.is_empty() {
        "no agents".to_owned()
    } else {
        parts.join(", ")
    }
}
