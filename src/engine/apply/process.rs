//! An agent's own process: its slot, its memory, its clock and time limit, freeze and end.

use crate::plan::AgentIx;

use crate::engine::{
    AttemptEnd, Cause, Ending, Exit, Handle, HoldBy, Live, MeasureEvent, Owner, State, Status,
    state::{Due, pack},
};

use super::check::end_check;

impl State {
    pub(super) fn scheduled(
        &mut self,
        ix: AgentIx,
        (attempt, mode): (u32, u32),
        reserved_bytes: u64,
        now: u64,
    ) {
        self.delist(ix);
        let own = self.setup.own(ix);
        let status = if own {
            Status::Preparing
        } else {
            Status::Scheduled
        };
        self.set(ix, status, now);
        self.talk_begins(ix, attempt);
        self.open_work(ix);
        let agent = &mut self.agents[ix.ix()];
        agent.attempt = attempt;
        agent.mode = mode;
        // It could not be had any more.
        agent.relief = agent.relief.filter(|relief| *relief == mode);
        agent.check_rounds = 0;
        agent.handed = None;
        agent.started_us.get_or_insert(now);
        agent.live = Some(Live {
            handle: None,
            clock_from_us: now,
            clock_us: 0,
            ending: None,
            reserved_bytes,
            leased_bytes: 0,
        });
        self.processes += 1;
        let setup = self.setup.clone();
        let mode = setup.mode(ix, mode);
        self.usage.slot(&setup, ix, mode.cpus_milli, true);
        self.usage.at_work(mode, true);
        self.usage.held(mode, reserved_bytes, true);
        self.usage.spend(mode);
    }

    pub(super) fn started(&mut self, ix: AgentIx, handle: &Handle, now: u64) {
        self.set(ix, Status::Running, now);
        self.moving += 1;
        if let Some(live) = &mut self.agents[ix.ix()].live {
            live.handle = Some(handle.clone());
            live.clock_from_us = now;
        }
        self.arm(ix, now);
    }

    pub(super) fn measured(&mut self, event: &MeasureEvent) {
        let Some(ix) = self.find(event.agent()) else {
            return;
        };
        let agent = &mut self.agents[ix.ix()];
        match event {
            MeasureEvent::Leaking { .. } => agent.leaking = true,
            MeasureEvent::OverLimit { bytes, .. } => {
                agent.over_bytes = *bytes;
                if let Some(live) = &mut agent.live {
                    live.ending.get_or_insert(Ending::TooLarge);
                }
            }
        }
    }

    /// What the next attempt reserves at least: half as much again as this one held, where the kernel killed it
    /// for want of memory.
    fn grow(&mut self, ix: AgentIx) {
        let limit = self.setup.ram_limit_bytes;
        let reserved = self.asks(ix, self.mode_of(ix));
        let agent = &mut self.agents[ix.ix()];
        let Some(last) = agent.last.as_ref().filter(|l| l.exit == Exit::OutOfMemory) else {
            return;
        };
        // Killed before it was measured, it held at least what was reserved.
        let held = if last.peak_bytes > 0 {
            last.peak_bytes
        } else {
            reserved
        };
        let more = held.saturating_add(held / 2);
        let least = if limit > 0 { more.min(limit) } else { more };
        agent.least_bytes = agent.least_bytes.max(least);
    }

    pub(super) fn timed_out(&mut self, ix: AgentIx) {
        self.disarm(ix);
        if let Some(live) = &mut self.agents[ix.ix()].live {
            live.ending.get_or_insert(Ending::Timeout);
        }
    }

    pub(super) fn frozen(&mut self, ix: AgentIx, cause: Cause, now: u64) {
        self.disarm(ix);
        let clock = self.clock_us(ix, now);
        if self.agents[ix.ix()].status == Status::Running {
            self.moving = self.moving.saturating_sub(1);
            self.give_slot(ix);
        }
        self.set(ix, Status::Frozen, now);
        let agent = &mut self.agents[ix.ix()];
        agent.quiet = false;
        agent.frozen_tree = None;
        if let Some(live) = &mut agent.live {
            live.clock_us = clock;
        }
        if cause == Cause::KillSwitch {
            self.hold(ix, Some(HoldBy::Rule));
            self.resting.insert(self.rank(ix));
        } else if cause == Cause::Conflict {
            // It comes back when the other one has ended.
            self.hold(ix, Some(HoldBy::Rule));
        } else {
            self.hold(ix, Some(HoldBy::Operator));
        }
    }

    /// Whichever process of it is frozen is to end.
    pub(super) fn preempted(&mut self, ix: AgentIx) {
        let agent = &mut self.agents[ix.ix()];
        if let Some(live) = &mut agent.live {
            live.ending.get_or_insert(Ending::Preempted);
        }
        end_check(agent.check.as_mut(), Ending::Preempted);
    }

