//! Starts of agents and commands of checks, folded from the journal: when each began, how it ended,
//! and what followed.
//!
//! Every fact carries the record that told it, so that a reader of a whole recording can leave out
//! what had not happened at the shown moment. Must not decide.

use std::collections::BTreeMap;

use crate::{
    engine::{Cause, CheckPlace, Ending, Event, Exit, LeaseEvent, Owner, Purpose, Record, State},
    plan::AgentIx,
};

/// A record and its moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct When {
    /// The record.
    pub seq: u64,
    /// When (elapsed µs).
    pub at_us: u64,
    /// When (milliseconds since the epoch).
    pub at_ms: i64,
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// When.
    pub when: When,
    /// How.
    pub exit: Exit,
    /// CPU time in microseconds.
    pub cpu_us: u64,
    /// Peak resident memory of its largest process, in bytes.
    pub peak_bytes: u64,
    /// Bytes of its output.
    pub output_bytes: u64,
    /// Descendants left behind and ended.
    pub leaked: u32,
    /// Time that it ran, in microseconds: its clock.
    pub ran_us: u64,
    /// Why we ended it; none: it ended by itself.
    pub ending: Option<Ending>,
    /// Tokens that it said it used; none: nothing of that.
    pub tokens: Option<u64>,
}

/// Why another attempt followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retried {
    /// When that was decided.
    pub when: When,
    /// What led to it.
    pub cause: Cause,
    /// Pause before it was ready again, in microseconds.
    pub delay_us: u64,
    /// In words.
    pub reason: String,
}

/// One start of an agent's process.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attempt {
    /// Admission let it in; none: before what is known.
    pub scheduled: Option<When>,
    /// Mode (worker) of it.
    pub mode: Option<u32>,
    /// A person worked in its session, in a terminal.
    pub opened: bool,
    /// It went on where an earlier one was.
    pub went_on: bool,
    /// Memory that was reserved for it, in bytes.
    pub reserved_bytes: u64,
    /// Since when a command in it has leased memory, which is in its peak; none: none has.
    pub leased: Option<When>,
    /// Its process runs.
    pub started: Option<When>,
    /// It ended.
    pub ended: Option<Ended>,
    /// Another one followed.
    pub retried: Option<Retried>,
}

/// One command of a check or gate, in one round.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CheckStep {
    /// The gate's id; `check` for an agent's own commands.
    pub gate: String,
    /// Why it runs.
    pub purpose: Purpose,
    /// It came in line; none: before what is known.
    pub queued: Option<When>,
    /// It runs.
    pub started: Option<When>,
    /// It ended, and how.
    pub ended: Option<(When, Exit)>,
    /// Bytes that it printed: without any there is no file.
    pub output_bytes: u64,
}

/// Names a command of a check: attempt (round of a phase's gates), round within it, step.
pub type CheckKey = (u32, u32, u32);

/// All starts of agents and commands of checks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attempts {
    agents: BTreeMap<AgentIx, BTreeMap<u32, Attempt>>,
    checks: BTreeMap<Owner, BTreeMap<CheckKey, CheckStep>>,
}

