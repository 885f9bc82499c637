//! What memory made the run do, in words: parking, coming back, what the controller decided and what came of it.
//!
//! Must not decide, and says only figures that events carry.

use crate::{
    display::figures::{size, span},
    engine::{Adapted, Cause, Impact, InBand, MemoryEvent, Relief, Scarce},
    plan::AgentId,
};

/// The name of a strategy (REQUIREMENTS D5).
#[must_use]
pub const fn strategy_name(strategy: Relief) -> &'static str {
    match strategy {
        Relief::ReduceParallelism => "reduce_parallelism",
        Relief::BatchAgents => "batch_agents",
        Relief::LightweightSubstitution => "lightweight_substitution",
    }
}

/// A strategy with what it does.
fn impact(of: &Impact) -> String {
    let mut does = Vec::new();
    if of.agents > 0 {
        does.push(match of.agents {
            1 => "1 agent".to_owned(),
            n => format!("{n} agents"),
        });
    }
    if of.frees_bytes > 0 {
        does.push(format!("frees ~{}", size(of.frees_bytes)));
    }
    if of.waits_us > 0 {
        does.push(format!("waits {}", span(of.waits_us)));
    }
    let name = strategy_name(of.strategy);
    if does.is_empty() {
        name.to_owned()
    } else {
        format!("{name}, {}", does.join(", "))
    }
}

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
            agents,
            ..
        } => match (what, agents_cap) {
            // The parkings are told one by one.
            (Adapted::Park | Adapted::Swap | Adapted::Nothing, _) | (Adapted::Lower, None) => {
                reason.clone()
            }
            (Adapted::Back, _) => {
                let who: Vec<&str> = agents.iter().map(AgentId::as_str).collect();
                format!(
                    "{reason}: {} may have it from the next attempt on",
                    who.join(", ")
                )
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
            within_limits,
            monitored,
            scope_conflicts,
            figures,
            ..
        } => {
            let missing = match inactive.len() {
                0 => String::new(),
                n => format!(", {n} not"),
            };
            let clashes = match scope_conflicts {
                Some(n @ 1..) => format!(", {n} pairs write the same files"),
                _ => String::new(),
            };
            let unmeasured = match monitored {
                Some(n) if (*n as usize) < active.len() => format!(", {n} of them measured"),
                _ => String::new(),
            };
            let over = match within_limits {
                Some(false) => ", beyond the limits",
                _ => "",
            };
            format!(
                "{} active{missing}{unmeasured}{clashes}: {} in use, {} reserved{over}, memory at {} %",
                active.len(),
                size(figures.agents_bytes),
                size(*reserved_bytes),
                figures.pressure_permille / 10,
            )
        }
        MemoryEvent::Shortage {
            resource,
            strategy,
            impacts,
            reason,
            ..
        } => {
            let what = match resource {
                Scarce::Memory => "memory",
                Scarce::Cpu => "CPUs",
                // The rate says so itself.
                Scarce::ApiTokens => return None,
            };
            let chosen = impacts.iter().find(|impact| impact.strategy == *strategy);
            let chosen = chosen.map_or_else(|| strategy_name(*strategy).to_owned(), impact);
            let others = impacts.iter().filter(|impact| impact.strategy != *strategy);
            let others: Vec<String> = others.map(|one| format!("; not {}", impact(one))).collect();
            let others = others.concat();
            format!("{what} short: {chosen}{others} ({reason})")
        }
        MemoryEvent::Recovered { resource, .. } => match resource {
            Scarce::Memory => "memory is short no more".to_owned(),
            Scarce::Cpu => "CPUs are short no more".to_owned(),
            Scarce::ApiTokens => return None,
        },
    })
}
