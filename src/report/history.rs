//! What happened to each agent over time, folded from the journal: spans of states, and marks.
//!
//! The timeline, the report and the digest are made of it, as a [`Past`] shows it up to a moment.
//! Grows with the journal, 24 bytes a change of an agent's state, never with the number of readings.
//! Must not decide, and must not read files: whoever folds the state hands the records on.

mod attempts;
mod decisions;
mod merges;
mod verdicts;

pub use attempts::{Attempt, Attempts, CheckKey, CheckStep, Ended, Retried, When};
pub use decisions::{Decision, Decisions, Effect};
pub use merges::{MergeMoment, MergeStep, Merges, Piece};
pub use verdicts::{GateVerdict, Signed, Verdicts};

use std::collections::BTreeMap;

use crate::{
    engine::{AgentState, AttentionKind, Cause, CheckRun, Event, Record, State, Status, Zone},
    plan::{AgentIx, PhaseIx},
};

use super::past::Past;

/// A stretch of time in which an agent was in one state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The state.
    pub status: Status,
    /// The record that began it; 0: before the first one.
    pub from_seq: u64,
    /// From when (elapsed µs).
    pub from_us: u64,
    /// Until when (elapsed µs); none: it lasts.
    pub to_us: Option<u64>,
    /// Attempt at its begin; 0: none yet.
    pub attempt: u32,
    /// Mode (worker) of that attempt.
    pub mode: u32,
}

impl Span {
    /// Returns how long it is, at `now_us` where it lasts.
    #[must_use]
    pub const fn length_us(&self, now_us: u64) -> u64 {
        match self.to_us {
            Some(to) => to.saturating_sub(self.from_us),
            None => now_us.saturating_sub(self.from_us),
        }
    }
}

/// A span as it is kept: its end is the begin of the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) from_seq: u64,
    pub(super) from_us: u64,
    attempt: u32,
    mode: u16,
    pub(super) status: Status,
}

impl Kept {
    fn new(agent: &AgentState, from_seq: u64, from_us: u64) -> Self {
        Self {
            from_seq,
            from_us,
            attempt: agent.attempt,
            // An agent has a handful of workers.
            mode: u16::try_from(agent.mode).unwrap_or(u16::MAX),
            status: agent.status,
        }
    }

    pub(super) fn until(self, to_us: Option<u64>) -> Span {
        Span {
            status: self.status,
            from_seq: self.from_seq,
            from_us: self.from_us,
            to_us,
            attempt: self.attempt,
            mode: u32::from(self.mode),
        }
    }
}

/// A moment that a person may want to go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MarkKind {
    /// An attempt or agent failed, or ran out of time.
    Failure,
    /// Something began to wait for a person.
    Attention,
    /// Memory pressure went into another zone.
    Zone,
    /// Another worker took over.
    Swap,
    /// A gate passed or failed.
    Gate,
    /// A person acted.
    Operator,
    /// The run itself began, stopped, went on, ended, or its recording had a fault.
    Run,
}

/// One such moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The record.
    pub seq: u64,
    /// When (elapsed µs).
    pub at_us: u64,
    /// What.
    pub kind: MarkKind,
    /// Whose.
    pub agent: Option<AgentIx>,
}

/// From a record on: the barrier that is closed, if one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Barrier {
    /// The record.
    pub seq: u64,
    /// When (elapsed µs).
    pub at_us: u64,
    /// Which phase has not passed, and whether a person is needed: its gate is red, or asks for a yes.
    pub closed: Option<(PhaseIx, bool)>,
}

/// The history of a run up to a record.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    /// Spans by agent, in order of time.
    pub(super) spans: Vec<Vec<Kept>>,
    /// Marks in order of time.
    pub marks: Vec<Mark>,
    /// Zones from when on (elapsed µs), the first at 0.
    pub zones: Vec<(u64, Zone)>,
    /// Barriers from when on, the first one as it began.
    pub barriers: Vec<Barrier>,
    /// Gates that were decided: the record, and whether it passed.
    pub gates: Vec<(u64, bool)>,
    /// What was said of each.
    pub verdicts: Verdicts,
    /// What was said of merges.
    pub(super) merges: Merges,
    /// What the controller of memory decided.
    pub(super) decisions: Decisions,
    /// Agents whose own gate asked for a yes: the record, when (elapsed µs), and whether it asks.
    pub(super) asked: BTreeMap<AgentIx, Vec<(u64, u64, bool)>>,
    /// Starts of agents, and commands of checks.
    pub attempts: Attempts,
    /// Wall clock of the last record or of [`History::reach`], milliseconds since the epoch.
    pub at_ms: i64,
    /// The moment that it is told at (elapsed µs): of the last record, or later.
    pub now_us: u64,
}

