//! What is in use now: slots, CPUs, memory reservations, other resources, budgets.
//!
//! Counts only; must not decide. Kept by `apply`, read by admission.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::plan::{AgentIx, AgentMode, Priority};

use super::Setup;

/// Everything that running agents and checks hold.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Slots held.
    pub agents: u32,
    /// Milli-CPUs held.
    pub cpus_milli: u64,
    /// Memory reserved, in bytes.
    pub ram_bytes: u64,
    /// Other renewable resources held, by name.
    pub resources: BTreeMap<String, u64>,
    /// Budgets spent or promised, by name.
    pub budgets: BTreeMap<String, u64>,
    /// Tokens that are charged: of an attempt that runs the larger of what the plan states and what is
    /// reported, of one that has ended what was reported, else what the plan states.
    pub tokens: u64,
    /// Slots by priority class.
    pub per_priority: [u32; 4],
    /// Slots by phase; the last entry counts agents without a phase.
    pub per_phase: Vec<u32>,
    /// Exclusive agents that hold a slot, by phase as above.
    pub exclusive: Vec<u32>,
    /// Slots by track.
    pub per_track: Vec<u32>,
    /// Tracks that hold a slot.
    pub tracks: u32,
    /// Slots by wave; index 0 is wave 1.
    pub per_wave: Vec<u32>,
    /// What each worker does and did, by position.
    #[serde(default)]
    pub workers: Vec<Tally>,
}

/// What a worker does now and how it did before: what it is chosen by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tally {
    /// Attempts by it that hold a slot.
    pub running: u32,
    /// Attempts by it that did their work, those of earlier runs included.
    pub succeeded: u32,
    /// Attempts by it that did their work or failed, those of earlier runs included.
    pub ended: u32,
}

impl Tally {
    /// The chance that its next attempt does its work, in permille: `(succeeded + 1) / (ended + 2)`, Laplace's rule of
    /// succession. Who did nothing yet has 500; one failure in one attempt is not taken for certainty.
    #[must_use]
    pub fn chance_permille(&self) -> u32 {
        let (won, all) = (u64::from(self.succeeded) + 1, u64::from(self.ended) + 2);
        u32::try_from(won * 1000 / all).unwrap_or(1000)
    }
}

impl Usage {
    /// Makes the empty usage of a setup.
    #[must_use]
    pub fn new(setup: &Setup) -> Self {
        Self {
            per_phase: vec![0; setup.plan.phases.len() + 1],
            exclusive: vec![0; setup.plan.phases.len() + 1],
            per_track: vec![0; setup.plan.tracks.len()],
            per_wave: vec![0; setup.wave_sizes.len()],
            workers: tallies(setup, 0),
            ..Self::default()
        }
    }

    /// Makes room for waves and workers that a plan has more.
    pub(super) fn grow(&mut self, setup: &Setup) {
        self.per_wave.resize(setup.wave_sizes.len(), 0);
        self.workers.extend(tallies(setup, self.workers.len()));
    }

    /// The bucket of an agent in `per_phase` and `exclusive`.
    #[must_use]
    pub fn phase_bucket(setup: &Setup, ix: AgentIx) -> usize {
        setup
            .plan
            .agent(ix)
            .phase
            .map_or(setup.plan.phases.len(), crate::plan::PhaseIx::ix)
    }

    /// Takes (or gives back) what only a moving process needs: slot, class counts, CPUs.
    pub(super) fn slot(&mut self, setup: &Setup, ix: AgentIx, cpus_milli: u64, take: bool) {
        let agent = setup.plan.agent(ix);
        let bucket = Self::phase_bucket(setup, ix);
        step(&mut self.agents, take);
        step(&mut self.per_priority[priority_ix(agent.priority)], take);
        step(&mut self.per_phase[bucket], take);
        if agent.exclusive {
            step(&mut self.exclusive[bucket], take);
        }
        if let Some(track) = agent.track {
            let used = &mut self.per_track[track.ix()];
            let before = *used > 0;
            step(used, take);
            if before != (*used > 0) {
                step(&mut self.tracks, take);
            }
        }
        step(&mut self.per_wave[setup.wave(ix) as usize - 1], take);
        add(&mut self.cpus_milli, cpus_milli, take);
    }

    /// Counts an attempt of a mode's worker in or out.
    pub(super) fn at_work(&mut self, mode: &AgentMode, take: bool) {
        if let Some(tally) = self.tally(mode) {
            step(&mut tally.running, take);
        }
    }

    /// Counts how an attempt of a mode's worker ended.
    pub(super) fn judged(&mut self, mode: &AgentMode, succeeded: bool) {
        if let Some(tally) = self.tally(mode) {
            tally.ended = tally.ended.saturating_add(1);
            tally.succeeded = tally.succeeded.saturating_add(u32::from(succeeded));
        }
    }

    fn tally(&mut self, mode: &AgentMode) -> Option<&mut Tally> {
        self.workers.get_mut(mode.worker?.ix())
    }

    /// Takes (or gives back) what a process holds also while it is frozen.
    pub(super) fn held(&mut self, mode: &AgentMode, ram_bytes: u64, take: bool) {
        add(&mut self.ram_bytes, ram_bytes, take);
        for (name, &amount) in &mode.uses {
            if let Some(used) = self.resources.get_mut(name) {
                add(used, amount, take);
            } else if take {
                self.resources.insert(name.clone(), amount);
            }
        }
    }

    /// Books what an attempt uses up; it is not given back.
    pub(super) fn spend(&mut self, mode: &AgentMode) {
        self.tokens = self.tokens.saturating_add(mode.tokens);
        for (name, &amount) in &mode.spends {
            let spent = self.budgets.entry(name.clone()).or_default();
            *spent = spent.saturating_add(amount);
        }
    }

    /// Charges another number of tokens in place of the one before.
    pub(super) const fn charge(&mut self, before: u64, after: u64) {
        self.tokens = self.tokens.saturating_sub(before).saturating_add(after);
    }

    /// Takes (or gives back) the slot of a phase's gate command, which is of no class.
    pub(super) fn bare_slot(&mut self, take: bool) {
        step(&mut self.agents, take);
    }

    /// Takes (or gives back) the memory of a check command.
    pub(super) fn ram(&mut self, ram_bytes: u64, take: bool) {
        add(&mut self.ram_bytes, ram_bytes, take);
    }
}

/// What is known of workers before they do anything, from a position on.
fn tallies(setup: &Setup, from: usize) -> Vec<Tally> {
    let new = setup.plan.workers.iter().skip(from);
    new.map(|worker| Tally {
        running: 0,
        ..setup.past.get(&worker.name).copied().unwrap_or_default()
    })
    .collect()
}

/// Position of a priority class in [`Usage::per_priority`].
#[must_use]
pub const fn priority_ix(priority: Priority) -> usize {
    match priority {
        Priority::Critical => 0,
        Priority::High => 1,
        Priority::Normal => 2,
        Priority::Low => 3,
    }
}

fn step(count: &mut u32, take: bool) {
    *count = if take {
        count.saturating_add(1)
    } else {
        count.saturating_sub(1)
    };
}

fn add(count: &mut u64, amount: u64, take: bool) {
    *count = if take {
        count.saturating_add(amount)
    } else {
        count.saturating_sub(amount)
    };
}
