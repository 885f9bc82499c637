//! Check commands of agents and gates of phases: where they stand and what they hold.
//!
//! A command that moves holds a slot and its memory; a frozen one its memory; one that waits, or
//! has ended, nothing.

use crate::plan::AgentIx;

use crate::engine::{
    Cause, CheckPlace, CheckRun, Compared, Ending, Exit, Handle, HoldBy, JobState, Judged, OnBase,
    Owner, PhaseState, Purpose, State,
    state::{Due, Red, pack},
};

impl State {
    /// Takes an agent out of its checks.
    pub(super) fn leave_check(&mut self, ix: AgentIx) {
        self.unschedule_check(Owner::Agent(ix));
        self.agents[ix.ix()].check = None;
    }

    /// Makes the first command of a round. Whoever is judged anew may find a checkout that could not
    /// be made before.
    pub(super) fn new_round(
        &mut self,
        owner: Owner,
        (attempt, round): (u32, u32),
        now: u64,
    ) -> CheckRun {
        let steps = u32::try_from(self.steps_now(owner).len()).unwrap_or(u32::MAX);
        let checkout = &mut self.merges.checkout;
        checkout.take_if(|checkout| checkout.error.is_some());
        self.merges.base.take_if(|base| base.error.is_some());
        CheckRun {
            after: self.merges.count(),
            ..CheckRun::new(attempt, round, steps, now)
        }
    }

    /// Removes an owner's check from every list.
    pub(super) fn unschedule_check(&mut self, owner: Owner) {
        self.checks_pending.remove(&pack(owner));
        self.checks_resting.remove(&pack(owner));
        self.disarm_check(owner);
    }

    /// Finds whom a check belongs to.
    #[must_use]
    pub fn owner(&self, place: &CheckPlace) -> Option<Owner> {
        let cohort = || {
            self.setup
                .cohort_ix(place.cohort.as_deref()?)
                .map(Owner::Cohort)
        };
        match (&place.agent, &place.phase) {
            (Some(agent), _) => self.find(agent).map(Owner::Agent),
            (None, Some(phase)) => self.phase_ix(phase).map(Owner::Phase),
            (None, None) => cohort(),
        }
    }

    /// Carries a change to the check that a place names out, where there is one.
    fn with_check(
        &mut self,
        place: &CheckPlace,
        change: impl FnOnce(&mut CheckRun),
    ) -> Option<Owner> {
        let owner = self.owner(place)?;
        change(self.check_mut(owner)?);
        Some(owner)
    }

    pub(super) fn check_mut(&mut self, owner: Owner) -> Option<&mut CheckRun> {
        match owner {
            Owner::Agent(ix) => self.agents[ix.ix()].check.as_mut(),
            Owner::Phase(_) | Owner::Cohort(_) => self.gates_mut(owner)?.check.as_mut(),
        }
    }

    /// Where the gates of a phase or of a cohort stand.
    pub(super) fn gates_mut(&mut self, owner: Owner) -> Option<&mut PhaseState> {
        match owner {
            Owner::Agent(_) => None,
            Owner::Phase(ix) => self.phases.get_mut(ix.ix()),
            Owner::Cohort(ix) => self.cohorts.get_mut(ix.ix()),
        }
    }

    pub(super) fn hold_owner(&mut self, owner: Owner, hold: Option<HoldBy>) {
        if let Owner::Agent(ix) = owner {
            self.hold(ix, hold);
        } else if let Some(gates) = self.gates_mut(owner) {
            gates.hold = hold;
        }
    }

    pub(super) fn check_queued(&mut self, place: &CheckPlace, now: u64) {
        let queued = self.with_check(place, |check| {
            purpose(check, place);
            check.step = place.step;
            check.round = place.round;
            check.job = JobState::Pending;
            check.since_us = now;
            check.clock_us = 0;
        });
        let Some(owner) = queued else { return };
        self.settling.remove(&pack(owner));
        self.queue_check(owner);
        if let Owner::Agent(ix) = owner {
            let agent = &mut self.agents[ix.ix()];
            agent.check_rounds = agent.check_rounds.max(place.round);
        }
    }

