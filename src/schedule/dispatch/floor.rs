//! The floor: what runs, what waits, and what is free at one moment of the schedule.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
};

use crate::{
    graph::Graph,
    plan::{AgentIx, Mode, PhaseIx, Plan, Priority, TrackIx},
};

use super::{
    super::capacity::{Capacity, Choices, token_rate},
    Peaks,
    cohort::{ABSENT, Cohort, CohortKey, ENDLESS},
};

/// What an agent takes while it runs.
#[derive(Debug, Clone, Default)]
struct Demand {
    ram: u64,
    cpus: u64,
    rate: u64,
    uses: Vec<(usize, u64)>,
    track: Option<TrackIx>,
    phase: Option<PhaseIx>,
    priority: Priority,
    wave: u32,
    exclusive: bool,
    cohort: u32,
    /// Places in the cohort's list: without and with open preferences.
    place: [u32; 2],
}

/// What runs, what waits, and what is free.
pub(super) struct Floor<'a> {
    capacity: &'a Capacity,
    agents: u32,
    demands: Vec<Demand>,
    cohorts: Vec<Cohort>,
    arrived: Vec<bool>,
    soft_open: Vec<u32>,
    names: Vec<String>,
    limits: Vec<u64>,
    ram: u64,
    cpus: u64,
    rate: u64,
    running: u32,
    uses: Vec<u64>,
    by_track: Vec<u32>,
    tracks: u32,
    by_phase: Vec<u32>,
    by_priority: BTreeMap<Priority, u32>,
    by_wave: Vec<u32>,
    exclusive_phase: Vec<u32>,
    exclusive_run: u32,
    peaks: Peaks,
    peak_uses: Vec<u64>,
}

impl<'a> Floor<'a> {
    pub(super) fn new(
        plan: &Plan,
        graph: &Graph,
        capacity: &'a Capacity,
        choices: &Choices,
        mode: Mode,
        ranks: &[u64],
    ) -> Self {
        let n = graph.len();
        let names: BTreeSet<&String> = graph
            .indices()
            .filter_map(|ix| choices.mode(plan, ix))
            .flat_map(|m| m.uses.keys())
            .chain(capacity.resources.keys())
            .collect();
        let names: Vec<String> = names.into_iter().cloned().collect();
        let limits: Vec<u64> = names
            .iter()
            .map(|name| {
                capacity
                    .resources
                    .get(name)
                    .map_or(ENDLESS, |&n| n.min(ENDLESS))
            })
            .collect();
        let mut has_exclusive = vec![false; plan.phases.len()];
        for agent in plan.agents.iter().filter(|a| a.exclusive) {
            if let Some(phase) = agent.phase {
                has_exclusive[phase.ix()] = true;
            }
        }
        let runs = |ix: AgentIx| {
            choices.expected[ix.ix()] && !graph.is_group(ix) && choices.modes[ix.ix()].is_some()
        };
        let mut demands = vec![Demand::default(); n];
        let mut entries = Vec::with_capacity(n);
        for ix in graph.indices().filter(|&ix| runs(ix)) {
            let agent = plan.agent(ix);
            let Some(m) = choices.mode(plan, ix) else {
                continue;
            };
            let cap = capacity.tokens_per_minute;
            demands[ix.ix()] = Demand {
                ram: m.ram_bytes,
                cpus: m.cpus_milli,
                rate: cap.map_or(0, |cap| token_rate(m).min(cap)),
                uses: m
                    .uses
                    .iter()
                    .filter(|(_, wanted)| **wanted > 0)
                    .filter_map(|(name, &wanted)| Some((names.binary_search(name).ok()?, wanted)))
                    .collect(),
                track: agent.track,
                phase: agent.phase,
                priority: agent.priority,
                wave: graph.wave(ix),
                exclusive: agent.exclusive,
                cohort: 0,
                place: [0; 2],
            };
            let stage = match mode {
                Mode::Parallel => 0,
                Mode::Sequential | Mode::Hybrid => graph.stage(ix).map_or(0, PhaseIx::ix),
            };
            for late in [false, true] {
                if !late || !graph.soft_preds(ix).is_empty() {
                    entries.push((stage, agent.priority, late, ranks[ix.ix()], agent.class, ix));
                }
            }
        }
        entries.sort_unstable();

        let mut by_key: BTreeMap<CohortKey, u32> = BTreeMap::new();
        let mut cohorts: Vec<Cohort> = Vec::new();
        for (rank, &(.., late, _, _, ix)) in entries.iter().enumerate() {
            let d = &mut demands[ix.ix()];
            let key = CohortKey {
                track: d
                    .track
                    .filter(|t| capacity.tracks.is_some() || capacity.per_track.contains_key(t)),
                phase: d
                    .phase
                    .filter(|p| has_exclusive[p.ix()] || capacity.per_phase.contains_key(p)),
                priority: Some(d.priority).filter(|p| capacity.per_priority.contains_key(p)),
                wave: Some(d.wave).filter(|w| capacity.per_wave.contains_key(w)),
                exclusive: d.exclusive,
                uses: d.uses.clone(),
            };
            let at = *by_key.entry(key.clone()).or_insert_with(|| {
                cohorts.push(Cohort {
                    key,
                    places: Vec::new(),
                    waiting: 0,
                    least: Vec::new(),
                    leaves: 0,
                });
                cohorts.len() as u32 - 1
            });
            d.cohort = at;
            let places = &mut cohorts[at as usize].places;
            d.place[usize::from(late)] = places.len() as u32;
            places.push((rank as u32, ix));
        }
        for cohort in &mut cohorts {
            cohort.leaves = cohort.places.len().next_power_of_two();
            cohort.least = vec![[ABSENT; 3]; 2 * cohort.leaves];
        }
        Self {
            capacity,
            agents: if mode == Mode::Sequential {
                1
            } else {
                capacity.agents
            },
            arrived: vec![false; n],
            soft_open: graph
                .indices()
                .map(|ix| graph.soft_preds(ix).len() as u32)
                .collect(),
            uses: vec![0; names.len()],
            peak_uses: vec![0; names.len()],
            by_track: vec![0; plan.tracks.len()],
            by_phase: vec![0; plan.phases.len()],
            exclusive_phase: vec![0; plan.phases.len()],
            by_priority: BTreeMap::new(),
            by_wave: vec![0; graph.waves().len() + 1],
            ram: 0,
            cpus: 0,
            rate: 0,
            running: 0,
            tracks: 0,
            exclusive_run: 0,
            peaks: Peaks::default(),
            demands,
            cohorts,
            names,
            limits,
        }
    }

