//! What is known of events about work without looking into them.

use super::{Strategy, WorkEvent};
use crate::{engine::Level, plan::AgentId};

impl WorkEvent {
    /// Returns the contract's name of its kind.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Ready { .. } => "workspace.ready",
            Self::Collecting { .. } => "work.collecting",
            Self::Collected { .. } => "work.collected",
            Self::ScopeViolated { .. } => "scope.violated",
            Self::Merging { .. } => "agent.merging",
            Self::MergeStarted { .. } => "merge.started",
            Self::MergeTried { .. } => "merge.tried",
            Self::MergeCommanded { .. } => "merge.commanded",
            Self::MergeAdvancing { .. } => "merge.advancing",
            Self::MergeDone { .. } => "merge.done",
            Self::MergeFailed { .. } => "merge.failed",
            Self::Predicted { .. } => "conflict.predicted",
            Self::Withdrawn { .. } => "conflict.withdrawn",
            Self::ConflictDetected { .. } => "conflict.detected",
            Self::ConflictResolved { .. } => "conflict.resolved",
            Self::SyncStarted { .. } => "sync.started",
            Self::SyncCompleted { .. } => "sync.completed",
            Self::SyncFailed { .. } => "sync.failed",
            Self::Checkout { .. } => "integration.checkout",
            Self::CheckedOut { .. } => "integration.ready",
            Self::ContextUpdated { .. } => "context.updated",
            Self::HandoffChecking(_) => "handoff.checking",
            Self::HandoffChecked(_) => "handoff.checked",
            Self::HandoffReady { .. } => "handoff.ready",
            Self::Extended(_) => "plan.extended",
            Self::Added(_) => "agent.added",
            Self::RollbackStarted { .. } => "rollback.started",
            Self::RollbackDone { .. } => "rollback.done",
            Self::Delivering { .. } => "run.delivering",
            Self::Delivered { .. } => "run.delivered",
        }
    }

    /// Returns the agent that it is about.
    #[must_use]
    pub const fn agent(&self) -> Option<&AgentId> {
        match self {
            Self::Ready { agent, .. }
            | Self::Collecting { agent, .. }
            | Self::Collected { agent, .. }
            | Self::ScopeViolated { agent, .. }
            | Self::Merging { agent, .. }
            | Self::MergeStarted { agent, .. }
            | Self::MergeTried { agent, .. }
            | Self::MergeCommanded { agent, .. }
            | Self::MergeAdvancing { agent, .. }
            | Self::MergeDone { agent, .. }
            | Self::MergeFailed { agent, .. }
            | Self::Predicted { agent, .. }
            | Self::Withdrawn { agent, .. }
            | Self::ConflictDetected { agent, .. }
            | Self::ConflictResolved { agent, .. }
            | Self::ContextUpdated { agent, .. }
            | Self::HandoffReady { agent, .. } => Some(agent),
            Self::HandoffChecking(of) => Some(&of.agent),
            Self::HandoffChecked(of) => Some(&of.agent),
            Self::Added(of) => Some(&of.agent),
            Self::SyncStarted { .. }
            | Self::SyncCompleted { .. }
            | Self::SyncFailed { .. }
            | Self::Checkout { .. }
            | Self::CheckedOut { .. }
            | Self::Extended(_)
            | Self::RollbackStarted { .. }
            | Self::RollbackDone { .. }
            | Self::Delivering { .. }
            | Self::Delivered { .. } => None,
        }
    }

    /// Returns how urgent it is.
    #[must_use]
    pub const fn level(&self) -> Level {
        match self {
            Self::ConflictDetected {
                strategy: Strategy::AutomaticMerge,
                ..
            } => Level::Medium,
            Self::ScopeViolated { .. }
            | Self::ConflictDetected { .. }
            | Self::Predicted { critical: true, .. }
            | Self::RollbackStarted { .. } => Level::High,
            Self::Extended(_)
            | Self::MergeDone { .. }
            | Self::SyncFailed { .. }
            | Self::MergeFailed { .. }
            | Self::Predicted { .. }
            | Self::ConflictResolved { .. }
            | Self::ContextUpdated { .. }
            | Self::RollbackDone { .. }
            | Self::Delivered { .. } => Level::Medium,
            _ => Level::Low,
        }
    }
}
