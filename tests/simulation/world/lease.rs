//! Commands inside of agents that ask for memory, at any moment: they wait, hold it for a while, are killed,
//! and end with their agents. The agents wait for them.

use std::collections::BTreeMap;

use wavedeck::{
    engine::{
        CheckRun, Event, InputKind, JobKey, Lease, LeaseCause, LeaseEvent, Owner, Record, State,
        Status, Use, Uses,
    },
    plan::AgentIx,
};

use super::World;
use crate::simulation::random::Random;

/// Leases that are asked for in one world at most.
const MOST: u32 = 400;

/// The commands that have asked and live.
pub struct Asks {
    r: Random,
    percent: u64,
    /// By their leases: whose, and when they end, once they have their memory.
    live: BTreeMap<u32, (AgentIx, u32, Option<u64>)>,
    /// What was measured last.
    pub uses: Uses,
}

impl Asks {
    pub fn new(seed: u64) -> Self {
        let mut r = Random::new(seed ^ 0x1EA5).beside();
        let asks = r.chance(70);
        Self {
            percent: if asks { 5 + r.below(40) } else { 0 },
            live: BTreeMap::new(),
            uses: Uses::default(),
            r,
        }
    }

    /// Whether an agent's process waits for its commands.
    pub fn busy(&self, key: JobKey) -> bool {
        let Owner::Agent(ix) = key.owner else {
            return false;
        };
        let own = |(agent, attempt, _): &(AgentIx, u32, _)| (*agent, *attempt) == (ix, key.attempt);
        key.check.is_none() && self.live.values().any(own)
    }

    /// The next that ends by itself.
    pub fn next(&self, state: &State) -> Option<(u64, u32)> {
        let runs = |ix: AgentIx| state.agent(ix).status == Status::Running;
        let live = self.live.iter().filter(|(_, (ix, _, _))| runs(*ix));
        live.filter_map(|(number, (_, _, ends))| Some(((*ends)?, *number)))
            .min()
    }

    /// The world begins anew: what ran is gone.
    pub fn clear(&mut self) {
        self.live.clear();
    }
}

impl World {
    /// A command inside of some agent asks, or one that has asked is killed.
    pub fn ask(&mut self) {
        // What hangs would ask for ever, and nobody would come to end it.
        if self.state.setup.plan.leases.is_empty()
            || self.state.leases.last > MOST
            || !self.asks.r.chance(self.asks.percent)
        {
            return;
        }
        let asks = &mut self.asks;
        if asks.r.chance(10)
            && let Some((&number, _)) = asks.live.iter().next()
        {
            asks.live.remove(&number);
            // Told twice, perhaps: by its end, and by that of its agent.
            let times = 1 + asks.r.below(2);
            for _ in 0..times {
                self.input(InputKind::LeaseEnded { number });
            }
            return;
        }
        let agents = self
            .processes
            .iter()
            .filter_map(|(key, process)| match key.owner {
                Owner::Agent(ix) if key.check.is_none() && !process.frozen => {
                    Some((ix, key.attempt))
                }
                _ => None,
            });
        let agents: Vec<(AgentIx, u32)> = agents.collect();
        if agents.is_empty() {
            return;
        }
        let (agent, attempt) = *asks.r.pick(&agents);
        let names: Vec<String> = self.state.setup.plan.leases.keys().cloned().collect();
        let name = asks.r.pick(&names).clone();
        let last = self.state.leases.last;
        let number = if asks.r.chance(3) { last } else { last + 1 };
        let held = self.state.leases_of(agent).filter(|lease| !lease.waits());
        let held: Vec<u32> = held.map(|lease| lease.number).collect();
        // What it says of itself may be of others.
        let below = match asks.r.below(4) {
            0 => held,
            1 => vec![number, 1, last],
            _ => Vec::new(),
        };
        let one = Use {
            agent,
            attempt,
            bytes: asks.r.below(600) << 20,
        };
        asks.uses = [one].into_iter().collect();
        self.input(InputKind::LeaseAsked {
            agent,
            attempt,
            number,
            name,
            below,
        });
        if number > last && self.state.lease(number).is_some() {
            self.asks.live.insert(number, (agent, attempt, None));
        }
        self.look_at_leases();
    }

