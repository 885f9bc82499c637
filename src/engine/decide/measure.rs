//! What follows from what was measured of an agent: a leak is told, a hard limit is kept, and an attempt that the
//! kernel killed for want of memory does not go again at the same size.
//!
//! Must not measure: figures come with the inputs.

use crate::{
    display::figures::size,
    engine::{Event, FailureKind, MeasureEvent, State, Status},
    plan::AgentIx,
};

/// An agent leaks, as the sensor says: told once an attempt.
pub(super) fn leaking(
    state: &State,
    ix: AgentIx,
    attempt: u32,
    (bytes, growth_bytes_per_min): (u64, i64),
) -> Vec<Event> {
    let agent = state.agent(ix);
    if agent.status != Status::Running || agent.attempt != attempt || agent.leaking {
        return Vec::new();
    }
    vec![
        MeasureEvent::Leaking {
            agent: state.id(ix),
            attempt,
            bytes,
            reserved_bytes: state.reserved(ix),
            growth_bytes_per_min,
        }
        .into(),
    ]
}

/// An agent holds more than its hard limit: its attempt ends, unless it is being ended already.
pub(super) fn over_limit(state: &State, ix: AgentIx, attempt: u32, bytes: u64) -> Vec<Event> {
    let agent = state.agent(ix);
    let ends = (agent.live.as_ref()).is_none_or(|live| live.ending.is_some());
    let Some(limit_bytes) = state.setup.plan.agent(ix).ram_max_bytes else {
        return Vec::new();
    };
    if agent.attempt != attempt || ends {
        return Vec::new();
    }
    vec![
        MeasureEvent::OverLimit {
            agent: state.id(ix),
            attempt,
            bytes,
            limit_bytes,
        }
        .into(),
    ]
}

/// The end of an attempt that held more than its hard limit.
pub(super) fn too_large(state: &State, ix: AgentIx) -> Event {
    let limit = state.setup.plan.agent(ix).ram_max_bytes.unwrap_or(0);
    let used = state.agent(ix).over_bytes;
    let reason = format!("used {}, its ram_max is {}", size(used), size(limit));
    super::failure(state, ix, FailureKind::Exhaustion, reason)
}

/// The end of an attempt that the kernel killed for want of memory: it goes again with more reserved for it, and
/// not at all where there is no more.
pub(super) fn out_of_memory(state: &State, ix: AgentIx) -> Event {
    let agent = state.agent(ix);
    let peak = agent.last.as_ref().map_or(0, |last| last.peak_bytes);
    let mut reason = "killed by the kernel: out of memory".to_owned();
    if peak > 0 {
        reason = format!("{reason}; it held {}", size(peak));
    }
    let most = most(state, ix);
    if most > 0 && peak >= most {
        let max = state.setup.plan.agent(ix).ram_max_bytes;
        let whose = if max == Some(most) {
            "its ram_max is"
        } else {
            "all agents together may use"
        };
        return Event::AgentFailed {
            agent: state.id(ix),
            attempt: agent.attempt,
            failure: FailureKind::Exhaustion,
            reason: format!(
                "{reason}, and {whose} {}: not retried at the same size",
                size(most)
            ),
        };
    }
    super::failure(state, ix, FailureKind::Exhaustion, reason)
}

/// The most that can ever be given to an agent, in bytes; 0: no limit.
fn most(state: &State, ix: AgentIx) -> u64 {
    let budget = state.setup.ram_limit_bytes;
    match state.setup.plan.agent(ix).ram_max_bytes {
        Some(max) if budget == 0 => max,
        Some(max) => max.min(budget),
        None => budget,
    }
}
