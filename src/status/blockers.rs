//! What is in the way of a track, how bad it is, and what will be done about it.
//!
//! Severity, the first that fits: *critical*: it waits for a person and holds others up, or nothing
//! else of the track can move; a red gate; recording has a fault. *High*: it waits for a person, or
//! nothing may start for memory. *Medium*: it is late, silent, tried again or frozen, or memory is
//! orange or red. *Low*: a rule holds it back until there is room. What agents say has the
//! severity that they give it. Must not change anything.

use std::collections::BTreeSet;

use crate::{
    display::{clean_line, figures::span},
    engine::{
        Blocker, CohortIx, EdgeKind, Health, HoldBy, Owner, PhaseState, Severity, State, Status,
        Zone,
    },
    plan::{AgentIx, PhaseIx},
};

use super::project::{Facts, said_now};

/// An agent is behind plan when it has not ended a quarter of its expected time after it should
/// have, but no less than this, µs.
const LATE_LEAST_US: u64 = 5 * 1_000_000;
/// Most agents that a card names for themselves.
const LISTED: usize = 20;
/// Agents that are held up are counted so far.
const MOST_HELD: usize = 100;
/// What can be done about a run that has ended.
const AFTERWARDS: &str = "the run has ended: mend the cause, then a new `wavedeck run` tries again";
/// Longest reason, in columns.
const REASON: usize = 160;

/// How far an agent is behind the schedule that the run began with, µs; none: it is not.
pub(super) fn late(facts: Facts<'_>, ix: AgentIx) -> Option<u64> {
    let agent = facts.state.agent(ix);
    if agent.status.is_final() || facts.state.finished.is_some() {
        return None;
    }
    let (start, end) = facts.planned?.of(ix)?;
    let spare = (end.saturating_sub(start) / 4).max(LATE_LEAST_US);
    let late = facts.now_us.checked_sub(end)?;
    (late > spare).then_some(late)
}

/// All of it, the worst first.
pub(super) fn of(facts: Facts<'_>, members: &[AgentIx]) -> Vec<Blocker> {
    let state = facts.state;
    let open = |ix: &AgentIx| !state.agent(*ix).status.is_final();
    let mut out = Vec::new();
    if members.iter().any(open) && state.finished.is_none() {
        of_the_run(facts, &mut out);
    }
    gates(state, members, &mut out);
    // Whoever can still go on by itself.
    let moves = members.iter().any(|&ix| moves(state, ix));
    let mut people = members.iter().filter(|ix| needs_a_person(state, **ix));
    let named = people.by_ref().take(LISTED);
    out.extend(named.filter_map(|&ix| for_a_person(state, ix, moves)));
    let more = people.count();
    if more > 0 {
        let worst = out.iter().map(|b| b.severity).min();
        let what = format!("{more} more wait for a person");
        out.push(blocker(
            worst.unwrap_or(Severity::High),
            &what,
            "`wavedeck status` lists them",
        ));
    }
    let alone = members.iter().filter_map(|&ix| by_itself(state, ix));
    out.extend(alone.take(LISTED));
    for &ix in members {
        said(state, ix, &mut out);
    }
    behind(facts, members, &mut out);
    out.sort_by_key(|b| b.severity);
    out
}

fn blocker(severity: Severity, what: &str, plan: &str) -> Blocker {
    Blocker {
        blocker: clean_line(what.replace(['\n', '\r'], " "), 300),
        severity,
        resolution_plan: clean_line(plan, 300),
        by: String::new(),
    }
}

fn of_the_run(facts: Facts<'_>, out: &mut Vec<Blocker>) {
    let state = facts.state;
    if let Some(fault) = &state.degraded {
        out.push(blocker(
            Severity::Critical,
            &format!("recording has a fault, nothing new starts: {fault}"),
            "free space on the disk; it goes on by itself",
        ));
    }
    let zone = state.memory.zone;
    let pressure = facts.sample.map_or(String::new(), |s| {
        format!(" ({} % pressure)", s.figures.pressure_permille / 10)
    });
    if state.memory.halted {
        out.push(blocker(
            Severity::High,
            &format!("memory is full, nothing starts{pressure}"),
            "starts go on by themselves when memory is free",
        ));
    } else if zone >= Zone::Orange {
        out.push(blocker(
            Severity::Medium,
            &format!("memory is {}{pressure}", zone.name()),
            "freeze or stop what can wait: `wavedeck ctl pause TARGET`",
        ));
    }
}

