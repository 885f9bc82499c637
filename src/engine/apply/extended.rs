//! More agents: the plan has them from here on, and whatever counts agents counts them.
//!
//! Must not decide whether they may come: an addition that does not fit changes nothing.

use std::sync::Arc;

use crate::{
    engine::{AgentState, CohortIx, Extension, Owner, Setup, State},
    plan::AgentIx,
};

impl State {
    /// An agent is not over yet, or again: its wave, phase and cohorts wait for it, and their gates with them.
    pub(super) fn awaits(&mut self, setup: &Setup, ix: AgentIx) {
        let wave = setup.wave(ix);
        self.wave_open[wave as usize - 1] += 1;
        self.waves_due.remove(&wave);
        if let Some(phase) = setup.plan.agent(ix).phase {
            self.reopen_gates(Owner::Phase(phase));
            self.phases[phase.ix()].open += 1;
        }
        for &cohort in &setup.cohorts_of[ix.ix()] {
            self.reopen_gates(Owner::Cohort(cohort));
            self.cohorts[cohort.ix()].open += 1;
        }
    }

    pub(super) fn extended(&mut self, by: &Extension, now: u64) {
        if self.setup.misfit(by).is_some() {
            return;
        }
        // The order of starting is made anew: the ranks of those that are there may change.
        let ready: Vec<AgentIx> = std::mem::take(&mut self.ready)
            .iter()
            .map(|r| r.agent)
            .collect();
        let resting = std::mem::take(&mut self.resting);
        let parked = std::mem::take(&mut self.parked);
        let setup = Arc::new(self.setup.extended(std::slice::from_ref(by)));
        self.setup = setup.clone();
        self.wave_open.resize(setup.wave_sizes.len(), 0);
        self.usage.grow(&setup);
        self.agents.extend(by.agents.iter().map(|_| AgentState {
            since_us: now,
            ..AgentState::default()
        }));
        for ix in ready {
            self.enlist(ix);
        }
        self.resting = resting.iter().map(|r| self.rank(r.agent)).collect();
        self.parked = parked.iter().map(|r| self.rank(r.agent)).collect();
        for ix in by.indices() {
            self.awaits(&setup, ix);
            let children = u32::try_from(setup.children[ix.ix()].len()).unwrap_or(u32::MAX);
            self.agents[ix.ix()].children_open = children;
        }
        for ix in by.indices() {
            self.recount(ix);
            // Who failed may have somebody now who takes care of that.
            self.note_handled(ix);
        }
        self.hand_over_again();
        self.added.push(by.clone());
    }

    /// Returns the cohorts of waves whose gates have passed, by name.
    pub(in crate::engine) fn passed_waves(&self) -> Vec<String> {
        use crate::engine::{CohortKind, PhaseStatus};
        let cohorts = self.setup.cohorts.iter().enumerate();
        let passed = cohorts.filter(|(i, cohort)| {
            let status = self.cohorts[CohortIx::of(*i).ix()].status;
            matches!(cohort.kind, CohortKind::Wave(_)) && status == PhaseStatus::Completed
        });
        passed.map(|(_, cohort)| cohort.name.clone()).collect()
    }
}