impl History {
    /// Begins with a state: that before the first record, or a later one whose past comes with
    /// [`History::before`].
    #[must_use]
    pub fn new(first: &State) -> Self {
        let begin = |agent: &AgentState| Kept::new(agent, first.seq, first.elapsed_us);
        Self {
            spans: first.agents.iter().map(|a| vec![begin(a)]).collect(),
            zones: vec![(first.elapsed_us, first.memory.zone)],
            barriers: vec![Barrier {
                seq: first.seq,
                at_us: first.elapsed_us,
                closed: closed(first),
            }],
            at_ms: first.at_ms,
            now_us: first.elapsed_us,
            ..Self::default()
        }
    }

    /// Takes a record; `after` is the state with it applied.
    pub fn push(&mut self, after: &State, record: &Record) {
        self.now_us = record.elapsed_us;
        self.at_ms = record.at_ms;
        self.attempts.push(after, record);
        self.verdicts.push(after, record);
        self.merges.push(after, record);
        self.decisions.push(record);
        let agent = record.event.agent().and_then(|id| after.find(id));
        match agent {
            Some(ix) => self.look(after, ix, record.seq),
            // A resumed run changes many at once; other events of the run change no agent.
            None if matches!(record.event, Event::RunResumed { .. }) => {
                for ix in after.setup.plan.indices() {
                    self.look(after, ix, record.seq);
                }
            }
            None => {}
        }
        match &record.event {
            Event::ZoneChanged { to, .. } => self.zones.push((record.elapsed_us, *to)),
            Event::GatePassed { .. } => self.gates.push((record.seq, true)),
            Event::GateFailed { .. } => self.gates.push((record.seq, false)),
            Event::AttentionRaised(a) if a.attention == AttentionKind::Approval => {
                self.asks(agent, record, true);
            }
            Event::AttentionAnswered(a) if a.attention == AttentionKind::Approval => {
                self.asks(agent, record, false);
            }
            _ => {}
        }
        let closed = closed(after);
        if self.barriers.last().is_none_or(|b| b.closed != closed) {
            self.barriers.push(Barrier {
                seq: record.seq,
                at_us: record.elapsed_us,
                closed,
            });
        }
        if let Some(kind) = mark(&record.event) {
            self.marks.push(Mark {
                seq: record.seq,
                at_us: record.elapsed_us,
                kind,
                agent,
            });
        }
    }

    /// A gate of an agent asks for a yes, or no longer does.
    fn asks(&mut self, agent: Option<AgentIx>, record: &Record, asks: bool) {
        if let Some(ix) = agent {
            let edges = self.asked.entry(ix).or_default();
            edges.push((record.seq, record.elapsed_us, asks));
        }
    }

    /// Moves the moment on to a wall clock (milliseconds since the epoch): what lasts in a live run
    /// has lasted until then, whenever its last record was.
    pub fn reach(&mut self, now_ms: i64) {
        let since = u64::try_from(now_ms.saturating_sub(self.at_ms)).unwrap_or(0);
        self.now_us = self.now_us.saturating_add(since.saturating_mul(1000));
        self.at_ms = self.at_ms.max(now_ms);
    }

    /// Closes the span of an agent whose state is another now.
    fn look(&mut self, after: &State, ix: AgentIx, seq: u64) {
        let agent = after.agent(ix);
        // One that was added since has no past.
        if self.spans.len() <= ix.ix() {
            self.spans.resize_with(ix.ix() + 1, Vec::new);
        }
        let spans = &mut self.spans[ix.ix()];
        let same = |last: &Kept| last.status == agent.status && last.attempt == agent.attempt;
        if !spans.last().is_some_and(same) {
            spans.push(Kept::new(agent, seq, self.now_us));
        }
    }

    /// Puts the past before a history that began with a later state: `past` ends with the very
    /// record that the state was after.
    pub fn before(&mut self, mut past: Self) {
        for (old, mine) in past.spans.iter_mut().zip(&mut self.spans) {
            // The first span is the rest of the last one of the past.
            old.extend(mine.drain(..).skip(1));
        }
        // Agents that were added since.
        let known = past.spans.len().min(self.spans.len());
        past.spans.extend(self.spans.drain(known..));
        past.marks.append(&mut self.marks);
        past.zones.extend(self.zones.drain(..).skip(1));
        past.barriers.extend(self.barriers.drain(..).skip(1));
        past.gates.append(&mut self.gates);
        past.verdicts.append(&mut self.verdicts);
        past.merges.append(&mut self.merges);
        past.decisions.append(&mut self.decisions);
        for (ix, mut edges) in std::mem::take(&mut self.asked) {
            past.asked.entry(ix).or_default().append(&mut edges);
        }
        let old = std::mem::take(&mut past.attempts);
        past.attempts = std::mem::take(&mut self.attempts);
        past.attempts.before(old);
        (past.at_ms, past.now_us) = (self.at_ms, self.now_us);
        *self = past;
    }

    /// Gives back what it reserved to grow: of a recording that does not grow any more.
    pub fn settle(&mut self) {
        for spans in &mut self.spans {
            spans.shrink_to_fit();
        }
        self.marks.shrink_to_fit();
    }