    pub(super) fn check_scheduled(&mut self, place: &CheckPlace, now: u64) {
        let base = match (place.purpose, &mut self.merges.base) {
            (Purpose::Base, Some(base)) if base.free() => {
                base.taken = true;
                Some((base.path.clone(), base.number))
            }
            _ => None,
        };
        let judges = |owner: &Owner| place.purpose != Purpose::Base && self.on_head(*owner);
        let path = self.owner(place).filter(judges);
        let path = path
            .and_then(|owner| self.checkout_for(owner))
            .map(|path| (path.to_owned(), 0));
        let scheduled = self.with_check(place, |check| {
            (check.path, check.base) = base.or(path).unwrap_or_default();
            check.job = JobState::Scheduled;
            check.since_us = now;
        });
        let Some(owner) = scheduled else { return };
        self.checks_pending.remove(&pack(owner));
        self.check_slot(owner, true);
        self.usage.ram(self.check_ram(owner, place.step), true);
        self.processes += 1;
    }

    pub(super) fn check_started(&mut self, place: &CheckPlace, handle: &Handle, now: u64) {
        let started = self.with_check(place, |check| {
            check.job = JobState::Running(handle.clone());
            check.since_us = now;
            check.clock_from_us = now;
        });
        if let Some(owner) = started {
            self.arm_check(owner, now);
        }
    }

    pub(super) fn check_timed_out(&mut self, place: &CheckPlace) {
        let over = self.with_check(place, |check| {
            check.ending.get_or_insert(Ending::Timeout);
        });
        if let Some(owner) = over {
            self.disarm_check(owner);
        }
    }

    pub(super) fn check_frozen(&mut self, place: &CheckPlace, cause: Cause, now: u64) {
        let mut moved = false;
        let frozen = self.with_check(place, |check| {
            moved = check.holds_slot();
            check.clock_us += now.saturating_sub(check.clock_from_us);
            check.frozen = true;
        });
        let Some(owner) = frozen else { return };
        self.disarm_check(owner);
        if moved {
            self.check_slot(owner, false);
        }
        if cause == Cause::KillSwitch {
            self.hold_owner(owner, Some(HoldBy::Rule));
            self.checks_resting.insert(pack(owner));
        } else {
            self.hold_owner(owner, Some(HoldBy::Operator));
        }
    }

    pub(super) fn check_thawed(&mut self, place: &CheckPlace, now: u64) {
        let thawed = self.with_check(place, |check| {
            check.frozen = false;
            check.clock_from_us = now;
        });
        let Some(owner) = thawed else { return };
        self.checks_resting.remove(&pack(owner));
        self.hold_owner(owner, None);
        self.check_slot(owner, true);
        self.arm_check(owner, now);
    }

    pub(super) fn check_ended(&mut self, place: &CheckPlace, exit: &Exit, now: u64) {
        self.note_verdict(place, exit);
        let mut moved = false;
        let ended = self.with_check(place, |check| {
            moved = check.holds_slot();
            check.job = JobState::Ended(exit.clone());
            check.since_us = now;
            check.frozen = false;
        });
        let Some(owner) = ended else { return };
        self.unschedule_check(owner);
        if moved {
            self.check_slot(owner, false);
        }
        self.usage.ram(self.check_ram(owner, place.step), false);
        self.processes = self.processes.saturating_sub(1);
        self.settling.insert(pack(owner));
        if self.hold_of(owner) == Some(HoldBy::Rule) {
            self.hold_owner(owner, None);
        }
        if let Owner::Agent(ix) = owner {
            // What it needs may be open again by now.
            self.await_needs(ix);
        }
    }

