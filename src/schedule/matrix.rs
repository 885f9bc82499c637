//! The resource matrix (requirement A6): what each track and phase takes, and the whole at its peak.

use std::collections::BTreeMap;

use crate::{
    graph::Graph,
    plan::{PhaseIx, Plan, TrackIx},
};

use super::{
    capacity::{Choices, token_rate},
    dispatch::{Item, Schedule},
};

/// What one row of the matrix takes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Row {
    /// Agents with work of their own.
    pub agents: u32,
    /// Agents at once.
    pub peak_agents: u32,
    /// Memory at once.
    pub peak_ram_bytes: u64,
    /// Milli-CPUs at once.
    pub peak_cpus_milli: u64,
    /// Tokens per minute at once.
    pub peak_tokens_per_minute: u64,
    /// Other renewable resources at once.
    pub peak_resources: BTreeMap<String, u64>,
    /// Tokens in all.
    pub tokens: u64,
    /// Whatever else is used up, in all.
    pub spends: BTreeMap<String, u64>,
    /// Cost in millionths of a dollar, where it is known.
    pub cost_microusd: Option<u64>,
    /// Durations of all agents together.
    pub work_us: u64,
    /// Whether a duration in it is a guess.
    pub guessed: bool,
}

/// The resource matrix.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Matrix {
    /// Tracks in declared order, then what has no track; rows without agents are left out.
    pub tracks: Vec<(Option<TrackIx>, Row)>,
    /// Phases in declared order, then what has no phase; rows without agents are left out.
    pub phases: Vec<(Option<PhaseIx>, Row)>,
    /// The whole run.
    pub all: Row,
}

impl Matrix {
    /// Computes the matrix of a schedule.
    #[must_use]
    pub fn new(plan: &Plan, graph: &Graph, choices: &Choices, schedule: &Schedule) -> Self {
        let items: Vec<&Item> = schedule
            .items
            .iter()
            .filter(|item| !graph.is_group(item.agent))
            .collect();
        let tracks = (0..plan.tracks.len())
            .map(TrackIx::of)
            .map(Some)
            .chain([None]);
        let phases = (0..plan.phases.len())
            .map(PhaseIx::of)
            .map(Some)
            .chain([None]);
        let mut by_track: BTreeMap<Option<TrackIx>, Vec<&Item>> = BTreeMap::new();
        let mut by_phase: BTreeMap<Option<PhaseIx>, Vec<&Item>> = BTreeMap::new();
        for &item in &items {
            by_track
                .entry(plan.agent(item.agent).track)
                .or_default()
                .push(item);
            by_phase
                .entry(plan.agent(item.agent).phase)
                .or_default()
                .push(item);
        }
        let row = |items: &[&Item]| row(plan, choices, items);
        Self {
            tracks: tracks
                .filter_map(|t| Some((t, row(by_track.get(&t)?))))
                .collect(),
            phases: phases
                .filter_map(|p| Some((p, row(by_phase.get(&p)?))))
                .collect(),
            all: row(&items),
        }
    }
}

fn row(plan: &Plan, choices: &Choices, items: &[&Item]) -> Row {
    let mut row = Row {
        agents: items.len() as u32,
        ..Row::default()
    };
    // Ends before starts at the same moment; what takes no time takes nothing.
    let mut edges: Vec<(u64, bool, usize)> = Vec::with_capacity(2 * items.len());
    for (i, item) in items.iter().enumerate() {
        let Some(mode) = choices.mode(plan, item.agent) else {
            continue;
        };
        row.tokens = row.tokens.saturating_add(mode.tokens);
        row.work_us = row.work_us.saturating_add(item.end_us - item.start_us);
        row.guessed |= mode.duration.guessed;
        for (name, &amount) in &mode.spends {
            let sum = row.spends.entry(name.clone()).or_default();
            *sum = sum.saturating_add(amount);
        }
        if item.start_us < item.end_us {
            edges.push((item.start_us, true, i));
            edges.push((item.end_us, false, i));
        }
    }
    edges.sort_unstable();
    let (mut agents, mut ram, mut cpus, mut rate) = (0_u32, 0_u64, 0_u64, 0_u64);
    let mut uses: BTreeMap<&String, u64> = BTreeMap::new();
    for (_, starts, i) in edges {
        let Some(mode) = choices.mode(plan, items[i].agent) else {
            continue;
        };
        if starts {
            agents += 1;
            ram = ram.saturating_add(mode.ram_bytes);
            cpus = cpus.saturating_add(mode.cpus_milli);
            rate = rate.saturating_add(token_rate(mode));
            row.peak_agents = row.peak_agents.max(agents);
            row.peak_ram_bytes = row.peak_ram_bytes.max(ram);
            row.peak_cpus_milli = row.peak_cpus_milli.max(cpus);
            row.peak_tokens_per_minute = row.peak_tokens_per_minute.max(rate);
            for (name, &amount) in &mode.uses {
                let used = uses.entry(name).or_default();
                *used = used.saturating_add(amount);
                let peak = row.peak_resources.entry(name.clone()).or_default();
                *peak = (*peak).max(*used);
            }
        } else {
            agents -= 1;
            ram = ram.saturating_sub(mode.ram_bytes);
            cpus = cpus.saturating_sub(mode.cpus_milli);
            rate = rate.saturating_sub(token_rate(mode));
            for (name, &amount) in &mode.uses {
                let used = uses.entry(name).or_default();
                *used = used.saturating_sub(amount);
            }
        }
    }
    row
}
