//! Where the checks, the merge and the leased commands of an agent stand, in words.
//!
//! All text that leaves here is clean.

use super::super::words::{SENTENCE, Tone};
use crate::{
    display::{clean_line, clean_text, figures::ordinal},
    engine::{self, CheckRun, JobState, MergeStage, Owner, Purpose, State},
    plan::AgentIx,
};

/// What a command inside of an agent waits for; of several the first in line.
pub(super) fn leased(state: &State, ix: AgentIx) -> Option<String> {
    let waiting = state.leases_of(ix).filter(|lease| lease.waits());
    let placed = waiting.filter_map(|lease| Some((state.lease_place(lease.number)?, lease)));
    let mut all: Vec<_> = placed.collect();
    all.sort_by_key(|(place, _)| *place);
    let ((place, first), more) = all.split_first()?;
    let (name, size) = (
        clean_line(&first.name, 40),
        engine::size_asked(first.ram_bytes),
    );
    let more = match more.len() {
        0 => String::new(),
        n => format!(" · {n} more"),
    };
    Some(format!(
        "waits for {name}: {} in line, {size}{more}",
        ordinal(*place)
    ))
}

/// Where the checks of an agent, a phase or a cohort stand.
#[must_use]
pub fn check(state: &State, figures: &engine::Figures, owner: Owner) -> (String, Tone) {
    let Some(run) = state.check_of(owner) else {
        return ("its checks begin".to_owned(), Tone::Plain);
    };
    let steps = state.checks_of(owner);
    let step = steps.get(run.step as usize);
    let command = step.map_or_else(String::new, |s| clean_text(&s.argv.join(" "), 120));
    let gate = clean_line(step.map_or("check", |s| s.gate), 40);
    if let Some(question) = step.and_then(|s| s.approve) {
        let question = clean_text(question, SENTENCE);
        let text = format!("{gate} waits for your yes: {question}");
        return (text, Tone::Alert);
    }
    let number = format!("{} of {}", state.nth_step(owner), run.steps);
    let (mut text, mut tone) = match run.purpose {
        Purpose::Base => (
            format!("{gate} is red; on the base, to compare: {command}"),
            Tone::Warn,
        ),
        Purpose::Repeat => (
            format!("{gate} was red, once more{}: {command}", place(run)),
            Tone::Warn,
        ),
        Purpose::Judge => (
            format!("{gate} {number}{}: {command}", place(run)),
            Tone::Plain,
        ),
    };
    if run.frozen {
        text.push_str(" · frozen");
    }
    if run.job == JobState::Pending
        && let Err(why) =
            engine::admit_check(state, figures, owner, step.map_or(0, |s| s.ram_bytes))
    {
        text = format!("{text} waits: {}", clean_text(&why.to_string(), SENTENCE));
        tone = Tone::Warn;
    }
    (text, tone)
}

/// What is judged, where it is not what the agent left.
const fn place(run: &CheckRun) -> &'static str {
    if run.merged {
        " on the merged result"
    } else {
        ""
    }
}

/// Where an agent stands in the merge queue.
pub(super) fn merging(state: &State, ix: AgentIx) -> (String, Tone) {
    let merges = &state.merges;
    if let Some(now) = merges.now.as_ref().filter(|now| now.agent == ix) {
        if let (MergeStage::Trying, Some(why)) = (&now.stage, &now.why) {
            let text = clean_line(format!("its merge waits for room: {why}"), 200);
            return (text, Tone::Warn);
        }
        let text = match now.stage {
            MergeStage::Advancing => "is being merged",
            MergeStage::Conflict(_) => "its merge clashes",
            _ => "its merge is being tried",
        };
        return (text.to_owned(), Tone::Plain);
    }
    // Whoever is held lets others go first.
    let held = |ix: AgentIx| state.agent(ix).hold == Some(engine::HoldBy::Operator);
    if held(ix) {
        let text = "waits to be merged: held by you";
        return (text.to_owned(), Tone::Warn);
    }
    let queue = merges.queue.iter().map(|(_, queued)| *queued);
    let before = queue.take_while(|&queued| queued != ix);
    let before: Vec<AgentIx> = before.filter(|&queued| !held(queued)).collect();
    let ahead = before.last().copied();
    let text = match ahead.or_else(|| merges.now.as_ref().map(|now| now.agent)) {
        Some(other) => {
            let other = clean_line(state.setup.plan.agent(other).id.as_str(), 40);
            let place = before.len() + usize::from(merges.now.is_some());
            let place = if place > 1 {
                format!(" ({place} before it)")
            } else {
                String::new()
            };
            format!("waits to be merged behind {other}{place}")
        }
        None => "is merged next".to_owned(),
    };
    (text, Tone::Plain)
}