    /// Those that were granted begin; those that are gone with their attempts end.
    pub fn look_at_leases(&mut self) {
        let (state, now_us) = (&self.state, self.now_us);
        let r = &mut self.asks.r;
        self.asks.live.retain(|number, (_, _, ends)| {
            let Some(lease) = state.lease(*number) else {
                return false;
            };
            if !lease.waits() {
                ends.get_or_insert_with(|| now_us + 1_000 + r.below(9_000_000));
            }
            true
        });
    }

    /// One that has its memory ends.
    pub fn end_lease(&mut self, number: u32) {
        self.asks.live.remove(&number);
        self.input(InputKind::LeaseEnded { number });
    }

    /// Nobody waits where nothing else can move; and nothing is left of attempts that are over.
    pub fn no_lease_waits_in_vain(&mut self) {
        let state = &self.state;
        let gone = |lease: &&Lease| state.agent(lease.agent).live.is_none();
        if let Some(left) = state.leases.list.iter().find(gone) {
            let text = format!("{left:?} is left of an attempt that is over");
            self.problems.push(text);
        }
        let well = self.pressure < 950 && !state.memory.halted && state.stopping.is_none();
        let held = state.leases.list.iter().any(|lease| !lease.waits());
        if !well || held || state.leases.list.is_empty() || state.finished.is_some() {
            return;
        }
        let mut all = state.setup.plan.indices();
        let waits = all.all(|ix| {
            let agent = state.agent(ix);
            let checks = agent.check.as_ref().is_some_and(CheckRun::is_live);
            let ending = agent
                .live
                .as_ref()
                .is_some_and(|live| live.ending.is_some());
            let own = match agent.status {
                Status::Running => state.leases_of(ix).any(Lease::waits),
                Status::Scheduled | Status::Preparing => false,
                _ => true,
            };
            own && !checks && !ending
        });
        let runs = |ix: AgentIx| state.agent(ix).status == Status::Running;
        let can = state.leases.list.iter().any(|lease| runs(lease.agent));
        let gates = state.setup.gated().any(|owner| {
            let check = state.check_of(owner);
            check.is_some_and(CheckRun::is_live)
        });
        if waits && can && !gates {
            self.problems
                .push("nothing moves, and leases wait".to_owned());
        }
    }
}

/// Damages what a journal says of leases in one of three ways; false where there is nothing to damage.
pub fn tamper(records: &mut Vec<Record>, kind: usize) -> bool {
    let at = |records: &[Record], from: usize, wanted: &dyn Fn(&LeaseEvent) -> bool| {
        let found = records[from..]
            .iter()
            .position(|record| match &record.event {
                Event::Lease(lease) => wanted(lease),
                _ => false,
            });
        found.map(|found| from + found)
    };
    let granted = |lease: &LeaseEvent| matches!(lease, LeaseEvent::Granted { .. });
    let changed = match kind {
        // One without room is said to have some.
        0 => {
            let no_room = |lease: &LeaseEvent| match lease {
                LeaseEvent::Granted { cause, .. } => *cause != LeaseCause::Room,
                _ => false,
            };
            at(records, 0, &no_room).map(|i| {
                if let Event::Lease(lease) = &mut records[i].event
                    && let LeaseEvent::Granted { cause, .. } = &mut **lease
                {
                    *cause = LeaseCause::Room;
                }
            })
        }
        // One is granted twice.
        1 => at(records, 0, &granted).map(|i| {
            let copy = records[i].clone();
            records.insert(i + 1, copy);
        }),
        // What is given back is not told.
        _ => {
            let returned = |lease: &LeaseEvent| match lease {
                LeaseEvent::Returned { ram_bytes, .. } => *ram_bytes > 1 << 30,
                _ => false,
            };
            at(records, 0, &returned).map(|i| drop(records.remove(i)))
        }
    };
    super::renumber(records);
    changed.is_some()
}