impl Attempts {
    /// Takes a record; `state` is the one with it applied.
    pub(super) fn push(&mut self, state: &State, record: &Record) {
        let when = When {
            seq: record.seq,
            at_us: record.elapsed_us,
            at_ms: record.at_ms,
        };
        let agent = record.event.agent().and_then(|id| state.find(id));
        match (&record.event, agent) {
            (
                Event::AgentScheduled {
                    attempt,
                    mode,
                    ram_bytes,
                    ..
                },
                Some(ix),
            ) => {
                let talk = state.agent(ix).talk.as_ref();
                let went_on = talk.is_some_and(|talk| talk.went_on);
                let known = self.attempt(ix, *attempt);
                known.scheduled = Some(when);
                known.mode = Some(*mode);
                known.opened = state.agent(ix).opened();
                (known.went_on, known.reserved_bytes) = (went_on, *ram_bytes);
            }
            (Event::Lease(lease), Some(ix)) => {
                if let LeaseEvent::Granted { attempt, .. } = **lease {
                    self.attempt(ix, attempt).leased.get_or_insert(when);
                }
            }
            (Event::AgentStarted { attempt, .. }, Some(ix)) => {
                self.attempt(ix, *attempt).started = Some(when);
            }
            (
                Event::AttemptEnded {
                    attempt,
                    exit,
                    cpu_us,
                    peak_bytes,
                    output_bytes,
                    leaked,
                    ..
                },
                Some(ix),
            ) => {
                let agent = state.agent(ix);
                let last = agent.last.as_ref().filter(|last| last.attempt == *attempt);
                let used = agent.talk.as_ref().map(|talk| talk.used.tokens());
                self.attempt(ix, *attempt).ended = Some(Ended {
                    ran_us: last.map_or(0, |last| last.ran_us),
                    ending: last.and_then(|last| last.ending),
                    tokens: used.filter(|tokens| *tokens > 0),
                    when,
                    exit: exit.clone(),
                    cpu_us: *cpu_us,
                    peak_bytes: *peak_bytes,
                    output_bytes: *output_bytes,
                    leaked: *leaked,
                });
            }
            (
                Event::AgentRetrying {
                    attempt,
                    cause,
                    delay_us,
                    reason,
                    ..
                },
                Some(ix),
            ) => {
                self.attempt(ix, *attempt).retried = Some(Retried {
                    when,
                    cause: *cause,
                    delay_us: *delay_us,
                    reason: reason.clone(),
                });
            }
            (Event::CheckQueued { place }, _) => {
                if let Some(step) = self.step(state, place) {
                    step.queued = Some(when);
                }
            }
            (Event::CheckStarted { place, .. }, _) => {
                if let Some(step) = self.step(state, place) {
                    step.started = Some(when);
                }
            }
            (
                Event::CheckEnded {
                    place,
                    exit,
                    output_bytes,
                },
                _,
            ) => {
                if let Some(step) = self.step(state, place) {
                    step.ended = Some((when, exit.clone()));
                    step.output_bytes = *output_bytes;
                }
            }
            _ => {}
        }
    }

    fn attempt(&mut self, ix: AgentIx, attempt: u32) -> &mut Attempt {
        self.agents
            .entry(ix)
            .or_default()
            .entry(attempt)
            .or_default()
    }

    fn step(&mut self, state: &State, place: &CheckPlace) -> Option<&mut CheckStep> {
        let owner = match (&place.agent, &place.phase) {
            (Some(id), _) => Owner::Agent(state.find(id)?),
            (None, Some(id)) => {
                let phases = &state.setup.plan.phases;
                let at = phases.iter().position(|phase| phase.id == *id)?;
                Owner::Phase(crate::plan::PhaseIx::of(at))
            }
            (None, None) => Owner::Cohort(state.setup.cohort_ix(place.cohort.as_deref()?)?),
        };
        let key = (place.attempt, place.round, place.step);
        let step = self
            .checks
            .entry(owner)
            .or_default()
            .entry(key)
            .or_default();
        if step.gate.is_empty() {
            step.gate.clone_from(&place.gate);
            step.purpose = place.purpose;
        }
        Some(step)
    }

    /// Puts what happened before in front: of what both know a part, the later one has its end.
    pub(super) fn before(&mut self, past: Self) {
        for (ix, attempts) in past.agents {
            let mine = self.agents.entry(ix).or_default();
            for (number, old) in attempts {
                let new = mine.entry(number).or_default();
                new.scheduled = old.scheduled.or(new.scheduled);
                new.mode = old.mode.or(new.mode);
                new.opened |= old.opened;
                new.went_on |= old.went_on;
                new.leased = old.leased.or(new.leased);
                new.reserved_bytes = new.reserved_bytes.max(old.reserved_bytes);
                new.started = old.started.or(new.started);
                new.ended = new.ended.take().or(old.ended);
                new.retried = new.retried.take().or(old.retried);
            }
        }
        for (owner, steps) in past.checks {
            let mine = self.checks.entry(owner).or_default();
            for (key, old) in steps {
                let new = mine.entry(key).or_default();
                if new.gate.is_empty() {
                    (new.gate, new.purpose) = (old.gate, old.purpose);
                }
                new.queued = old.queued.or(new.queued);
                new.started = old.started.or(new.started);
                new.output_bytes = new.output_bytes.max(old.output_bytes);
                new.ended = new.ended.take().or(old.ended);
            }
        }
    }

