//! Memory of the virtual processes and of whoever else is on the machine, seen by the real sensor.

use std::collections::BTreeMap;

use wavedeck::{
    engine::{Figures, InBand, InputKind, JobKey, Owner, Uses, Zone},
    plan::{AgentIx, Plan},
    resources::{AgentSample, Sample, Sensor, pressure},
    schedule::learnt::{Applied, Need, apply},
};

use super::{Process, World};
use crate::simulation::{plans::RAM_LIMIT, random::Random};

/// Memory of the machine.
pub const TOTAL: u64 = RAM_LIMIT / 4 * 5;
/// Between two samples.
const INTERVAL_US: u64 = 500_000;
/// Samples in a row with nothing else to happen before somebody comes.
const IDLE: u32 = 40;

/// Earlier runs have taught some worlds what a part of their agents need.
pub fn taught(r: &mut Random, plan: &mut Plan) -> Vec<Applied> {
    if !r.chance(20) {
        return Vec::new();
    }
    let needs: Vec<Need> = (plan.agents.iter())
        .map(|agent| Need {
            agent: agent.id.clone(),
            worker: None,
            times: 1,
            own: r.chance(90),
            ram_bytes: r.chance(50).then(|| r.below(40) << 26),
            most_bytes: 0,
            duration_us: r.chance(50).then(|| r.below(10_000_000)),
            spread_us: 0,
        })
        .collect();
    apply(plan, &needs, RAM_LIMIT)
}

pub struct Machine {
    sensor: Sensor,
    /// What others use.
    pub foreign: u64,
    /// How much of that comes and goes.
    most_foreign: u64,
    last_us: u64,
    idle: u32,
    uses: Uses,
    figures: Figures,
}

/// What a process will use, and how soon.
#[derive(Clone, Copy)]
pub struct Appetite {
    pub peak: u64,
    pub began_us: u64,
    pub grows_us: u64,
}

impl Appetite {
    pub fn of(r: &mut Random, stated: u64, now_us: u64) -> Self {
        // Some say too little, some too much.
        let permille = match r.below(10) {
            0 => 1_000 + r.below(1_000),
            1..4 => 200 + r.below(800),
            _ => 950 + r.below(50),
        };
        Self {
            peak: stated / 1000 * permille,
            began_us: now_us,
            grows_us: 1 + r.below(4_000_000),
        }
    }

    fn bytes(self, now_us: u64) -> u64 {
        let part = now_us.saturating_sub(self.began_us).min(self.grows_us);
        u64::try_from(u128::from(self.peak) * u128::from(part) / u128::from(self.grows_us)).unwrap()
    }
}

impl Machine {
    pub fn new(sensor: Sensor, r: &mut Random) -> Self {
        Self {
            sensor,
            foreign: 0,
            most_foreign: if r.chance(50) { RAM_LIMIT / 2 } else { 0 },
            last_us: 0,
            idle: 0,
            uses: Uses::default(),
            figures: Figures {
                total_bytes: TOTAL,
                available_bytes: TOTAL,
                ..Figures::default()
            },
        }
    }

    pub fn figures(&self) -> (Figures, Uses) {
        (self.figures, self.uses.clone())
    }

    fn sample(
        &mut self,
        processes: &BTreeMap<JobKey, Process>,
        servers: u64,
        now_us: u64,
    ) -> Sample {
        let mut agents: BTreeMap<AgentIx, AgentSample> = BTreeMap::new();
        let mut all = 0;
        for (key, process) in processes {
            let bytes = process
                .appetite
                .map_or(0, |appetite| appetite.bytes(now_us));
            all += bytes;
            if let Owner::Agent(ix) = key.owner {
                let one = agents.entry(ix).or_default();
                one.agent = ix.0;
                one.attempt = one.attempt.max(key.attempt);
                one.resident_bytes += bytes;
            }
        }
        let available = TOTAL.saturating_sub(all + servers + self.foreign);
        Sample {
            elapsed_us: now_us,
            figures: Figures {
                pressure_permille: pressure(TOTAL, available, all + servers, RAM_LIMIT),
                available_bytes: available,
                total_bytes: TOTAL,
                agents_bytes: all,
                servers_bytes: servers,
                ..Figures::default()
            },
            agents: agents.into_values().collect(),
            ..Sample::default()
        }
    }
}

impl World {
    /// Takes a sample where one is due before the next thing happens; false where none is.
    pub(super) fn look(&mut self, next: Option<u64>) -> bool {
        let Some(machine) = &mut self.machine else {
            return false;
        };
        let due = machine.last_us + INTERVAL_US;
        match next {
            Some(next) if next.max(self.now_us) < due => return false,
            None if machine.idle >= IDLE => return false,
            _ => {}
        }
        // Long waits are not sampled through: one look before each thing that happens is enough.
        let at = next.map_or(due, |next| next.max(due)).max(self.now_us);
        self.now_us = at;
        machine.last_us = at;
        machine.idle = if next.is_none() { machine.idle + 1 } else { 0 };
        if machine.most_foreign > 0 && self.r.chance(20) {
            machine.foreign = self.r.below(machine.most_foreign);
        }
        let models = self.state.models.iter().filter(|model| model.loaded);
        let servers = models.map(|model| model.held.bytes).sum();
        let sample = machine.sample(&self.processes, servers, at);
        let edges = machine.sensor.observe(&sample);
        let before = machine.figures;
        machine.figures = sample.figures(&self.state);
        machine.uses = sample.uses();
        let now = machine.figures;
        let seq = self.state.seq;
        if self.state.more_room(&before, &now) {
            self.input(InputKind::Settle);
        }
        let judged = edges.contains(&InputKind::Judge);
        for edge in edges {
            self.input(edge);
        }
        if !judged && self.state.to_be_judged(at) {
            self.input(InputKind::Judge);
        }
        if self.state.seq > seq
            && let Some(machine) = &mut self.machine
        {
            machine.idle = 0;
        }
        true
    }

    /// Whoever else is on the machine gives all of it back; false where nobody had any.
    pub(super) fn others_leave(&mut self) -> bool {
        let Some(machine) = &mut self.machine else {
            return false;
        };
        machine.idle = 0;
        machine.most_foreign = 0;
        std::mem::take(&mut machine.foreign) > 0
    }

    /// What a start was let in by, where no machine is looked at.
    pub(super) fn plain(pressure: u32) -> InputKind {
        let zone = match pressure {
            0..600 => Zone::Green,
            600..750 => Zone::Yellow,
            750..850 => Zone::Orange,
            _ => Zone::Red,
        };
        InputKind::Zone {
            zone,
            halted: pressure >= 950,
            band: InBand::Below,
            step: 0,
        }
    }
}

impl World {
    /// What agents hold, where that is looked at.
    pub(super) fn uses(&self) -> Uses {
        let machine = self.machine.as_ref();
        machine.map_or_else(|| self.asks.uses.clone(), |machine| machine.figures().1)
    }

    /// Gives a new process its appetite, where memory is looked at.
    pub(super) fn feed(&mut self, key: JobKey) {
        if self.machine.is_none() {
            return;
        }
        let stated = match (key.owner, key.check) {
            (Owner::Agent(ix), None) => self.state.mode_of(ix).ram_bytes,
            _ => 200 << 20,
        };
        let appetite = Appetite::of(&mut self.r, stated, self.now_us);
        if let Some(process) = self.processes.get_mut(&key) {
            process.appetite = Some(appetite);
        }
    }
}
