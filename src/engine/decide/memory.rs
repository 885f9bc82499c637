//! The controller: what memory pressure takes back, lets go on, and lowers (DESIGN 8, requirements D1, D2).
//!
//! Judges at the edges that the sensor tells, from the figures that come with them. Must not measure, and does at most
//! one thing to an agent in a window. What was taken away comes back by admission, never from here.

use std::cmp::Reverse;

use crate::{
    engine::{
        Adapted, Cause, Event, Figures, InBand, Input, MemoryEvent, State, Status, Uses, Zone,
    },
    plan::AgentIx,
};

/// Who could be taken back, the first to go first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Victim {
    /// Whom.
    agent: AgentIx,
    /// What its processes hold, in bytes; none: not measured yet.
    held_bytes: Option<u64>,
}

/// What follows from pressure that entered or left a zone, the band or a step.
pub(super) fn pressed(
    state: &State,
    figures: Figures,
    (zone, halted): (Zone, bool),
    (band, step): (InBand, u32),
) -> Vec<Event> {
    let mut events = Vec::new();
    let memory = &state.memory;
    if (zone, halted) != (memory.zone, memory.halted) {
        events.push(Event::ZoneChanged {
            from: memory.zone,
            to: zone,
            halted,
            figures,
        });
    }
    if (band, step) != (memory.band, memory.step) {
        events.push(
            MemoryEvent::Band {
                from: memory.band,
                to: band,
                step,
                figures,
            }
            .into(),
        );
    }
    events
}

/// A judgement is due: effects of before are told first, then pressure is looked at.
pub(super) fn judge(state: &State, input: &Input) -> Vec<Event> {
    let mut events = measured(state, input);
    let still = state.stopping.is_some() || state.merges.rollback.is_some();
    // What was done is waited for before more is done: its effect is not in the figures yet.
    if still || !state.setup.memory.admission || state.memory.open.len() > events.len() {
        return events;
    }
    events.extend(activated(state, &input.figures));
    let (figures, now) = (&input.figures, input.elapsed_us);
    if state.memory.zone == Zone::Red || state.memory.halted {
        events.extend(relieve(state, figures, &input.uses, now));
    } else {
        events.extend(at_once(state, figures, now));
    }
    events
}

/// The effects of decisions whose processes have all ended.
fn measured(state: &State, input: &Input) -> Vec<Event> {
    let over = state.memory.open.iter().filter_map(|effect| {
        let took_us = effect.over_us?.saturating_sub(effect.at_us);
        Some(Event::from(MemoryEvent::Measured {
            number: effect.number,
            told_bytes: effect.told_bytes,
            freed_bytes: effect.freed_bytes,
            took_us,
            before: effect.before,
            after: input.figures,
        }))
    });
    over.collect()
}

/// The activation report (requirement B2): once all that could start at first has started.
fn activated(state: &State, figures: &Figures) -> Vec<Event> {
    let starting = |ix: AgentIx| state.agent(ix).status.is_starting();
    let mut agents = state.setup.plan.indices();
    if state.memory.activated || state.processes == 0 || agents.any(starting) {
        return Vec::new();
    }
    let began = || {
        let agents = state.setup.plan.indices();
        agents.filter(|&ix| state.agent(ix).started_us.is_some())
    };
    let runs = |ix: &AgentIx| state.agent(*ix).status == Status::Running;
    let over = |ix: &AgentIx| state.agent(*ix).status.is_final() || runs(ix);
    vec![
        MemoryEvent::Activated {
            active: began().filter(runs).map(|ix| state.id(ix)).collect(),
            inactive: began()
                .filter(|ix| !over(ix))
                .map(|ix| state.id(ix))
                .collect(),
            reserved_bytes: state.usage.ram_bytes,
            figures: *figures,
        }
        .into(),
    ]
}

/// Returns how many bytes must be freed until neither the run nor the machine is above the band.
fn over_band_bytes(state: &State, figures: &Figures) -> u64 {
    let high = u128::from(state.setup.memory.band.high);
    let edge = |bytes: u64| u64::try_from(u128::from(bytes) * high / 1000).unwrap_or(u64::MAX);
    let run = figures.agents_bytes.saturating_add(figures.servers_bytes);
    let used = figures.total_bytes.saturating_sub(figures.available_bytes);
    let of_run = run.saturating_sub(edge(state.setup.ram_limit_bytes));
    let of_machine = used.saturating_sub(edge(figures.total_bytes));
    of_run.max(of_machine)
}

/// Red: the least important is parked until what is left is in the band.
fn relieve(state: &State, figures: &Figures, uses: &Uses, now: u64) -> Vec<Event> {
    let mut needed = over_band_bytes(state, figures);
    if needed == 0 {
        return Vec::new();
    }
    let number = state.memory.decisions + 1;
    let mut told_bytes = 0;
    let mut events = Vec::new();
    let mut agents = Vec::new();
    for victim in victims(state, uses, now) {
        if needed == 0 {
            break;
        }
        let held = victim.held_bytes.unwrap_or(0);
        needed = needed.saturating_sub(held);
        told_bytes += held;
        agents.push(state.id(victim.agent));
        events.push(Event::from(MemoryEvent::Parking {
            agent: state.id(victim.agent),
            attempt: state.agent(victim.agent).attempt,
            cause: Cause::Zone,
            held_bytes: victim.held_bytes,
            number,
            figures: *figures,
        }));
    }
    if agents.is_empty() {
        return nothing_gives(state, figures);
    }
    let reason = format!(
        "memory at {} %: {} is to be freed until the band is reached",
        figures.pressure_permille / 10,
        mib(told_bytes.saturating_add(needed)),
    );
    let told = MemoryEvent::Adapted {
        number,
        what: Adapted::Park,
        reason,
        agents,
        told_bytes,
        agents_cap: None,
        figures: *figures,
    };
    events.insert(0, told.into());
    events
}

