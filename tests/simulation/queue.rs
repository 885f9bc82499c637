//! The attention queue: numbers come once, only what waits is answered, and no gate that asks a person
//! passes without a yes of one. Told from the journal alone.

use std::collections::{BTreeMap, BTreeSet};

use wavedeck::engine::{
    Action, Answer, AttentionAnswered, AttentionKind, AttentionRaised, CheckPlace, Event, Record,
    Setup,
};

/// An agent (`api`), a phase (`:build`), or a cohort (`::run`).
type Name = String;

#[derive(Debug, Default)]
pub struct Queue {
    /// What waits, by number.
    open: BTreeMap<u32, AttentionRaised>,
    last_id: u32,
    /// The answer that a person has just given, and that an event must follow.
    given: Option<(u32, Answer)>,
    /// Who was approved for which gate, and has not passed it yet.
    approved: BTreeSet<(Name, String)>,
}

fn name(agent: Option<&str>, phase: Option<&str>, cohort: Option<&str>) -> Name {
    match (agent, phase, cohort) {
        (Some(agent), ..) => agent.to_owned(),
        (None, Some(phase), _) => format!(":{phase}"),
        (None, None, cohort) => format!("::{}", cohort.unwrap_or("")),
    }
}

fn of(place: &CheckPlace) -> Name {
    let agent = place.agent.as_ref().map(wavedeck::plan::AgentId::as_str);
    name(agent, place.phase.as_deref(), place.cohort.as_deref())
}

impl Queue {
    /// Whether the approval of a phase or of a cohort waits.
    pub fn gate_asks(&self) -> bool {
        self.open
            .values()
            .any(|o| o.attention == AttentionKind::Approval && o.agent.is_none())
    }

    /// Takes one record; says what is wrong with it.
    pub fn step(&mut self, setup: &Setup, record: &Record) -> Option<String> {
        let given = self.given.take();
        match &record.event {
            Event::OperatorAction {
                action: Action::Answer { id, answer, .. },
                ..
            } => self.given = Some((*id, *answer)),
            Event::AttentionRaised(raised) => return self.raised(raised),
            Event::AttentionAnswered(answered) => return self.answered(answered, given),
            Event::AgentChecking { agent, .. } => {
                self.begins(&name(Some(agent.as_str()), None, None));
            }
            Event::PhaseChecking { phase, .. } => self.begins(&name(None, Some(phase), None)),
            Event::CohortChecking { cohort, .. } => self.begins(&name(None, None, Some(cohort))),
            Event::GatePassed { place, .. } => {
                let gate = setup.plan.gates.iter().find(|gate| gate.id == place.gate);
                let asks = gate.is_some_and(|gate| gate.approve.is_some());
                if asks && !self.approved.remove(&(of(place), place.gate.clone())) {
                    return Some("passed without a yes".to_owned());
                }
            }
            Event::RunFinished { .. } => {
                let about_the_run = |o: &AttentionRaised| o.attention == AttentionKind::DayGate;
                if self.open.values().any(about_the_run) {
                    return Some("a gate of a run that goes on waits at its end".to_owned());
                }
            }
            _ => {}
        }
        None
    }

    /// A new round asks anew.
    fn begins(&mut self, whose: &str) {
        self.approved.retain(|(name, _)| name != whose);
    }

    fn raised(&mut self, raised: &AttentionRaised) -> Option<String> {
        let same = |o: &AttentionRaised| {
            let of_run = [AttentionKind::DayGate, AttentionKind::Budget];
            let of_run =
                |of: &AttentionRaised| of_run.into_iter().find(|kind| *kind == of.attention);
            (&o.agent, &o.phase, &o.cohort, of_run(o))
                == (&raised.agent, &raised.phase, &raised.cohort, of_run(raised))
        };
        if raised.id != self.last_id + 1 {
            return Some(format!("number {} after {}", raised.id, self.last_id));
        }
        self.last_id = raised.id;
        let of_run = raised.agent.is_none() && raised.phase.is_none() && raised.cohort.is_none();
        let about_the_run = [
            AttentionKind::DayGate,
            AttentionKind::Deliver,
            AttentionKind::Budget,
        ];
        if of_run != about_the_run.contains(&raised.attention) {
            return Some("about nobody, or a daily gate of somebody".to_owned());
        }
        let twice = self.open.values().any(same);
        self.open.insert(raised.id, raised.clone());
        twice.then(|| "raised while it waits already".to_owned())
    }

    fn answered(
        &mut self,
        answered: &AttentionAnswered,
        given: Option<(u32, Answer)>,
    ) -> Option<String> {
        let Some(item) = self.open.remove(&answered.id) else {
            return Some("answered, and did not wait".to_owned());
        };
        if answered.answer.is_some() && answered.answer.map(|a| (answered.id, a)) != given {
            return Some("an answer that nobody gave".to_owned());
        }
        if answered.answer == Some(Answer::Yes) {
            let whose = name(
                answered.agent.as_ref().map(wavedeck::plan::AgentId::as_str),
                answered.phase.as_deref(),
                answered.cohort.as_deref(),
            );
            self.approved.insert((whose, item.gate.unwrap_or_default()));
        }
        None
    }
}
