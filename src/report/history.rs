//! What happened to each agent over time, folded from the journal: spans of states, and marks.
//!
//! The timeline, the report and the digest are made of it. Grows with the journal, never with the
//! number of readings. Must not decide, and must not read files: whoever folds the state hands the
//! records on.

use crate::{
    engine::{Cause, Event, Record, State, Status, Zone},
    plan::AgentIx,
};

/// A stretch of time in which an agent was in one state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The state.
    pub status: Status,
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

/// The history of a run up to a record.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    /// Spans by agent, in order of time.
    pub spans: Vec<Vec<Span>>,
    /// Marks in order of time.
    pub marks: Vec<Mark>,
    /// Zones from when on (elapsed µs), the first at 0.
    pub zones: Vec<(u64, Zone)>,
    /// Gates that passed and that failed.
    pub gates: (u32, u32),
    /// Wall clock of the last record, milliseconds since the epoch.
    pub at_ms: i64,
    /// Time of the last record (elapsed µs).
    pub now_us: u64,
}

impl History {
    /// Begins with the state before the first record.
    #[must_use]
    pub fn new(first: &State) -> Self {
        let begin = |status| Span {
            status,
            from_us: 0,
            to_us: None,
            attempt: 0,
            mode: 0,
        };
        Self {
            spans: first.agents.iter().map(|a| vec![begin(a.status)]).collect(),
            zones: vec![(0, first.memory.zone)],
            ..Self::default()
        }
    }

    /// Takes a record; `after` is the state with it applied.
    pub fn push(&mut self, after: &State, record: &Record) {
        self.now_us = record.elapsed_us;
        self.at_ms = record.at_ms;
        let agent = record.event.agent().and_then(|id| after.find(id));
        match agent {
            Some(ix) => self.look(after, ix),
            // A resumed run changes many at once; other events of the run change no agent.
            None if matches!(record.event, Event::RunResumed { .. }) => {
                for ix in after.setup.plan.indices() {
                    self.look(after, ix);
                }
            }
            None => {}
        }
        match &record.event {
            Event::ZoneChanged { to, .. } => self.zones.push((record.elapsed_us, *to)),
            Event::GatePassed { .. } => self.gates.0 += 1,
            Event::GateFailed { .. } => self.gates.1 += 1,
            _ => {}
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

    /// Closes the span of an agent whose state is another now.
    fn look(&mut self, after: &State, ix: AgentIx) {
        let agent = after.agent(ix);
        let Some(spans) = self.spans.get_mut(ix.ix()) else {
            return;
        };
        if let Some(last) = spans.last_mut() {
            if last.status == agent.status && last.attempt == agent.attempt {
                return;
            }
            last.to_us = Some(self.now_us);
        }
        // What lasted no time at all is no stretch of time.
        spans.retain(|span| span.to_us != Some(span.from_us));
        spans.push(Span {
            status: agent.status,
            from_us: self.now_us,
            to_us: None,
            attempt: agent.attempt,
            mode: agent.mode,
        });
    }

    /// Returns the state of an agent at a moment (elapsed µs).
    #[must_use]
    pub fn at(&self, ix: AgentIx, at_us: u64) -> Option<&Span> {
        let spans = self.spans.get(ix.ix())?;
        let after = spans.partition_point(|span| span.from_us <= at_us);
        spans.get(after.checked_sub(1)?)
    }

    /// Returns the time that an agent spent in a state.
    #[must_use]
    pub fn time_in(&self, ix: AgentIx, status: Status) -> u64 {
        let spans = self.spans.get(ix.ix()).map_or(&[][..], Vec::as_slice);
        spans
            .iter()
            .filter(|span| span.status == status)
            .map(|span| span.length_us(self.now_us))
            .sum()
    }

    /// Returns the nearest mark after (or, backwards, before) a record.
    #[must_use]
    pub fn mark_from(&self, seq: u64, forwards: bool) -> Option<&Mark> {
        if forwards {
            let next = self.marks.partition_point(|mark| mark.seq <= seq);
            self.marks.get(next)
        } else {
            let before = self.marks.partition_point(|mark| mark.seq < seq);
            self.marks.get(before.checked_sub(1)?)
        }
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
