//! The merge that is on, the head, checkouts of it, and the way back.
//!
//! Must not decide what follows: that is in `decide::settle::merge`.

use crate::{
    engine::{
        BaseCheckout, Cause, Checkout, Checkpoint, Delivery, Merge, MergeOutcome, MergeStage,
        Merged, Owner, Rollback, State, Status, WorkEvent, WorkStage, state::pack,
    },
    plan::AgentIx,
};

impl State {
    fn merge_of(&mut self, number: u32) -> Option<&mut Merge> {
        self.merges.now.as_mut().filter(|now| now.number == number)
    }

    pub(super) fn merging(&mut self, event: &WorkEvent, now: u64) {
        match event {
            WorkEvent::MergeStarted {
                number,
                agent,
                attempt,
                commit,
                onto,
                conflict,
            } => {
                if let Some(ix) = self.find(agent) {
                    let class = self.setup.plan.agent(ix).class;
                    self.merges.queue.remove(&(class, ix));
                    self.merges.last_number = *number;
                    self.merges.now = Some(Merge {
                        number: *number,
                        agent: ix,
                        attempt: *attempt,
                        theirs: commit.clone(),
                        onto: onto.clone(),
                        stage: MergeStage::Trying,
                        commit: None,
                        tree: None,
                        path: String::new(),
                        commands: Vec::new(),
                        fails: None,
                        commanded: false,
                        why: None,
                        checked: false,
                        overlap: Vec::new(),
                        clash: None,
                        with: Vec::new(),
                        conflict: *conflict,
                    });
                }
            }
            WorkEvent::MergeTried {
                number, outcome, ..
            } => self.merge_tried(*number, outcome),
            WorkEvent::MergeCommanded { number, .. } => {
                let Some(merge) = self.merge_of(*number) else {
                    return;
                };
                merge.stage = MergeStage::Trying;
                merge.commanded = true;
                let ix = merge.agent;
                self.leave_check(ix);
                self.unschedule(ix);
                self.set(ix, Status::Merging, now);
            }
            WorkEvent::MergeAdvancing { number, .. } => {
                let Some(merge) = self.merge_of(*number) else {
                    return;
                };
                merge.stage = MergeStage::Advancing;
                let ix = merge.agent;
                self.leave_check(ix);
                self.unschedule(ix);
                self.set(ix, Status::Merging, now);
            }
            WorkEvent::MergeDone {
                number,
                agent,
                attempt,
                commit,
            } => {
                self.merges.now.take_if(|now| now.number == *number);
                if let Some(ix) = self.find(agent) {
                    // What was in there already moves nothing.
                    if self.head() != Some(commit.as_str()) {
                        self.merges.done.push(Merged {
                            number: *number,
                            agent: ix,
                            attempt: *attempt,
                            commit: commit.clone(),
                        });
                        self.merges.head = Some(commit.clone());
                    }
                    let agent = &mut self.agents[ix.ix()];
                    agent.conflict = None;
                    // It may have been stopped meanwhile.
                    if agent.status == Status::Merging && agent.attempt == *attempt {
                        if let Some(work) = &mut agent.work {
                            work.stage = WorkStage::Merged;
                        }
                        self.settling.insert(pack(Owner::Agent(ix)));
                    }
                }
            }
            WorkEvent::MergeFailed {
                number,
                agent,
                attempt,
                ..
            } => {
                let merge = self.merges.now.take_if(|now| now.number == *number);
                self.merges.failed += 1;
                let Some(ix) = self.find(agent) else {
                    return;
                };
                // No command of a rule is left that its verdict could be about.
                if merge.is_some_and(|merge| merge.stage == MergeStage::Commanding) {
                    self.leave_check(ix);
                    self.unschedule(ix);
                    self.set(ix, Status::Merging, now);
                }
                // What follows for it comes next; where a crash took that, it is in line again.
                let agent = self.agent(ix);
                if (agent.status, agent.attempt) == (Status::Merging, *attempt) {
                    self.line_up(ix);
                }
            }
            WorkEvent::Checkout {
                base: Some(number), ..
            } => {
                self.merges.bases = *number;
                self.merges.base = Some(BaseCheckout {
                    number: *number,
                    path: String::new(),
                    error: None,
                    taken: false,
                });
            }
            WorkEvent::Checkout { commit, base: None } => {
                self.merges.checkout = Some(Checkout {
                    commit: commit.clone(),
                    merged: self.merges.count(),
                    path: String::new(),
                    error: None,
                });
            }
            WorkEvent::CheckedOut {
                base: Some(number),
                path,
                error,
                ..
            } => {
                if let Some(base) = &mut self.merges.base
                    && base.number == *number
                {
                    base.path.clone_from(path);
                    base.error.clone_from(error);
                }
            }
            WorkEvent::CheckedOut {
                commit,
                path,
                base: None,
                error,
            } => {
                if let Some(checkout) = &mut self.merges.checkout
                    && checkout.commit == *commit
                {
                    checkout.path.clone_from(path);
                    checkout.error.clone_from(error);
                }
            }
            WorkEvent::RollbackStarted {
                number,
                wave,
                commit,
                agents,
                parents,
            } => {
                let checkpoint = self.merges.checkpoint(*wave);
                let merged = checkpoint.map_or(0, |checkpoint| checkpoint.merged);
                self.merges.rollbacks = *number;
                self.merges.rollback = Some(Rollback {
                    number: *number,
                    commit: commit.clone(),
                    merged,
                    agents: self.all(agents),
                    parents: self.all(parents),
                    done: false,
                });
            }
            WorkEvent::RollbackDone { number, error } => self.rolled_back(*number, error.as_ref()),
            WorkEvent::Delivering { commit, forward } => {
                let before = self.merges.delivery.take().and_then(made);
                self.merges.delivery = Some(Delivery {
                    commit: commit.clone(),
                    branch: String::new(),
                    forwarded: None,
                    error: None,
                    done: false,
                    forward: forward.clone(),
                    offer: None,
                    answer: None,
                    before,
                    stale: false,
                });
            }
            WorkEvent::Delivered {
                commit,
                branch,
                forwarded,
                error,
                offer,
            } => {
                let asked = self.merges.delivery.take();
                let stale = asked.as_ref().is_some_and(|asked| asked.stale);
                self.merges.delivery = Some(Delivery {
                    commit: commit.clone(),
                    branch: branch.clone(),
                    forwarded: forwarded.clone(),
                    error: error.clone(),
                    done: true,
                    forward: None,
                    offer: offer.clone(),
                    answer: None,
                    before: asked.and_then(|asked| asked.before),
                    stale,
                });
            }
            _ => {}
        }
    }

