//! How workers did in earlier runs of a repository, for agents that name a capability in place of a worker.
//!
//! Read once, before a run, and kept with it. Bounded in runs and bytes; a journal that cannot be read counts
//! nothing. Must not judge: what the figures mean is the engine's business.

use std::{collections::BTreeMap, fs, path::Path};

use crate::{
    engine::{Cause, Event, Tally},
    journal::{Line, Reader, RunDir, Store},
    plan::Plan,
};

/// Runs that are read, the newest first.
const RUNS: usize = 20;
/// Bytes of journals that are read in all.
const BYTES: u64 = 64 << 20;

/// How the workers of the runs in a store did, by name; empty where the plan leaves no worker to be chosen.
#[must_use]
pub fn of(plan: &Plan, root: &Path, home: Option<&Path>) -> BTreeMap<String, Tally> {
    let mut tallies = BTreeMap::new();
    let chooses = (plan.agents.iter()).any(|a| a.capability.is_some() && a.modes.len() > 1);
    let runs = chooses.then(|| Store::find(root, home)).flatten();
    let runs = runs.and_then(|store| store.runs().ok()).unwrap_or_default();
    let mut left = BYTES;
    for run in runs.iter().take(RUNS) {
        let size = fs::metadata(run.journal()).map_or(0, |about| about.len());
        let Some(rest) = left.checked_sub(size) else {
            break;
        };
        left = rest;
        count(run, &mut tallies);
    }
    tallies
}

/// Adds how the attempts of a run ended: as the engine counts those of its own run.
fn count(run: &RunDir, tallies: &mut BTreeMap<String, Tally>) {
    let Ok(mut reader) = Reader::open(&run.path) else {
        return;
    };
    let mut workers: BTreeMap<String, String> = BTreeMap::new();
    while let Ok(Some(line)) = reader.next() {
        let Line::Record(record) = line else { continue };
        let (agent, succeeded) = match &record.event {
            Event::AgentScheduled {
                agent,
                worker: Some(worker),
                ..
            } => {
                workers.insert(agent.to_string(), worker.clone());
                continue;
            }
            Event::AgentCompleted { agent, .. } => (agent, true),
            Event::AgentFailed { agent, .. }
            | Event::AgentRetrying {
                agent,
                cause: Cause::Failure,
                ..
            } => (agent, false),
            _ => continue,
        };
        if let Some(worker) = workers.get(agent.as_str()) {
            let tally = tallies.entry(worker.clone()).or_default();
            tally.ended = tally.ended.saturating_add(1);
            tally.succeeded = tally.succeeded.saturating_add(u32::from(succeeded));
        }
    }
}
