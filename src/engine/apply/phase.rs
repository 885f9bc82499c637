//! Gates over more than one agent, of phases and of cohorts: their agents' ends, their checks,
//! and being opened again.

use crate::plan::{AgentIx, PhaseIx};

use crate::engine::{
    Ending, Owner, PhaseState, PhaseStatus, State,
    state::{pack, place_of},
};

impl State {
    /// An agent of them is tried again: whatever was judged is judged anew.
    pub(super) fn reopen_gates(&mut self, owner: Owner) {
        let now = self.elapsed_us;
        self.gates_due.remove(&pack(owner));
        let Some(gates) = self.gates_mut(owner) else {
            return;
        };
        if let Some(check) = &mut gates.check {
            if check.is_live() {
                check.ending.get_or_insert(Ending::Reopened);
                return;
            }
            gates.status = PhaseStatus::Running;
            gates.since_us = now;
            gates.check = None;
            self.unschedule_check(owner);
            self.settling.remove(&pack(owner));
        }
        let Some(gates) = self.gates_mut(owner) else {
            return;
        };
        let had_passed = gates.status == PhaseStatus::Completed;
        if matches!(gates.status, PhaseStatus::Failed | PhaseStatus::Completed) {
            gates.status = PhaseStatus::Running;
            gates.since_us = now;
            gates.reason = None;
            gates.gate_red = false;
        }
        self.note_gates(owner);
        if had_passed {
            self.recount_closed(owner);
        }
    }

    /// The failure of an agent may have been taken care of by now: gates that were never asked because
    /// of it, and of it alone, are.
    pub(super) fn judge_again(&mut self, ix: AgentIx) {
        let phase = self.setup.plan.agent(ix).phase.map(Owner::Phase);
        let cohorts = self.setup.cohorts_of[ix.ix()].iter();
        let owners = phase.into_iter().chain(cohorts.map(|&c| Owner::Cohort(c)));
        for owner in owners.collect::<Vec<_>>() {
            let failed = self.gates_of(owner).is_some_and(|gates| {
                gates.status == PhaseStatus::Failed && !gates.gate_red && gates.open == 0
            });
            if failed && self.stopping.is_none() && self.lost_of(owner).next().is_none() {
                self.gates_due.insert(pack(owner));
            }
        }
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

    /// Finds whose gates an event is about.
    pub(super) fn gated(&self, phase: Option<&str>, cohort: Option<&str>) -> Option<Owner> {
        match phase {
            Some(id) => self.phase_ix(id).map(Owner::Phase),
            None => self.setup.cohort_ix(cohort?).map(Owner::Cohort),
        }
    }

    /// Their gates come later, anew: an agent of them is tried again.
    pub(super) fn gates_reopened(&mut self, owner: Option<Owner>, now: u64) {
        let Some(owner) = owner else { return };
        self.settling.remove(&pack(owner));
        self.unschedule_check(owner);
        if let Some(gates) = self.gates_mut(owner) {
            gates.status = PhaseStatus::Running;
            gates.since_us = now;
            gates.check = None;
        }
        self.note_gates(owner);
    }

    pub(super) fn gates_checking(&mut self, owner: Option<Owner>, attempt: u32, now: u64) {
        let Some(owner) = owner else { return };
        self.gates_due.remove(&pack(owner));
        self.hand_over_again();
        let check = self.new_round(owner, (attempt, 1), now);
        let Some(gates) = self.gates_mut(owner) else {
            return;
        };
        gates.status = PhaseStatus::Checking;
        gates.attempt = attempt;
        gates.gate_red = false;
        gates.reason = None;
        gates.check = Some(check);
        gates.since_us = now;
        self.queue_check(owner);
        self.note_gates(owner);
    }

    pub(super) fn close_gates(
        &mut self,
        owner: Option<Owner>,
        status: PhaseStatus,
        reason: Option<String>,
        now: u64,
    ) {
        let Some(owner) = owner else { return };
        self.gates_due.remove(&pack(owner));
        self.settling.remove(&pack(owner));
        self.unschedule_check(owner);
        let stopping = self.stopping.is_some();
        let Some(gates) = self.gates_mut(owner) else {
            return;
        };
        // It came as far as its gates, so it is they that failed.
        gates.gate_red =
            status == PhaseStatus::Failed && gates.status == PhaseStatus::Checking && !stopping;
        gates.status = status;
        gates.reason = reason;
        gates.check = None;
        gates.hold = None;
        gates.since_us = now;
        self.note_gates(owner);
        if status == PhaseStatus::Completed {
            self.recount_closed(owner);
        }
    }

    /// Who waits for the gates of a cohort may go, or has to wait again.
    fn recount_closed(&mut self, owner: Owner) {
        if let Owner::Cohort(cohort) = owner {
            for &ix in &self.setup.clone().cohorts[cohort.ix()].closes {
                self.recount(ix);
            }
        }
    }

    /// Do the gates wait for a person now, or no longer?
    pub(super) fn note_gates(&mut self, owner: Owner) {
        let key = place_of(Some(owner));
        let failed = (self.gates_of(owner)).is_some_and(|g| g.status == PhaseStatus::Failed);
        if failed || self.attention.open.contains_key(&key) {
            self.attention.due.insert(key);
        }
    }
}
