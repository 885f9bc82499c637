//! Conflicts, found and foreseen, and who waits because of them.
//!
//! Must not decide what follows: that is in `decide::settle::conflict`.

use crate::{
    engine::{
        Conflict, HoldBy, MergeStage, Owner, Prediction, State, Status, WorkEvent, state::pack,
    },
    plan::AgentIx,
};

impl State {
    pub(super) fn conflicting(&mut self, event: &WorkEvent, now: u64) {
        match event {
            WorkEvent::Predicted {
                agent,
                with,
                files,
                kinds,
                critical,
            } => {
                if let (Some(a), Some(b)) = (self.find(agent), self.find(with)) {
                    let entry = self.merges.predicted.entry((a, b));
                    let known = entry.or_insert_with(|| Prediction {
                        files: Vec::new(),
                        kinds: Vec::new(),
                        critical: false,
                        since_us: now,
                        seen: false,
                    });
                    known.files.clone_from(files);
                    known.kinds.clone_from(kinds);
                    known.critical = *critical;
                    self.release(a);
                    self.release(b);
                }
            }
            WorkEvent::Withdrawn { agent, with } => {
                if let (Some(a), Some(b)) = (self.find(agent), self.find(with)) {
                    self.merges.predicted.remove(&(a, b));
                    self.release(a);
                    self.release(b);
                }
            }
            WorkEvent::ConflictDetected {
                id,
                agent,
                attempt,
                with,
                clash,
                critical,
                strategy,
            } => {
                let with = self.all(with);
                let Some(ix) = self.find(agent) else { return };
                let old = self.merges.conflicts.remove(id);
                let (chosen, notes) = old.map(|c| (c.chosen, c.notes)).unwrap_or_default();
                let conflict = Conflict {
                    agent: ix,
                    attempt: *attempt,
                    with,
                    clash: clash.clone(),
                    critical: *critical,
                    strategy: *strategy,
                    since_us: now,
                    chosen,
                    settled_by: None,
                    notes,
                    resolved: None,
                    given_up: false,
                };
                self.merges.conflicts.insert(*id, conflict);
                self.agents[ix.ix()].conflict = Some(*id);
                if let Some(merge) = &mut self.merges.now
                    && merge.agent == ix
                {
                    merge.conflict = Some(*id);
                }
            }
            WorkEvent::ConflictResolved {
                id,
                strategy,
                reason,
                given_up,
                ..
            } => {
                self.overrule(*id);
                if let Some(conflict) = self.merges.conflicts.get_mut(id) {
                    conflict.given_up = *given_up;
                    conflict.strategy = *strategy;
                    conflict.resolved = Some(reason.clone());
                    let ix = conflict.agent;
                    let agent = &mut self.agents[ix.ix()];
                    agent.conflict.take_if(|open| open == id);
                    if *strategy == crate::engine::Strategy::SequentialFallback {
                        agent.sent_back += 1;
                    }
                }
            }
            _ => {}
        }
    }

    /// An agent is tried again, or ends: it is in no line and no prediction any more.
    pub(super) fn leave_merging(&mut self, ix: AgentIx) {
        let class = self.setup.plan.agent(ix).class;
        self.merges.queue.remove(&(class, ix));
        self.merges
            .now
            .take_if(|now| now.agent == ix && now.stage != MergeStage::Advancing);
        let partners: Vec<AgentIx> = self.merges.clash_of(ix).map(|(with, _)| with).collect();
        for with in partners {
            self.merges.predicted.remove(&(ix.min(with), ix.max(with)));
            self.note_clash(ix);
            self.release(with);
        }
    }

    /// What a person did not take of two facts no longer stands.
    fn overrule(&mut self, id: u32) {
        let conflict = self.merges.conflicts.get(&id);
        let Some(conflict) = conflict.filter(|c| c.about_facts() && c.settled_by.is_some()) else {
            return;
        };
        for (ix, facts) in self.overruled(conflict) {
            if let Some(work) = &mut self.agents[ix.ix()].work {
                work.facts = facts;
            }
        }
    }

    /// A person has seen that an agent would clash.
    pub(super) fn seen_clash(&mut self, owner: Option<Owner>) {
        let Some(Owner::Agent(ix)) = owner else {
            return;
        };
        for (pair, clash) in &mut self.merges.predicted {
            clash.seen |= pair.0 == ix;
        }
    }

    fn note_clash(&mut self, ix: AgentIx) {
        self.attention.due.insert(pack(Owner::Agent(ix)));
    }

    /// An agent that was frozen for a clash that would come may go on when none would any more. It
    /// does not wait for one that is frozen by a rule itself: these could wait for each other.
    fn release(&mut self, ix: AgentIx) {
        self.note_clash(ix);
        let frozen = |ix: AgentIx| {
            let agent = self.agent(ix);
            agent.status == Status::Frozen && agent.hold == Some(HoldBy::Rule)
        };
        let mut clashes = self.merges.clash_of(ix);
        let clashes = clashes.any(|(with, p)| p.critical && !frozen(with));
        if frozen(ix) && !clashes {
            self.resting.insert(self.rank(ix));
        }
    }

    /// A conflict of work that is given up is over.
    pub(super) fn close_conflict(&mut self, ix: AgentIx, why: &str) {
        if let Some(id) = self.agents[ix.ix()].conflict.take()
            && let Some(conflict) = self.merges.conflicts.get_mut(&id)
        {
            conflict.resolved.get_or_insert_with(|| why.to_owned());
        }
    }
}
