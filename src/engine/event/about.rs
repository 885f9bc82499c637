//! Whom an event is about, and how urgent it is.

use crate::plan::AgentId;

use super::{Event, Level, Zone};

impl Event {
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
            | Self::AgentFreezeVerified { agent, .. }
            | Self::AgentThawed { agent, .. }
            | Self::AgentBlocked { agent, .. }
            | Self::AgentFailed { agent, .. }
            | Self::AgentStopped { agent, .. }
            | Self::AgentCompleted { agent, .. } => Some(agent),
            Self::AgentProgress(report) => Some(&report.agent),
            Self::CheckQueued { place }
            | Self::CheckScheduled { place, .. }
            | Self::CheckStarted { place, .. }
            | Self::CheckEnded { place, .. }
            | Self::CheckTimeout { place, .. }
            | Self::CheckFrozen { place, .. }
            | Self::CheckThawed { place, .. }
            | Self::GatePassed { place }
            | Self::GateFailed { place, .. } => place.agent.as_ref(),
            Self::ProcessTrouble { agent, .. } => agent.as_ref(),
            _ => None,
        }
    }

    /// Returns how urgent it is.
    #[must_use]
    pub const fn level(&self) -> Level {
        match self {
            Self::RunDegraded { .. } => Level::Critical,
            Self::AgentProgress(report) => report.level(),
            Self::AgentFailed { .. }
            | Self::AgentBlocked { .. }
            | Self::GateFailed { .. }
            | Self::PhaseFailed { .. }
            | Self::AgentTimeout { .. }
            | Self::ProcessTrouble { .. }
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
            | Self::AgentStopped { .. }
            | Self::AgentQuiet { .. }
            | Self::PhaseCompleted { .. } => Level::Medium,
            _ => Level::Low,
        }
    }
}

/// Returns whose process, check or gate an event tells of: the agent's id, else the phase's.
#[must_use]
pub fn whose<'a>(agent: Option<&'a AgentId>, phase: Option<&'a str>) -> &'a str {
    agent.map(AgentId::as_str).or(phase).unwrap_or_default()
}
