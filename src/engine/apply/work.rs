//! Work in workspaces: what its events change, and what shall happen outside because of them.
//!
//! Must not decide what follows: that is in `decide::settle::merge`.

use crate::{
    engine::{
        BaseCheckout, Cause, Checkout, Command, Former, HandedOff, JobKey, MergeStage, Owner,
        Readiness, State, Status, Work, WorkEvent, WorkStage, state::pack,
    },
    plan::{self, AgentId, AgentIx},
};

impl State {
    pub(super) fn all(&self, ids: &[AgentId]) -> Vec<AgentIx> {
        ids.iter().filter_map(|id| self.find(id)).collect()
    }

    fn work_of(&mut self, agent: &AgentId, attempt: u32) -> Option<(AgentIx, &mut Work)> {
        let ix = self.find(agent)?;
        let state = &mut self.agents[ix.ix()];
        let work = state.work.as_mut().filter(|_| state.attempt == attempt)?;
        Some((ix, work))
    }

    pub(super) fn work(&mut self, event: &WorkEvent, now: u64) {
        match event {
            WorkEvent::Ready { .. }
            | WorkEvent::Collecting { .. }
            | WorkEvent::Collected { .. }
            | WorkEvent::ScopeViolated { .. }
            | WorkEvent::Merging { .. } => self.own_work(event, now),
            WorkEvent::MergeStarted { .. }
            | WorkEvent::MergeTried { .. }
            | WorkEvent::MergeCommanded { .. }
            | WorkEvent::MergeAdvancing { .. }
            | WorkEvent::MergeDone { .. }
            | WorkEvent::MergeFailed { .. }
            | WorkEvent::Checkout { .. }
            | WorkEvent::CheckedOut { .. }
            | WorkEvent::RollbackStarted { .. }
            | WorkEvent::RollbackDone { .. }
            | WorkEvent::Delivering { .. }
            | WorkEvent::Delivered { .. } => self.merging(event, now),
            WorkEvent::Predicted { .. }
            | WorkEvent::Withdrawn { .. }
            | WorkEvent::ConflictDetected { .. }
            | WorkEvent::ConflictResolved { .. } => self.conflicting(event, now),
            WorkEvent::SyncStarted { number, point, .. } => {
                self.syncs.last = *number;
                self.syncs.open.push((*number, point.clone()));
            }
            WorkEvent::SyncCompleted { number, .. } => self.syncs.end(*number, true),
            WorkEvent::SyncFailed { number, .. } => self.syncs.end(*number, false),
            WorkEvent::Extended(by) => self.extended(by, now),
            // For readers; the agent is told by the driver.
            WorkEvent::ContextUpdated { .. } | WorkEvent::Added(_) => {}
            WorkEvent::HandoffChecking(of) => {
                if let Some(ix) = self.find(&of.agent) {
                    self.asked(ix, of.number, now);
                }
            }
            WorkEvent::HandoffChecked(of) => {
                if let Some(ix) = self.find(&of.agent).filter(|&ix| self.begins(ix)) {
                    self.agents[ix.ix()].readiness = Readiness::Found {
                        missing: of.missing.clone(),
                        error: of.error.clone(),
                    };
                    self.settling.insert(pack(Owner::Agent(ix)));
                }
            }
            WorkEvent::HandoffReady {
                agent,
                attempt,
                from_facts,
                artefacts,
            } => {
                if let Some(ix) = self.find(agent)
                    && self.agent(ix).attempt == *attempt
                {
                    self.agents[ix.ix()].handed = Some(HandedOff {
                        from_facts: *from_facts,
                        artefacts: *artefacts,
                    });
                }
            }
        }
    }

    fn own_work(&mut self, event: &WorkEvent, now: u64) {
        match event {
            WorkEvent::Ready {
                agent,
                attempt,
                base,
                path,
                level,
                ..
            } => {
                let Some((ix, work)) = self.work_of(agent, *attempt) else {
                    return;
                };
                work.stage = WorkStage::Open;
                work.base.clone_from(base);
                work.path.clone_from(path);
                work.level = *level;
                self.set(ix, Status::Scheduled, now);
            }
            WorkEvent::Collecting { agent, attempt } => {
                // In the repository itself there is nothing to collect but its hand-off.
                if let Some(ix) = self.find(agent).filter(|&ix| !self.setup.own(ix)) {
                    self.agents[ix.ix()].work.get_or_insert_default();
                }
                if let Some((ix, work)) = self.work_of(agent, *attempt) {
                    work.stage = WorkStage::Collecting;
                    work.outside.clear();
                    self.set(ix, Status::Checking, now);
                }
            }
            WorkEvent::Collected { agent, attempt, .. } => {
                if let Some((ix, work)) = self.work_of(agent, *attempt) {
                    collected(work, event);
                    let agent = &mut self.agents[ix.ix()];
                    agent.remarks.retain(|remark| remark.attempt >= *attempt);
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
                    if self.agent(ix).status == Status::Blocked {
                        self.reopen(ix);
                    }
                    self.set(ix, Status::Merging, now);
                    self.agents[ix.ix()].reason = None;
                    self.line_up(ix);
                }
            }
            _ => {}
        }
    }

