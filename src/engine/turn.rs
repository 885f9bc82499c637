//! A turn: decide, apply, then settle until nothing comes; records and commands come out.
//!
//! Shared by the live loop and by simulation, so both run the same code. Must not write or start
//! anything: the caller journals the records, then carries the commands out.

use crate::plan::AgentId;

use super::{Command, EdgeKind, Event, Input, InputKind, Record, State, decide, effects};

/// What one input led to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Turn {
    /// Events in order, numbered.
    pub records: Vec<Record>,
    /// What shall happen outside, in order.
    pub commands: Vec<Command>,
}

/// Carries one input through to rest and adds what came of it to `turn`.
pub fn turn_into(state: &mut State, input: &Input, turn: &mut Turn) {
    let mut input = input.clone();
    loop {
        let events = decide(state, &input);
        let settled = events.is_empty() && input.kind == InputKind::Settle;
        for event in events {
            let record = record(state, &input, event);
            state.apply(&record);
            turn.commands.extend(effects(state, &record));
            turn.records.push(record);
        }
        if settled || state.finished.is_some() {
            return;
        }
        input.kind = InputKind::Settle;
    }
}

/// Carries one input through to rest.
#[must_use]
pub fn turn(state: &mut State, input: &Input) -> Turn {
    let mut out = Turn::default();
    turn_into(state, input, &mut out);
    out
}

fn record(state: &State, input: &Input, event: Event) -> Record {
    Record {
        seq: state.seq + 1,
        at_ms: input.at_ms,
        elapsed_us: input.elapsed_us.max(state.elapsed_us),
        priority: event.level(),
        source: source(&event),
        affected: affected(state, &event),
        event,
    }
}

fn source(event: &Event) -> String {
    match event {
        Event::AgentStarted { agent, .. }
        | Event::AttemptEnded { agent, .. }
        | Event::AgentQuiet { agent, .. }
        | Event::AgentCompleted { agent, .. }
        | Event::AgentFailed { agent, .. } => agent.to_string(),
        Event::OperatorAction { .. } => "operator".to_owned(),
        Event::ZoneChanged { .. } => "sensor".to_owned(),
        Event::RunStarted { .. } | Event::RunResumed { .. } | Event::RunDegraded { .. } => {
            "runner".to_owned()
        }
        Event::ProcessTrouble { agent, phase, .. } => agent
            .as_ref()
            .map(ToString::to_string)
            .or_else(|| phase.clone())
            .unwrap_or_default(),
        _ => "engine".to_owned(),
    }
}

/// Direct successors whose fate the event decides.
fn affected(state: &State, event: &Event) -> Vec<AgentId> {
    let (Event::AgentCompleted { agent, .. }
    | Event::AgentFailed { agent, .. }
    | Event::AgentSkipped { agent, .. }
    | Event::AgentStopped { agent, .. }
    | Event::AgentBlocked { agent, .. }
    | Event::AgentTimeout { agent, .. }) = event
    else {
        return Vec::new();
    };
    let Some(ix) = state.find(agent) else {
        return Vec::new();
    };
    let mut ids = Vec::new();
    for edge in &state.setup.edges_out[ix.ix()] {
        let concerns = edge.kind != EdgeKind::Soft;
        let id = state.id(edge.to);
        if concerns && ids.last() != Some(&id) {
            ids.push(id);
        }
    }
    ids
}
