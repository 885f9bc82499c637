//! The end of a run: is everything at rest, what is its status, what is said about it.
//!
//! Must not hide a failure: the status is computed from the agents' final states alone.

use crate::{
    engine::{
        CheckRun, EdgeKind, Event, FailureKind, Figures, HoldBy, Metrics, Owner, PhaseState,
        PhaseStatus, Purpose, State, Status, StoppedBy,
        admission::{admit, admit_check, halted},
        state::unpack,
    },
    plan::AgentIx,
};

use super::{
    attention, budget, deliver,
    settle::{
        check::not_compared, compare::unknown, conflict, gates::not_passed, merge, preempt,
        start::check_ram,
    },
    starved,
};

/// Status of a run whose runner failed.
const INTERNAL: u8 = 4;

/// Nothing could be admitted: ends the run if nothing will move again, says so if something is stuck.
pub(super) fn at_rest(state: &State, figures: &Figures) -> Vec<Event> {
    if !state.due.is_empty() || state.run.is_empty() {
        return Vec::new();
    }
    // A provider that takes no more for now takes it later, and so does a rate.
    // So does a server that is about to let a model go.
    let later = state.limits.values().any(|limit| limit.until_us > 0)
        || starved::goes(state)
        || state.spending.rate_until_us > 0;
    if later && !(state.ready.is_empty() && state.parked.is_empty()) {
        return Vec::new();
    }
    if state.processes > 0 {
        let mut events = conflict::waits_in_vain(state);
        if events.is_empty() {
            events = preempt::barred(state, figures);
        }
        return events;
    }
    // Somebody outside has the next word.
    if state.merges.busy() || state.agents.iter().any(merge::waits) {
        return Vec::new();
    }
    let work_left = !state.ready.is_empty()
        || !state.parked.is_empty()
        || !state.checks_pending.is_empty()
        || !state.merges.queue.is_empty();
    let starved = || starved::starved(state, figures);
    if ((state.degraded.is_some() || halted(state, figures) || starved()) && work_left)
        || held(state)
    {
        return Vec::new();
    }
    if let Some(short) = budget::short(state, figures) {
        return vec![short];
    }
    if let Some(stuck) = stuck(state, figures) {
        return stuck;
    }
    let all_final = state.agents.iter().all(|a| a.status.is_final())
        && gates(state).all(|(_, gates)| {
            let red = gates.status == PhaseStatus::Failed && gates.gate_red;
            !red && !asking(gates.check.as_ref())
        });
    if all_final {
        return match deliver::next(state) {
            Some(next) => vec![next],
            // Somebody is there to answer.
            None if state.setup.attended && deliver::asked(state).is_some() => Vec::new(),
            None => finished(state),
        };
    }
    if state.setup.attended {
        return Vec::new();
    }
    let given_up = budget::given_up(state);
    if !given_up.is_empty() {
        return given_up;
    }
    let left = left_behind(state, figures);
    if left.is_empty() {
        deliver::next(state).map_or_else(|| finished(state), |next| vec![next])
    } else {
        left
    }
}

/// Whether a person holds something back: it waits for that person.
pub(super) fn held(state: &State) -> bool {
    let by_person = |hold| hold == Some(HoldBy::Operator);
    let mut agents = state.agents.iter();
    agents.any(|a| !a.status.is_final() && by_person(a.hold))
        || gates(state).any(|(_, g)| g.check.is_some() && by_person(g.hold))
}

/// Where the gates of phases and of cohorts stand.
fn gates(state: &State) -> impl Iterator<Item = (Owner, &PhaseState)> {
    let gated = state.setup.gated();
    gated.filter_map(|owner| Some((owner, state.gates_of(owner)?)))
}

/// Something that nothing but itself keeps from starting, though nothing runs: it never will.
pub(super) fn stuck(state: &State, figures: &Figures) -> Option<Vec<Event>> {
    for &packed in &state.checks_pending {
        let owner = unpack(packed);
        let asked = check_ram(state, owner);
        let Err(why) = admit_check(state, figures, owner, asked) else {
            continue;
        };
        if why.from_outside() {
            continue;
        }
        if (state.check_of(owner)).is_some_and(|check| check.purpose == Purpose::Base) {
            let on_base = unknown(&format!("it can never start: {why}"));
            return Some(not_compared(state, owner, on_base));
        }
        let reason = format!("its check can never start: {why}");
        return Some(vec![match owner {
            Owner::Agent(ix) => Event::AgentBlocked {
                agent: state.id(ix),
                reason,
                gate: None,
            },
            Owner::Phase(_) | Owner::Cohort(_) => not_passed(state, owner, reason),
        }]);
    }
    state
        .ready
        .iter()
        .find_map(|rank| match admit(state, figures, rank.agent) {
            Err(why) if !why.from_outside() => Some(vec![Event::AgentBlocked {
                agent: state.id(rank.agent),
                reason: format!("can never start: {why}"),
                gate: None,
            }]),
            _ => None,
        })
}

