//! An agent's way between its states, its own process aside; and the lists that it is on.
//!
//! Must not know what its end means for others: that is in [`super::needs`].

use crate::plan::AgentIx;

use crate::engine::{
    Cause, CheckStep, FailureKind, HoldBy, MergeStage, Owner, Readiness, State, Status,
    state::{Due, pack},
};

impl State {
    pub(super) fn became_ready(&mut self, ix: AgentIx, now: u64) {
        self.leave_check(ix);
        self.unschedule(ix);
        let agent = &mut self.agents[ix.ix()];
        if agent.readiness != Readiness::Unknown {
            agent.readiness = Readiness::Good;
        }
        self.set(ix, Status::Ready, now);
        self.enlist(ix);
    }

    /// What it is to begin with is looked at.
    pub(super) fn asked(&mut self, ix: AgentIx, number: u32, now: u64) {
        self.unschedule(ix);
        self.set(ix, Status::Checking, now);
        let agent = &mut self.agents[ix.ix()];
        agent.readiness = Readiness::Asked;
        agent.asked = number;
    }

    /// The head went back: what was there may be gone.
    pub(super) fn ask_again(&mut self) {
        for ix in self.setup.clone().plan.indices() {
            if self.agents[ix.ix()].readiness == Readiness::Unknown {
                continue;
            }
            let began = self.begins(ix);
            self.agents[ix.ix()].readiness = Readiness::Unknown;
            if began {
                self.leave_check(ix);
                self.unschedule(ix);
                self.set(ix, Status::Ready, self.elapsed_us);
                self.enlist(ix);
                self.await_needs(ix);
            }
        }
    }

    pub(super) fn skipped(&mut self, ix: AgentIx, reason: &str, by_condition: bool, now: u64) {
        // Nothing but the budget kept it from starting: no failure stands behind that.
        let ready = self.agent(ix).status == Status::Ready;
        let left = self.left_behind(ix) || (ready && self.spent().is_some());
        let agent = &mut self.agents[ix.ix()];
        agent.reason = Some(reason.to_owned());
        agent.by_condition = by_condition;
        agent.left = left;
        self.finalize(ix, Status::Skipped, now);
    }

    /// An attempt came to an outcome of its own: what its worker is known for.
    pub(super) fn judged(&mut self, ix: AgentIx, succeeded: bool) {
        if self.agent(ix).attempt > 0 {
            let mode = self.setup.mode(ix, self.agent(ix).mode);
            self.usage.judged(mode, succeeded);
        }
    }

    pub(super) fn retrying(
        &mut self,
        ix: AgentIx,
        cause: Cause,
        delay_us: u64,
        reason: &str,
        now: u64,
    ) {
        self.leave_check(ix);
        self.leave_merging(ix);
        self.note_rollback(ix, cause);
        self.talk_again(ix, cause);
        self.keep_former(ix, cause);
        self.close_conflict(ix, "tried again");
        self.reopen(ix);
        self.retries += 1;
        if cause == Cause::Failure {
            self.judged(ix, false);
        }
        let agent = &mut self.agents[ix.ix()];
        agent.reason = Some(reason.to_owned());
        agent.failure = None;
        agent.own_done = false;
        agent.readiness = Readiness::Unknown;
        match cause {
            Cause::Failure => agent.failures += 1,
            Cause::Operator => agent.failures = 0,
            Cause::KillSwitch
            | Cause::Swap
            | Cause::Interrupted
            | Cause::Room
            | Cause::Hold
            | Cause::Conflict
            | Cause::Rollback
            | Cause::Preempted
            | Cause::Told
            | Cause::Opened
            | Cause::Returned
            | Cause::Limited
            | Cause::Anew
            | Cause::Parked
            | Cause::Zone => {}
        }
        if !self.setup.has_process(ix) {
            // A group joins when its needs are met.
            self.set(ix, Status::Waiting, now);
            self.recount(ix);
        } else if delay_us == 0 {
            self.set(ix, Status::Ready, now);
            self.enlist(ix);
        } else {
            agent.until_us = now + delay_us;
            let due = Due {
                at_us: now + delay_us,
                owner: Owner::Agent(ix),
            };
            self.set(ix, Status::BackingOff, now);
            self.due.insert(due);
        }
        for &child in &self.setup.clone().children[ix.ix()] {
            self.recount(child);
        }
        self.await_needs(ix);
    }

