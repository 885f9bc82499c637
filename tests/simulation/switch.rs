//! The kill switch: after it, and as long as the run is sequential, at most one process moves.
//!
//! Agents' own processes, their checks and the gates of phases count alike; what is being ended is
//! exempt, for ending it is the quickest way to have it stop. Told from the journal alone.

use std::collections::BTreeMap;

use wavedeck::{
    engine::{
        Action, Cause, CheckPlace, Event, MemoryEvent, ModelEvent, Record, Setup, TalkEvent,
        WorkEvent,
    },
    plan::Mode,
};

/// A process: an agent's own (`api`), an agent's check (`api?`), a phase's gate (`:build`), a
/// cohort's (`::run`).
type Name = String;

#[derive(Debug, Clone, Copy, Default)]
struct Process {
    runs: bool,
    frozen: bool,
    ending: bool,
}

#[derive(Debug, Default)]
pub struct Switch {
    processes: BTreeMap<Name, Process>,
    mode: Option<Mode>,
    pressed: bool,
    elapsed_us: u64,
}

fn check(place: &CheckPlace) -> Name {
    match (&place.agent, &place.phase) {
        (Some(agent), _) => format!("{agent}?"),
        (None, Some(phase)) => format!(":{phase}"),
        (None, None) => format!("::{}", place.cohort.as_deref().unwrap_or("")),
    }
}

impl Switch {
    /// Takes one record; says what is wrong with all before it.
    pub fn step(&mut self, setup: &Setup, record: &Record) -> Option<String> {
        // What one input led to is whole when time goes on; a crash may have torn the last turn.
        let whole = record.elapsed_us > self.elapsed_us
            && !matches!(record.event, Event::RunResumed { .. });
        self.elapsed_us = record.elapsed_us;
        let wrong = if whole { self.wrong() } else { None };
        self.take(setup, &record.event);
        wrong
    }

    fn wrong(&self) -> Option<String> {
        let moving: Vec<&str> = self
            .processes
            .iter()
            .filter(|(_, p)| p.runs && !p.frozen && !p.ending)
            .map(|(name, _)| name.as_str())
            .collect();
        (self.pressed && moving.len() > 1)
            .then(|| format!("after the kill switch these move: {}", moving.join(", ")))
    }

    fn take(&mut self, setup: &Setup, event: &Event) {
        match event {
            Event::OperatorAction { action, agents, .. } => match action {
                Action::Sequential { now: true } => self.pressed = true,
                Action::Stop { target: Some(_) } => {
                    for agent in agents {
                        self.ends(agent.as_str());
                        self.ends(&format!("{agent}?"));
                    }
                }
                Action::Swap { agent, .. }
                | Action::Close { agent }
                | Action::Open { agent, now: true }
                | Action::Tell {
                    agent, now: true, ..
                } => {
                    self.ends(agent);
                }
                _ => {}
            },
            Event::Talk(talk)
                if talk.kind() == "agent.silent"
                    || matches!(**talk, TalkEvent::Answered { fails: true, .. }) =>
            {
                if let Some(agent) = talk.agent() {
                    self.ends(agent.as_str());
                }
            }
            Event::ModeChanged { to, .. } => {
                self.mode = Some(*to);
                self.pressed &= *to == Mode::Sequential;
            }
            Event::RunStopped { .. } => {
                for process in self.processes.values_mut() {
                    process.ending = true;
                }
            }
            // The crash may have kept the change of mode from the journal.
            Event::RunResumed { .. } => {
                self.pressed &= self.mode.unwrap_or(setup.plan.mode) == Mode::Sequential;
            }
            Event::AgentScheduled { agent, .. } => {
                self.processes.insert(agent.to_string(), Process::default());
            }
            Event::CheckScheduled { place, .. } => {
                self.processes.insert(check(place), Process::default());
            }
            Event::AgentStarted { agent, .. } => self.with(agent.as_str(), |p| p.runs = true),
            Event::CheckStarted { place, .. } => self.with(&check(place), |p| p.runs = true),
            Event::AgentFrozen { agent, .. } => self.with(agent.as_str(), |p| p.frozen = true),
            Event::CheckFrozen { place, .. } => self.with(&check(place), |p| p.frozen = true),
            Event::AgentThawed { agent, .. } => self.with(agent.as_str(), |p| p.frozen = false),
            Event::CheckThawed { place, .. } => self.with(&check(place), |p| p.frozen = false),
            Event::Memory(memory) => {
                if let MemoryEvent::Parking { agent, .. } = &**memory {
                    self.ends(agent.as_str());
                }
            }
            Event::Model(model) => {
                if let ModelEvent::Swapped {
                    agent,
                    cause: Cause::Zone,
                    ..
                } = &**model
                {
                    self.ends(agent.as_str());
                }
            }
            Event::AgentTimeout { agent, .. } => self.ends(agent.as_str()),
            Event::CheckTimeout { place, .. } => self.ends(&check(place)),
            // A gate that would judge yesterday's work is ended.
            Event::AgentRetrying { agent, .. } | Event::AgentJoining { agent } => {
                let phase = setup.plan.agent(setup.by_id[agent]).phase;
                if let Some(phase) = phase {
                    self.ends(&format!(":{}", setup.plan.phases[phase.ix()].id));
                }
                for cohort in &setup.cohorts_of[setup.by_id[agent].ix()] {
                    self.ends(&format!("::{}", setup.cohorts[cohort.ix()].name));
                }
            }
            Event::Work(work) if matches!(**work, WorkEvent::Extended(_)) => {
                let WorkEvent::Extended(by) = &**work else {
                    return;
                };
                for ix in by.indices() {
                    if let Some(phase) = setup.plan.agent(ix).phase {
                        self.ends(&format!(":{}", setup.plan.phases[phase.ix()].id));
                    }
                    for cohort in &setup.cohorts_of[ix.ix()] {
                        self.ends(&format!("::{}", setup.cohorts[cohort.ix()].name));
                    }
                }
            }
            Event::AttemptEnded { agent, .. } => {
                self.processes.remove(agent.as_str());
            }
            Event::CheckEnded { place, .. } => {
                self.processes.remove(&check(place));
            }
            _ => {}
        }
    }

    fn with(&mut self, name: &str, change: impl FnOnce(&mut Process)) {
        if let Some(process) = self.processes.get_mut(name) {
            change(process);
        }
    }

    fn ends(&mut self, name: &str) {
        self.with(name, |p| p.ending = true);
    }
}