/// Nobody watches and nothing moves: what waits for a person, or for a phase that did not pass,
/// gets its end and its reason, so that none is left without.
fn left_behind(state: &State, figures: &Figures) -> Vec<Event> {
    let setup = &state.setup;
    let closed = state.closed_barrier();
    let mut events = Vec::new();
    for ix in setup.plan.indices() {
        let agent = state.agent(ix);
        let barred =
            closed.filter(|&closed| setup.plan.agent(ix).phase.is_some_and(|p| p > closed));
        let skipped = |reason| Event::AgentSkipped {
            agent: state.id(ix),
            reason,
            by_condition: false,
        };
        let blocked = |reason| Event::AgentBlocked {
            agent: state.id(ix),
            reason,
            gate: None,
        };
        match (agent.status, barred) {
            (Status::Checking, _) if asking(agent.check.as_ref()) => {
                events.push(blocked(not_approved(state, Owner::Agent(ix))));
            }
            (Status::Ready | Status::Checking, Some(phase))
                if agent.status == Status::Ready || state.begins(ix) =>
            {
                events.push(skipped(did_not_pass(state, Owner::Phase(phase))));
            }
            (Status::Checking, Some(phase)) => events.push(blocked(format!(
                "its checks never began: {}",
                did_not_pass(state, Owner::Phase(phase))
            ))),
            (Status::Waiting, _) => {
                let behind = setup.edges_in[ix.ix()]
                    .iter()
                    .filter(|edge| edge.kind != EdgeKind::Soft)
                    .find(|edge| state.agent(edge.from).status == Status::Blocked);
                let shut = state.closed_cohort(ix).map(Owner::Cohort);
                if let Some(edge) = behind {
                    events.push(skipped(waits(state, edge.from)));
                } else if let Some(cohort) = shut.filter(|&cohort| never_passes(state, cohort)) {
                    events.push(skipped(did_not_pass(state, cohort)));
                }
            }
            (Status::Parked, _) if state.parked.contains(&state.rank(ix)) => {
                let why = admit(state, figures, ix).err();
                let why = why.map_or_else(String::new, |why| format!(": {why}"));
                events.push(blocked(format!("it was parked and cannot go on{why}")));
            }
            (Status::Joining, _) => {
                let behind = setup.children[ix.ix()]
                    .iter()
                    .find(|child| state.agent(**child).status == Status::Blocked);
                if let Some(&child) = behind {
                    events.push(blocked(format!("its sub-agent {}", waits(state, child))));
                }
            }
            _ => {}
        }
    }
    events
}

fn waits(state: &State, ix: AgentIx) -> String {
    let reason = state.agent(ix).reason.as_deref().unwrap_or("");
    format!("{} waits for a person: {reason}", state.id(ix))
}

/// Whether a person's yes is waited for.
fn asking(check: Option<&CheckRun>) -> bool {
    check.is_some_and(CheckRun::asks)
}

/// That nobody said yes, and to what.
fn not_approved(state: &State, owner: Owner) -> String {
    let steps = state.checks_of(owner);
    let step = state.check_of(owner).map_or(0, |check| check.step as usize);
    let (gate, question) = steps
        .get(step)
        .map_or(("", ""), |step| (step.gate, step.approve.unwrap_or("")));
    format!("{gate} waits for your yes: {question}")
}

/// The agent of a phase or cohort that waits for a person, and so keeps it from being judged.
fn blocked_member(state: &State, owner: Owner) -> Option<AgentIx> {
    let mut members = state.setup.members_of(owner).iter().copied();
    members.find(|&member| state.agent(member).status == Status::Blocked)
}

/// Whether gates that have not passed never will without a person.
fn never_passes(state: &State, owner: Owner) -> bool {
    let failed =
        |gates: &PhaseState| gates.status == PhaseStatus::Failed || asking(gates.check.as_ref());
    state.gates_of(owner).is_some_and(failed) || blocked_member(state, owner).is_some()
}

/// Names a phase or cohort for people.
fn named(state: &State, owner: Owner) -> String {
    let setup = &state.setup;
    match owner {
        Owner::Agent(ix) => state.id(ix).to_string(),
        Owner::Phase(ix) => format!("phase {}", setup.plan.phases[ix.ix()].id),
        Owner::Cohort(ix) => setup.cohorts[ix.ix()].to_string(),
    }
}

