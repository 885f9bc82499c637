//! Leases of a run: who waits for one, in which order, who holds one, and what that reserves.
//!
//! Plain data; changed by `apply` alone. Must not decide who gets one: `decide::lease` does.

use serde::{Deserialize, Serialize};

use super::{State, Status};
use crate::{
    engine::LeaseCause,
    plan::{AgentIx, Priority},
};

/// A command inside of an agent that waits for memory, or has got it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Its number in the run, from 1, in the order of asking.
    pub number: u32,
    /// Whose command.
    pub agent: AgentIx,
    /// The command.
    pub name: String,
    /// What it waits for or has, in bytes.
    pub ram_bytes: u64,
    /// What its agent used without leased commands when it asked, in bytes.
    pub used_bytes: u64,
    /// Granted leases whose commands it runs below.
    pub below: Vec<u32>,
    /// Since when it waits (elapsed µs).
    pub since_us: u64,
    /// Since when it has its memory (elapsed µs); none: it waits.
    pub granted_us: Option<u64>,
    /// Why it has, where it has.
    pub cause: LeaseCause,
}

/// All leases of a run. They are gone with the processes that hold them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Leases {
    /// The highest number so far.
    pub last: u32,
    /// Those that wait or are held, in the order of asking.
    pub list: Vec<Lease>,
    /// How many were granted so far.
    pub granted: u32,
    /// How many of them had waited as long as one may.
    pub late: u32,
}

impl Lease {
    /// Returns whether it waits.
    #[must_use]
    pub const fn waits(&self) -> bool {
        self.granted_us.is_none()
    }
}

impl State {
    /// Finds a lease that waits or is held.
    #[must_use]
    pub fn lease(&self, number: u32) -> Option<&Lease> {
        let at = (self.leases.list).binary_search_by_key(&number, |lease| lease.number);
        at.ok().map(|at| &self.leases.list[at])
    }

    /// Returns the leases of an agent, in the order of asking.
    pub fn leases_of(&self, ix: AgentIx) -> impl Iterator<Item = &Lease> {
        self.leases.list.iter().filter(move |l| l.agent == ix)
    }

    /// Returns whether a command of an agent waits for memory.
    #[must_use]
    pub fn waits_for_lease(&self, ix: AgentIx) -> bool {
        self.leases_of(ix).any(Lease::waits)
    }

    /// Returns whether the clock of a running agent stands: it waits for an answer, or for memory that it
    /// has no part in.
    #[must_use]
    pub fn clock_stands(&self, ix: AgentIx) -> bool {
        self.agent(ix).asking() || self.waits_for_lease(ix)
    }

    /// Returns whether a lease can be granted at all now: its agent runs, and is not being ended.
    pub(in crate::engine) fn lease_moves(&self, lease: &Lease) -> bool {
        let agent = self.agent(lease.agent);
        let ending = agent.live.as_ref().is_none_or(|live| live.ending.is_some());
        agent.status == Status::Running && !ending
    }

    /// Its place in the order of granting: what a command waits for that holds memory meanwhile, then agents
    /// of higher priority, then in the order of asking.
    pub(in crate::engine) fn lease_rank(&self, lease: &Lease) -> (bool, Priority, u32) {
        let priority = self.setup.plan.agent(lease.agent).priority;
        (lease.below.is_empty(), priority, lease.number)
    }

    /// Returns those that wait, in the order in which they are granted; without those of agents that are
    /// stopped or end.
    #[must_use]
    pub fn lease_line(&self) -> Vec<&Lease> {
        let list = self.leases.list.iter();
        let mut line: Vec<&Lease> = list
            .filter(|lease| lease.waits() && self.lease_moves(lease))
            .collect();
        line.sort_by_key(|lease| self.lease_rank(lease));
        line
    }

    /// Returns the place in line of a lease that waits, from 1; none: it has none now.
    #[must_use]
    pub fn lease_place(&self, number: u32) -> Option<u32> {
        let line = self.lease_line();
        let at = line.iter().position(|lease| lease.number == number)?;
        u32::try_from(at + 1).ok()
    }

    /// Returns what an agent used without its leased commands, as far as the leases that it holds tell.
    pub(in crate::engine) fn lease_base(&self, ix: AgentIx) -> Option<u64> {
        let held = self.leases_of(ix).filter(|lease| !lease.waits());
        held.map(|lease| lease.used_bytes).min()
    }

    /// Returns what the leases of an agent reserve beyond what is reserved for itself, in bytes. While it
    /// holds leases they take the place of that: its reservation is the larger of its own and of what it
    /// used when it asked and all that it leased.
    #[must_use]
    pub fn lease_extra(&self, ix: AgentIx) -> u64 {
        self.lease_extra_with(ix, None)
    }

    /// The same as if a lease of it that waits were held too.
    pub(in crate::engine) fn lease_extra_with(&self, ix: AgentIx, one: Option<&Lease>) -> u64 {
        let held = self.leases_of(ix).filter(|lease| !lease.waits());
        let (mut base, mut sum) = (None, 0_u64);
        for lease in held.chain(one) {
            let used = lease.used_bytes;
            base = Some(base.map_or(used, |base: u64| base.min(used)));
            sum = sum.saturating_add(lease.ram_bytes);
        }
        base.map_or(0, |base| {
            let live = self.agent(ix).live.as_ref();
            let own = live.map_or(0, |live| live.reserved_bytes);
            base.saturating_add(sum).saturating_sub(own)
        })
    }

    /// Returns when the first of those that wait has waited as long as one may (elapsed µs).
    pub(in crate::engine) fn lease_deadline(&self) -> Option<u64> {
        let list = self.leases.list.iter();
        let waiting = list.filter(|lease| lease.waits() && self.lease_moves(lease));
        let due = waiting.map(|l| l.since_us.saturating_add(self.setup.memory.lease_wait_us));
        due.min().filter(|_| self.stopping.is_none())
    }
}
