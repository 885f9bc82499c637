//! Time in a run: what is due next, what an agent's clock has counted.
//!
//! Pure functions of the state; must not look at a clock.

use super::{State, Status};
use crate::plan::AgentIx;

impl State {
    /// Returns the next moment at which something is due (elapsed µs); a pure function, read after
    /// each turn, so that recovery re-arms by itself.
    #[must_use]
    pub fn next_deadline(&self) -> Option<u64> {
        let limits = self.limits.values().map(|limit| limit.until_us);
        let due = self.due.first().map(|due| due.at_us);
        let limits = limits.chain([self.spending.rate_until_us]);
        let due = due.into_iter().chain(self.lease_deadline());
        due.chain(limits.filter(|at| *at > 0)).min()
    }

    /// Returns what the clock of an agent's live attempt has counted until `now_us` (elapsed µs).
    #[must_use]
    pub fn clock_us(&self, ix: AgentIx, now_us: u64) -> u64 {
        let agent = self.agent(ix);
        agent.live.as_ref().map_or(0, |live| match agent.status {
            // It stands while it waits for an answer (DESIGN 1), or for a lease.
            Status::Running if !self.clock_stands(ix) => {
                live.clock_us + now_us.saturating_sub(live.clock_from_us)
            }
            _ => live.clock_us,
        })
    }
}