    pub(super) fn joining(&mut self, ix: AgentIx, now: u64) {
        self.leave_check(ix);
        self.note_rejoined(ix);
        self.reopen(ix);
        let agent = &mut self.agents[ix.ix()];
        agent.own_done = true;
        agent.reason = None;
        agent.failure = None;
        agent.started_us.get_or_insert(now);
        self.set(ix, Status::Joining, now);
        for &child in &self.setup.clone().children[ix.ix()] {
            self.recount(child);
        }
        if self.agents[ix.ix()].children_open == 0 {
            self.settling.insert(pack(Owner::Agent(ix)));
        }
    }

    /// Its checks begin. The slot of its own process is free by now: a check command is a start
    /// like any other, and takes one when admission lets it.
    pub(super) fn checking(&mut self, ix: AgentIx, attempt: u32, now: u64) {
        self.unschedule(ix);
        self.set(ix, Status::Checking, now);
        let agent = &mut self.agents[ix.ix()];
        agent.check_rounds += 1;
        let number = (attempt, agent.check_rounds);
        let merge = self.merges.now.as_mut().filter(|now| now.agent == ix);
        let merged = merge.is_some();
        let commands = merge.is_some_and(|merge| {
            let commands = merge.stage == MergeStage::Commands;
            merge.stage = if commands {
                MergeStage::Commanding
            } else {
                MergeStage::Checking
            };
            commands
        });
        let mut check = self.new_round(Owner::Agent(ix), number, now);
        check.merged = merged;
        check.step = if commands || self.begins(ix) {
            let first = self.steps_now(Owner::Agent(ix)).start;
            u32::try_from(first).unwrap_or(u32::MAX)
        } else {
            first_step(&self.setup.checks(ix), merged)
        };
        self.agents[ix.ix()].check = Some(check);
        self.queue_check(Owner::Agent(ix));
    }

    pub(super) fn blocked(&mut self, ix: AgentIx, reason: &str, red: bool, now: u64) {
        self.leave_check(ix);
        self.leave_merging(ix);
        self.unschedule(ix);
        let agent = &mut self.agents[ix.ix()];
        agent.reason = Some(reason.to_owned());
        agent.failure = red.then_some(FailureKind::Validation);
        self.set(ix, Status::Blocked, now);
    }

    /// Removes an agent from every list that its present state put it on.
    pub(super) fn unschedule(&mut self, ix: AgentIx) {
        self.delist(ix);
        self.resting.remove(&self.rank(ix));
        self.parked.remove(&self.rank(ix));
        self.movable.remove(&ix);
        let owner = Owner::Agent(ix);
        self.settling.remove(&pack(owner));
        self.unschedule_check(owner);
        self.disarm(ix);
    }

    pub(super) fn set(&mut self, ix: AgentIx, status: Status, now: u64) {
        self.settling.remove(&pack(Owner::Agent(ix)));
        self.movable.remove(&ix);
        let agent = &mut self.agents[ix.ix()];
        agent.status = status;
        agent.since_us = now;
        if !matches!(status, Status::Ready | Status::Checking) {
            agent.readiness = Readiness::Unknown;
        }
        self.note_attention(ix, status);
    }

    /// Puts a ready agent among those that may start, unless somebody holds it.
    pub(super) fn enlist(&mut self, ix: AgentIx) {
        let agent = self.agent(ix);
        if agent.status == Status::Ready && agent.hold != Some(HoldBy::Operator) {
            self.ready.insert(self.place_of(ix));
        }
    }

    /// Takes an agent out of those that may start, where it is one; to be done before anything
    /// changes that its place depends on.
    pub(super) fn delist(&mut self, ix: AgentIx) {
        if self.agent(ix).status == Status::Ready {
            self.ready.remove(self.place_of(ix));
        }
    }

    pub(super) fn hold(&mut self, ix: AgentIx, hold: Option<HoldBy>) {
        self.delist(ix);
        self.agents[ix.ix()].hold = hold;
        self.enlist(ix);
    }
}

/// The first command of checks; on the result of a merge, approvals are not asked again.
fn first_step(steps: &[CheckStep<'_>], merged: bool) -> u32 {
    let first = (0..).zip(steps);
    let mut first = first.filter(|(_, step)| !merged || step.approve.is_none());
    first.next().map_or(0, |(at, _)| at)
}
