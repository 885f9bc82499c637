//! The controller: what memory pressure takes back, moves to another worker, and lowers (DESIGN 8, requirements D1, D2,
//! D7).
//!
//! Judges at the edges that the sensor tells, from the figures that come with them. Must not measure, and does at most
//! one thing to an agent in a window. What was taken away comes back by admission, never from here.

use crate::{
    engine::{Adapted, Cause, Event, Figures, InBand, Input, MemoryEvent, Scarce, State, Zone},
    plan::units::part,
};

use super::{
    activate, count,
    effects::{emergency, measured, waits},
    rebalance,
    relief::{self, Swap},
    shortage,
    victims::{Victim, enough, held, victims},
};

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
    let eased = zone < Zone::Orange && !halted && band != InBand::Above;
    if memory.short && eased {
        let resource = Scarce::Memory;
        events.push(MemoryEvent::Recovered { resource, figures }.into());
    }
    events
}

/// A judgement is due: effects of before are told first, then pressure is looked at.
pub(super) fn judge(state: &State, input: &Input) -> Vec<Event> {
    let mut events = measured(state, input);
    let still = state.stopping.is_some() || state.merges.rollback.is_some();
    // What was done is waited for before more is done: its effect is not in the figures yet.
    if still || !state.setup.memory.admission || waits(state, input.elapsed_us) {
        return events;
    }
    events.extend(rebalance::came_to_it(state));
    events.extend(activate::activated(state, input));
    events.extend(shortage::cpus(state, &input.figures));
    let (decided, choice) = decided(state, input);
    events.extend(shortage::memory(state, &input.figures, &decided, &choice));
    events.extend(decided);
    events
}

/// What could be done about pressure: who would be parked, and which model would be emptied.
#[derive(Debug, Default)]
pub(super) struct Choice {
    /// What parking would free, in bytes, and of how many agents.
    pub(super) park: (u64, u32),
    /// What is free once a model is emptied, in bytes, and by how many agents; none: no model can be.
    pub(super) swap: Option<(u64, u32)>,
}

/// What is done about pressure now, and what could have been.
fn decided(state: &State, input: &Input) -> (Vec<Event>, Choice) {
    let (figures, now) = (&input.figures, input.elapsed_us);
    let memory = &state.memory;
    let emergency = emergency(state);
    let pressed = emergency || memory.zone >= Zone::Orange || memory.band == InBand::Above;
    if !pressed {
        let done = at_once(state, figures, now, None).or_else(|| back(state, figures, now));
        return (done.into_iter().collect(), Choice::default());
    }
    let (swap, refused) = relief::best(state, &input.uses, now);
    let mut choice = Choice {
        swap: (swap.as_ref()).map(|swap| (swap.net_bytes, count(swap.agents().count()))),
        ..Choice::default()
    };
    if emergency {
        let needed = over_bytes(state, figures, state.setup.memory.band.high);
        if needed == 0 {
            return (Vec::new(), choice);
        }
        let parks = enough(victims(state, &input.uses, now), needed);
        choice.park = (held(&parks), count(parks.len()));
        // What goes on elsewhere is not held up: preferred where that is enough, and where nobody may be parked.
        let least = over_bytes(state, figures, state.setup.thresholds.halt);
        let least = if parks.is_empty() {
            least.max(1)
        } else {
            needed
        };
        let events = match swap.filter(|swap| swap.net_bytes >= least) {
            Some(swap) => swapped(state, figures, &swap),
            None if parks.is_empty() => nothing_gives(state, figures, refused),
            None => parked(state, figures, &parks, needed, refused),
        };
        return (events, choice);
    }
    // In place of it one less would run at once, which frees nothing by itself.
    choice.park.1 = 1;
    if let Some(swap) = &swap {
        return (swapped(state, figures, swap), choice);
    }
    let done = at_once(state, figures, now, refused);
    (done.into_iter().collect(), choice)
}

/// Returns how many bytes must be freed until neither the run nor the machine is above an edge, in permille.
fn over_bytes(state: &State, figures: &Figures, edge: u32) -> u64 {
    let edge = |bytes: u64| part(bytes, edge);
    let run = figures.agents_bytes.saturating_add(figures.servers_bytes);
    let used = figures.total_bytes.saturating_sub(figures.available_bytes);
    let of_run = run.saturating_sub(edge(state.setup.ram_limit_bytes));
    let of_machine = used.saturating_sub(edge(figures.total_bytes));
    of_run.max(of_machine)
}

