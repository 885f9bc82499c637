//! `State::apply`: the only mutation of a run's state.
//!
//! Cannot fail: an event about something unknown (a journal of a newer version, a damaged prefix)
//! changes only the sequence number and the clock. Must not decide, and never looks at time,
//! configuration or the system: everything it needs is in the event.

mod action;
mod agent;
mod attention;
mod check;
mod conflict;
mod extended;
mod lease;
mod memory;
mod merging;
mod model;
mod needs;
mod phase;
mod process;
mod run;
mod spending;
mod talk;
mod work;

pub(super) use model::model_effects;
pub(super) use work::{work_again, work_effects};

use crate::plan::{AgentId, AgentIx};

use super::{AttemptEnd, Event, PhaseStatus, Record, Said, State, Status};

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

    /// Carries a change to an agent out, where there is such an agent.
    fn on(&mut self, agent: &AgentId, change: impl FnOnce(&mut Self, AgentIx)) {
        if let Some(ix) = self.find(agent) {
            change(self, ix);
        }
    }

    /// Names every kind: one that changed nothing by mistake would come again without end.
    fn apply_event(&mut self, event: &Event, now: u64) {
        match event {
            Event::RunStarted {
                run,
                mode,
                boot_id,
                base_commit,
                ..
            } => {
                self.base_commit.clone_from(base_commit);
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
                self.resumed(boot_id, interrupted);
                self.models_resumed();
            }
            Event::RunStopped { by } => self.stop(by),
            Event::RunDegraded { error } => self.degraded.clone_from(error),
            Event::RunFinished {
                status, summary, ..
            } => {
                self.finished = Some(*status);
                self.summary = Some(summary.clone());
            }
            Event::OperatorAction {
                by,
                action,
                agents,
                phases,
                cohorts,
            } => self.apply_action(by, action, agents, (phases, cohorts)),
            Event::ModeChanged { to, agents_cap, .. } => self.change_mode(*to, *agents_cap),
            Event::WaveCompleted { wave } => {
                self.waves_due.remove(wave);
                self.waves_done.insert(*wave);
            }
            Event::CheckpointMade { wave, commit } => self.checkpoint(*wave, commit.as_ref()),
            Event::Work(work) => self.work(work, now),
            Event::Talk(talk) => self.talk(talk, now),
            Event::Lease(lease) => self.lease_event(lease, now),
            Event::Model(model) => self.model_event(model, now),
            Event::Measure(measure) => self.measured(measure),
            // Marks for readers; nothing follows from them.
            Event::ProcessTrouble { .. } => {}
            Event::GatePassed { place, .. } => self.gate_passed(place),
            Event::ZoneChanged { to, halted, .. } => self.zone_changed(*to, *halted, now),
            Event::Memory(memory) => self.memory(memory, now),
            Event::PhaseStarted { phase } => {
                self.with_phase(phase, |p| {
                    p.status = PhaseStatus::Running;
                    p.since_us = now;
                });
            }
            Event::PhaseChecking { phase, attempt } => {
                self.gates_checking(self.gated(Some(phase), None), *attempt, now);
            }
            Event::CohortChecking { cohort, attempt } => {
                self.gates_checking(self.gated(None, Some(cohort)), *attempt, now);
            }
            Event::PhaseReopened { phase } => {
                self.gates_reopened(self.gated(Some(phase), None), now);
            }
            Event::CohortReopened { cohort } => {
                self.gates_reopened(self.gated(None, Some(cohort)), now);
            }
            Event::PhaseCompleted { phase } => {
                let owner = self.gated(Some(phase), None);
                self.close_gates(owner, PhaseStatus::Completed, None, now);
            }
            Event::CohortCompleted { cohort } => {
                let owner = self.gated(None, Some(cohort));
                self.close_gates(owner, PhaseStatus::Completed, None, now);
            }
            Event::PhaseFailed { phase, reason } => {
                let owner = self.gated(Some(phase), None);
                self.close_gates(owner, PhaseStatus::Failed, Some(reason.clone()), now);
            }
            Event::CohortFailed { cohort, reason } => {
                let owner = self.gated(None, Some(cohort));
                self.close_gates(owner, PhaseStatus::Failed, Some(reason.clone()), now);
            }
            Event::CheckQueued { place } => self.check_queued(place, now),
            Event::CheckScheduled { place, .. } => self.check_scheduled(place, now),
            Event::CheckStarted { place, handle } => self.check_started(place, handle, now),
            Event::CheckEnded { place, exit, .. } => self.check_ended(place, exit, now),
            Event::CheckTimeout { place, .. } => self.check_timed_out(place),
            Event::CheckFrozen { place, cause } => self.check_frozen(place, *cause, now),
            Event::CheckThawed { place, .. } => self.check_thawed(place, now),
            Event::GateFailed { place, base, .. } => self.gate_failed(place, base.as_ref()),
            Event::AttentionRaised(raised) => self.attention_raised(raised),
            Event::AttentionAnswered(answered) => self.attention_answered(answered, now),
            Event::AgentReady { agent } => self.on(agent, |s, ix| s.became_ready(ix, now)),
            Event::AgentSkipped {
                agent,
                reason,
                by_condition,
            } => self.on(agent, |s, ix| s.skipped(ix, reason, *by_condition, now)),
            Event::AgentScheduled {
                agent,
                attempt,
                mode,
                ram_bytes,
                ..
            } => self.on(agent, |s, ix| {
                s.scheduled(ix, (*attempt, *mode), *ram_bytes, now);
                s.model_wanted(ix);
            }),
            Event::AgentStarted { agent, handle, .. } => {
                self.on(agent, |s, ix| s.started(ix, handle, now));
            }
            Event::AgentQuiet { agent, quiet, .. } => {
                self.on(agent, |s, ix| s.agents[ix.ix()].quiet = *quiet);
            }
            Event::AgentProgress(report) => self.on(&report.agent, |s, ix| {
                Said::take(&mut s.agents[ix.ix()].said, report, s.at_ms, now);
            }),
            Event::AgentTimeout { agent, .. } => self.on(agent, Self::timed_out),
            Event::AttemptEnded {
                agent,
                attempt,
                exit,
                peak_bytes,
                leaked,
                present,
                handoff,
                ..
            } => self.on(agent, |s, ix| {
                s.end_attempt(ix, now, |ran_us, ending| AttemptEnd {
                    attempt: *attempt,
                    exit: exit.clone(),
                    ending,
                    ran_us,
                    peak_bytes: *peak_bytes,
                    leaked: *leaked,
                    present: present.clone(),
                    handoff: *handoff,
                });
            }),
            Event::AgentRetrying {
                agent,
                cause,
                delay_us,
                reason,
                ..
            } => self.on(agent, |s, ix| {
                s.retrying(ix, *cause, *delay_us, reason, now);
            }),
            Event::AgentJoining { agent } => self.on(agent, |s, ix| s.joining(ix, now)),
            Event::AgentChecking { agent, attempt } => {
                self.on(agent, |s, ix| s.checking(ix, *attempt, now));
            }
            Event::AgentFrozen { agent, cause, .. } => {
                self.on(agent, |s, ix| s.frozen(ix, *cause, now));
            }
            Event::AgentFreezeVerified(freeze) => self.on(&freeze.agent, |s, ix| {
                s.agents[ix.ix()].frozen_tree = Some((freeze.stopped, freeze.total));
            }),
            Event::AgentPreempted(preempted) => self.on(&preempted.agent, Self::preempted),
            Event::AgentThawed { agent, .. } => self.on(agent, |s, ix| s.thawed(ix, now)),
            Event::AgentBlocked {
                agent,
                reason,
                gate,
            } => self.on(agent, |s, ix| s.blocked(ix, reason, gate.is_some(), now)),
            Event::AgentFailed {
                agent,
                failure,
                reason,
                ..
            } => self.on(agent, |s, ix| {
                s.agents[ix.ix()].reason = Some(reason.clone());
                s.agents[ix.ix()].failure = Some(*failure);
                s.judged(ix, false);
                s.finalize(ix, Status::Failed, now);
            }),
            Event::AgentStopped { agent, .. } => {
                self.on(agent, |s, ix| s.finalize(ix, Status::Stopped, now));
            }
            Event::AgentCompleted { agent, .. } => self.on(agent, |s, ix| {
                s.agents[ix.ix()].reason = None;
                s.judged(ix, true);
                s.finalize(ix, Status::Succeeded, now);
            }),
        }
    }
}
