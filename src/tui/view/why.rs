//! What an agent or a phase does now, or why it waits, in words.
//!
//! All text that leaves here is clean.

mod held;
mod work;

use std::fmt::Write as _;

pub use held::long_frozen;
use held::{frozen, parked};
pub use work::check;
use work::{leased, merging};

use super::{
    gates,
    words::{SENTENCE, Tone, names, span, took},
};
use crate::{
    display::{clean_line, clean_text},
    engine::{self, HoldBy, Owner, PhaseStatus, State, Status, StoppedBy},
    plan::{AgentIx, When},
    resources::AgentSample,
};

/// What an agent does now, or why it waits, with its tone.
#[must_use]
pub fn now(
    state: &State,
    figures: &engine::Figures,
    mine: Option<&AgentSample>,
    ix: AgentIx,
    now_us: u64,
) -> (String, Tone) {
    let agent = state.agent(ix);
    let reason = || {
        agent
            .reason
            .as_deref()
            .map(|r| clean_text(r, SENTENCE))
            .unwrap_or_default()
    };
    let since = || span(now_us.saturating_sub(agent.since_us));
    if state.finished.is_some() && !agent.status.is_final() && agent.status != Status::Blocked {
        let word = match agent.started_us {
            Some(_) => "not done",
            None => "not run",
        };
        return (format!("{word}: the run has ended"), Tone::Dim);
    }
    if state.stopping.is_some() && matches!(agent.status, Status::Waiting | Status::Ready) {
        return ("will not run: the run stops".to_owned(), Tone::Dim);
    }
    match agent.status {
        Status::Waiting => (waits_for(state, ix), Tone::Dim),
        Status::Ready => match engine::admit(state, figures, ix) {
            Ok(_) => ("starts next".to_owned(), Tone::Plain),
            Err(engine::Why::Barrier {
                phase,
                failed: true,
            }) if red(state, &phase) => (
                clean_text(&format!("red gate of phase {phase}"), SENTENCE),
                Tone::Warn,
            ),
            Err(engine::Why::Barrier { phase, .. }) if asks(state, &phase) => (
                clean_text(&format!("phase {phase} waits for your yes"), SENTENCE),
                Tone::Warn,
            ),
            Err(why) => (clean_text(&why.to_string(), SENTENCE), Tone::Warn),
        },
        Status::Scheduled => ("its process is being started".to_owned(), Tone::Plain),
        Status::Preparing => ("its workspace is being made".to_owned(), Tone::Plain),
        Status::Merging => merging(state, ix),
        Status::Running => running(state, ix, mine),
        Status::Frozen => frozen(state, figures, mine, ix, &since()),
        Status::Parked => parked(state, figures, ix, &since()),
        Status::Settling => ("its verdict is due".to_owned(), Tone::Plain),
        Status::BackingOff => {
            let left = agent.until_us.saturating_sub(now_us);
            let plan = state.setup.plan.agent(ix);
            let mut text = format!(
                "tries again in {} ({} of {})",
                span(left),
                agent.attempt + 1,
                plan.retry.attempts.max(agent.attempt + 1)
            );
            let reason = reason();
            if !reason.is_empty() {
                text = format!("{text}: {reason}");
            }
            (text, Tone::Warn)
        }
        Status::Joining => {
            let all = state.setup.children[ix.ix()].len();
            let open = agent.children_open as usize;
            (
                format!("{} of {all} sub-agents ended", all.saturating_sub(open)),
                Tone::Plain,
            )
        }
        Status::Checking if agent.check.is_none() && state.begins(ix) => {
            ("what it begins with is looked for".to_owned(), Tone::Plain)
        }
        Status::Checking if agent.check.is_none() => {
            ("what it left is being collected".to_owned(), Tone::Plain)
        }
        Status::Checking => check(state, figures, Owner::Agent(ix)),
        Status::Blocked => {
            let reason = reason();
            let text = match (state.finished, reason.is_empty()) {
                (Some(_), _) => reason,
                (None, true) => "waits for you".to_owned(),
                (None, false) => format!("{reason} · waits for you"),
            };
            (text, Tone::Alert)
        }
        Status::Succeeded => {
            let mut text = format!("took {}", took(agent.ran_us));
            if agent.attempt > 1 {
                let _ = write!(text, " in {} attempts", agent.attempt);
            }
            if agent.handed.is_some_and(|handed| !handed.from_facts) {
                let _ = write!(text, " · handed off");
            }
            if !state.setup.has_process(ix) {
                text.clear();
                text.push_str("all of its sub-agents are done");
            }
            (text, Tone::Dim)
        }
        Status::Failed => {
            let handled = state.handled_above(ix);
            let tone = if handled { Tone::Warn } else { Tone::Bad };
            let mut text = reason();
            if text.is_empty() {
                text.push_str("failed");
            }
            if handled {
                text.push_str(" · handled");
            } else {
                let held = holds_up(state, ix);
                if held > 0 {
                    let _ = write!(text, " · holds up {held}");
                }
            }
            (text, tone)
        }
        Status::Skipped => (reason(), Tone::Dim),
        Status::Stopped => (stopped(state, ix, &since()), Tone::Dim),
    }
}