    fn merge_tried(&mut self, number: u32, outcome: &MergeOutcome) {
        let with = match outcome {
            MergeOutcome::Clean { with, .. }
            | MergeOutcome::Conflict { with, .. }
            | MergeOutcome::Command { with, .. } => self.all(with),
            MergeOutcome::Contained | MergeOutcome::NoRoom { .. } | MergeOutcome::Failed { .. } => {
                Vec::new()
            }
        };
        let Some(merge) = self.merge_of(number) else {
            return;
        };
        merge.with = with;
        merge.why = None;
        merge.stage = match outcome {
            MergeOutcome::Contained => MergeStage::Contained,
            MergeOutcome::Clean {
                commit,
                path,
                checked,
                tree,
                overlap,
                clash,
                ..
            } => {
                merge.commit = Some(commit.clone());
                merge.tree.clone_from(tree);
                merge.path.clone_from(path);
                merge.checked = *checked;
                merge.overlap.clone_from(overlap);
                merge.clash.clone_from(clash);
                MergeStage::Clean
            }
            MergeOutcome::Conflict { clash, why, .. } => {
                merge.why.clone_from(why);
                MergeStage::Conflict(clash.clone())
            }
            MergeOutcome::Command {
                path,
                commands,
                clash,
                ..
            } => {
                merge.path.clone_from(path);
                merge.commands.clone_from(commands);
                merge.fails = Some(clash.clone());
                MergeStage::Commands
            }
            // Another answer follows.
            MergeOutcome::NoRoom { error } => {
                merge.why = Some(error.clone());
                MergeStage::Trying
            }
            MergeOutcome::Failed { error } => MergeStage::Failed(error.clone()),
        };
    }

    fn rolled_back(&mut self, number: u32, error: Option<&String>) {
        let Some(rollback) = &mut self.merges.rollback else {
            return;
        };
        if rollback.number != number {
            return;
        }
        if error.is_some() {
            self.merges.rollback = None;
            return;
        }
        let (merged, commit) = (rollback.merged, rollback.commit.clone());
        rollback.done = true;
        let again: Vec<AgentIx> = [&rollback.agents[..], &rollback.parents[..]].concat();
        if again.is_empty() {
            self.merges.rollback = None;
        }
        self.merges.done.truncate(merged as usize);
        self.merges.checkpoints.retain(|c| c.merged <= merged);
        self.merges.head = (merged > 0).then_some(commit);
        self.merges.checkout = None;
        // Their waves are complete, and get their checkpoints, anew.
        for ix in again {
            self.waves_done.remove(&self.setup.wave(ix));
        }
        // What stands on what was taken out must not come back by a next attempt.
        for agent in &mut self.agents {
            agent.former = None;
        }
        self.ask_again();
    }

    pub(super) fn checkpoint(&mut self, wave: u32, commit: Option<&String>) {
        // The beginning is one anyway.
        if let Some(commit) = commit.filter(|_| wave > 0) {
            let checkpoint = Checkpoint {
                wave,
                commit: commit.clone(),
                merged: self.merges.count(),
            };
            self.merges.checkpoints.push(checkpoint);
        }
    }

    /// A roll-back takes the retries of its agents as they come.
    pub(super) fn note_rollback(&mut self, ix: AgentIx, cause: Cause) {
        if cause != Cause::Rollback {
            return;
        }
        if let Some(rollback) = &mut self.merges.rollback {
            rollback.agents.retain(|agent| *agent != ix);
        }
        self.end_rollback();
    }

    /// The same of parents, that wait for their parts again.
    pub(super) fn note_rejoined(&mut self, ix: AgentIx) {
        if let Some(rollback) = &mut self.merges.rollback {
            rollback.parents.retain(|parent| *parent != ix);
        }
        self.end_rollback();
    }

    fn end_rollback(&mut self) {
        let over =
            |rollback: &mut Rollback| rollback.agents.is_empty() && rollback.parents.is_empty();
        self.merges.rollback.take_if(over);
    }

    /// Something is done again that a person's branch waits for, or was kept back by.
    pub(super) fn hand_over_again(&mut self) {
        if let Some(delivery) = &mut self.merges.delivery {
            delivery.stale = true;
        }
    }

    /// Puts an agent in line for its merge.
    pub(super) fn line_up(&mut self, ix: AgentIx) {
        let class = self.setup.plan.agent(ix).class;
        self.merges.queue.insert((class, ix));
    }
}

/// Where a delivery has put the run's branch, or an earlier one had.
fn made(delivery: Delivery) -> Option<String> {
    if delivery.done && !delivery.branch.is_empty() {
        Some(delivery.commit)
    } else {
        delivery.before
    }
}
