//! What kind an event is of, whom it is about, and how urgent it is.

use crate::plan::AgentId;

use super::{Event, Level, Zone};

impl Event {
    /// Returns the contract's name of its kind, as the journal has it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::RunStarted { .. } => "run.started",
            Self::RunResumed { .. } => "run.resumed",
            Self::RunStopped { .. } => "run.stopped",
            Self::RunDegraded { .. } => "run.degraded",
            Self::RunFinished { .. } => "run.finished",
            Self::OperatorAction { .. } => "operator.action",
            Self::ModeChanged { .. } => "mode.changed",
            Self::AgentReady { .. } => "agent.ready",
            Self::AgentSkipped { .. } => "agent.skipped",
            Self::AgentScheduled { .. } => "agent.scheduled",
            Self::AgentStarted { .. } => "agent.started",
            Self::AgentQuiet { .. } => "agent.quiet",
            Self::AgentTimeout { .. } => "agent.timeout",
            Self::AttemptEnded { .. } => "attempt.ended",
            Self::AgentRetrying { .. } => "agent.retrying",
            Self::AgentJoining { .. } => "agent.joining",
            Self::AgentChecking { .. } => "agent.checking",
            Self::AgentFrozen { .. } => "agent.frozen",
            Self::ProcessTrouble { .. } => "process.trouble",
            Self::AgentFreezeVerified { .. } => "agent.freeze_verified",
            Self::AgentPreempted(_) => "agent.preempted",
            Self::AgentThawed { .. } => "agent.thawed",
            Self::AgentBlocked { .. } => "agent.blocked",
            Self::AgentFailed { .. } => "agent.failed",
            Self::AgentStopped { .. } => "agent.stopped",
            Self::AgentCompleted { .. } => "agent.completed",
            Self::CheckQueued { .. } => "check.queued",
            Self::CheckScheduled { .. } => "check.scheduled",
            Self::CheckStarted { .. } => "check.started",
            Self::CheckEnded { .. } => "check.ended",
            Self::CheckTimeout { .. } => "check.timeout",
            Self::CheckFrozen { .. } => "check.frozen",
            Self::CheckThawed { .. } => "check.thawed",
            Self::GatePassed { .. } => "gate.passed",
            Self::GateFailed { .. } => "gate.failed",
            Self::PhaseStarted { .. } => "phase.started",
            Self::PhaseChecking { .. } => "phase.checking",
            Self::PhaseReopened { .. } => "phase.reopened",
            Self::PhaseCompleted { .. } => "phase.completed",
            Self::PhaseFailed { .. } => "phase.failed",
            Self::CohortChecking { .. } => "cohort.checking",
            Self::CohortReopened { .. } => "cohort.reopened",
            Self::CohortCompleted { .. } => "cohort.completed",
            Self::CohortFailed { .. } => "cohort.failed",
            Self::WaveCompleted { .. } => "wave.completed",
            Self::CheckpointMade { .. } => "checkpoint.made",
            Self::ZoneChanged { .. } => "zone.changed",
            Self::AgentProgress(_) => "agent.progress",
            Self::AttentionRaised(_) => "attention.raised",
            Self::AttentionAnswered(_) => "attention.answered",
            Self::Work(work) => work.kind(),
            Self::Talk(talk) => talk.kind(),
            Self::Lease(lease) => lease.kind(),
            Self::Memory(memory) => memory.kind(),
            Self::Measure(measure) => measure.kind(),
        }
    }

    /// Returns the agent that the event is about.
    #[must_use]
    pub fn agent(&self) -> Option<&AgentId> {
        match self {
            Self::AgentReady { agent }
            | Self::AgentSkipped { agent, .. }
            | Self::AgentScheduled { agent, .. }
            | Self::AgentStarted { agent, .. }
            | Self::AgentQuiet { agent, .. }
            | Self::AgentTimeout { agent, .. }
            | Self::AttemptEnded { agent, .. }
            | Self::AgentRetrying { agent, .. }
            | Self::AgentJoining { agent }
            | Self::AgentChecking { agent, .. }
            | Self::AgentFrozen { agent, .. }
            | Self::AgentThawed { agent, .. }
            | Self::AgentBlocked { agent, .. }
            | Self::AgentFailed { agent, .. }
            | Self::AgentStopped { agent, .. }
            | Self::AgentCompleted { agent, .. } => Some(agent),
            Self::AgentFreezeVerified(freeze) => Some(&freeze.agent),
            Self::AgentPreempted(preempted) => Some(&preempted.agent),
            Self::AgentProgress(report) => Some(&report.agent),
            Self::CheckQueued { place }
            | Self::CheckScheduled { place, .. }
            | Self::CheckStarted { place, .. }
            | Self::CheckEnded { place, .. }
            | Self::CheckTimeout { place, .. }
            | Self::CheckFrozen { place, .. }
            | Self::CheckThawed { place, .. }
            | Self::GatePassed { place, .. }
            | Self::GateFailed { place, .. } => place.agent.as_ref(),
            Self::ProcessTrouble(trouble) => trouble.agent.as_ref(),
            Self::AttentionRaised(raised) => raised.agent.as_ref(),
            Self::AttentionAnswered(answered) => answered.agent.as_ref(),
            Self::Work(work) => work.agent(),
            Self::Talk(talk) => talk.agent(),
            Self::Lease(lease) => Some(lease.agent()),
            Self::Memory(memory) => memory.agent(),
            Self::Measure(measure) => Some(measure.agent()),
            _ => None,
        }
    }

    /// Returns how urgent it is.
    #[must_use]
    pub fn level(&self) -> Level {
        match self {
            Self::RunDegraded { .. } => Level::Critical,
            Self::Work(work) => work.level(),
            Self::Talk(talk) => talk.level(),
            Self::Lease(lease) => lease.level(),
            Self::Memory(memory) => memory.level(),
            Self::Measure(measure) => measure.level(),
            Self::AgentProgress(report) => report.level(),
            Self::AgentFailed { .. }
            | Self::AgentBlocked { .. }
            | Self::GateFailed { .. }
            | Self::PhaseFailed { .. }
            | Self::CohortFailed { .. }
            | Self::AgentTimeout { .. }
            | Self::ProcessTrouble { .. }
            | Self::AttentionRaised(_)
            | Self::CheckTimeout { .. }
            | Self::RunStopped { .. } => Level::High,
            Self::ZoneChanged { to, halted, .. } => match to {
                _ if *halted => Level::Critical,
                Zone::Red => Level::High,
                _ => Level::Medium,
            },
            Self::RunStarted { .. }
            | Self::RunResumed { .. }
            | Self::RunFinished { .. }
            | Self::OperatorAction { .. }
            | Self::ModeChanged { .. }
            | Self::AgentRetrying { .. }
            | Self::AgentSkipped { .. }
            | Self::AgentFrozen { .. }
            | Self::AgentThawed { .. }
            | Self::AgentPreempted(_)
            | Self::AgentStopped { .. }
            | Self::AgentQuiet { .. }
            | Self::AttentionAnswered(_)
            | Self::CohortCompleted { .. }
            | Self::PhaseCompleted { .. } => Level::Medium,
            _ => Level::Low,
        }
    }
}

/// Returns whose process, check or gate an event tells of: the agent's id, else the phase's, else
/// the track, wave or run, else the program's own.
#[must_use]
pub fn whose<'a>(
    agent: Option<&'a AgentId>,
    phase: Option<&'a str>,
    cohort: Option<&'a str>,
) -> &'a str {
    let agent = agent.map(AgentId::as_str);
    agent.or(phase).or(cohort).unwrap_or("wavedeck")
}
