//! Verdicts on gates: none passes whose commands were not green where they judge, whatever a person does
//! meanwhile; what is run on the base judges nothing. Told from the journal alone.

use std::collections::{BTreeMap, BTreeSet};

use super::merges::of_a_rule;
use wavedeck::{
    engine::{Action, CheckPlace, Event, Exit, Owner, Purpose, Record, Setup, WorkEvent},
    plan::PhaseIx,
};

/// The checks of one owner since they began.
#[derive(Debug, Clone, Default)]
struct Round {
    /// How each command came out last, where it judged.
    ends: BTreeMap<u32, bool>,
    /// Times that each was run once more.
    repeats: BTreeMap<u32, u32>,
}

#[derive(Debug, Default)]
pub struct Verdicts {
    rounds: BTreeMap<Owner, Round>,
    /// Checkouts of the base that no command has run in.
    fresh: u32,
    last_base: u32,
    /// Ends of commands on the base.
    on_base: BTreeMap<Vec<String>, BTreeSet<bool>>,
    /// Whose process is ended to go again: that judges nothing.
    cut: BTreeSet<Owner>,
    /// Commands that are known to be red or green there.
    known: BTreeSet<Vec<String>>,
}

fn owner(setup: &Setup, place: &CheckPlace) -> Owner {
    match (&place.agent, &place.phase) {
        (Some(agent), _) => Owner::Agent(setup.by_id[agent]),
        (None, Some(phase)) => of_phase(setup, phase),
        (None, None) => of_cohort(setup, place.cohort.as_deref().unwrap()),
    }
}

fn of_phase(setup: &Setup, id: &str) -> Owner {
    let at = setup.plan.phases.iter().position(|phase| phase.id == id);
    Owner::Phase(PhaseIx::of(at.unwrap()))
}

fn of_cohort(setup: &Setup, name: &str) -> Owner {
    Owner::Cohort(setup.cohort_ix(name).unwrap())
}

