//! Who gets a lease, and when one is given back.
//!
//! Must not know processes: a lease has a number, and whoever watches its process tells its end.

use crate::{
    engine::{
        Event, Figures, Input, Lease, LeaseCause, LeaseEvent, Owner, State, Status,
        admission::{admit_lease, free_bytes, halted},
    },
    plan::AgentIx,
};

/// Leases that one agent may have or wait for at once: what asks beyond that is refused, and runs without.
const MOST_PER_AGENT: usize = 64;

/// A command inside of an agent asks; no event: it has nothing to wait for.
pub(super) fn asked(
    state: &State,
    (ix, attempt): (AgentIx, u32),
    number: u32,
    (name, below): (&str, &[u32]),
    input: &Input,
) -> Vec<Event> {
    let Some(agent) = state.agents.get(ix.ix()) else {
        return Vec::new();
    };
    let Some(&ram_bytes) = state.setup.plan.leases.get(name) else {
        return Vec::new();
    };
    if agent.attempt != attempt
        || agent.live.is_none()
        || number <= state.leases.last
        || state.leases_of(ix).count() >= MOST_PER_AGENT
    {
        return Vec::new();
    }
    let measured = || input.uses.of(ix, attempt).unwrap_or(0);
    let held = |number: &&u32| {
        let lease = state.lease(**number);
        lease.is_some_and(|lease| lease.agent == ix && !lease.waits())
    };
    let lease = Lease {
        number,
        agent: ix,
        name: name.to_owned(),
        ram_bytes,
        // What its leased commands hold is not its own.
        used_bytes: state.lease_base(ix).unwrap_or_else(measured),
        below: below.iter().filter(held).copied().collect(),
        since_us: input.elapsed_us,
        granted_us: None,
        cause: LeaseCause::default(),
    };
    let line = state.lease_line();
    let rank = state.lease_rank(&lease);
    let before = line.iter().filter(|other| state.lease_rank(other) < rank);
    let before = before.count();
    let room = admit_lease(state, &input.figures, &lease).is_ok();
    if room && before == 0 && state.lease_moves(&lease) {
        return vec![granted(state, &input.figures, &lease, 0, LeaseCause::Room)];
    }
    let waiting = LeaseEvent::Waiting {
        agent: state.id(ix),
        attempt,
        number,
        name: lease.name,
        ram_bytes,
        used_bytes: lease.used_bytes,
        below: lease.below,
        place: u32::try_from(before + 1).unwrap_or(u32::MAX),
        free_bytes: free_bytes(state, &input.figures),
    };
    vec![waiting.into()]
}

/// The process of a lease has ended.
pub(super) fn ended(state: &State, number: u32, now_us: u64) -> Vec<Event> {
    let lease = state.lease(number);
    let returned = lease.map(|lease| returned(state, lease, now_us));
    returned.into_iter().collect()
}

/// An attempt has ended, and with it all that it has leased.
pub(super) fn all_ended(state: &State, ix: AgentIx) -> impl Iterator<Item = Event> {
    let leases = state.leases_of(ix);
    leases.map(|lease| returned(state, lease, state.elapsed_us))
}

fn returned(state: &State, lease: &Lease, now_us: u64) -> Event {
    let since = lease.granted_us;
    LeaseEvent::Returned {
        agent: state.id(lease.agent),
        attempt: state.agent(lease.agent).attempt,
        number: lease.number,
        name: lease.name.clone(),
        ram_bytes: since.map_or(0, |_| lease.ram_bytes),
        held_us: since.map_or(0, |since| now_us.saturating_sub(since)),
    }
    .into()
}

/// The next lease that is granted: the first in line, where there is room or nothing else can move.
pub(super) fn next(state: &State, figures: &Figures) -> Option<Event> {
    if state.leases.list.is_empty() {
        return None;
    }
    let first = *state.lease_line().first()?;
    let cause = if admit_lease(state, figures, first).is_ok() {
        LeaseCause::Room
    } else if state.stopping.is_none() && !halted(state, figures) && !something_moves(state) {
        LeaseCause::Alone
    } else {
        return None;
    };
    let waited_us = state.elapsed_us.saturating_sub(first.since_us);
    Some(granted(state, figures, first, waited_us, cause))
}

/// Those that have waited as long as one may.
pub(super) fn late(state: &State, figures: &Figures, now_us: u64) -> Vec<Event> {
    if state.lease_deadline().is_none_or(|due| due > now_us) {
        return Vec::new();
    }
    let wait_us = state.setup.memory.lease_wait_us;
    let line = state.lease_line().into_iter();
    let late = line.filter(|lease| lease.since_us.saturating_add(wait_us) <= now_us);
    late.map(|lease| {
        let waited_us = now_us.saturating_sub(lease.since_us);
        granted(state, figures, lease, waited_us, LeaseCause::Late)
    })
    .collect()
}

fn granted(
    state: &State,
    figures: &Figures,
    lease: &Lease,
    waited_us: u64,
    cause: LeaseCause,
) -> Event {
    LeaseEvent::Granted {
        agent: state.id(lease.agent),
        attempt: state.agent(lease.agent).attempt,
        number: lease.number,
        name: lease.name.clone(),
        ram_bytes: lease.ram_bytes,
        used_bytes: lease.used_bytes,
        below: lease.below.clone(),
        waited_us,
        cause,
        free_bytes: free_bytes(state, figures),
        pressure_permille: figures.pressure_permille,
    }
    .into()
}

/// Whether anything goes on that will give memory back without a lease: an agent that does not wait (for a
/// lease, or for a person), one that is being started or ended, a command that has its lease and none below
/// it that waits, or a check.
fn something_moves(state: &State) -> bool {
    let stuck: Vec<u32> = (state.leases.list.iter())
        .filter(|lease| lease.waits())
        .flat_map(|lease| lease.below.iter().copied())
        .collect();
    let leased = |lease: &Lease| {
        !lease.waits() && state.lease_moves(lease) && !stuck.contains(&lease.number)
    };
    if state.leases.list.iter().any(leased) {
        return true;
    }
    let waits = |ix: AgentIx| {
        let agent = state.agent(ix);
        agent.asking() || agent.opened() || state.waits_for_lease(ix)
    };
    let checks = |owner: Owner| {
        let check = state.check_of(owner);
        check.is_some_and(|check| check.is_live() && !check.frozen)
    };
    let mut all = state.setup.plan.indices();
    all.any(|ix| {
        let agent = state.agent(ix);
        let ending = agent
            .live
            .as_ref()
            .is_some_and(|live| live.ending.is_some());
        match agent.status {
            Status::Scheduled | Status::Preparing => true,
            Status::Running => ending || !waits(ix),
            Status::Frozen => ending,
            _ => checks(Owner::Agent(ix)),
        }
    }) || state.setup.gated().any(checks)
}
