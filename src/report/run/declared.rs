//! What the plan states of its agents and they did not keep, this run with those before it (requirement D6).
//!
//! Must not point at guesses: what nobody stated nobody has to mend.

use std::fmt::Write as _;

use super::markdown::text;
use crate::{
    engine::{Exit, State},
    plan::AgentIx,
    report::off::sentences,
    schedule::learnt::{Average, Observed, Off},
};

/// Sentences that a report has at most; `report.json` has all.
const LINES: usize = 30;

/// Returns what is off by twice or more, in the plan's order.
pub(super) fn off(state: &State) -> Vec<Off> {
    let indices = state.setup.plan.indices();
    indices.filter_map(|ix| off_of(state, ix)).collect()
}

fn off_of(state: &State, ix: AgentIx) -> Option<Off> {
    let (setup, agent) = (&state.setup, state.agent(ix));
    if agent.attempt == 0 || !setup.has_process(ix) {
        return None;
    }
    let known = setup.learnt_of(ix, agent.mode).filter(|one| one.need.own);
    let mut took = known.map_or_else(Observed::default, |one| (&one.need).into());
    // What commands in it have leased is in its peak.
    if setup.plan.leases.is_empty() {
        took.most_bytes = took.most_bytes.max(agent.peak_bytes);
    }
    let went_on = agent.talk.as_ref().is_some_and(|talk| talk.went_on);
    let last = agent.last.as_ref();
    let whole = last.filter(|end| end.exit == Exit::Code(0) && end.ending.is_none() && !went_on);
    if let Some(end) = whole {
        took.times = took.times.saturating_add(1);
        let before = took.duration_us.map(Average::first);
        let mean = before.map_or(end.ran_us, |before| before.and(end.ran_us).mean);
        took.duration_us = Some(mean);
    }
    let worker = state.mode_of(ix).worker;
    let worker = worker.and_then(|worker| setup.plan.workers.get(worker.ix()));
    let worker = worker.map(|worker| worker.name.as_str());
    let id = setup.plan.agent(ix).id.as_str();
    Off::new(id, worker, setup.declared(ix, agent.mode), took)
}

pub(super) fn render(out: &mut String, off: &[Off]) {
    if off.is_empty() {
        return;
    }
    out.push_str("## Stated and used\n\n");
    let all: Vec<String> = off.iter().flat_map(sentences).collect();
    for sentence in all.iter().take(LINES) {
        let _ = writeln!(out, "- {}", text(sentence));
    }
    if all.len() > LINES {
        let _ = writeln!(out, "\n{} more in `report.json`.", all.len() - LINES);
    }
    out.push('\n');
}
