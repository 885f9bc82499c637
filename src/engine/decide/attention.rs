//! What waits for a person: raised once when it begins, closed once when it ends.
//!
//! The queue follows from the state alone, so that a crash loses nothing. Must not notify anybody:
//! that is an effect of the event.

use crate::{
    engine::{
        Answer, AttentionAnswered, AttentionKind, AttentionRaised, Event, FailureKind, Item, Owner,
        PhaseStatus, State, Status, evidence_name, state::unpack,
    },
    plan::AgentIx,
};

use super::{budget, deliver, process::names};

/// Raises and closes what has changed; empty when the queue is as it should be.
pub(super) fn look(state: &State) -> Vec<Event> {
    let mut next = state.attention.last_id;
    let mut events = Vec::new();
    for &packed in &state.attention.due {
        let owner = unpack(packed);
        let open = state.attention.open.get(&packed);
        let wanted = wanted(state, owner);
        if let (Some(open), Some(wanted)) = (open, &wanted)
            && same(open, wanted)
        {
            continue;
        }
        if let Some(open) = open {
            events.push(answered(state, open, None, "engine", (None, None)));
        }
        if let Some(item) = wanted {
            next += 1;
            events.push(raised(state, Item { id: next, ..item }));
        }
    }
    match (state.attention.deliver(), deliver::wanted(state)) {
        (Some(open), None) => {
            events.push(answered(state, open, None, "engine", (None, None)));
        }
        (None, Some(item)) => {
            let id = next + 1;
            events.push(raised(state, Item { id, ..item }));
        }
        (Some(_), Some(_)) | (None, None) => {}
    }
    let (open, wanted) = (state.attention.budget(), budget::wanted(state));
    if let (Some(open), Some(wanted)) = (open, &wanted)
        && same(open, wanted)
    {
        return events;
    }
    if let Some(open) = open {
        events.push(answered(state, open, None, "engine", (None, None)));
    }
    if let Some(item) = wanted {
        let id = state.attention.last_id.max(raised_last(&events)) + 1;
        events.push(raised(state, Item { id, ..item }));
    }
    events
}

/// The highest number that is given by events.
fn raised_last(events: &[Event]) -> u32 {
    let numbers = events.iter().filter_map(|event| match event {
        Event::AttentionRaised(raised) => Some(raised.id),
        _ => None,
    });
    numbers.max().unwrap_or(0)
}

/// What a judgement of the 24-hour gate changes: one that does not pass is raised once, in place of
/// the one before; one that passes takes it back.
pub(super) fn judged(state: &State, number: u32, failed: &[String], now_us: u64) -> Vec<Event> {
    if state.stopping.is_some() || (!failed.is_empty() && number <= state.attention.day) {
        return Vec::new();
    }
    let mut events = day_gate_over(state);
    if !failed.is_empty() {
        events.push(raised(
            state,
            Item {
                id: state.attention.last_id + 1,
                kind: AttentionKind::DayGate,
                owner: None,
                attempt: number,
                gate: None,
                title: failed.join("; "),
                since_us: now_us,
            },
        ));
    }
    events
}

/// Takes the open daily gate back: it passes again, or the run it is about has ended.
pub(super) fn day_gate_over(state: &State) -> Vec<Event> {
    let open = state.attention.day_gate();
    let taken = open.map(|item| answered(state, item, None, "engine", (None, None)));
    taken.into_iter().collect()
}

/// Whether what waits is still the same.
fn same(open: &Item, wanted: &Item) -> bool {
    // Where nobody watches, whose approval nobody gave is blocked at the end of the run: it is still
    // that approval which waits.
    let given_up = open.kind == AttentionKind::Approval && wanted.kind == AttentionKind::Blocked;
    // Of one agent, several questions can come at once.
    let asks = matches!(
        open.kind,
        AttentionKind::Permission | AttentionKind::Question
    );
    open.attempt == wanted.attempt
        && !(asks && open.title != wanted.title)
        && ((open.kind == wanted.kind && open.since_us == wanted.since_us) || given_up)
}

/// Everything that waits for a person now, the oldest first; also what was not recorded as waiting
/// yet (`id` 0), as in a journal of an earlier version.
#[must_use]
pub fn waiting(state: &State) -> Vec<Item> {
    let attention = &state.attention;
    let known = attention
        .open
        .iter()
        .filter(|(key, _)| !attention.due.contains(key))
        .map(|(_, item)| item.clone());
    let due = attention.due.iter().filter_map(|&key| {
        let item = wanted(state, unpack(key))?;
        match attention.open.get(&key) {
            Some(open) if same(open, &item) => Some(open.clone()),
            _ => Some(item),
        }
    });
    let mut all: Vec<Item> = known.chain(due).collect();
    all.sort_by_key(|item| (item.since_us, item.place()));
    all
}

/// What of an owner waits for a person, if anything.
fn wanted(state: &State, owner: Owner) -> Option<Item> {
    let approval = || {
        let check = state.check_of(owner)?;
        let steps = state.checks_of(owner);
        let step = steps.get(check.step as usize)?;
        let question = step.approve.filter(|_| check.asks())?;
        Some((
            AttentionKind::Approval,
            Some(step.gate.to_owned()),
            question.to_owned(),
            check.since_us,
        ))
    };
    let (kind, gate, title, since_us) = match owner {
        Owner::Agent(ix) => of_agent(state, ix)
            .or_else(approval)
            .or_else(|| asks(state, ix))
            .or_else(|| predicted(state, ix))?,
        Owner::Phase(_) | Owner::Cohort(_) => of_gates(state, owner).or_else(approval)?,
    };
    Some(Item {
        id: 0,
        kind,
        owner: Some(owner),
        attempt: match owner {
            Owner::Agent(ix) => state.agent(ix).attempt,
            Owner::Phase(_) | Owner::Cohort(_) => state.gates_of(owner)?.attempt,
        },
        gate,
        title,
        since_us,
    })
}