/// Red gates of phases, tracks, waves and the run that agents of the track are in, or behind.
fn gates(state: &State, members: &[AgentIx], out: &mut Vec<Blocker>) {
    let barrier = state.closed_barrier();
    for (i, phase) in state.phases.iter().enumerate() {
        if !phase.gate_red {
            continue;
        }
        let ix = PhaseIx::of(i);
        let concerns = members.iter().any(|&member| {
            let own = state.setup.plan.agent(member).phase;
            let behind = barrier == Some(ix)
                && own.is_some_and(|own| own > ix)
                && !state.agent(member).status.is_final();
            own == Some(ix) || behind
        });
        if concerns {
            let id = &state.setup.plan.phases[i].id;
            let (name, again) = (format!("phase {id}"), format!("phase:{id}"));
            out.push(red(state, Owner::Phase(ix), phase, &name, &again));
        }
    }
    for (i, (cohort, gates)) in state.setup.cohorts.iter().zip(&state.cohorts).enumerate() {
        let owner = Owner::Cohort(CohortIx::of(i));
        let behind = || state.stopped_by(owner);
        let concerns = |ix: &AgentIx| members.binary_search(ix).is_ok();
        if gates.gate_red && (cohort.members.iter().any(concerns) || behind().iter().any(concerns))
        {
            let (name, again) = (cohort.to_string(), cohort.name.as_str());
            out.push(red(state, owner, gates, &name, again));
        }
    }
}

/// A red gate over more than one agent, and whom it stops.
fn red(state: &State, owner: Owner, gates: &PhaseState, name: &str, again: &str) -> Blocker {
    let reason = gates.reason.as_deref().unwrap_or("a gate is red");
    let held = state.stopped_by(owner);
    let first = held.first().map(|ix| state.id(*ix));
    let stops = match (first, held.len()) {
        (None, _) => String::new(),
        (Some(first), 1) => format!(" (stops {first})"),
        (Some(first), n) => format!(" (stops {first} and {} more)", n - 1),
    };
    let plan = match state.finished {
        Some(_) => AFTERWARDS.to_owned(),
        None => format!("mend the cause, then `wavedeck ctl retry {again}`"),
    };
    let reason = clean_line(reason, REASON);
    let what = format!("{name} does not pass: {reason}{stops}");
    blocker(Severity::Critical, &what, &plan)
}

/// Whether an agent does not go on without a person.
fn needs_a_person(state: &State, ix: AgentIx) -> bool {
    match state.agent(ix).status {
        Status::Blocked | Status::Stopped => true,
        Status::Failed => !state.handled_above(ix),
        _ => false,
    }
}

/// What is in the way of such an agent; `moves`: others of its track go on.
fn for_a_person(state: &State, ix: AgentIx, moves: bool) -> Option<Blocker> {
    let agent = state.agent(ix);
    let id = state.id(ix);
    let (what, remedy) = match agent.status {
        Status::Blocked => ("is blocked", "mend the cause, then "),
        Status::Failed => ("failed", "mend the cause, then "),
        Status::Stopped => ("was stopped", ""),
        _ => return None,
    };
    let held = holds_up(state, ix);
    if agent.status == Status::Stopped && held == 0 {
        return None;
    }
    let severity = if held == 0 && moves {
        Severity::High
    } else {
        Severity::Critical
    };
    let reason = agent.reason.as_deref().unwrap_or_default();
    let reason = match clean_line(reason, REASON) {
        reason if reason.is_empty() => reason,
        reason => format!(": {reason}"),
    };
    let holds = match held {
        0 => String::new(),
        MOST_HELD => format!(" (holds up {MOST_HELD} and more)"),
        n => format!(" (holds up {n})"),
    };
    let plan = match state.finished {
        Some(_) => AFTERWARDS.to_owned(),
        None => format!("{remedy}`wavedeck ctl retry {id}`"),
    };
    let what = format!("{id} {what}{reason}{holds}");
    Some(blocker(severity, &what, &plan))
}

