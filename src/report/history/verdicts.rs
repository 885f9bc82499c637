//! Verdicts on gates, folded from the journal: of whom, when, how, who signed.
//!
//! Must not decide; what was not said is not there.

use std::collections::BTreeMap;

use super::When;
use crate::engine::{Answer, AttentionKind, Event, OnBase, Owner, Record, State};

/// Who signed a gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// When.
    pub when: When,
    /// Who: `deck`, `ctl`.
    pub by: String,
    /// A yes, or a no.
    pub yes: bool,
    /// What was said with it.
    pub text: Option<String>,
    /// Where more of it can be read.
    pub url: Option<String>,
    /// The file below `gates/` that keeps it.
    pub evidence: Option<String>,
}

/// One verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateVerdict {
    /// When.
    pub when: When,
    /// Of whom.
    pub owner: Owner,
    /// Which gate.
    pub gate: String,
    /// Attempt of the agent, or round of the gates.
    pub attempt: u32,
    /// Why it is red; none: it passed.
    pub red: Option<String>,
    /// How the red command came out on the base.
    pub base: Option<OnBase>,
    /// A command of it came out differently on the same files.
    pub flaky: bool,
    /// Who signed, where somebody had to.
    pub signed: Option<Signed>,
}

/// All of them, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verdicts {
    all: Vec<GateVerdict>,
    /// The last signature of each that no verdict has taken yet.
    signed: BTreeMap<Owner, Signed>,
}

impl Verdicts {
    pub(super) fn push(&mut self, after: &State, record: &Record) {
        let when = When {
            seq: record.seq,
            at_us: record.elapsed_us,
            at_ms: record.at_ms,
        };
        let (place, red, base, flaky) = match &record.event {
            Event::AttentionAnswered(answered) if answered.attention == AttentionKind::Approval => {
                let yes = match answered.answer {
                    Some(Answer::Yes) => true,
                    Some(Answer::No) => false,
                    _ => return,
                };
                let (agent, phase) = (answered.agent.as_ref(), answered.phase.as_deref());
                let owner = match agent {
                    Some(agent) => after.find(agent).map(Owner::Agent),
                    None => gated(after, phase, answered.cohort.as_deref()),
                };
                let signed = Signed {
                    when,
                    by: answered.by.clone(),
                    yes,
                    text: answered.text.clone(),
                    url: answered.url.clone(),
                    evidence: answered.evidence.clone(),
                };
                self.signed.extend(owner.map(|owner| (owner, signed)));
                return;
            }
            Event::GatePassed { place, flaky } => (place, None, None, *flaky),
            Event::GateFailed {
                place,
                reason,
                base,
                flaky,
            } => (place, Some(reason.clone()), base.clone(), *flaky),
            _ => return,
        };
        let owner = match &place.agent {
            Some(agent) => after.find(agent).map(Owner::Agent),
            None => gated(after, place.phase.as_deref(), place.cohort.as_deref()),
        };
        let Some(owner) = owner else { return };
        self.all.push(GateVerdict {
            when,
            owner,
            gate: place.gate.clone(),
            attempt: place.attempt,
            red,
            base,
            flaky,
            signed: self.signed.remove(&owner),
        });
    }

    pub(super) fn append(&mut self, later: &mut Self) {
        // What was signed before belongs to the first verdict after it.
        for (owner, signed) in std::mem::take(&mut self.signed) {
            match later.all.iter_mut().find(|verdict| verdict.owner == owner) {
                Some(verdict) => {
                    verdict.signed.get_or_insert(signed);
                }
                None => {
                    later.signed.entry(owner).or_insert(signed);
                }
            }
        }
        self.all.append(&mut later.all);
        self.signed = std::mem::take(&mut later.signed);
    }

    /// Returns those that were known at record `seq`, in order.
    #[must_use]
    pub fn until(&self, seq: u64) -> &[GateVerdict] {
        &self.all[..self.all.partition_point(|verdict| verdict.when.seq <= seq)]
    }
}

fn gated(state: &State, phase: Option<&str>, cohort: Option<&str>) -> Option<Owner> {
    match phase {
        Some(phase) => state.phase_ix(phase).map(Owner::Phase),
        None => state.setup.cohort_ix(cohort?).map(Owner::Cohort),
    }
}
