//! What the loop does with readings of memory: figures for decisions, peaks of attempts, what others are told.
//!
//! Must not judge them: the sensor has, and the engine decides.

use std::sync::{Arc, atomic::Ordering};

use crate::{
    engine::{self, InputKind},
    resources::Sample,
    runtime::news::News,
};

use super::Running;

/// What all agents hold in the mean by time: each reading counts until the next one.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Mean {
    /// The first reading's time and the last one's, in microseconds of the run.
    from_us: Option<u64>,
    last_us: u64,
    last_bytes: u64,
    /// Bytes by microseconds, up to the last reading.
    sum: u128,
}

impl Mean {
    fn push(&mut self, at_us: u64, bytes: u64) {
        self.from_us.get_or_insert(at_us);
        let past = at_us.saturating_sub(self.last_us);
        self.sum += u128::from(self.last_bytes) * u128::from(past);
        (self.last_us, self.last_bytes) = (at_us, bytes);
    }

    /// The mean up to the last reading, in bytes; none before the second.
    fn bytes(&self) -> Option<u64> {
        let time = self.last_us.saturating_sub(self.from_us?);
        let mean = self.sum.checked_div(u128::from(time))?;
        u64::try_from(mean).ok()
    }
}

impl Running {
    /// Takes a reading, with what the sensor saw in it.
    pub(super) fn sample(&mut self, sample: Box<Sample>, edges: Vec<InputKind>) {
        let before = self.turns.figures;
        if let Some(mean) = &mut self.mean {
            mean.push(sample.elapsed_us, sample.figures.agents_bytes);
        }
        let mean = self.mean.as_ref().and_then(Mean::bytes);
        self.turns.uses = sample.uses().with_mean(mean);
        self.turns.figures = sample.figures(&self.turns.state);
        // The sensor tells of thresholds that it saw crossed; whether there is more room than admission saw
        // is only known here.
        if self.turns.state.more_room(&before, &self.turns.figures) {
            self.input(InputKind::Settle);
        }
        self.own_peak_bytes = self.own_peak_bytes.max(sample.machine.own_bytes);
        for agent in &sample.agents {
            // Not the highest of all: with the first slow reading it falls to what is true.
            let key = (agent.agent, agent.attempt);
            self.peaks.insert(key, agent.peak_bytes);
        }
        let judged = edges.contains(&InputKind::Judge);
        for edge in edges {
            self.input(edge);
        }
        if !judged && self.turns.state.to_be_judged(sample.elapsed_us) {
            self.input(InputKind::Judge);
        }
        self.turns.cards.offer(&self.turns.state, &sample);
        if !self.clients.is_empty() {
            self.tell(&News::Sample(Arc::from(sample)));
        }
    }

    /// The kernel knows the peak of the largest process, the sampler that of the whole tree. A child
    /// shares our memory until its exec, so a small figure of the kernel's may be ours.
    pub(super) fn add_sampled_peak(&mut self, kind: &mut InputKind) {
        if let InputKind::Ended {
            key, peak_bytes, ..
        } = kind
            && let (engine::Owner::Agent(ix), None) = (key.owner, key.check)
        {
            let sampled = self.peaks.remove(&(ix.0, key.attempt)).unwrap_or(0);
            if *peak_bytes <= self.own_peak_bytes {
                *peak_bytes = 0;
            }
            *peak_bytes = (*peak_bytes).max(sampled);
        }
    }

    /// Says what is reserved and not used yet.
    pub(super) fn tell_open(&self) {
        let reserved = self.turns.state.usage.ram_bytes;
        let open = reserved.saturating_sub(self.turns.figures.realised_bytes);
        self.turns.open.store(open, Ordering::Relaxed);
    }
}
