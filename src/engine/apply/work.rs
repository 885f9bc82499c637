//! Work in workspaces: what its events change, and what shall happen outside because of them.
//!
//! Must not decide what follows: that is in `decide::settle::merge`.

use crate::{
    engine::{
        Cause, Checkout, Checkpoint, Command, Conflict, Delivery, HoldBy, JobKey, Merge,
        MergeOutcome, MergeStage, Merged, Owner, Prediction, Rollback, State, Status, Work,
        WorkEvent, WorkStage, state::pack,
    },
    plan::{AgentId, AgentIx},
};

impl State {
    fn all(&self, ids: &[AgentId]) -> Vec<AgentIx> {
        ids.iter().filter_map(|id| self.find(id)).collect()
    }

    fn work_of(&mut self, agent: &AgentId, attempt: u32) -> Option<(AgentIx, &mut Work)> {
        let ix = self.find(agent)?;
        let state = &mut self.agents[ix.ix()];
        let work = state.work.as_mut().filter(|_| state.attempt == attempt)?;
        Some((ix, work))
    }

    fn merge_of(&mut self, number: u32) -> Option<&mut Merge> {
        self.merges.now.as_mut().filter(|now| now.number == number)
    }

    pub(super) fn work(&mut self, event: &WorkEvent, now: u64) {
        match event {
            WorkEvent::Ready {
                agent,
                attempt,
                base,
                path,
                level,
            } => {
                let merges = self.merges.count();
                let Some((ix, work)) = self.work_of(agent, *attempt) else {
                    return;
                };
                work.stage = WorkStage::Open;
                work.base.clone_from(base);
                work.path.clone_from(path);
                work.level = *level;
                work.base_at = merges;
                self.set(ix, Status::Scheduled, now);
            }
            WorkEvent::Collecting { agent, attempt } => {
                if let Some((ix, work)) = self.work_of(agent, *attempt) {
                    work.stage = WorkStage::Collecting;
                    work.outside.clear();
                    self.set(ix, Status::Checking, now);
                }
            }
            WorkEvent::Collected { agent, attempt, .. } => {
                if let Some((ix, work)) = self.work_of(agent, *attempt) {
                    collected(work, event);
                    self.settling.insert(pack(Owner::Agent(ix)));
                }
            }
            WorkEvent::ScopeViolated {
                agent,
                attempt,
                paths,
            } => {
                if let Some((_, work)) = self.work_of(agent, *attempt) {
                    for path in paths {
                        if !work.outside.contains(path) {
                            work.outside.push(path.clone());
                        }
                    }
                }
            }
            WorkEvent::Merging { agent, attempt } => {
                if let Some((ix, work)) = self.work_of(agent, *attempt) {
                    work.stage = WorkStage::Queued;
                    self.leave_check(ix);
                    self.unschedule(ix);
                    self.set(ix, Status::Merging, now);
                    let class = self.setup.plan.agent(ix).class;
                    self.merges.queue.insert((class, ix));
                }
            }
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
                        path: String::new(),
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
                    if self.merges.head.as_ref() != Some(commit) {
                        self.merges.done.push(Merged {
                            number: *number,
                            agent: ix,
                            attempt: *attempt,
                            commit: commit.clone(),
                        });
                    }
                    self.merges.head = Some(commit.clone());
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
            WorkEvent::MergeFailed { number, .. } => {
                // Whatever becomes of it is told next; where a crash came before that, it is tried again.
                if let Some(merge) = self.merges.now.take_if(|now| now.number == *number)
                    && self.agent(merge.agent).status == Status::Merging
                {
                    let class = self.setup.plan.agent(merge.agent).class;
                    self.merges.queue.insert((class, merge.agent));
                }
            }
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
                    self.note_clash(a);
                    self.note_clash(b);
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
                ..
            } => {
                if let Some(conflict) = self.merges.conflicts.get_mut(id) {
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
            WorkEvent::Checkout { commit } => {
                self.merges.checkout = Some(Checkout {
                    commit: commit.clone(),
                    merged: self.merges.count(),
                    path: String::new(),
                    error: None,
                });
            }
            WorkEvent::CheckedOut {
                commit,
                path,
                error,
            } => {
                if let Some(checkout) = &mut self.merges.checkout
                    && checkout.commit == *commit
                {
                    checkout.path.clone_from(path);
                    checkout.error.clone_from(error);
                }
            }
            // For readers; the agent is told by the driver.
            WorkEvent::ContextUpdated { .. } | WorkEvent::HandoffReady { .. } => {}
            WorkEvent::RollbackStarted {
                number,
                wave,
                commit,
                agents,
            } => {
                let merged = self.merges.checkpoints.iter().rev();
                let merged = merged
                    .clone()
                    .find(|c| c.wave == *wave)
                    .map_or(0, |c| c.merged);
                let agents = self.all(agents);
                self.merges.rollbacks = *number;
                self.merges.rollback = Some(Rollback {
                    number: *number,
                    commit: commit.clone(),
                    merged,
                    agents,
                    done: None,
                });
            }
            WorkEvent::RollbackDone { number, error } => self.rolled_back(*number, error.as_ref()),
            WorkEvent::Delivering { commit } => {
                self.merges.delivery = Some(Delivery {
                    commit: commit.clone(),
                    branch: String::new(),
                    forwarded: None,
                    error: None,
                    done: false,
                });
            }
            WorkEvent::Delivered {
                commit,
                branch,
                forwarded,
                error,
            } => {
                self.merges.delivery = Some(Delivery {
                    commit: commit.clone(),
                    branch: branch.clone(),
                    forwarded: forwarded.clone(),
                    error: error.clone(),
                    done: true,
                });
            }
        }
    }

    fn merge_tried(&mut self, number: u32, outcome: &MergeOutcome) {
        let with = match outcome {
            MergeOutcome::Clean { with, .. } | MergeOutcome::Conflict { with, .. } => {
                self.all(with)
            }
            MergeOutcome::Contained | MergeOutcome::Failed { .. } => Vec::new(),
        };
        let Some(merge) = self.merge_of(number) else {
            return;
        };
        merge.with = with;
        merge.stage = match outcome {
            MergeOutcome::Contained => MergeStage::Contained,
            MergeOutcome::Clean {
                commit,
                path,
                checked,
                overlap,
                clash,
                ..
            } => {
                merge.commit = Some(commit.clone());
                merge.path.clone_from(path);
                merge.checked = *checked;
                merge.overlap.clone_from(overlap);
                merge.clash.clone_from(clash);
                MergeStage::Clean
            }
            MergeOutcome::Conflict { clash, .. } => MergeStage::Conflict(clash.clone()),
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
        rollback.done = Some(Ok(()));
        self.merges.done.truncate(merged as usize);
        self.merges.checkpoints.retain(|c| c.merged <= merged);
        self.merges.head = (merged > 0).then_some(commit);
        self.merges.checkout = None;
    }

    pub(super) fn checkpoint(&mut self, wave: u32) {
        if let Some(head) = &self.merges.head {
            let checkpoint = Checkpoint {
                wave,
                commit: head.clone(),
                merged: self.merges.count(),
            };
            self.merges.checkpoints.push(checkpoint);
        }
    }

    /// An attempt begins: what the one before left is no longer its work.
    pub(super) fn open_work(&mut self, ix: AgentIx) {
        if self.setup.own(ix) {
            self.agents[ix.ix()].work = Some(Box::default());
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
            self.release(with);
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

    /// An agent that was frozen for a clash that would come may go on when none would any more.
    fn release(&mut self, ix: AgentIx) {
        self.note_clash(ix);
        let clashes = self.merges.clash_of(ix).any(|(_, p)| p.critical);
        let agent = self.agent(ix);
        if agent.status == Status::Frozen && agent.hold == Some(HoldBy::Rule) && !clashes {
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

    /// A roll-back takes the retries of its agents as they come.
    pub(super) fn note_rollback(&mut self, ix: AgentIx, cause: Cause) {
        if cause != Cause::Rollback {
            return;
        }
        if let Some(rollback) = &mut self.merges.rollback {
            rollback.agents.retain(|agent| *agent != ix);
            if rollback.agents.is_empty() {
                self.merges.rollback = None;
            }
        }
    }
}

fn collected(work: &mut Work, event: &WorkEvent) {
    let WorkEvent::Collected {
        commit,
        changed,
        added,
        removed,
        committed_for,
        outside,
        missing,
        handoff,
        error,
        ..
    } = event
    else {
        return;
    };
    work.stage = WorkStage::Collected;
    work.commit.clone_from(commit);
    work.changed = *changed;
    work.added = *added;
    work.removed = *removed;
    work.committed_for = *committed_for;
    work.outside.clone_from(outside);
    work.missing.clone_from(missing);
    work.handoff.clone_from(handoff);
    work.error.clone_from(error);
}

/// What shall happen outside because of an event about work; `state` is the state after it.
pub(in crate::engine) fn work_effects(
    state: &State,
    event: &WorkEvent,
    agent: Option<AgentIx>,
) -> Vec<Command> {
    match (event, agent) {
        (WorkEvent::Ready { attempt, .. }, Some(ix))
            if state.agent(ix).status == Status::Scheduled =>
        {
            vec![Command::Spawn {
                key: JobKey::main(ix, *attempt),
                mode: state.agent(ix).mode,
            }]
        }
        (WorkEvent::Collecting { attempt, .. }, Some(ix)) => vec![Command::Collect {
            agent: ix,
            attempt: *attempt,
        }],
        (WorkEvent::MergeStarted { number, .. }, _) => vec![Command::Merge { number: *number }],
        (WorkEvent::MergeAdvancing { number, .. }, _) => vec![Command::Advance { number: *number }],
        (WorkEvent::Checkout { .. }, _) => vec![Command::Checkout],
        (WorkEvent::RollbackStarted { number, .. }, _) => {
            vec![Command::RollBack { number: *number }]
        }
        (WorkEvent::Delivering { .. }, _) => vec![Command::Deliver],
        _ => Vec::new(),
    }
}

/// What was under way when the runner died is asked for again: all of it can be done twice.
pub(in crate::engine) fn work_again(state: &State) -> Vec<Command> {
    let mut commands: Vec<Command> = state
        .setup
        .plan
        .indices()
        .filter(|&ix| {
            let work = state.agent(ix).work.as_ref();
            work.is_some_and(|w| w.stage == WorkStage::Collecting)
                && state.agent(ix).status == Status::Checking
        })
        .map(|ix| Command::Collect {
            agent: ix,
            attempt: state.agent(ix).attempt,
        })
        .collect();
    if let Some(merge) = &state.merges.now {
        let number = merge.number;
        match merge.stage {
            MergeStage::Trying => commands.push(Command::Merge { number }),
            MergeStage::Advancing => commands.push(Command::Advance { number }),
            _ => {}
        }
    }
    let merges = &state.merges;
    if merges.checkout.as_ref().is_some_and(Checkout::coming) {
        commands.push(Command::Checkout);
    }
    if let Some(rollback) = merges.rollback.as_ref().filter(|r| r.done.is_none()) {
        commands.push(Command::RollBack {
            number: rollback.number,
        });
    }
    if merges.delivery.as_ref().is_some_and(|d| !d.done) {
        commands.push(Command::Deliver);
    }
    commands
}
