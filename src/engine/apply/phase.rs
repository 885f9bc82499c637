//! Phases: their agents' ends, their gates, and being opened again.

use crate::plan::PhaseIx;

use crate::engine::{Ending, Owner, PhaseState, PhaseStatus, State, state::pack};

impl State {
    pub(super) fn reopen_phase(&mut self, phase: PhaseIx) {
        self.phases_due.remove(&phase);
        let p = &mut self.phases[phase.ix()];
        if let Some(check) = &mut p.check {
            if check.is_live() {
                check.ending.get_or_insert(Ending::Reopened);
                return;
            }
            p.status = PhaseStatus::Running;
            p.since_us = self.elapsed_us;
            self.unschedule_check(Owner::Phase(phase));
            self.settling.remove(&pack(Owner::Phase(phase)));
            self.phases[phase.ix()].check = None;
        }
        let p = &mut self.phases[phase.ix()];
        if matches!(p.status, PhaseStatus::Failed | PhaseStatus::Completed) {
            p.status = PhaseStatus::Running;
            p.since_us = self.elapsed_us;
            p.reason = None;
            p.gate_red = false;
        }
        self.note_phase(phase);
    }

    pub(super) fn with_phase(&mut self, id: &str, change: impl FnOnce(&mut PhaseState)) {
        if let Some(ix) = self.phase_ix(id) {
            change(&mut self.phases[ix.ix()]);
        }
    }

    /// Finds a phase by id.
    #[must_use]
    pub fn phase_ix(&self, id: &str) -> Option<PhaseIx> {
        self.setup
            .plan
            .phases
            .iter()
            .position(|p| p.id == id)
            .map(PhaseIx::of)
    }

    /// Its gates come later, anew: an agent of it is tried again.
    pub(super) fn phase_reopened(&mut self, id: &str, now: u64) {
        let Some(ix) = self.phase_ix(id) else { return };
        self.settling.remove(&pack(Owner::Phase(ix)));
        self.unschedule_check(Owner::Phase(ix));
        self.phases[ix.ix()].status = PhaseStatus::Running;
        self.phases[ix.ix()].since_us = now;
        self.phases[ix.ix()].check = None;
        self.note_phase(ix);
    }

    pub(super) fn phase_checking(&mut self, id: &str, attempt: u32, now: u64) {
        let Some(ix) = self.phase_ix(id) else { return };
        self.phases_due.remove(&ix);
        let check = self.new_round(Owner::Phase(ix), (attempt, 1), now);
        let phase = &mut self.phases[ix.ix()];
        phase.status = PhaseStatus::Checking;
        phase.attempt = attempt;
        phase.gate_red = false;
        phase.reason = None;
        phase.check = Some(check);
        phase.since_us = now;
        self.queue_check(Owner::Phase(ix));
        self.note_phase(ix);
    }

    pub(super) fn close_phase(
        &mut self,
        id: &str,
        status: PhaseStatus,
        reason: Option<String>,
        now: u64,
    ) {
        let Some(ix) = self.phase_ix(id) else { return };
        self.phases_due.remove(&ix);
        self.settling.remove(&pack(Owner::Phase(ix)));
        self.unschedule_check(Owner::Phase(ix));
        let stopping = self.stopping.is_some();
        let phase = &mut self.phases[ix.ix()];
        // It came as far as its gates, so it is they that failed.
        phase.gate_red =
            status == PhaseStatus::Failed && phase.status == PhaseStatus::Checking && !stopping;
        phase.status = status;
        phase.reason = reason;
        phase.check = None;
        phase.hold = None;
        phase.since_us = now;
        self.note_phase(ix);
    }
}
