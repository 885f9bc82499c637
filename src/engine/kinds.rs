//! Kinds of agents: those that the same limits let in or hold back.
//!
//! Only what admission looks at counts, and only where the plan limits it. Memory is left out where
//! an agent has one mode: it differs most, and is compared as a number.

use std::collections::BTreeMap;

use crate::plan::{Agent, AgentIx, PhaseIx, Plan, Priority, TrackIx};

/// What all agents of a kind have in common.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Kind<'a> {
    phase: Option<PhaseIx>,
    track: Option<TrackIx>,
    priority: Priority,
    /// Where sub-agents are counted by their parent.
    parent: Option<AgentIx>,
    wave: Option<u32>,
    exclusive: bool,
    /// Its worker is chosen among those that have it.
    capability: Option<&'a str>,
    modes: Vec<Cost<'a>>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Cost<'a> {
    ram_bytes: Option<u64>,
    cpus_milli: u64,
    uses: &'a BTreeMap<String, u64>,
    spends: &'a BTreeMap<String, u64>,
    tokens: u64,
    provider: Option<&'a str>,
}

fn kind<'a>(plan: &'a Plan, agent: &'a Agent, wave: u32, by_parent: bool) -> Kind<'a> {
    let limits = &plan.limits;
    let several = agent.modes.len() > 1;
    Kind {
        phase: agent.phase,
        track: agent
            .track
            .filter(|_| limits.tracks.is_some() || !limits.per_track.is_empty()),
        priority: agent.priority,
        parent: agent.parent.filter(|_| by_parent),
        wave: limits.per_wave.contains_key(&wave).then_some(wave),
        exclusive: agent.exclusive,
        capability: agent.capability.as_deref(),
        modes: agent
            .modes
            .iter()
            .map(|mode| Cost {
                ram_bytes: several.then_some(mode.ram_bytes),
                cpus_milli: mode.cpus_milli,
                uses: &mode.uses,
                spends: &mode.spends,
                tokens: mode.tokens,
                provider: (mode.worker).and_then(|w| plan.workers[w.ix()].provider()),
            })
            .collect(),
    }
}

/// Numbers the kinds of a plan's agents, by agent. `waves` counts from 1.
///
/// `by_parent`: sub-agents of different parents are of different kinds.
pub(super) fn kinds(plan: &Plan, waves: &[u32], by_parent: bool) -> Vec<u32> {
    let mut known: BTreeMap<Kind<'_>, u32> = BTreeMap::new();
    plan.agents
        .iter()
        .zip(waves)
        .map(|(agent, &wave)| {
            let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
            *known
                .entry(kind(plan, agent, wave, by_parent))
                .or_insert(next)
        })
        .collect()
}