    /// Returns the attempts of an agent by number, as they were known at record `seq`.
    #[must_use]
    pub fn of(&self, ix: AgentIx, seq: u64) -> Vec<(u32, Attempt)> {
        let Some(attempts) = self.agents.get(&ix) else {
            return Vec::new();
        };
        let mut out = Vec::new();
        for (&number, attempt) in attempts {
            let attempt = Attempt {
                scheduled: attempt.scheduled.filter(|w| w.seq <= seq),
                mode: attempt.mode,
                opened: attempt.opened,
                went_on: attempt.went_on,
                reserved_bytes: attempt.reserved_bytes,
                leased: attempt.leased.filter(|w| w.seq <= seq),
                started: attempt.started.filter(|w| w.seq <= seq),
                ended: attempt.ended.clone().filter(|e| e.when.seq <= seq),
                retried: attempt.retried.clone().filter(|r| r.when.seq <= seq),
            };
            if attempt.scheduled.is_some() || attempt.started.is_some() || attempt.ended.is_some() {
                out.push((number, attempt));
            }
        }
        out
    }

    /// Returns the commands of an owner's checks in order, as they were known at record `seq`.
    #[must_use]
    pub fn checks(&self, owner: Owner, seq: u64) -> Vec<(CheckKey, CheckStep)> {
        let Some(steps) = self.checks.get(&owner) else {
            return Vec::new();
        };
        let mut out = Vec::new();
        for (&key, step) in steps {
            let step = CheckStep {
                gate: step.gate.clone(),
                purpose: step.purpose,
                queued: step.queued.filter(|w| w.seq <= seq),
                started: step.started.filter(|w| w.seq <= seq),
                ended: step.ended.clone().filter(|e| e.0.seq <= seq),
                output_bytes: step.output_bytes,
            };
            if step.queued.is_some() || step.started.is_some() || step.ended.is_some() {
                out.push((key, step));
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{report::history::History, tui::tests::fixture};

    #[test]
    fn a_late_begin_and_a_look_back_tell_what_was_known() {
        let run = fixture::full();
        let mut state = run.first.clone();
        let mut whole = History::new(&state);
        let mut by_then = Vec::new();
        for record in &run.records {
            state.apply(record);
            whole.push(&state, record);
            by_then.push((state.clone(), whole.clone()));
        }
        let backfill = state.find(&"backfill".into()).unwrap();
        let all = whole.attempts.of(backfill, u64::MAX);
        let first = &all[0].1;
        assert_eq!(first.ended.as_ref().unwrap().exit, Exit::Code(101));
        assert_eq!(first.retried.as_ref().unwrap().cause, Cause::Failure);
        let style = Owner::Agent(state.find(&"ui-style".into()).unwrap());
        let steps = whole.attempts.checks(style, u64::MAX);
        assert_eq!(steps.len(), 1);
        assert_eq!(steps[0].1.ended.as_ref().unwrap().1, Exit::Code(1));
        for cut in [1, run.records.len() / 2, run.records.len() - 1] {
            let (then, past) = by_then[cut - 1].clone();
            // What the whole tells of then is what was told then.
            for ix in state.setup.plan.indices() {
                let told = past.attempts.of(ix, u64::MAX);
                assert_eq!(whole.attempts.of(ix, then.seq), told);
            }
            let mut later = then.clone();
            let mut late = History::new(&then);
            for record in &run.records[cut..] {
                later.apply(record);
                late.push(&later, record);
            }
            late.before(past);
            assert_eq!(late.attempts, whole.attempts, "cut at {cut}");
        }
    }
}