    /// An attempt begins, at the integrated head: what the one before left is no longer its work.
    pub(super) fn open_work(&mut self, ix: AgentIx) {
        let agent = &mut self.agents[ix.ix()];
        if (agent.talk.as_ref()).is_some_and(|talk| talk.went_on)
            && let Some(work) = &mut agent.work
        {
            // It goes on in the workspace that is there.
            work.stage = WorkStage::Preparing;
            return;
        }
        agent.work = None;
        if self.setup.own(ix) {
            let work = Work {
                base: self.head().unwrap_or_default().to_owned(),
                base_at: self.merges.count(),
                ..Work::default()
            };
            self.agents[ix.ix()].work = Some(Box::new(work));
        }
    }

    /// An agent is tried again: a prompt goes on from what it made, a command makes all of it anew.
    pub(super) fn keep_former(&mut self, ix: AgentIx, cause: Cause) {
        let prompt = matches!(self.setup.plan.agent(ix).work, plan::Work::Prompt(_));
        let agent = &mut self.agents[ix.ix()];
        if cause == Cause::Rollback || !prompt {
            agent.former = None;
        } else if let Some(work) = &agent.work
            && let Some(commit) = &work.commit
        {
            let open = work.stage != WorkStage::Merged;
            agent.former = open.then(|| Former {
                attempt: agent.attempt,
                commit: commit.clone(),
            });
        }
    }
}

fn collected(work: &mut Work, event: &WorkEvent) {
    let WorkEvent::Collected {
        commit,
        tree,
        changed,
        added,
        removed,
        committed_for,
        outside,
        missing,
        handoff,
        facts,
        error,
        ..
    } = event
    else {
        return;
    };
    work.stage = WorkStage::Collected;
    work.commit.clone_from(commit);
    work.tree.clone_from(tree);
    work.changed = *changed;
    work.added = *added;
    work.removed = *removed;
    work.committed_for = *committed_for;
    work.outside.clone_from(outside);
    work.missing.clone_from(missing);
    work.handoff.clone_from(handoff);
    work.facts.clone_from(facts);
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
        (WorkEvent::HandoffChecking(of), Some(ix)) => vec![Command::Inspect {
            agent: ix,
            number: of.number,
        }],
        (WorkEvent::Collecting { attempt, .. }, Some(ix)) => vec![Command::Collect {
            agent: ix,
            attempt: *attempt,
        }],
        (WorkEvent::MergeStarted { number, .. } | WorkEvent::MergeCommanded { number, .. }, _) => {
            vec![Command::Merge { number: *number }]
        }
        (WorkEvent::MergeAdvancing { number, .. }, _) => vec![Command::Advance { number: *number }],
        (WorkEvent::Checkout { base: None, .. }, _) => vec![Command::Checkout],
        (WorkEvent::Checkout { base: Some(_), .. }, _) => vec![Command::CheckoutBase],
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
                && !state.begins(ix)
        })
        .map(|ix| Command::Collect {
            agent: ix,
            attempt: state.agent(ix).attempt,
        })
        .collect();
    let asked = state.setup.plan.indices();
    let asked = asked
        .filter(|&ix| state.begins(ix) && state.agent(ix).readiness == Readiness::Asked)
        .map(|ix| Command::Inspect {
            agent: ix,
            number: state.agent(ix).asked,
        });
    commands.extend(asked);
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
    if merges.base.as_ref().is_some_and(BaseCheckout::coming) {
        commands.push(Command::CheckoutBase);
    }
    if let Some(rollback) = merges.rollback.as_ref().filter(|r| !r.done) {
        commands.push(Command::RollBack {
            number: rollback.number,
        });
    }
    if merges.delivery.as_ref().is_some_and(|d| !d.done) {
        commands.push(Command::Deliver);
    }
    commands
}
