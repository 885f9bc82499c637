//! Zones, parking, what the controller did.
//!
//! Must not decide: the events name whom and why.

use crate::{
    engine::{
        Adapted, Cause, Effect, Ending, HoldBy, InBand, MemoryEvent, Readiness, State, Status, Zone,
    },
    plan::AgentIx,
};

impl State {
    pub(super) fn zone_changed(&mut self, to: Zone, halted: bool, now: u64) {
        // What was too much at once begins anew, one at a time (DESIGN 8).
        if self.memory.halted && !halted && self.setup.memory.admission {
            self.memory.cap = 1;
            self.memory.judged_us = now;
        }
        self.memory.zone = to;
        self.memory.stuck = false;
        self.memory.halted = halted;
    }

    pub(super) fn memory(&mut self, event: &MemoryEvent, now: u64) {
        match event {
            MemoryEvent::Band { to, step, .. } => {
                self.memory.within = match to {
                    InBand::Within if self.memory.band == InBand::Within => self.memory.within,
                    InBand::Within => self.usage.agents.max(1),
                    InBand::Below | InBand::Above => 0,
                };
                self.memory.band = *to;
                self.memory.step = *step;
            }
            MemoryEvent::Parking {
                agent,
                cause,
                held_bytes,
                number,
                figures,
                ..
            } => self.on(agent, |s, ix| {
                s.parking(ix, *cause, now);
                let ends = (ix, s.agent(ix).attempt);
                let told_bytes = held_bytes.unwrap_or(0);
                s.memory.decisions = s.memory.decisions.max(*number);
                let open = &mut s.memory.open;
                if let Some(effect) = open.iter_mut().find(|e| e.number == *number) {
                    effect.ends.push(ends);
                    effect.told_bytes += told_bytes;
                } else {
                    open.push(Effect {
                        number: *number,
                        ends: vec![ends],
                        told_bytes,
                        freed_bytes: 0,
                        at_us: now,
                        over_us: None,
                        before: *figures,
                    });
                }
            }),
            MemoryEvent::Parked {
                agent,
                cause,
                attempt,
                freed_bytes,
            } => self.on(agent, |s, ix| {
                s.freed(ix, *attempt, freed_bytes.unwrap_or(0), now);
                s.parked(ix, *cause, now);
            }),
            MemoryEvent::Resumed { agent, .. } => self.on(agent, |s, ix| s.resumes(ix, now)),
            MemoryEvent::Adapted {
                number,
                agents_cap,
                what,
                ..
            } => {
                self.memory.stuck = *what == Adapted::Nothing;
                self.memory.decisions = self.memory.decisions.max(*number);
                self.memory.judged_us = now;
                if let Some(cap) = agents_cap {
                    self.memory.cap = *cap;
                }
            }
            MemoryEvent::Measured { number, .. } => {
                self.memory.open.retain(|effect| effect.number != *number);
            }
            // It stands in the setup.
            MemoryEvent::Learnt { .. } => {}
            MemoryEvent::Activated { .. } => self.memory.activated = true,
        }
    }

    fn parking(&mut self, ix: AgentIx, cause: Cause, now: u64) {
        self.disarm(ix);
        self.resting.remove(&self.rank(ix));
        let by = self.held_while_parked(ix, cause);
        self.agents[ix.ix()].held_before = self.agent(ix).hold;
        self.hold(ix, Some(by));
        let agent = &mut self.agents[ix.ix()];
        agent.parked_by = Some(cause);
        if cause == Cause::Zone {
            agent.taken_back = (agent.taken_back.0.saturating_add(1), now);
        }
        if let Some(live) = &mut agent.live {
            live.ending.get_or_insert(Ending::Park);
        }
    }

    /// A person's hold outlasts a rule's.
    fn held_while_parked(&self, ix: AgentIx, cause: Cause) -> HoldBy {
        if cause == Cause::Operator {
            HoldBy::Operator
        } else {
            self.agent(ix).hold.unwrap_or(HoldBy::Rule)
        }
    }

    /// An attempt has ended that a decision waits for.
    pub(super) fn freed(&mut self, ix: AgentIx, attempt: u32, bytes: u64, now: u64) {
        for effect in &mut self.memory.open {
            let before = effect.ends.len();
            effect.ends.retain(|end| *end != (ix, attempt));
            if effect.ends.len() < before {
                effect.freed_bytes += bytes;
                effect.over_us = effect.ends.is_empty().then_some(now);
            }
        }
    }

    fn parked(&mut self, ix: AgentIx, cause: Cause, now: u64) {
        let by = self.held_while_parked(ix, cause);
        self.leave_check(ix);
        self.leave_merging(ix);
        self.talk_again(ix, Cause::Parked);
        self.keep_former(ix, Cause::Parked);
        let agent = &mut self.agents[ix.ix()];
        agent.reason = None;
        agent.failure = None;
        agent.readiness = Readiness::Unknown;
        self.unschedule(ix);
        self.set(ix, Status::Parked, now);
        self.hold(ix, Some(by));
        if by == HoldBy::Rule {
            self.parked.insert(self.rank(ix));
        }
    }

    /// A parked agent goes on: what follows is an attempt like any other.
    fn resumes(&mut self, ix: AgentIx, now: u64) {
        self.parked.remove(&self.rank(ix));
        self.hold(ix, None);
        self.set(ix, Status::Ready, now);
        self.agents[ix.ix()].parked_by = None;
        self.enlist(ix);
        self.await_needs(ix);
    }

    /// A person holds a parked agent no more: it may go on when there is room.
    pub(super) fn unpark(&mut self, ix: AgentIx) {
        if self.agent(ix).status == Status::Parked {
            self.hold(ix, Some(HoldBy::Rule));
            self.parked.insert(self.rank(ix));
        }
    }
}
