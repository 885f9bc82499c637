//! What pressure may do, told from the journal alone: parking, coming back, pins, windows.

use std::collections::{BTreeMap, BTreeSet};

use wavedeck::{
    engine::{Action, Cause, Event, InBand, MemoryEvent, ModelEvent, Record, Scarce, Setup, Zone},
    plan::AgentId,
};

/// What the controller has decided, by its names.
pub fn decided(records: &[Record]) -> BTreeSet<String> {
    let all = records.iter().filter_map(|record| match &record.event {
        Event::Memory(memory) => match &**memory {
            MemoryEvent::Adapted { what, .. } => Some(serde_json::to_value(what).unwrap()),
            _ => None,
        },
        _ => None,
    });
    all.filter_map(|what| Some(what.as_str()?.to_owned()))
        .collect()
}

#[derive(Default)]
pub struct Parks {
    /// Attempts that run.
    runs: BTreeMap<AgentId, u32>,
    frozen: BTreeSet<AgentId>,
    /// Attempts that are being parked.
    parking: BTreeMap<AgentId, u32>,
    parked: BTreeSet<AgentId>,
    pinned: BTreeSet<AgentId>,
    taken_us: BTreeMap<AgentId, u64>,
    zone: Zone,
    halted: bool,
    above: bool,
    short: BTreeSet<Scarce>,
    decisions: BTreeSet<u32>,
}

impl Parks {
    pub fn step(&mut self, setup: &Setup, record: &Record) -> Result<(), String> {
        match &record.event {
            Event::AgentScheduled { agent, attempt, .. } => {
                if self.parked.contains(agent) {
                    return Err("starts while it is parked".into());
                }
                self.runs.insert(agent.clone(), *attempt);
            }
            Event::AttemptEnded { agent, .. } => {
                self.runs.remove(agent);
                self.frozen.remove(agent);
            }
            Event::AgentFrozen { agent, .. } => {
                self.frozen.insert(agent.clone());
            }
            Event::AgentThawed { agent, .. } => {
                self.frozen.remove(agent);
            }
            Event::ZoneChanged { to, halted, .. } => (self.zone, self.halted) = (*to, *halted),
            Event::OperatorAction {
                action: Action::Pin { agent, on },
                ..
            } => {
                let agent = AgentId::from(agent.as_str());
                if *on {
                    self.pinned.insert(agent);
                } else {
                    self.pinned.remove(&agent);
                }
            }
            Event::AgentStopped { agent, .. }
            | Event::AgentFailed { agent, .. }
            | Event::AgentCompleted { agent, .. }
            | Event::AgentRetrying { agent, .. }
            | Event::AgentSkipped { agent, .. } => {
                self.parking.remove(agent);
                self.parked.remove(agent);
            }
            Event::Memory(memory) => return self.memory(setup, record, memory),
            Event::Model(model) => return self.moved(setup, record, model),
            _ => {}
        }
        Ok(())
    }

    /// Pressure moves an agent to another worker.
    fn moved(&mut self, setup: &Setup, record: &Record, event: &ModelEvent) -> Result<(), String> {
        let ModelEvent::Swapped {
            agent,
            attempt,
            to,
            cause: Cause::Zone,
            number,
            ..
        } = event
        else {
            return Ok(());
        };
        if self.runs.get(agent) != Some(attempt) {
            return Err("moved without a process".into());
        }
        let pressed = self.zone >= Zone::Orange || self.halted || self.above;
        if !pressed {
            return Err("moved without pressure".into());
        }
        if self.pinned.contains(agent) {
            return Err("moved although it is pinned".into());
        }
        let plan = &setup.plan;
        let ix = setup.by_id[agent];
        let allowed = plan.agent(ix).modes.iter().any(|mode| {
            let worker = mode.worker.map(|worker| &plan.workers[worker.ix()]);
            worker.is_some_and(|worker| worker.name == *to && worker.served.is_none())
        });
        if !allowed {
            return Err("moved to a worker that it does not have, or one of a model here".into());
        }
        self.once(setup, record, agent)?;
        self.decisions.insert(*number);
        Ok(())
    }

    /// At most one thing is done to an agent for pressure in a window.
    fn once(&mut self, setup: &Setup, record: &Record, agent: &AgentId) -> Result<(), String> {
        let last = self.taken_us.insert(agent.clone(), record.elapsed_us);
        let window = setup.memory.window_us;
        if last.is_some_and(|last| record.elapsed_us - last < window) {
            return Err("taken back twice in a window".into());
        }
        Ok(())
    }

    fn memory(
        &mut self,
        setup: &Setup,
        record: &Record,
        event: &MemoryEvent,
    ) -> Result<(), String> {
        match event {
            MemoryEvent::Parking {
                agent,
                attempt,
                cause,
                number,
                ..
            } => {
                if self.runs.get(agent) != Some(attempt) {
                    return Err("parked without a process".into());
                }
                let pressed = *cause == Cause::Zone;
                if pressed && self.zone != Zone::Red && !self.halted {
                    return Err("taken back without an emergency".into());
                }
                if pressed && self.pinned.contains(agent) {
                    return Err("taken back although it is pinned".into());
                }
                self.parking.insert(agent.clone(), *attempt);
                let moves =
                    |one: &AgentId| !self.frozen.contains(one) && !self.parking.contains_key(one);
                if pressed && !self.frozen.contains(agent) && !self.runs.keys().any(moves) {
                    return Err("the last that moves is taken back".into());
                }
                if pressed {
                    self.once(setup, record, agent)?;
                }
                self.decisions.insert(*number);
            }
            MemoryEvent::Parked { agent, attempt, .. } => {
                if self.parking.remove(agent) != Some(*attempt) || self.runs.contains_key(agent) {
                    return Err("parked without being asked to, or while it runs".into());
                }
                self.parked.insert(agent.clone());
            }
            MemoryEvent::Resumed { agent, .. } => {
                if !self.parked.remove(agent) {
                    return Err("goes on without being parked".into());
                }
            }
            MemoryEvent::Measured { number, .. } => {
                if !self.decisions.remove(number) {
                    return Err("an effect without a decision".into());
                }
            }
            MemoryEvent::Band { to, .. } => self.above = *to == InBand::Above,
            MemoryEvent::Shortage { resource, .. } => {
                // What providers give has a pause each.
                if *resource != Scarce::ApiTokens && !self.short.insert(*resource) {
                    return Err("a shortage is told twice".into());
                }
            }
            MemoryEvent::Recovered { resource, .. } => {
                if *resource != Scarce::ApiTokens && !self.short.remove(resource) {
                    return Err("a shortage ends that was not told".into());
                }
            }
            MemoryEvent::Learnt { agents, more } => {
                let all = setup.learnt.len();
                if record.seq != 2 || agents.is_empty() || agents.len() + *more as usize != all {
                    return Err("not what the run began with was learnt".into());
                }
            }
            MemoryEvent::Adapted { .. } | MemoryEvent::Activated { .. } => {}
        }
        Ok(())
    }
}
