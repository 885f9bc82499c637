//! The attention queue: who has to be looked at, what was raised, what was answered.
//!
//! Must not decide what waits: the events name it.

use crate::{
    engine::{
        Answer, AttentionAnswered, AttentionKind, AttentionRaised, EdgeKind, JobState, Owner,
        PhaseStatus, State, Status,
        state::{AT_THE_END, Item, OF_BUDGETS, pack, place_of},
    },
    plan::{AgentId, AgentIx, PhaseIx, When},
};

impl State {
    /// An agent has got another state: does it wait for a person now, or no longer?
    pub(super) fn note_attention(&mut self, ix: AgentIx, status: Status) {
        let key = pack(Owner::Agent(ix));
        let with_its_parts = self.agent(ix).lost_parts();
        if status == Status::Blocked
            || (status == Status::Failed && !with_its_parts)
            || self.attention.open.contains_key(&key)
        {
            self.attention.due.insert(key);
        }
    }

    /// Every phase that has failed: what waits for it depends on the mode.
    pub(super) fn note_failed_phases(&mut self) {
        for i in 0..self.phases.len() {
            if self.phases[i].status == PhaseStatus::Failed {
                self.note_gates(Owner::Phase(PhaseIx::of(i)));
            }
        }
    }

    /// The end or the new start of an agent may settle a failure that it takes care of, and what
    /// waits for a phase.
    pub(super) fn note_handled(&mut self, ix: AgentIx) {
        let setup = self.setup.clone();
        for edge in &setup.edges_in[ix.ix()] {
            if edge.kind == EdgeKind::Need(When::Failed) {
                // Its parts' failures are its own.
                let mut noted = vec![edge.from];
                while let Some(ix) = noted.pop() {
                    self.note_attention(ix, self.agent(ix).status);
                    self.judge_again(ix);
                    noted.extend(&setup.children[ix.ix()]);
                }
            }
        }
        let phases = self.attention.open.range(pack(Owner::Phase(PhaseIx(0)))..);
        let failed: Vec<_> = phases
            .filter(|(_, item)| item.kind == AttentionKind::FailedPhase)
            .map(|(key, _)| *key)
            .collect();
        self.attention.due.extend(failed);
    }

    /// Puts the check that an owner is at in line: a command waits for admission, an approval for a
    /// person.
    pub(super) fn queue_check(&mut self, owner: Owner) {
        let Some(step) = self.check_of(owner).map(|check| check.step as usize) else {
            return;
        };
        let asks = self
            .checks_of(owner)
            .get(step)
            .is_some_and(|step| step.approve.is_some());
        if !asks {
            self.checks_pending.insert(pack(owner));
            return;
        }
        if let Some(check) = self.check_mut(owner) {
            check.job = JobState::Asking;
        }
        self.attention.due.insert(pack(owner));
    }

    pub(super) fn attention_raised(&mut self, raised: &AttentionRaised) {
        let Ok(owner) = self.concerned(
            raised.agent.as_ref(),
            raised.phase.as_deref(),
            raised.cohort.as_deref(),
        ) else {
            return;
        };
        self.attention.last_id = self.attention.last_id.max(raised.id);
        if raised.attention == AttentionKind::DayGate {
            self.attention.day = raised.attempt;
        }
        let item = Item {
            id: raised.id,
            kind: raised.attention,
            owner,
            attempt: raised.attempt,
            gate: raised.gate.clone(),
            title: raised.title.clone(),
            since_us: raised.since_us,
        };
        let key = item.place();
        self.attention.due.remove(&key);
        self.attention.open.insert(key, item);
    }

    pub(super) fn attention_answered(&mut self, answered: &AttentionAnswered, now: u64) {
        let Ok(owner) = self.concerned(
            answered.agent.as_ref(),
            answered.phase.as_deref(),
            answered.cohort.as_deref(),
        ) else {
            return;
        };
        let deliver = answered.attention == AttentionKind::Deliver;
        let budget = answered.attention == AttentionKind::Budget;
        let key = match answered.attention {
            AttentionKind::Deliver => AT_THE_END,
            AttentionKind::Budget => OF_BUDGETS,
            _ => place_of(owner),
        };
        if self
            .attention
            .open
            .get(&key)
            .is_some_and(|item| item.id == answered.id)
        {
            self.attention.open.remove(&key);
        }
        let yes = match answered.answer {
            Some(Answer::Always) => {
                self.allow_always(owner);
                return;
            }
            Some(Answer::Yes) => true,
            Some(Answer::No) => false,
            Some(Answer::Seen) if answered.attention == AttentionKind::Predicted => {
                self.seen_clash(owner);
                return;
            }
            Some(Answer::Settle) => {
                if let Some(Owner::Agent(ix)) = owner
                    && let Some(id) = self.agent(ix).conflict
                    && let Some(conflict) = self.merges.conflicts.get_mut(&id)
                {
                    conflict.settled_by = Some(answered.by.clone());
                }
                return;
            }
            Some(
                Answer::Retry | Answer::Stop | Answer::Seen | Answer::Sequential | Answer::Say,
            )
            | None => return,
        };
        if budget {
            self.budget_answered(yes);
        }
        if deliver && let Some(delivery) = &mut self.merges.delivery {
            delivery.answer = Some(yes);
        }
        if let Some(owner) = owner
            && let Some(check) = self.check_mut(owner)
            && check.asks()
        {
            check.job = JobState::Answered {
                yes,
                text: answered.text.clone(),
            };
            check.since_us = now;
            self.attention.due.remove(&key);
            self.settling.insert(key);
        }
    }

    /// Whom an item is about: an agent, a phase, a cohort, or (none) the run.
    fn concerned(
        &self,
        agent: Option<&AgentId>,
        phase: Option<&str>,
        cohort: Option<&str>,
    ) -> Result<Option<Owner>, Unknown> {
        let owner = match (agent, phase, cohort) {
            (Some(agent), ..) => self.find(agent).map(Owner::Agent),
            (None, None, None) => return Ok(None),
            (None, ..) => self.gated(phase, cohort),
        };
        owner.map(Some).ok_or(Unknown)
    }
}

/// The plan has no such agent, phase or cohort.
struct Unknown;
