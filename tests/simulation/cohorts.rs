//! Gates of tracks, of waves and of the run: nobody passes them, and they pass only when every one of
//! them has. Told from the journal alone.

use std::collections::BTreeSet;

use wavedeck::{
    engine::{CohortIx, Event, Extension, Owner, Record, Setup, StoppedBy, WorkEvent},
    plan::AgentIx,
};

use super::check::begun_with;

/// One cohort.
#[derive(Debug, Clone, Default)]
struct Point {
    /// Gates that passed in the present round.
    passed: BTreeSet<String>,
    checking: bool,
    complete: bool,
    red: bool,
}

#[derive(Debug, Default)]
pub struct Cohorts {
    points: Vec<Point>,
    /// Agents that have ended.
    ended: BTreeSet<String>,
    stopping: bool,
    guard_lost: bool,
}

impl Cohorts {
    pub fn new(setup: &Setup) -> Self {
        let later = &setup.plan.agents[begun_with(setup)..];
        Self {
            points: vec![Point::default(); setup.cohorts.len()],
            ended: later.iter().map(|agent| agent.id.to_string()).collect(),
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
        (setup.cohorts.iter().zip(&self.points))
            .any(|(cohort, point)| cohort.closes.contains(&ix) && !point.complete)
    }

    fn at(setup: &Setup, name: &str) -> usize {
        setup.cohort_ix(name).unwrap().ix()
    }

    /// Takes one record; says what is wrong with it.
    pub fn step(&mut self, setup: &Setup, record: &Record) -> Option<String> {
        match &record.event {
            Event::Work(work) => {
                if let WorkEvent::Extended(by) = &**work {
                    self.added(setup, by);
                }
            }
            Event::AgentScheduled { agent, .. } => {
                let ix = setup.by_id[agent];
                self.ended.remove(agent.as_str());
                let shut = (setup.cohorts.iter().zip(&self.points))
                    .find(|(cohort, point)| cohort.closes.contains(&ix) && !point.complete);
                return shut.map(|(cohort, _)| format!("started past the gates of {cohort}"));
            }
            Event::AgentRetrying { agent, .. } | Event::AgentJoining { agent } => {
                self.ended.remove(agent.as_str());
                let ix = setup.by_id[agent];
                for (cohort, point) in setup.cohorts.iter().zip(&mut self.points) {
                    if cohort.members.contains(&ix) {
                        // What asks a person is left without a word.
                        (point.complete, point.red, point.checking) = (false, false, false);
                    }
                }
            }
            Event::AgentSkipped { agent, .. } => {
                self.ended.insert(agent.to_string());
                // It was open again, and nothing else has told so.
                let ix = setup.by_id[agent];
                for (cohort, point) in setup.cohorts.iter().zip(&mut self.points) {
                    if cohort.members.contains(&ix) {
                        (point.red, point.checking) = (false, false);
                    }
                }
            }
            Event::AgentCompleted { agent, .. }
            | Event::AgentFailed { agent, .. }
            | Event::AgentStopped { agent, .. } => {
                self.ended.insert(agent.to_string());
            }
            Event::CohortChecking { cohort, .. } => {
                self.points[Self::at(setup, cohort)] = Point {
                    checking: true,
                    ..Point::default()
                };
            }
            Event::GatePassed { place, .. } => {
                if let Some(cohort) = &place.cohort {
                    let point = &mut self.points[Self::at(setup, cohort)];
                    point.passed.insert(place.gate.clone());
                }
            }
            Event::CohortReopened { cohort } => {
                self.points[Self::at(setup, cohort)].checking = false;
            }
            Event::CohortFailed { cohort, .. } => {
                let stopping = self.stopping;
                let point = &mut self.points[Self::at(setup, cohort)];
                point.red = point.checking && !stopping;
                (point.checking, point.complete) = (false, false);
            }
            Event::CohortCompleted { cohort } => {
                return self.completed(setup, Self::at(setup, cohort));
            }
            Event::RunResumed { .. } => self.stopping &= !self.guard_lost,
            Event::RunStopped { by } => {
                self.stopping = true;
                self.guard_lost = *by == StoppedBy::GuardLost;
            }
            _ => {}
        }
        None
    }

    /// Whoever is judged with agents that came later is judged again.
    fn added(&mut self, setup: &Setup, by: &Extension) {
        for ix in by.indices() {
            self.ended.remove(setup.plan.agent(ix).id.as_str());
            for (cohort, point) in setup.cohorts.iter().zip(&mut self.points) {
                if cohort.members.contains(&ix) {
                    (point.complete, point.red, point.checking) = (false, false, false);
                }
            }
        }
    }

    fn completed(&mut self, setup: &Setup, at: usize) -> Option<String> {
        let cohort = &setup.cohorts[at];
        let steps = setup.checks_of(Owner::Cohort(CohortIx::of(at)));
        let missing = (steps.iter()).find(|step| !self.points[at].passed.contains(step.gate));
        let mut members = cohort.members.iter().map(|&ix| &setup.plan.agent(ix).id);
        let open = members.find(|id| !self.ended.contains(id.as_str()));
        let point = &mut self.points[at];
        (point.checking, point.complete, point.red) = (false, true, false);
        if let Some(step) = missing {
            return Some(format!("{cohort} passed without {}", step.gate));
        }
        open.map(|id| format!("{cohort} passed before {id} had ended"))
    }
}