    pub(super) fn thawed(&mut self, ix: AgentIx, now: u64) {
        self.resting.remove(&self.rank(ix));
        let setup = self.setup.clone();
        let mode = setup.mode(ix, self.agent(ix).mode);
        self.usage.slot(&setup, ix, mode.cpus_milli, true);
        self.usage.at_work(mode, true);
        self.moving += 1;
        self.set(ix, Status::Running, now);
        self.hold(ix, None);
        let agent = &mut self.agents[ix.ix()];
        agent.frozen_tree = None;
        if let Some(live) = &mut agent.live {
            live.clock_from_us = now;
        }
        self.arm(ix, now);
    }

    fn give_slot(&mut self, ix: AgentIx) {
        let setup = self.setup.clone();
        let mode = setup.mode(ix, self.agent(ix).mode);
        self.usage.slot(&setup, ix, mode.cpus_milli, false);
        self.usage.at_work(mode, false);
    }

    /// Puts the end of the time limit of a running attempt on the list.
    pub(super) fn arm(&mut self, ix: AgentIx, now: u64) {
        if let Some(limit) = self.setup.plan.agent(ix).timeout_us
            && let Some(live) = &self.agents[ix.ix()].live
            && live.ending.is_none()
            && !self.clock_stands(ix)
            // A person takes as long as it takes.
            && !self.agent(ix).opened()
        {
            let at_us = now + limit.saturating_sub(live.clock_us);
            self.agents[ix.ix()].until_us = at_us;
            self.due.insert(Due {
                at_us,
                owner: Owner::Agent(ix),
            });
        }
    }

    pub(super) fn disarm(&mut self, ix: AgentIx) {
        self.due.remove(&Due {
            at_us: self.agents[ix.ix()].until_us,
            owner: Owner::Agent(ix),
        });
    }

    pub(super) fn end_attempt(
        &mut self,
        ix: AgentIx,
        now: u64,
        end: impl FnOnce(u64, Option<Ending>) -> AttemptEnd,
    ) {
        let ran_us = self.clock_us(ix, now);
        let status = self.agent(ix).status;
        if status == Status::Running {
            self.moving = self.moving.saturating_sub(1);
        }
        if matches!(
            status,
            Status::Scheduled | Status::Preparing | Status::Running
        ) {
            self.give_slot(ix);
        }
        self.leases_end(ix, now);
        let setup = self.setup.clone();
        let reserved_bytes = self.agent(ix).live.as_ref().map_or(0, |l| l.reserved_bytes);
        let mode = setup.mode(ix, self.agent(ix).mode);
        self.usage.held(mode, reserved_bytes, false);
        self.unschedule(ix);
        self.talk_ends(ix);
        self.processes = self.processes.saturating_sub(1);
        self.set(ix, Status::Settling, now);
        self.settling.insert(pack(Owner::Agent(ix)));
        if self.agent(ix).hold == Some(HoldBy::Rule) {
            self.hold(ix, None);
        }
        let agent = &mut self.agents[ix.ix()];
        let live = agent.live.take();
        let leased_bytes = live.as_ref().map_or(0, |live| live.leased_bytes);
        let ending = live.and_then(|live| live.ending);
        let end = end(ran_us, ending);
        let attempt = agent.attempt;
        // Done before it could be parked, and nothing more to tell it: nobody holds it for that.
        let talk = self.agent(ix).talk.as_ref();
        let more = talk.is_some_and(|talk| !talk.messages.is_empty());
        let done = end.exit.ok() && !more;
        // Unless a person let it go on since.
        let held = self.agent(ix).hold == Some(HoldBy::Operator);
        if ending == Some(Ending::Park) && done && held {
            let before = self.agent(ix).held_before;
            self.hold(ix, before.filter(|by| *by == HoldBy::Operator));
        }
        if ending != Some(Ending::Park) || done {
            self.freed(ix, attempt, 0, now);
        }
        self.charge_end(ix, &end.exit);
        let agent = &mut self.agents[ix.ix()];
        agent.ran_us += ran_us;
        if agent.strands(&end.exit) && ending.is_none() {
            agent.stranded |= 1 << agent.mode;
            agent.relief = agent.relief.filter(|relief| *relief != agent.mode);
        }
        agent.peak_bytes = agent.peak_bytes.max(end.peak_bytes);
        let own = end.peak_bytes.saturating_sub(leased_bytes);
        agent.own_peak_bytes = agent.own_peak_bytes.max(own);
        agent.quiet = false;
        agent.leaking = false;
        agent.frozen_tree = None;
        agent.last = Some(end);
        self.grow(ix);
    }
}
