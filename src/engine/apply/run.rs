//! What concerns the whole run: its stop, its going on after a crash, its mode.

use crate::{
    engine::{Ending, Interruption, State, StoppedBy},
    plan::Mode,
};

use super::check::{end_check, forget_stop};

impl State {
    /// The runner began anew. A stop that a person or a signal asked for stays one: no decision is
    /// lost by a crash. That the guard died was nobody's decision: whoever resumes takes it back.
    pub(super) fn resumed(&mut self, boot_id: &str, interrupted: &[Interruption]) {
        boot_id.clone_into(&mut self.boot_id);
        self.degraded = None;
        if self.guard_lost() {
            self.stopping = None;
            for agent in &mut self.agents {
                if let Some(live) = &mut agent.live {
                    live.ending.take_if(|ending| *ending == Ending::RunStop);
                }
                forget_stop(agent.check.as_mut());
            }
            for gates in self.phases.iter_mut().chain(&mut self.cohorts) {
                forget_stop(gates.check.as_mut());
            }
        }
        for seen in interrupted {
            self.on(&seen.agent, |s, ix| {
                let agent = &mut s.agents[ix.ix()];
                agent.attempt = agent.attempt.max(seen.attempt);
            });
        }
    }

    pub(super) fn stop(&mut self, by: &StoppedBy) {
        self.stopping = Some(by.clone());
        for agent in &mut self.agents {
            if let Some(live) = &mut agent.live {
                live.ending.get_or_insert(Ending::RunStop);
            }
            end_check(agent.check.as_mut(), Ending::RunStop);
        }
        for gates in self.phases.iter_mut().chain(&mut self.cohorts) {
            end_check(gates.check.as_mut(), Ending::RunStop);
        }
    }

    pub(super) fn change_mode(&mut self, to: Mode, agents_cap: u32) {
        self.mode = to;
        self.agents_cap = agents_cap;
        let ready = std::mem::take(&mut self.ready);
        for rank in ready.iter() {
            self.enlist(rank.agent);
        }
        self.note_failed_phases();
        self.resting = self.resting.iter().map(|r| self.rank(r.agent)).collect();
        self.parked = self.parked.iter().map(|r| self.rank(r.agent)).collect();
    }

    /// Returns whether the run was stopped by the loss of its guard.
    #[must_use]
    pub fn guard_lost(&self) -> bool {
        self.stopping == Some(StoppedBy::GuardLost)
    }
}
