//! What memory made the run do, in words: parking, coming back, what the controller decided and what came of it.
//!
//! Must not decide, and says only figures that events carry.

use crate::{
    display::figures::size,
    engine::{Adapted, Cause, InBand, MemoryEvent},
};

/// Puts an event about memory into words for a list of what happened; routine ones give none.
#[must_use]
pub fn sentence(event: &MemoryEvent) -> Option<String> {
    Some(match event {
        MemoryEvent::Band { to, .. } => match to {
            InBand::Above => "memory is above its band: nothing more starts".to_owned(),
            InBand::Within | InBand::Below => return None,
        },
        MemoryEvent::Parking {
            agent,
            cause,
            held_bytes,
            ..
        } => {
            let why = match cause {
                Cause::Zone => "for memory",
                _ => "by you",
            };
            match held_bytes {
                Some(bytes) => format!("{agent} is being parked {why}: frees {}", size(*bytes)),
                None => format!("{agent} is being parked {why}"),
            }
        }
        MemoryEvent::Parked {
            agent, freed_bytes, ..
        } => match freed_bytes {
            Some(bytes) => format!("{agent} is parked: {} freed", size(*bytes)),
            None => format!("{agent} is parked"),
        },
        MemoryEvent::Resumed { agent, .. } => format!("{agent} goes on: there is room again"),
        MemoryEvent::Adapted {
            what,
            reason,
            agents_cap,
            ..
        } => match (what, agents_cap) {
            // The parkings are told one by one.
            (Adapted::Park | Adapted::Swap | Adapted::Nothing, _) | (Adapted::Lower, None) => {
                reason.clone()
            }
            (Adapted::Lower, Some(cap)) => format!("{reason}: {cap} at once from now on"),
            (Adapted::Raise, Some(0) | None) => format!("{reason}: as many at once as before"),
            (Adapted::Raise, Some(cap)) => format!("{reason}: {cap} at once"),
        },
        MemoryEvent::Measured {
            number,
            told_bytes,
            freed_bytes,
            before,
            after,
            ..
        } => format!(
            "decision {number} freed {} ({} were told): memory {} % before, {} % after",
            size(*freed_bytes),
            size(*told_bytes),
            before.pressure_permille / 10,
            after.pressure_permille / 10,
        ),
        MemoryEvent::Learnt { agents, more } => {
            let all = u32::try_from(agents.len())
                .unwrap_or(u32::MAX)
                .saturating_add(*more);
            match all {
                1 => "1 need is known from earlier runs".to_owned(),
                all => format!("{all} needs are known from earlier runs"),
            }
        }
        MemoryEvent::Activated {
            active,
            inactive,
            reserved_bytes,
            figures,
        } => {
            let missing = match inactive.len() {
                0 => String::new(),
                n => format!(", {n} not"),
            };
            format!(
                "{} active{missing}: {} in use, {} reserved, memory at {} %",
                active.len(),
                size(figures.agents_bytes),
                size(*reserved_bytes),
                figures.pressure_permille / 10,
            )
        }
    })
}
