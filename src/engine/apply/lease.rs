//! Leases come and go: what they reserve, and the clocks that stand while one is waited for.
//!
//! Must not decide who gets one.

use crate::{
    engine::{Lease, LeaseCause, LeaseEvent, State, Status},
    plan::AgentIx,
};

impl State {
    pub(super) fn lease_event(&mut self, event: &LeaseEvent, now: u64) {
        let Some(ix) = self.find(event.agent()) else {
            return;
        };
        let (number, new) = match event {
            LeaseEvent::Waiting {
                number,
                name,
                ram_bytes,
                used_bytes,
                below,
                ..
            }
            | LeaseEvent::Granted {
                number,
                name,
                ram_bytes,
                used_bytes,
                below,
                ..
            } => {
                let lease = Lease {
                    number: *number,
                    agent: ix,
                    name: name.clone(),
                    ram_bytes: *ram_bytes,
                    used_bytes: *used_bytes,
                    below: below.clone(),
                    since_us: now,
                    granted_us: None,
                    cause: LeaseCause::default(),
                };
                (*number, Some(lease))
            }
            LeaseEvent::Returned { number, .. } => (*number, None),
        };
        let granted = match event {
            LeaseEvent::Granted { cause, .. } => Some(*cause),
            _ => None,
        };
        if let Some(cause) = granted {
            self.leases.granted = self.leases.granted.saturating_add(1);
            let late = u32::from(cause == LeaseCause::Late);
            self.leases.late = self.leases.late.saturating_add(late);
        }
        self.leases.last = self.leases.last.max(number);
        self.relist(ix, now, |list| {
            let at = list.binary_search_by_key(&number, |lease| lease.number);
            match (at, new) {
                (Err(at), Some(new)) => list.insert(at, new),
                (Ok(at), None) => drop(list.remove(at)),
                _ => {}
            }
            let at = list.binary_search_by_key(&number, |lease| lease.number);
            if let (Some(cause), Ok(at)) = (granted, at) {
                list[at].granted_us = Some(now);
                list[at].cause = cause;
            }
        });
    }

    /// An attempt has ended, and all its processes with it.
    pub(super) fn leases_end(&mut self, ix: AgentIx, now: u64) {
        if self.leases_of(ix).next().is_some() {
            self.relist(ix, now, |list| list.retain(|lease| lease.agent != ix));
        }
    }

    /// Changes the leases of an agent: what it reserves follows, and its clock stands or goes on.
    fn relist(&mut self, ix: AgentIx, now: u64, change: impl FnOnce(&mut Vec<Lease>)) {
        let (stood, clock) = (self.clock_stands(ix), self.clock_us(ix, now));
        let before = self.lease_extra(ix);
        change(&mut self.leases.list);
        let after = self.lease_extra(ix);
        self.usage.ram(before, false);
        self.usage.ram(after, true);
        let held = self.leases_of(ix).filter(|lease| !lease.waits());
        let held = held.fold(0_u64, |sum, lease| sum.saturating_add(lease.ram_bytes));
        if let Some(live) = &mut self.agents[ix.ix()].live {
            live.leased_bytes = live.leased_bytes.max(held);
        }
        let stands = self.clock_stands(ix);
        if stood == stands || self.agent(ix).status != Status::Running {
            return;
        }
        if stands {
            self.disarm(ix);
        }
        if let Some(live) = &mut self.agents[ix.ix()].live {
            live.clock_us = clock;
            live.clock_from_us = now;
        }
        if !stands {
            self.arm(ix, now);
        }
    }
}