/// When it was stopped, and by whom. The record of an agent's stop does not say; where no person
/// stopped the run, what did is said beside it.
fn stopped(state: &State, ix: AgentIx, since: &str) -> String {
    let started = if state.agent(ix).attempt == 0 {
        ": it never started"
    } else {
        ""
    };
    match &state.stopping {
        Some(StoppedBy::Signal(number)) => {
            let name = signal(*number);
            format!("stopped {since} ago{started} · {name} stopped the run")
        }
        Some(StoppedBy::GuardLost) => {
            format!("stopped {since} ago{started} · the run ends without its guard")
        }
        Some(StoppedBy::Operator) | None => format!("stopped by you {since} ago{started}"),
    }
}

/// A signal's name.
fn signal(number: i32) -> String {
    match number {
        1 => "SIGHUP".to_owned(),
        2 => "SIGINT".to_owned(),
        15 => "SIGTERM".to_owned(),
        n => format!("signal {n}"),
    }
}

/// The key of the deck that lets an agent go on, to stand behind [`now`]; empty where none does.
#[must_use]
pub fn key(state: &State, figures: &engine::Figures, ix: AgentIx, now_us: u64) -> &'static str {
    let agent = state.agent(ix);
    if state.finished.is_some() || state.stopping.is_some() {
        return "";
    }
    let held = agent.hold == Some(HoldBy::Operator);
    match agent.status {
        Status::Blocked if agent.conflict.is_some() => ": ! leads to its sides",
        Status::Blocked => ": r tries again",
        Status::Running if agent.asking() => " · ! answers",
        Status::Frozen if held && long_frozen(state, ix, now_us) => " · p lets it go or parks it",
        Status::Frozen if held => " · p lets it go",
        Status::Parked if held => " · p lets it go on",
        Status::Waiting | Status::Ready if held => ": p lets it go",
        Status::Ready => match engine::admit(state, figures, ix) {
            Err(engine::Why::Barrier { failed: true, .. }) => ": r on it",
            Err(engine::Why::Barrier { phase, .. }) if asks(state, &phase) => ": ! answers",
            _ => "",
        },
        _ => "",
    }
}

/// Whether a phase has a red gate.
fn red(state: &State, phase: &str) -> bool {
    state
        .phase_ix(phase)
        .is_some_and(|ix| state.phases[ix.ix()].gate_red)
}

/// Whether a phase stands at a gate that asks a person.
fn asks(state: &State, phase: &str) -> bool {
    state.phase_ix(phase).is_some_and(|ix| {
        let owner = Owner::Phase(ix);
        let step = state.check_of(owner).map(|run| run.step as usize);
        step.and_then(|step| state.checks_of(owner).into_iter().nth(step))
            .is_some_and(|step| step.approve.is_some())
    })
}

