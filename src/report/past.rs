//! What had happened by a moment: a view of a [`History`] that copies nothing, so that a report of
//! any moment of a long recording costs a look at it.
//!
//! Must not know what came later: whatever it hands out ends at its moment.

use std::collections::BTreeMap;

use crate::{
    engine::{Owner, Status, Zone},
    plan::{AgentIx, PhaseIx},
};

use super::history::{
    Barrier, CheckKey, CheckStep, Decision, GateVerdict, History, Kept, Mark, MergeMoment, Span,
};

/// What held back an agent that was ready.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Held {
    /// Red gates and approvals, µs: only a person can help.
    pub red_us: u64,
    /// Earlier phases that had not ended, µs.
    pub phases: BTreeMap<PhaseIx, u64>,
    /// Anything else, µs.
    pub room_us: u64,
}

/// How long an agent was in each state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Times([u64; Self::STATES]);

impl Times {
    const STATES: usize = Status::Stopped as usize + 1;

    /// Returns the time in a state, µs.
    #[must_use]
    pub const fn in_state(&self, status: Status) -> u64 {
        self.0[status as usize]
    }
}

/// The history of a run up to a moment.
#[derive(Debug, Clone, Copy)]
pub struct Past<'a> {
    history: &'a History,
    /// The last record that had happened.
    seq: u64,
    /// Marks in order of time.
    pub marks: &'a [Mark],
    /// Zones from when on (elapsed µs), the first at 0.
    pub zones: &'a [(u64, Zone)],
    /// Barriers from when on, the first one as it began.
    pub barriers: &'a [Barrier],
    /// Gates that were decided: the record, and whether it passed.
    pub gates: &'a [(u64, bool)],
    /// The moment (elapsed µs).
    pub now_us: u64,
}

impl<'a> Past<'a> {
    pub(super) fn new(history: &'a History, seq: u64, now_us: u64) -> Self {
        let marks = history.marks.partition_point(|mark| mark.seq <= seq);
        let zones = history.zones.partition_point(|zone| zone.0 <= now_us);
        let barriers = history.barriers.partition_point(|b| b.seq <= seq);
        let gates = history.gates.partition_point(|gate| gate.0 <= seq);
        Self {
            history,
            seq,
            marks: &history.marks[..marks],
            zones: &history.zones[..zones.max(1).min(history.zones.len())],
            barriers: &history.barriers[..barriers.max(1).min(history.barriers.len())],
            gates: &history.gates[..gates],
            now_us,
        }
    }

    fn kept(&self, ix: AgentIx) -> &'a [Kept] {
        let spans = self
            .history
            .spans
            .get(ix.ix())
            .map_or(&[][..], Vec::as_slice);
        &spans[..spans.partition_point(|span| span.from_seq <= self.seq)]
    }

    /// Returns the spans of an agent in order of time; the last one lasts.
    pub fn spans(&self, ix: AgentIx) -> impl DoubleEndedIterator<Item = Span> + use<'a> {
        let kept = self.kept(ix);
        kept.iter()
            .enumerate()
            .map(move |(n, span)| span.until(kept.get(n + 1).map(|next| next.from_us)))
    }

    /// Returns the time that an agent of a phase spent in each state, and what held it back while it
    /// was ready: both in one look, since a long recording has many changes.
    #[must_use]
    pub fn waited(&self, ix: AgentIx, phase: Option<PhaseIx>) -> (Times, Held) {
        let (mut times, mut held) = (Times::default(), Held::default());
        for span in self.spans(ix) {
            times.0[span.status as usize] += span.length_us(self.now_us);
            if span.status == Status::Ready {
                self.hold(&mut held, span, phase, 0);
            }
        }
        (times, held)
    }

    /// Returns what held back an agent of a phase while it was ready, after `after_us` (elapsed µs).
    #[must_use]
    pub fn held(&self, ix: AgentIx, phase: Option<PhaseIx>, after_us: u64) -> Held {
        let mut held = Held::default();
        for span in self.spans(ix).filter(|span| span.status == Status::Ready) {
            self.hold(&mut held, span, phase, after_us);
        }
        held
    }

    /// Returns how long an agent's own gates have asked for a yes after `after_us` (elapsed µs), µs: the
    /// part of its checks that a person was waited for.
    #[must_use]
    pub fn asked_us(&self, ix: AgentIx, after_us: u64) -> u64 {
        let Some(edges) = self.history.asked.get(&ix) else {
            return 0;
        };
        let edges = &edges[..edges.partition_point(|edge| edge.0 <= self.seq)];
        let asked = edges.iter().enumerate().filter(|(_, edge)| edge.2);
        let mut us = 0;
        for (n, &(_, from, _)) in asked {
            let to = edges.get(n + 1).map_or(self.now_us, |next| next.1);
            let from = from.max(after_us);
            // Who is blocked, as nobody answered, waits as such.
            let checking = self.spans(ix).filter(|s| s.status == Status::Checking);
            us += checking
                .map(|span| {
                    let end = span.to_us.unwrap_or(self.now_us).min(to);
                    end.saturating_sub(span.from_us.max(from))
                })
                .sum::<u64>();
        }
        us
    }

    /// Adds what held it back in one span.
    fn hold(&self, held: &mut Held, span: Span, phase: Option<PhaseIx>, after_us: u64) {
        let end = span.to_us.unwrap_or(self.now_us);
        let mut at = span.from_us.max(after_us);
        let first = self.barriers.partition_point(|b| b.at_us <= at);
        for i in first.saturating_sub(1)..self.barriers.len() {
            if at >= end {
                break;
            }
            let next = self.barriers.get(i + 1).map_or(end, |b| b.at_us.min(end));
            let us = next.saturating_sub(at);
            match self.barriers[i].closed {
                Some((before, red)) if phase.is_some_and(|own| own > before) => {
                    if red {
                        held.red_us += us;
                    } else {
                        *held.phases.entry(before).or_default() += us;
                    }
                }
                _ => held.room_us += us,
            }
            at = at.max(next);
        }
    }

    /// Returns the verdicts on gates, in order.
    #[must_use]
    pub fn verdicts(&self) -> &'a [GateVerdict] {
        self.history.verdicts.until(self.seq)
    }

    /// Returns what the controller of memory decided, in order, with what was measured of it by then.
    pub fn decisions(&self) -> impl DoubleEndedIterator<Item = Decision> + use<'a> {
        self.history.decisions.until(self.seq)
    }

    /// Returns what was said of merges, in order.
    #[must_use]
    pub fn merges(&self) -> &'a [MergeMoment] {
        self.history.merges.until(self.seq)
    }

    /// Returns the check commands of an owner that were asked for, in order.
    #[must_use]
    pub fn checks(&self, owner: Owner) -> Vec<(CheckKey, CheckStep)> {
        self.history.attempts.checks(owner, self.seq)
    }

    /// Returns since when a gate of a phase is red (elapsed µs), where it is.
    #[must_use]
    pub fn red_since(&self, phase: PhaseIx) -> Option<u64> {
        let red = |b: &&Barrier| b.closed == Some((phase, true));
        self.barriers.last().filter(red).map(|b| b.at_us)
    }
}