type Found = (AttentionKind, Option<String>, String, u64);

fn of_agent(state: &State, ix: AgentIx) -> Option<Found> {
    let agent = state.agent(ix);
    let kind = kind_of_agent(state, ix)?;
    let red = kind == AttentionKind::FailedGate;
    let gate = agent.red_gate.clone().filter(|_| red);
    let title = agent.reason.clone().unwrap_or_else(|| "failed".to_owned());
    Some((kind, gate, title, agent.since_us))
}

fn kind_of_agent(state: &State, ix: AgentIx) -> Option<AttentionKind> {
    let agent = state.agent(ix);
    match agent.status {
        Status::Blocked if agent.failure == Some(FailureKind::Validation) => {
            Some(AttentionKind::FailedGate)
        }
        Status::Blocked if agent.conflict.is_some() => Some(AttentionKind::Conflict),
        Status::Blocked => Some(AttentionKind::Blocked),
        // A parent that failed with its sub-agents: the sub-agents are what has to be looked at.
        Status::Failed if !agent.lost_parts() => {
            (!state.handled_above(ix)).then_some(AttentionKind::Failed)
        }
        _ => None,
    }
}

/// What it asks: the oldest of its questions.
fn asks(state: &State, ix: AgentIx) -> Option<Found> {
    let ask = state.agent(ix).talk.as_ref()?.asks.first()?;
    let kind = if ask.tool.is_some() {
        AttentionKind::Permission
    } else {
        AttentionKind::Question
    };
    let mut title = ask.text.clone();
    if !ask.options.is_empty() {
        title = format!("{title} ({})", ask.options.join(" | "));
    }
    Some((kind, None, title, ask.since_us))
}

/// A clash with another that runs, and that nobody has seen.
fn predicted(state: &State, ix: AgentIx) -> Option<Found> {
    // It is told of one of the two.
    let mut clashes = state
        .merges
        .clash_of(ix)
        .filter(|(with, p)| ix < *with && !p.seen);
    let (with, clash) = clashes.next()?;
    let files = clash.files.iter().take(3).map(String::as_str);
    let files: Vec<&str> = files.collect();
    let what = format!(
        "would clash with {} in {}",
        state.id(with),
        files.join(", ")
    );
    Some((AttentionKind::Predicted, None, what, clash.since_us))
}

fn of_gates(state: &State, owner: Owner) -> Option<Found> {
    let gates = state.gates_of(owner)?;
    if gates.status != PhaseStatus::Failed {
        return None;
    }
    let title = gates.reason.clone().unwrap_or_else(|| "failed".to_owned());
    if gates.gate_red {
        let gate = gates.red_gate.clone();
        return Some((AttentionKind::FailedGate, gate, title, gates.since_us));
    }
    // Failed by agents that were stopped or skipped: nothing else tells that others wait.
    let open = |ix: AgentIx| !state.agent(ix).status.is_final();
    let plan = &state.setup.plan;
    let others_wait = match owner {
        Owner::Agent(_) => false,
        Owner::Phase(ix) => {
            let later = |&other: &AgentIx| plan.agent(other).phase.is_some_and(|p| p > ix);
            state.closed_barrier() == Some(ix) && plan.indices().filter(later).any(open)
        }
        Owner::Cohort(ix) => state.setup.cohorts[ix.ix()]
            .closes
            .iter()
            .any(|&ix| open(ix)),
    };
    let mut members = state.setup.members_of(owner).iter();
    let silent = others_wait && !members.any(|&ix| kind_of_agent(state, ix).is_some());
    silent.then_some((AttentionKind::FailedPhase, None, title, gates.since_us))
}

fn raised(state: &State, item: Item) -> Event {
    let (agent, phase, cohort) = names(state, item.owner);
    let answers = item.answers().to_vec();
    Event::AttentionRaised(AttentionRaised {
        id: item.id,
        attention: item.kind,
        agent,
        phase,
        cohort,
        attempt: item.attempt,
        gate: item.gate,
        title: item.title,
        since_us: item.since_us,
        answers,
    })
}

/// Whether a text is a link.
pub(super) fn is_link(text: &str) -> bool {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        let plain = |c: char| !c.is_whitespace() && !c.is_control();
        !rest.is_empty() && rest.chars().all(plain)
    })
}

/// Makes the event that closes an item.
pub(super) fn answered(
    state: &State,
    item: &Item,
    answer: Option<Answer>,
    by: &str,
    (text, url): (Option<&str>, Option<&str>),
) -> Event {
    let (agent, phase, cohort) = names(state, item.owner);
    let signed = item.kind == AttentionKind::Approval && answer.is_some();
    let evidence = item.owner.filter(|_| signed).and_then(|owner| {
        let check = state.check_of(owner)?;
        let key = (check.attempt, check.round, check.step);
        Some(evidence_name(&state.setup.key_of(owner), key))
    });
    // A text is all that a screen has room for.
    let link = |text: &str| {
        text.split_whitespace()
            .find(|word| is_link(word))
            .map(str::to_owned)
    };
    let url = url.map(str::to_owned).or_else(|| text.and_then(link));
    Event::AttentionAnswered(AttentionAnswered {
        id: item.id,
        attention: item.kind,
        agent,
        phase,
        cohort,
        answer,
        by: by.to_owned(),
        text: text.map(str::to_owned),
        url,
        evidence,
        waited_us: state.elapsed_us.saturating_sub(item.since_us),
    })
}
