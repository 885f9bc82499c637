//! What pressure may do, told from the journal alone: parking, coming back, pins, windows.

use std::collections::{BTreeMap, BTreeSet};

use wavedeck::{
    engine::{Action, Cause, Event, MemoryEvent, Record, Setup, Zone},
    plan::AgentId,
};

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
            _ => {}
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
                let window = setup.memory.window_us;
                let last = self.taken_us.get(agent);
                if pressed && last.is_some_and(|last| record.elapsed_us - last < window) {
                    return Err("taken back twice in a window".into());
                }
                self.parking.insert(agent.clone(), *attempt);
                let moves =
                    |one: &AgentId| !self.frozen.contains(one) && !self.parking.contains_key(one);
                if pressed && !self.frozen.contains(agent) && !self.runs.keys().any(moves) {
                    return Err("the last that moves is taken back".into());
                }
                if pressed {
                    self.taken_us.insert(agent.clone(), record.elapsed_us);
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
            MemoryEvent::Learnt { agents, more } => {
                let all = setup.learnt.len();
                if record.seq != 2 || agents.is_empty() || agents.len() + *more as usize != all {
                    return Err("not what the run began with was learnt".into());
                }
            }
            MemoryEvent::Band { .. }
            | MemoryEvent::Adapted { .. }
            | MemoryEvent::Activated { .. } => {}
        }
        Ok(())
    }
}
