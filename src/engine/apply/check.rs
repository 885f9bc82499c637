//! Check commands of agents and gates of phases: where they stand and what they hold.

use crate::plan::AgentIx;

use crate::engine::{CheckPlace, CheckRun, Ending, Owner, State, Status, state::pack};

impl State {
    /// Gives the slot of an agent's checks back.
    pub(super) fn leave_check(&mut self, ix: AgentIx) {
        if self.agent(ix).status == Status::Checking {
            let setup = self.setup.clone();
            self.usage.slot(&setup, ix, 0, false);
            self.checks_pending.remove(&pack(Owner::Agent(ix)));
            self.agents[ix.ix()].check = None;
        }
    }

    /// Finds whom a check belongs to.
    #[must_use]
    pub fn owner(&self, place: &CheckPlace) -> Option<Owner> {
        match (&place.agent, &place.phase) {
            (Some(agent), _) => self.find(agent).map(Owner::Agent),
            (None, Some(phase)) => self.phase_ix(phase).map(Owner::Phase),
            (None, None) => None,
        }
    }

    pub(super) fn with_check(&mut self, owner: Owner, change: impl FnOnce(&mut CheckRun)) {
        let check = match owner {
            Owner::Agent(ix) => self.agents[ix.ix()].check.as_mut(),
            Owner::Phase(ix) => self.phases[ix.ix()].check.as_mut(),
        };
        if let Some(check) = check {
            change(check);
        }
    }

    pub(super) fn book_check(&mut self, owner: Owner, ram_bytes: u64, take: bool) {
        match owner {
            Owner::Agent(_) => self.usage.check(ram_bytes, take),
            Owner::Phase(_) => self.usage.phase_check(ram_bytes, take),
        }
    }
}

pub(super) fn forget_stop(check: Option<&mut CheckRun>) {
    if let Some(check) = check {
        check.ending.take_if(|ending| *ending == Ending::RunStop);
    }
}

pub(super) fn end_check(check: Option<&mut CheckRun>, ending: Ending) {
    if let Some(check) = check {
        check.ending.get_or_insert(ending);
    }
}