    /// Returns all that had happened by its own moment.
    #[must_use]
    pub fn whole(&self) -> Past<'_> {
        Past::new(self, u64::MAX, self.now_us)
    }

    /// Returns what had happened by record `seq`, at the moment `now_us` (elapsed µs).
    #[must_use]
    pub fn until(&self, seq: u64, now_us: u64) -> Past<'_> {
        Past::new(self, seq, now_us)
    }
}

/// The barrier that is closed, and whether its gate is red.
fn closed(state: &State) -> Option<(PhaseIx, bool)> {
    let ix = state.closed_barrier()?;
    let phase = &state.phases[ix.ix()];
    // Who asks for a yes waits for a person just as much.
    Some((
        ix,
        phase.gate_red || phase.check.as_ref().is_some_and(CheckRun::asks),
    ))
}

/// Returns the nearest mark after (or, backwards, before) a record.
#[must_use]
pub fn mark_from(marks: &[Mark], seq: u64, forwards: bool) -> Option<&Mark> {
    if forwards {
        let next = marks.partition_point(|mark| mark.seq <= seq);
        marks.get(next)
    } else {
        let before = marks.partition_point(|mark| mark.seq < seq);
        marks.get(before.checked_sub(1)?)
    }
}

/// Whether an event is a moment to go to.
const fn mark(event: &Event) -> Option<MarkKind> {
    match event {
        Event::AgentFailed { .. }
        | Event::AgentTimeout { .. }
        | Event::PhaseFailed { .. }
        | Event::AgentRetrying {
            cause: Cause::Failure,
            ..
        } => Some(MarkKind::Failure),
        Event::AgentRetrying {
            cause: Cause::Swap, ..
        } => Some(MarkKind::Swap),
        Event::AgentBlocked { .. } => Some(MarkKind::Attention),
        Event::AttentionRaised(raised)
            if matches!(
                raised.attention,
                AttentionKind::Approval
                    | AttentionKind::DayGate
                    | AttentionKind::Deliver
                    | AttentionKind::Budget
            ) =>
        {
            Some(MarkKind::Attention)
        }
        Event::ZoneChanged { .. } => Some(MarkKind::Zone),
        Event::GatePassed { .. } | Event::GateFailed { .. } => Some(MarkKind::Gate),
        Event::OperatorAction { .. } => Some(MarkKind::Operator),
        Event::RunStarted { .. }
        | Event::RunResumed { .. }
        | Event::RunStopped { .. }
        | Event::RunDegraded { .. }
        | Event::RunFinished { .. } => Some(MarkKind::Run),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::tests::fixture;

    /// The history of a whole run with all that can happen to an agent.
    fn whole() -> (fixture::Run, History) {
        let run = fixture::full();
        let mut state = run.first.clone();
        let mut history = History::new(&state);
        for record in &run.records {
            state.apply(record);
            history.push(&state, record);
        }
        (run, history)
    }

    #[test]
    fn spans_have_no_holes_and_end_in_the_state_of_now() {
        let (run, history) = whole();
        for ix in run.state.setup.plan.indices() {
            let spans: Vec<Span> = history.whole().spans(ix).collect();
            for pair in spans.windows(2) {
                assert_eq!(pair[0].to_us, Some(pair[1].from_us));
                assert!(pair[0].status != pair[1].status || pair[0].attempt != pair[1].attempt);
            }
            let last = spans.last().unwrap();
            assert_eq!(
                (last.status, last.to_us),
                (run.state.agent(ix).status, None)
            );
        }
    }

    #[test]
    fn what_lasts_has_lasted_until_the_wall_clock() {
        let (run, mut history) = whole();
        let (now_us, now_ms) = (history.now_us, history.at_ms);
        let blocked = run.state.find(&"ui-style".into()).unwrap();
        let before = history
            .whole()
            .waited(blocked, None)
            .0
            .in_state(Status::Blocked);
        history.reach(now_ms + 2_500);
        assert_eq!(history.now_us, now_us + 2_500_000);
        assert_eq!(
            history
                .whole()
                .waited(blocked, None)
                .0
                .in_state(Status::Blocked),
            before + 2_500_000
        );
        // A clock that was set back takes no time away.
        history.reach(now_ms);
        assert_eq!(history.now_us, now_us + 2_500_000);
    }

    #[test]
    fn a_late_begin_with_its_past_is_the_whole() {
        let (run, history) = whole();
        for cut in [1, run.records.len() / 2, run.records.len() - 1] {
            let mut state = run.first.clone();
            let mut past = History::new(&state);
            for record in &run.records[..cut] {
                state.apply(record);
                past.push(&state, record);
            }
            let mut late = History::new(&state);
            for record in &run.records[cut..] {
                state.apply(record);
                late.push(&state, record);
            }
            late.before(past);
            assert_eq!(late, history, "cut at {cut}");
        }
    }
}
