//! A reading of memory comes in: what decisions see from now on, and what has to be judged by it.
//!
//! Must not decide: edges become inputs, nothing else.

use std::sync::Arc;

use super::{News, Running};
use crate::{
    engine::InputKind,
    resources::{Edge, Sample},
};

impl Running {
    pub(super) fn sample(&mut self, sample: Box<Sample>, edges: Vec<Edge>) {
        let before = self.turns.figures;
        self.turns.uses = sample.uses();
        self.turns.figures = sample.figures(&self.turns.state);
        // The sensor tells of thresholds that it saw crossed; whether there is more room than admission saw
        // is only known here.
        if self.turns.state.more_room(&before, &self.turns.figures) {
            self.input(InputKind::Settle);
        }
        self.own_peak_bytes = self.own_peak_bytes.max(sample.machine.own_bytes);
        for agent in &sample.agents {
            let peak = self.peaks.entry((agent.agent, agent.attempt)).or_default();
            *peak = (*peak).max(agent.peak_bytes);
        }
        let judged = edges.contains(&Edge::Judge);
        for edge in edges {
            self.input(edge.into());
        }
        if !judged && self.turns.state.to_be_judged(sample.elapsed_us) {
            self.input(InputKind::Judge);
        }
        self.turns.cards.offer(&self.turns.state, &sample);
        if !self.clients.is_empty() {
            self.tell(&News::Sample(Arc::from(sample)));
        }
    }
}
