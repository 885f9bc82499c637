//! Gates of tracks, of waves and of the run: nobody passes them, and they pass only when every one of
//! them has. Told from the journal alone.

use std::collections::BTreeSet;

use wavedeck::{
    engine::{Event, Owner, Record, Setup, SyncIx},
    plan::AgentIx,
};

/// One sync point.
#[derive(Debug, Clone, Default)]
struct Point {
    /// Gates that passed in the present round.
    passed: BTreeSet<String>,
    checking: bool,
    complete: bool,
    red: bool,
}

#[derive(Debug, Default)]
pub struct Syncs {
    points: Vec<Point>,
    /// Agents that have ended.
    ended: BTreeSet<String>,
    stopping: bool,
}

impl Syncs {
    pub fn new(setup: &Setup) -> Self {
        Self {
            points: vec![Point::default(); setup.syncs.len()],
            ..Self::default()
        }
    }

    /// Whether the gates of one are red.
    pub fn red(&self) -> bool {
        self.points.iter().any(|point| point.red)
    }

    /// Whether all have passed.
    pub fn complete(&self) -> bool {
        self.points.iter().all(|point| point.complete)
    }

    /// Whether an agent waits for one that has not passed.
    pub fn shut(&self, setup: &Setup, ix: AgentIx) -> bool {
        (setup.syncs.iter().zip(&self.points))
            .any(|(sync, point)| sync.closes.contains(&ix) && !point.complete)
    }

    fn at(setup: &Setup, name: &str) -> usize {
        setup.sync_ix(name).unwrap().ix()
    }

    /// Takes one record; says what is wrong with it.
    pub fn step(&mut self, setup: &Setup, record: &Record) -> Option<String> {
        match &record.event {
            Event::AgentScheduled { agent, .. } => {
                let ix = setup.by_id[agent];
                self.ended.remove(agent.as_str());
                let shut = (setup.syncs.iter().zip(&self.points))
                    .find(|(sync, point)| sync.closes.contains(&ix) && !point.complete);
                return shut.map(|(sync, _)| format!("started past the gates of {sync}"));
            }
            Event::AgentRetrying { agent, .. } => {
                self.ended.remove(agent.as_str());
                let ix = setup.by_id[agent];
                for (sync, point) in setup.syncs.iter().zip(&mut self.points) {
                    if sync.members.contains(&ix) {
                        (point.complete, point.red) = (false, false);
                    }
                }
            }
            Event::AgentCompleted { agent, .. }
            | Event::AgentFailed { agent, .. }
            | Event::AgentSkipped { agent, .. }
            | Event::AgentStopped { agent, .. } => {
                self.ended.insert(agent.to_string());
            }
            Event::SyncStarted { sync, .. } => {
                self.points[Self::at(setup, sync)] = Point {
                    checking: true,
                    ..Point::default()
                };
            }
            Event::GatePassed { place } => {
                if let Some(sync) = &place.sync {
                    let point = &mut self.points[Self::at(setup, sync)];
                    point.passed.insert(place.gate.clone());
                }
            }
            Event::SyncReopened { sync } => self.points[Self::at(setup, sync)].checking = false,
            Event::SyncFailed { sync, .. } => {
                let stopping = self.stopping;
                let point = &mut self.points[Self::at(setup, sync)];
                point.red = point.checking && !stopping;
                (point.checking, point.complete) = (false, false);
            }
            Event::SyncCompleted { sync } => return self.completed(setup, Self::at(setup, sync)),
            Event::RunStopped { .. } => self.stopping = true,
            _ => {}
        }
        None
    }

    fn completed(&mut self, setup: &Setup, at: usize) -> Option<String> {
        let sync = &setup.syncs[at];
        let steps = setup.checks_of(Owner::Sync(SyncIx::of(at)));
        let missing = (steps.iter()).find(|step| !self.points[at].passed.contains(step.gate));
        let mut members = sync.members.iter().map(|&ix| &setup.plan.agent(ix).id);
        let open = members.find(|id| !self.ended.contains(id.as_str()));
        let point = &mut self.points[at];
        (point.checking, point.complete, point.red) = (false, true, false);
        if let Some(step) = missing {
            return Some(format!("{sync} passed without {}", step.gate));
        }
        open.map(|id| format!("{sync} passed before {id} had ended"))
    }
}
