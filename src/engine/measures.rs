//! What was measured of agents, as decisions see it.
//!
//! Plain figures that come in with an [`super::Input`]; must not measure, and must not reach the journal but as
//! figures in the events of decisions.

use std::sync::Arc;

use crate::plan::{AgentIx, AgentMode};

use super::{Effect, Figures, Owner, State, room};

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
pub struct Uses {
    all: Arc<[Use]>,
    /// What all of them held in the mean over the run, by time.
    mean_bytes: Option<u64>,
}

impl Uses {
    /// Returns what an attempt of an agent holds in bytes; none where that was not measured yet.
    #[must_use]
    pub fn of(&self, agent: AgentIx, attempt: u32) -> Option<u64> {
        let at = self
            .all
            .binary_search_by_key(&agent, |one| one.agent)
            .ok()?;
        let one = &self.all[at];
        (one.attempt == attempt).then_some(one.bytes)
    }

    /// Goes through all of them, by position.
    pub fn iter(&self) -> impl Iterator<Item = Use> {
        self.all.iter().copied()
    }

    /// Adds what all agents held in the mean since the run began, by time, in bytes.
    #[must_use]
    pub fn with_mean(mut self, bytes: Option<u64>) -> Self {
        self.mean_bytes = bytes;
        self
    }

    /// Returns that; none: it was not measured from the run's begin on.
    #[must_use]
    pub const fn mean_bytes(&self) -> Option<u64> {
        self.mean_bytes
    }
}

impl FromIterator<Use> for Uses {
    /// Takes the newest attempt of each agent.
    fn from_iter<I: IntoIterator<Item = Use>>(uses: I) -> Self {
        let mut uses: Vec<Use> = uses.into_iter().collect();
        uses.sort_by_key(|one| (one.agent, std::cmp::Reverse(one.attempt)));
        uses.dedup_by_key(|one| one.agent);
        Self {
            all: uses.into(),
            mean_bytes: None,
        }
    }
}

impl Figures {
    /// Returns the figures with what follows from what agents hold and what was reserved for them: how much of the
    /// reservations is in use, and how much is used beyond them.
    #[must_use]
    pub fn beside(mut self, state: &State, uses: impl Iterator<Item = Use>) -> Self {
        (self.realised_bytes, self.excess_bytes) = (0, 0);
        for one in uses {
            let reserved = match state.agents.get(one.agent.ix()) {
                Some(agent) if agent.attempt == one.attempt => state.reserved(one.agent),
                _ => 0,
            };
            self.realised_bytes = (self.realised_bytes).saturating_add(one.bytes.min(reserved));
            let beyond = one.bytes.saturating_sub(reserved);
            self.excess_bytes = self.excess_bytes.saturating_add(beyond);
        }
        self
    }
}

impl State {
    /// Returns what is reserved for an agent's own process, its leases aside, in bytes.
    #[must_use]
    pub fn own_reserved(&self, ix: AgentIx) -> u64 {
        let live = self.agent(ix).live.as_ref();
        live.map_or_else(|| self.mode_of(ix).ram_bytes, |live| live.reserved_bytes)
    }

    /// Returns what a start of an agent in a mode reserves, in bytes: what is stated or was learnt (the mode has the
    /// larger of both), or what its own attempts have used before where that is more (after a kill for want of memory
    /// half as much again), as far as the run's limit goes. What they had leased is not among it: it is leased again.
    #[must_use]
    pub fn asks(&self, ix: AgentIx, mode: &AgentMode) -> u64 {
        let limit = self.setup.ram_limit_bytes.max(mode.ram_bytes);
        let agent = self.agent(ix);
        let before = agent.own_peak_bytes.max(agent.least_bytes);
        mode.ram_bytes.max(before.min(limit))
    }

    /// Returns what a start of an agent in one of its modes must have, in bytes: what the plan says without what was
    /// learnt, and after a kill for want of memory more than that one had.
    #[must_use]
    pub fn least(&self, ix: AgentIx, mode: u32) -> u64 {
        let stated = self.setup.learnt_of(ix, mode);
        let stated = stated.map_or_else(|| self.setup.mode(ix, mode).ram_bytes, |one| one.ram.0);
        stated.max(self.agent(ix).least_bytes)
    }

    /// Returns what is reserved for an agent now, in bytes: for its own process with its leases, and for its check command.
    #[must_use]
    pub fn reserved(&self, ix: AgentIx) -> u64 {
        let agent = self.agent(ix);
        let own = agent.live.as_ref();
        let check = agent.check.as_ref().filter(|check| check.is_live());
        let steps = check.map(|check| (check.step as usize, self.checks_of(Owner::Agent(ix))));
        let of_check = steps.and_then(|(at, steps)| steps.get(at).map(|step| step.ram_bytes));
        let of_own = own.map_or(0, |live| {
            live.reserved_bytes.saturating_add(self.lease_extra(ix))
        });
        of_own.saturating_add(of_check.unwrap_or(0))
    }
}

impl State {
    /// Returns whether a sample taken at `elapsed_us` has something to be judged by: the effect of a decision whose
    /// processes had ended before, or the first starts.
    #[must_use]
    pub fn to_be_judged(&self, elapsed_us: u64) -> bool {
        let window = self.setup.memory.window_us;
        let over = |effect: &Effect| effect.due(elapsed_us, window);
        self.memory.open.iter().any(over) || (!self.memory.activated && self.processes > 0)
    }

    /// Returns whether something waits for memory, and figures leave more of it than those before.
    #[must_use]
    pub fn more_room(&self, before: &Figures, now: &Figures) -> bool {
        let waits = !self.ready.is_empty()
            || !self.leases.list.is_empty()
            || !self.parked.is_empty()
            || !self.resting.is_empty()
            || !self.leases.list.is_empty()
            || !self.checks_pending.is_empty()
            || !self.checks_resting.is_empty()
            || !self.merges.queue.is_empty();
        if !waits {
            return false;
        }
        let halt = self.setup.thresholds.halt;
        let goes = before.pressure_permille >= halt && now.pressure_permille < halt;
        let most = |figures| [true, false].map(|guessed| room(self, figures).most(guessed));
        let (now, before) = (most(now), most(before));
        goes || now[0] > before[0] || now[1] > before[1]
    }
}