impl Verdicts {
    /// Takes one record; says what is wrong with it.
    pub fn step(&mut self, setup: &Setup, record: &Record) -> Result<(), String> {
        match &record.event {
            Event::AgentChecking { agent, .. } => {
                let owner = Owner::Agent(setup.by_id[agent]);
                self.rounds.insert(owner, Round::default());
            }
            Event::PhaseChecking { phase, .. } => {
                self.rounds.insert(of_phase(setup, phase), Round::default());
            }
            Event::CohortChecking { cohort, .. } => {
                self.rounds
                    .insert(of_cohort(setup, cohort), Round::default());
            }
            Event::AgentPreempted(preempted) => {
                self.cut.insert(Owner::Agent(setup.by_id[&preempted.agent]));
            }
            Event::AttemptEnded { agent, .. } => {
                self.cut.remove(&Owner::Agent(setup.by_id[agent]));
            }
            Event::CheckScheduled { place, .. } if place.purpose == Purpose::Base => {
                let argv = argv(setup, place);
                if self.known.contains(&argv) {
                    return Err("compared with the base though that is known".to_owned());
                }
                self.fresh = (self.fresh.checked_sub(1))
                    .ok_or("compared without a fresh checkout of the base")?;
            }
            // A rule's command judges nothing.
            Event::CheckEnded { place, .. } if of_a_rule(setup, place) => {}
            Event::CheckEnded { place, exit, .. } => self.ended(setup, place, exit)?,
            Event::GatePassed { place, .. } => {
                let owner = owner(setup, place);
                let round = self.rounds.entry(owner).or_default();
                let steps = setup.checks_of(owner);
                let of_gate = (0..)
                    .zip(&steps)
                    .filter(|(_, step)| step.gate == place.gate);
                for (at, step) in of_gate {
                    if step.approve.is_none() && round.ends.get(&at) != Some(&true) {
                        return Err(format!("{} passed, and was not green", place.gate));
                    }
                }
            }
            Event::GateFailed { place, base, .. } => {
                if let Some(red) = base.as_ref().and_then(|base| base.red) {
                    let argv = argv(setup, place);
                    let seen = self.on_base.get(&argv);
                    if seen.is_none_or(|seen| !seen.contains(&red)) {
                        return Err("told of the base what was not seen there".to_owned());
                    }
                    self.known.insert(argv);
                }
            }
            Event::Work(work) => {
                if let WorkEvent::CheckedOut {
                    base: Some(number),
                    error: None,
                    ..
                } = &**work
                {
                    if *number <= self.last_base {
                        return Err("a checkout of the base comes twice".to_owned());
                    }
                    self.last_base = *number;
                    self.fresh += 1;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn ended(&mut self, setup: &Setup, place: &CheckPlace, exit: &Exit) -> Result<(), String> {
        if self.cut.remove(&owner(setup, place)) {
            return Ok(());
        }
        let ran = matches!(exit, Exit::Code(_) | Exit::Signal { .. });
        if place.purpose == Purpose::Base {
            if ran {
                let argv = argv(setup, place);
                self.on_base.entry(argv).or_default().insert(!exit.ok());
            }
            return Ok(());
        }
        let owner = owner(setup, place);
        let round = self.rounds.entry(owner).or_default();
        if *exit == Exit::Interrupted {
            return Ok(());
        }
        if place.purpose == Purpose::Repeat {
            let steps = setup.checks_of(owner);
            let most = steps[place.step as usize].repeat;
            let repeats = round.repeats.entry(place.step).or_default();
            *repeats += 1;
            if *repeats > most {
                return Err(format!("run once more {repeats} times, of {most}"));
            }
        }
        round.ends.insert(place.step, exit.ok());
        Ok(())
    }
}

fn argv(setup: &Setup, place: &CheckPlace) -> Vec<String> {
    let steps = setup.checks_of(owner(setup, place));
    steps[place.step as usize].argv.to_vec()
}

/// What can be done, and how gates over more than one agent stand meanwhile.
pub fn actions() -> BTreeSet<(&'static str, &'static str)> {
    let actions = [
        "resume",
        "retry",
        "swap",
        "switch",
        "sequential",
        "rollback",
        "mode",
        "crash",
    ];
    let stands = ["checking", "red"];
    let mut all: BTreeSet<_> = actions
        .into_iter()
        .flat_map(|action| stands.map(|stand| (action, stand)))
        .collect();
    // Nobody goes back while something is checked.
    all.remove(&("rollback", "checking"));
    all
}

/// Takes out of `missing` what a run has met.
pub fn met(
    setup: &Setup,
    records: &[Record],
    missing: &mut BTreeSet<(&'static str, &'static str)>,
) {
    let mut stands: BTreeMap<Owner, &'static str> = BTreeMap::new();
    for record in records {
        let action = match &record.event {
            Event::OperatorAction { action, .. } => match action {
                Action::Resume { .. } => "resume",
                Action::Retry { .. } => "retry",
                Action::Swap { .. } => "swap",
                Action::Sequential { now: true } => "switch",
                Action::Sequential { now: false } => "sequential",
                Action::Rollback { .. } => "rollback",
                Action::Mode { .. } => "mode",
                _ => continue,
            },
            Event::RunResumed { .. } => "crash",
            Event::CohortChecking { cohort, .. } => {
                stands.insert(of_cohort(setup, cohort), "checking");
                continue;
            }
            Event::CohortFailed { cohort, .. } => {
                let owner = of_cohort(setup, cohort);
                if stands.get(&owner) == Some(&"checking") {
                    stands.insert(owner, "red");
                }
                continue;
            }
            Event::CohortCompleted { cohort } | Event::CohortReopened { cohort } => {
                stands.remove(&of_cohort(setup, cohort));
                continue;
            }
            _ => continue,
        };
        for stand in stands.values() {
            missing.remove(&(action, *stand));
        }
    }
}