    /// A command has judged: it is flaky where it came out differently on the same files.
    fn note_verdict(&mut self, place: &CheckPlace, exit: &Exit) {
        let Some(owner) = self.owner(place) else {
            return;
        };
        let judges = place.purpose != Purpose::Base
            && matches!(exit, Exit::Code(_) | Exit::Signal { .. })
            && self.check_of(owner).is_some_and(|c| c.ending.is_none());
        if !judges {
            return;
        }
        let (step, green) = (place.step, exit.ok());
        let on = self.judged_on(owner).map(str::to_owned);
        let mut flaky = place.purpose == Purpose::Repeat && green;
        if let Some(on) = on {
            let known = match owner {
                Owner::Agent(ix) => Some(&mut self.agents[ix.ix()].judged),
                Owner::Phase(_) | Owner::Cohort(_) => {
                    self.gates_mut(owner).map(|gates| &mut gates.judged)
                }
            };
            let Some(known) = known else { return };
            match known.iter_mut().find(|known| known.step == step) {
                Some(known) => {
                    flaky |= known.on == on && known.green != green;
                    (known.on, known.green) = (on, green);
                }
                None => known.push(Judged { step, on, green }),
            }
        }
        if let Some(check) = self.check_mut(owner) {
            check.flaky |= flaky;
        }
    }

    pub(super) fn gate_passed(&mut self, place: &CheckPlace) {
        self.with_check(place, |check| check.flaky = false);
    }

    pub(super) fn gate_failed(&mut self, place: &CheckPlace, base: Option<&OnBase>) {
        self.red_checks += 1;
        self.note_compared(place, base);
        let red_gate = Some(place.gate.clone());
        match self.owner(place) {
            Some(Owner::Agent(ix)) => self.agents[ix.ix()].red_gate = red_gate,
            Some(owner) => {
                if let Some(gates) = self.gates_mut(owner) {
                    gates.red_gate = red_gate;
                }
            }
            None => {}
        }
    }

    /// A command was compared with the base: what came of it holds for the whole run.
    fn note_compared(&mut self, place: &CheckPlace, base: Option<&OnBase>) {
        let Some(on_base) = base.filter(|base| base.red.is_some()) else {
            return;
        };
        let steps = self.owner(place).map(|owner| self.checks_of(owner));
        let argv = steps.and_then(|steps| Some(steps.get(place.step as usize)?.argv.to_vec()));
        if let Some(argv) = argv.filter(|argv| self.compared(argv).is_none()) {
            let on_base = on_base.clone();
            self.merges.compared.push(Compared { argv, on_base });
        }
    }

    fn check_ram(&self, owner: Owner, step: u32) -> u64 {
        let steps = self.checks_of(owner);
        steps.get(step as usize).map_or(0, |step| step.ram_bytes)
    }

    fn check_slot(&mut self, owner: Owner, take: bool) {
        match owner {
            Owner::Agent(ix) => {
                let setup = self.setup.clone();
                self.usage.slot(&setup, ix, 0, take);
            }
            Owner::Phase(_) | Owner::Cohort(_) => self.usage.bare_slot(take),
        }
    }

    /// Puts the end of the time limit of a running check command on the list.
    fn arm_check(&mut self, owner: Owner, now: u64) {
        let limit = self.setup.check_limit_us(owner);
        let Some(check) = self.check_mut(owner) else {
            return;
        };
        if check.ending.is_none() {
            let at_us = now.saturating_add(limit.saturating_sub(check.clock_us));
            check.until_us = at_us;
            self.due.insert(Due { at_us, owner });
        }
    }

    fn disarm_check(&mut self, owner: Owner) {
        if let Some(check) = self.check_of(owner) {
            let at_us = check.until_us;
            self.due.remove(&Due { at_us, owner });
        }
    }
}

/// Why the next command runs, and what of the one before counts for it.
fn purpose(check: &mut CheckRun, next: &CheckPlace) {
    let cut = check.ending.take_if(|ending| *ending == Ending::Preempted);
    let over = match &check.job {
        JobState::Ended(exit) if *exit != Exit::Interrupted && cut.is_none() => Some(exit.clone()),
        _ => None,
    };
    match next.purpose {
        Purpose::Judge => check.repeats = 0,
        Purpose::Repeat => check.repeats += u32::from(over.is_some()),
        Purpose::Base if check.purpose == Purpose::Base => {}
        Purpose::Base => {
            check.red = over.map(|exit| Red {
                round: check.round,
                exit,
            });
        }
    }
    check.purpose = next.purpose;
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
