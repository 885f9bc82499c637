//! Leases are granted once, in order, within the budget unless nothing moves or the time is up, and are gone
//! with their attempts. Told from the journal alone.

use std::collections::{BTreeMap, BTreeSet};

use wavedeck::{
    engine::{Event, LeaseCause, LeaseEvent, Record, Setup, TalkEvent},
    plan::AgentIx,
};

#[derive(Debug)]
struct Lease {
    agent: AgentIx,
    ram: u64,
    used: u64,
    nested: bool,
    since_us: u64,
    granted: bool,
}

#[derive(Debug, Default)]
pub struct Leases {
    all: BTreeMap<u32, Lease>,
    last: u32,
    /// Agents whose own process runs.
    running: BTreeSet<AgentIx>,
    /// Agents that have been frozen, or may have been told to end, in this attempt.
    disturbed: BTreeSet<AgentIx>,
}

impl Leases {
    /// What an agent reserves beyond its own for what it has leased, in bytes.
    pub fn beyond(&self, ix: AgentIx, own: u64) -> u64 {
        let held = || self.all.values().filter(|l| l.agent == ix && l.granted);
        let used = held().map(|lease| lease.used).min().unwrap_or(0);
        let sum: u64 = held().map(|lease| lease.ram).sum();
        let all = if sum == 0 { 0 } else { used + sum };
        all.saturating_sub(own)
    }

    /// Takes one record; says what is wrong with it, or whether memory has to be there for it.
    pub fn step(&mut self, setup: &Setup, record: &Record) -> Result<bool, String> {
        let ix = record.event.agent().map(|agent| setup.by_id[agent]);
        match (&record.event, ix) {
            (Event::AgentScheduled { .. }, Some(ix)) => {
                self.disturbed.remove(&ix);
            }
            (Event::AgentStarted { .. } | Event::AgentThawed { .. }, Some(ix)) => {
                self.running.insert(ix);
            }
            (Event::AgentFrozen { .. }, Some(ix)) => {
                self.running.remove(&ix);
                self.disturbed.insert(ix);
            }
            (Event::AttemptEnded { .. }, Some(ix)) => {
                self.running.remove(&ix);
                self.all.retain(|_, lease| lease.agent != ix);
            }
            (Event::AgentTimeout { .. } | Event::AgentPreempted(_), Some(ix)) => {
                self.disturbed.insert(ix);
            }
            (Event::Talk(talk), Some(ix))
                if matches!(
                    **talk,
                    TalkEvent::Silent { .. } | TalkEvent::Answered { fails: true, .. }
                ) =>
            {
                self.disturbed.insert(ix);
            }
            (Event::OperatorAction { agents, .. }, _) => {
                let meant = agents.iter().map(|agent| setup.by_id[agent]);
                self.disturbed.extend(meant);
            }
            (Event::RunStopped { .. }, _) => self.disturbed.extend(self.running.iter()),
            (Event::Lease(lease), Some(ix)) => return self.lease(setup, ix, lease, record),
            _ => {}
        }
        Ok(false)
    }

    fn lease(
        &mut self,
        setup: &Setup,
        ix: AgentIx,
        event: &LeaseEvent,
        record: &Record,
    ) -> Result<bool, String> {
        let now_us = record.elapsed_us;
        let wait_us = setup.memory.lease_wait_us;
        match event {
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
                let waits = matches!(event, LeaseEvent::Waiting { .. });
                if waits || *number > self.last {
                    if *number <= self.last || setup.plan.leases.get(name) != Some(ram_bytes) {
                        return Err("a lease that is none, or told twice".to_owned());
                    }
                    self.last = *number;
                    let lease = Lease {
                        agent: ix,
                        ram: *ram_bytes,
                        used: *used_bytes,
                        nested: !below.is_empty(),
                        since_us: now_us,
                        granted: false,
                    };
                    self.all.insert(*number, lease);
                }
                if waits {
                    return Ok(false);
                }
            }
            LeaseEvent::Returned {
                number, ram_bytes, ..
            } => {
                let was = self.all.remove(number).ok_or("given back twice")?;
                let had = if was.granted { was.ram } else { 0 };
                return if had == *ram_bytes {
                    Ok(false)
                } else {
                    Err("gives back what it had not".to_owned())
                };
            }
        }
        let LeaseEvent::Granted { number, cause, .. } = event else {
            return Ok(false);
        };
        let rank = |number: u32, lease: &Lease| {
            let priority = setup.plan.agent(lease.agent).priority;
            (!lease.nested, priority, number)
        };
        let one = self.all.get(number).ok_or("granted to nobody")?;
        if one.granted {
            return Err("granted twice".to_owned());
        }
        if !self.running.contains(&ix) {
            return Err("granted to an agent that does not run".to_owned());
        }
        let own = rank(*number, one);
        let waited_us = now_us - one.since_us;
        let overtaken = self.all.iter().find(|(other, lease)| {
            let free =
                self.running.contains(&lease.agent) && !self.disturbed.contains(&lease.agent);
            free && !lease.granted && rank(**other, lease) < own
        });
        let steady = !self.disturbed.contains(&ix);
        match cause {
            LeaseCause::Late if waited_us < wait_us => {
                return Err("granted as late before its time".to_owned());
            }
            LeaseCause::Room | LeaseCause::Alone if overtaken.is_some() => {
                return Err(format!("granted before {overtaken:?}"));
            }
            // A deadline is met to the tick; what else comes at that moment may come first.
            _ if steady && waited_us > wait_us + 1_000 => {
                return Err("has waited longer than one may".to_owned());
            }
            _ => {}
        }
        if let Some(lease) = self.all.get_mut(number) {
            lease.granted = true;
        }
        Ok(*cause == LeaseCause::Room)
    }
}
