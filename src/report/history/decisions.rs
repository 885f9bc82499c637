//! What the controller of memory decided, folded from the journal: each decision with what was measured of it.
//!
//! Must not decide; grows with the number of decisions.

use crate::engine::{Adapted, Event, Figures, MemoryEvent, Record, SyncKind, WorkEvent};

/// What was measured after a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effect {
    /// The record.
    pub seq: u64,
    /// What was freed, in bytes.
    pub freed_bytes: u64,
    /// How long it took, in microseconds.
    pub took_us: u64,
    /// Pressure with the first reading after it, in permille.
    pub after_permille: u32,
}

/// One decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The record.
    pub seq: u64,
    /// When (elapsed µs).
    pub at_us: u64,
    /// Its number, from 1.
    pub number: u32,
    /// What.
    pub what: Adapted,
    /// Why, in words.
    pub reason: String,
    /// How many agents it concerned.
    pub agents: u32,
    /// What it was to free, in bytes.
    pub told_bytes: u64,
    /// How many may run at once from then on; none: it says nothing of that.
    pub agents_cap: Option<u32>,
    /// Memory as it saw it.
    pub before: Figures,
    /// What was measured; none: nothing yet, or it frees nothing by itself.
    pub effect: Option<Effect>,
    /// Why it did not do what it was to, and the record that says so.
    pub failed: Option<(u64, String)>,
}

/// What is told of a decision after it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Told {
    Effect(Effect),
    Failed(u64, String),
}

impl Decision {
    fn take(&mut self, told: Told) {
        match told {
            Told::Effect(effect) => self.effect = Some(effect),
            Told::Failed(seq, reason) => self.failed = Some((seq, reason)),
        }
    }
}

/// All of them, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Decisions {
    all: Vec<Decision>,
    /// What was told of decisions that are not known: they are of a part of the run that comes later.
    loose: Vec<(u32, Told)>,
}

impl Decisions {
    pub(super) fn push(&mut self, record: &Record) {
        match &record.event {
            Event::Memory(memory) => self.memory(record, memory),
            Event::Work(work) => {
                if let WorkEvent::SyncFailed { point, reason, .. } = &**work
                    && point.sync == SyncKind::ResourceRebalancing
                    && let Some(number) = point.decision
                {
                    self.tell(number, Told::Failed(record.seq, reason.clone()));
                }
            }
            _ => {}
        }
    }

    fn memory(&mut self, record: &Record, event: &MemoryEvent) {
        match event {
            MemoryEvent::Adapted {
                number,
                what,
                reason,
                agents,
                told_bytes,
                agents_cap,
                figures,
            } => self.made(Decision {
                seq: record.seq,
                at_us: record.elapsed_us,
                number: *number,
                what: *what,
                reason: reason.clone(),
                agents: u32::try_from(agents.len()).unwrap_or(u32::MAX),
                told_bytes: *told_bytes,
                agents_cap: *agents_cap,
                before: *figures,
                effect: None,
                failed: None,
            }),
            MemoryEvent::Measured {
                number,
                freed_bytes,
                took_us,
                after,
                ..
            } => {
                let effect = Effect {
                    seq: record.seq,
                    freed_bytes: *freed_bytes,
                    took_us: *took_us,
                    after_permille: after.pressure_permille,
                };
                self.tell(*number, Told::Effect(effect));
            }
            _ => {}
        }
    }

    fn made(&mut self, mut decision: Decision) {
        let own = self
            .loose
            .iter()
            .position(|(number, _)| *number == decision.number);
        if let Some(at) = own {
            decision.take(self.loose.swap_remove(at).1);
        }
        self.all.push(decision);
    }

    /// Numbers rise: what is told is of one of the last.
    fn tell(&mut self, number: u32, told: Told) {
        match self.all.iter_mut().rev().find(|one| one.number == number) {
            Some(decision) => decision.take(told),
            None => self.loose.push((number, told)),
        }
    }

    /// Puts a later part of the same run behind, and what it tells of decisions before it where they are.
    pub(super) fn append(&mut self, later: &mut Self) {
        self.all.append(&mut later.all);
        for (number, told) in later.loose.drain(..) {
            self.tell(number, told);
        }
    }

    /// Returns those that had been made by record `seq`, in order, each with what was measured by then.
    pub fn until(&self, seq: u64) -> impl DoubleEndedIterator<Item = Decision> + '_ {
        let made = self.all.partition_point(|decision| decision.seq <= seq);
        self.all[..made].iter().map(move |decision| {
            let mut decision = decision.clone();
            decision.effect = decision.effect.filter(|effect| effect.seq <= seq);
            decision.failed = decision.failed.filter(|failed| failed.0 <= seq);
            decision
        })
    }
}