/// Why a phase or cohort did not pass.
fn did_not_pass(state: &State, owner: Owner) -> String {
    let name = named(state, owner);
    let gates = state.gates_of(owner);
    if asking(gates.and_then(|gates| gates.check.as_ref())) {
        let why = not_approved(state, owner);
        return format!("{name} did not pass: {why}");
    }
    if let Some(reason) = gates.and_then(|gates| gates.reason.as_ref()) {
        return format!("{name} failed: {reason}");
    }
    match blocked_member(state, owner) {
        Some(member) => format!("{name} did not pass: {}", waits(state, member)),
        None => format!("{name} did not pass"),
    }
}

/// Exit status as in DESIGN 6. What failed outweighs what waits for a person, and that outweighs
/// what a person stopped: no failure is hidden.
fn status(state: &State) -> u8 {
    match &state.stopping {
        Some(StoppedBy::Signal(number)) => {
            return 128_u8.saturating_add(u8::try_from(*number).unwrap_or(127));
        }
        Some(StoppedBy::GuardLost) => return INTERNAL,
        Some(StoppedBy::Operator) | None => {}
    }
    let mut seen = [false; 6];
    let refused = budget::answered_no(state);
    for ix in state.setup.plan.indices() {
        let agent = state.agent(ix);
        let own = match agent.status {
            Status::Failed if !state.handled_above(ix) => 1,
            Status::Skipped if !agent.by_condition && !agent.left => 1,
            // What it waited for has been mended since; it is still to be done.
            Status::Skipped if agent.left && agent.needs_lost == 0 && !refused => 5,
            Status::Blocked if agent.failure == Some(FailureKind::Validation) => 1,
            Status::Blocked => 5,
            // Behind what a person stopped, whoever took care of that.
            Status::Skipped if agent.left && !agent.by_condition => 3,
            Status::Stopped if !state.handled_above(ix) => 3,
            _ => 0,
        };
        seen[own] = true;
    }
    seen[1] |= gates(state).any(|(_, g)| g.gate_red);
    seen[5] |= gates(state).any(|(_, g)| asking(g.check.as_ref()));
    if let Some(delivery) = state.merges.delivered() {
        // Without a branch the work is nowhere; with one, a person has to take it.
        seen[1] |= delivery.error.is_some() && delivery.branch.is_empty();
        seen[5] |= delivery.error.is_some() || delivery.asks().is_some();
    }
    match seen {
        [_, true, ..] => 1,
        _ if state.stopping.is_some() => 3,
        [.., true] => 5,
        [_, _, _, true, ..] => 3,
        _ => 0,
    }
}

/// Ends a run whose decisions do not come to rest: a fault of the program.
pub(in crate::engine) fn broken(state: &State, last: Option<&Event>) -> Event {
    let kind = last
        .and_then(|event| serde_json::to_value(event).ok())
        .and_then(|value| Some(value.get("kind")?.as_str()?.to_owned()))
        .unwrap_or_default();
    Event::RunFinished {
        status: INTERNAL,
        summary: format!(
            "internal error: decisions did not come to rest, the last was {kind}; \
             please report it with the run's journal"
        ),
        metrics: Box::new(Metrics::of(state)),
    }
}

/// Makes the event that ends the run; what is only about a run that goes on is taken back first.
pub(super) fn finished(state: &State) -> Vec<Event> {
    let mut events = attention::day_gate_over(state);
    events.push(Event::RunFinished {
        status: status(state),
        summary: summary(state),
        metrics: Box::new(Metrics::of(state)),
    });
    events
}

fn summary(state: &State) -> String {
    let (mut begun, mut behind) = (0, 0);
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
        } else if agent.attempt > 0 {
            begun += 1;
        } else {
            behind += 1;
        }
    }
    let mut parts: Vec<String> = counts
        .iter()
        .filter(|c| c.2 > 0)
        .map(|c| format!("{} {}", c.2, c.1))
        .collect();
    if begun > 0 {
        parts.push(format!("{begun} not finished"));
    }
    if behind > 0 {
        parts.push(format!("{behind} not run"));
    }
    for (owner, gates) in gates(state) {
        let name = named(state, owner);
        if asking(gates.check.as_ref()) {
            parts.push(format!("{name}: {}", not_approved(state, owner)));
        } else if let (Owner::Cohort(_), true, Some(reason)) =
            (owner, gates.gate_red, &gates.reason)
        {
            parts.push(format!("{name}: {reason}"));
        }
    }
    parts.extend(budget::left(state));
    parts.extend(deliver::left(state));
    if parts.is_empty() {
        "no agents".to_owned()
    } else {
        parts.join(", ")
    }
}
