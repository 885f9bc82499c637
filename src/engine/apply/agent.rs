//! What an event about one agent changes: its state, its slot, its clock and the lists it is on.
//!
//! Must not know needs or phases: [`super::needs`] carries an end on to others.

use crate::plan::AgentIx;

use crate::engine::{
    AttemptEnd, Cause, CheckRun, Ending, Event, HoldBy, JobState, Live, Owner, State, Status,
    state::{Due, pack},
};

impl State {
    pub(super) fn apply_agent(&mut self, ix: AgentIx, event: &Event, now: u64) {
        match event {
            Event::AgentReady { .. } => {
                self.unschedule(ix);
                self.set(ix, Status::Ready, now);
                self.ready.insert(self.rank(ix));
            }
            Event::AgentSkipped {
                reason,
                by_condition,
                ..
            } => {
                self.agents[ix.ix()].reason = Some(reason.clone());
                self.agents[ix.ix()].by_condition = *by_condition;
                self.finalize(ix, Status::Skipped, now);
            }
            Event::AgentScheduled { attempt, mode, .. } => {
                self.ready.remove(&self.rank(ix));
                self.set(ix, Status::Scheduled, now);
                let agent = &mut self.agents[ix.ix()];
                agent.attempt = *attempt;
                agent.mode = *mode;
                agent.started_us.get_or_insert(now);
                agent.live = Some(Live {
                    handle: None,
                    clock_from_us: now,
                    clock_us: 0,
                    ending: None,
                });
                self.processes += 1;
                let mode = self.mode_of(ix).clone();
                let setup = self.setup.clone();
                self.usage.slot(&setup, ix, mode.cpus_milli, true);
                self.usage.held(&mode, true);
                self.usage.spend(&mode);
            }
            Event::AgentStarted { handle, .. } => {
                self.set(ix, Status::Running, now);
                self.moving += 1;
                if let Some(live) = &mut self.agents[ix.ix()].live {
                    live.handle = Some(handle.clone());
                    live.clock_from_us = now;
                }
                self.arm(ix, now);
            }
            Event::AgentQuiet { quiet, .. } => self.agents[ix.ix()].quiet = *quiet,
            Event::AgentTimeout { .. } => {
                self.disarm(ix);
                if let Some(live) = &mut self.agents[ix.ix()].live {
                    live.ending.get_or_insert(Ending::Timeout);
                }
            }
            Event::AttemptEnded {
                attempt,
                exit,
                peak_bytes,
                leaked,
                present,
                ..
            } => {
                self.end_attempt(ix, now, |ran_us, ending| AttemptEnd {
                    attempt: *attempt,
                    exit: exit.clone(),
                    ending,
                    ran_us,
                    peak_bytes: *peak_bytes,
                    leaked: *leaked,
                    present: present.clone(),
                });
            }
            Event::AgentRetrying {
                cause,
                delay_us,
                reason,
                ..
            } => {
                self.leave_check(ix);
                self.reopen(ix);
                self.retries += 1;
                let agent = &mut self.agents[ix.ix()];
                agent.reason = Some(reason.clone());
                agent.failure = None;
                agent.own_done = false;
                match cause {
                    Cause::Failure => agent.failures += 1,
                    Cause::Operator => agent.failures = 0,
                    _ => {}
                }
                if *delay_us == 0 {
                    self.set(ix, Status::Ready, now);
                    self.ready.insert(self.rank(ix));
                } else {
                    agent.until_us = now + delay_us;
                    let due = Due {
                        at_us: now + delay_us,
                        agent: ix,
                    };
                    self.set(ix, Status::BackingOff, now);
                    self.due.insert(due);
                }
                for &child in &self.setup.clone().children[ix.ix()] {
                    self.recount(child);
                }
                self.await_needs(ix);
            }
            Event::AgentJoining { .. } => {
                self.reopen(ix);
                self.agents[ix.ix()].own_done = true;
                self.agents[ix.ix()].reason = None;
                self.agents[ix.ix()].started_us.get_or_insert(now);
                self.set(ix, Status::Joining, now);
                for &child in &self.setup.clone().children[ix.ix()] {
                    self.recount(child);
                }
                if self.agents[ix.ix()].children_open == 0 {
                    self.settling.insert(pack(Owner::Agent(ix)));
                }
            }
            Event::AgentChecking { attempt, .. } => {
                let steps = u32::try_from(self.setup.checks(ix).len()).unwrap_or(u32::MAX);
                self.unschedule(ix);
                self.set(ix, Status::Checking, now);
                self.agents[ix.ix()].check = Some(CheckRun {
                    attempt: *attempt,
                    step: 0,
                    steps,
                    job: JobState::Pending,
                    since_us: now,
                    ending: None,
                });
                self.checks_pending.insert(pack(Owner::Agent(ix)));
                let setup = self.setup.clone();
                self.usage.slot(&setup, ix, 0, true);
            }
            Event::AgentFrozen { cause, .. } => {
                self.disarm(ix);
                let clock = self.clock_us(ix, now);
                if self.agents[ix.ix()].status == Status::Running {
                    self.moving = self.moving.saturating_sub(1);
                    let cpus = self.mode_of(ix).cpus_milli;
                    let setup = self.setup.clone();
                    self.usage.slot(&setup, ix, cpus, false);
                }
                self.set(ix, Status::Frozen, now);
                let agent = &mut self.agents[ix.ix()];
                agent.quiet = false;
                agent.frozen_tree = None;
                if let Some(live) = &mut agent.live {
                    live.clock_us = clock;
                }
                if *cause == Cause::KillSwitch {
                    agent.hold = Some(HoldBy::Rule);
                    self.resting.insert(self.rank(ix));
                } else {
                    agent.hold = Some(HoldBy::Operator);
                }
            }
            Event::AgentFreezeVerified { stopped, total, .. } => {
                self.agents[ix.ix()].frozen_tree = Some((*stopped, *total));
            }
            Event::AgentThawed { .. } => {
                self.resting.remove(&self.rank(ix));
                let cpus = self.mode_of(ix).cpus_milli;
                let setup = self.setup.clone();
                self.usage.slot(&setup, ix, cpus, true);
                self.moving += 1;
                self.set(ix, Status::Running, now);
                let agent = &mut self.agents[ix.ix()];
                agent.hold = None;
                agent.frozen_tree = None;
                if let Some(live) = &mut agent.live {
                    live.clock_from_us = now;
                }
                self.arm(ix, now);
            }
            Event::AgentBlocked { reason, .. } => {
                self.leave_check(ix);
                self.unschedule(ix);
                self.agents[ix.ix()].reason = Some(reason.clone());
                self.set(ix, Status::Blocked, now);
            }
            Event::AgentFailed {
                failure, reason, ..
            } => {
                self.agents[ix.ix()].reason = Some(reason.clone());
                self.agents[ix.ix()].failure = Some(*failure);
                self.finalize(ix, Status::Failed, now);
            }
            Event::AgentStopped { .. } => self.finalize(ix, Status::Stopped, now),
            Event::AgentCompleted { .. } => {
                self.agents[ix.ix()].reason = None;
                self.finalize(ix, Status::Succeeded, now);
            }
            _ => {}
        }
    }

