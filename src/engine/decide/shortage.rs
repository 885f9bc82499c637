//! What is short, and what is done about it, told once when it begins (REQUIREMENTS D5).
//!
//! Says what others have decided, with what each strategy would have done; must not decide it.

use crate::{
    engine::{
        Adapted, Event, Figures, Impact, MemoryEvent, Relief, Scarce, State, Why, Zone, admit,
    },
    plan::Priority,
};

use super::{count, memory::Choice};

/// The shortage of memory that a decision is about, or that defers what is less important.
pub(super) fn memory(
    state: &State,
    figures: &Figures,
    decided: &[Event],
    choice: &Choice,
) -> Option<Event> {
    if state.memory.short {
        return None;
    }
    let told = decided.iter().find_map(|event| match event {
        Event::Memory(memory) => match &**memory {
            MemoryEvent::Adapted { what, reason, .. } => Some((*what, reason.clone())),
            _ => None,
        },
        _ => None,
    });
    let (strategy, reason, fewer) = match told {
        Some((Adapted::Swap, reason)) => (Relief::LightweightSubstitution, reason, choice.park.1),
        Some((Adapted::Park | Adapted::Lower | Adapted::Nothing, reason)) => {
            (Relief::ReduceParallelism, reason, choice.park.1)
        }
        Some((Adapted::Raise | Adapted::Back, _)) => return None,
        None => {
            let waits = deferred(state)?;
            let reason = format!(
                "memory at {} %: what is less important is not started",
                figures.pressure_permille / 10
            );
            (Relief::ReduceParallelism, reason, waits)
        }
    };
    let fewer = Impact {
        frees_bytes: choice.park.0,
        ..Impact::of(Relief::ReduceParallelism, fewer)
    };
    let moved = choice.swap.map(|(frees_bytes, agents)| Impact {
        frees_bytes,
        ..Impact::of(Relief::LightweightSubstitution, agents)
    });
    let mut impacts: Vec<Impact> = std::iter::once(fewer).chain(moved).collect();
    impacts.sort_by_key(|impact| impact.strategy != strategy);
    Some(short(Scarce::Memory, strategy, reason, impacts, figures))
}

/// How many ready agents wait for nothing but the zone; none: nobody does.
fn deferred(state: &State) -> Option<u32> {
    if state.memory.zone < Zone::Orange {
        return None;
    }
    let low = state
        .ready
        .iter()
        .filter(|rank| rank.priority == Priority::Low);
    let low = count(low.count());
    (low > 0).then_some(low)
}

/// The begin and the end of a shortage of CPUs: the first who is ready waits for nothing else.
pub(super) fn cpus(state: &State, figures: &Figures) -> Option<Event> {
    let waits = |rank: crate::engine::Rank| match admit(state, figures, rank.agent) {
        Err(Why::Cpus { asked, free }) => Some((asked, free)),
        _ => None,
    };
    let first = state.ready.iter().min();
    let first = first.and_then(waits);
    match (first, state.memory.cpu_short) {
        (Some((asked, free)), false) => {
            let agents = count(state.ready.iter().count());
            let impact = Impact {
                cpus_milli: u32::try_from(asked.saturating_sub(free)).unwrap_or(u32::MAX),
                ..Impact::of(Relief::ReduceParallelism, agents)
            };
            let reason = Why::Cpus { asked, free }.to_string();
            let strategy = Relief::ReduceParallelism;
            Some(short(Scarce::Cpu, strategy, reason, vec![impact], figures))
        }
        (None, true) => {
            let resource = Scarce::Cpu;
            let figures = *figures;
            Some(MemoryEvent::Recovered { resource, figures }.into())
        }
        _ => None,
    }
}

/// The plan's own rate of tokens is reached: starts wait.
pub(super) fn tokens(
    state: &State,
    figures: &Figures,
    (used, limit): (u64, u64),
    until_us: u64,
) -> Event {
    let waiting = count(state.ready.iter().count());
    let impact = Impact {
        waits_us: until_us.saturating_sub(state.elapsed_us),
        ..Impact::of(Relief::BatchAgents, waiting)
    };
    let reason = format!("{used} tokens in the last minute, {limit} are to be used");
    short(
        Scarce::ApiTokens,
        Relief::BatchAgents,
        reason,
        vec![impact],
        figures,
    )
}

/// They are used again.
pub(super) fn tokens_again(figures: &Figures) -> Event {
    MemoryEvent::Recovered {
        resource: Scarce::ApiTokens,
        figures: *figures,
    }
    .into()
}

fn short(
    resource: Scarce,
    strategy: Relief,
    reason: String,
    impacts: Vec<Impact>,
    figures: &Figures,
) -> Event {
    MemoryEvent::Shortage {
        resource,
        strategy,
        reason,
        impacts,
        figures: *figures,
    }
    .into()
}