/// An agent that is held back or in danger, and may come out of it by itself.
fn by_itself(state: &State, ix: AgentIx) -> Option<Blocker> {
    if state.finished.is_some() {
        return None;
    }
    let agent = state.agent(ix);
    let id = state.id(ix);
    let reason = || clean_line(agent.reason.as_deref().unwrap_or_default(), REASON);
    Some(match agent.status {
        Status::BackingOff => blocker(
            Severity::Medium,
            &format!("{id} failed and is tried again: {}", reason()),
            "the next attempt starts by itself",
        ),
        Status::Frozen if agent.hold == Some(HoldBy::Operator) => blocker(
            Severity::Medium,
            &format!("{id} is frozen by a person"),
            &format!("`wavedeck ctl resume {id}`"),
        ),
        Status::Frozen => blocker(
            Severity::Low,
            &format!("{id} is frozen until there is room"),
            "it goes on by itself",
        ),
        Status::Running if agent.quiet => blocker(
            Severity::Medium,
            &format!("{id} is silent for longer than it should be"),
            &format!("read `wavedeck logs {id}`; `wavedeck ctl stop {id}` ends it"),
        ),
        Status::Running if agent.failures > 0 => blocker(
            Severity::Medium,
            &format!("{id} is in attempt {}", agent.attempt),
            "nothing: it runs",
        ),
        _ => return None,
    })
}

/// What an agent says that is in its way.
fn said(state: &State, ix: AgentIx, out: &mut Vec<Blocker>) {
    let Some(words) = said_now(state, ix) else {
        return;
    };
    let by = state.id(ix).to_string();
    if words.blockers.is_empty() && words.status == Some(Health::Blocked) {
        let doing = words.doing.as_deref().unwrap_or("it does not say by what");
        out.push(Blocker {
            by: by.clone(),
            ..blocker(
                Severity::High,
                &format!("{by} says that it is blocked: {doing}"),
                "",
            )
        });
    }
    out.extend(words.blockers.iter().map(|said| Blocker {
        by: by.clone(),
        ..said.clone()
    }));
}

/// Agents behind plan in one line: the schedule slips as a whole.
fn behind(facts: Facts<'_>, members: &[AgentIx], out: &mut Vec<Blocker>) {
    let late: Vec<(u64, AgentIx)> = members
        .iter()
        .filter_map(|&ix| Some((late(facts, ix)?, ix)))
        .collect();
    if let Some((us, ix)) = late.iter().max() {
        let id = facts.state.id(*ix);
        let what = match late.len() {
            1 => format!("{id} is ~{} behind plan", span(*us)),
            n => format!("{n} agents are behind plan, {id} most: ~{}", span(*us)),
        };
        out.push(blocker(
            Severity::Medium,
            &what,
            "what waits starts as soon as there is room",
        ));
    }
}

/// Whether an agent goes on without help: it works, or will when others have ended.
fn moves(state: &State, ix: AgentIx) -> bool {
    let agent = state.agent(ix);
    match agent.status {
        Status::Ready
        | Status::Scheduled
        | Status::Preparing
        | Status::Running
        | Status::BackingOff
        | Status::Joining
        | Status::Checking
        | Status::Merging
        | Status::Settling => agent.hold.is_none(),
        Status::Frozen => agent.hold == Some(HoldBy::Rule),
        _ => false,
    }
}

/// How many agents cannot begin before this one is done; counted to [`MOST_HELD`].
fn holds_up(state: &State, ix: AgentIx) -> usize {
    let mut held: BTreeSet<AgentIx> = BTreeSet::new();
    let mut next = vec![ix];
    while let Some(at) = next.pop() {
        let after = state.setup.edges_out[at.ix()]
            .iter()
            .filter(|edge| edge.kind != EdgeKind::Soft)
            .map(|edge| edge.to);
        let parent = state.setup.plan.agent(at).parent;
        for to in after.chain(parent) {
            if !state.agent(to).status.is_final() && held.insert(to) {
                next.push(to);
            }
        }
        if held.len() > MOST_HELD {
            return MOST_HELD;
        }
    }
    // A closed barrier holds up all later phases.
    let phase = state.setup.plan.agent(ix).phase;
    if phase.is_some() && state.closed_barrier() == phase {
        let later = state.setup.plan.indices().filter(|&later| {
            state.setup.plan.agent(later).phase > phase && !state.agent(later).status.is_final()
        });
        held.extend(later.take(MOST_HELD));
    }
    held.remove(&ix);
    held.len().min(MOST_HELD)
}