/// Something would have to give and nothing may: told once, until pressure has left the zone.
fn nothing_gives(state: &State, figures: &Figures) -> Vec<Event> {
    // The last decision was this one.
    if state.memory.stuck {
        return Vec::new();
    }
    vec![
        MemoryEvent::Adapted {
            number: state.memory.decisions + 1,
            what: Adapted::Nothing,
            reason: format!(
                "memory at {} %, and nobody may be parked: what runs is pinned, the last one, or was just taken back",
                figures.pressure_permille / 10
            ),
            agents: Vec::new(),
            told_bytes: 0,
            agents_cap: None,
            figures: *figures,
        }
        .into(),
    ]
}

/// Returns who would be taken back first if pressure were red now, with the bytes that its processes hold where that
/// was measured. Decides nothing: for the screens.
#[must_use]
pub fn next_victim(state: &State, uses: &Uses, now: u64) -> Option<(AgentIx, Option<u64>)> {
    let still = state.finished.is_some() || state.stopping.is_some();
    if still || !state.setup.memory.admission {
        return None;
    }
    let first = victims(state, uses, now).into_iter().next()?;
    Some((first.agent, first.held_bytes))
}

/// Returns who would be taken back by pressure, the first to go first: what is frozen and holds memory for nothing, then
/// the lowest priority, of these who was taken back least often, then tracks and agents that come last.
///
/// Never whom a person has pinned, who is being ended, who was taken back within this window, nor the last that moves.
fn victims(state: &State, uses: &Uses, now: u64) -> Vec<Victim> {
    let window = state.setup.memory.window_us;
    let plan = &state.setup.plan;
    let moving = |ix: &AgentIx| state.agent(*ix).status == Status::Running && !ending(state, *ix);
    let mut movers = plan.indices().filter(moving).count();
    let mut all: Vec<AgentIx> = plan
        .indices()
        .filter(|&ix| {
            let agent = state.agent(ix);
            let there = matches!(agent.status, Status::Running | Status::Frozen);
            let (times, last) = agent.taken_back;
            let just = times > 0 && now.saturating_sub(last) < window;
            there && !ending(state, ix) && !agent.pinned && !just && !agent.opened()
        })
        .collect();
    all.sort_by_cached_key(|&ix| {
        let agent = plan.agent(ix);
        let frozen = state.agent(ix).status == Status::Frozen;
        let track = agent.track.map_or(u32::MAX, |track| track.0);
        (
            !frozen,
            Reverse(agent.priority),
            state.agent(ix).taken_back.0,
            Reverse(track),
            Reverse(state.rank(ix)),
        )
    });
    let held = |ix: AgentIx| uses.of(ix, state.agent(ix).attempt);
    let mut victims = Vec::new();
    for ix in all {
        if moving(&ix) {
            if movers <= 1 {
                continue;
            }
            movers -= 1;
        }
        victims.push(Victim {
            agent: ix,
            held_bytes: held(ix),
        });
    }
    victims
}

fn ending(state: &State, ix: AgentIx) -> bool {
    let live = state.agent(ix).live.as_ref();
    live.is_none_or(|live| live.ending.is_some() || live.handle.is_none())
}

/// How many may run at once: one less above the band, twice as many again below it, once a window.
fn at_once(state: &State, figures: &Figures, now: u64) -> Option<Event> {
    let memory = &state.memory;
    let due = now.saturating_sub(memory.judged_us) >= state.setup.memory.window_us;
    let running = state.usage.agents;
    let all = state.cap();
    let (what, cap, words) = match memory.band {
        InBand::Above if memory.cap == 0 && running > 1 => (Adapted::Lower, running - 1, "above"),
        InBand::Above if due && memory.cap > 1 && running > 1 => {
            (Adapted::Lower, memory.cap.min(running) - 1, "above")
        }
        InBand::Below if due && memory.cap > 0 => {
            let twice = memory.cap.saturating_mul(2);
            (
                Adapted::Raise,
                if twice >= all { 0 } else { twice },
                "below",
            )
        }
        _ => return None,
    };
    let band = state.setup.memory.band;
    Some(
        MemoryEvent::Adapted {
            number: memory.decisions + 1,
            what,
            reason: format!(
                "memory at {} %, {words} the band of {}-{} %",
                figures.pressure_permille / 10,
                band.low / 10,
                band.high / 10
            ),
            agents: Vec::new(),
            told_bytes: 0,
            agents_cap: Some(cap),
            figures: *figures,
        }
        .into(),
    )
}

fn mib(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}
