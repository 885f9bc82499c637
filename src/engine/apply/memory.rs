//! Zones, parking, what the controller did.
//!
//! Must not decide: the events name whom and why.

use crate::{
    engine::{
        Adapted, AgentState, Cause, Effect, Ending, Figures, HoldBy, InBand, Memory, MemoryEvent,
        Readiness, Scarce, State, Status, Zone,
    },
    plan::{AgentId, AgentIx, ModelIx},
};

impl Memory {
    /// An attempt ends for a decision that was made at a moment (elapsed µs) with these figures.
    pub(super) fn await_end(
        &mut self,
        number: u32,
        ends: (AgentIx, u32),
        told_bytes: u64,
        (now, before): (u64, Figures),
    ) -> &mut Effect {
        let at = self.open.iter().position(|e| e.number == number);
        let at = at.unwrap_or_else(|| {
            self.open.push(Effect {
                number,
                ends: Vec::new(),
                held: Vec::new(),
                model: None,
                told_bytes: 0,
                freed_bytes: 0,
                at_us: now,
                over_us: None,
                before,
            });
            self.open.len() - 1
        });
        let effect = &mut self.open[at];
        effect.ends.push(ends);
        effect.told_bytes = effect.told_bytes.saturating_add(told_bytes);
        effect
    }
}

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
                let effect = s
                    .memory
                    .await_end(*number, ends, told_bytes, (now, *figures));
                effect.held.push((ix, told_bytes));
            }),
            MemoryEvent::Parked {
                agent,
                attempt,
                freed_bytes,
                ..
            } => self.on(agent, |s, ix| {
                s.freed(ix, *attempt, freed_bytes.unwrap_or(0), now);
                s.parked(ix, now);
            }),
            MemoryEvent::Resumed { agent, .. } => self.on(agent, |s, ix| s.resumes(ix, now)),
            MemoryEvent::Adapted {
                number,
                agents_cap,
                what,
                agents,
                ..
            } => {
                if *what == Adapted::Back {
                    self.takes_back(agents);
                }
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
            MemoryEvent::Shortage { resource, .. } => self.short(*resource, true),
            MemoryEvent::Recovered { resource, .. } => self.short(*resource, false),
        }
    }

    /// Something begins or ceases to be short. What a provider gives has a state of its own.
    fn short(&mut self, resource: Scarce, on: bool) {
        match resource {
            Scarce::Memory => self.memory.short = on,
            Scarce::Cpu => self.memory.cpu_short = on,
            Scarce::ApiTokens => {}
        }
    }

    /// Agents take their own worker again from their next attempt on.
    fn takes_back(&mut self, agents: &[AgentId]) {
        for agent in agents {
            self.on(agent, |s, ix| {
                s.delist(ix);
                s.agents[ix.ix()].relief = None;
                s.enlist(ix);
            });
        }
        let away = |agent: &AgentState| agent.relief.is_some() && !agent.status.is_final();
        if !self.agents.iter().any(away) {
            self.memory.swapped_us = 0;
        }
    }

    /// An agent goes on with another worker for memory.
    pub(super) fn relieved(&mut self, ix: AgentIx, to: u32, now: u64) {
        self.disarm(ix);
        let agent = &mut self.agents[ix.ix()];
        agent.relief = Some(to);
        agent.taken_back = (agent.taken_back.0.saturating_add(1), now);
        if let Some(live) = &mut agent.live {
            live.ending.get_or_insert(Ending::Swap);
        }
        self.memory.swapped_us = now;
    }

    /// A model has left memory, or stays.
    pub(super) fn emptied(&mut self, model: ModelIx, bytes: u64, now: u64) {
        for effect in &mut self.memory.open {
            if effect.model.take_if(|waited| *waited == model).is_some() {
                effect.passed(bytes, now);
            }
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
                let held = effect.held_by(ix).unwrap_or(0);
                effect.passed(bytes.max(held), now);
            }
        }
    }

    fn parked(&mut self, ix: AgentIx, now: u64) {
        // A person may have let it go on since.
        let by = self.agent(ix).hold.unwrap_or(HoldBy::Rule);
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