    /// Puts an agent whose needs are met among the waiting.
    pub(super) fn arrive(&mut self, ix: AgentIx) {
        self.arrived[ix.ix()] = true;
        let d = &self.demands[ix.ix()];
        let late = usize::from(self.soft_open[ix.ix()] > 0);
        let cohort = &mut self.cohorts[d.cohort as usize];
        cohort.waiting += 1;
        cohort.set(d.place[late], [d.ram, d.cpus, d.rate]);
    }

    /// One of an agent's preferences has been met.
    pub(super) fn prefer(&mut self, ix: AgentIx) {
        let left = &mut self.soft_open[ix.ix()];
        *left = left.saturating_sub(1);
        if *left == 0 && self.arrived[ix.ix()] {
            let d = &self.demands[ix.ix()];
            let cohort = &mut self.cohorts[d.cohort as usize];
            cohort.set(d.place[1], [ABSENT; 3]);
            cohort.set(d.place[0], [d.ram, d.cpus, d.rate]);
        }
    }

    fn free(&self) -> [u64; 3] {
        let cap = self.capacity;
        [
            cap.ram_bytes.min(ENDLESS).saturating_sub(self.ram),
            cap.cpus_milli.min(ENDLESS).saturating_sub(self.cpus),
            cap.tokens_per_minute
                .unwrap_or(ENDLESS)
                .min(ENDLESS)
                .saturating_sub(self.rate),
        ]
    }

    /// Whether the caps let one more of a cohort start.
    fn allows(&self, key: &CohortKey) -> bool {
        let cap = self.capacity;
        let below = |cap: Option<&u32>, used: u32| cap.is_none_or(|cap| used < *cap);
        self.running < self.agents
            && self.exclusive_run == 0
            && key
                .uses
                .iter()
                .all(|&(name, wanted)| wanted <= self.limits[name].saturating_sub(self.uses[name]))
            && key.track.is_none_or(|t| {
                let used = self.by_track[t.ix()];
                below(cap.per_track.get(&t), used)
                    && (used > 0 || below(cap.tracks.as_ref(), self.tracks))
            })
            && key.phase.is_none_or(|p| {
                let used = self.by_phase[p.ix()];
                below(cap.per_phase.get(&p), used)
                    && self.exclusive_phase[p.ix()] == 0
                    && (!key.exclusive || used == 0)
            })
            && (!key.exclusive || key.phase.is_some() || self.running == 0)
            && key.priority.is_none_or(|p| {
                below(
                    cap.per_priority.get(&p),
                    self.by_priority.get(&p).copied().unwrap_or(0),
                )
            })
            && key
                .wave
                .is_none_or(|w| below(cap.per_wave.get(&w), self.by_wave[w as usize]))
    }