/// Red: the least important are parked until what is left is in the band.
fn parked(
    state: &State,
    figures: &Figures,
    parks: &[Victim],
    needed: u64,
    refused: Option<String>,
) -> Vec<Event> {
    let number = state.memory.decisions + 1;
    let told_bytes = held(parks);
    let reason = format!(
        "memory at {} %: {} more than the band's {} %; who is parked holds {}{}",
        figures.pressure_permille / 10,
        mib(needed),
        state.setup.memory.band.high / 10,
        mib(told_bytes),
        also(refused),
    );
    let agents = parks.iter().map(|victim| state.id(victim.agent));
    let told = MemoryEvent::Adapted {
        number,
        what: Adapted::Park,
        reason,
        agents: agents.collect(),
        told_bytes,
        agents_cap: None,
        figures: *figures,
    };
    let parking = parks.iter().map(|victim| {
        Event::from(MemoryEvent::Parking {
            agent: state.id(victim.agent),
            attempt: state.agent(victim.agent).attempt,
            cause: Cause::Zone,
            held_bytes: victim.held_bytes,
            number,
            figures: *figures,
        })
    });
    std::iter::once(told.into()).chain(parking).collect()
}

/// A large model is emptied: all that use it go on elsewhere.
fn swapped(state: &State, figures: &Figures, swap: &Swap) -> Vec<Event> {
    let number = state.memory.decisions + 1;
    let told = MemoryEvent::Adapted {
        number,
        what: Adapted::Swap,
        reason: format!(
            "memory at {} %: model {} is emptied, {} are to be free when its agents go on elsewhere",
            figures.pressure_permille / 10,
            swap.model(state),
            mib(swap.net_bytes),
        ),
        agents: swap.agents().map(|ix| state.id(ix)).collect(),
        told_bytes: swap.told_bytes(),
        agents_cap: None,
        figures: *figures,
    };
    let all = std::iter::once(told.into());
    all.chain(swap.events(state, number, figures)).collect()
}

/// Pressure has gone, and a window has passed: agents may take their own worker again from their next attempt on.
fn back(state: &State, figures: &Figures, now: u64) -> Option<Event> {
    let memory = &state.memory;
    let since = now.saturating_sub(memory.swapped_us);
    if memory.swapped_us == 0 || memory.zone != Zone::Green || since < state.setup.memory.window_us
    {
        return None;
    }
    let all = relief::back(state, figures);
    if all.is_empty() {
        return None;
    }
    let told = MemoryEvent::Adapted {
        number: memory.decisions + 1,
        what: Adapted::Back,
        reason: format!(
            "memory at {} %, and there is room for their models again",
            figures.pressure_permille / 10
        ),
        agents: all.into_iter().map(|ix| state.id(ix)).collect(),
        told_bytes: 0,
        agents_cap: None,
        figures: *figures,
    };
    Some(told.into())
}

/// Why a model could not be emptied in place of it, where one could not.
fn also(refused: Option<String>) -> String {
    refused.map_or_else(String::new, |why| format!("; {why}"))
}

/// Something would have to give and nothing may: told once, until pressure has left the zone.
fn nothing_gives(state: &State, figures: &Figures, refused: Option<String>) -> Vec<Event> {
    // The last decision was this one.
    if state.memory.stuck {
        return Vec::new();
    }
    vec![
        MemoryEvent::Adapted {
            number: state.memory.decisions + 1,
            what: Adapted::Nothing,
            reason: format!(
                "memory at {} %, and nobody may be parked: what runs is pinned, the last one, or was just taken back{}",
                figures.pressure_permille / 10,
                also(refused)
            ),
            agents: Vec::new(),
            told_bytes: 0,
            agents_cap: None,
            figures: *figures,
        }
        .into(),
    ]
}

/// How many may run at once: one less above the band, twice as many again below it, once a window.
fn at_once(state: &State, figures: &Figures, now: u64, refused: Option<String>) -> Option<Event> {
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
                "memory at {} %, {words} the band of {}-{} %{}",
                figures.pressure_permille / 10,
                band.low / 10,
                band.high / 10,
                also(refused)
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
