//! `State::apply`: the only mutation of a run's state.
//!
//! Cannot fail: an event about something unknown (a journal of a newer version, a damaged prefix)
//! changes only the sequence number and the clock. Must not decide, and never looks at time,
//! configuration or the system: everything it needs is in the event.

mod action;
mod agent;
mod check;
mod needs;
mod phase;

use super::{
    Ending, Event, JobState, Memory, Owner, PhaseStatus, Record, State, StoppedBy, state::pack,
};
use check::{end_check, forget_stop};

impl State {
    /// Carries out one event.
    pub fn apply(&mut self, record: &Record) {
        self.seq = record.seq;
        self.at_ms = record.at_ms;
        let elapsed = record.elapsed_us.max(self.elapsed_us);
        if self.moving > 0 {
            let past = elapsed - self.counted_us;
            self.busy_us += past;
            self.work_us += past * u64::from(self.moving);
        }
        self.counted_us = elapsed;
        self.elapsed_us = elapsed;
        self.apply_event(&record.event, elapsed);
        self.peak_agents = self.peak_agents.max(self.usage.agents);
        self.peak_reserved_bytes = self.peak_reserved_bytes.max(self.usage.ram_bytes);
    }

    fn apply_event(&mut self, event: &Event, now: u64) {
        match event {
            Event::RunStarted {
                run, mode, boot_id, ..
            } => {
                self.run.clone_from(run);
                self.boot_id.clone_from(boot_id);
                self.started_ms = self.at_ms;
                self.mode = *mode;
            }
            Event::RunResumed {
                interrupted,
                boot_id,
                ..
            } => {
                self.boot_id.clone_from(boot_id);
                self.stopping = None;
                self.degraded = None;
                // Whoever goes on with the run takes its stop back; nothing of it may linger.
                for agent in &mut self.agents {
                    if let Some(live) = &mut agent.live {
                        live.ending.take_if(|ending| *ending == Ending::RunStop);
                    }
                    forget_stop(agent.check.as_mut());
                }
                for phase in &mut self.phases {
                    forget_stop(phase.check.as_mut());
                }
                for seen in interrupted {
                    if let Some(ix) = self.find(&seen.agent) {
                        let agent = &mut self.agents[ix.ix()];
                        agent.attempt = agent.attempt.max(seen.attempt);
                    }
                }
            }
            Event::RunStopped { by } => {
                self.stopping = Some(by.clone());
                for agent in &mut self.agents {
                    if let Some(live) = &mut agent.live {
                        live.ending.get_or_insert(Ending::RunStop);
                    }
                    end_check(agent.check.as_mut(), Ending::RunStop);
                }
                for phase in &mut self.phases {
                    end_check(phase.check.as_mut(), Ending::RunStop);
                }
            }
            Event::RunDegraded { error } => self.degraded.clone_from(error),
            Event::RunFinished {
                status, summary, ..
            } => {
                self.finished = Some(*status);
                self.summary = Some(summary.clone());
            }
            Event::OperatorAction { action, agents, .. } => self.apply_action(action, agents),
            Event::ModeChanged { to, agents_cap, .. } => {
                self.mode = *to;
                self.agents_cap = *agents_cap;
                self.ready = self.ready.iter().map(|r| self.rank(r.agent)).collect();
                self.resting = self.resting.iter().map(|r| self.rank(r.agent)).collect();
            }
            Event::PhaseStarted { phase } => {
                self.with_phase(phase, |p| p.status = PhaseStatus::Running);
            }
            Event::PhaseChecking { phase, attempt } => {
                self.apply_phase_checking(phase, *attempt, now);
            }
            Event::PhaseReopened { phase } => {
                if let Some(ix) = self.phase_ix(phase) {
                    self.settling.remove(&pack(Owner::Phase(ix)));
                    self.phases[ix.ix()].status = PhaseStatus::Running;
                    self.phases[ix.ix()].check = None;
                }
            }
            Event::PhaseCompleted { phase } => {
                self.close_phase(phase, PhaseStatus::Completed, None);
            }
            Event::PhaseFailed { phase, reason } => {
                self.close_phase(phase, PhaseStatus::Failed, Some(reason.clone()));
            }
            Event::WaveCompleted { wave } => {
                self.waves_due.remove(wave);
                self.waves_done.insert(*wave);
            }
            Event::CheckpointMade { .. }
            | Event::GatePassed { .. }
            | Event::ProcessTrouble { .. } => {}
            Event::ZoneChanged { to, halted, .. } => {
                self.memory = Memory {
                    zone: *to,
                    halted: *halted,
                }
            }
            Event::CheckQueued { place } => {
                if let Some(owner) = self.owner(place) {
                    self.settling.remove(&pack(owner));
                    self.checks_pending.insert(pack(owner));
                    self.with_check(owner, |check| {
                        check.step = place.step;
                        check.job = JobState::Pending;
                        check.since_us = now;
                    });
                }
            }
            Event::CheckScheduled {
                place, ram_bytes, ..
            } => {
                if let Some(owner) = self.owner(place) {
                    self.checks_pending.remove(&pack(owner));
                    self.book_check(owner, *ram_bytes, true);
                    self.processes += 1;
                    self.with_check(owner, |check| {
                        check.job = JobState::Scheduled;
                        check.since_us = now;
                    });
                }
            }
            Event::CheckStarted { place, handle } => {
                if let Some(owner) = self.owner(place) {
                    self.with_check(owner, |check| {
                        check.job = JobState::Running(handle.clone());
                        check.since_us = now;
                    });
                }
            }
            Event::CheckEnded { place, exit, .. } => {
                if let Some(owner) = self.owner(place) {
                    let ram = self
                        .checks_of(owner)
                        .get(place.step as usize)
                        .map_or(0, |step| step.ram_bytes);
                    self.book_check(owner, ram, false);
                    self.processes = self.processes.saturating_sub(1);
                    self.settling.insert(pack(owner));
                    self.with_check(owner, |check| {
                        check.job = JobState::Ended(exit.clone());
                        check.since_us = now;
                    });
                }
            }
            Event::GateFailed { place, .. } => {
                self.red_checks += 1;
                if let Some(phase) = &place.phase {
                    self.with_phase(phase, |p| p.gate_red = true);
                }
            }
            _ => {
                if let Some(ix) = event.agent().and_then(|id| self.find(id)) {
                    self.apply_agent(ix, event, now);
                }
            }
        }
    }

    /// Returns whether the run was stopped by the loss of its guard.
    #[must_use]
    pub fn guard_lost(&self) -> bool {
        self.stopping == Some(StoppedBy::GuardLost)
    }
}
