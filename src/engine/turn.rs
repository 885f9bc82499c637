//! A turn: decide, apply, then settle until nothing comes; records and commands come out.
//!
//! Shared by the live loop and by simulation, so both run the same code. Must not write or start
//! anything: the caller journals the records, then carries the commands out.

use crate::plan::{AgentId, AgentIx};

use super::{
    Command, EdgeKind, Event, Input, InputKind, Record, State, WorkEvent,
    command::{effects, end_all},
    decide::{broken, decide},
};

/// What one input led to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Turn {
    /// Events in order, numbered.
    pub records: Vec<Record>,
    /// What shall happen outside, in order.
    pub commands: Vec<Command>,
}

/// Events that one turn may have for each agent, phase and wave. The longest ones that are known
/// (a retry of everything, a failure on which everything hangs) have three.
const MOST_PER_MEMBER: usize = 16;
/// Events that one turn may have beside these.
const MOST_BESIDE: usize = 256;

/// Carries one input through to rest and adds what came of it to `turn`.
///
/// A turn that does not come to rest is a fault of ours: the run is ended with status 4, and says
/// so, for a runner that decides without end would neither end its agents nor answer anybody.
pub fn turn_into(state: &mut State, input: &Input, turn: &mut Turn) {
    turn_with(state, input, turn, |_, _| {});
}

/// As [`turn_into`]; `each` sees every record with the state right after it, for a projection that
/// is kept as the run goes.
pub fn turn_with(
    state: &mut State,
    input: &Input,
    turn: &mut Turn,
    each: impl FnMut(&State, &Record),
) {
    go(state, input, turn, decide, each);
}

fn go(
    state: &mut State,
    input: &Input,
    turn: &mut Turn,
    decide: impl Fn(&State, &Input) -> Vec<Event>,
    mut each: impl FnMut(&State, &Record),
) {
    let setup = &state.setup;
    let members = setup.plan.agents.len() + setup.plan.phases.len() + setup.wave_sizes.len();
    let most = turn.records.len() + MOST_BESIDE + MOST_PER_MEMBER * members;
    let mut input = input.clone();
    loop {
        let events = decide(state, &input);
        let settled = events.is_empty() && input.kind == InputKind::Settle;
        for event in events {
            step(state, &input, event, turn, &mut each);
        }
        if settled || state.finished.is_some() {
            return;
        }
        if turn.records.len() > most {
            turn.commands.extend(end_all(state));
            let last = turn.records.last().map(|record| &record.event);
            let end = broken(state, last);
            step(state, &input, end, turn, &mut each);
            return;
        }
        input.kind = InputKind::Settle;
    }
}

fn step(
    state: &mut State,
    input: &Input,
    event: Event,
    turn: &mut Turn,
    each: &mut impl FnMut(&State, &Record),
) {
    let record = record(state, input, event);
    state.apply(&record);
    each(state, &record);
    turn.commands.extend(effects(state, &record));
    turn.records.push(record);
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
        Event::AgentProgress(report) => report.agent.to_string(),
        Event::OperatorAction { .. } => "operator".to_owned(),
        Event::AttentionAnswered(answered) if answered.answer.is_some() => "operator".to_owned(),
        Event::ZoneChanged { .. } => "sensor".to_owned(),
        Event::RunStarted { .. } | Event::RunResumed { .. } | Event::RunDegraded { .. } => {
            "runner".to_owned()
        }
        Event::ProcessTrouble(told) => (told.agent.as_ref().map(ToString::to_string))
            .or_else(|| told.phase.clone().or_else(|| told.cohort.clone()))
            .unwrap_or_default(),
        _ => "engine".to_owned(),
    }
}

/// Direct successors whose fate the event decides.
fn affected(state: &State, event: &Event) -> Vec<AgentId> {
    if let Event::AttentionRaised(raised) = event {
        let ix = raised.agent.as_ref().and_then(|agent| state.find(agent));
        return ix.map_or_else(Vec::new, |ix| successors(state, ix));
    }
    if let Event::Work(work) = event
        && let WorkEvent::SyncStarted { participants, .. } = &**work
    {
        return participants.clone();
    }
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
    successors(state, ix)
}

fn successors(state: &State, ix: AgentIx) -> Vec<AgentId> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Effective, Setup, Thresholds};

    #[test]
    fn a_turn_without_end_ends_the_run_and_says_so() {
        let plan = crate::graph::random::empty();
        let effective = Effective {
            ram_limit_bytes: 0,
            agents_cap: 1,
            cpus_milli: 0,
            thresholds: Thresholds::default(),
            memory: crate::engine::MemoryRules::default(),
            attended: true,
            hybrid_enabled: true,
            parallel_enabled: true,
        };
        let setup = Setup::new(plan, effective, Vec::new(), Vec::new(), 0);
        let mut state = State::new(std::sync::Arc::new(setup));
        let input = Input {
            at_ms: 0,
            elapsed_us: 0,
            figures: crate::engine::Figures::default(),
            uses: crate::engine::Uses::default(),
            kind: InputKind::Settle,
        };
        let mut turn = Turn::default();
        // Changes nothing, and so is decided again and again.
        let endless = |_: &State, _: &Input| {
            vec![Event::CheckpointMade {
                wave: 1,
                commit: None,
            }]
        };
        go(&mut state, &input, &mut turn, endless, |_, _| {});
        assert_eq!(state.finished, Some(4));
        let summary = state.summary.unwrap();
        assert!(summary.contains("internal error"), "{summary}");
        assert!(summary.contains("checkpoint.made"), "{summary}");
        assert_eq!(turn.commands, [Command::Finish { status: 4 }]);
        assert!(turn.records.len() < 1_000);
    }
}