    /// Starts whatever may start and fits, best first.
    pub(super) fn start(&mut self, mut started: impl FnMut(AgentIx)) {
        if self.running >= self.agents || self.exclusive_run > 0 {
            return;
        }
        let mut heads: BinaryHeap<Reverse<(u32, usize, usize)>> = BinaryHeap::new();
        for at in 0..self.cohorts.len() {
            if self.cohorts[at].waiting > 0 && self.allows(&self.cohorts[at].key) {
                self.push_head(&mut heads, at, 0);
            }
        }
        while let Some(Reverse((_, at, place))) = heads.pop() {
            // What started since may have used up what this one needs.
            if !self.allows(&self.cohorts[at].key) {
                continue;
            }
            let ix = self.cohorts[at].places[place].1;
            let d = &self.demands[ix.ix()];
            let free = self.free();
            if d.ram <= free[0] && d.cpus <= free[1] && d.rate <= free[2] {
                self.cohorts[at].waiting -= 1;
                self.cohorts[at].set(place as u32, [ABSENT; 3]);
                self.arrived[ix.ix()] = false;
                self.count(ix, true);
                started(ix);
            }
            self.push_head(&mut heads, at, place + 1);
        }
    }

    fn push_head(
        &self,
        heads: &mut BinaryHeap<Reverse<(u32, usize, usize)>>,
        at: usize,
        from: usize,
    ) {
        if let Some(place) = self.cohorts[at].first(from, self.free()) {
            heads.push(Reverse((self.cohorts[at].places[place].0, at, place)));
        }
    }

    /// Frees what an agent held.
    pub(super) fn leave(&mut self, ix: AgentIx) {
        self.count(ix, false);
    }

    fn count(&mut self, ix: AgentIx, in_: bool) {
        fn change(value: &mut u64, by: u64, up: bool) {
            *value = if up {
                value.saturating_add(by)
            } else {
                value.saturating_sub(by)
            };
        }
        fn step(value: &mut u32, up: bool) {
            *value = if up {
                *value + 1
            } else {
                value.saturating_sub(1)
            };
        }
        let d = &self.demands[ix.ix()];
        change(&mut self.ram, d.ram, in_);
        change(&mut self.cpus, d.cpus, in_);
        change(&mut self.rate, d.rate, in_);
        for &(name, wanted) in &d.uses {
            change(&mut self.uses[name], wanted, in_);
        }
        step(&mut self.running, in_);
        if let Some(track) = d.track {
            let used = &mut self.by_track[track.ix()];
            let before = *used > 0;
            step(used, in_);
            if before != (*used > 0) {
                step(&mut self.tracks, in_);
            }
        }
        if let Some(phase) = d.phase {
            step(&mut self.by_phase[phase.ix()], in_);
        }
        step(self.by_priority.entry(d.priority).or_default(), in_);
        step(&mut self.by_wave[d.wave as usize], in_);
        if d.exclusive {
            match d.phase {
                Some(phase) => step(&mut self.exclusive_phase[phase.ix()], in_),
                None => step(&mut self.exclusive_run, in_),
            }
        }
    }

    /// Notes what is in use, now that it stays so for a while.
    pub(super) fn note_peaks(&mut self) {
        let peaks = &mut self.peaks;
        peaks.ram_bytes = peaks.ram_bytes.max(self.ram);
        peaks.agents = peaks.agents.max(self.running);
        peaks.cpus_milli = peaks.cpus_milli.max(self.cpus);
        peaks.tokens_per_minute = peaks.tokens_per_minute.max(self.rate);
        peaks.tracks = peaks.tracks.max(self.tracks);
        for (peak, used) in self.peak_uses.iter_mut().zip(&self.uses) {
            *peak = (*peak).max(*used);
        }
    }

    pub(super) fn peaks(self) -> Peaks {
        let resources = self.names.into_iter().zip(self.peak_uses).collect();
        Peaks {
            resources,
            ..self.peaks
        }
    }
}
