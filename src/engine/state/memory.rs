//! Memory pressure as far as decisions know it, and what was done about it.
//!
//! Plain data of the state; must not hold samples: only what events carried.

use serde::{Deserialize, Serialize};

use crate::{
    engine::{Figures, InBand, Zone},
    plan::{AgentIx, ModelIx},
};

/// Memory pressure, and the controller's memory.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// The zone.
    pub zone: Zone,
    /// At or above the halt threshold.
    pub halted: bool,
    /// Where pressure is, seen from the band.
    pub band: InBand,
    /// Slots that were taken when the band was entered: within it there are no more; 0: not within.
    pub within: u32,
    /// How many the strategy's steps let run at once; 0: it has none.
    pub step: u32,
    /// How many may run at once because of pressure; 0: as many as otherwise.
    pub cap: u32,
    /// When that was last changed (elapsed µs).
    pub judged_us: u64,
    /// The last judgement was that nobody may be taken back; until the zone is left.
    pub stuck: bool,
    /// Decisions so far.
    pub decisions: u32,
    /// Decisions whose effect is not measured yet.
    pub open: Vec<Effect>,
    /// The first starts were reported.
    pub activated: bool,
    /// There is too little memory, as was told.
    pub short: bool,
    /// There are too few CPUs, as was told.
    pub cpu_short: bool,
    /// When agents were moved to another worker for memory last (elapsed µs); 0: none is away from its own now.
    pub swapped_us: u64,
}

impl Memory {
    /// Returns whether a model is being emptied for memory: its users leave, and nobody begins with it.
    #[must_use]
    pub fn emptying(&self, model: ModelIx) -> bool {
        self.open.iter().any(|effect| effect.model == Some(model))
    }
}

/// A decision that is to free memory, until what it did is measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    /// Its number.
    pub number: u32,
    /// The attempts that end for it.
    pub ends: Vec<(AgentIx, u32)>,
    /// What the processes of each held when it was decided, in bytes; 0: not measured.
    #[serde(default)]
    pub held: Vec<(AgentIx, u64)>,
    /// The model whose server is to give its memory back, until it has.
    #[serde(default)]
    pub model: Option<ModelIx>,
    /// What it was to free, in bytes.
    pub told_bytes: u64,
    /// What those that have ended held, and what the model's server gave back, in bytes.
    pub freed_bytes: u64,
    /// When it was made (elapsed µs).
    pub at_us: u64,
    /// When the last of them had ended and the model was gone (elapsed µs); none: not yet.
    pub over_us: Option<u64>,
    /// Memory as the decision saw it.
    pub before: Figures,
}

impl Effect {
    /// Returns what an agent's processes held when it was decided, in bytes.
    #[must_use]
    pub fn held_by(&self, ix: AgentIx) -> Option<u64> {
        let mut held = self.held.iter();
        held.find(|(who, _)| *who == ix).map(|held| held.1)
    }

    /// Returns whether it can be measured at a moment (elapsed µs): all has happened before, or it has had a window's
    /// time. A process that cannot be ended, as one that hangs in the kernel, holds up no other decision for longer.
    #[must_use]
    pub fn due(&self, now_us: u64, window_us: u64) -> bool {
        let waited = now_us.saturating_sub(self.at_us) >= window_us;
        waited || self.over_us.is_some_and(|over| over < now_us)
    }

    /// Something of it has happened: over, where nothing more is waited for.
    pub(in crate::engine) fn passed(&mut self, bytes: u64, now_us: u64) {
        self.freed_bytes = self.freed_bytes.saturating_add(bytes);
        let over = self.ends.is_empty() && self.model.is_none();
        self.over_us = self.over_us.or(over.then_some(now_us));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_does_not_end_is_waited_for_a_window_and_no_longer() {
        let effect = Effect {
            number: 1,
            ends: vec![(AgentIx(0), 1)],
            held: Vec::new(),
            model: None,
            told_bytes: 100,
            freed_bytes: 0,
            at_us: 50,
            over_us: None,
            before: Figures::default(),
        };
        assert!(!effect.due(349, 300));
        assert!(effect.due(350, 300));
    }
}