fn running(state: &State, ix: AgentIx, mine: Option<&AgentSample>) -> (String, Tone) {
    let agent = state.agent(ix);
    if let Some(ending) = agent.live.as_ref().and_then(|live| live.ending) {
        let text = match ending {
            engine::Ending::Timeout => "out of time, is being ended",
            engine::Ending::Stop => "is being stopped",
            engine::Ending::Park => "is being parked",
            engine::Ending::Swap => "ends, another worker takes over",
            engine::Ending::RunStop => "is being ended with the run",
            engine::Ending::Reopened => "is being ended: what it judges is open again",
            engine::Ending::Told => "its turn is broken off, it is told something",
            engine::Ending::Opened => "its turn is broken off, you open its session",
            engine::Ending::Closed => "its session is handed back",
            engine::Ending::Silent => "silent for too long, is being ended",
            engine::Ending::TooLarge => "holds more than its ram_max, is being ended",
            engine::Ending::Unanswered => "asks, and nobody is there: is being ended",
            engine::Ending::Preempted => "is being ended, goes again after the phase before it",
        };
        return (text.to_owned(), Tone::Warn);
    }
    if let Some((ask, more)) = (agent.talk.as_ref()).and_then(|talk| talk.asks.split_first()) {
        let mut text = format!("asks: {}", clean_text(&ask.text, SENTENCE));
        if !more.is_empty() {
            let _ = write!(text, " · {} more", more.len());
        }
        return (text, Tone::Alert);
    }
    if let Some(text) = leased(state, ix) {
        return (text, Tone::Warn);
    }
    if agent.opened() {
        return ("you work in its session".to_owned(), Tone::Warn);
    }
    if agent
        .talk
        .as_ref()
        .is_some_and(|talk| talk.wished.is_some())
    {
        let text = "its session opens at the end of this turn";
        return (text.to_owned(), Tone::Warn);
    }
    match mine {
        Some(sample) if !sample.line.is_empty() => {
            (clean_line(&sample.line, SENTENCE), Tone::Plain)
        }
        Some(sample) if sample.output_bytes == 0 => ("no output yet".to_owned(), Tone::Dim),
        Some(_) => ("nothing said yet".to_owned(), Tone::Dim),
        None => (String::new(), Tone::Dim),
    }
}

/// What an agent waits for: the needs that are open.
fn waits_for(state: &State, ix: AgentIx) -> String {
    let plan = &state.setup.plan;
    let open = state.setup.edges_in[ix.ix()].iter().filter(|edge| {
        let from = state.agent(edge.from);
        match &edge.kind {
            engine::EdgeKind::Soft => false,
            engine::EdgeKind::SubAgent => !from.own_done,
            engine::EdgeKind::Need(_) | engine::EdgeKind::Sibling => !from.status.is_final(),
        }
    });
    let mut text = String::from("after ");
    // What is blocked is told, so that it is plain on whom everybody waits.
    let mut first: Vec<&engine::Edge> = open.clone().collect();
    let blocked = |e: &engine::Edge| state.agent(e.from).status == Status::Blocked;
    first.sort_by_key(|e| !blocked(e));
    let told: Vec<String> = first
        .into_iter()
        .map(|e| {
            let id = plan.agent(e.from).id.as_str();
            if blocked(e) {
                format!("{id} (blocked)")
            } else {
                id.to_owned()
            }
        })
        .collect();
    let list = names(told.iter().map(String::as_str), 4);
    if list.is_empty() {
        if state.agent(ix).hold == Some(HoldBy::Operator) {
            return "held by you".to_owned();
        }
        if let Some(cohort) = state.closed_cohort(ix) {
            return gates::waits(state, cohort);
        }
        return "its needs are met".to_owned();
    }
    text.push_str(&list);
    let condition = open.clone().find_map(|e| match &e.kind {
        engine::EdgeKind::Need(When::Failed) => Some("fails"),
        engine::EdgeKind::Need(When::Skipped) => Some("is skipped"),
        _ => None,
    });
    if let Some(condition) = condition {
        text = format!("only if {list} {condition}");
    }
    if state.agent(ix).hold == Some(HoldBy::Operator) {
        text.push_str(" · held by you");
    }
    text
}

/// How many agents that have not ended hang on one directly.
fn holds_up(state: &State, ix: AgentIx) -> usize {
    state.setup.edges_out[ix.ix()]
        .iter()
        .filter(|e| e.kind != engine::EdgeKind::Soft && !state.agent(e.to).status.is_final())
        .count()
}

/// Where a phase stands, in few words.
#[must_use]
pub fn phase(state: &State, figures: &engine::Figures, at: usize) -> (String, Tone) {
    let phase = &state.phases[at];
    match phase.status {
        PhaseStatus::Waiting => (String::new(), Tone::Dim),
        PhaseStatus::Running => (String::new(), Tone::Plain),
        PhaseStatus::Checking => check(state, figures, Owner::Phase(crate::plan::PhaseIx::of(at))),
        PhaseStatus::Completed => ("complete".to_owned(), Tone::Good),
        PhaseStatus::Failed => (
            phase
                .reason
                .as_deref()
                .map_or_else(|| "failed".to_owned(), |r| clean_text(r, SENTENCE)),
            Tone::Bad,
        ),
    }
}