    /// Removes an agent from every list that its present state put it on.
    pub(super) fn unschedule(&mut self, ix: AgentIx) {
        let rank = self.rank(ix);
        self.ready.remove(&rank);
        self.resting.remove(&rank);
        self.movable.remove(&ix);
        self.settling.remove(&pack(Owner::Agent(ix)));
        self.checks_pending.remove(&pack(Owner::Agent(ix)));
        self.disarm(ix);
    }

    pub(super) fn set(&mut self, ix: AgentIx, status: Status, now: u64) {
        self.settling.remove(&pack(Owner::Agent(ix)));
        self.movable.remove(&ix);
        let agent = &mut self.agents[ix.ix()];
        agent.status = status;
        agent.since_us = now;
    }

    /// Puts the end of the time limit of a running attempt on the list.
    fn arm(&mut self, ix: AgentIx, now: u64) {
        if let Some(limit) = self.setup.plan.agent(ix).timeout_us
            && let Some(live) = &self.agents[ix.ix()].live
            && live.ending.is_none()
        {
            let at_us = now + limit.saturating_sub(live.clock_us);
            self.agents[ix.ix()].until_us = at_us;
            self.due.insert(Due { at_us, agent: ix });
        }
    }

    fn disarm(&mut self, ix: AgentIx) {
        self.due.remove(&Due {
            at_us: self.agents[ix.ix()].until_us,
            agent: ix,
        });
    }

    fn end_attempt(
        &mut self,
        ix: AgentIx,
        now: u64,
        end: impl FnOnce(u64, Option<Ending>) -> AttemptEnd,
    ) {
        let ran_us = self.clock_us(ix, now);
        let status = self.agent(ix).status;
        let mode = self.mode_of(ix).clone();
        let setup = self.setup.clone();
        if status == Status::Running {
            self.moving = self.moving.saturating_sub(1);
        }
        if matches!(status, Status::Scheduled | Status::Running) {
            self.usage.slot(&setup, ix, mode.cpus_milli, false);
        }
        self.usage.held(&mode, false);
        self.unschedule(ix);
        self.processes = self.processes.saturating_sub(1);
        self.set(ix, Status::Settling, now);
        self.settling.insert(pack(Owner::Agent(ix)));
        let agent = &mut self.agents[ix.ix()];
        let ending = agent.live.take().and_then(|live| live.ending);
        let end = end(ran_us, ending);
        agent.ran_us += ran_us;
        agent.peak_bytes = agent.peak_bytes.max(end.peak_bytes);
        agent.quiet = false;
        agent.frozen_tree = None;
        if agent.hold == Some(HoldBy::Rule) {
            agent.hold = None;
        }
        agent.last = Some(end);
    }
}
