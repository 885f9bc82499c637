//! What was measured of agents, as decisions see it.
//!
//! Plain figures that come in with an [`super::Input`]; must not measure, and must not reach the journal but as
//! figures in the events of decisions.

use std::sync::Arc;

use crate::plan::AgentIx;

use super::{Figures, Owner, State};

/// Memory of one agent's processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Use {
    /// Which agent.
    pub agent: AgentIx,
    /// Which attempt.
    pub attempt: u32,
    /// What its process tree holds, in bytes.
    pub bytes: u64,
}

/// Memory of all agents with a live process, as last sampled.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Uses(Arc<[Use]>);

impl Uses {
    /// Returns what an attempt of an agent holds in bytes; none where that was not measured yet.
    #[must_use]
    pub fn of(&self, agent: AgentIx, attempt: u32) -> Option<u64> {
        let at = self.0.binary_search_by_key(&agent, |one| one.agent).ok()?;
        let one = &self.0[at];
        (one.attempt == attempt).then_some(one.bytes)
    }

    /// Goes through all of them, by position.
    pub fn iter(&self) -> impl Iterator<Item = &Use> {
        self.0.iter()
    }
}

impl FromIterator<Use> for Uses {
    /// Takes the newest attempt of each agent.
    fn from_iter<I: IntoIterator<Item = Use>>(uses: I) -> Self {
        let mut uses: Vec<Use> = uses.into_iter().collect();
        uses.sort_by_key(|one| (one.agent, std::cmp::Reverse(one.attempt)));
        uses.dedup_by_key(|one| one.agent);
        Self(uses.into())
    }
}

impl Figures {
    /// Returns the figures with what follows from what agents hold and what was reserved for them: how much of the
    /// reservations is in use, and how much is used beyond them.
    #[must_use]
    pub fn beside(mut self, state: &State, uses: &Uses) -> Self {
        (self.realised_bytes, self.excess_bytes) = (0, 0);
        for one in uses.iter() {
            let reserved = match state.agents.get(one.agent.ix()) {
                Some(agent) if agent.attempt == one.attempt => state.reserved(one.agent),
                _ => 0,
            };
            self.realised_bytes += one.bytes.min(reserved);
            self.excess_bytes += one.bytes.saturating_sub(reserved);
        }
        self
    }
}

impl State {
    /// Returns what is reserved for an agent now, in bytes: for its own process with its leases, and for its check command.
    #[must_use]
    pub fn reserved(&self, ix: AgentIx) -> u64 {
        let agent = self.agent(ix);
        let own = agent.live.as_ref();
        let check = agent.check.as_ref().filter(|check| check.is_live());
        let steps = check.map(|check| (check.step as usize, self.checks_of(Owner::Agent(ix))));
        let of_check = steps.and_then(|(at, steps)| steps.get(at).map(|step| step.ram_bytes));
        let of_own = own.map_or(0, |_| self.mode_of(ix).ram_bytes + self.lease_extra(ix));
        of_own + of_check.unwrap_or(0)
    }
}
